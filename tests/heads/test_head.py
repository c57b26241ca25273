"""What all heads share: cells that begin at the upper left corner, and the last layer."""

import keras
import numpy as np
import pytest

from tfcolor.heads.head import last_layer, shrink


@pytest.mark.parametrize("height, width", [(8, 12), (33, 9), (1, 1), (3, 4)])
def test_cells_are_means_from_the_upper_left(height, width):
    image = np.random.default_rng(0).random((2, height, width, 3)).astype("float32")
    rows, columns = -(-height // 4) * 4, -(-width // 4) * 4
    padded = np.pad(image, [(0, 0), (0, rows - height), (0, columns - width), (0, 0)], mode="edge")
    expected = padded.reshape(2, rows // 4, 4, columns // 4, 4, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(np.asarray(shrink(image, 4)), expected, atol=1e-6)


def test_a_decoder_that_ends_too_coarse_is_named():
    with pytest.raises(ValueError, match="wants stride 1, the decoder ends at stride 4"):
        last_layer({4: keras.Input((8, 8, 2)), "encoder": None}, 1, 2, "regression")
