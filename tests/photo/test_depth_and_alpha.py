"""PHOTOS.md groups 10 and 11: sixteen bits, and transparency."""

import io

import imagecodecs
import numpy as np
import pytest
import tifffile
from making import colorize, encoded, has_color, luma, opened
from PIL import Image

from tfcolor.photo import formats, tiff

ALL_GRAYS = np.arange(65536, dtype="uint16").reshape(256, 256)


def tiff16(array, **settings):
    file = io.BytesIO()
    tifffile.imwrite(file, array, metadata=None, **settings)
    return file.getvalue()


def pgm(array, highest, kind=b"P5"):
    raw = array.astype(">u2" if highest > 255 else "uint8").tobytes()
    return kind + b"\n# a comment\n%d %d\n%d\n" % (array.shape[1], array.shape[0], highest) + raw


def ppm_pixels(data):
    assert data.startswith(b"P6")
    start = data.index(b"\n65535\n") + 7
    size = [int(word) for word in data[:start].split()[-3:-1]]
    return np.frombuffer(data, ">u2", offset=start).reshape(size[1], size[0], 3)


@pytest.mark.parametrize(
    "data, read",
    [
        (imagecodecs.png_encode(ALL_GRAYS), imagecodecs.png_decode),
        (imagecodecs.png_encode(np.repeat(ALL_GRAYS[..., None], 3, -1)), imagecodecs.png_decode),
        (tiff16(ALL_GRAYS), lambda data: tifffile.imread(io.BytesIO(data))),
        (tiff16(ALL_GRAYS, byteorder=">"), lambda data: tifffile.imread(io.BytesIO(data))),
        (
            tiff16(np.repeat(ALL_GRAYS[..., None], 3, -1), photometric="rgb"),
            lambda data: tifffile.imread(io.BytesIO(data)),
        ),
        (pgm(ALL_GRAYS, 65535), ppm_pixels),
        (imagecodecs.jpeg2k_encode(ALL_GRAYS, level=0, codecformat="jp2", reversible=True), imagecodecs.jpeg2k_decode),
    ],
    ids=["gray PNG", "RGB PNG", "gray TIFF", "gray TIFF big-endian", "RGB TIFF", "PGM", "JPEG 2000"],
)
def test_65536_grays_in_are_65536_out(data, read):
    got = read(colorize(data).data)
    assert got.dtype.itemsize == 2 and got.shape == (256, 256, 3)
    np.testing.assert_array_equal(luma(got), ALL_GRAYS)
    assert np.ptp(got.astype(int), axis=-1).max() > 3000  # and there is colour


def test_pgm_of_1023_is_spread_to_16_bits():
    levels = np.arange(1024, dtype="uint16").reshape(32, 32)
    got = luma(ppm_pixels(colorize(pgm(levels, 1023)).data))
    np.testing.assert_array_equal(got, np.rint(levels / 1023 * 65535))


@pytest.mark.parametrize("target", [formats.PNG, formats.TIFF, formats.PNM])
def test_sixteen_bits_go_from_format_to_format(target):
    data = colorize(tiff16(ALL_GRAYS), output_format=target).data
    got = {
        formats.PNG: imagecodecs.png_decode,
        formats.TIFF: lambda data: tifffile.imread(io.BytesIO(data)),
        formats.PNM: ppm_pixels,
    }[target](data)
    np.testing.assert_array_equal(luma(got), ALL_GRAYS)


@pytest.mark.parametrize("target", [formats.JPEG, formats.WEBP, formats.BMP])
def test_eight_bits_are_told(target):
    result = colorize(imagecodecs.png_encode(ALL_GRAYS), output_format=target, quality=100)
    assert f"it has 16 bits, {target.name} holds 8" in result.warnings
    assert np.abs(luma(result.data) - ALL_GRAYS / 257).mean() < 3


# 11: alpha.


@pytest.fixture
def alpha(gray):
    fading = np.tile(np.linspace(0, 255, gray.shape[1]).astype("uint8"), (gray.shape[0], 1))
    fading[:10], fading[-10:] = 0, 255
    return fading


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_comes_out_bit_for_bit(gray, rgb, alpha, kind, channels):
    picture = np.dstack([gray, alpha]) if channels == 2 else np.dstack([rgb, alpha])
    settings = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    data = encoded(Image.fromarray(picture), kind, **settings)
    for target in (None, formats.PNG, formats.WEBP, formats.TIFF):
        after = opened(colorize(data, output_format=target).data)
        assert after.mode == "RGBA"
        np.testing.assert_array_equal(np.asarray(after)[..., 3], alpha)


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_of_16_bits_comes_out_bit_for_bit(channels):
    alpha = np.flip(ALL_GRAYS).copy()
    picture = np.dstack([ALL_GRAYS] * (channels - 1) + [alpha])
    for data in (
        imagecodecs.png_encode(picture),
        tiff16(picture, photometric="rgb" if channels == 4 else "minisblack", extrasamples=["unassalpha"]),
    ):
        got = imagecodecs.png_decode(colorize(data, output_format=formats.PNG).data)
        np.testing.assert_array_equal(got[..., 3], alpha)
        np.testing.assert_array_equal(luma(got), ALL_GRAYS)


def test_premultiplied_gray_is_divided_out(gray, alpha):
    opaque_enough = np.maximum(alpha, 16)
    multiplied = np.rint(np.dstack([gray] * 3) * (opaque_enough[..., None] / 255)).astype("uint8")
    picture = np.dstack([multiplied, opaque_enough])
    data = tiff16(picture, photometric="rgb", extrasamples=["assocalpha"])
    after = np.asarray(opened(colorize(data).data))
    np.testing.assert_array_equal(after[..., 3], opaque_enough)
    assert np.abs(luma(after[..., :3]) - gray).max() <= 16  # at alpha 16 sixteen levels are one
    assert np.abs(luma(after[..., :3]) - gray).mean() < 1.5


def test_premultiplied_gray_of_16_bits_is_divided_out(gray, alpha):
    deep, share = gray.astype("uint16") * 257, np.maximum(alpha, 16).astype("uint16") * 257
    multiplied = np.rint(deep * (share / 65535)).astype("uint16")
    picture = np.dstack([multiplied, share])
    data = tiff16(picture, photometric="minisblack", extrasamples=["assocalpha"])
    got = tifffile.imread(io.BytesIO(colorize(data).data))
    np.testing.assert_array_equal(got[..., 3], share)
    assert np.abs(luma(got) - deep).max() <= 32
    assert tiff.parse(colorize(data).data).pages[0][1].number(tiff.EXTRA_SAMPLES) == tiff.UNASSOCIATED


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_to_jpeg_it_lies_on_white(gray, alpha, kind):
    result = colorize(encoded(np.dstack([gray, alpha]), kind), output_format=formats.JPEG, quality=98)
    assert "JPEG holds no transparency: it lies on white now" in result.warnings
    meant = gray * (alpha / 255) + 255 * (1 - alpha / 255)
    assert np.abs(luma(result.data) - meant).mean() < 2
    assert luma(result.data)[:8].min() >= 250  # transparent rows are white


def test_transparent_photos_keep_their_hidden_gray(gray, alpha):
    after = np.asarray(opened(colorize(encoded(np.dstack([gray, alpha]), "PNG")).data))
    np.testing.assert_array_equal(luma(after[..., :3]), gray)
    assert has_color(Image.fromarray(np.ascontiguousarray(after[..., :3])))
