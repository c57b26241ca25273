"""What a person has decided about one photo, as data: a label map, colour hints, knobs, the colouring that was chosen.

`Edits.chroma` is the one way from decisions to colour. The editor calls it for the screen and for the file that it
hands out, `tfcolor colorize --project` for its file; so they agree because they are the same code.
"""

import base64
import binascii
import hashlib
import json
import math
import re
from dataclasses import dataclass, field, replace

import numpy as np

from tfcolor import __version__
from tfcolor.color.constants import RGB_TO_YUV
from tfcolor.color.hints import apply as apply_hints
from tfcolor.color.hints import spread as hint_weights
from tfcolor.photo import PhotoError
from tfcolor.photo.label_maps import read_label_map, write_label_map
from tfcolor.photo.merging import enlarge_cells

FORMAT = 1
MOST_BYTES = 4 << 20  # of a project's file
MOST_HINTS = 500


@dataclass(frozen=True)
class Hint:
    """A colour at a point of the photo.

    Attributes:
        row, column: its place as a share of the photo's height and width, in [0, 1).
        color: as "#a0522d". Its hue and chroma count, its lightness does not: that is the photo's own.
        reach: how far it goes within an even region, as a share of sqrt(height * width); see `color.hints.spread`.
    """

    row: float
    column: float
    color: str
    reach: float

    @classmethod
    def from_fields(cls, fields):
        """From what its JSON holds.

        Raises:
            ValueError: a field is missing, or not what it may be.
        """
        if not isinstance(fields, dict):
            raise ValueError(f"hint {_short(fields)}: an object with row, column, color and reach is needed")
        color = fields.get("color")
        if not (isinstance(color, str) and re.fullmatch(r"#[0-9a-f]{6}", color)):
            raise ValueError(f"hint: color {_short(color)}; six digits such as '#a0522d' are needed")
        row, column = (_number(fields, name, 0, 1) for name in ("row", "column"))
        if row == 1 or column == 1:
            raise ValueError(f"hint: row {row}, column {column}; shares of the photo, each below 1")
        return cls(row, column, color, _number(fields, "reach", 0.001, 10))

    def fields(self):
        """What its JSON holds."""
        return {"row": self.row, "column": self.column, "color": self.color, "reach": self.reach}

    def weight(self, gray, spread=hint_weights):
        """gray uint8 [h, w] -> how much it weighs at each pixel, float32 [h, w]."""
        height, width = gray.shape
        point = (int(self.row * height), int(self.column * width))
        return spread(gray / np.float32(255), point, self.reach * math.sqrt(height * width))

    @property
    def chroma(self):
        """Its U and V."""
        return np.frombuffer(bytes.fromhex(self.color[1:]), "uint8") / 255 @ np.array(RGB_TO_YUV[1:]).T


@dataclass(frozen=True)
class Edits:
    """All decisions about a photo.

    Attributes:
        labels: uint8 [h, w], class indices at the size of the gray that the network sees, 255 = no label; None: the
            network's own, or a model that takes none.
        hints: of `Hint`.
        knobs: of the model's `knobs`; those that are not in it have the model's defaults.
        sample: None: the colouring that the knobs give; or which of the others, in [0, 1): see `Colorizer.sampled`.
    """

    labels: np.ndarray | None = None
    hints: tuple = ()
    knobs: dict = field(default_factory=dict)
    sample: float | None = None

    @classmethod
    def from_fields(cls, fields, labels=None):
        """From what their JSON holds, and the labels, which it does not.

        Raises:
            ValueError: a field that is not what it may be.
        """
        if not isinstance(fields, dict):
            raise ValueError(f"edits {_short(fields)}: an object with hints, knobs and sample is needed")
        listed, knobs, sample = fields.get("hints", []), fields.get("knobs", {}), fields.get("sample")
        if not isinstance(listed, list) or len(listed) > MOST_HINTS:
            raise ValueError(f"hints {_short(listed)}: a list of at most {MOST_HINTS} is needed")
        if not isinstance(knobs, dict):
            raise ValueError(f"knobs {_short(knobs)}: an object of names and numbers is needed")
        knobs = {name: _number(knobs, name, 0, 1000) for name in knobs}
        if sample is not None and _number(fields, "sample", 0, 1) == 1:
            raise ValueError("sample 1: a number from 0 to below 1, or null, is needed")
        return cls(labels, tuple(map(Hint.from_fields, listed)), knobs, sample)

    def fields(self):
        """What their JSON holds; all but the labels."""
        return {"hints": [hint.fields() for hint in self.hints], "knobs": dict(self.knobs), "sample": self.sample}

    def chroma(self, colorizer, gray, colour_output=None, spread=hint_weights):
        """The colour of a photo.

        Args:
            colorizer: a `Colorizer`.
            gray: uint8 [h, w], the photo as the network sees it.
            colour_output, spread: in place of `colorizer.colour_output` and `color.hints.spread`, for somebody who
                keeps what these have answered.

        Returns:
            U, V of BT.601, float32 [h', w', 2]: coarser by the head's stride, or with hints of the gray's size.

        Raises:
            ValueError: the model has no such knob, or no distribution of which a sample could be taken.
        """
        with_labels = self.labels is not None and getattr(colorizer, "reads_labels", False)
        given = (gray, self.labels) if with_labels else (gray,)
        output = (colour_output or colorizer.colour_output)(*given)
        if self.sample is not None:
            output = colorizer.sampled(output, self.sample)
        chroma = colorizer.decode(np.asarray(output)[None], gray[None], **self.knobs)[0]
        if not self.hints:
            return chroma
        weights = [hint.weight(gray, spread) for hint in self.hints]
        return apply_hints(enlarge_cells(chroma, gray.shape), weights, [hint.chroma for hint in self.hints])


@dataclass(frozen=True)
class Project:
    """The edits of one photo, as they stand in a file.

    Attributes:
        sha256: of the photo's file, 64 digits.
        width, height: of the photo.
        model, version: the model's name and its version.
        edits: all but the labels.
        label_map: an indexed PNG as `photo.label_maps` writes it, b"" where there is none. The classes' names are in
            it, so a model with other numbers for the same names reads it too.
    """

    sha256: str
    width: int
    height: int
    model: str
    version: str
    edits: Edits
    label_map: bytes = b""

    @classmethod
    def of(cls, data, width, height, colorizer, edits):
        """The project of a photo's file, its size in pixels, and the edits that were made with a model."""
        png = b"" if edits.labels is None else write_label_map(edits.labels, colorizer.classes, colorizer.palette)
        sha256 = hashlib.sha256(data).hexdigest()
        return cls(sha256, width, height, colorizer.name, colorizer.version, replace(edits, labels=None), png)

    def to_json(self):
        """The bytes of its file."""
        fields = {
            "tfcolor": FORMAT,
            "photo": {"sha256": self.sha256, "width": self.width, "height": self.height},
            "model": {"name": self.model, "version": self.version},
            **self.edits.fields(),
            "labels": base64.b64encode(self.label_map).decode() or None,
        }
        return json.dumps(fields, indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, data):
        """From the bytes of a file.

        Raises:
            ValueError: it is no project, or one of its fields is not what it may be.
        """
        if len(data) > MOST_BYTES:
            raise ValueError(f"a project of {len(data):,} bytes: at most {MOST_BYTES:,}; is it the right file?")
        try:
            fields = json.loads(data)
            kind = fields["tfcolor"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ValueError("not a project of tfcolor: the editor writes one, `tfcolor app`") from None
        if kind != FORMAT:
            raise ValueError(f"a project of form {_short(kind)}: this tfcolor, {__version__}, reads form {FORMAT}")
        photo, model = (fields.get(name) if isinstance(fields.get(name), dict) else {} for name in ("photo", "model"))
        sha256 = photo.get("sha256")
        if not (isinstance(sha256, str) and re.fullmatch(r"[0-9a-f]{64}", sha256)):
            raise ValueError(f"project: the photo's sha256 is {_short(sha256)}; 64 digits are needed")
        width, height = (_number(photo, name, 1, 2**31) for name in ("width", "height"))
        names = model.get("name"), model.get("version")
        if not all(isinstance(name, str) and name for name in names):
            raise ValueError(f"project: its model is {_short(model)}; a name and a version are needed")
        try:
            label_map = base64.b64decode(fields.get("labels") or "", validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise ValueError("project: its labels are no base64 of a PNG; take a whole copy of the file") from None
        return cls(sha256, int(width), int(height), *names, Edits.from_fields(fields), label_map)

    def check(self, data):
        """A photo's file, unchanged.

        Raises:
            PhotoError: the project is another photo's.
        """
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise PhotoError(
                f"the project is another photo's, one of {self.width} x {self.height} pixels",
                "take the very file that it was made with",
            )
        return data

    def edits_for(self, colorizer, shape):
        """The edits with their labels, for a model and the shape (h, w) of the gray that it sees.

        Raises:
            PhotoError: the labels are of another size, or of classes that the model does not know.
        """
        if not (self.label_map and getattr(colorizer, "reads_labels", False)):
            return self.edits
        return replace(
            self.edits, labels=read_label_map(self.label_map, colorizer.classes, colorizer.palette, tuple(shape))
        )

    def note(self, colorizer):
        """A line where the model is another than the project's, else ''."""
        if (self.model, self.version) == (colorizer.name, colorizer.version):
            return ""
        return (
            f"the project was made with model {self.model} {self.version}, colours are now of {colorizer.name} "
            f"{colorizer.version}: they will differ"
        )


def agent(colorizer):
    """What is written into a photo's notes as that which coloured it."""
    return f"tfcolor {__version__}, model {colorizer.name} {colorizer.version}"


def _number(fields, name, lowest, highest):
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not lowest <= value <= highest:
        raise ValueError(f"{name} {_short(value)}: a number from {lowest} to {highest} is needed")
    return value


def _short(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
