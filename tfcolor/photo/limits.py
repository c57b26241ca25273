"""How large a photo may claim to be: checked on its header, before anything is decoded."""

from dataclasses import dataclass

from PIL import Image

from tfcolor.photo.errors import PhotoError

# What Pillow refuses, twice the size it warns at.
MAX_PIXELS = 2 * Image.MAX_IMAGE_PIXELS
MAX_PAGES = 65536
LET_IT_IN = "a larger --max-pixels lets it in, if the file is to be trusted"


@dataclass(frozen=True)
class Limits:
    """`max_pixels` of a page; `allow_truncated`: a damaged file is done as far as it goes."""

    max_pixels: int = MAX_PIXELS
    allow_truncated: bool = False

    @property
    def note_bytes(self) -> int:
        """The largest note: EXIF, XMP, a profile, or what a packed text unpacks to."""
        return max(1 << 20, self.max_pixels // 8)

    @property
    def file_bytes(self) -> int:
        """The largest file that is read: 16 bits, four channels and no compression, and as much again."""
        return max(1 << 30, self.max_pixels * 16)

    def tell_pillow(self) -> None:
        """Raise Pillow's own limit, which is of the whole process and stays on, if this one is higher."""
        if self.max_pixels > MAX_PIXELS:
            Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, self.max_pixels // 2 + 1)

    def check(self, width: int, height: int) -> None:
        """Refuse a photo without pixels, or with more than `max_pixels`.

        Raises:
            PhotoError: it is one.
        """
        if width < 1 or height < 1:
            raise PhotoError(f"a photo of {width} x {height} pixels", "a whole copy of the file")
        if width * height > self.max_pixels:
            raise PhotoError(
                f"{width} x {height} are more than {self.max_pixels:,} pixels",
                f"--max-pixels {width * height} lets it in, if the file is to be trusted",
            )

    def check_note(self, name: str, size: int) -> None:
        """Refuse a note of more than `note_bytes`.

        Raises:
            PhotoError: it is one.
        """
        if size > self.note_bytes:
            raise PhotoError(
                f"its {name} has more than {self.note_bytes:,} bytes, as a bomb does",
                LET_IT_IN,
            )
