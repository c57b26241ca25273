"""train/data/pets_self.py: what three networks say of a pixel becomes its label, or none."""

import pathlib
import runpy

import numpy as np
import tensorflow as tf

from tfcolor.data.sources import NO_LABEL

SCRIPT = runpy.run_path(str(pathlib.Path(__file__).parents[2] / "train" / "data" / "pets_self.py"))
PET, BACKGROUND, BORDER = (SCRIPT[name] for name in ("PET", "BACKGROUND", "BORDER"))


def network(border, sure=0.9):
    """Sees a pet in the middle half, with a border of so many pixels around it; the rest is background."""
    classes = np.full((128, 128), BACKGROUND)
    classes[32 - border : 96 + border, 32 - border : 96 + border] = BORDER
    classes[32:96, 32:96] = PET
    probabilities = np.where(np.eye(3)[classes - 1] > 0, sure, (1 - sure) / 2).astype("float32")
    return lambda gray: tf.constant(probabilities[None])


def labelled(*networks):
    return SCRIPT["labelled"](np.zeros((128, 128, 3), "uint8"), networks)


def test_borders_are_as_wide_as_the_soft_network_says():
    found = labelled(network(2), network(2), network(6))
    assert set(found[64, :26]) == {BACKGROUND} and set(found[64, 26:32]) == {BORDER} and set(found[64, 32:96]) == {PET}


def test_a_border_far_from_an_outline_is_unknown():
    found = labelled(network(2), network(2), network(20))
    assert found[64, 14] == NO_LABEL and found[64, 30] == BORDER


def test_where_they_are_not_sure_nothing_is_known():
    assert set(np.unique(labelled(network(0, 0.5), network(0, 0.5), network(0)))) == {NO_LABEL}
