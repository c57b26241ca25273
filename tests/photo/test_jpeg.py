"""JPEG: PHOTOS.md groups 1 to 3, and the pictures behind the first one of group 13."""

import io
import struct

import icc
import numpy as np
import pytest
import simplejpeg
from making import colorize, encoded, has_color, luma, opened
from PIL import Image, ImageCms, ImageFilter, ImageOps

from tfcolor.photo import PhotoError, formats, jpeg, merge, profiles
from tfcolor.photo.merging import merge_ycc


def close(before: bytes, after: bytes) -> float:
    """The share of pixels whose Y, as libjpeg decodes it, is within 2 levels."""
    there, here = (simplejpeg.decode_jpeg(data, "GRAY")[..., 0].astype(int) for data in (before, after))
    assert there.shape == here.shape
    return float(np.mean(np.abs(there - here) <= 2))


VARIANTS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "optimized": {"optimize": True},
    "restart markers": {"restart_marker_blocks": 4},
    "4:4:4": {"subsampling": "4:4:4"},
    "4:2:2": {"subsampling": "4:2:2"},
    "4:2:0": {"subsampling": "4:2:0"},
    **{f"quality {quality}": {"quality": quality} for quality in (1, 5, 20, 50, 75, 90, 98, 100)},
}


@pytest.mark.parametrize("chroma", ["auto", "444", "420"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_its_luma_stays(rgb, variant, chroma):
    before = encoded(rgb, "JPEG", **VARIANTS[variant])
    after = colorize(before, chroma=chroma).data
    assert close(before, after) >= 0.97
    sampling = simplejpeg.decode_jpeg_header(after)[3]
    assert sampling == {"auto": "444", "444": "444", "420": "420"}[chroma]


@pytest.mark.parametrize("quality", [1, 30, 75, 90, 100])
def test_one_component_becomes_colour(gray, quality):
    before = encoded(gray, "JPEG", quality=quality)
    after = colorize(before).data
    assert close(before, after) >= 0.97
    assert opened(after).mode == "RGB"
    if quality >= 30:
        assert has_color(after)


def test_a_large_one_has_half_chroma_by_default(gray):
    large = Image.fromarray(gray).resize((1200, 1000)).filter(ImageFilter.GaussianBlur(2))
    before = encoded(large, "JPEG")
    assert simplejpeg.decode_jpeg_header(colorize(before).data)[3] == "420"
    assert simplejpeg.decode_jpeg_header(colorize(before, chroma="444").data)[3] == "444"
    assert close(before, colorize(before).data) >= 0.97


def test_it_is_written_with_its_own_tables(rgb):
    luma_table, chroma_table = [3 + i // 2 for i in range(64)], [5 + i for i in range(64)]
    before = encoded(rgb, "JPEG", qtables=[luma_table, chroma_table])
    after = opened(colorize(before).data)
    assert after.quantization == {0: luma_table, 1: chroma_table}


def test_a_gray_one_gets_chromas_table_of_the_same_quality(gray, rgb):
    for quality in (30, 75, 90, 100):
        after = opened(colorize(encoded(gray, "JPEG", quality=quality)).data)
        pillows = opened(encoded(rgb, "JPEG", quality=quality)).quantization
        assert after.quantization[0] == pillows[0]
        np.testing.assert_allclose(after.quantization[1], pillows[1], rtol=0.08, atol=1)


def test_quality_overrides_the_tables(rgb):
    after = opened(colorize(encoded(rgb, "JPEG", quality=30), quality=80).data)
    assert after.quantization == opened(encoded(rgb, "JPEG", quality=80)).quantization


def test_the_tables_turn_with_the_pixels(gray):
    table = [1 + i // 8 * 4 for i in range(64)]  # differs across and down
    image = Image.fromarray(np.ascontiguousarray(gray[:72, :96]))
    exif = Image.Exif()
    exif[274] = 6
    before = encoded(image, "JPEG", qtables=[table], exif=exif)
    after = colorize(before).data
    assert opened(after).quantization[0] == [table[i % 8 * 8 + i // 8] for i in range(64)]
    upright = np.rot90(simplejpeg.decode_jpeg(before, "GRAY")[..., 0], -1).astype(int)
    assert np.mean(np.abs(upright - simplejpeg.decode_jpeg(after, "GRAY")[..., 0]) <= 2) >= 0.97


def test_tables_of_16_bits_stay(rgb):
    """Below quality 25 or so an encoder that is not held to baseline takes steps of more than 255."""
    tables = [[min(32767, 50 * value) for value in one] for one in (jpeg.STANDARD_LUMA, jpeg.STANDARD_CHROMA)]
    before = encoded(rgb, "JPEG", qtables=tables)
    after = colorize(before).data
    assert opened(before).quantization[0] == opened(after).quantization[0] == tables[0]
    assert close(before, after) >= 0.97


@pytest.mark.parametrize("quality", [50, 75, 95])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_off_its_blocks_its_luma_stays(gray, orientation, quality):
    """75 x 101 pixels are no whole blocks: mirrored, they lie in other ones, and the steps have to be fine."""
    exif = Image.Exif()
    exif[274] = orientation
    before = encoded(gray, "JPEG", quality=quality, exif=exif)
    after = colorize(before).data
    stored = Image.fromarray(simplejpeg.decode_jpeg(before, "GRAY")[..., 0])
    stored.getexif()[274] = orientation
    upright = np.asarray(ImageOps.exif_transpose(stored)).astype(int)
    assert np.mean(np.abs(upright - simplejpeg.decode_jpeg(after, "GRAY")[..., 0]) <= 2) >= 0.97
    own = set(opened(before).quantization[0]) == set(opened(after).quantization[0])
    assert own == (orientation in (1, 5))  # neither mirrors


@pytest.mark.parametrize("kind", ["RGB", "gray gamma"])
def test_gray_that_was_not_the_files_luma_stays_too(gray, rgb, kind):
    if kind == "RGB":
        before = encoded(rgb, "JPEG", keep_rgb=True, quality=75)
    else:
        before = encoded(gray, "JPEG", quality=75, icc_profile=icc.gray_profile(icc.gamma_curve(1.8)))
    wanted = luma(colorize(before, output_format=formats.PNG).data)
    after = simplejpeg.decode_jpeg(colorize(before).data, "GRAY")[..., 0]
    assert np.mean(np.abs(wanted - after) <= 2) >= 0.97


# 2: a colour photo given.


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_at_equal_gray_no_colour_of_the_input_changes_a_byte_of_the_output(gray, kind):
    outputs = []
    for seed in (0, 1):
        chroma = np.random.default_rng(seed).normal(0, 0.2, (4, 6, 2)).astype("float32")
        picture = merge_ycc(gray, chroma) if kind == "JPEG" else Image.fromarray(merge(gray, chroma))
        outputs.append(colorize(encoded(picture, kind)).data)
    assert outputs[0] == outputs[1]


def sepia(gray):
    return np.stack([np.clip(gray * 1.07, 0, 255), gray * 0.9, gray * 0.66], -1).astype("uint8")


def hand_tinted(gray):
    picture = np.repeat(gray[..., None], 3, 2).astype(int)
    picture[45:58, 62:88] += [60, 10, -20]  # rosy cheeks on a gray photo
    return np.clip(picture, 0, 255).astype("uint8")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_skip_color_leaves_colour_alone_and_sepia_counts_as_gray(gray, rgb, kind):
    settings = {"lossless": True} if kind == "WEBP" else {}
    for picture, colorful in ((rgb, True), (hand_tinted(gray), True), (sepia(gray), False), (gray, False)):
        result = colorize(encoded(picture, kind, **settings), skip_color=True)
        assert (result.outcome == "has color") == colorful
        assert (result.data is None) == colorful
        assert colorize(encoded(picture, kind, **settings)).data  # without the option it is coloured


# 3: CMYK and YCCK.


def adobe_marker(transform):
    return b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform])


def without_marker(data: bytes, marker: int) -> bytes:
    at = data.index(bytes([0xFF, marker]))
    (size,) = struct.unpack_from(">H", data, at + 2)
    return data[:at] + data[at + 2 + size :]


def ycck(inks: np.ndarray) -> bytes:
    """CMYK [H, W, 4] as Adobe writes it: K inverted, CMY as YCbCr."""
    ycc = np.asarray(Image.fromarray(np.ascontiguousarray(inks[..., :3])).convert("YCbCr"))
    # Decoders take 255 less the RGB of YCC for CMY. Pillow inverts all that it writes as CMYK.
    four = np.concatenate([255 - ycc, inks[..., 3:]], -1)
    height, width, _ = four.shape
    data = encoded(Image.frombytes("CMYK", (width, height), four.tobytes()), "JPEG", quality=95)
    return without_marker(data, 0xEE)[:2] + adobe_marker(2) + without_marker(data, 0xEE)[2:]


@pytest.fixture
def inks(rgb):
    """CMYK [H, W, 4] of the coloured picture, with black where it is dark."""
    cmy = 255 - rgb.astype(int)
    black = np.clip(cmy.min(-1) - 60, 0, 255)
    share = np.maximum(255 - black, 1)[..., None]
    return np.concatenate([np.clip((cmy - black[..., None]) * 255 / share, 0, 255), black[..., None]], -1).astype(
        "uint8"
    )


@pytest.mark.parametrize("form", ["adobe", "no marker", "ycck"])
def test_cmyk_is_read_right(rgb, inks, form):
    height, width, _ = inks.shape
    plain = encoded(Image.frombytes("CMYK", (width, height), inks.tobytes()), "JPEG", quality=95)
    data = {"adobe": plain, "no marker": without_marker(plain, 0xEE), "ycck": ycck(inks)}[form]
    wanted, got = luma(rgb), luma(colorize(data, output_format=formats.PNG).data)
    assert np.abs(wanted - got).mean() < 6
    assert got[wanted < 30].mean() < 60 and got[wanted > 230].mean() > 200  # dark stays dark
    after = colorize(data)
    assert opened(after.data).mode == "RGB" and has_color(after.data)
    assert "its CMYK becomes RGB" in after.warnings


def test_cmyk_is_read_through_its_profile(inks, cmyk_profile):
    height, width, _ = inks.shape
    image = Image.frombytes("CMYK", (width, height), inks.tobytes())
    data = encoded(image, "JPEG", quality=100, icc_profile=cmyk_profile)
    decoded = opened(data)
    wanted = ImageCms.profileToProfile(
        decoded,
        ImageCms.ImageCmsProfile(io.BytesIO(cmyk_profile)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    result = colorize(data, output_format=formats.PNG)
    assert np.abs(luma(wanted) - luma(result.data)).max() <= 3
    assert np.abs(luma(wanted) - luma(colorize(encoded(decoded, "JPEG"), output_format=formats.PNG).data)).mean() > 5
    assert opened(result.data).info["icc_profile"] == profiles.srgb()


def test_rgb_in_a_jpeg_is_read_right(rgb):
    data = encoded(rgb, "JPEG", keep_rgb=True, quality=98)
    assert np.abs(luma(data) - luma(colorize(data, output_format=formats.PNG).data)).max() <= 1


# 13: pictures behind the first.


def multi_picture(pictures):
    return encoded(pictures[0], "MPO", save_all=True, append_images=pictures[1:])


def test_of_a_multi_picture_jpeg_the_first_is_done_and_the_rest_told(gray, rgb):
    data = multi_picture([Image.fromarray(gray), Image.fromarray(rgb), Image.fromarray(gray)])
    result = colorize(data)
    assert "2 more pages" in result.warnings[0] and "--all-pages" in result.warnings[0]
    assert getattr(opened(result.data), "n_frames", 1) == 1
    assert b"MPF\0" not in result.data
    every = colorize(data, all_pages=True)
    assert every.format is formats.TIFF and opened(every.data).n_frames == 3


def test_a_film_behind_the_picture_is_told(gray):
    result = colorize(encoded(gray, "JPEG") + b"ftypmp42" * 100)
    assert "800 bytes behind the picture" in result.warnings[0]


@pytest.mark.parametrize("frame", [0xC3, 0xC5, 0xCB])
def test_kinds_of_jpeg_that_nothing_decodes_are_named(gray, frame):
    data = encoded(gray, "JPEG").replace(b"\xff\xc0", bytes([0xFF, frame]))
    with pytest.raises(PhotoError, match="a kind of JPEG that is not read here .*: save it as PNG"):
        colorize(data)


def test_chroma_that_nothing_samples_so_is_named(rgb):
    data = encoded(rgb, "JPEG")
    at = data.index(b"\xff\xc0") + 11  # of the first component, its sampling
    with pytest.raises(PhotoError, match="sampled 4 x 2, 1 x 1, 1 x 1"):
        colorize(data[:at] + b"\x42" + data[at + 1 :])


def test_twelve_bits_are_named(gray):
    data = encoded(gray, "JPEG").replace(b"\xff\xc0\x00\x0b\x08", b"\xff\xc1\x00\x0b\x0c")
    with pytest.raises(PhotoError, match="12 bits"):
        colorize(data)


def test_zigzag_is_the_standards():
    start = [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5]
    assert jpeg.ZIGZAG[:16] == start and jpeg.ZIGZAG[-3:] == [55, 62, 63] and sorted(jpeg.ZIGZAG) == list(range(64))
