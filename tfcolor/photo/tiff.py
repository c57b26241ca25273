"""TIFF around its pixels: pages, fields, notes; and a writer that keeps them.

tifffile reads the pixels; they are written here, since no writer lets every field of a photo through, a
directory below it included.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tfcolor.photo import exif, jpeg, photoshop
from tfcolor.photo.directories import (
    BYTE,
    EXIF,
    GPS,
    LONG,
    LONG8,
    RATIONAL,
    SHORT,
    SUBDIRECTORIES,
    UNDEFINED,
    BrokenDirectory,
    Directory,
    Field,
    field,
    fields_of,
    pack_directory,
    pack_header,
    read_below,
    read_chain,
    read_header,
)
from tfcolor.photo.errors import PhotoError
from tfcolor.photo.notes import CENTIMETRE, INCH, NO_UNIT, Notes, Resolution

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SAMPLES = 256, 257, 258, 259, 262, 274, 277
STRIP_PLACES, ROWS_PER_STRIP, STRIP_SIZES, PLANAR, PREDICTOR = 273, 278, 279, 284, 317
PALETTE, TILE_PLACES, TILE_SIZES, EXTRA_SAMPLES, SAMPLE_FORMAT = 320, 324, 325, 338, 339
TILE_WIDTH, TILE_HEIGHT = 322, 323
PLACES_AND_SIZES = ((STRIP_PLACES, STRIP_SIZES), (TILE_PLACES, TILE_SIZES))
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
SUBFILE, SUBPAGES, XMP, IPTC, PHOTOSHOP, ICC, PHOTOSHOP_LAYERS = 254, 330, 700, 33723, 34377, 34675, 37724
# What describes how pixels are stored: written anew, never copied. TIFF 6.0, supplements 1 and 2, technical note 2.
STRUCTURE = frozenset(
    [*range(254, 260), *range(262, 267), 273, 274, 277, 278, 279, 280, 281, 284, *range(288, 294), 300, 301]
    + [317, 318, 319, 320, 321, *range(322, 326), 326, 327, 328, 330, 332, 333, 334, *range(336, 344), 346, 347]
    + [*range(512, 522), *range(529, 533), 559, 34675, 37724, 50784, 50838, 50839]
)
# Of it, what a decoder needs.
PIXELS = frozenset(
    [256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 338, 339, 340, 341]
    + [347, *range(512, 522), *range(529, 533)]
)
ELSEWHERE = frozenset([X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, XMP, PHOTOSHOP, *SUBDIRECTORIES])
# Of a page's fields, those that an EXIF block has too: description, make, model, software, date, artist, copyright ...
IN_EXIF = frozenset([270, 271, 272, 305, 306, 315, 316, 33432, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, EXIF, GPS])
NONE, LZW, DEFLATE, OLD_DEFLATE, PACKBITS = 1, 5, 8, 32946, 32773
ZSTD, LZMA = 50000, 34925
PREDICTED = (LZW, DEFLATE, OLD_DEFLATE, ZSTD, LZMA)  # are told differences of neighbours
LOSSLESS = (NONE, PACKBITS, *PREDICTED)
JPEG, FAX = 7, (2, 3, 4)
READABLE = (*LOSSLESS, *FAX, JPEG)
DEFLATE_LEVEL = 6  # of libdeflate, in a third of the time that zlib takes for the same
ASSOCIATED, UNASSOCIATED = 1, 2  # extra sample: alpha, with which the colours are or are not multiplied
# Photometric interpretations, and the channels of each.
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE_COLOR, SEPARATED, YCC, LAB = 0, 1, 2, 3, 5, 6, 8
COLORS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE_COLOR: 1, SEPARATED: 4, YCC: 3, LAB: 3}
BIGGEST_CLASSIC = (1 << 32) - (1 << 24)
LARGEST_TILE = 1 << 22  # pixels of a tile that may be larger than its page
JPEG_BLOCK = 64  # pixels, more than any sampling needs
UNSIGNED, SIGNED, FLOAT = 1, 2, 3  # sample formats
REDUCED = 1  # bit of the subfile type: a smaller copy of another page


@dataclass
class Tiff:
    """Byte order, whether it is a BigTIFF, and of each page its number in the file and its directory."""

    data: bytes
    order: str
    big: bool
    pages: list[tuple[int, Directory]]


def parse(data: bytes) -> Tiff:
    """The pages; smaller copies that hang in the same chain are none.

    Raises:
        PhotoError: the directories are damaged, run in a circle, or are beyond any real size.
    """
    try:
        order, big, first = read_header(data)
        chain = list(enumerate(read_chain(data, first, order, big)))
    except BrokenDirectory as error:
        raise PhotoError(f"the TIFF's directory is damaged ({error})", "a whole copy of the file") from None
    pages = [(number, page) for number, page in chain if not page.number(SUBFILE) & REDUCED]
    if not pages and any(SUBPAGES in page.entries for _, page in chain):
        kind = "a TIFF that shows only a smaller copy of its photo, as the raw files of cameras do"
        raise PhotoError(kind, "develop it first, and save it as TIFF")
    pages = pages or chain
    if not pages:
        raise PhotoError("a TIFF without a picture", "a whole copy of the file")
    return Tiff(data, order, big, pages)


@dataclass(frozen=True)
class Layout:
    """How a page's pixels are stored, in TIFF 6.0's numbers."""

    bits: int
    kind: int
    samples: int
    photometric: int
    extra: tuple[int, ...]
    compression: int

    @classmethod
    def of(cls, page: Directory) -> "Layout":
        return cls(
            bits=max(page.numbers(BITS, (1,)), default=1),
            kind=max(page.numbers(SAMPLE_FORMAT, (UNSIGNED,)), default=UNSIGNED),
            samples=page.number(SAMPLES, 1),
            photometric=page.number(PHOTOMETRIC, 1),
            extra=page.numbers(EXTRA_SAMPLES),
            compression=page.number(COMPRESSION, NONE),
        )


def end_of_pixels(page: Directory) -> int:
    """Where the last strip or tile of a page ends."""
    ends = [
        place + size
        for places, sizes in PLACES_AND_SIZES
        for place, size in zip(page.numbers(places), page.numbers(sizes), strict=False)
    ]
    return max(ends, default=0)


def check_packing(tiff: Tiff, number: int) -> None:
    """Refuse a page whose strips or tiles are packed in an unknown way, or that claim to be larger than they should.

    Of all the ways that are known, only JPEG says in each strip how large it is: a decoder would believe it.

    Raises:
        PhotoError: the page is such a one.
    """
    _, page = tiff.pages[number]
    packing = page.number(COMPRESSION, NONE)
    if packing not in READABLE:
        raise PhotoError(f"a TIFF packed by method {packing}", "save it with LZW or Deflate first")
    width = page.number(TILE_WIDTH) or page.number(WIDTH)
    height = page.number(TILE_HEIGHT) or min(page.number(ROWS_PER_STRIP, 1 << 32), page.number(HEIGHT))
    if width * height > max(LARGEST_TILE, 2 * page.number(WIDTH) * page.number(HEIGHT)):
        raise PhotoError(f"a TIFF with tiles of {width} x {height}, larger than itself", "a whole copy of the file")
    if packing != JPEG:
        return
    for places, sizes in PLACES_AND_SIZES:
        for place, size in zip(page.numbers(places), page.numbers(sizes), strict=False):
            if size and place + size <= len(tiff.data):
                strip = jpeg.parse(tiff.data[place : place + size])
                # An encoder may fill a strip up to whole blocks.
                if strip.width > width + JPEG_BLOCK or strip.height > height + JPEG_BLOCK:
                    claim = f"{strip.width} x {strip.height} in a strip of {width} x {height}"
                    raise PhotoError(f"the JPEG inside the TIFF claims {claim}", "a whole copy of the file")


def pixels_alone(tiff: Tiff, number: int) -> bytes:
    """A page as a file of its own without notes nor orientation: what a decoder is handed.

    Of a file that ends early: a plain strip that is cut is filled up with 0; all others that are not whole are empty.
    """
    _, page = tiff.pages[number]
    data = tiff.data
    fields = {one.tag: one for one in fields_of(page, {}) if one.tag in PIXELS}
    if end_of_pixels(page) > len(data):
        layout = Layout.of(page)
        plain = page.number(WIDTH) * page.number(HEIGHT) * layout.samples * layout.bits // 8
        room = plain if layout.compression == NONE else 0
        for places, sizes in PLACES_AND_SIZES:
            pairs = list(zip(page.numbers(places), page.numbers(sizes), strict=False))
            kept = [
                size if place < len(tiff.data) and place + size <= len(tiff.data) + room else 0 for place, size in pairs
            ]
            if kept:
                fields[sizes] = field(sizes, page.entries[sizes].type, kept, tiff.order)
                ends = [place + size for (place, _), size in zip(pairs, kept, strict=True) if size]
                data = data.ljust(max(ends, default=0), b"\0")
    start = len(data) + len(data) % 2
    head = pack_header(start, tiff.order, tiff.big)
    directory = pack_directory(list(fields.values()), start, tiff.order, tiff.big)
    return head + data[len(head) :].ljust(start - len(head), b"\0") + directory


def read_notes(tiff: Tiff, page: Directory, warnings: list[str]) -> Notes:
    """What a page's fields hold. `own` are the fields that describe and do not say how pixels are stored."""
    notes = Notes()
    try:
        below = read_below(tiff.data, page, tiff.order, tiff.big)
    except BrokenDirectory as error:
        warnings.append(f"its EXIF is damaged ({error}) and left out")
        below = {}
    in_exif = [one for one in fields_of(page, below) if one.tag in IN_EXIF and one.type != LONG8]
    if in_exif:
        notes.exif = pack_header(8, tiff.order) + pack_directory(in_exif, 8, tiff.order)
    notes.own = fields_of(page, below, without=STRUCTURE | ELSEWHERE)
    notes.own = [one for one in notes.own if one.tag not in SUBDIRECTORIES]
    notes.xmp = page.entries[XMP].data if XMP in page.entries else b""
    notes.icc = page.entries[ICC].data if ICC in page.entries else b""
    if PHOTOSHOP in page.entries:
        notes.photoshop = page.entries[PHOTOSHOP].data
    elif IPTC in page.entries:
        notes.photoshop = photoshop.with_iptc(page.entries[IPTC].data)
    if PHOTOSHOP_LAYERS in page.entries:
        warnings.append("its Photoshop layers are gray and left out")
    unit = {1: NO_UNIT, 2: INCH, 3: CENTIMETRE}.get(page.number(RESOLUTION_UNIT, 2))
    x, y = page.numbers(X_RESOLUTION), page.numbers(Y_RESOLUTION)
    if unit is not None and len(x) == len(y) == 2 and x[1] and y[1]:
        notes.resolution = Resolution(x[0] / x[1], y[0] / y[1], unit)
    return notes


@dataclass
class Page:
    """A page to write.

    `strips`: uint8 or uint16 [rows, width, 3 or 4] from top to bottom, all of as many rows save the last; the fourth
    channel is alpha. `compression`: one of LOSSLESS.
    """

    width: int
    height: int
    strips: Iterable[np.ndarray]
    compression: int
    notes: Notes
    own: list[Field]


def write(pages: Iterable[Page], order: str = "<", big: bool = False) -> bytes:
    """A TIFF of these pages, in byte order '<' or '>'."""
    out = bytearray(pack_header(16 if big else 8, order, big))
    link = len(out) - (8 if big else 4)  # where the place of the next directory is to be written
    for page in pages:
        fields = _write_pixels(out, page, order, big) + _note_fields(page, order)
        start = len(out)
        struct.pack_into(order + ("Q" if big else "I"), out, link, start)
        out += pack_directory(fields, start, order, big)
        link = start + (8 + 20 * len(fields) if big else 2 + 12 * len(fields))
    return bytes(out)


def _write_pixels(out: bytearray, page: Page, order: str, big: bool) -> list[Field]:
    """Append the strips; the fields that say how to read them."""
    places, sizes, rows, strip = [], [], 0, None
    for strip in page.strips:
        packed = _pack(strip, page.compression, order)
        rows = rows or len(strip)
        places.append(len(out))
        sizes.append(len(packed))
        out += packed + b"\0" * (len(packed) % 2)
    channels, bits = strip.shape[2], strip.dtype.itemsize * 8
    place_type = LONG8 if big else LONG
    numbers = [
        (WIDTH, LONG, [page.width]),
        (HEIGHT, LONG, [page.height]),
        (BITS, SHORT, [bits] * channels),
        (COMPRESSION, SHORT, [page.compression]),
        (PHOTOMETRIC, SHORT, [RGB]),
        (STRIP_PLACES, place_type, places),
        (ORIENTATION, SHORT, [1]),
        (SAMPLES, SHORT, [channels]),
        (ROWS_PER_STRIP, LONG, [rows]),
        (STRIP_SIZES, place_type, sizes),
        (PLANAR, SHORT, [1]),
    ]
    if page.compression in PREDICTED:
        numbers.append((PREDICTOR, SHORT, [2]))
    if channels == 4:
        numbers.append((EXTRA_SAMPLES, SHORT, [UNASSOCIATED]))
    return [field(tag, kind, values, order) for tag, kind, values in numbers]


def _pack(strip: np.ndarray, compression: int, order: str) -> bytes:
    if compression in PREDICTED:
        strip = np.diff(strip, axis=1, prepend=strip[:, :1] * 0)  # predictor 2: each pixel less its left neighbour
    strip = strip.astype(strip.dtype.newbyteorder(order), copy=False)
    if compression == NONE:
        return strip.tobytes()
    import imagecodecs

    if compression == LZW:
        return imagecodecs.lzw_encode(strip.tobytes())
    if compression == ZSTD:
        return imagecodecs.zstd_encode(strip.tobytes())
    if compression == LZMA:
        return imagecodecs.lzma_encode(strip.tobytes())
    if compression == PACKBITS:
        return b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in strip)
    return imagecodecs.deflate_encode(strip.tobytes(), level=DEFLATE_LEVEL)


def _note_fields(page: Page, order: str) -> list[Field]:
    """The fields of the notes: the page's own first, then what its EXIF has besides."""
    notes, fields = page.notes, {one.tag: one for one in page.own}
    iptc_again = IPTC in fields and notes.photoshop == photoshop.with_iptc(fields[IPTC].data)
    resources = b"" if iptc_again else notes.photoshop
    for tag, kind, note in ((XMP, BYTE, notes.xmp), (PHOTOSHOP, BYTE, resources), (ICC, UNDEFINED, notes.icc)):
        if note:
            fields[tag] = field(tag, kind, note, order)
    if notes.resolution:
        unit = {NO_UNIT: 1, INCH: 2, CENTIMETRE: 3}[notes.resolution.unit]
        fields[RESOLUTION_UNIT] = field(RESOLUTION_UNIT, SHORT, [unit], order)
        fields[X_RESOLUTION] = rational(X_RESOLUTION, notes.resolution.x, order)
        fields[Y_RESOLUTION] = rational(Y_RESOLUTION, notes.resolution.y, order)
    if notes.exif:
        block = exif.read(notes.exif)
        for one in fields_of(block.main, block.below, without=STRUCTURE):
            fields.setdefault(one.tag, one)
    return list(fields.values())


def rational(tag: int, value: float, order: str) -> Field:
    """A field of one number, as the fraction nearest to it."""
    fraction = Fraction(min(max(value, 0.0), 4e9)).limit_denominator(10000 if value < 100000 else 1)
    return field(tag, RATIONAL, [fraction.as_integer_ratio()], order)
