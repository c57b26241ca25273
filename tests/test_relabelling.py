"""Relabelling: what is chosen, and that a model which obeys its map differs where it was changed, and nowhere else."""

import types

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from tfcolor.data.labels import KINDRED, LABELS, NAMES, kindred
from tfcolor.photo import merge
from tfcolor.relabelling import measure_edits, relabelled

GRASS, SKY, CAR, DOG = map(NAMES.index, ("grass", "sky", "car", "dog"))


def halves(left, right):
    labels = np.full((20, 20), left, "uint8")
    labels[:, 12:] = right
    return labels


def test_one_region_becomes_something_that_it_might_be():
    labels = halves(GRASS, DOG)
    chosen = set()
    for seed in range(40):
        changed = relabelled(labels, NAMES, np.random.default_rng(seed))
        (old,), (new,) = np.unique(labels[changed != labels]), np.unique(changed[changed != labels])
        assert ((changed != labels) == (labels == old)).all()
        assert any({NAMES[old], NAMES[new]} <= set(names) for names in KINDRED)
        chosen.add((NAMES[old], NAMES[new]))
    assert {old for old, _ in chosen} == {"grass", "dog"} and len(chosen) > 6
    again = [relabelled(labels, NAMES, np.random.default_rng(7)) for _ in range(2)]
    np.testing.assert_array_equal(*again)


def test_too_little_too_much_and_nothing_known_stay():
    labels = np.full((20, 20), GRASS, "uint8")
    labels[0, :7] = SKY  # 1.75 %
    labels[-1] = 255
    assert relabelled(labels, NAMES, np.random.default_rng(0)) is None


def test_every_label_has_kin_and_other_classes_have_each_other():
    assert {name for names in KINDRED for name in names} == set(LABELS)
    assert "water" in kindred("sky", NAMES) and "car" not in kindred("sky", NAMES)
    assert kindred("face", ["face", "body", "sky"]) == ["body", "sky"]
    assert kindred("sky", ["sky", "car"]) == ["car"]


class Obedient:
    """Each label has a colour of its own; `spill` of it goes everywhere."""

    classes = NAMES

    def __init__(self, spill=0.0):
        self.spill = spill

    def chroma(self, gray, labels, saturation=1.0):
        angle = labels / len(NAMES) * 2 * np.pi
        chroma = 0.1 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        return (saturation * ((1 - self.spill) * chroma + self.spill * chroma.mean((0, 1)))).astype("float32")


def test_inside_and_outside():
    """Against scikit-image's CIEDE2000, for the very regions that the seed gives."""
    maps = [halves(GRASS, DOG), np.full((20, 20), SKY, "uint8"), halves(CAR, SKY), halves(SKY, GRASS)]
    photos = [types.SimpleNamespace(gray=np.full((20, 20), 100 + 10 * k, "uint8"), mask=m) for k, m in enumerate(maps)]

    def given(row, grays, batch):
        return batch[0].mask[None]

    models = {"obeys": Obedient(), "spills": Obedient(0.5)}
    table = measure_edits(models, given, photos, 2, {"saturation": 0.9}, 100, seed=3)
    rows = table.rows()
    assert rows["obeys"]["edit_outside"]["mean"] == 0 < rows["spills"]["edit_outside"]["mean"]
    assert table.photos("obeys") == 2  # of the first and the third: the second has no part to relabel
    inside = []
    for number in (0, 2):
        photo = photos[number]
        changed = relabelled(photo.mask, NAMES, np.random.default_rng([3, number]))
        pictures = [merge(photo.gray, Obedient().chroma(None, m, 0.9), (20, 20)) for m in (photo.mask, changed)]
        difference = deltaE_ciede2000(*(rgb2lab(picture) for picture in pictures))
        inside.append(difference[changed != photo.mask].mean())
    assert rows["obeys"]["edit_inside"]["mean"] == pytest.approx(np.mean(inside), rel=1e-3) and min(inside) > 1
