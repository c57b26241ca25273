"""Flips and crops of photo and mask together, by keras-cv."""

import tensorflow as tf


def random_crop_and_flip(size, crop_area, seed, crop_aspect, flip=True):
    """A function of one example: a random part of the photo at `size` x `size`, half the time mirrored, and its mask.

    Args:
        size: side of the answer in pixels.
        crop_area: (smallest, largest) share of the photo that is kept.
        seed: of this epoch; the layers keep a state, so they are made anew for each epoch and mapped one by one.
        crop_aspect: (smallest, largest) width of a crop as a share of the photo's, to its height as one.
        flip: mirror left to right.

    Returns:
        {"image": uint8 [h, w, 3], "mask": uint8 [h, w, 1]} -> the same at [size, size]; masks by nearest neighbour.
    """
    import keras_cv

    # In float32 whatever the network's precision is.
    crop = keras_cv.layers.RandomCropAndResize(
        (size, size), crop_area_factor=crop_area, aspect_ratio_factor=crop_aspect, seed=seed, dtype="float32"
    )
    mirror = keras_cv.layers.RandomFlip("horizontal", seed=seed + 1, dtype="float32")
    steps = [mirror, crop] if flip else [crop]

    def augment(example):
        pair = {
            "images": tf.cast(example["image"], "float32"),
            "segmentation_masks": tf.cast(example["mask"], "float32"),
        }
        for step in steps:
            pair = step(pair, training=True)
        return example | {
            "image": tf.cast(tf.round(pair["images"]), "uint8"),
            "mask": tf.cast(pair["segmentation_masks"], "uint8"),
        }

    return augment


def whole_photo(size):
    """A function of one example: the whole photo stretched to `size` x `size` (antialiased), its mask by nearest."""

    def resize(example):
        image = tf.image.resize(tf.cast(example["image"], "float32"), (size, size), antialias=True)
        return example | {
            "image": tf.cast(tf.clip_by_value(tf.round(image), 0.0, 255.0), "uint8"),
            "mask": tf.image.resize(example["mask"], (size, size), method="nearest"),
        }

    return resize
