"""WebP around its pixels: RIFF chunks."""

import struct
from dataclasses import dataclass, field

from tfcolor.photo.errors import PhotoError
from tfcolor.photo.notes import Notes

EXIF, XMP, ICC = b"EXIF", b"XMP ", b"ICCP"
PIXELS = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF")


@dataclass
class WebP:
    """Size, whether it is lossless, its pictures, its notes, the names of chunks that are none of these.

    `damage` tells what is missing at its end.
    """

    width: int
    height: int
    lossless: bool
    frames: int
    notes: Notes
    damage: str
    unknown: list[bytes] = field(default_factory=list)


def parse(data: bytes) -> WebP:
    """The chunks.

    Raises:
        PhotoError: no picture is in them.
    """
    webp = WebP(0, 0, False, 0, Notes(), "")
    (claimed,) = struct.unpack_from("<I", data, 4)
    if claimed + 8 > len(data):
        webp.damage = "the WebP ends early"
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + size]
        if name == b"VP8X" and len(body) >= 10:
            webp.width, webp.height = _size24(body[4:7]), _size24(body[7:10])
        elif name == b"ANMF":
            webp.frames += 1
            webp.lossless = webp.lossless or body[16:20] == b"VP8L"
        elif name in (b"VP8 ", b"VP8L"):
            webp.frames += 1
            webp.lossless = name == b"VP8L"
            if not webp.width:
                webp.width, webp.height = _bitstream_size(name, body)
        elif name == EXIF:
            webp.notes.exif = body.removeprefix(b"Exif\0\0")
        elif name == XMP:
            webp.notes.xmp = body
        elif name == ICC:
            webp.notes.icc = body
        elif name not in PIXELS:
            webp.unknown.append(name)
        at += 8 + size + size % 2
    if not webp.width or not webp.frames:
        raise PhotoError("a WebP without a picture", "a whole copy of the file")
    return webp


def _size24(three: bytes) -> int:
    return int.from_bytes(three, "little") + 1


def _bitstream_size(name: bytes, body: bytes) -> tuple[int, int]:
    if name == b"VP8 " and len(body) >= 10:
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    if name == b"VP8L" and len(body) >= 5:
        (bits,) = struct.unpack_from("<I", body, 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return 0, 0
