"""What a photo carries beside its pixels, in terms that every format can be asked for."""

from dataclasses import dataclass, field

INCH, CENTIMETRE, NO_UNIT = "inch", "cm", ""
CENTIMETRES_PER_INCH = 2.54
LEAST_RESOLUTION, MOST_RESOLUTION = 0.1, 1e7  # beyond them a number stands for "unknown", or is damaged
MOST_LISTED = 5  # names of a line


@dataclass(frozen=True)
class Resolution:
    """Pixels per `unit` across and down; without a unit only their ratio means something."""

    x: float
    y: float
    unit: str

    @property
    def is_possible(self) -> bool:
        return all(LEAST_RESOLUTION <= value <= MOST_RESOLUTION for value in (self.x, self.y))

    def per(self, unit: str) -> "Resolution":
        """The same in the other unit."""
        if unit == self.unit or not self.unit:
            return self
        factor = CENTIMETRES_PER_INCH if self.unit == CENTIMETRE else 1 / CENTIMETRES_PER_INCH
        return Resolution(self.x * factor, self.y * factor, unit)

    def on_its_side(self) -> "Resolution":
        return Resolution(self.y, self.x, self.unit)


@dataclass
class Notes:
    """A photo's notes.

    `exif`: a block as JPEG carries it behind `Exif\\0\\0`. `xmp`: a packet. `photoshop`: image resources (8BIM), where
    IPTC lies. `icc`: a profile. `comments`: text without a key. `own`: what only the format that it came from can
    hold, in that format's own pieces (JPEG segments, PNG chunks, TIFF fields, JPEG 2000 boxes), each `name: piece`.
    """

    exif: bytes = b""
    xmp: bytes = b""
    photoshop: bytes = b""
    icc: bytes = b""
    comments: list[bytes] = field(default_factory=list)
    resolution: Resolution | None = None
    own: list = field(default_factory=list)


def listed(names: list[bytes]) -> str:
    """Names of pieces for a line: each once, escaped, the first few."""
    once = [repr(name.decode("latin-1")) for name in dict.fromkeys(names)]
    return ", ".join(once[:MOST_LISTED]) + (" ..." if len(once) > MOST_LISTED else "")
