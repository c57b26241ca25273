"""Makes `pets_self`: outlines by a network of ours, for `pets_multitask`. Run card: ../pets_multitask.md.

    python train/data/pets_self.py pets_multitask --data-dir DATA

The model looks at `animals_pseudo`, which holds the dogs and cats with a VOC teacher's outlines, and at those of msrc.
The validation photos of `pets_sample` come too, with their own masks: photos to train with, never to measure on.
"""

import argparse
import pathlib

import numpy as np
import tensorflow as tf

from tfcolor.colorizer import Colorizer
from tfcolor.data.sources import NO_LABEL, decode, open_source
from tfcolor.data.teachers import store_examples
from tfcolor.evaluate import stretch, to_gray

PET, BACKGROUND, BORDER = 1, 2, 3
SIZE = 128  # what the model was trained at
SURE, SURE_OF_BORDER = 0.6, 0.45  # a pixel is labelled where its likeliest class has more than this
LEAST = 0.05  # of a photo that cats and dogs cover
OTHERS = 0.02  # of a photo, at the most, that other animals cover


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a model by name or folder that answers pet, background, border")
    parser.add_argument("--data-dir", required=True)
    options = parser.parse_args()
    store_examples(
        pathlib.Path(options.data_dir) / "pets_self",
        "train",
        enumerate(_examples(Colorizer.load(options.model), options.data_dir)),
        ["pet", "background", "border"],
        "Dogs and cats with outlines by a network of ours: to train with, never to test on.",
    )


def _examples(model, data_dir):
    for name, split in (("animals_pseudo", "train"), ("msrc", "train"), ("pets_sample", "validation")):
        source = open_source(name, split, data_dir=data_dir)
        for example in source.encoded:
            photo = decode({"image": example["image"], "mask": example["mask"]})
            image, mask = photo["image"].numpy(), photo["mask"].numpy()[..., 0]
            if name != "pets_sample":
                pet, background, other = seen(mask, source.info.classes, name)
                if pet.mean() < LEAST or other.mean() > OTHERS:
                    continue
                mask = labelled(image, model)
                mask[(pet & (mask == BACKGROUND)) | (background & (mask == PET))] = NO_LABEL
            file_name = f"{name}/{example['name'].numpy().decode()}"
            yield {"image": example["image"].numpy(), "file_name": file_name, "segmentation_mask": mask[..., None]}


def seen(mask, classes, name):
    """Where a mask of `animals_pseudo` or msrc shows a cat or a dog, surely neither, and another animal of VOC's."""
    if name == "msrc":
        pet = np.isin(mask, [classes.index(animal) for animal in ("cat", "dog")])
        return pet, (mask != NO_LABEL) & ~pet, np.zeros_like(pet)
    pet, other, background = (mask == 1 + classes.index(one) for one in ("pet", "other", "background"))
    return pet, background, other


def labelled(image, model):
    """uint8 [H, W, 3] -> the classes that the model is sure of, uint8 [H, W]; `NO_LABEL` elsewhere."""
    scores = model.predict(to_gray(stretch(image, SIZE))[None])["segmentation"]
    probabilities = tf.image.resize(tf.nn.softmax(scores), image.shape[:2])[0].numpy()
    likeliest = probabilities.argmax(-1) + 1
    sure = np.where(likeliest == BORDER, SURE_OF_BORDER, SURE)
    return np.where(probabilities.max(-1) > sure, likeliest, NO_LABEL).astype("uint8")


if __name__ == "__main__":
    main()
