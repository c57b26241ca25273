"""Label maps as indexed PNG: there and back, painted in elsewhere, and what is no label map."""

import json

import numpy as np
import pytest
from making import encoded, opened
from PIL import Image
from test_png import chunk, made, packed

from tfcolor.photo import PhotoError
from tfcolor.photo.label_maps import KEY, read_label_map, write_label_map

CLASSES = ["sky", "tree", "water"]
PALETTE = np.array([[143, 208, 255], [20, 105, 42], [31, 111, 214]], "uint8")


@pytest.fixture(scope="module")
def labels():
    """uint8 [30, 41] with every class and pixels without a label."""
    labels = np.random.default_rng(0).integers(0, 3, (30, 41)).astype("uint8")
    labels[:3, :5] = 255
    return labels


def read(data, size=(30, 41), classes=CLASSES, palette=PALETTE):
    return read_label_map(data, classes, palette, size)


def indexed(indices, palette, **settings):
    """An indexed PNG by Pillow, as another program might write it."""
    image = Image.fromarray(indices)
    image.putpalette(np.asarray(palette, "uint8").tobytes())
    return encoded(image, "PNG", **settings)


def with_names(data, names):
    """The file with the text chunk of its own, whatever stands in it."""
    return data[:33] + chunk(b"tEXt", KEY.encode() + b"\0" + names) + data[33:]


def test_there_and_back(labels):
    data = write_label_map(labels, CLASSES, PALETTE)
    found = read(data)
    assert found.dtype == "uint8"
    np.testing.assert_array_equal(found, labels)


def test_another_program_sees_the_colours_and_the_names(labels):
    image = opened(write_label_map(labels, CLASSES, PALETTE))
    assert image.mode == "P" and image.size == (41, 30)
    np.testing.assert_array_equal(np.asarray(image), labels)
    rgb = np.asarray(image.convert("RGB"))
    for index in range(3):
        assert (rgb[labels == index] == PALETTE[index]).all()
    assert not rgb[labels == 255].any()
    assert json.loads(image.text[KEY]) == {"sky": "#8fd0ff", "tree": "#14692a", "water": "#1f6fd6"}


def test_a_palette_sorted_anew_changes_nothing(labels):
    """Other indices, unused colours between them, no names and fewer bits: the colours say what is what."""
    order = {0: 3, 1: 0, 2: 2, 255: 1}
    other = np.vectorize(order.get)(labels).astype("uint8")
    palette = [PALETTE[1], (0, 0, 0), PALETTE[2], PALETTE[0], (1, 2, 3)]
    np.testing.assert_array_equal(read(indexed(other, palette)), labels)
    data = made(packed(other, 2), 41, 2, 3, chunk(b"PLTE", np.array(palette[:4], "uint8").tobytes()))
    np.testing.assert_array_equal(read(data), labels)


def test_names_in_the_file_stand_above_the_palette(labels):
    """A map of another set of labels, in other colours: what has the same name is the same."""
    data = write_label_map(labels, ["water", "sky", "tree"], 255 - PALETTE)
    expected = np.array([2, 0, 1], "uint8")
    np.testing.assert_array_equal(read(data)[labels != 255], expected[labels[labels != 255]])


def test_what_is_painted_in_elsewhere_comes_back(labels):
    image = opened(write_label_map(labels, CLASSES, PALETTE))
    image.paste(1, (10, 10, 20, 15))
    expected = labels.copy()
    expected[10:15, 10:20] = 1
    np.testing.assert_array_equal(read(encoded(image, "PNG")), expected)


def test_the_palette_of_the_merged_labels_fits():
    from tfcolor.data.labels import NAMES
    from tfcolor.data.labels import PALETTE as MERGED

    labels = np.arange(len(NAMES), dtype="uint8")[None]
    data = write_label_map(labels, NAMES, MERGED)
    np.testing.assert_array_equal(read(data, (1, len(NAMES)), NAMES, MERGED), labels)


RGB = np.zeros((30, 41, 3), "uint8")
INDICES = np.zeros((30, 41), "uint8")


@pytest.mark.parametrize(
    "data, said",
    [
        (encoded(RGB, "PNG"), "an RGB picture, where a label map has a palette: .*indexed PNG"),
        (encoded(np.dstack([RGB, RGB[..., :1]]), "PNG"), "an RGB picture"),
        (encoded(INDICES, "PNG"), "a gray picture, where a label map has a palette"),
        (encoded(RGB, "JPEG"), "not a PNG: a label map is an indexed PNG"),
        (b"", "not a PNG"),
        (indexed(INDICES[:, :40], PALETTE), "a label map of 40 x 30 pixels for a photo of 41 x 30: keep the size"),
        (indexed(INDICES.T, PALETTE), "30 x 41 pixels for a photo of 41 x 30"),
        (made([b"\0"], 1 << 30, 8, 3), "1073741824 x 1 pixels"),
        (indexed(INDICES, [(9, 8, 7)]), "index 0, #090807, is none of the classes here: those are sky, tree, water"),
        (made([b"\0" + b"\5" * 41] * 30, 41, 8, 3, chunk(b"PLTE", bytes(3))), "index 5, without colour, is none"),
        (write_label_map(INDICES, ["sofa", "sky"], PALETTE[:2]), "its class 'sofa' is none of the classes here"),
        (indexed(INDICES, PALETTE)[:-30], "damaged PNG"),
        (indexed(INDICES, PALETTE)[:20], "header is damaged"),
        (made([b"\0" + bytes(41)] * 7, 41, 8, 3, chunk(b"PLTE", PALETTE.tobytes())), "7 pixels for a photo"),
        (indexed(INDICES, PALETTE).replace(PALETTE.tobytes(), PALETTE[::-1].tobytes()), "damaged PNG .*'PLTE'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_label_map_of_this_photo(data, said):
    with pytest.raises(PhotoError, match=said):
        read(data)


@pytest.mark.parametrize("names", [b"", b"{", b"[1]", b'{"sky": 3}', b'{"sky": "blue"}', b"[" * 100_000, b"\xff"])
def test_names_that_cannot_be_read_are_left_to_the_palette(names, labels):
    other = np.where(labels == 255, 3, labels).astype("uint8")
    data = with_names(indexed(other, [*PALETTE, (0, 0, 0)]), names)
    np.testing.assert_array_equal(read(data), labels)


@pytest.mark.parametrize(
    "value, classes, palette, said",
    [
        (3, CLASSES, PALETTE, "label 3 in a map of 3 classes; from 0, and 255 for no label"),
        (0, CLASSES, PALETTE[[0, 1, 1]], "each in its own colour"),
        (0, CLASSES, PALETTE * 0, "none in black"),
        (0, CLASSES[:2], PALETTE, "longer|shorter"),
    ],
)
def test_what_cannot_be_written(value, classes, palette, said):
    with pytest.raises(ValueError, match=said):
        write_label_map(np.full((2, 2), value, "uint8"), classes, palette)
