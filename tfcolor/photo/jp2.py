"""JPEG 2000 around its pixels: boxes, or a bare codestream."""

import struct
from dataclasses import dataclass, field

from tfcolor.photo.errors import PhotoError
from tfcolor.photo.notes import CENTIMETRE, Notes, Resolution

SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
CODESTREAM = b"\xff\x4f\xff\x51"
XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
EXIF = b"JpgTiffExif->JP2"
NOTES = (b"uuid", b"uinf", b"xml ")  # boxes that describe, IPTC's and those of maps among them


@dataclass
class Jp2:
    """Size, bits of a sample, components, notes; `boxed`: more than a bare codestream; then `claimed` is
    the size that its header says.
    """

    width: int = 0
    height: int = 0
    bits: int = 8
    components: int = 0
    boxed: bool = False
    claimed: tuple[int, int] = (0, 0)
    notes: Notes = field(default_factory=Notes)


def parse(data: bytes) -> Jp2:
    """The boxes.

    Raises:
        PhotoError: no picture is in them.
    """
    jp2 = Jp2()
    if data.startswith(CODESTREAM):
        _read_codestream(jp2, data)
    else:
        jp2.boxed = True
        for name, start, end in _boxes(data, 0, len(data)):
            if name == b"jp2h":
                _read_header(jp2, data, start, end)
            elif name == b"jp2c":
                _read_codestream(jp2, data[start : start + 64])
            elif name == b"uuid" and data[start : start + 16] == XMP:
                jp2.notes.xmp = data[start + 16 : end]
            elif name == b"uuid" and data[start : start + 16] == EXIF:
                jp2.notes.exif = data[start + 16 : end].removeprefix(b"Exif\0\0")
            elif name in NOTES:
                jp2.notes.own.append((name, data[start:end]))
    if jp2.boxed and (jp2.width, jp2.height) != jp2.claimed:
        raise PhotoError("a JPEG 2000 whose header and pixels disagree on its size", "a whole copy of the file")
    if not jp2.width or not jp2.height:
        raise PhotoError("a JPEG 2000 without a picture", "a whole copy of the file")
    return jp2


def add_notes(encoded: bytes, notes: Notes) -> bytes:
    """A freshly encoded JP2 with EXIF, XMP and its own notes in boxes behind the pixels."""
    boxes = [(b"uuid", kind + note) for kind, note in ((XMP, notes.xmp), (EXIF, notes.exif)) if note]
    boxes += notes.own
    return encoded + b"".join(struct.pack(">I4s", 8 + len(body), name) + body for name, body in boxes)


def _boxes(data: bytes, at: int, end: int):
    while at + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        size = size or end - at
        if size < head:
            return
        yield name, at + head, min(at + size, end)
        at += size


def _read_header(jp2: Jp2, data: bytes, start: int, end: int) -> None:
    for name, at, stop in _boxes(data, start, end):
        if name == b"ihdr" and at + 8 <= stop:
            height, width = struct.unpack_from(">II", data, at)
            jp2.claimed = (width, height)
        elif name == b"colr" and data[at : at + 1] == b"\2":
            jp2.notes.icc = data[at + 3 : stop]
        elif name == b"res ":
            for kind, place, _ in _boxes(data, at, stop):
                if kind in (b"resc", b"resd") and place + 10 <= stop:
                    up, up_of, across, across_of, up_ten, across_ten = struct.unpack_from(">HHHHbb", data, place)
                    if up_of and across_of:
                        x, y = across / across_of * 10.0**across_ten, up / up_of * 10.0**up_ten
                        jp2.notes.resolution = Resolution(x / 100, y / 100, CENTIMETRE)


def _read_codestream(jp2: Jp2, data: bytes) -> None:
    if len(data) < 45 or not data.startswith(CODESTREAM):
        return
    right, bottom, left, top = struct.unpack_from(">IIII", data, 8)
    jp2.width, jp2.height = max(0, right - left), max(0, bottom - top)
    (jp2.components,) = struct.unpack_from(">H", data, 40)
    jp2.bits = (data[42] & 127) + 1
