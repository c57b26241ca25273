"""ICC profiles: what a photo's numbers mean.

The gray of a photo is the luma of its colours in sRGB; a profile says how to get there. LittleCMS does the
arithmetic, relative colorimetric with black point compensation: through Pillow for 8 bits, imagecodecs for 16.
"""

import functools
import io

import numpy as np
from PIL import Image, ImageCms

GRAY, RGB, CMYK = "GRAY", "RGB", "CMYK"
SAME = 2  # levels of 255 by which a profile may differ from sRGB and still count as it
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
_CREATION_DATE = slice(24, 36)  # in a profile's header


class BrokenProfile(ValueError):
    """LittleCMS cannot use the profile."""


@functools.cache
def srgb() -> bytes:
    """An sRGB profile, the same bytes every day."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_CREATION_DATE] = (2000).to_bytes(2, "big") + bytes([0, 1, 0, 1]) + bytes(6)
    return bytes(profile)


class Profile:
    """A photo's profile, read and tried.

    Raises:
        BrokenProfile: it is damaged, or of a kind that photos do not have.
    """

    def __init__(self, icc: bytes):
        try:
            self._cms = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            space = self._cms.profile.xcolor_space.strip()
        except (OSError, ImageCms.PyCMSError, ValueError) as error:
            raise BrokenProfile(str(error)) from None
        if space not in (GRAY, RGB, CMYK):
            raise BrokenProfile(f"its colour space is {space!r}")
        self.icc = icc
        self.space = space
        self._to_srgb = self._transform("L" if space == GRAY else space, to_srgb=True)

    def _transform(self, mode: str, to_srgb: bool):
        other = ImageCms.ImageCmsProfile(io.BytesIO(srgb()))
        pair = (self._cms, other, mode, "RGB") if to_srgb else (other, self._cms, "RGB", mode)
        try:
            return ImageCms.buildTransform(*pair, renderingIntent=_INTENT, flags=_FLAGS)
        except (OSError, ImageCms.PyCMSError) as error:
            raise BrokenProfile(str(error)) from None

    @functools.cached_property
    def is_srgb(self) -> bool:
        """Whether converting from it to sRGB changes hardly anything."""
        if self.space != RGB:
            return False
        steps = np.linspace(0, 255, 6).astype("uint8")
        colours = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
        there = np.asarray(self.to_srgb(Image.fromarray(colours)))
        return bool(np.abs(there.astype(int) - colours).max() <= SAME)

    @functools.cached_property
    def can_be_written(self) -> bool:
        """Whether colours can be converted into it: some profiles of scanners lead one way only."""
        if self.space != RGB:
            return False
        try:
            return bool(self._from_srgb)
        except BrokenProfile:
            return False

    @functools.cached_property
    def _from_srgb(self):
        return self._transform("RGB", to_srgb=False)

    def to_srgb(self, image: Image.Image) -> Image.Image:
        """A Pillow image in the profile's space (L, RGB or CMYK) -> RGB."""
        return ImageCms.applyTransform(image, self._to_srgb)

    def from_srgb(self, rgb: np.ndarray) -> np.ndarray:
        """sRGB [h, w, 3], uint8 or uint16, in the profile's space."""
        if rgb.dtype == np.uint8:
            return np.asarray(ImageCms.applyTransform(Image.fromarray(rgb), self._from_srgb))
        return _transform16(rgb, srgb(), self.icc)

    def to_srgb16(self, samples: np.ndarray) -> np.ndarray:
        """uint16 [h, w, 1 or 3] in the profile's space -> sRGB, uint16 [h, w, 3]."""
        return _transform16(samples, self.icc, srgb())

    def curve(self, dtype: str) -> np.ndarray:
        """The gray in sRGB of each gray of 'uint8' or 'uint16', as a table. A gray of RGB has three equal values."""
        levels = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)[None, :, None]
        levels = levels if self.space == GRAY else np.repeat(levels, 3, axis=2)
        if dtype == "uint8":
            return luma(np.asarray(self.to_srgb(Image.fromarray(levels[..., 0] if self.space == GRAY else levels))))[0]
        return luma(self.to_srgb16(levels))[0]


def _transform16(samples: np.ndarray, source: bytes, target: bytes) -> np.ndarray:
    import imagecodecs

    gray = samples.shape[-1] == 1
    return imagecodecs.cms_transform(
        samples[..., 0] if gray else samples,
        source,
        target,
        colorspace="gray" if gray else "rgb",
        outcolorspace="rgb",
        outdtype="uint16",
        intent=int(_INTENT),
        flags=int(_FLAGS),
    )


def luma(rgb: np.ndarray) -> np.ndarray:
    """BT.601 luma of RGB [..., 3], uint8 or uint16, rounded; of three equal values exactly these."""
    red, green, blue = (rgb[..., channel].astype("uint32") for channel in range(3))
    return ((red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16).astype(rgb.dtype)


def gamma_curve(gamma: float, dtype: str) -> np.ndarray:
    """The value in sRGB of each value of 'uint8' or 'uint16' whose light is value ** gamma, as a table."""
    white = np.iinfo(dtype).max
    light = np.linspace(0, 1, white + 1) ** gamma
    value = np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, 12.92 * light)
    return np.rint(value * white).astype(dtype)


def lab_to_srgb(image: Image.Image) -> Image.Image:
    """A Pillow image in CIE Lab (D50) -> RGB."""
    lab = ImageCms.createProfile("LAB")
    transform = ImageCms.buildTransform(lab, io.BytesIO(srgb()), "LAB", "RGB", renderingIntent=_INTENT)
    return ImageCms.applyTransform(image, transform)
