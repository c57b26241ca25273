"""PBM, PGM and PPM, plain and raw, up to 16 bits (Pillow reads colour of 16 bits as 8)."""

import re
from dataclasses import dataclass, field

import numpy as np

from tfcolor.photo.errors import PhotoError

TOKEN = re.compile(rb"(?:\s|#[^\r\n]*[\r\n])*([0-9]{1,10})")
COMMENT = re.compile(rb"#([^\r\n]*)")
CHANNELS = {b"P1": 1, b"P2": 1, b"P3": 3, b"P4": 1, b"P5": 1, b"P6": 3}


@dataclass
class Pnm:
    """Header: `highest` is the value of white; `start` is where the pixels begin."""

    kind: bytes
    width: int
    height: int
    highest: int
    start: int
    comments: list[bytes] = field(default_factory=list)


def parse(data: bytes) -> Pnm:
    """The header.

    Raises:
        PhotoError: it is damaged.
    """
    kind, at, values = data[:2], 2, []
    for _ in range(2 if kind in (b"P1", b"P4") else 3):
        token = TOKEN.match(data, at)
        if not token:
            raise PhotoError("the header of the PNM file is damaged", "a whole copy of the file")
        values.append(int(token[1]))
        at = token.end()
    width, height, highest = (*values, 1)[:3]
    if not width or not height or not 1 <= highest <= 65535:
        raise PhotoError(f"a PNM file of {width} x {height}, white at {highest}", "sizes above 0, white up to 65535")
    return Pnm(kind, width, height, highest, at + 1, COMMENT.findall(data[:at]))


def decode(data: bytes, pnm: Pnm, allow_truncated: bool) -> tuple[np.ndarray, bool]:
    """The pixels, uint8 or uint16 [H, W] or [H, W, 3] with white at 255 or 65535, and whether some were missing.

    Raises:
        PhotoError: pixels are missing and `allow_truncated` is false, or a number is none.
    """
    channels = CHANNELS[pnm.kind]
    count = pnm.width * pnm.height * channels
    if pnm.kind in (b"P1", b"P2", b"P3"):
        values = _plain_values(data[pnm.start - 1 :], pnm, count)
    elif pnm.kind == b"P4":
        row = -(-pnm.width // 8)
        values = _raw_values(data, pnm, "uint8", row * pnm.height)
        values = np.pad(values, (0, -len(values) % row))
        values = 1 - np.unpackbits(values.reshape(-1, row), axis=1)[:, : pnm.width].reshape(-1)
    else:
        values = _raw_values(data, pnm, ">u2" if pnm.highest > 255 else "uint8", count)
    missing = len(values) < count
    if missing and not allow_truncated:
        raise PhotoError("the PNM file ends early", "--allow-truncated does it as far as it goes")
    kind = "uint16" if pnm.highest > 255 else "uint8"
    white = np.iinfo(kind).max
    values = np.minimum(values, pnm.highest)
    if pnm.highest != white:
        values = (values.astype("uint32") * (2 * white) + pnm.highest) // (2 * pnm.highest)
    pixels = np.zeros(count, kind)
    pixels[: len(values)] = values
    shape = (pnm.height, pnm.width) + ((3,) if channels == 3 else ())
    return pixels.reshape(shape), missing


def _raw_values(data: bytes, pnm: Pnm, kind: str, count: int) -> np.ndarray:
    size = np.dtype(kind).itemsize
    there = min(count, max(0, len(data) - pnm.start) // size)
    return np.frombuffer(data, kind, there, pnm.start) if there else np.zeros(0, kind)


def _plain_values(text: bytes, pnm: Pnm, count: int) -> np.ndarray:
    text = re.sub(rb"#[^\r\n]*", b"", text)
    if pnm.kind == b"P1":
        text = re.sub(rb"(?=[01])", b" ", text)  # its digits may stand without spaces
    if re.search(rb"[^\s0-9]", text):
        raise PhotoError("the PNM file holds something that is no number", "a whole copy of the file")
    values = np.fromstring(text, "int64", count, sep=" ") if text.strip() else np.zeros(0, "int64")
    return 1 - np.minimum(values, 1) if pnm.kind == b"P1" else values


def encode(pixels: np.ndarray, comments: list[bytes]) -> bytes:
    """RGB uint8 or uint16 [H, W, 3] -> a raw PPM."""
    lines = b"".join(b"#" + re.sub(rb"[\r\n]", b" ", comment) + b"\n" for comment in comments)
    height, width, _ = pixels.shape
    header = b"P6\n%s%d %d\n%d\n" % (lines, width, height, np.iinfo(pixels.dtype).max)
    return header + (pixels if pixels.dtype == np.uint8 else pixels.astype(">u2")).tobytes()
