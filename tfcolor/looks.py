"""The files of a photo of which more than one colouring is written, or another than the model gives by itself."""

import hashlib
import io
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tfcolor.photo import Options, colorize_photo, files, merge
from tfcolor.photo.records import Task, check_name

SHEET_GAP = 16  # pixels below each picture of a contact sheet


@dataclass
class Looks:
    """All that is made of a photo where one colouring of it, as the model gives it, is not what was asked for.

    Attributes:
        colorizer: the model.
        choices: of `Colorizer.looks`.
        outputs: of a target's name, the names of all that is written.
        confidence: whether a picture of it is among them.
        given: of a gray, what `colour_output` is given beside it.
    """

    colorizer: object
    choices: dict
    outputs: Callable[[str], list[str]]
    confidence: bool
    given: Callable[[np.ndarray], tuple]

    def __call__(self, gray: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """gray uint8 [h, w] -> U, V of its colourings, and how sure the network is; it runs once."""
        output = self.colorizer.colour_output(gray, *self.given(gray))
        chromas = self.colorizer.looks(output, gray, **self.choices)
        return chromas, self.colorizer.certainty(output) if self.confidence else None

    def write(self, task: Task, data: bytes, size: int, options: Options) -> dict:
        """Colour one photo and write everything; what its line of the report says of it."""
        pages: dict[bytes, tuple] = {}

        def look(gray: np.ndarray) -> np.ndarray:
            key = gray.tobytes()
            if key not in pages:
                pages[key] = (gray, *self(gray))
            return pages[key][1]

        said = {"outputs": [], "outputs_sha256": [], "stages": Counter()}

        def write(path: Path, data: bytes) -> None:
            started = time.perf_counter()
            files.write_file(path, data)
            said["stages"]["write"] += time.perf_counter() - started
            said["outputs"].append(str(path))
            said["outputs_sha256"].append(hashlib.sha256(data).hexdigest())

        for number in range(self.choices["samples"] or 1):
            result = colorize_photo(data, lambda gray, number=number: look(gray)[number], size, options)
            said["stages"].update(result.seconds)
            if result.data is not None:
                name = self.outputs(task.target)[number]
                check_name(name, result.format)
                write(Path(name), result.data)
        if pages and said["outputs"]:
            gray, chromas, certainty = next(iter(pages.values()))
            pictures = [contact_sheet([merge(gray, c, gray.shape) for c in chromas])] if self.choices["samples"] else []
            pictures += [Image.fromarray(np.rint(255 * certainty).astype("uint8"))] if self.confidence else []
            for name, picture in zip(self.outputs(task.target)[-len(pictures) :], pictures, strict=bool(pictures)):
                write(Path(name), _png(picture))
        output = next(iter(said["outputs"]), None)
        return said | {"output": output, "outcome": result.outcome, "warnings": list(result.warnings)}


def contact_sheet(pictures: list[np.ndarray]) -> Image.Image:
    """Colourings uint8 [h, w, 3] of one photo, side by side in rows, each with its number below."""
    columns = math.ceil(math.sqrt(len(pictures)))
    height, width = pictures[0].shape[:2]
    sheet = Image.new("RGB", (columns * width, -(-len(pictures) // columns) * (height + SHEET_GAP)), "white")
    for index, picture in enumerate(pictures):
        left, top = index % columns * width, index // columns * (height + SHEET_GAP)
        sheet.paste(Image.fromarray(picture), (left, top))
        ImageDraw.Draw(sheet).text((left + 3, top + height + 1), str(index + 1), "black", ImageFont.load_default(12))
    return sheet


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
