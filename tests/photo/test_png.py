"""PHOTOS.md group 9: PNG of all kinds."""

import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from making import colorize, encoded, luma, opened
from PIL import Image, PngImagePlugin

from tfcolor.photo import PhotoError, formats, png


def chunk(name, body=b""):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def made(rows, width, bits, kind, *chunks, interlace=0):
    """A PNG by hand: `rows` is the filtered image data."""
    height = len(rows)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlace))
    return png.SIGNATURE + header + b"".join(chunks) + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND")


def packed(values, bits):
    """[H, W] of few bits -> rows with filter 0."""
    rows = []
    for row in values:
        text = "".join(f"{value:0{bits}b}" for value in row)
        text += "0" * (-len(text) % 8)
        rows.append(b"\0" + bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8)))
    return rows


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_gray_of_few_bits(bits):
    values = np.random.default_rng(bits).integers(0, 2**bits, (40, 37))
    got = luma(colorize(made(packed(values, bits), 37, bits, 0)).data)
    np.testing.assert_array_equal(got, values * 255 // (2**bits - 1))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palettes(bits):
    rng = np.random.default_rng(bits)
    palette = rng.integers(0, 256, (2**bits, 3))
    values = rng.integers(0, 2**bits, (40, 37))
    data = made(packed(values, bits), 37, bits, 3, chunk(b"PLTE", palette.astype("uint8").tobytes()))
    np.testing.assert_allclose(luma(colorize(data).data), luma(palette[values]), atol=1)


def test_rgb_and_interlaced(rgb, gray):
    np.testing.assert_allclose(luma(colorize(encoded(rgb, "PNG")).data), luma(rgb), atol=1)
    # Adam7 by hand: seven passes.
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = [b"\0" + row.tobytes() for y, x, dy, dx in passes for row in gray[y::dy, x::dx]]
    height, width = gray.shape
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1))
    data = png.SIGNATURE + header + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND")
    np.testing.assert_array_equal(luma(colorize(data).data), gray)


def test_trns_becomes_alpha():
    values = np.arange(256).reshape(16, 16)
    gray = made(packed(values, 8), 16, 8, 0, chunk(b"tRNS", struct.pack(">H", 77)))
    alpha = np.asarray(opened(colorize(gray).data))[..., 3]
    np.testing.assert_array_equal(alpha, np.where(values == 77, 0, 255))

    palette = chunk(b"PLTE", bytes(range(48)))
    data = made(packed(values % 16, 4), 16, 4, 3, palette, chunk(b"tRNS", bytes(range(0, 160, 10))))
    np.testing.assert_array_equal(np.asarray(opened(colorize(data).data))[..., 3], values % 16 * 10)

    pixels = np.stack([values, values, values], -1).astype("uint8")
    rows = [b"\0" + row.tobytes() for row in pixels]
    data = made(rows, 16, 8, 2, chunk(b"tRNS", struct.pack(">HHH", 9, 9, 9)))
    np.testing.assert_array_equal(np.asarray(opened(colorize(data).data))[..., 3], np.where(values == 9, 0, 255))


def test_trns_at_16_bits():
    values = np.arange(256).reshape(16, 16) * 250
    rows = [b"\0" + row.astype(">u2").tobytes() for row in values]
    got = imagecodecs.png_decode(colorize(made(rows, 16, 16, 0, chunk(b"tRNS", struct.pack(">H", 2500)))).data)
    np.testing.assert_array_equal(got[..., 3], np.where(values == 2500, 0, 65535))
    np.testing.assert_array_equal(luma(got), values)


@pytest.mark.parametrize("size", [(16, 16), (1, 1), (3, 5), (9, 2), (1, 9)])
def test_interlaced_at_16_bits(size):
    height, width = size
    values = np.random.default_rng(0).integers(0, 65536, size)
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = [b"\0" + row.astype(">u2").tobytes() for y, x, dy, dx in passes for row in values[y::dy, x::dx] if len(row)]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 1))
    data = png.SIGNATURE + header + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND")
    np.testing.assert_array_equal(luma(imagecodecs.png_decode(colorize(data).data)), values)


def test_damage_that_libpng_only_prints_is_refused(gray, capfd):
    rows = [b"\0" + row.astype(">u2").tobytes() for row in gray[:8, :8]]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 0, 0, 0, 0))
    packed = zlib.compress(b"".join(rows))
    wrong_sum = packed[:-1] + bytes([packed[-1] ^ 1])
    for broken in (wrong_sum, packed[:-4], packed + b"more", zlib.compress(b"".join(rows[:-1]))):
        data = png.SIGNATURE + header + chunk(b"tRNS", b"123") + chunk(b"IDAT", broken) + chunk(b"IEND")
        with pytest.raises(PhotoError, match="damaged PNG"):
            colorize(data)
    whole = png.SIGNATURE + header + chunk(b"tRNS", b"123") + chunk(b"IDAT", packed[:9]) + chunk(b"IDAT", packed[9:])
    assert colorize(whole + chunk(b"IEND")).data
    assert capfd.readouterr().err == ""


def test_what_libpng_remarks_on_is_not_printed(gray, caplog):
    rows = [b"\0" + row.astype(">u2").tobytes() for row in gray]
    data = made(rows, gray.shape[1], 16, 0, chunk(b"acTL", struct.pack(">II", 1, 0)), chunk(b"fcTL", bytes(26)))
    np.testing.assert_array_equal(luma(imagecodecs.png_decode(colorize(data).data)), gray)
    assert not caplog.records


def test_text_chunks_stay(gray):
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "Kertész")
    info.add_text("Story", "long " * 200, zip=True)
    info.add_itxt("Titel", "Großmutter ☺", lang="de", tkey="Title", zip=True)
    before = encoded(gray, "PNG", pnginfo=info)
    after = colorize(before).data
    assert opened(after).text.items() >= opened(before).text.items()
    notes = [(name, bytes(body)) for name, body in png.parse(after).chunks if name in png.TEXT]
    assert [(n, bytes(b)) for n, b in png.parse(before).chunks if n in png.TEXT] == notes[1:]  # the first is the mark


def test_unknown_chunks_are_copied_if_they_may_be_and_told_if_not(gray):
    data = encoded(gray, "PNG")
    private, signed = chunk(b"prIv", b"abc"), chunk(b"caBX", b"abc")
    result = colorize(data[:33] + private + signed + data[33:])
    assert private in result.data and signed not in result.data
    assert any("chunks 'caBX' are not known here" in warning for warning in result.warnings)
    assert not any("chunks" in warning for warning in colorize(data).warnings)


def test_packed_texts_share_one_limit(gray):
    data = encoded(gray, "PNG")
    text = chunk(b"zTXt", b"Story\0\0" + zlib.compress(bytes(600_000)))
    assert colorize(data[:33] + text + data[33:], max_pixels=1 << 20).data
    with pytest.raises(PhotoError, match="its notes unpack to over 1,048,576 bytes"):
        colorize(data[:33] + 3 * text + data[33:], max_pixels=1 << 20)


def test_old_exif_in_text_is_read_and_becomes_exif(gray):
    exif = Image.Exif()
    exif[274], exif[305] = 3, "ImageMagick of old"
    block = exif.tobytes()
    raw = b"\nexif\n%8d\n" % len(block) + block.hex().encode() + b"\n"
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", raw.decode(), zip=True)
    after = opened(colorize(encoded(gray[::-1, ::-1].copy(), "PNG", pnginfo=info)).data)
    assert after.getexif()[305] == "ImageMagick of old" and after.getexif()[274] == 1
    assert "Raw profile type exif" not in after.info
    np.testing.assert_array_equal(luma(after), gray)


def with_gamma(gray, value, *more):
    data = encoded(gray, "PNG")
    return data[:33] + chunk(b"gAMA", struct.pack(">I", value)) + b"".join(more) + data[33:]


RAMP = np.tile(np.arange(256, dtype="uint8"), (20, 1))


@pytest.mark.parametrize("value, exponent", [(100000, 1.0), (55556, 1.8), (45455, 2.2)])
def test_gama_is_heeded(value, exponent):
    got = luma(colorize(with_gamma(RAMP, value)).data)[10]
    light = (np.arange(256) / 255) ** exponent
    meant = 255 * np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, 12.92 * light)
    assert np.abs(got - meant).max() <= 1
    assert b"gAMA" not in colorize(with_gamma(RAMP, value)).data


def test_gama_gives_way_to_srgb_and_to_nonsense():
    for data in (with_gamma(RAMP, 100000, chunk(b"sRGB", b"\0")), with_gamma(RAMP, 0)):
        np.testing.assert_array_equal(luma(colorize(data).data)[10], np.arange(256))


def test_gama_in_colour(rgb):
    light = rgb / 255
    value = 255 * np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, 12.92 * light)
    got = luma(colorize(with_gamma(rgb, 100000)).data)
    assert np.abs(got - value @ [0.299, 0.587, 0.114]).max() <= 1.5


def test_notes_of_other_formats_are_told(gray):
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "Kertész")
    result = colorize(encoded(gray, "PNG", pnginfo=info), output_format=formats.JPEG)
    assert result.warnings == ("JPEG cannot hold its 1 notes that only PNG holds: left out",)
