"""A table of measures as text, Markdown and pictures."""

import io
import math
import os
import pathlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SHEET_SIZE, SHEET_ROWS = 256, 12  # pixels a side of a photo on a sheet, and photos below each other, at most
CAPTION = 18  # pixels of a line of text on it


def text_table(table):
    """A `Table` -> lines of aligned text: a measure a line, a column a row of the table, means with their intervals."""
    cells = _cells(table)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def markdown_table(table):
    """The same as lines of Markdown."""
    heading, *body = ["| " + " | ".join(line) + " |" for line in _cells(table)]
    return [heading, "|" + heading.count(" | ") * "---|" + "---|", *body]


def notes(table):
    """What a reader of the table has to know of its measures: lines of text."""
    return [f"{measure.name}: {measure.note}." for measure in table.measures() if measure.note]


def _cells(table):
    rows = table.rows()
    cells = [["", "better", *rows]]
    for measure in table.measures():
        title = f"{measure.name} [{measure.unit}]" if measure.unit else measure.name
        cells.append([title, measure.better, *(_cell(row[measure.name], measure.digits) for row in rows.values())])
    return cells


def _cell(entry, digits):
    if entry["mean"] is None:
        return "-"
    mean = f"{entry['mean']:.{digits}f}"
    return mean if entry["low"] is None else f"{mean} [{entry['low']:.{digits}f}, {entry['high']:.{digits}f}]"


def histograms(table, rows):
    """The two figures of Larsson et al. (2016): how the photos' PSNR and RMSE are spread in each of `rows`.

    Left a histogram of the PSNR of each photo, right the share of photos up to each RMSE.

    Returns:
        A Pillow image.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    psnrs = {row: table.per_photo(row, "psnr") for row in rows}
    psnrs = {row: values[np.isfinite(values)] for row, values in psnrs.items()}
    edges = np.histogram_bin_edges(np.concatenate(list(psnrs.values())), 30)
    for row in rows:
        left.hist(psnrs[row], edges, histtype="step", label=row)
        errors = np.sort(table.per_photo(row, "rmse_ab"))
        right.step(errors, np.arange(1, len(errors) + 1) / len(errors), where="post", label=row)
    left.set(xlabel="PSNR of a photo [dB]", ylabel="photos")
    right.set(xlabel="RMSE (alpha, beta) of a photo", ylabel="share of photos", ylim=(0, 1))
    left.legend()
    right.legend()
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def best_median_worst(values, each=3):
    """A value for each photo -> {index: "best", "median" or "worst"} of up to `each`, from the highest down."""
    order = np.argsort(-np.asarray(values), kind="stable").tolist()
    middle = max(0, (len(order) - each) // 2)
    groups = {"worst": order[-each:], "median": order[middle : middle + each], "best": order[:each]}
    chosen = {index: group for group, indices in groups.items() for index in indices}
    return {index: chosen[index] for index in order if index in chosen}


def sheet(columns, photos):
    """Photos below each other, with captions; more than 12 go on beside these.

    Args:
        columns: titles.
        photos: list of (pictures, captions), a row each: uint8 [N, N, 3] and text for every column.

    Returns:
        A Pillow image.
    """
    side = min(len(photos[0][0][0]), SHEET_SIZE)
    blocks = math.ceil(len(photos) / SHEET_ROWS)
    rows = math.ceil(len(photos) / blocks)
    image = Image.new("RGB", (blocks * len(columns) * side, CAPTION + rows * (side + CAPTION)), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(12)
    for column, title in enumerate(columns * blocks):
        draw.text((column * side + 3, 2), _fitting(title, side - 6, font), "black", font)
    for number, (pictures, captions) in enumerate(photos):
        block, row = divmod(number, rows)
        top = CAPTION + row * (side + CAPTION)
        for column, (rgb, caption) in enumerate(zip(pictures, captions, strict=True), block * len(columns)):
            small = Image.fromarray(rgb).resize((side, side), Image.Resampling.LANCZOS)
            image.paste(small, (column * side, top))
            draw.text((column * side + 3, top + side + 2), caption, "black", font)
    return image


def _fitting(title, width, font):
    """The title, or as much of its end as fits: names of one experiment's runs begin alike."""
    shown = title
    while title and font.getlength(shown) > width:
        title = title[1:]
        shown = "..." + title
    return shown


def write(path, content):
    """Text, bytes, or a Pillow image in the format of the name's ending -> the file, there whole or not at all."""
    path = pathlib.Path(path)
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}; make it first")
    if isinstance(content, Image.Image):
        kind = Image.registered_extensions().get(path.suffix.lower())
        if kind not in Image.SAVE:
            raise ValueError(f"{path}: a picture's name ends in .png, .jpg, .webp ...")
        data = io.BytesIO()
        content.save(data, kind)
        content = data.getvalue()
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
