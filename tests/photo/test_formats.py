"""PHOTOS.md groups 14 to 16: the other formats, small and odd and large photos."""

import builtins
import io
import re
import struct

import numpy as np
import pytest
from making import colorize, encoded, has_color, luma, opened
from PIL import Image

from tfcolor.photo import PhotoError, formats

KINDS = {
    "WEBP": ({}, formats.WEBP, 12),
    "WEBP lossless": ({"lossless": True}, formats.WEBP, 0),
    "AVIF": ({"quality": 95}, formats.AVIF, 12),
    "BMP": ({}, formats.BMP, 0),
    "GIF": ({}, formats.PNG, 0),
    "JPEG2000": ({}, formats.JP2, 0),
    "PPM": ({}, formats.PNM, 0),
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("color", [False, True])
def test_it_comes_out_in_its_own_format_where_that_holds_colour(gray, rgb, name, color):
    settings, target, tolerance = KINDS[name]
    kind = name.split()[0]
    before = encoded(rgb if color else gray, kind, **settings)
    result = colorize(before)
    assert result.format is target
    assert formats.recognise(result.data[: formats.HEAD_SIZE]) is target
    assert ("GIF becomes PNG" in result.warnings) == (kind == "GIF")
    assert np.quantile(np.abs(luma(result.data) - luma(before)), 0.98) <= max(tolerance, 1)
    assert has_color(result.data)


def test_a_lossy_webp_stays_lossy_and_a_lossless_one_lossless(gray):
    assert b"VP8 " in colorize(encoded(gray, "WEBP")).data
    assert b"VP8L" in colorize(encoded(gray, "WEBP", lossless=True)).data
    assert b"VP8 " in colorize(encoded(gray, "WEBP", lossless=True), quality=80).data


@pytest.mark.parametrize(
    "text, highest",
    [
        (b"P1\n# comment\n3 2\n1 0 1\n0 1 0\n", 1),
        (b"P1 3 2 101010", 1),
        (b"P2\n3 2\n# white\n15\n0 5 10\n15 7 1\n", 15),
        (b"P3\n2 1\n255\n255 0 0  0 0 255\n", 255),
        (b"P4\n3 2\n\xa0\x40", 1),
        (b"P5 3 2 255\n\x00\x10\x20\x30\x40\xff", 255),
    ],
)
def test_portable_maps_of_all_kinds(text, highest):
    after = colorize(text).data
    image = Image.open(io.BytesIO(text)).convert("RGB")
    np.testing.assert_allclose(luma(after), luma(image), atol=1)


def test_unknown_chunks_of_a_webp_are_told(gray):
    data = encoded(gray, "WEBP", lossless=True, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")
    data = data[:4] + struct.pack("<I", len(data) + 4) + data[8:] + b"C2PA" + struct.pack("<I", 4) + b"abcd"
    assert any("WebP chunks 'C2PA' are not known" in warning for warning in colorize(data).warnings)


def test_portable_maps_keep_their_comments_and_carry_the_mark():
    after = colorize(b"P5\n# Box 12\n3 2\n255\n\x00\x10\x20\x30\x40\xff", agent="tfcolor 1").data
    assert after.startswith(b"P6\n# Box 12\n# colour invented by tfcolor 1\n3 2\n255\n")


@pytest.mark.parametrize("text", [b"P5\n3 x 255\n", b"P5 0 2 255\n", b"P5 3 2 70000\n", b"P2 2 1 255\n1 -2", b"P5 9"])
def test_broken_portable_maps(text):
    with pytest.raises(PhotoError):
        colorize(text)


def test_jpeg_2000_keeps_exif_and_xmp(gray):
    there = colorize(
        encoded(gray, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\1\0\0\0\0\0\0\0"),
        output_format=formats.JP2,
    ).data
    again = colorize(there).data
    assert again.count(b"softwareAgent>tfcolor<") == 2  # the history has two entries now
    assert b"JpgTiffExif->JP2II*\0" in again


@pytest.mark.parametrize("bits", [12, 16])
def test_jpeg_2000_of_many_bits(bits):
    import imagecodecs

    levels = (np.arange(4096).reshape(64, 64) << (bits - 12)).astype("uint16")
    data = imagecodecs.jpeg2k_encode(levels, level=0, codecformat="jp2", reversible=True, bitspersample=bits)
    got = luma(imagecodecs.jpeg2k_decode(colorize(data).data))
    np.testing.assert_allclose(got, levels / ((1 << bits) - 1) * 65535, atol=0.51)


def test_a_jpeg_2000_whose_headers_disagree_is_refused(gray):
    data = bytearray(encoded(gray, "JPEG2000"))
    struct.pack_into(">I", data, data.index(b"ihdr") + 4, 1_000_000)
    with pytest.raises(PhotoError, match="disagree on its size"):
        colorize(bytes(data), allow_truncated=True)


def test_heic_names_the_extra_where_its_library_is_missing(monkeypatch):
    real = builtins.__import__

    def without_heif(name, *rest):
        if name == "pillow_heif":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_heif)
    with pytest.raises(PhotoError, match=re.escape("pip install 'tfcolor[heic]'")):
        colorize(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))


def test_heic_is_read_with_it(gray):
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(gray).convert("RGB")).save(file, quality=95)
    result = colorize(file.getvalue())
    assert result.format is formats.PNG and "HEIC becomes PNG" in result.warnings
    assert np.abs(luma(result.data) - gray).mean() < 3


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff\xd8",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"\0\0\0\x18ftypisom",
        b"RIFF\0\0\0\0AVI LIST",
        b"BMW is a car",
        b"P7\n",
        b"<svg",
    ],
)
def test_other_things_are_no_photos(head):
    assert formats.recognise(head.ljust(formats.HEAD_SIZE, b" ")) is None


def test_every_ending_leads_to_its_format():
    assert len(formats.BY_ENDING) == sum(len(one.endings) for one in formats.FORMATS)
    assert formats.BY_ENDING[".jpg"] is formats.JPEG and formats.BY_NAME["tiff"] is formats.TIFF
    assert "gif" not in formats.BY_NAME and "heic" not in formats.BY_NAME and "pgm" not in formats.BY_NAME


# 15: small and odd sizes.

SIZES = [(1, 1), (1, 7), (7, 1), (3, 5000), (31, 31), (33, 33), (2, 2), (8191, 9)]


@pytest.mark.parametrize("shape", SIZES, ids=str)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_odd_sizes_come_out_at_the_same_size(kind, shape):
    picture = np.random.default_rng(0).integers(0, 256, shape).astype("uint8")
    for edges in (False, True):
        for chroma in ("444", "420") if kind == "JPEG" else ("auto",):
            after = opened(colorize(encoded(picture, kind), edges=edges, chroma=chroma).data)
            assert after.size == shape[::-1]


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_photo_of_one_gray_comes_out_as_it_is(kind, level):
    picture = np.full((40, 60), level, "uint8")
    after = np.asarray(opened(colorize(encoded(picture, kind)).data).convert("RGB")).astype(int)
    assert np.abs(after - level).max() <= 1


def test_a_negative_is_coloured_as_it_is(gray):
    np.testing.assert_array_equal(luma(colorize(encoded(255 - gray, "PNG")).data), 255 - gray)


# 16: large; memory is measured in test_memory.py.


@pytest.mark.parametrize(
    "target, shape", [(formats.WEBP, (1, 16384)), (formats.JPEG, (65501, 1)), (formats.AVIF, (1, 32769))]
)
def test_beyond_a_formats_limit_one_that_can_is_named(target, shape):
    data = encoded(np.zeros(shape, "uint8"), "PNG")
    with pytest.raises(PhotoError, match=f"is beyond {target.name}'s .* pixels a side: --output-format png or tiff"):
        colorize(data, output_format=target)


@pytest.mark.parametrize("target", [formats.JPEG, formats.WEBP, formats.AVIF])
def test_at_the_limit_it_passes_and_is_read_again(target):
    picture = np.resize(np.arange(200, dtype="uint8"), (1, target.largest))
    assert opened(colorize(encoded(picture, "PNG"), output_format=target).data).size == (target.largest, 1)


def test_the_bmp_of_old_is_read(rgb):
    data = encoded(rgb, "BMP")
    assert struct.unpack_from("<I", data, 14)[0] == 40
    assert np.abs(luma(colorize(data).data) - luma(rgb)).max() <= 1
