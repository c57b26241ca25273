"""Zoom against Pillow, and a network with it as a SavedModel, whose photos have any size."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfcolor.models.zoom import Zoom
from tfcolor.recipe import Recipe
from tfcolor.serving import ServingModule
from tfcolor.tasks import System


@pytest.mark.parametrize("height, width", [(4, 6), (1, 5), (7, 1)])
def test_zoom_is_bilinear(height, width):
    image = np.random.default_rng(0).random((2, height, width, 1)).astype("float32")
    for ours, picture in zip(np.asarray(Zoom()(image)), image[..., 0], strict=True):
        theirs = Image.fromarray(picture).resize((2 * width, 2 * height), Image.Resampling.BILINEAR)
        np.testing.assert_allclose(ours[..., 0], theirs, atol=1e-6)
    assert Zoom()(keras.Input((None, 8, 1))).shape == (None, None, 16, 1)


def test_a_graph_knows_its_channels():
    """LiteRT has no convolution of an unknown number of them."""
    graph = tf.function(Zoom(), input_signature=[tf.TensorSpec([None, None, None, 3])]).get_concrete_function()
    assert graph.output_shapes.as_list() == [None, None, None, 3]


@pytest.mark.slow
def test_a_network_that_zooms_is_served():
    options = {"widths": [8, 8, 8, 8], "refine": True, "zoom": 2}
    fields = {"encoder_weights": "none", "encoder_options": {"alpha": 0.35}, "network_options": options}
    system = System(Recipe(task="yuv", **fields))
    gray = np.random.default_rng(0).integers(0, 256, (1, 33, 50)).astype("uint8")
    answer = ServingModule(system, 64).signatures()["predict"](gray=tf.constant(gray))["regression"]
    expected = system.model(gray[..., None] / np.float32(255))["regression"]
    assert answer.shape == (1, 33, 50, 2)
    np.testing.assert_allclose(answer, expected, atol=1e-5)
