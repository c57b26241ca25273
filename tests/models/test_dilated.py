"""The dilated network: its layers, parameters and shapes are those of Zhang et al."""

import keras
import numpy as np
import pytest
from keras import layers

from tfcolor.color.ab_bins import BINS
from tfcolor.heads.ab_bins import AbBins
from tfcolor.models.dilated import dilated


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    gray = keras.Input((None, None, 1))
    features = dilated(gray)
    return keras.Model(gray, features | {"logits": AbBins().build(features)})


def of_type(model, kind):
    return [layer for layer in model.layers if type(layer) is kind]


def test_convolutions_by_block(model):
    convolutions = [layer for layer in model.layers if layer.name.startswith("conv")]
    blocks = [sum(layer.name.startswith(f"conv{block}_") for layer in convolutions) for block in range(1, 9)]
    assert blocks == [2, 2, 3, 3, 3, 3, 3, 3]
    widths = {layer.name[4]: layer.filters for layer in convolutions}
    assert list(widths.values()) == [64, 128, 256, 512, 512, 512, 512, 256]
    assert {layer.name for layer in of_type(model, layers.Conv2D) if layer.strides == (2, 2)} == {
        "conv1_2",
        "conv2_2",
        "conv3_3",
    }
    dilated_layers = {layer.name[:5] for layer in of_type(model, layers.Conv2D) if layer.dilation_rate == (2, 2)}
    assert dilated_layers == {"conv5", "conv6"}
    assert len(of_type(model, layers.BatchNormalization)) == 7
    assert [layer.kernel_size for layer in of_type(model, layers.Conv2DTranspose)] == [(4, 4)]


def test_parameters_by_hand(model):
    def convolution(inputs, outputs, kernel=9):
        return kernel * inputs * outputs + outputs

    expected = convolution(1, 64) + convolution(64, 64) + convolution(64, 128) + convolution(128, 128)
    expected += convolution(128, 256) + 2 * convolution(256, 256)
    expected += convolution(256, 512) + 11 * convolution(512, 512)
    expected += convolution(512, 256, kernel=16) + 2 * convolution(256, 256)
    expected += 4 * (64 + 128 + 256 + 4 * 512)  # batch normalisation: scale, offset, mean, variance
    expected += convolution(256, BINS, kernel=1)
    assert model.count_params() == expected


def test_shapes(model):
    features = model(np.zeros((1, 32, 64, 1), "float32"))
    assert {key: tuple(value.shape) for key, value in features.items()} == {
        "encoder": (1, 4, 8, 512),
        8: (1, 4, 8, 512),
        4: (1, 8, 16, 256),
        "logits": (1, 8, 16, 313),
    }


def test_a_pixel_reaches_far(model):
    gray = np.random.default_rng(0).random((1, 96, 96, 1)).astype("float32")
    other = gray.copy()
    other[0, 48, 48] = 1 - other[0, 48, 48]
    change = np.abs(model(gray)[4] - model(other)[4]).max(axis=-1)[0]
    rows = np.flatnonzero(change.max(axis=1))
    assert rows.min() == 0 and rows.max() == 23  # half the photo and more: 96 px either way
