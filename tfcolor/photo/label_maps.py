"""Label maps as indexed PNG: a picture that any paint program opens, and gives back with other regions painted.

The colours say what is what, since a paint program may sort a palette anew or leave out colours. A text chunk of the
file, `tfcolor labels`, tells the name of each colour; where a program has dropped it, the reader's own palette does.
"""

import io
import json
import math

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tfcolor.photo import png
from tfcolor.photo.errors import PhotoError

NO_LABEL = 255  # a map's value where nothing is known; drawn black
MOST_PIXELS, OFF = 100_000_000, 0.1  # of a map of another size, and the logarithm of how far off its proportions may be
KEY = "tfcolor labels"
_INDEXED = 3
_KINDS = {png.GRAY: "a gray", png.RGB: "an RGB", png.GRAY_ALPHA: "a gray", png.RGB_ALPHA: "an RGB"}


def write_label_map(labels: np.ndarray, classes: list[str], palette: np.ndarray) -> bytes:
    """A label map -> the bytes of an indexed PNG.

    Args:
        labels: uint8 [H, W], class indices, 255 = no label.
        classes: names of the indices 0, 1, ..., at most 255.
        palette: uint8 [classes, 3], a colour for each, none of them twice and none black.

    Raises:
        ValueError: a value that is no class, or colours that do not tell the classes apart.
    """
    colors = _colors(classes, palette)
    beyond = labels[(labels >= len(classes)) & (labels != NO_LABEL)]
    if beyond.size:
        raise ValueError(f"label {beyond[0]} in a map of {len(classes)} classes; from 0, and {NO_LABEL} for no label")
    table = np.zeros((256, 3), "uint8")
    table[: len(classes)] = palette
    image = Image.fromarray(labels)
    image.putpalette(table.tobytes())
    names = PngInfo()
    names.add_text(KEY, json.dumps({name: _hex(color) for color, name in colors.items()}))
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=names)
    return file.getvalue()


def read_label_map(
    data: bytes, classes: list[str], palette: np.ndarray, size: tuple[int, int], resize: bool = False
) -> np.ndarray:
    """The bytes of an indexed PNG -> the label map.

    Args:
        data: of a file that `write_label_map` wrote, painted in or not, or of one in the very colours of `palette`.
        classes, palette: as for `write_label_map`. A file with names may have other colours for them.
        size: (height, width) that the map has to have: nothing larger is ever decoded.
        resize: take one of other sizes too, up to `MOST_PIXELS`, if its sides are in the same proportion.

    Returns:
        uint8 [H, W], class indices, 255 = no label: what is black.

    Raises:
        PhotoError: another kind of file, another size, or a colour or name that no class has.
    """
    if not data.startswith(png.SIGNATURE):
        raise PhotoError("not a PNG", "a label map is an indexed PNG, such as the one that is exported here")
    header = png.parse(data)
    if header.kind != _INDEXED:
        kind = _KINDS.get(header.kind, "an unknown")
        raise PhotoError(
            f"{kind} picture, where a label map has a palette",
            "paint in the exported map with a hard brush, and save it as an indexed PNG",
        )
    alike = resize and abs(math.log(header.height * size[1] / (header.width * size[0]))) < OFF
    if (header.height, header.width) != size and not (alike and header.height * header.width <= MOST_PIXELS):
        raise PhotoError(
            f"a label map of {header.width} x {header.height} pixels for a photo of {size[1]} x {size[0]}",
            "keep the size of the exported map" + (" or the photo's own" if resize else ""),
        )
    indices = _decode(header)
    colors = _colors_of_file(header) or _colors(classes, palette)
    table = np.full(256, NO_LABEL, "uint8")
    in_file = header.first(b"PLTE")
    for index in np.unique(indices).tolist():
        color = tuple(in_file[3 * index : 3 * index + 3])
        if color == (0, 0, 0):
            continue
        name = colors.get(color)
        if name not in classes:
            what = (
                f"its class {name!r}" if name else f"its index {index}, {_hex(color) if color else 'without colour'},"
            )
            raise PhotoError(f"{what} is none of the classes here", f"those are {', '.join(classes)}")
        table[index] = classes.index(name)
    return resized(table[indices], size)


def resized(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Label maps uint8 [..., h, w] -> the same at (height, width), each pixel the nearest one's label."""
    rows, columns = (
        ((np.arange(wanted) + 0.5) * given / wanted).astype(int)
        for wanted, given in zip(size, labels.shape[-2:], strict=True)
    )
    return np.ascontiguousarray(labels[..., rows[:, None], columns])


def _decode(header: png.Png) -> np.ndarray:
    """uint8 [H, W]: the palette's indices."""
    try:
        if header.damage:
            raise ValueError(header.damage)
        with Image.open(io.BytesIO(png.pixels_alone(header)), formats=["PNG"]) as image:
            return np.array(image)
    except Exception as error:  # a decoder raises anything, struct.error and SyntaxError among it
        raise PhotoError(f"damaged PNG ({error})", "a whole copy of the file") from error


def _colors_of_file(header: png.Png) -> dict | None:
    """{(r, g, b): name} as the file itself says, or None."""
    start = KEY.encode() + b"\0"
    text = next((bytes(body) for name, body in header.chunks if name == b"tEXt" and body[: len(start)] == start), b"")
    try:
        names = json.loads(text[len(start) :])
        return {tuple(bytes.fromhex(color.removeprefix("#"))): name for name, color in names.items()}
    except (ValueError, AttributeError, RecursionError):
        return None


def _colors(classes, palette) -> dict:
    """{(r, g, b): name}."""
    colors = {tuple(int(value) for value in color): name for color, name in zip(palette, classes, strict=True)}
    if len(colors) < len(classes) or (0, 0, 0) in colors or len(classes) > NO_LABEL:
        raise ValueError(f"{len(classes)} classes: at most {NO_LABEL}, each in its own colour, and none in black")
    return colors


def _hex(color) -> str:
    return "#" + bytes(color).hex()
