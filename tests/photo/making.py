"""Files made for the tests, a network that is none, and what a test looks at in what comes out."""

import io

import numpy as np
from PIL import Image

from tfcolor.photo import Limits, Options, Result, colorize_photo


def predict(gray):
    """In place of a network: chroma at a quarter of the size, orange to the left and blue to the right."""
    assert gray.dtype == np.uint8 and gray.ndim == 2 and gray.flags.c_contiguous
    height, width = (-(-side // 4) for side in gray.shape)
    side = np.linspace(-1, 1, width, dtype="float32")
    return np.broadcast_to(np.stack([0.12 * side, -0.1 * side], -1), (height, width, 2)).astype("float32")


def encoded(picture, kind, **settings) -> bytes:
    """An array or a Pillow image as a file of `kind`, a format of Pillow."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def luma(picture) -> np.ndarray:
    """int [H, W] of an image, a file's bytes, RGB or gray: BT.601, rounded."""
    if isinstance(picture, bytes):
        picture = opened(picture)
    if isinstance(picture, Image.Image):
        if picture.mode == "L":
            return np.asarray(picture).astype(int)
        picture = np.asarray(picture.convert("RGB"))
    if picture.ndim == 2:
        return picture.astype(int)
    return np.rint(picture[..., :3].astype("float64") @ [0.299, 0.587, 0.114]).astype(int)


def has_color(picture) -> bool:
    """Whether orange lies to the left and blue to the right."""
    image = opened(picture) if isinstance(picture, bytes) else picture
    rgb = np.asarray(image.convert("RGB")).astype(int)
    width = rgb.shape[1]
    red_less_blue = rgb[..., 0] - rgb[..., 2]
    return red_less_blue[:, : width // 4].mean() > 10 and red_less_blue[:, -(width // 4) :].mean() < -10


def colorize(data: bytes, size=64, max_pixels=None, allow_truncated=False, **options) -> Result:
    limits = Limits(allow_truncated=allow_truncated, **({"max_pixels": max_pixels} if max_pixels else {}))
    return colorize_photo(data, predict, size, Options(limits=limits, **options))
