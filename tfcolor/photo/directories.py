"""TIFF's directories (TIFF 6.0, BigTIFF): the structure of a TIFF file, of an EXIF block and of a multi-picture JPEG.

Nothing is copied before it is asked for: a directory that claims a gigabyte in each of its entries costs nothing.
"""

import struct
from dataclasses import dataclass

TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
TYPE_CODES = {1: "B", 2: "B", 3: "H", 4: "I", 5: "I", 6: "b", 7: "B", 8: "h", 9: "i", 10: "i"}
TYPE_CODES |= {11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, LONG8 = 1, 2, 3, 4, 5, 7, 16
RATIONALS = (5, 10)

EXIF, GPS, INTEROP = 34665, 34853, 40965  # tags whose value is the place of a directory
SUBDIRECTORIES = (EXIF, GPS, INTEROP)
MAX_ENTRIES = 4096


class BrokenDirectory(ValueError):
    """The structure points outside its block or in a circle, or is beyond any real size."""


@dataclass(frozen=True)
class Entry:
    """One tag: `count` values of `type` that lie at `place` in `block`, in byte order `order` ('<' or '>')."""

    tag: int
    type: int
    count: int
    place: int
    order: str
    block: memoryview

    @property
    def size(self) -> int:
        return self.count * TYPE_SIZES[self.type]

    @property
    def data(self) -> bytes:
        """The values as they are stored."""
        return bytes(self.block[self.place : self.place + self.size])

    @property
    def numbers(self) -> tuple:
        """The values as numbers; a rational is two of them, text and what is undefined are its bytes."""
        count = self.count * 2 if self.type in RATIONALS else self.count
        return struct.unpack(f"{self.order}{count}{TYPE_CODES[self.type]}", self.data)


@dataclass(frozen=True)
class Directory:
    """Entries by tag; its start; where the place of the next directory is written, and that place (0: none)."""

    entries: dict[int, Entry]
    start: int
    next_written_at: int
    next: int

    def numbers(self, tag: int, default: tuple = ()) -> tuple:
        return self.entries[tag].numbers if tag in self.entries else default

    def number(self, tag: int, default: int = 0) -> int:
        """The first value of a tag; the default where there is none, or no whole number."""
        first = next(iter(self.numbers(tag)), default)
        return first if isinstance(first, int) else default

    def places(self, tag: int) -> tuple[int, ...]:
        """The values of a tag that says where things lie, or how long they are; none where that cannot be."""
        values = self.numbers(tag)
        return values if all(isinstance(value, int) and value >= 0 for value in values) else ()


def read_header(block) -> tuple[str, bool, int]:
    """The start of a TIFF structure -> its byte order, whether it is a BigTIFF, the place of its first directory.

    Raises:
        BrokenDirectory: it is no such start.
    """
    head = bytes(block[:16])
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        raise BrokenDirectory("it does not start as a TIFF structure does")
    version = struct.unpack_from(order + "H", head, 2)[0]
    if version == 43 and len(head) == 16:
        return order, True, struct.unpack_from(order + "Q", head, 8)[0]
    if version != 42:
        raise BrokenDirectory(f"its version is {version}, not 42")
    return order, False, struct.unpack_from(order + "I", head, 4)[0]


def read_directory(block, start: int, order: str, big: bool = False) -> Directory:
    """The directory at `start` of `block`. Entries of a type that TIFF does not know are left out, as TIFF asks for.

    Raises:
        BrokenDirectory: it, or one of its values, lies outside the block, it has more than MAX_ENTRIES entries, or
            values that together are larger than the block.
    """
    block = memoryview(block)
    count_code, entry_code, place_code = ("Q", "HHQ", "Q") if big else ("H", "HHI", "I")
    inline_size = 8 if big else 4
    if not 0 <= start < len(block):
        raise BrokenDirectory("a directory lies outside")
    try:
        (count,) = struct.unpack_from(order + count_code, block, start)
        if count > MAX_ENTRIES:
            raise BrokenDirectory(f"a directory of {count:,} entries")
        first = start + struct.calcsize("=" + count_code)
        entry_size = struct.calcsize("=" + entry_code) + inline_size
        end = first + count * entry_size
        entries = {}
        for at in range(first, end, entry_size):
            tag, kind, values = struct.unpack_from(order + entry_code, block, at)
            if kind not in TYPE_SIZES:
                continue
            place = at + entry_size - inline_size
            if values * TYPE_SIZES[kind] > inline_size:
                (place,) = struct.unpack_from(order + place_code, block, place)
            if place + values * TYPE_SIZES[kind] > len(block):
                raise BrokenDirectory(f"tag {tag} points outside")
            entries.setdefault(tag, Entry(tag, kind, values, place, order, block))
        if sum(entry.size for entry in entries.values()) > len(block):
            raise BrokenDirectory("its values are larger than all of it")
    except struct.error:
        raise BrokenDirectory("a directory lies outside") from None
    following = 0
    if end + inline_size <= len(block):  # some writers end an EXIF block without it
        (following,) = struct.unpack_from(order + place_code, block, end)
    return Directory(entries, start, end, following)


def read_chain(block, start: int, order: str, big: bool = False, limit: int = 65536) -> list[Directory]:
    """The directory at `start` and those that follow it, as the pages of a TIFF do.

    Raises:
        BrokenDirectory: one of them is broken, they run in a circle, or there are more than `limit`.
    """
    chain, seen = [], set()
    while start:
        if start in seen:
            raise BrokenDirectory("its directories run in a circle")
        if len(chain) >= limit:
            raise BrokenDirectory(f"more than {limit:,} directories")
        seen.add(start)
        chain.append(read_directory(block, start, order, big))
        start = chain[-1].next
    return chain


def read_below(block, directory: Directory, order: str, big: bool = False) -> dict[int, Directory]:
    """The EXIF, GPS and interoperability directories that hang from `directory` or from each other, by tag.

    Raises:
        BrokenDirectory: as `read_directory`.
    """
    found: dict[int, Directory] = {}
    waiting = [directory]
    while waiting:
        parent = waiting.pop()
        for tag in SUBDIRECTORIES:
            if tag in parent.entries and tag not in found:
                found[tag] = read_directory(block, parent.number(tag), order, big)
                waiting.append(found[tag])
    return found


@dataclass(frozen=True)
class Field:
    """A tag to write: its values packed in the byte order of the file, or, for a directory below, its fields."""

    tag: int
    type: int
    count: int
    data: "bytes | list[Field]"


def field(tag: int, kind: int, values, order: str) -> Field:
    """A field from numbers (a rational from pairs) or, for text and what is undefined, from bytes."""
    if isinstance(values, bytes):
        return Field(tag, kind, len(values) // TYPE_SIZES[kind], values)
    flat = [number for pair in values for number in pair] if kind in RATIONALS else list(values)
    return Field(tag, kind, len(values), struct.pack(f"{order}{len(flat)}{TYPE_CODES[kind]}", *flat))


def pack_directory(fields: list[Field], start: int, order: str, big: bool = False, following: int = 0) -> bytes:
    """The bytes of a directory that will lie at `start`, its values and the directories below it behind it."""
    count_code, entry_code, place_code = ("Q", "HHQ", "Q") if big else ("H", "HHI", "I")
    inline_size = 8 if big else 4
    fields = sorted(fields, key=lambda one: one.tag)
    head_size = struct.calcsize("=" + count_code) + len(fields) * (struct.calcsize("=" + entry_code) + inline_size)
    head, values = struct.pack(order + count_code, len(fields)), b""
    behind = start + head_size + inline_size
    for one in fields:
        place = behind + len(values)
        if isinstance(one.data, list):
            values += pack_directory(one.data, place, order, big)
            inline = struct.pack(order + place_code, place)
        elif len(one.data) > inline_size:
            values += one.data
            inline = struct.pack(order + place_code, place)
        else:
            inline = one.data.ljust(inline_size, b"\0")
        values += b"\0" * (len(values) % 2)  # TIFF: everything at even places
        head += struct.pack(order + entry_code, one.tag, one.type, one.count) + inline
    return head + struct.pack(order + place_code, following) + values


def pack_header(first: int, order: str, big: bool = False) -> bytes:
    """The start of a TIFF structure whose first directory lies at `first`."""
    mark = b"II" if order == "<" else b"MM"
    return mark + (struct.pack(order + "HHHQ", 43, 8, 0, first) if big else struct.pack(order + "HI", 42, first))


def fields_of(directory: Directory, below: dict[int, Directory], without=()) -> list[Field]:
    """A directory that was read, as fields to write: values byte for byte, directories below it included."""
    fields = []
    for tag, entry in directory.entries.items():
        if tag in SUBDIRECTORIES:
            if tag in below:
                rest = {key: value for key, value in below.items() if key != tag}
                fields.append(Field(tag, LONG, 1, fields_of(below[tag], rest)))
        elif tag not in without:
            fields.append(Field(tag, entry.type, entry.count, entry.data))
    return fields
