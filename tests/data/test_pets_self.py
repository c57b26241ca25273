"""train/data/pets_self.py: what a network says of a pixel becomes its label, or none."""

import pathlib
import runpy

import numpy as np
import pytest

from tfcolor.data.sources import NO_LABEL

SCRIPT = runpy.run_path(str(pathlib.Path(__file__).parents[2] / "train" / "data" / "pets_self.py"))
PET, BACKGROUND, BORDER = (SCRIPT[name] for name in ("PET", "BACKGROUND", "BORDER"))


class Network:
    """Sees a pet in the middle half, with a border of 8 pixels around it; each class as surely as it is told."""

    def __init__(self, pet=0.9, background=0.9, border=0.9):
        self.sure = {PET: pet, BACKGROUND: background, BORDER: border}

    def predict(self, gray):
        assert gray.shape == (1, 128, 128) and gray.dtype == np.uint8
        classes = np.full((128, 128), BACKGROUND)
        classes[24:104, 24:104] = BORDER
        classes[32:96, 32:96] = PET
        sure = np.vectorize(self.sure.get)(classes)[..., None]
        return {"segmentation": np.log(np.where(np.eye(3)[classes - 1] > 0, sure, (1 - sure) / 2))[None]}


def labelled(network, shape=(128, 128)):
    return SCRIPT["labelled"](np.zeros((*shape, 3), "uint8"), network)


def test_what_is_sure_is_a_label_at_the_photos_own_size():
    found = labelled(Network(), (256, 192))
    assert found.shape == (256, 192) and found.dtype == np.uint8
    assert (
        set(found[128, :34]) == {BACKGROUND} and set(found[128, 38:46]) == {BORDER} and set(found[128, 50:142]) == {PET}
    )


@pytest.mark.parametrize("sure, known", [(0.5, {BORDER}), (0.4, set())])
def test_a_border_needs_less_than_the_others(sure, known):
    assert set(np.unique(labelled(Network(sure, sure, sure)))) == known | {NO_LABEL}


def test_what_a_mask_shows():
    pet, background, other = SCRIPT["seen"](
        np.array([1, 2, 3, 255]), ["pet", "other", "background", "border"], "animals_pseudo"
    )
    assert (pet.tolist(), background.tolist(), other.tolist()) == ([1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0])
    pet, background, other = SCRIPT["seen"](np.array([0, 1, 2, 255]), ["grass", "cat", "dog"], "msrc")
    assert (pet.tolist(), background.tolist(), other.any()) == ([0, 1, 1, 0], [1, 0, 0, 0], False)
