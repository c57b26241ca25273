"""PHOTOS.md group 7: gray is what the profile means; what comes out says its profile."""

import io

import icc
import imagecodecs
import numpy as np
import pytest
from making import colorize, encoded, has_color, luma, opened
from PIL import Image, ImageCms

from tfcolor.photo import formats, profiles

RAMP = np.tile(np.arange(256, dtype="uint8"), (64, 1))
VALUES = np.arange(256) / 255
GRAY_PROFILES = {
    "gamma 2.2": (icc.gray_profile(icc.gamma_curve(2.2)), icc.srgb_from_light(VALUES ** (round(2.2 * 256) / 256))),
    "gamma 1": (icc.gray_profile(icc.gamma_curve(1.0)), icc.srgb_from_light(VALUES)),
    "dot gain 20 %": (
        icc.gray_profile(icc.table_curve(icc.dot_gain(np.linspace(0, 1, 256)))),
        icc.srgb_from_light(icc.dot_gain(VALUES)),
    ),
}


def as_srgb(data: bytes) -> np.ndarray:
    """A file as a viewer that heeds profiles shows it: sRGB, int [H, W, 3]."""
    image = opened(data)
    embedded = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    shown = ImageCms.profileToProfile(image, embedded, ImageCms.createProfile("sRGB"), outputMode="RGB")
    return np.asarray(shown).astype(int)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
@pytest.mark.parametrize("name", GRAY_PROFILES)
def test_a_gray_profile_is_heeded(name, kind):
    profile, meant = GRAY_PROFILES[name]
    settings = {"quality": 100} if kind == "JPEG" else {}
    result = colorize(encoded(RAMP, kind, icc_profile=profile, **settings))
    got = luma(result.data)[32]
    tolerance = 3 if kind == "JPEG" else 2
    assert np.abs(got - 255 * meant)[8:].max() <= tolerance  # the darkest depend on how a curve starts
    assert opened(result.data).info["icc_profile"] == profiles.srgb()
    assert has_color(result.data)


@pytest.mark.parametrize("name", ["gamma 2.2", "dot gain 20 %"])
def test_a_gray_profile_is_heeded_at_16_bits(name):
    profile, _ = GRAY_PROFILES[name]
    levels = np.arange(65536, dtype="uint16").reshape(256, 256)
    data = colorize(encoded(levels, "PNG", icc_profile=profile)).data
    value = levels / 65535
    light = value ** (563 / 256) if name == "gamma 2.2" else icc.dot_gain(value)
    got = luma(imagecodecs.png_decode(data))
    assert np.abs(got - 65535 * icc.srgb_from_light(light))[16:].max() < 0.003 * 65535


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("name", ["Adobe RGB", "Display P3", "ProPhoto"])
def test_an_rgb_profile_is_heeded_and_kept(rgb, name, kind):
    profile = icc.rgb_profile(name)
    settings = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    data = encoded(rgb, kind, icc_profile=profile, **settings)
    stored = np.asarray(opened(data).convert("RGB")) / 255
    meant = 255 * icc.to_srgb(name, stored) @ [0.299, 0.587, 0.114]
    result = colorize(data)
    assert opened(result.data).info["icc_profile"] == profile
    shown = as_srgb(result.data)
    assert np.abs(luma(shown) - meant).mean() < 1.0 + (kind == "JPEG")
    assert np.quantile(np.abs(luma(shown) - meant), 0.98) <= 3 + 3 * (kind == "JPEG")
    assert has_color(Image.fromarray(shown.astype("uint8")))
    # The raw numbers would have been something else.
    assert np.abs(luma(rgb) - meant).mean() > 1


def test_an_rgb_profile_on_a_gray_photo_is_heeded_and_kept():
    profile = icc.rgb_profile("ProPhoto")
    data = colorize(encoded(RAMP, "TIFF", icc_profile=profile)).data
    assert opened(data).info["icc_profile"] == profile
    meant = 255 * icc.srgb_from_light(VALUES**1.8)
    assert np.abs(luma(as_srgb(data))[32] - meant)[16:].max() <= 3


def test_an_rgb_profile_is_heeded_at_16_bits(rgb):
    deep = rgb.astype("uint16") * 257
    profile = icc.rgb_profile("Adobe RGB")
    file = imagecodecs.png_encode(deep)
    from tfcolor.photo import png
    from tfcolor.photo.notes import Notes

    data = colorize(png.add_notes(file, Notes(icc=profile), [])).data
    assert opened(data).info["icc_profile"] == profile
    got = imagecodecs.png_decode(data)
    assert got.dtype == np.uint16
    meant = icc.to_srgb("Adobe RGB", deep / 65535) @ [0.299, 0.587, 0.114]
    shown = icc.to_srgb("Adobe RGB", got / 65535) @ [0.299, 0.587, 0.114]
    assert np.abs(meant - shown).mean() < 0.002


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_srgb_changes_nothing_and_stays_the_photos_own(gray, rgb, kind):
    own = icc.rgb_profile("sRGB")
    for picture in (gray, rgb):
        with_it, without = (encoded(picture, kind, **settings) for settings in ({"icc_profile": own}, {}))
        assert np.array_equal(luma(colorize(with_it).data), luma(colorize(without).data))
        assert opened(colorize(with_it).data).info["icc_profile"] == own


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_without_one_srgb_is_written(gray, kind):
    assert opened(colorize(encoded(gray, kind)).data).info["icc_profile"] == profiles.srgb()


WHOLE = icc.rgb_profile("Adobe RGB")
BROKEN = {
    "noise": bytes(range(256)),
    "cut": WHOLE[:200],
    "tags outside": WHOLE[:128] + b"\0\0\0\x01rTRC\xff\xff\xff\xf0\0\0\1\0",
    "no curves": icc.profile(b"RGB ", b"XYZ ", []),
    "Lab": icc.profile(b"Lab ", b"XYZ ", []),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_profile_is_dropped_with_a_warning(gray, kind, case):
    result = colorize(encoded(gray, kind, icc_profile=BROKEN[case]))
    assert any("colour profile is damaged" in warning for warning in result.warnings)
    assert opened(result.data).info["icc_profile"] == profiles.srgb()


def test_a_profile_of_another_kind_of_photo_is_dropped_with_a_warning(rgb, cmyk_profile):
    for profile in (cmyk_profile, GRAY_PROFILES["gamma 2.2"][0]):
        result = colorize(encoded(rgb, "PNG", icc_profile=profile))
        assert any("left out" in warning for warning in result.warnings)
        assert np.abs(luma(result.data) - luma(rgb)).max() <= 1


def test_a_format_without_profiles_gets_srgb(rgb):
    data = encoded(rgb, "PNG", icc_profile=icc.rgb_profile("ProPhoto"))
    after = luma(colorize(data, output_format=formats.BMP).data)
    assert np.abs(after - 255 * icc.to_srgb("ProPhoto", rgb / 255) @ [0.299, 0.587, 0.114]).mean() < 1


def test_our_own_srgb_is_the_same_each_day():
    assert profiles.srgb()[24:36] == b"\x07\xd0\x00\x01\x00\x01" + bytes(6)
    assert profiles.Profile(profiles.srgb()).is_srgb
