"""Shrinking, enlarging chroma, and the merge: lightness stays, colours fit."""

import numpy as np
import pytest
from making import luma
from PIL import Image

from tfcolor.photo import merge, shrink
from tfcolor.photo.merging import Enlarger, fit_gamut, merge_strips, merge_ycc


def wild_chroma(height, width, seed=0):
    return np.random.default_rng(seed).normal(0, 0.3, (height, width, 2)).astype("float32")


@pytest.mark.parametrize(
    "shape", [(300, 400), (400, 300), (3, 5000), (5000, 3), (1, 7), (1, 1), (64, 64), (65, 64), (1, 99999), (99999, 1)]
)
@pytest.mark.parametrize("size", [64, 256])
def test_shrink_fits_the_size_and_never_enlarges(shape, size):
    small = shrink(np.zeros(shape, "uint8"), size)
    assert small.size <= size**2
    assert min(small.shape) >= 1
    if shape[0] * shape[1] <= size**2:
        assert small.shape == shape
    elif min(small.shape) > 20:
        assert small.size > 0.9 * size**2
        assert small.shape[0] / small.shape[1] == pytest.approx(shape[0] / shape[1], rel=0.03)


def test_shrink_averages():
    checks = (np.indices((512, 512)).sum(0) % 2 * 255).astype("uint8")
    assert np.abs(shrink(checks, 64).astype(int) - 127).max() <= 2


def test_shrink_reads_16_bits_as_8():
    levels = np.arange(65536, dtype="uint16").reshape(256, 256)
    np.testing.assert_array_equal(shrink(levels, 256), np.rint(levels / 257).astype("uint8"))


@pytest.mark.parametrize("edges", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_each_pixel_keeps_its_gray_whatever_the_chroma(dtype, edges):
    white = np.iinfo(dtype).max
    gray = np.random.default_rng(1).integers(0, white + 1, (211, 97)).astype(dtype)
    gray[:40] = 0
    gray[40:80] = white
    rgb = merge(gray, wild_chroma(9, 5), edges=edges)
    assert rgb.dtype == dtype and rgb.shape == (211, 97, 3)
    np.testing.assert_array_equal(luma(rgb), gray)
    assert np.abs(rgb.astype(int) - gray[..., None].astype(int)).max() > 0.1 * white  # and there is colour


def test_all_65536_grays_stay_apart():
    gray = np.arange(65536, dtype="uint16").reshape(256, 256)
    assert len(np.unique(luma(merge(gray, wild_chroma(8, 8))))) == 65536


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("edges", [False, True])
@pytest.mark.parametrize("shape", [(64, 48), (75, 101), (1, 1), (1, 9), (2, 1)])
def test_in_ycc_the_y_is_the_gray_itself(shape, edges, half):
    gray = np.random.default_rng(2).integers(0, 256, shape).astype("uint8")
    image = merge_ycc(gray, wild_chroma(3, 3), edges=edges, half_chroma=half)
    assert image.mode == "YCbCr" and image.size == shape[::-1]
    np.testing.assert_array_equal(np.asarray(image)[..., 0], gray)


def test_in_ycc_colours_lie_in_the_gamut():
    gray = np.random.default_rng(3).integers(0, 256, (80, 80)).astype("uint8")
    y, cb, cr = np.asarray(merge_ycc(gray, wild_chroma(5, 5))).astype(float).transpose(2, 0, 1)
    cb, cr = cb - 128, cr - 128
    for channel in (y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb):
        assert channel.min() >= -1.0 and channel.max() <= 256.0  # half a level of chroma is rounding


def test_half_chroma_is_alike_in_each_two_by_two():
    gray = np.random.default_rng(4).integers(60, 200, (33, 47)).astype("uint8")
    chroma = np.asarray(merge_ycc(gray, wild_chroma(4, 4), half_chroma=True))[..., 1:]
    np.testing.assert_array_equal(chroma[0:32:2, 0:46:2], chroma[1:33:2, 1:47:2])


def test_fit_gamut_scales_by_the_least_that_fits_and_keeps_the_hue():
    cb, cr = np.array([[40.0, 10.0]], "float32"), np.array([[-90.0, 5.0]], "float32")
    gray = np.array([[30, 128]], "uint8")
    fit_gamut(cb, cr, gray, gray, 255)
    assert cb[0, 1] == 10 and cr[0, 1] == 5  # inside: untouched
    assert cb[0, 0] / cr[0, 0] == pytest.approx(-40 / 90)
    assert 30 + 1.402 * cr[0, 0] == pytest.approx(0, abs=1e-4)  # red is what ran out


def test_units_are_bt601s():
    # Pure mid-gray with U and V of a known colour: RGB (150, 120, 80).
    color = np.array([150, 120, 80]) / 255
    y, u, v = (
        np.array(
            [[0.299, 0.587, 0.114], [-0.14714119, -0.28886916, 0.43601035], [0.61497538, -0.51496512, -0.10001026]]
        )
        @ color
    )
    gray = np.full((4, 4), round(y * 255), "uint8")
    rgb = merge(gray, np.full((1, 1, 2), [u, v], "float32"))
    assert np.abs(rgb.astype(int) - [150, 120, 80]).max() <= 1
    image = merge_ycc(gray, np.full((1, 1, 2), [u, v], "float32"))
    assert np.abs(np.asarray(image.convert("RGB")).astype(int) - [150, 120, 80]).max() <= 2


def test_strips_are_seamless(monkeypatch):
    gray = np.random.default_rng(5).integers(0, 256, (90, 60)).astype("uint8")
    whole = merge(gray, wild_chroma(6, 4), edges=True)
    monkeypatch.setattr("tfcolor.photo.merging.STRIP_PIXELS", 60 * 8)
    assert len(list(merge_strips(gray, wild_chroma(6, 4)))) > 10
    np.testing.assert_array_equal(merge(gray, wild_chroma(6, 4), edges=True), whole)


def test_smooth_enlarging_is_pillows_bicubic():
    gray = np.full((200, 120), 128, "uint8")
    chroma = wild_chroma(10, 6) * np.float32(0.1)
    cb, _ = Enlarger(chroma, gray).rows(0, 200, gray)
    small = Image.fromarray(chroma[..., 0] * np.float32(255 * 1.1467617683846267))
    np.testing.assert_allclose(cb, np.asarray(small.resize((120, 200), Image.Resampling.BICUBIC)), atol=1e-3)


def test_what_lies_on_the_networks_padding_is_not_stretched_over_the_photo():
    # 30 columns seen in cells of 4: eight cells, of which the last is half padding. Its chroma must not spread.
    chroma = np.zeros((8, 8, 2), "float32")
    chroma[:, 7] = 0.2
    gray = np.full((300, 300), 128, "uint8")
    reddish = np.abs(merge(gray, chroma, seen=(30, 30)).astype(int) - 128).max(-1) > 25
    assert reddish[150].sum() == pytest.approx(300 * 2 / 30, abs=300 / 30 + 5)
    assert not reddish[150, : 300 * 27 // 30].any()


def test_edges_bring_colour_to_the_grays_edge():
    """A red and a blue area that differ in gray, their chroma blurred as a network's is: the edge comes back."""
    gray = np.full((256, 256), 90, "uint8")
    gray[:, 133:] = 160
    truth = np.where(np.arange(256) < 133, 0.15, -0.15)
    blurred = Image.fromarray(np.broadcast_to(truth.astype("float32"), (256, 256))).resize(
        (16, 16), Image.Resampling.BICUBIC
    )
    chroma = np.stack([np.asarray(blurred)] * 2, -1)
    wanted = truth * 255 * 1.14676
    errors = {}
    for edges in (False, True):
        cb, _ = Enlarger(chroma, gray, seen=(64, 64), edges=edges).rows(0, 256, gray)
        errors[edges] = np.abs(cb[128] - wanted)[110:156].mean()
    assert errors[True] < 0.5 * errors[False]


def test_what_is_not_finite_becomes_gray():
    gray = np.full((8, 8), 100, "uint8")
    rgb = merge(gray, np.array([[[np.nan, np.inf]]], "float32"))
    assert np.isfinite(rgb).all() and (luma(rgb) == 100).all()


@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_have_no_room_for_colour(level):
    gray = np.full((8, 8), level, "uint8")
    assert (merge(gray, wild_chroma(2, 2)) == level).all()
