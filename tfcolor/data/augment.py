"""Flips, rotations and crops of photo and mask together, by keras-cv."""

import tensorflow as tf


def random_crop_and_flip(size, crop_area, seed, crop_aspect, rotation=0.0):
    """Two functions of one example: what is drawn for it, and a random part of it, half the time mirrored.

    Args:
        size: side of the answer in pixels.
        crop_area: (smallest, largest) share of the photo that is kept.
        seed: of this epoch; the layers keep a state, so they are made anew for each epoch.
        crop_aspect: (smallest, largest) width of a crop as a share of the photo's, to its height as one.
        rotation: most degrees that the photo is rotated by, either way, before it is cropped. What comes in at its
            corners is the photo itself, mirrored at its edges.

    Returns:
        (draw, change). `draw` adds "flip", "box" and, where photos are rotated, "angle" to an example, whatever it
        holds; it is mapped one by one, over every example of the epoch in order, as the layers go on drawing. `change`
        takes them again: {"image": uint8 [h, w, 3], "mask": uint8 [h, w, 1]} -> the same at [size, size]; masks by
        nearest neighbour.
    """
    import keras_cv

    # In float32 whatever the network's precision is.
    crop = keras_cv.layers.RandomCropAndResize(
        (size, size), crop_area_factor=crop_area, aspect_ratio_factor=crop_aspect, seed=seed, dtype="float32"
    )
    rotate, rotate_mask = (
        keras_cv.layers.RandomRotation(rotation / 360, interpolation=kind, seed=seed + 2, dtype="float32")
        for kind in ("bilinear", "nearest")
    )
    mirror = keras_cv.layers.RandomFlip("horizontal", seed=seed + 1, dtype="float32")

    def draw(example):
        drawn = {"flip": mirror.get_random_transformation_batch(1), "box": crop.get_random_transformation()}
        return example | drawn | ({"angle": rotate.get_random_transformation_batch(1)} if rotation else {})

    def change(example):
        flip, box = example.pop("flip"), example.pop("box")
        image = mirror.augment_images(tf.cast(example["image"], "float32")[None], flip)
        mask = mirror.augment_segmentation_masks(tf.cast(example["mask"], "float32")[None], flip)
        if rotation:
            angle = example.pop("angle")
            image, mask = rotate.augment_images(image, angle), rotate_mask.augment_images(mask, angle)
        return example | {
            "image": tf.cast(tf.round(crop.augment_image(image[0], box)), "uint8"),
            "mask": tf.cast(crop.augment_segmentation_mask(mask[0], box), "uint8"),
        }

    return draw, change


def whole_photo(size):
    """A function of one example: the whole photo stretched to `size` x `size` (antialiased), its mask by nearest."""

    def resize(example):
        image = tf.image.resize(tf.cast(example["image"], "float32"), (size, size), antialias=True)
        return example | {
            "image": tf.cast(tf.clip_by_value(tf.round(image), 0.0, 255.0), "uint8"),
            "mask": tf.image.resize(example["mask"], (size, size), method="nearest"),
        }

    return resize
