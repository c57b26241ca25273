"""The formats: how each is recognised, by content alone, and what it can hold. Nothing else is ever opened."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """A format of photos.

    `pillow`: its name there. `endings`: of file names, the first is the one that is written. `written`: whether
    colour is written in it; what is read in another one becomes PNG. `largest`: pixels of a side. `deep`: holds
    16 bits. `alpha`, `exif`, `xmp`, `icc`: holds those.
    """

    name: str
    pillow: str
    endings: tuple[str, ...]
    written: bool = True
    largest: int = 0x7FFFFFFF
    deep: bool = False
    alpha: bool = False
    exif: bool = False
    xmp: bool = False
    icc: bool = False


JPEG = Format("JPEG", "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), largest=65500, exif=True, xmp=True, icc=True)
PNG = Format("PNG", "PNG", (".png", ".apng"), deep=True, alpha=True, exif=True, xmp=True, icc=True)
WEBP = Format("WebP", "WEBP", (".webp",), largest=16383, alpha=True, exif=True, xmp=True, icc=True)
TIFF = Format("TIFF", "TIFF", (".tif", ".tiff"), deep=True, alpha=True, exif=True, xmp=True, icc=True)
GIF = Format("GIF", "GIF", (".gif",), written=False, largest=65535)
BMP = Format("BMP", "BMP", (".bmp", ".dib"))
PNM = Format("PNM", "PPM", (".ppm", ".pgm", ".pbm", ".pnm"), deep=True)
JP2 = Format("JPEG 2000", "JPEG2000", (".jp2", ".j2k", ".jpx", ".jpf"), deep=True, alpha=True, exif=True, xmp=True)
# The format goes to 65,536, but what libavif reads ends earlier.
AVIF = Format("AVIF", "AVIF", (".avif",), largest=32768, alpha=True, exif=True, xmp=True, icc=True)
HEIC = Format("HEIC", "HEIF", (".heic", ".heif", ".hif"), written=False)

FORMATS = (JPEG, PNG, WEBP, TIFF, GIF, BMP, PNM, JP2, AVIF, HEIC)
BY_ENDING = {ending: one for one in FORMATS for ending in one.endings}
# Endings that say less than what is written: gray only, an animation, a codestream without notes.
NEVER_WRITTEN = (".pgm", ".pbm", ".apng", ".j2k", ".jpx", ".jpf")
# What `--output-format` may say.
BY_NAME = {ending[1:]: one for ending, one in BY_ENDING.items() if one.written and ending not in NEVER_WRITTEN}
HEAD_SIZE = 64  # bytes that `recognise` needs

_AVIF_BRANDS = (b"avif", b"avis")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def recognise(head: bytes) -> Format | None:
    """The format that a file's first HEAD_SIZE bytes show, None if it is no photo."""
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return TIFF
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return GIF
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0" and head[14:18] in _BMP_HEADERS:
        return BMP
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] and head[2:3] in b" \t\r\n#":
        return PNM
    if head.startswith((b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")):
        return JP2
    if head[4:8] == b"ftyp":
        brands = [head[8:12], *(head[i : i + 4] for i in range(16, min(len(head), int.from_bytes(head[:4], "big")), 4))]
        if any(brand in _AVIF_BRANDS for brand in brands):
            return AVIF
        if any(brand in _HEIC_BRANDS for brand in brands):
            return HEIC
    return None


_BMP_HEADERS = tuple(size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124))


def names(formats) -> str:
    """'A, B or C'."""
    listed = [one.name for one in formats]
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} or {listed[-1]}"
