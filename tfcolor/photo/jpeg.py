"""JPEG around its pixels: segments, tables, notes, and the pictures that lie behind the first one."""

import struct
from dataclasses import dataclass, field

from tfcolor.photo import directories
from tfcolor.photo.errors import PhotoError
from tfcolor.photo.notes import CENTIMETRE, INCH, NO_UNIT, Notes, Resolution

SOI, EOI, SOS, DQT, COMMENT = 0xD8, 0xD9, 0xDA, 0xDB, 0xFE
APP0, APP1, APP2, APP11, APP13, APP14, APP15 = 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xEE, 0xEF
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
DECODABLE_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}  # Huffman or arithmetic, sequential or progressive, 8 bits
EXIF, XMP, ICC, PHOTOSHOP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0", b"Photoshop 3.0\0"
JFIF, MULTI_PICTURE, ADOBE, CREDENTIALS = b"JFIF\0", b"MPF\0", b"Adobe", b"JP"
PICTURE_LIST = 45058  # tag of the multi-picture index
MAX_PAYLOAD = 65533
MAX_SCANS = 200
SAVE_ANEW = "save it as PNG or TIFF first"
BLOCK = 8  # pixels of a side
FINE_STEP = 4  # of quantisation: its rounding, of 4 / sqrt(12) levels, leaves 97 % of the pixels within 2 levels

ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, (i // 8 if (i // 8 + i % 8) % 2 else i % 8)))
# ISO 10918-1, table K.1 and K.2, row by row.
STANDARD_LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
STANDARD_CHROMA = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
)  # fmt: skip


@dataclass
class Jpeg:
    """The first picture of a file: its frame and its segments before the pixels, in their order.

    `components`: (id, horizontal sampling, vertical sampling, number of its quantisation table). `tables`: by number,
    64 values row by row. `bare`: what decodes to the same pixels, without the notes.
    """

    width: int = 0
    height: int = 0
    precision: int = 8
    progressive: bool = False
    frame: int = 0
    components: list[tuple[int, int, int, int]] = field(default_factory=list)
    tables: dict[int, tuple[int, ...]] = field(default_factory=dict)
    segments: list[tuple[int, bytes]] = field(default_factory=list)
    bare: bytes = b""

    @property
    def is_rgb(self) -> bool:
        """Whether it holds red, green and blue, no luma: as libjpeg tells, by JFIF, then Adobe, then the names."""
        if len(self.components) != 3 or any(m == APP0 and payload.startswith(JFIF) for m, payload in self.segments):
            return False
        for marker, payload in self.segments:
            if marker == APP14 and payload.startswith(ADOBE) and len(payload) >= 12:
                return payload[11] == 0
        return bytes(name for name, *_ in self.components) == b"RGB"


def parse(data: bytes) -> Jpeg:
    """The segments up to the first scan.

    Raises:
        PhotoError: they are damaged, or of a kind of JPEG that no decoder here knows.
    """
    jpeg = Jpeg()
    needed = [b"\xff\xd8"]
    at = 2
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 4 > len(data):
            raise PhotoError("the JPEG ends before its pixels", "a whole copy of the file")
        marker = data[at + 1]
        if marker in (0x00, 0x01, 0xFF, SOI) or 0xD0 <= marker <= 0xD7:
            at += 1
            continue
        if marker == EOI:
            raise PhotoError("a JPEG without pixels", "a whole copy of the file")
        size = struct.unpack_from(">H", data, at + 2)[0]
        payload = data[at + 4 : at + 2 + size]
        if size < 2 or len(payload) < size - 2:
            raise PhotoError("the JPEG ends before its pixels", "a whole copy of the file")
        if marker == SOS:
            break
        if marker in FRAMES:
            _read_frame(jpeg, marker, payload)
        elif marker == DQT:
            _read_tables(jpeg, payload)
        if marker == APP0 and payload.startswith(JFIF):
            needed.append(_segment(APP0, JFIF + _density(None)))
        elif marker == APP14 and payload.startswith(ADOBE):
            needed.append(_segment(APP14, payload))
        elif not APP0 <= marker <= APP15 and marker != COMMENT:
            needed.append(data[at : at + 2 + size])
        if APP0 <= marker <= APP15 or marker == COMMENT:
            jpeg.segments.append((marker, payload))
        at += 2 + size
    jpeg.bare = b"".join(needed) + data[at:]
    if not jpeg.frame:
        raise PhotoError("a JPEG without a frame", "a whole copy of the file")
    if jpeg.frame not in DECODABLE_FRAMES or jpeg.precision != 8:
        kind = f"{jpeg.precision} bits, frame type {jpeg.frame:#x}"
        raise PhotoError(f"a kind of JPEG that is not read here ({kind})", SAVE_ANEW)
    if len(jpeg.components) not in (1, 3, 4):
        raise PhotoError(f"a JPEG of {len(jpeg.components)} components", SAVE_ANEW)
    if jpeg.progressive and data.count(b"\xff\xda") > MAX_SCANS:
        raise PhotoError(f"a JPEG of more than {MAX_SCANS} scans, as no camera writes", "save it anew")
    return jpeg


def _read_frame(jpeg: Jpeg, marker: int, payload: bytes) -> None:
    if len(payload) < 6 or len(payload) < 6 + 3 * payload[5]:
        raise PhotoError("the JPEG's frame is damaged", "a whole copy of the file")
    jpeg.frame, jpeg.progressive = marker, marker in (0xC2, 0xCA)
    jpeg.precision, jpeg.height, jpeg.width, count = struct.unpack_from(">BHHB", payload)
    specs = [payload[6 + 3 * i : 9 + 3 * i] for i in range(count)]
    jpeg.components = [(spec[0], spec[1] >> 4, spec[1] & 15, spec[2]) for spec in specs]


def _read_tables(jpeg: Jpeg, payload: bytes) -> None:
    at = 0
    while at < len(payload):
        code, number = ("H", payload[at] & 15) if payload[at] >> 4 else ("B", payload[at] & 15)
        layout = struct.Struct(f">64{code}")
        if at + 1 + layout.size > len(payload):
            raise PhotoError("the JPEG's quantisation tables are damaged", "a whole copy of the file")
        table = [0] * 64
        for place, value in zip(ZIGZAG, layout.unpack_from(payload, at + 1), strict=True):
            table[place] = value
        jpeg.tables[number] = tuple(table)
        at += 1 + layout.size


def encoding_tables(jpeg: Jpeg, turned: bool, same_blocks: bool) -> list[list[int]]:
    """The tables to write the photo's luma and chroma with: its own; of a gray one, chroma's at the same quality.

    Args:
        turned: the pixels were turned on their side, and so are the tables.
        same_blocks: the luma is the one that was coded, in the same blocks of 8 x 8: its own table gives it back. Any
            other is rounded anew, by up to half a step: luma's steps are at most FINE_STEP then.
    """
    luma = jpeg.tables.get(jpeg.components[0][3], STANDARD_LUMA)
    chroma = jpeg.tables.get(jpeg.components[1][3]) if len(jpeg.components) == 3 else None
    if chroma is None:
        scale = sum(luma) / sum(STANDARD_LUMA)
        chroma = [min(max(round(value * scale), 1), 255) for value in STANDARD_CHROMA]
    if not same_blocks:
        luma = [min(value, FINE_STEP) for value in luma]
    order = [i % 8 * 8 + i // 8 for i in range(64)] if turned else range(64)
    return [[table[i] for i in order] for table in (luma, chroma)]


def read_notes(jpeg: Jpeg, warnings: list[str]) -> Notes:
    """What the segments hold; a line is added to `warnings` for what cannot be kept."""
    notes, credentials = Notes(), False
    profile: dict[int, bytes] = {}
    for marker, payload in jpeg.segments:
        if marker == APP0 and payload.startswith(JFIF) and len(payload) >= 12:
            unit, x, y = struct.unpack_from(">BHH", payload, 7)
            notes.resolution = Resolution(x, y, {1: INCH, 2: CENTIMETRE}.get(unit, NO_UNIT))
        elif marker == APP0 and payload.startswith(b"JFXX"):
            continue  # a thumbnail, gray by now
        elif marker == APP1 and payload.startswith(EXIF):
            notes.exif = notes.exif or payload[len(EXIF) :]
        elif marker == APP1 and payload.startswith(XMP):
            notes.xmp = notes.xmp or payload[len(XMP) :]
        elif marker == APP2 and payload.startswith(ICC) and len(payload) > 14:
            profile[payload[12]] = payload[14:]
        elif marker == APP14 and payload.startswith(ADOBE):
            continue  # the colours of the file that was
        elif marker == APP2 and payload.startswith(MULTI_PICTURE):
            continue  # places of the pictures behind the first: they are not written
        elif marker == APP11 and payload.startswith(CREDENTIALS):
            credentials = True
        elif marker == APP13 and payload.startswith(PHOTOSHOP):
            notes.photoshop += payload[len(PHOTOSHOP) :]
        elif marker == COMMENT:
            notes.comments.append(payload)
        else:
            notes.own.append((marker, payload))
    notes.icc = b"".join(profile[number] for number in sorted(profile))
    if credentials:
        warnings.append("its content credentials (C2PA) are signed for the gray picture and left out")
    return notes


def pictures_behind(data: bytes, jpeg: Jpeg) -> list[bytes]:
    """The pictures behind the first of a multi-picture JPEG (CIPA DC-007); none where their list is damaged."""
    for marker, payload in jpeg.segments:
        if marker != APP2 or not payload.startswith(MULTI_PICTURE):
            continue
        base = data.find(payload) + len(MULTI_PICTURE)
        block = payload[len(MULTI_PICTURE) :]
        try:
            order, _, first = directories.read_header(block)
            listing = directories.read_directory(block, first, order).entries[PICTURE_LIST].data
        except (directories.BrokenDirectory, KeyError):
            return []
        entries = [struct.unpack_from(order + "III", listing, at) for at in range(0, len(listing) - 15, 16)]
        places = [(base + place, size) for _, size, place in entries[1:]]
        return [data[at : at + size] for at, size in places if data[at : at + 2] == b"\xff\xd8"]
    return []


def bytes_behind(data: bytes) -> int:
    """How many bytes lie behind the last end marker: films and other things that phones hang on."""
    end = data.rfind(b"\xff\xd9")
    return len(data[end + 2 :].strip(b"\0")) if end >= 0 else 0


def add_notes(encoded: bytes, notes: Notes, own: list[tuple[int, bytes]], warnings: list[str]) -> bytes:
    """A freshly encoded JPEG with its notes; a line is added to `warnings` for what does not fit."""
    rest = 2
    while encoded[rest + 1] == APP0:
        rest += 2 + struct.unpack_from(">H", encoded, rest + 2)[0]
    segments = [(APP0, JFIF + _density(notes.resolution))]
    for name, marker, head, note in (("EXIF", APP1, EXIF, notes.exif), ("XMP", APP1, XMP, notes.xmp)):
        if len(head) + len(note) > MAX_PAYLOAD:
            warnings.append(f"its {name} ({len(note):,} bytes) does not fit into a JPEG and is left out")
        elif note:
            segments.append((marker, head + note))
    segments += own
    profile = _parts(notes.icc, MAX_PAYLOAD - len(ICC) - 2)
    segments += [(APP2, ICC + bytes([i, len(profile)]) + part) for i, part in enumerate(profile, 1)]
    segments += [(APP13, PHOTOSHOP + part) for part in _parts(notes.photoshop, MAX_PAYLOAD - len(PHOTOSHOP))]
    segments += [(COMMENT, part) for comment in notes.comments for part in _parts(comment, MAX_PAYLOAD)]
    # A view: the pixels are copied once.
    return b"".join([encoded[:2], *(_segment(*segment) for segment in segments), memoryview(encoded)[rest:]])


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _density(resolution: Resolution | None) -> bytes:
    """JFIF 1.1's end: unit and pixels per unit, no thumbnail."""
    resolution = resolution or Resolution(1, 1, NO_UNIT)
    x, y = (min(max(round(value), 1), 0xFFFF) for value in (resolution.x, resolution.y))
    return struct.pack(">HBHHBB", 0x0101, {INCH: 1, CENTIMETRE: 2}.get(resolution.unit, 0), x, y, 0, 0)


def _parts(note: bytes, size: int) -> list[bytes]:
    return [note[at : at + size] for at in range(0, len(note), size)]
