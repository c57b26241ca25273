"""An EXIF block: what must change in it when a photo's pixels do, and nothing else.

A block is a TIFF structure, as a JPEG carries it behind `Exif\\0\\0`. It is changed in place: maker notes hold places
counted from the block's start, so moving anything would break them.
"""

import struct
from dataclasses import dataclass

from tfcolor.photo.directories import (
    EXIF,
    LONG,
    SHORT,
    TYPE_CODES,
    BrokenDirectory,
    Directory,
    read_below,
    read_directory,
    read_header,
)
from tfcolor.photo.notes import CENTIMETRE, INCH, Resolution

ORIENTATION = 274
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
WIDTHS = ((None, 256), (EXIF, 40962))  # where a width may stand: directory, tag
HEIGHTS = ((None, 257), (EXIF, 40963))
THUMBNAIL_PLACE, THUMBNAIL_SIZE = 513, 514
STRIP_PLACES, STRIP_SIZES = 273, 279
HEADER_SIZE, COUNT_SIZE, ENTRY_SIZE, PLACE_SIZE, INLINE_SIZE = 8, 2, 12, 4, 4  # bytes


@dataclass(frozen=True)
class Exif:
    """A block and its directories: `main`, those below it by tag, and the one of the thumbnail, if there is one."""

    block: bytes
    order: str
    main: Directory
    below: dict[int, Directory]
    thumbnail: Directory | None

    @property
    def directories(self) -> list[Directory]:
        """All but the thumbnail's."""
        return [self.main, *self.below.values()]

    @property
    def structure(self) -> list[tuple[int, int]]:
        """From where to where the header and these directories lie."""
        return [(0, HEADER_SIZE), *((one.start, one.next_written_at + PLACE_SIZE) for one in self.directories)]


def read(block: bytes) -> Exif:
    """The directories of a block.

    Raises:
        BrokenDirectory: the block is damaged.
    """
    order, big, first = read_header(block)
    if big:
        raise BrokenDirectory("a BigTIFF as EXIF")
    main = read_directory(block, first, order)
    below = read_below(block, main, order)
    try:
        thumbnail = read_directory(block, main.next, order) if main.next else None
    except BrokenDirectory:
        thumbnail = None
    exif = Exif(block, order, main, below, thumbnail)
    for one in exif.directories:
        for entry in one.entries.values():
            outside = entry.size > INLINE_SIZE
            if outside and any(entry.place < end and start < entry.place + entry.size for start, end in exif.structure):
                raise BrokenDirectory(f"tag {entry.tag} lies on a directory")
    return exif


def orientation(exif: Exif) -> int:
    """1 to 8; 1 where the block does not say or says nonsense."""
    value = exif.main.number(ORIENTATION, 1)
    return value if value in range(1, 9) else 1


def resolution(exif: Exif) -> Resolution | None:
    """What the block says of pixels per inch or centimetre."""
    unit = {2: INCH, 3: CENTIMETRE}.get(exif.main.number(RESOLUTION_UNIT, 2))
    x, y = exif.main.numbers(X_RESOLUTION), exif.main.numbers(Y_RESOLUTION)
    if unit is None or len(x) != 2 or len(y) != 2 or not (x[0] and x[1] and y[0] and y[1]):
        return None
    return Resolution(x[0] / x[1], y[0] / y[1], unit)


def upright(exif: Exif, width: int, height: int, turned: bool) -> bytes:
    """The block for the same photo upright and in colour: orientation 1, its size, no thumbnail; all else as it was.

    Args:
        width, height: of the photo as it is written, in pixels.
        turned: whether the pixels lie on their side now, so that the two resolutions change places.
    """
    block = bytearray(exif.block)
    places = {None: exif.main, **exif.below}
    _write_number(block, exif.main, ORIENTATION, 1)
    for spots, value in ((WIDTHS, width), (HEIGHTS, height)):
        for where, tag in spots:
            if where in places:
                _write_number(block, places[where], tag, value)
    if turned and {X_RESOLUTION, Y_RESOLUTION} <= exif.main.entries.keys():
        x, y = exif.main.entries[X_RESOLUTION], exif.main.entries[Y_RESOLUTION]
        if x.type == y.type and x.count == y.count:
            block[x.place : x.place + x.size], block[y.place : y.place + y.size] = y.data, x.data
    if exif.main.next:
        struct.pack_into(exif.order + "I", block, exif.main.next_written_at, 0)
    if exif.thumbnail:
        _remove_thumbnail(block, exif)
    return bytes(block)


def without_orientation(block: bytes) -> bytes:
    """The block with no orientation in it, for a format that has it elsewhere. Nothing moves but the main entries."""
    exif = read(block)
    start, end = exif.main.start, exif.main.next_written_at
    entries = [block[at : at + ENTRY_SIZE] for at in range(start + COUNT_SIZE, end, ENTRY_SIZE)]
    tag = struct.pack(exif.order + "H", ORIENTATION)
    kept = [entry for entry in entries if not entry.startswith(tag)]
    directory = struct.pack(exif.order + "H", len(kept)) + b"".join(kept) + block[end : end + PLACE_SIZE]
    room = bytes(ENTRY_SIZE * (len(entries) - len(kept)))
    return block[:start] + directory + room + block[end + PLACE_SIZE :]


def _write_number(block: bytearray, directory: Directory, tag: int, value: int) -> None:
    entry = directory.entries.get(tag)
    if entry and entry.count and entry.type in (SHORT, LONG):
        code = TYPE_CODES[entry.type]
        if entry.type == SHORT and value > 0xFFFF:
            return
        struct.pack_into(entry.order + code, block, entry.place, value)


def _remove_thumbnail(block: bytearray, exif: Exif) -> None:
    """Cut the thumbnail off where nothing else lies behind it, else blank it."""
    first = exif.thumbnail
    parts = [(first.start, first.next_written_at + PLACE_SIZE)]
    parts += [(entry.place, entry.place + entry.size) for entry in first.entries.values()]
    for place_tag, size_tag in ((THUMBNAIL_PLACE, THUMBNAIL_SIZE), (STRIP_PLACES, STRIP_SIZES)):
        for place, size in zip(first.places(place_tag), first.places(size_tag), strict=False):
            parts.append((place, place + size))
    used = [(entry.place, entry.place + entry.size) for one in exif.directories for entry in one.entries.values()]
    used += exif.structure
    if min(start for start, _ in parts) >= max(end for _, end in used):
        del block[min(start for start, _ in parts) :]
        return
    for start, end in parts:
        if not any(start < used_end and used_start < end for used_start, used_end in used):
            block[start:end] = bytes(len(block[start:end]))
