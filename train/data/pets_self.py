"""Makes `pets_self`: outlines by networks of ours, for `pets_multitask`. Run card: ../pets_multitask.md.

    python train/data/pets_self.py FINE FINE SOFT --data-dir DATA

FINE are run folders whose outlines are good, SOFT is one whose borders are as wide as Oxford's; all answer pet,
background and border. They look at `pets_pseudo`, the dogs and cats with a VOC teacher's outlines, and at those of
msrc. The validation photos of `pets_sample` come too, with their own masks: photos to train with, never to measure on.
SciPy is needed (`pip install -e '.[test]'`).
"""

import argparse
import pathlib

import numpy as np
import tensorflow as tf
from scipy.ndimage import binary_dilation

from tfcolor.data.sources import NO_LABEL, decode, open_source
from tfcolor.data.teachers import store_examples
from tfcolor.trainer import load_run
from tfcolor.views import look

PET, BACKGROUND, BORDER = 1, 2, 3
SIZE = 128  # what the networks were trained at
SURE = 0.6  # a pixel is labelled where the FINE give its class more than this
NO_BORDER = 0.3  # and where neither they nor SOFT take it for a border by this
# A pixel may be a border where SOFT says so by the first, or the FINE find it the likeliest. It is one where the mean
# of both, the FINE counted as NO_BORDER at the least, is above the second.
A_BORDER, BORDER_OF_BOTH = 0.45, 0.38
REACH = {PET: 6, BACKGROUND: 6, BORDER: 8}  # pixels: so near to an outline of the FINE
LEAST = 0.05  # of a photo of msrc that cats and dogs cover


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fine", nargs=2)
    parser.add_argument("soft")
    parser.add_argument("--data-dir", required=True)
    options = parser.parse_args()
    networks = [_network(run) for run in (*options.fine, options.soft)]
    store_examples(
        pathlib.Path(options.data_dir) / "pets_self",
        "train",
        enumerate(_examples(networks, options.data_dir)),
        ["pet", "background", "border"],
        "Dogs and cats with outlines by networks of ours: to train with, never to test on.",
    )


def _examples(networks, data_dir):
    for name, split in (("pets_pseudo", "train"), ("msrc", "train"), ("pets_sample", "validation")):
        source = open_source(name, split, data_dir=data_dir)
        for example in source.encoded:
            photo = decode({"image": example["image"], "mask": example["mask"]})
            image, mask = photo["image"].numpy(), photo["mask"].numpy()[..., 0]
            if name != "pets_sample":
                pet = mask == PET
                background = mask == BACKGROUND
                if name == "msrc":
                    pet = np.isin(mask, [source.info.classes.index(animal) for animal in ("cat", "dog")])
                    background = (mask != NO_LABEL) & ~pet
                    if pet.mean() < LEAST:
                        continue
                mask = labelled(image, networks)
                mask[(pet & (mask == BACKGROUND)) | (background & (mask == PET))] = NO_LABEL
            file_name = f"{name}/{example['name'].numpy().decode()}"
            yield {"image": example["image"].numpy(), "file_name": file_name, "segmentation_mask": mask[..., None]}


def labelled(image, networks):
    """uint8 [H, W, 3] -> classes, uint8 [H, W]; `NO_LABEL` where the networks do not agree.

    A border is where SOFT sees one, near an outline of the FINE, or where both do.
    """
    gray = tf.image.rgb_to_grayscale(tf.image.resize(tf.cast(image[None], "float32"), (SIZE, SIZE), antialias=True))
    gray = tf.clip_by_value(gray / 255.0, 0.0, 1.0)
    *fine, soft = [tf.image.resize(network(gray), image.shape[:2])[0].numpy() for network in networks]
    fine = sum(fine) / len(fine)
    is_fine, is_soft = fine.argmax(-1) + 1, soft.argmax(-1) + 1
    fine_border, soft_border = fine[..., BORDER - 1], soft[..., BORDER - 1]

    agreed = (is_fine == is_soft) & (fine.max(-1) > SURE) & (fine_border < NO_BORDER) & (soft_border < NO_BORDER)
    found = np.where(agreed, is_fine, NO_LABEL).astype("uint8")
    near = {one: binary_dilation(is_fine == one, iterations=reach) for one, reach in REACH.items()}
    may_be = ((soft_border > A_BORDER) | (is_fine == BORDER)) & (near[BORDER] | (near[PET] & near[BACKGROUND]))
    found[may_be & ((soft_border + np.maximum(fine_border, NO_BORDER)) / 2 > BORDER_OF_BOTH)] = BORDER
    return found


def _network(run):
    system = load_run(run, "last.weights.h5")

    def segment(gray):
        return tf.nn.softmax(look(system, gray, None, (-1.0,))["segmentation"])

    return tf.function(segment, autograph=False, reduce_retracing=True)


if __name__ == "__main__":
    main()
