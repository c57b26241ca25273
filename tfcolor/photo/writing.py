"""A photo and its chroma -> a file's bytes, in its own format or another one, with all that the photo carried."""

import io
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from tfcolor.photo import exif, formats, jp2, jpeg, merging, png, pnm, profiles, tiff, xmp
from tfcolor.photo.directories import SHORT, pack_directory, pack_header, read_header
from tfcolor.photo.directories import field as tiff_field
from tfcolor.photo.errors import PhotoError
from tfcolor.photo.formats import Format
from tfcolor.photo.notes import INCH, Notes
from tfcolor.photo.opening import Opened
from tfcolor.photo.reading import Photo

QUALITY = {"JPEG": 95, "WebP": 90, "AVIF": 90}
HALF_CHROMA_FROM = 1 << 20  # pixels; below, 4:4:4 costs next to nothing
PNG_LEVEL = 3  # twice to four times as fast as 6 and, of photos, about as small: docs/decisions.md


@dataclass(frozen=True)
class Encoding:
    """How to write.

    Attributes:
        format: of the output.
        quality: 1 to 100 of JPEG, WebP and AVIF; None: the photo's own where it has one, else QUALITY.
        chroma: '444', '420' or 'auto', of a JPEG.
        edges: whether chroma follows the edges of the gray.
        agent: what the XMP mark says that coloured it; '' for no mark.
    """

    format: Format
    quality: int | None = None
    chroma: str = "auto"
    edges: bool = False
    agent: str = ""


class Stopwatch:
    """Seconds by stage."""

    def __init__(self):
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """What passed since the last lap was this stage."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now


@dataclass
class Colored:
    """A photo, the chroma that was predicted for it, and the size of the gray that the network saw."""

    photo: Photo
    chroma: np.ndarray
    seen: tuple[int, int]


def check_size(target: Format, width: int, height: int) -> None:
    """Refuse what a format cannot hold.

    Raises:
        PhotoError: a side is longer than the format allows.
    """
    if max(width, height) > target.largest:
        others = formats.names([one for one in (formats.PNG, formats.TIFF) if one is not target])
        raise PhotoError(
            f"{width} x {height} is beyond {target.name}'s {target.largest:,} pixels a side",
            f"--output-format png or tiff ({others} can hold it)",
        )


def encode(colored: Colored, opened: Opened, encoding: Encoding, watch: Stopwatch) -> bytes:
    """One page as a file. Lines about what could not be kept are added to `opened.warnings`."""
    target, warnings = encoding.format, opened.warnings
    if target is formats.TIFF:
        return encode_pages(iter([colored]), opened, encoding)
    colored = replace(colored, photo=_fitted(colored.photo, target, warnings))
    notes = _notes_for(target, colored.photo, opened, encoding)
    if target is formats.JPEG:
        return jpeg.add_notes(_encode_jpeg(colored, opened, encoding, watch), notes, notes.own, warnings)
    if colored.photo.gray.dtype == np.uint16:
        pixels = _deep_pixels(colored, encoding)
        watch.lap("merge")
        return _encode_deep(pixels, target, notes)
    image = _rgb_image(colored, encoding)
    watch.lap("merge")
    return _encode_image(image, target, notes, opened, encoding)


def encode_pages(pages: Iterator[Colored], opened: Opened, encoding: Encoding) -> bytes:
    """All pages as a TIFF. Pages are drawn and written one by one."""
    first = next(pages)
    pixels = sum(width * height for width, height in opened.sizes)
    big = pixels * 4 * first.photo.gray.itemsize > tiff.BIGGEST_CLASSIC
    big = big or (opened.tiff_header is not None and opened.tiff_header.big)

    def written() -> Iterator[tiff.Page]:
        for colored in itertools.chain([first], pages):
            colored = replace(colored, photo=_fitted(colored.photo, formats.TIFF, opened.warnings))
            yield _tiff_page(colored, _notes_for(formats.TIFF, colored.photo, opened, encoding), opened, encoding)

    return tiff.write(written(), _order(opened, first.photo.notes), big)


# Pixels.


def _fitted(photo: Photo, target: Format, warnings: list[str]) -> Photo:
    """The photo with the bits and in the colour space that the format can hold."""
    if photo.gray.dtype == np.uint16 and not target.deep:
        warnings.append(f"it has 16 bits, {target.name} holds 8")
        alpha = None if photo.alpha is None else merging.as_uint8(photo.alpha)
        photo = replace(photo, gray=merging.as_uint8(photo.gray), alpha=alpha)
    if photo.alpha is not None and not target.alpha:
        warnings.append(f"{target.name} holds no transparency: it lies on white now")
    if not target.icc:
        photo = replace(photo, profile=None)
    return photo


def _rgb_strips(colored: Colored, encoding: Encoding) -> Iterator[np.ndarray]:
    """RGB, or RGBA where the format can, from top to bottom, in the profile that is written."""
    photo = colored.photo
    convert = photo.profile is not None and not photo.profile.is_srgb
    for top, strip in merging.merge_strips(photo.gray, colored.chroma, colored.seen, encoding.edges):
        if convert:
            strip = photo.profile.from_srgb(strip)
        if photo.alpha is not None:
            alpha = photo.alpha[top : top + len(strip), :, None]
            strip = np.concatenate([strip, alpha], axis=2) if encoding.format.alpha else _on_white(strip, alpha)
        yield strip


def _on_white(strip: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    white = np.uint32(np.iinfo(strip.dtype).max)
    return ((strip * alpha.astype("uint32") + white * (white - alpha) + white // 2) // white).astype(strip.dtype)


def _rgb_image(colored: Colored, encoding: Encoding) -> Image.Image:
    """RGB or RGBA of 8 bits at full size."""
    image, top = None, 0
    height, width = colored.photo.gray.shape
    for strip in _rgb_strips(colored, encoding):
        image = image or Image.new("RGB" if strip.shape[2] == 3 else "RGBA", (width, height))
        image.paste(Image.fromarray(strip), (0, top))
        top += len(strip)
    return image


def _deep_pixels(colored: Colored, encoding: Encoding) -> np.ndarray:
    """uint16 [H, W, 3 or 4] at full size."""
    pixels, top = None, 0
    for strip in _rgb_strips(colored, encoding):
        if pixels is None:
            pixels = np.empty((*colored.photo.gray.shape, strip.shape[2]), "uint16")
        pixels[top : top + len(strip)] = strip
        top += len(strip)
    return pixels


def _encode_jpeg(colored: Colored, opened: Opened, encoding: Encoding, watch: Stopwatch) -> bytes:
    photo = colored.photo
    small = photo.gray.size < HALF_CHROMA_FROM
    half_chroma = encoding.chroma == "420" or (encoding.chroma == "auto" and not small)
    if photo.alpha is None and (photo.profile is None or photo.profile.is_srgb):
        image = merging.merge_ycc(photo.gray, colored.chroma, colored.seen, encoding.edges, half_chroma)
    else:
        image = _rgb_image(colored, encoding)
    watch.lap("merge")
    settings: dict = {"subsampling": "4:2:0" if half_chroma else "4:4:4"}
    if opened.jpeg_header and encoding.quality is None:
        settings["qtables"] = jpeg.encoding_tables(opened.jpeg_header, photo.turned, photo.same_blocks)
    else:
        settings["quality"] = encoding.quality or QUALITY["JPEG"]
    return _saved(image, "JPEG", **settings)


def _encode_deep(pixels: np.ndarray, target: Format, notes: Notes) -> bytes:
    """uint16 [H, W, 3 or 4] in a format that holds 16 bits, TIFF apart."""
    import imagecodecs

    if target is formats.PNM:
        return pnm.encode(pixels, notes.comments)
    if target is formats.JP2:
        return jp2.add_notes(imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="jp2", reversible=True), notes)
    return png.add_notes(imagecodecs.png_encode(pixels, level=PNG_LEVEL), notes, notes.own)


def _encode_image(image: Image.Image, target: Format, notes: Notes, opened: Opened, encoding: Encoding) -> bytes:
    """A Pillow image of 8 bits in any format but JPEG and TIFF."""
    if target is formats.PNG:
        return png.add_notes(_saved(image, "PNG", compress_level=PNG_LEVEL), notes, notes.own)
    if target is formats.PNM:
        return pnm.encode(np.asarray(image), notes.comments)
    if target is formats.JP2:
        return jp2.add_notes(_saved(image, "JPEG2000"), notes)
    if target is formats.BMP:
        inch = notes.resolution.per(INCH) if notes.resolution and notes.resolution.unit else None
        return _saved(image, "BMP", **({"dpi": (inch.x, inch.y)} if inch else {}))
    settings = {"quality": encoding.quality or QUALITY[target.name], "icc_profile": notes.icc}
    settings |= {name: note for name, note in (("exif", notes.exif), ("xmp", notes.xmp)) if note}
    if target is formats.AVIF and notes.exif:
        settings["exif"] = exif.without_orientation(notes.exif)  # Pillow would write a block with one anew
    if target is formats.WEBP:
        lossless = opened.format is formats.WEBP and opened.lossless and encoding.quality is None
        settings |= {"lossless": lossless, "exact": True}
    return _saved(image, target.pillow, **settings)


def _saved(image: Image.Image, kind: str, **settings) -> bytes:
    file = io.BytesIO()
    try:
        image.save(file, kind, **settings)
    except (OSError, ValueError) as error:
        raise PhotoError(f"{kind} cannot be written ({error})", "--output-format png") from error
    return file.getvalue()


def _tiff_page(colored: Colored, notes: Notes, opened: Opened, encoding: Encoding) -> tiff.Page:
    compression = tiff.DEFLATE
    if opened.tiff_header:
        own = opened.tiff_header.pages[0][1].number(tiff.COMPRESSION, tiff.NONE)
        compression = own if own in tiff.LOSSLESS else tiff.DEFLATE
    height, width = colored.photo.gray.shape
    encoding = replace(encoding, format=formats.TIFF)
    return tiff.Page(width, height, _rgb_strips(colored, encoding), compression, notes, notes.own)


def _order(opened: Opened, notes: Notes) -> str:
    """The byte order of a TIFF: that of the directories which it takes over."""
    if opened.tiff_header:
        return opened.tiff_header.order
    return read_header(notes.exif)[0] if notes.exif else "<"


# Notes.


def _notes_for(target: Format, photo: Photo, opened: Opened, encoding: Encoding) -> Notes:
    """The photo's notes as far as the format holds them, with the mark; a warning names what it does not."""
    notes, lost = replace(photo.notes, comments=list(photo.notes.comments)), []
    if opened.format is not target:
        only_there = [one for one in notes.own if getattr(one, "tag", None) not in tiff.IN_EXIF]
        if only_there:
            lost.append(f"{len(only_there)} notes that only {opened.format.name} holds")
        notes.own = []
    if notes.exif and not target.exif:
        lost.append("EXIF")
    if notes.xmp and not target.xmp:
        lost.append("XMP")
    if notes.photoshop and target not in (formats.JPEG, formats.TIFF):
        lost.append("IPTC")
    if notes.comments and target not in (formats.JPEG, formats.PNG, formats.PNM):
        lost.append("comments")
    if target in (formats.WEBP, formats.AVIF, formats.JP2) and not _with_resolution_in_exif(notes):
        lost.append("resolution")
    if target is formats.PNM and notes.resolution and notes.resolution.unit:
        lost.append("resolution")
    if lost:
        opened.warnings.append(f"{target.name} cannot hold its {', '.join(lost)}: left out")
    notes.icc = b"" if not target.icc else photo.profile.icc if photo.profile else profiles.srgb()
    if encoding.agent:
        _mark(notes, target, encoding.agent, opened.warnings)
    return notes


def _mark(notes: Notes, target: Format, agent: str, warnings: list[str]) -> None:
    """Say that the colour was invented, and by what."""
    if target is formats.PNM:
        notes.comments.append(f" colour invented by {agent}".encode())
    elif not target.xmp:
        warnings.append(f"{target.name} has no place for the mark that its colour was invented")
    else:
        try:
            notes.xmp = xmp.mark(notes.xmp, agent)
        except xmp.BrokenPacket as error:
            warnings.append(f"its XMP is damaged ({error}) and left out")
            notes.xmp = xmp.mark(b"", agent)


def _with_resolution_in_exif(notes: Notes) -> bool:
    """Whether EXIF holds the resolution, for formats that have no other place; put there if there is no EXIF yet."""
    if not notes.resolution or not notes.resolution.unit:
        return True
    if notes.exif:
        return exif.X_RESOLUTION in exif.read(notes.exif).main.entries
    inch = notes.resolution.per(INCH)
    fields = [
        tiff.rational(exif.X_RESOLUTION, inch.x, "<"),
        tiff.rational(exif.Y_RESOLUTION, inch.y, "<"),
        tiff_field(exif.RESOLUTION_UNIT, SHORT, [2], "<"),
    ]
    notes.exif = pack_header(8, "<") + pack_directory(fields, 8, "<")
    return True
