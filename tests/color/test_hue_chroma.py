"""Hue and chroma of the bicone against Python's colorsys and NumPy, and what comes out of their histograms."""

import colorsys

import numpy as np
import pytest
from scipy.special import softmax

from tfcolor.color import histograms, hue_chroma
from tfcolor.color.spaces import merge_yuv, rgb_to_gray, rgb_to_yuv

TURN = 2 * np.pi


@pytest.fixture(scope="module")
def colours():
    """The corners of the cube, grays and 2,000 random colours: float32 [n, 3]."""
    corners = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T
    grays = np.repeat(np.linspace(0, 1, 9)[:, None], 3, axis=1)
    return np.concatenate([corners, grays, np.random.default_rng(0).random((2000, 3))]).astype("float32")


def test_hue_is_hsvs_and_chroma_that_of_the_bicone(colours):
    hue, chroma = (np.asarray(x) for x in hue_chroma.rgb_to_hue_chroma(colours))
    hsv = np.array([colorsys.rgb_to_hsv(*colour) for colour in colours.astype("float64")])
    np.testing.assert_allclose(np.cos(hue - hsv[:, 0] * TURN), 1, atol=1e-6)
    assert hue.min() >= 0 and hue.max() < TURN
    np.testing.assert_allclose(chroma, colours.max(axis=1) - colours.min(axis=1), atol=1e-6)
    lightness = (colours.max(axis=1) + colours.min(axis=1)) / 2
    np.testing.assert_allclose(lightness + chroma / 2, hsv[:, 2], atol=1e-6)  # V = L + C / 2
    lit = hsv[:, 2] > 0
    np.testing.assert_allclose(chroma[lit] / hsv[lit, 2], hsv[lit, 1], atol=1e-5)  # S = C / V


def test_pure_hues_are_colorsys(colours):
    hues = np.random.default_rng(1).random(500).astype("float32")
    expected = [colorsys.hsv_to_rgb(hue, 1, 1) for hue in hues.astype("float64")]
    np.testing.assert_allclose(hue_chroma.pure_hue(hues * np.float32(TURN)), expected, atol=1e-5)


def test_luma_hue_and_chroma_give_the_colour_back(colours):
    gray = np.asarray(rgb_to_gray(colours))[:, 0]
    back = hue_chroma.hue_chroma_to_rgb(gray, *hue_chroma.rgb_to_hue_chroma(colours))
    np.testing.assert_allclose(back, colours, atol=1e-5)


def test_uv_is_that_of_the_colour(colours):
    uv = hue_chroma.hue_chroma_to_uv(*hue_chroma.rgb_to_hue_chroma(colours))
    np.testing.assert_allclose(uv, np.asarray(rgb_to_yuv(colours))[:, 1:], atol=1e-5)


def test_colours_come_back_from_their_own_histograms_up_to_the_width_of_a_bin(colours):
    hue, chroma = hue_chroma.rgb_to_hue_chroma(colours)
    one_hot = np.eye(32, dtype="float32")
    of_hue = one_hot[np.asarray(hue_chroma.encode_hue(hue)[0])[:, 0]]
    of_chroma = one_hot[np.asarray(hue_chroma.encode_chroma(chroma)[0])[:, 0]]
    decoded_hue, certainty = hue_chroma.circular_expectation(of_hue)
    decoded_chroma = histograms.quantile(of_chroma, 0.5)
    turns = np.abs(np.asarray(decoded_hue) - np.asarray(hue)) / TURN
    assert np.minimum(turns, 1 - turns).max() <= 0.5 / 32 + 1e-6
    assert np.abs(np.asarray(decoded_chroma) - np.asarray(chroma)).max() <= 0.5 / 32 + 1e-6
    faded = hue_chroma.fade(decoded_chroma, certainty)
    np.testing.assert_allclose(faded, decoded_chroma, atol=1e-6)  # a certain hue does not fade: 1 / 32 > .03
    back = merge_yuv(rgb_to_gray(colours), hue_chroma.hue_chroma_to_uv(decoded_hue, faded))
    psnr = -10 * np.log10(np.mean(np.square(np.asarray(back) - colours)))
    assert psnr > 34  # the ceiling of 32 bins; 35.6 dB on these colours


def test_circular_expectation_is_numpys():
    probabilities = softmax(np.random.default_rng(0).normal(size=(50, 32), scale=3), axis=-1)
    z = (probabilities * np.exp(2j * np.pi * (np.arange(32) + 0.5) / 32)).mean(axis=-1)
    hue, certainty = hue_chroma.circular_expectation(probabilities.astype("float32"))
    np.testing.assert_allclose(np.exp(1j * np.asarray(hue)), z / np.abs(z), atol=1e-4)
    np.testing.assert_allclose(certainty, np.abs(z), rtol=1e-4)


def test_fading_needs_the_mean_not_the_sum():
    spread = np.zeros((1, 32), "float32")
    spread[0, [3, 19]] = 0.6, 0.4  # two opposite hues
    _, certainty = hue_chroma.circular_expectation(spread)
    np.testing.assert_allclose(certainty, [0.2 / 32], rtol=1e-4)
    chroma = np.ones(1, "float32")
    np.testing.assert_allclose(hue_chroma.fade(chroma, certainty), [0.2 / 32 / 0.03], rtol=1e-4)
    np.testing.assert_array_equal(hue_chroma.fade(chroma, 32 * certainty), chroma)  # the plain sum never fades
    np.testing.assert_array_equal(hue_chroma.fade(chroma, certainty, eta=0.0), chroma)


def test_reference_histograms_are_numpys(colours):
    of_hue, of_chroma = hue_chroma.reference_histograms(colours.reshape(1, -1, 3))
    hue, chroma = (np.asarray(x) for x in hue_chroma.rgb_to_hue_chroma(colours))
    expected = np.histogram(hue, bins=32, range=(0, TURN), weights=chroma)[0]
    np.testing.assert_allclose(of_hue, expected / expected.sum(), atol=1e-5)
    np.testing.assert_allclose(of_chroma, np.histogram(chroma, bins=32, range=(0, 1))[0] / len(chroma), atol=1e-5)


def test_reference_without_colour_has_every_hue():
    of_hue, of_chroma = hue_chroma.reference_histograms(np.full((4, 4, 3), 0.4, "float32"))
    np.testing.assert_allclose(of_hue, np.full(32, 1 / 32), rtol=1e-5)
    np.testing.assert_allclose(of_chroma, np.eye(32)[0], atol=1e-6)
