"""PHOTOS.md group 4: all eight orientations, upright and never turned twice."""

import numpy as np
import pytest
from making import colorize, encoded, luma, opened
from PIL import Image, ImageOps

# What has to be done to an upright picture so that a file with this orientation shows it upright.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.T,
    6: lambda a: np.rot90(a),
    7: lambda a: a[::-1, ::-1].T,
    8: lambda a: np.rot90(a, -1),
}
SETTINGS = {"JPEG": {"quality": 100}, "PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}}


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("orientation", STORED)
def test_it_comes_out_upright(gray, kind, orientation):
    stored = np.ascontiguousarray(STORED[orientation](gray))
    exif = Image.Exif()
    exif[274] = orientation
    data = encoded(stored, kind, exif=exif, **SETTINGS[kind])
    seen = ImageOps.exif_transpose(opened(data)) if kind != "TIFF" else opened(data)  # Pillow turns a TIFF itself
    np.testing.assert_allclose(luma(seen), gray, atol=3)

    after = opened(colorize(data).data)
    assert after.size == gray.shape[::-1]
    assert after.getexif().get(274, 1) == 1
    assert np.abs(luma(after) - gray).mean() < 1.5
    again = opened(colorize(colorize(data).data).data)
    assert np.abs(luma(again) - gray).mean() < 2


def test_alpha_turns_with_the_photo(gray):
    alpha = np.zeros_like(gray)
    alpha[:20, :30] = 200
    picture = np.stack([STORED[6](gray), STORED[6](alpha)], -1)
    exif = Image.Exif()
    exif[274] = 6
    after = np.asarray(opened(colorize(encoded(np.ascontiguousarray(picture), "PNG", exif=exif)).data))
    np.testing.assert_array_equal(after[..., 3], alpha)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_nonsense_counts_as_upright(gray, value):
    exif = Image.Exif()
    exif[274] = value
    assert opened(colorize(encoded(gray, "JPEG", exif=exif)).data).size == gray.shape[::-1]
