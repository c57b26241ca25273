"""GridNet: rows, columns, parameters and the ways through the grid are those of the description."""

import keras
import numpy as np
import pytest
from keras import layers

from tfcolor.models.gridnet import gridnet


def build(**options):
    gray = keras.Input((None, None, 1))
    return keras.Model(gray, gridnet(gray, **options))


@pytest.fixture(scope="module")
def published():
    return build()


def test_parameters_by_hand(published):
    """Each block counted from the description: a convolution of 3x3 with biases, BatchNormalization of 4 a channel."""
    widths = [16, 32, 64, 128, 256]
    pairs = list(zip(widths, widths[1:], strict=False))
    residual = sum(2 * (4 * w + 9 * w * w + w) for w in widths)
    down = sum(4 * fine + 9 * fine * coarse + coarse for fine, coarse in pairs)
    up = sum(4 * coarse + 9 * coarse * fine + fine for fine, coarse in pairs)
    into = 9 * 1 * 16 + 16
    out = 4 * 16
    assert published.count_params() == into + 5 * residual + 3 * down + 3 * up + out == 10_242_544


def test_shapes(published):
    features = published(np.zeros((2, 32, 48, 1), "float32"))
    assert {key: tuple(value.shape) for key, value in features.items()} == {
        "encoder": (2, 2, 3, 256),
        1: (2, 32, 48, 16),
    }


def test_features_have_both_signs(published):
    """A ReLU before a head that starts at zero would leave it stuck at the commonest class."""
    features = np.asarray(published(np.random.default_rng(0).random((1, 32, 48, 1)).astype("float32"))[1])
    assert (features.min(axis=(0, 1, 2)) < 0).all() and (features.max(axis=(0, 1, 2)) > 0).all()


def test_rows_and_columns(published):
    """In each row five residual blocks at its width; three columns of four steps down, three of four steps up."""
    for row, width in enumerate([16, 32, 64, 128, 256], start=1):
        blocks = [layer for layer in published.layers if layer.name.startswith(f"row{row}_") and "_block" in layer.name]
        assert [layer.output.shape[-1] for layer in blocks] == [width] * 5
    steps = [layer for layer in published.layers if getattr(layer, "strides", None) == (2, 2)]
    down = sorted(layer.filters for layer in steps if type(layer) is layers.Conv2D)
    up = sorted(layer.filters for layer in steps if type(layer) is layers.Conv2DTranspose)
    assert down == sorted(3 * [32, 64, 128, 256]) and up == sorted(3 * [16, 32, 64, 128])
    assert published.output["encoder"] is published.get_layer("row5_column3").output
    kernels = {layer.kernel_size for layer in published.layers if hasattr(layer, "kernel_size")}
    assert kernels == {(3, 3)}


def test_streams_that_meet_are_added():
    """Two rows and two columns, every kernel one number in its middle: the output is a sum over ways, by hand.

    BatchNormalization as it starts divides by sqrt(1.001); a positive picture passes every ReLU.
    """
    model = build(widths=(1, 1), columns=2)
    value = {"input": 1.0, "row1_column2_a": 2.0, "row1_column2_b": 3.0, "row2_column2_a": 5.0, "row2_column2_b": 7.0}
    value |= {"row2_column1_down": 11.0, "row1_column2_up": 13.0}
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            kernel = np.zeros((3, 3, 1, 1))
            # Of a stride of 2 the middle of the window is pixel 2 i + 1 going down, and 2 i + 1 coming up.
            kernel[1, 1] = value.pop(layer.name)
            layer.set_weights([kernel, np.zeros(1)])
    assert not value
    gray = np.random.default_rng(0).random((1, 4, 4, 1)).astype("float32") / 2 + 0.5
    n = 1 / np.sqrt(1.001)
    first = 2 * gray[0, ..., 0] - 1
    second = 11 * n * first[1::2, 1::2]
    end = first + 6 * n * n * first
    end[1::2, 1::2] += 13 * n * (second + 35 * n * n * second)
    np.testing.assert_allclose(model(gray)[1][0, ..., 0], n * end, rtol=1e-4)
    np.testing.assert_allclose(model(gray)["encoder"][0, ..., 0], second, rtol=1e-4)


@pytest.mark.parametrize("columns", [0, 5])
def test_columns_are_even(columns):
    with pytest.raises(ValueError, match=f"{columns} columns; an even number"):
        build(columns=columns)
