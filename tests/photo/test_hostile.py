"""PHOTOS.md groups 17 to 19: bombs, truncated and damaged files, what is no photo; and a short fuzz."""

import json
import os
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import icc
import numpy as np
import pytest
import simplejpeg
from bombs import BOMBS, directory
from making import colorize, encoded, luma, opened
from PIL import Image, ImageFile
from test_png import chunk

from tfcolor.photo import Limits, PhotoError, formats, jpeg, png, tiff
from tfcolor.photo.directories import field, fields_of, pack_directory, pack_header

HERE = Path(__file__).parent
SLOW = bool(os.environ.get("TFCOLOR_SLOW"))  # the long forms of some tests


def error_of(data, **options) -> str:
    with pytest.raises(PhotoError) as caught:
        colorize(data, **options)
    line = str(caught.value)
    assert "\n" not in line and re.fullmatch(r".+: .+", line)
    return line


# 17: bombs.


def tiff_of(width, height):
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 5), (262, 3, 1, 1)]
    entries += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 8)]
    return b"II*\0" + struct.pack("<I", 16) + b"\x80\x0b\x60\x50\x38\x24\x16\x0d" + directory(entries)


def claims(kind, width, height):
    """A small file whose header claims a size."""
    one = np.zeros((8, 8), "uint8")
    if kind == "JPEG":
        return encoded(one, "JPEG").replace(b"\x08\x00\x08\x00\x08", b"\x08" + struct.pack(">HH", height, width), 1)
    if kind == "PNG":
        start = png.SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        return start + chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND")
    if kind == "TIFF":
        return tiff_of(width, height)
    if kind == "GIF":
        data = bytearray(encoded(one, "GIF"))
        data[6:10] = struct.pack("<HH", width, height)
        return bytes(data)
    if kind == "BMP":
        data = bytearray(encoded(one, "BMP"))
        data[18:26] = struct.pack("<ii", width, height)
        return bytes(data)
    if kind == "PNM":
        return b"P5\n%d %d\n255\n" % (width, height) + bytes(100)
    if kind == "plain PNM":
        return b"P3\n%d %d\n255\n" % (width, height) + b"1 2 3 " * 100
    if kind == "WEBP":
        body = b"\0" * 4 + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        data = encoded(one, "WEBP")
        return b"RIFF" + struct.pack("<I", len(data) + 10) + b"WEBPVP8X" + struct.pack("<I", 10) + body + data[12:]
    data = bytearray(encoded(one, "JPEG2000", no_jp2=True))
    data[8:16] = struct.pack(">II", width, height)
    return bytes(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "GIF", "BMP", "PNM", "plain PNM", "WEBP", "JPEG2000"])
def test_sizes_beyond_the_limit_are_refused_by_the_header(kind):
    line = error_of(claims(kind, 60000, 60000))
    assert "--max-pixels" in line and "3600000000" in line
    # A limit that lets it in does: what fails then is something else.
    assert "--max-pixels" not in error_of(claims(kind, 600, 600)) if kind in ("TIFF", "PNM", "BMP") else True


def test_a_gifs_frames_count_where_they_are_larger_than_it():
    data = bytearray(encoded(np.zeros((8, 8), "uint8"), "GIF"))
    at = data.index(b"\x2c\0\0\0\0\x08\0\x08\0")
    data[at + 5 : at + 9] = struct.pack("<HH", 10000, 10000)
    assert "10000 x 10000 are more than" in error_of(bytes(data), max_pixels=1 << 22)


def test_frames_count_as_photos():
    frames = [Image.new("L", (400, 400), level) for level in (0, 9, 99)]
    data = encoded(frames[0], "TIFF", save_all=True, append_images=[frames[1], Image.new("L", (2000, 2000))])
    assert colorize(data, max_pixels=200000).data
    assert "--max-pixels 4000000" in error_of(data, max_pixels=200000, all_pages=True)


def test_pillows_own_limit_stays_on_and_is_raised_only_by_hand(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    before = Image.MAX_IMAGE_PIXELS
    Limits().tell_pillow()
    assert Image.MAX_IMAGE_PIXELS == before
    Limits(max_pixels=400_000_000).tell_pillow()
    assert Image.MAX_IMAGE_PIXELS * 2 >= 400_000_000


@pytest.fixture(scope="module")
def bombs():
    """What each bomb cost, measured in a process of its own: (processor seconds, megabytes, what came out)."""
    environment = os.environ | {"PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parents[1]}"}
    done = subprocess.run([sys.executable, str(HERE / "bombs.py")], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return {name: costs for name, *costs in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_cost_a_second_and_200_megabytes_at_most(bombs, name):
    seconds, megabytes, outcome = bombs[name]
    assert seconds < 1.0 and megabytes < 200, bombs[name]
    if name in ("text", "many texts", "XMP", "profile", "huge EXIF"):
        assert "--max-pixels" in outcome
    assert ("circle" in outcome) == name.startswith("circle")
    # XMP is merely left out; LZW and LZMA are unpacked as far as the strip goes, and no further.
    harmless = ("a billion frames", "XMP of a million sources", "XMP as long as is read", "LZW in a TIFF")
    harmless += ("LZMA in a TIFF",)
    assert ": " in outcome or (name in harmless and outcome == "colored")


# 18: truncated and damaged.


def whole_files(gray, rgb):
    return {
        "JPEG": encoded(rgb, "JPEG"),
        "progressive": encoded(rgb, "JPEG", progressive=True),
        "gray JPEG": encoded(gray, "JPEG"),
        "PNG": encoded(rgb, "PNG"),
        "deep PNG": encoded(gray.astype("uint16") * 257, "PNG"),
        "TIFF": encoded(rgb, "TIFF"),
        "LZW": encoded(rgb, "TIFF", compression="tiff_lzw"),
        "WEBP": encoded(rgb, "WEBP"),
        "GIF": encoded(gray, "GIF"),
        "BMP": encoded(rgb, "BMP"),
        "PGM": encoded(gray, "PPM"),
        "AVIF": encoded(rgb, "AVIF"),
        "JPEG2000": encoded(rgb, "JPEG2000"),
    }


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_file_cut_short_is_refused_with_a_line(gray, rgb, share):
    for kind, data in whole_files(gray, rgb).items():
        line = error_of(data[: int(len(data) * share)])
        assert "--allow-truncated" in line or "a whole copy" in line, (kind, line)


@pytest.mark.parametrize("kind", ["JPEG", "progressive", "gray JPEG", "PNG", "deep PNG", "GIF", "PGM", "BMP"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_if_allowed_it_is_done_as_far_as_it_goes(gray, rgb, kind, share):
    large, in_color = (np.asarray(Image.fromarray(one).resize((404, 300))) for one in (gray, rgb))
    data = whole_files(large, in_color)[kind]
    if kind == "GIF":
        data = encoded(large, "GIF", interlace=0)
    result = colorize(data[: int(len(data) * share)], allow_truncated=True, output_format=formats.PNG)
    assert any("done as far as it goes" in warning for warning in result.warnings), result.warnings
    got, wanted = luma(result.data), large if kind == "deep PNG" else luma(opened(data))
    rows = slice(200, 300) if kind == "BMP" else slice(0, 100)  # a BMP is stored from the bottom up
    assert got.shape == wanted.shape
    assert np.abs(got - wanted)[rows].mean() < (15 if kind == "progressive" else 3)


@pytest.mark.parametrize("compression", [tiff.NONE, tiff.LZW, tiff.DEFLATE])
def test_the_strips_that_a_cut_tiff_still_has_are_done(gray, compression):
    strips = [np.dstack([gray[at : at + 10]] * 3) for at in range(0, 75, 10)]
    whole = tiff.write([tiff.Page(101, 75, strips, compression, tiff.Notes(), [])])
    # As scanners write it: the directory in front, the strips behind, of which the last is cut.
    _, page = tiff.parse(whole).pages[0]
    room = 1000
    fields = [one for one in fields_of(page, {}) if one.tag != tiff.STRIP_PLACES]
    places = [place + room for place in page.numbers(tiff.STRIP_PLACES)]
    fields.append(field(tiff.STRIP_PLACES, tiff.LONG, places, "<"))
    front = (pack_header(8, "<") + pack_directory(fields, 8, "<")).ljust(room, b"\0")
    cut = (front + whole)[: places[-1] + 5]
    assert "the TIFF ends early" in error_of(cut)
    result = colorize(cut, allow_truncated=True, output_format=formats.PNG)
    np.testing.assert_array_equal(luma(result.data)[:70], gray[:70])
    assert "the TIFF ends early: done as far as it goes" in result.warnings


@pytest.mark.parametrize("kind", ["PNG", "deep PNG"])
def test_every_flipped_bit_of_a_png_is_seen(gray, rgb, kind):
    data = whole_files(gray, rgb)[kind]
    for at in np.random.default_rng(0).integers(8, len(data), 60):
        broken = bytearray(data)
        broken[at] ^= 1 << int(at) % 8
        error_of(bytes(broken))


def test_a_wrong_checksum_is_named(gray):
    data = bytearray(encoded(gray, "PNG"))
    at = data.index(b"IDAT")
    data[at + 40] ^= 255
    assert "wrong checksum in the PNG's 'IDAT'" in error_of(bytes(data))
    assert colorize(bytes(data), allow_truncated=True).data


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_with_a_piece_missing_from_its_middle_is_refused(rgb, progressive):
    """libjpeg fills the gap with gray and only remarks on it; most programs never hear of that."""
    data = encoded(rgb, "JPEG", progressive=progressive)
    broken = data[: len(data) // 2] + data[-2:]
    opened(broken)  # Pillow finds nothing wrong
    assert "Corrupt JPEG data" in error_of(broken)
    result = colorize(broken, allow_truncated=True)
    assert any("done as far as it goes" in warning for warning in result.warnings)


def test_flipped_bits_of_a_jpeg_are_seen_or_harmless(rgb):
    """A flip that leaves a valid code changes some blocks, and nothing can tell; one that does not is refused."""
    data = encoded(rgb, "JPEG", quality=90)
    start = data.index(b"\xff\xda") + 20
    refused = 0
    for at in np.random.default_rng(1).integers(start, len(data) - 2, 60):
        broken = bytearray(data)
        broken[at] ^= 1 << int(at) % 8
        try:
            colorize(bytes(broken))
        except PhotoError:
            refused += 1
    assert refused > 8


def test_a_missing_end_marker(gray, rgb):
    assert "Premature end" in error_of(encoded(rgb, "JPEG")[:-2])
    assert "the PNG ends early" in error_of(encoded(rgb, "PNG")[:-12])
    assert "the GIF ends early" in error_of(encoded(gray, "GIF")[:-1])


def test_harmless_remarks_of_libjpeg_are_no_damage(rgb):
    data = encoded(rgb, "JPEG")
    odd = data.replace(b"JFIF\0\1\1", b"JFIF\0\3\1", 1)
    with pytest.raises(ValueError, match="unknown JFIF revision"):
        simplejpeg.decode_jpeg(odd, "GRAY")
    assert colorize(odd).warnings == ()


def test_the_tolerance_of_pillow_is_switched_off_again(gray):
    colorize(encoded(gray, "GIF")[:-100], allow_truncated=True)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@pytest.mark.parametrize("at", [4, 20, 200])
def test_a_jpeg_that_ends_in_its_header(rgb, at):
    assert "a whole copy" in error_of(encoded(rgb, "JPEG")[:at])


def test_a_jpeg_without_its_parts():
    with pytest.raises(PhotoError, match="without pixels"):
        jpeg.parse(b"\xff\xd8\xff\xd9\0\0\0\0")
    with pytest.raises(PhotoError, match="without a frame"):
        jpeg.parse(b"\xff\xd8\xff\xda\0\2\0\0")


# 19: no photo.


@pytest.mark.parametrize(
    "data", [b"", b"text\n", b"%PDF-1.7\n%%EOF", b"PK\x03\x04zip", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", bytes(5000)]
)
def test_what_is_no_photo_is_told_in_a_line(data):
    line = error_of(data)
    assert line.startswith("an empty file" if not data else "not a photo: JPEG, PNG, WebP, TIFF")


def test_nothing_but_the_listed_formats_is_opened(gray):
    """Formats that Pillow could open too."""
    for kind in ("ICO", "TGA", "PCX", "SGI", "DDS", "PDF", "EPS"):
        picture = Image.fromarray(gray).convert("RGB") if kind == "EPS" else gray
        assert error_of(encoded(picture, kind)).startswith("not a photo")


# Fuzz.


def test_fuzz():
    """`python tests/photo/fuzz.py --seconds 3600` is the long form."""
    command = [sys.executable, str(HERE / "fuzz.py"), "--count", "20000" if SLOW else "120", "--seed", "7"]
    environment = os.environ | {"PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parents[1]}"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""  # decoders in C are silent too
    assert "'refused'" in done.stdout and "'colored'" in done.stdout


def test_profiles_that_are_fuzzed_break_nothing(gray):
    profile, dice = icc.rgb_profile("Adobe RGB"), np.random.default_rng(0)
    for _ in range(60):
        broken = bytearray(profile)
        for at in dice.integers(0, len(broken), 4):
            broken[at] = dice.integers(0, 256)
        assert colorize(encoded(gray, "PNG", icc_profile=bytes(broken))).data
