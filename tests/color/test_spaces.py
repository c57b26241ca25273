"""Colour spaces against scikit-image in float64 and against closed forms."""

import numpy as np
import pytest
import skimage.color
from keras import ops

from tfcolor.color import spaces
from tfcolor.color.constants import U_MAX, V_MAX


@pytest.fixture(scope="module")
def colours():
    """Corners, grays, near-blacks and 4,096 random colours of the 8-bit cube: float64 [n, 3] in [0, 1]."""
    corners = np.array(np.meshgrid([0, 255], [0, 255], [0, 255])).reshape(3, -1).T
    grays = np.repeat(np.arange(256)[:, None], 3, axis=1)
    dark = np.random.default_rng(1).integers(0, 14, (256, 3))
    random = np.random.default_rng(0).integers(0, 256, (4096, 3))
    return np.concatenate([corners, grays, dark, random]) / 255.0


def as_float32(x):
    return np.asarray(x, "float32")


def test_yuv_is_scikit_images(colours):
    ours = np.asarray(spaces.rgb_to_yuv(as_float32(colours)))
    np.testing.assert_allclose(ours, skimage.color.rgb2yuv(colours), atol=2e-4)


def test_yuv_and_back(colours):
    there = spaces.rgb_to_yuv(as_float32(colours))
    np.testing.assert_allclose(np.asarray(spaces.yuv_to_rgb(there)), colours, atol=2e-6)


def test_yuv_stays_in_its_ranges(colours):
    yuv = np.asarray(spaces.rgb_to_yuv(as_float32(colours)))
    assert np.abs(yuv[:, 1]).max() == pytest.approx(U_MAX, abs=1e-3)
    assert np.abs(yuv[:, 2]).max() == pytest.approx(V_MAX, abs=1e-3)


def test_gray_is_y(colours):
    gray = np.asarray(spaces.rgb_to_gray(as_float32(colours)))
    np.testing.assert_allclose(gray[:, 0], colours @ [0.299, 0.587, 0.114], atol=1e-6)


def test_lab_is_scikit_images(colours):
    ours = np.asarray(spaces.rgb_to_lab(as_float32(colours)))
    reference = skimage.color.rgb2lab(colours)
    np.testing.assert_allclose(ours, reference, atol=2e-4, rtol=0)


def test_lab_is_what_scikit_image_once_said():
    """Values that scikit-image 0.26.0 computed in float64, whatever the installed one does."""
    stored = {
        (0, 0, 0): (0.0, 0.0, 0.0),
        (255, 255, 255): (100.0, -0.00245, 0.00465),
        (255, 0, 0): (53.24059, 80.09231, 67.20275),
        (0, 255, 0): (87.7351, -86.18303, 83.1797),
        (0, 0, 255): (32.29567, 79.18559, -107.8573),
        (7, 3, 1): (1.01618, 0.76786, 1.1255),
        (201, 137, 88): (62.52135, 19.23175, 35.9392),
        (46, 92, 140): (38.07036, 0.47902, -31.24866),
    }
    ours = np.asarray(spaces.rgb_to_lab(as_float32(list(stored)) / 255))
    np.testing.assert_allclose(ours, list(stored.values()), atol=2e-4, rtol=0)


def test_lab_and_back_to_scikit_images_rgb(colours):
    lab = skimage.color.rgb2lab(colours)
    np.testing.assert_allclose(np.asarray(spaces.lab_to_rgb(as_float32(lab))), colours, atol=2e-4)


def test_uint8_round_trip_is_exact():
    values = np.arange(256, dtype="uint8")
    np.testing.assert_array_equal(np.asarray(spaces.to_uint8(spaces.from_uint8(values))), values)
    np.testing.assert_array_equal(np.asarray(spaces.to_uint8(as_float32([-1, 2, 0.5]))), [0, 255, 128])


@pytest.mark.parametrize("function", [spaces.rgb_to_gray, spaces.rgb_to_yuv, spaces.rgb_to_lab, spaces.lab_to_rgb])
def test_gradients_are_finite(function, colours):
    import tensorflow as tf

    x = tf.constant(as_float32(colours))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(function(x))
    gradient = tape.gradient(y, x).numpy()
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


@pytest.mark.parametrize("merge, size", [(spaces.merge_yuv, 0.6), (spaces.merge_lab, 110)])
def test_merge_keeps_gray_and_gamut(merge, size):
    rng = np.random.default_rng(2)
    gray = as_float32(rng.uniform(0, 1, (2000, 1)))
    gray[:4, 0] = 0, 1, 0.5, 1 / 255
    chroma = as_float32(rng.uniform(-size, size, (2000, 2)))
    rgb = np.asarray(merge(gray, chroma))
    assert rgb.min() >= 0 and rgb.max() <= 1
    if merge is spaces.merge_yuv:
        kept, wanted = rgb @ [0.299, 0.587, 0.114], gray[:, 0]
    else:
        kept = skimage.color.rgb2lab(rgb.astype("float64"))[:, 0] / 100
        wanted = skimage.color.rgb2lab(np.repeat(gray, 3, axis=1).astype("float64"))[:, 0] / 100
    assert np.abs(kept - wanted).max() < 1 / 255
    assert np.abs(rgb[:2] - gray[:2]).max() < 1e-3  # black stays black, white stays white


def test_merge_yuv_returns_the_photo_itself(colours):
    rgb = as_float32(colours)
    merged = spaces.merge_yuv(spaces.rgb_to_gray(rgb), spaces.rgb_to_yuv(rgb)[..., 1:])
    np.testing.assert_allclose(np.asarray(merged), rgb, atol=2e-5)


def test_merge_yuv_clips_by_scaling_not_by_cutting():
    gray, uv = as_float32([[0.9]]), as_float32([[0.1, 0.3]])
    merged = spaces.merge_yuv(gray, uv)
    kept = np.asarray(spaces.rgb_to_yuv(ops.convert_to_tensor(merged)))[0, 1:]
    assert kept[1] / kept[0] == pytest.approx(3, rel=1e-3)  # the hue is what it was
