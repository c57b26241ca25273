"""Random gray: plain luma without it, inside [0, 1] with it, each photo its own, the same for the same seed."""

import keras
import numpy as np
import pytest

from tfcolor.color.random_gray import random_gray


@pytest.fixture(scope="module")
def rgb():
    return np.random.default_rng(0).random((64, 16, 16, 3)).astype("float32")


def gray_of(rgb, probability, seed=0):
    return np.asarray(random_gray(rgb, keras.random.SeedGenerator(seed), probability))


def test_probability_0_is_luma(rgb):
    np.testing.assert_allclose(gray_of(rgb, 0)[..., 0], rgb @ [0.299, 0.587, 0.114], atol=1e-6)


@pytest.mark.parametrize("probability", [0.1, 0.5, 1.0])
def test_stays_in_range_and_changes_as_many_as_it_should(rgb, probability):
    gray = gray_of(rgb, probability)
    assert gray.shape == (64, 16, 16, 1) and gray.min() >= 0 and gray.max() <= 1
    changed = np.abs(gray[..., 0] - rgb @ np.array([0.299, 0.587, 0.114], "float32")).max(axis=(1, 2)) > 1e-4
    # Five changes of probability p and the blue-sensitive emulsion: 1 - (1 - p)^5 (1 - p / 10) of the photos.
    assert changed.mean() == pytest.approx(1 - (1 - probability) ** 5 * (1 - probability / 10), abs=0.2)


def test_the_same_seed_gives_the_same_and_another_another(rgb):
    np.testing.assert_array_equal(gray_of(rgb, 0.5), gray_of(rgb, 0.5))
    assert (gray_of(rgb, 0.5) != gray_of(rgb, 0.5, seed=1)).mean() > 0.3


def test_flat_photos_stay_flat_under_blur_weights_and_curves():
    """A photo of one colour has nothing to blur: without noise all its pixels stay alike."""
    flat = np.broadcast_to(np.random.default_rng(0).random((64, 1, 1, 3)), (64, 9, 9, 3)).astype("float32")
    spread = gray_of(flat, 0.5).std(axis=(1, 2, 3))
    assert ((spread < 1e-5) | (spread < 0.04)).all() and (spread < 1e-5).mean() > 0.3
