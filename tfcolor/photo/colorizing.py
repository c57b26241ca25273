"""One photo in colour: bytes in; bytes, an outcome and warnings out. No file, no folder, no model is known here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from tfcolor.photo import formats
from tfcolor.photo.errors import PhotoError
from tfcolor.photo.formats import Format
from tfcolor.photo.limits import MAX_PAGES, Limits
from tfcolor.photo.merging import shrink
from tfcolor.photo.opening import Opened, open_photo
from tfcolor.photo.reading import read_page
from tfcolor.photo.writing import Colored, Encoding, Stopwatch, check_size, encode, encode_pages

COLORED, HAS_COLOR = "colored", "has color"


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    Attributes:
        output_format: None: the photo's own, or PNG where that cannot hold colour well.
        quality, chroma, edges, agent: see `writing.Encoding`.
        skip_color: leave a photo with real colour alone.
        all_pages: colour all pages and frames, into a TIFF.
        limits: see `limits.Limits`.
    """

    output_format: Format | None = None
    quality: int | None = None
    chroma: str = "auto"
    edges: bool = False
    agent: str = "tfcolor"
    skip_color: bool = False
    all_pages: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Result:
    """A coloured photo.

    Attributes:
        data: the file; None where the photo was left alone.
        format: of the file.
        outcome: COLORED or HAS_COLOR.
        warnings: a line for each thing that could not be kept or is worth knowing.
        seconds: by stage: decode, network, merge, encode.
    """

    data: bytes | None
    format: Format
    outcome: str
    warnings: tuple[str, ...]
    seconds: dict[str, float]


def output_format(source: Format, options: Options) -> Format:
    """The format that a photo of one page is written in."""
    if options.output_format:
        return options.output_format
    return source if source.written else formats.PNG


def colorize_photo(
    data: bytes, predict: Callable[[np.ndarray], np.ndarray], size: int, options: Options | None = None
) -> Result:
    """Colour a photo.

    Args:
        data: a file's bytes, in any format of `formats.FORMATS`.
        predict: gray uint8 [h, w] -> chroma float32 [h', w', 2], U and V of BT.601; as `Colorizer.chroma`.
        size: the gray that `predict` sees is shrunk, never enlarged, so that sqrt(h * w) <= size.
        options: see `Options`.

    Raises:
        PhotoError: the photo cannot be done; its text is one line, `what is wrong: what would help`.
    """
    options, watch = options or Options(), Stopwatch()
    opened = open_photo(data, options.limits)
    as_tiff = options.all_pages and opened.pages > 1
    if as_tiff and opened.pages > MAX_PAGES:
        raise PhotoError(f"{opened.pages:,} pages, more than {MAX_PAGES:,}", "without --all-pages the first is done")
    target = formats.TIFF if as_tiff else output_format(opened.format, options)
    _say_changes(opened, target, options)
    for width, height in opened.sizes if as_tiff else opened.sizes[:1]:
        check_size(target, width, height)
    photo = read_page(opened, 0, options.limits, look_for_color=options.skip_color)
    watch.lap("decode")
    if photo.has_color:
        return Result(None, target, HAS_COLOR, tuple(opened.warnings), watch.seconds)

    def colored_pages() -> Iterator[Colored]:
        page = photo
        for number in range(opened.pages if as_tiff else 1):
            if number:
                page = read_page(opened, number, options.limits)
                watch.lap("decode")
            small = shrink(page.gray, size)
            # A photo of one gray stays as it is.
            chroma = predict(small) if small.min() < small.max() else np.zeros((*small.shape, 2), "float32")
            watch.lap("network")
            yield Colored(page, chroma, small.shape)

    encoding = Encoding(target, options.quality, options.chroma, options.edges, options.agent)
    if as_tiff:
        written = encode_pages(colored_pages(), opened, encoding)
    else:
        written = encode(next(colored_pages()), opened, encoding, watch)
    watch.lap("encode")
    return Result(written, target, COLORED, tuple(dict.fromkeys(opened.warnings)), watch.seconds)


def _say_changes(opened: Opened, target: Format, options: Options) -> None:
    """Warnings about what is other than the input: its format, its pages."""
    if opened.pages > 1 and not options.all_pages:
        more = opened.pages - 1
        opened.warnings.append(f"{more} more {'page' if more == 1 else 'pages'} in it: --all-pages does all")
    if target is not opened.format and target is not options.output_format:
        opened.warnings.append(f"{opened.format.name} becomes {target.name}")
