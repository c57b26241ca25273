"""GIF around its pixels: blocks."""

import struct
from dataclasses import dataclass

from tfcolor.photo.errors import PhotoError
from tfcolor.photo.notes import Notes

XMP = b"XMP DataXMP"


@dataclass
class Gif:
    """Size, with all that its pictures cover; number of pictures; notes; `damage` tells what is missing at its end."""

    width: int
    height: int
    frames: int
    notes: Notes
    damage: str = ""


def parse(data: bytes) -> Gif:
    """The blocks.

    Raises:
        PhotoError: no picture is in them.
    """
    if len(data) < 13:
        raise PhotoError("the GIF's header is damaged", "a whole copy of the file")
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    gif, at = Gif(width, height, 0, Notes()), 13 + _palette_size(flags)
    while at < len(data):
        kind = data[at]
        if kind == 0x3B:
            break
        if kind == 0x2C and at + 10 <= len(data):
            gif.frames += 1
            left, top, across, down = struct.unpack_from("<HHHH", data, at + 1)
            gif.width, gif.height = max(gif.width, left + across), max(gif.height, top + down)
            at = _after_blocks(data, at + 11 + _palette_size(data[at + 9]))
        elif kind == 0x21 and at + 2 <= len(data):
            label, end = data[at + 1], _after_blocks(data, at + 2)
            if label == 0xFE:
                gif.notes.comments.append(_joined(data, at + 2))
            elif label == 0xFF and data[at + 3 : at + 14] == XMP:
                # XMP lies bare behind the name; what follows its 257 bytes of trailer ends the block.
                gif.notes.xmp = data[at + 14 : end - 1][:-257]
            at = end
        else:
            break
    if at >= len(data) or data[at] != 0x3B:
        gif.damage = "the GIF ends early"
    if not gif.frames:
        raise PhotoError("a GIF without a picture", "a whole copy of the file")
    return gif


def _palette_size(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1


def _joined(data: bytes, at: int) -> bytes:
    parts = []
    while at < len(data) and data[at]:
        parts.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(parts)
