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


def test_each_change_is_as_large_as_it_says():
    """Photos of one gray, which no weights of the channels change, each changed in every other way."""
    flat = np.full((512, 32, 32, 3), 0.5, "float32")
    gray = gray_of(flat, 1.0)[..., 0]
    level, noise = gray.mean(axis=(1, 2)), gray.std(axis=(1, 2))
    darkest, lightest = 0.5**1.25, 0.5**0.8  # gamma; then the black point at most .08 up, the white one .08 up or down
    assert darkest - 0.08 - 0.01 < level.min() < 0.40 and 0.60 < level.max() < (lightest + 0.08) / 1.0 + 0.01
    assert 0.025 < noise.max() < 0.032 and noise.mean() == pytest.approx(0.015, abs=0.002)  # evenly from 0 to .03


def test_an_emulsion_sees_blue():
    """Blue photos: light where an emulsion has taken them, in a tenth of all, and dark by all other weights."""
    blue = np.broadcast_to(np.array([0, 0, 1], "float32"), (2000, 2, 2, 3))
    level = gray_of(blue, 1.0).mean(axis=(1, 2, 3))
    assert (level > 0.64).mean() == pytest.approx(0.1, abs=0.02)
    assert np.median(level) < 0.25
