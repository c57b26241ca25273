"""What ships: every model loads, colours, segments where it says so, and fits the sizes that DESIGN gives."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfcolor.colorizer import LITERT, Colorizer, find_model, functions_of, read_card, shipped_models
from tfcolor.export import WARMUP

NAMES = sorted(shipped_models())
LARGEST, LARGEST_TOGETHER = 25, 80  # MB
OF_TWO_NETWORKS = {"semantic_driven": 26.5}
EXAMPLE = pathlib.Path(__file__).parents[1] / "docs" / "images" / "chelsea_gray.jpg"


def size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_they_are_small_enough_to_clone():
    sizes = {name: size(folder) / 1e6 for name, folder in shipped_models().items()}
    assert all(megabytes <= OF_TWO_NETWORKS.get(name, LARGEST) for name, megabytes in sizes.items()), sizes
    assert sum(sizes.values()) <= LARGEST_TOGETHER, sizes


@pytest.mark.parametrize("name", NAMES)
def test_the_card_says_what_the_package_needs(name):
    folder = find_model(name)
    card = read_card(folder)
    assert card["name"] == name and card["version"] == folder.name
    # What `start=NAME`, LiteRT and TensorFlow Serving's first request want: exports of an older tfcolor lack them.
    assert card["recipe"]["task"] == card["task"]
    assert all((folder / LITERT.format(key)).is_file() for key in functions_of(card))
    assert (folder / WARMUP).is_file()
    assert (folder.parent / "README.md").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_colours_and_segments_a_photo(name):
    model = Colorizer.load(name, "tensorflow")
    with Image.open(EXAMPLE) as image:
        photo = np.asarray(image.convert("L"))
    coloured = model.colorize(photo)
    assert coloured.shape == (*photo.shape, 3)
    assert np.ptp(coloured.astype(int), axis=-1).mean() > 5  # a ginger cat
    if model.segments:
        found = model.segment(photo[None, ::4, ::4])[0]
        assert model.classes[np.bincount(found[20:60, 30:80].ravel()).argmax()] in ("pet", "animal", "cat")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_it_serves_refuses_a_file_that_is_no_photo_in_words(name):
    serve = tf.saved_model.load(str(find_model(name))).signatures["serving_default"]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"image_bytes\[0\] is no JPEG, PNG or BMP"):
        serve(image_bytes=tf.constant([b"nonsense"]))
