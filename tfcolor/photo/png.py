"""PNG around its pixels: chunks and notes."""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from tfcolor.photo.errors import PhotoError
from tfcolor.photo.limits import LET_IT_IN
from tfcolor.photo.notes import CENTIMETRE, INCH, NO_UNIT, Notes, Resolution, listed

SIGNATURE = b"\x89PNG\r\n\x1a\n"
XMP_KEY = b"XML:com.adobe.xmp"
OLD_EXIF_KEYS = (b"Raw profile type exif", b"Raw profile type APP1")
TEXT = (b"tEXt", b"zTXt", b"iTXt")
# What a decoder needs to know: all that Pillow is given.
PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT")
# What says how the gray picture is to be shown, and goes with it.
SHOWING = (b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"hIST", b"sPLT", b"cICP", b"mDCV", b"cLLI", b"iDOT")
GRAY, RGB, GRAY_ALPHA, RGB_ALPHA = 0, 2, 4, 6
# The passes of an interlaced PNG: first column and row, steps across and down.
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
METRES_PER_INCH = 0.0254
MAX_CHUNKS = 1 << 20


@dataclass
class Png:
    """Header, chunks in their order, and whether the end was there and every checksum right."""

    width: int
    height: int
    bits: int
    kind: int
    chunks: list[tuple[bytes, memoryview]]
    damage: str = ""

    def first(self, name: bytes) -> bytes:
        return next((bytes(body) for chunk, body in self.chunks if chunk == name), b"")


def parse(data: bytes) -> Png:
    """The chunks. `damage` tells what is wrong behind the header; what is before it, or whole, is there all the same.

    Raises:
        PhotoError: not even the header is whole.
    """
    view, at = memoryview(data), len(SIGNATURE)
    chunks: list[tuple[bytes, memoryview]] = []
    damage = ""
    while True:
        if at + 12 > len(data):
            damage = "the PNG ends early"
            break
        size, name = struct.unpack_from(">I4s", data, at)
        body = view[at + 8 : at + 8 + size]
        if at + 12 + size > len(data):
            damage = "the PNG ends early"
            chunks.append((name, body))
            break
        (checksum,) = struct.unpack_from(">I", data, at + 8 + size)
        if zlib.crc32(body, zlib.crc32(name)) == checksum:
            chunks.append((name, body))
        else:
            damage = damage or f"wrong checksum in the PNG's {name.decode('latin-1')!r}"
            if name == b"IDAT":
                chunks.append((name, body))
        at += 12 + size
        if name == b"IEND" or len(chunks) > MAX_CHUNKS:
            break
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise PhotoError("the PNG's header is damaged", "a whole copy of the file")
    width, height, bits, kind = struct.unpack_from(">IIBB", chunks[0][1])
    return Png(width, height, bits, kind, chunks, damage)


def pixels_alone(png: Png) -> bytes:
    """The file without its notes, with right checksums and an end: what a decoder is handed."""
    parts = [(name, body) for name, body in png.chunks if name in PIXELS and name != b"IEND"]
    if png.bits == 16:
        sizes = {b"tRNS": {GRAY: 2, RGB: 6}.get(png.kind, 0), b"PLTE": 0}
        parts = [(name, body) for name, body in parts if sizes.get(name, len(body)) == len(body)]
    return SIGNATURE + b"".join(_chunk(name, body) for name, body in [*parts, (b"IEND", b"")])


def check_packed(png: Png) -> None:
    """Unpack the pixels of a PNG of 16 bits and count them: libpng prints what is wrong with them, and goes on.

    Raises:
        PhotoError: they are damaged, too few or too many.
    """
    channels = {GRAY: 1, RGB: 3, GRAY_ALPHA: 2, RGB_ALPHA: 4}.get(png.kind, 0)
    steps = ADAM7 if png.chunks[0][1][12] else ((0, 0, 1, 1),)
    sizes = [(-(-(png.width - x) // dx), -(-(png.height - y) // dy)) for x, y, dx, dy in steps]
    missing = sum(height * (1 + width * channels * 2) for width, height in sizes if width > 0 and height > 0)
    unpacker = zlib.decompressobj()
    try:
        for name, body in png.chunks:
            while name == b"IDAT" and len(body):
                missing -= len(unpacker.decompress(body, 1 << 20))
                body = unpacker.unconsumed_tail
    except zlib.error as error:
        raise PhotoError(f"damaged PNG ({error})", "a whole copy of the file") from None
    if missing or not unpacker.eof or unpacker.unused_data:
        raise PhotoError("damaged PNG (it holds more or fewer pixels than it claims)", "a whole copy of the file")


def read_notes(png: Png, largest: int, warnings: list[str]) -> Notes:
    """What the chunks hold.

    Args:
        largest: how many bytes all packed notes together may unpack to.

    Raises:
        PhotoError: they unpack to more.
    """
    notes, lost, room = Notes(), [], _Room(largest)
    for name, body in png.chunks:
        if name in PIXELS or name in SHOWING:
            continue
        body = bytes(body)
        if name == b"eXIf":
            notes.exif = notes.exif or body.removeprefix(b"Exif\0\0")
        elif name == b"iCCP":
            packed = body.partition(b"\0")[2][1:]
            notes.icc = room.unpack(packed, "colour profile", warnings)
        elif name == b"pHYs" and len(body) == 9:
            x, y, unit = struct.unpack(">IIB", body)
            metre = Resolution(x / 100, y / 100, CENTIMETRE)
            notes.resolution = metre if unit == 1 else Resolution(x, y, NO_UNIT)
        elif name in TEXT:
            key, text = _read_text(name, body, room, warnings)
            if key == XMP_KEY:
                notes.xmp = notes.xmp or text
            elif key in OLD_EXIF_KEYS:
                notes.exif = notes.exif or _from_hex(text).removeprefix(b"Exif\0\0")
            else:
                notes.own.append((name, body))
        elif name == b"tIME" or name[3:].islower():  # the fourth letter says whether a program that does not know
            notes.own.append((name, body))  # a chunk may copy it (PNG specification, 5.4)
        else:
            lost.append(name)
    if lost:
        warnings.append(f"its PNG chunks {listed(lost)} are not known here and left out")
    return notes


def _read_text(name: bytes, body: bytes, room: "_Room", warnings: list[str]) -> tuple[bytes, bytes]:
    key, _, rest = body.partition(b"\0")
    if name == b"tEXt":
        return key, rest
    if name == b"zTXt":
        return key, room.unpack(rest[1:], "text", warnings)
    packed = rest[:1] == b"\1"
    text = rest[2:].split(b"\0", 2)[-1]
    return key, room.unpack(text, "text", warnings) if packed else text


class _Room:
    """What all packed notes together may unpack to, in bytes."""

    def __init__(self, largest: int):
        self._largest, self._left = largest, largest

    def unpack(self, packed: bytes, name: str, warnings: list[str]) -> bytes:
        unpacker = zlib.decompressobj()
        try:
            note = unpacker.decompress(packed, max(self._left, 1))  # 0 would be without end
        except zlib.error:
            warnings.append(f"its {name} is damaged and left out")
            return b""
        self._left -= len(note)
        if unpacker.unconsumed_tail:
            raise PhotoError(
                f"with its {name} its notes unpack to over {self._largest:,} bytes, as bombs do", LET_IT_IN
            )
        return note


def _from_hex(text: bytes) -> bytes:
    """ImageMagick's way of EXIF in PNG: a name, a length, hexadecimal digits."""
    try:
        return bytes.fromhex(b"".join(text.split()[2:]).decode("ascii"))
    except ValueError:
        return b""


def gamma(png: Png) -> float | None:
    """The exponent from values to light, where the file has one and no profile or sRGB chunk overrules it."""
    names = {name for name, _ in png.chunks}
    body = png.first(b"gAMA")
    if names & {b"iCCP", b"sRGB", b"cICP"} or len(body) != 4:
        return None
    (value,) = struct.unpack(">I", body)
    return 100000 / value if value else None


def frames(png: Png) -> int:
    """How many pictures at most: one a frame that is there, whatever the animation claims, and a cover."""
    if not png.first(b"acTL"):
        return 1
    return 1 + sum(name == b"fcTL" for name, _ in png.chunks)


def add_notes(encoded: bytes, notes: Notes, own: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A freshly encoded PNG with its notes, all before the pixels."""
    head_end = len(SIGNATURE) + 25
    chunks = []
    if notes.icc:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(notes.icc)))
    if notes.resolution:
        chunks.append((b"pHYs", _physical_size(notes.resolution)))
    if notes.exif:
        chunks.append((b"eXIf", notes.exif))
    if notes.xmp:
        chunks.append((b"iTXt", XMP_KEY + b"\0\0\0\0\0" + notes.xmp))
    chunks += [(b"tEXt", b"Comment\0" + comment) for comment in notes.comments]
    chunks += own
    start = _without_notes(encoded, head_end)
    # A view: the pixels are copied once.
    return b"".join([encoded[:head_end], *(_chunk(name, body) for name, body in chunks), memoryview(encoded)[start:]])


def _without_notes(encoded: bytes, at: int) -> int:
    """Where the chunks that an encoder added between header and pixels end."""
    while encoded[at + 4 : at + 8] not in (b"PLTE", b"tRNS", b"IDAT"):
        at += 12 + struct.unpack_from(">I", encoded, at)[0]
    return at


def _physical_size(resolution: Resolution) -> bytes:
    if resolution.unit == NO_UNIT:
        return struct.pack(">IIB", round(resolution.x), round(resolution.y), 0)
    inch = resolution.per(INCH)
    return struct.pack(">IIB", *(round(value / METRES_PER_INCH) for value in (inch.x, inch.y)), 1)


def _chunk(name: bytes, body) -> bytes:
    return b"".join((struct.pack(">I", len(body)), name, body, struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))))
