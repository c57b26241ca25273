"""The merged labels: every class of every source is there, and masks say the same as before under other names."""

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from tfcolor.data.labels import LABELS, NAMES, NO_LABEL, PALETTE, SOURCES, lookup, merge, words
from tfcolor.data.sources import open_source

OURS = ["msrc", "camvid", "coco_stuff_sample", "pets_sample", "ccp", "labelmefacade", "faces"]
WANTED = "sky grass tree water building road skin cloth hair person cat dog car flower".split()


def classes_of(source):
    """The classes that SOURCES names for a source, each as often as it stands there."""
    return [name for classes in SOURCES[source].values() for name in classes.split(", ")]


@pytest.mark.parametrize("source", OURS)
def test_every_class_of_a_source_is_mapped_or_ignored_once(source, shared):
    """Against the list of classes that lies beside the records."""
    (path,) = (shared / "data" / source).glob("*/segmentation_classes.txt")
    theirs = [line.split(maxsplit=1)[1].strip() for line in path.read_text("utf-8").splitlines()]
    assert sorted(classes_of(source)) == sorted(theirs)


def test_all_of_coco_stuff_is_mapped():
    from tfcolor.data.builders.coco_stuff import CLASSES

    assert sorted(classes_of("coco_stuff")) == sorted(CLASSES)
    assert lookup("coco_stuff", CLASSES)[0][CLASSES.index("clouds")] == NAMES.index("sky")


def test_only_labels_that_there_are_and_each_of_them():
    used = {label for source in SOURCES.values() for label in source} - {None, "pet"}
    assert used == set(LABELS)
    assert set(WANTED) <= used


def test_colours_are_told_apart():
    assert PALETTE.shape == (len(NAMES), 3) and len(NAMES) < NO_LABEL
    assert PALETTE[NAMES.index("snow")].tolist() == [0xF2, 0xF7, 0xFA]
    lab = rgb2lab(PALETTE[None] / 255.0)[0]
    distance = deltaE_ciede2000(lab[:, None], lab[None])
    assert (distance + 99 * np.eye(len(NAMES))).min() > 10
    assert deltaE_ciede2000(lab, np.zeros_like(lab)).min() > 10  # from black, which is no label


def test_a_mask_in_other_words():
    table = lookup("labelmefacade", ["building", "car", "window", "various"])
    merged = merge(np.array([[0, 1, 2], [3, 255, 2]], "uint8"), table)
    building = NAMES.index("building")
    assert merged.dtype == "uint8"
    np.testing.assert_array_equal(merged, [[building, NAMES.index("car"), building], [255, 255, building]])


def test_a_pet_is_what_its_breed_is():
    table = lookup("pets_sample", ["pet", "background", "border"], ["beagle", "Siamese", "pug"])
    mask = np.array([0, 1, 2, 255], "uint8")
    for label, name in ((0, "dog"), (1, "cat"), (2, "dog")):
        assert merge(mask, table, label).tolist() == [NAMES.index(name), 255, 255, 255]
    assert merge(mask, table).tolist() == [255] * 4  # a breed that is not known


def test_every_breed_is_a_cat_or_a_dog(shared):
    """TFDS writes the cats' breeds with a capital letter."""
    info = open_source("pets_sample", "test", data_dir=shared / "data").info
    found = lookup("pets_sample", info.classes, info.labels)[: len(info.labels), info.classes.index("pet")]
    expected = ["cat" if breed[0].isupper() else "dog" for breed in info.labels]
    assert [NAMES[index] for index in found] == expected


@pytest.mark.parametrize("source", ["msrc", "pets_sample"])
def test_masks_of_real_photos_keep_their_pixels(source, shared):
    opened = open_source(source, "test", data_dir=shared / "data")
    table = lookup(source, opened.info.classes, opened.info.labels)
    for example in opened.dataset.take(20).as_numpy_iterator():
        label = int(example.get("label", -1))
        merged = merge(example["mask"], table, label)
        for index, name in enumerate(opened.info.classes):
            expected = {"face": "skin", "body": "person", "chair": "furniture", "horse": "animal"}.get(name, name)
            if source == "pets_sample":
                expected = {"pet": "cat" if opened.info.labels[label][0].isupper() else "dog"}.get(name)
            index_of = NAMES.index(expected) if expected else NO_LABEL
            assert (merged[example["mask"] == index] == index_of).all()
        assert (merged[example["mask"] == NO_LABEL] == NO_LABEL).all()


def test_words_to_search_by():
    assert {"sky", "clouds", "fog"} <= set(words("sky")) and "horse" in words("animal")
    assert words("cat") == ["cat"] and "thing" in words("thing")


@pytest.mark.parametrize(
    "source, classes, said",
    [
        ("cifar10", ["cat"], "no label is known for the classes of 'cifar10'; there are msrc, camvid"),
        ("msrc", ["sky", "unicorn"], "msrc: class 'unicorn' has no label yet"),
        ("pets_sample", ["pet"], "only its photos' labels say which"),
    ],
)
def test_what_is_not_mapped_is_named(source, classes, said):
    with pytest.raises(ValueError, match=said):
        lookup(source, classes)
