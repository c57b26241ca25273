"""Padding by reflection against NumPy's, and any size in, the same size out."""

import keras
import numpy as np
import pytest

from tfcolor.models.padding import CropToInput, PadToMultiple


@pytest.mark.parametrize("height, width", [(32, 64), (31, 33), (1, 7), (7, 1), (1, 1), (40, 5)])
def test_padding_reflects_and_cropping_undoes_it(height, width):
    image = np.random.default_rng(0).random((2, height, width, 3)).astype("float32")
    padded = np.asarray(PadToMultiple(32)(image))
    assert padded.shape[1] % 32 == padded.shape[2] % 32 == 0
    pad = [(0, 0), (0, padded.shape[1] - height), (0, padded.shape[2] - width), (0, 0)]
    # NumPy reflects a single row or column as the same value, and longer ones without repeating the edge.
    np.testing.assert_array_equal(padded, np.pad(image, pad, mode="reflect"))
    np.testing.assert_array_equal(np.asarray(CropToInput(1)(padded, image)), image)


def test_shapes_are_known_to_keras():
    gray = keras.Input((None, None, 1))
    assert PadToMultiple(32)(gray).shape == (None, None, None, 1)
    assert PadToMultiple(32)(keras.Input((33, 64, 1))).shape == (None, 64, 64, 1)
    assert CropToInput(4)(keras.Input((64, 64, 5)), keras.Input((33, 50, 1))).shape == (None, 9, 13, 5)
