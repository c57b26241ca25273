"""Pixels by the libraries that decode, as they lie in the file: Pillow, tifffile, imagecodecs."""

import contextlib
import io
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFile

from tfcolor.photo import tiff
from tfcolor.photo.errors import PhotoError
from tfcolor.photo.formats import Format
from tfcolor.photo.limits import LET_IT_IN, Limits
from tfcolor.photo.merging import strip_bounds

for library in ("tifffile", "imagecodecs"):
    logging.getLogger(library).setLevel(logging.CRITICAL)  # what they have to say becomes our one line
WHOLE_COPY = "a whole copy of the file, or --allow-truncated to do it as far as it goes"
ROWS_AT_ONCE = 64


@dataclass
class Samples:
    """Decoded pixels, as they lie in the file.

    Attributes:
        pixels: uint8 or uint16 [H, W] or RGB [H, W, 3], or a Pillow image in L, RGB, CMYK, LAB or YCbCr.
        alpha: [H, W], None without transparency.
        gamma: the exponent from values to light, where no profile says more.
        orientation: 1 to 8, as EXIF counts; None: EXIF says.
        is_luma: they are the Y that a JPEG holds.
        damage: what was wrong with it, '' if nothing was.
    """

    pixels: Image.Image | np.ndarray
    alpha: np.ndarray | None = None
    gamma: float | None = None
    orientation: int | None = None
    is_luma: bool = False
    damage: str = ""


def trying(kind: Format, call: Callable):
    """Call a decoder; whatever it raises becomes one line."""
    try:
        return call()
    except PhotoError:
        raise
    except Image.DecompressionBombError as error:
        raise PhotoError(str(error).rstrip("."), LET_IT_IN) from None
    except MemoryError:
        raise PhotoError("not enough memory for it", "fewer --workers or a smaller photo") from None
    except Exception as error:  # decoders raise anything, struct.error and KeyError among it
        lines = str(error).split("\n")
        raise PhotoError(f"damaged {kind.name} ({lines[0] or type(error).__name__})", WHOLE_COPY) from error


def pillow(data: bytes, kind: Format) -> Image.Image:
    """Pillow's image of a file, as that format and no other; nothing is decoded yet."""
    return Image.open(io.BytesIO(data), formats=[kind.pillow])


_tolerance = threading.Lock()  # ImageFile.LOAD_TRUNCATED_IMAGES is of the whole process


def decode_with_pillow(data: bytes, kind: Format, page: int, limits: Limits) -> Samples:
    """A page by Pillow; with `limits.allow_truncated` as far as it goes, and what was wrong as `damage`."""
    try:
        with pillow(data, kind) as image:
            return _from_pillow(image, page)
    except (OSError, SyntaxError, EOFError) as error:
        if not limits.allow_truncated:
            raise
        damage = f"damaged {kind.name} ({error})"
    with _tolerance:
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            with pillow(data, kind) as image:
                samples = _from_pillow(image, page)
            samples.damage = damage
            return samples
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False


class Animation:
    """Frames in their order: each is drawn on those before it, so Pillow's image stays open behind the first."""

    def __init__(self, data: Callable[[], bytes], kind: Format, limits: Limits):
        self._data, self._kind, self._limits = data, kind, limits
        self._image: Image.Image | None = None

    def decode(self, page: int) -> Samples:
        if page:
            with contextlib.suppress(OSError, SyntaxError, EOFError):
                if self._image is None or self._image.tell() > page:
                    self._image = pillow(self._data(), self._kind)
                return _from_pillow(self._image, page)
        self._image = None
        return decode_with_pillow(self._data(), self._kind, page, self._limits)


def _from_pillow(image: Image.Image, page: int) -> Samples:
    if page:
        image.seek(page)
    image.load()
    if image.mode.startswith("I;16"):
        return Samples(np.asarray(image).astype("uint16"))
    alpha = None
    if image.has_transparency_data:
        image = image.convert("LA" if image.mode in ("L", "1", "LA", "La") else "RGBA")
        alpha = np.asarray(image.getchannel("A"))
    wanted = {"1": "L", "LA": "L", "L": "L", "CMYK": "CMYK", "LAB": "LAB", "YCbCr": "YCbCr"}.get(image.mode, "RGB")
    return Samples(image if image.mode == wanted else image.convert(wanted), alpha)


def decode_with_tifffile(alone: bytes) -> np.ndarray:
    """The one page of a TIFF, [H, W, samples], numbers as stored. JPEG inside is RGB by then."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(alone)) as file:
        page = file.pages[0]
        pixels = page.asarray(maxworkers=1).reshape(page.shape)
        if "S" in page.axes:
            pixels = np.moveaxis(pixels, page.axes.index("S"), -1)
        return pixels.reshape(page.imagelength, page.imagewidth, -1)


def from_tiff_array(pixels: np.ndarray, layout: tiff.Layout, palette: tuple[int, ...]) -> Samples:
    """A TIFF's pixels [H, W, samples] as 8 or 16 bits, white at the top, alpha apart."""
    colors = tiff.COLORS.get(layout.photometric)
    if colors is None or pixels.shape[2] < colors:
        kind = f"{pixels.shape[2]} channels, photometric interpretation {layout.photometric}"
        raise PhotoError(f"a kind of TIFF that is not read here ({kind})", "save it as RGB first")
    if layout.photometric == tiff.PALETTE_COLOR:
        table = (np.array(palette).reshape(3, -1).T >> 8).astype("uint8")
        return Samples(table[np.minimum(pixels[..., 0], len(table) - 1)])
    if layout.photometric == tiff.LAB:
        return Samples(pillow_image(pixels[..., :3] >> max(0, layout.bits - 8), "LAB"))
    pixels = _as_uint8_or_16(pixels, layout)
    if layout.photometric == tiff.WHITE_IS_ZERO:
        pixels = ~pixels
    if layout.photometric == tiff.SEPARATED:
        inks = pixels[..., :4] if pixels.dtype == np.uint8 else (pixels[..., :4] >> 8).astype("uint8")
        return Samples(pillow_image(inks, "CMYK"))
    if layout.photometric == tiff.YCC and layout.compression != tiff.JPEG:
        return Samples(pixels[..., 0])
    alpha = pixels[..., colors] if pixels.shape[2] > colors and layout.extra[:1] in ((1,), (2,)) else None
    pixels = pixels[..., 0] if colors == 1 else pixels[..., :3]
    if alpha is not None and layout.extra[0] == tiff.ASSOCIATED:
        pixels = _divided(pixels, alpha)
    return Samples(pixels, alpha)


def _as_uint8_or_16(pixels: np.ndarray, layout: tiff.Layout) -> np.ndarray:
    if layout.kind == tiff.FLOAT:
        pixels = np.nan_to_num(pixels, posinf=0, neginf=0)
        highest = pixels.max()
        # Floats are meant to reach 1; some writers keep the 255 or 65,535 of the integers that they came from.
        return _scaled(pixels, next((level for level in (1, 255, 65535) if highest <= level), highest), "uint16")
    white = (1 << layout.bits - (layout.kind == tiff.SIGNED)) - 1
    return _scaled(pixels, white, "uint8" if layout.bits <= 8 else "uint16")


def _divided(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colours that were multiplied with alpha, as they were before."""
    white, divided = np.iinfo(pixels.dtype).max, np.empty_like(pixels)
    for top, bottom in strip_bounds(*pixels.shape[:2]):
        share = np.maximum(alpha[top:bottom], 1) / white
        share = share[..., None] if pixels.ndim == 3 else share
        divided[top:bottom] = np.minimum(np.rint(pixels[top:bottom] / share), white)
    return divided


def pillow_image(pixels: np.ndarray, mode: str) -> Image.Image:
    """[H, W, channels] of integers up to 255 -> Pillow's image in "CMYK" or "LAB"."""
    height, width = pixels.shape[:2]
    pixels = np.ascontiguousarray(pixels, "uint8")
    return Image.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)


def from_array(pixels: np.ndarray, white: int, gamma: float | None = None) -> Samples:
    """[H, W] or [H, W, channels] of more than 8 bits; the second of two and the fourth of four channels is alpha."""
    pixels = _scaled(pixels, white, "uint16")
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels in (1, 3):
        return Samples(pixels.reshape(pixels.shape[:2]) if channels == 1 else pixels, gamma=gamma)
    color = pixels[..., 0] if channels == 2 else pixels[..., :3]
    return Samples(color, pixels[..., -1], gamma=gamma)


def _scaled(pixels: np.ndarray, white: float, dtype: str) -> np.ndarray:
    """Any numbers -> 'uint8' or 'uint16' with `white` at the top."""
    top = np.iinfo(dtype).max
    if pixels.dtype == dtype and white == top:
        return pixels
    scaled = np.empty(pixels.shape, dtype)
    for first in range(0, len(pixels), ROWS_AT_ONCE):
        part = np.clip(pixels[first : first + ROWS_AT_ONCE].astype("float64"), 0, white)
        scaled[first : first + ROWS_AT_ONCE] = np.rint(part * (top / max(white, 1e-12)))
    return scaled
