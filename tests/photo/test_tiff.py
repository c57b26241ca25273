"""PHOTOS.md groups 12 and 13: TIFF of all kinds, pages and frames."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
import tifffile
from making import colorize, encoded, has_color, luma, opened
from PIL import Image

from tfcolor.photo import PhotoError, formats, tiff
from tfcolor.photo.directories import field


def written(array, **settings) -> bytes:
    """By tifffile, which is not what is tested."""
    file = io.BytesIO()
    tifffile.imwrite(file, array, **({"metadata": None} | settings))
    return file.getvalue()


COMPRESSIONS = {"raw": 1, "tiff_lzw": 5, "tiff_adobe_deflate": 8, "packbits": 32773, "zstd": 50000, "lzma": 34925}


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_lossless_compression_is_kept(gray, rgb, name):
    for picture in (gray, rgb):
        after = colorize(encoded(picture, "TIFF", compression=name)).data
        assert opened(after).tag_v2[259] == COMPRESSIONS[name]
        np.testing.assert_allclose(luma(after), luma(picture), atol=1)
        np.testing.assert_array_equal(tifffile.imread(io.BytesIO(after)), np.asarray(opened(after)))
        assert has_color(after)


@pytest.mark.parametrize("name", ["group3", "group4", "tiff_ccitt"])
def test_fax_compression_becomes_deflate(gray, name):
    bilevel = Image.fromarray(gray).convert("1")
    after = colorize(encoded(bilevel, "TIFF", compression=name)).data
    np.testing.assert_array_equal(luma(after), luma(bilevel.convert("L")))
    assert opened(after).tag_v2[259] == 8


def test_jpeg_inside(gray, rgb):
    for picture in (gray, rgb):
        before = encoded(picture, "TIFF", compression="jpeg", quality=95)
        after = colorize(before).data
        assert np.abs(luma(after) - luma(before)).max() <= 2 and opened(after).tag_v2[259] == 8


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_white_is_zero(gray, dtype):
    picture = gray.astype(dtype) * (257 if dtype == "uint16" else 1)
    after = colorize(written(~picture, photometric="miniswhite")).data
    np.testing.assert_array_equal(luma(tifffile.imread(io.BytesIO(after))), picture)


def test_white_is_zero_of_one_bit(gray):
    bilevel = Image.fromarray(gray).convert("1")
    data = encoded(bilevel, "TIFF", tiffinfo={262: 0})
    np.testing.assert_array_equal(luma(colorize(data).data), luma(opened(data).convert("L")))


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0])
def test_floats(gray, white):
    picture = (gray / np.float32(255) * np.float32(white)).astype("float32")
    picture[0, 0], picture[0, 1] = np.nan, -5
    after = tifffile.imread(io.BytesIO(colorize(written(picture)).data))
    assert after.dtype == np.uint16
    np.testing.assert_allclose(luma(after)[1:], (gray * 257.0)[1:], atol=1)
    assert luma(after)[0, 0] == luma(after)[0, 1] == 0


@pytest.mark.parametrize("dtype", ["float64", "float16", "uint32", "int16"])
def test_other_numbers(gray, dtype):
    white = {"float64": 1.0, "float16": 1.0, "uint32": 2**32 - 1, "int16": 2**15 - 1}[dtype]
    picture = (gray / 255 * white).astype(dtype)
    after = tifffile.imread(io.BytesIO(colorize(written(picture)).data))
    np.testing.assert_allclose(luma(after), gray * 257.0, atol=35)


def test_floats_in_colour(rgb):
    after = tifffile.imread(io.BytesIO(colorize(written(rgb / np.float32(255), photometric="rgb")).data))
    np.testing.assert_allclose(luma(after), (rgb * 257.0) @ [0.299, 0.587, 0.114], atol=2)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize(
    "settings",
    [
        {"tile": (16, 32)},
        {"tile": (32, 32), "compression": "zlib"},
        {"rowsperstrip": 7},
        {"rowsperstrip": 9, "compression": "lzw", "predictor": True},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"bigtiff": True, "byteorder": ">", "compression": "packbits"},
        {"compression": "zlib", "predictor": True, "byteorder": ">"},
    ],
    ids=str,
)
def test_layouts(gray, rgb, dtype, settings):
    scale = 257 if dtype == "uint16" else 1
    for picture, more in ((gray, {}), (rgb, {"photometric": "rgb"}), (rgb, {"photometric": "rgb", "planarconfig": 2})):
        picture = picture.astype(dtype) * np.array(scale, dtype)
        stored = np.moveaxis(picture, -1, 0) if "planarconfig" in more else picture
        before = written(np.ascontiguousarray(stored), **settings, **more)
        after = colorize(before).data
        assert after[:4] == before[:4]  # byte order and version stay
        pixels = tifffile.imread(io.BytesIO(after))
        assert pixels.dtype.newbyteorder("=") == dtype
        np.testing.assert_allclose(luma(pixels), luma(picture), atol=1)


def test_cmyk_and_lab(rgb):
    cmyk = Image.fromarray(rgb).convert("CMYK")
    for data in (encoded(cmyk, "TIFF"), written(np.asarray(cmyk).astype("uint16") * 257, photometric="separated")):
        assert np.abs(luma(colorize(data).data) - luma(rgb)).max() <= 2
    from PIL import ImageCms

    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = ImageCms.applyTransform(Image.fromarray(rgb), to_lab)
    assert np.abs(luma(colorize(encoded(lab, "TIFF")).data) - luma(rgb)).mean() < 2


def test_a_palette(rgb):
    palette = Image.fromarray(rgb).quantize(64)
    np.testing.assert_allclose(luma(colorize(encoded(palette, "TIFF")).data), luma(palette.convert("RGB")), atol=1)


def test_tags_that_describe_are_kept_and_those_of_the_layout_are_not(gray):
    texts = {270: "Großmutter, 1938", 315: "Kertész", 306: "1938:05:01 12:00:00", 33432: "© family", 305: "ScanPro 3"}
    texts |= {271: "Epson", 272: "V850", 269: "box 12", 285: "page 1", 316: "scan-pc"}
    info = {tag: text.encode() for tag, text in texts.items()} | {297: (3, 12), 65000: b"a private thing"}
    after = opened(colorize(encoded(gray, "TIFF", tiffinfo=info)).data)
    for tag, text in texts.items():
        assert (
            after.tag_v2[tag].encode("latin-1", "replace").decode("utf-8", "replace").rstrip("\0") == text
            or after.tag_v2[tag] == text
        )
    assert after.tag_v2[297] == (3, 12) and after.tag_v2[65000] == b"a private thing"
    assert after.tag_v2[258] == (8, 8, 8) and after.tag_v2[262] == 2


def test_to_jpeg_the_tags_become_exif_and_what_is_left_is_told(gray):
    result = colorize(
        encoded(gray, "TIFF", tiffinfo={315: "Kertesz", 33432: "family", 65000: b"x"}), output_format=formats.JPEG
    )
    tags = opened(result.data).getexif()
    assert tags[315] == "Kertesz" and tags[33432] == "family"
    assert result.warnings == ("JPEG cannot hold its 1 notes that only TIFF holds: left out",)


def test_exif_and_gps_of_a_tiff_stay(gray):
    """Pillow and tifffile write none into a TIFF, so the file is ours, and Pillow vouches for what is in it."""
    exif = Image.Exif()
    exif[271] = "Voigtlander"
    exif.get_ifd(34665)[37500] = bytes(range(200))
    exif.get_ifd(34853)[1] = "N"
    before = colorize(encoded(gray, "JPEG", exif=exif), output_format=formats.TIFF).data
    for data in (before, colorize(before).data):
        tags = opened(data).getexif()
        assert tags[271] == "Voigtlander"
        assert tags.get_ifd(34665)[37500] == bytes(range(200)) and tags.get_ifd(34853)[1] == "N"


def test_broken_exif_of_a_tiff_is_told_and_the_photo_done(gray):
    own = [field(tiff.EXIF, tiff.LONG, [0x7FFFFFFF], "<"), field(271, 2, b"Voigtlander\0", "<")]
    page = tiff.Page(101, 75, [np.dstack([gray] * 3)], tiff.LZW, tiff.Notes(), own)
    data = tiff.write([page])
    result = colorize(data)
    assert any("EXIF is damaged" in warning for warning in result.warnings)
    assert opened(result.data).tag_v2[271] == "Voigtlander"


def test_layers_of_photoshop_are_told(gray):
    result = colorize(written(gray, extratags=[(37724, "B", 4, b"8BIM", True)]))
    assert any("layers" in warning for warning in result.warnings)
    assert 37724 not in opened(result.data).tag_v2


def test_kinds_that_are_not_read_are_named(gray):
    raw = written(
        gray, photometric="cfa", extratags=[(33421, "H", 2, (2, 2), True), (33422, "B", 4, b"\0\1\1\2", True)]
    )
    with pytest.raises(PhotoError, match="photometric interpretation 32803.: save it as RGB first"):
        colorize(raw)
    many = written(np.zeros((5, 7, 9), "uint16"), photometric="minisblack", planarconfig=1)
    with pytest.raises(PhotoError, match="a TIFF of 9 channels: at most 8 are read"):
        colorize(many)


def test_what_is_written_another_library_reads_the_same(rgb):
    """libtiff through Pillow, and tifffile, on all byte orders and compressions."""
    for order in "<>":
        for big in (False, True):
            for compression in tiff.LOSSLESS:
                for picture in (rgb, rgb.astype("uint16") * 257, np.dstack([rgb, rgb[..., :1]])):
                    height, width, _ = picture.shape
                    strips = [picture[at : at + 11] for at in range(0, height, 11)]
                    page = tiff.Page(width, height, strips, compression, tiff.Notes(), [])
                    data = tiff.write([page, page], order, big)
                    with tifffile.TiffFile(io.BytesIO(data)) as file:
                        assert len(file.pages) == 2
                        for one in file.pages:
                            np.testing.assert_array_equal(one.asarray(), picture)
                    if picture.dtype == np.uint8 and not (big and order == ">"):  # which Pillow does not know
                        np.testing.assert_array_equal(np.asarray(opened(data)), picture)


# 13: pages and frames.


def pages(*arrays, **settings):
    images = [Image.fromarray(array) for array in arrays]
    return encoded(images[0], "TIFF", save_all=True, append_images=images[1:], **settings)


def test_of_a_tiff_with_pages_the_first_is_done_and_the_rest_told(gray):
    data = pages(gray, ~gray, gray[:50, :40])
    result = colorize(data)
    assert result.warnings == ("2 more pages in it: --all-pages does all",)
    assert opened(result.data).n_frames == 1
    np.testing.assert_array_equal(luma(result.data), gray)


def test_all_pages_of_a_tiff(gray):
    data = pages(gray, ~gray, np.ascontiguousarray(gray[:50, :40]), compression="tiff_lzw")
    image = opened(colorize(data, all_pages=True).data)
    assert image.n_frames == 3
    for number, wanted in enumerate((gray, ~gray, gray[:50, :40])):
        image.seek(number)
        np.testing.assert_array_equal(luma(image.copy()), wanted)
        assert image.tag_v2[259] == 5 and image.tag_v2[700]


def test_a_thumbnail_in_the_chain_is_no_page(gray):
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(np.ascontiguousarray(gray[::4, ::4]), subfiletype=1, metadata=None)
        writer.write(gray, metadata=None)
    result = colorize(file.getvalue())
    assert result.warnings == ()
    np.testing.assert_array_equal(luma(result.data), gray)


def test_of_a_raw_file_the_thumbnail_is_not_taken_for_the_photo(gray):
    """As DNG and NEF: a thumbnail in the chain, the sensor's values in a directory below it."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(np.ascontiguousarray(gray[::4, ::4]), subfiletype=1, subifds=1, metadata=None)
        writer.write(gray, subfiletype=0, metadata=None)
    with pytest.raises(PhotoError, match="only a smaller copy of its photo.*: develop it first"):
        colorize(file.getvalue())


def animation(kind, gray):
    frames = [Image.fromarray(np.roll(gray, 20 * i, 1)).convert("P" if kind == "GIF" else "RGB") for i in range(3)]
    settings = {"lossless": True} if kind == "WEBP" else {}
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50, **settings)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_done_and_all_if_asked(gray, kind):
    data = animation(kind, gray)
    result = colorize(data)
    assert "2 more pages in it: --all-pages does all" in result.warnings
    assert getattr(opened(result.data), "n_frames", 1) == 1
    assert np.abs(luma(result.data) - gray).max() <= (4 if kind == "WEBP" else 0) + (3 if kind == "GIF" else 0)
    every = colorize(data, all_pages=True)
    assert every.format is formats.TIFF
    image = opened(every.data)
    assert image.n_frames == 3
    for number in range(3):
        image.seek(number)
        assert np.abs(luma(image.copy()) - np.roll(gray, 20 * number, 1)).max() <= (3 if kind == "GIF" else 0)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_frames_are_decoded_once_each(gray, kind, monkeypatch):
    frames = [Image.fromarray(np.roll(gray, step)) for step in range(12)]
    settings = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **settings)
    opening = []
    monkeypatch.setattr(
        Image, "open", lambda *args, open=Image.open, **kwargs: opening.append(1) or open(*args, **kwargs)
    )
    result = colorize(data, all_pages=True)
    assert len(opening) <= 2  # the first, and all that build on it
    pages = Image.open(io.BytesIO(result.data))
    for number, frame in enumerate(frames):
        pages.seek(number)
        np.testing.assert_allclose(luma(pages.copy()), np.asarray(frame), atol=1)


def test_more_pages_than_anybody_has_are_refused(gray, monkeypatch):
    monkeypatch.setattr("tfcolor.photo.colorizing.MAX_PAGES", 2)
    data = pages(gray, gray, gray)
    with pytest.raises(PhotoError, match="3 pages, more than 2: without --all-pages the first is done"):
        colorize(data, all_pages=True)
    assert colorize(data).data


def test_one_frame_with_all_pages_keeps_its_format(gray):
    assert colorize(encoded(gray, "PNG"), all_pages=True).format is formats.PNG


def test_packbits_goes_row_by_row():
    row = np.repeat(np.arange(5, dtype="uint8"), 30).reshape(1, 50, 3)
    packed = tiff._pack(np.concatenate([row, row]), tiff.PACKBITS, "<")
    half = imagecodecs.packbits_encode(row.tobytes())
    assert packed == half + half


def test_rationals_fit():
    for value in (300.0, 118.11, 1e-9, 1e12, 2**31 - 0.5):
        numerator, denominator = struct.unpack("<II", tiff.rational(282, value, "<").data)
        assert denominator
        assert numerator / denominator == pytest.approx(min(value, 4e9), rel=1e-4, abs=1e-4)
