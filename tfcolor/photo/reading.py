"""A page of a photo -> its gray at full size, upright, as its profile means it, and all that is kept of it."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from tfcolor.photo import exif, jpeg, photoshop, profiles
from tfcolor.photo.decoding import Samples, trying
from tfcolor.photo.directories import BrokenDirectory
from tfcolor.photo.limits import Limits
from tfcolor.photo.merging import strip_bounds
from tfcolor.photo.notes import Notes
from tfcolor.photo.opening import AS_FAR, Opened

_EXIF_DAMAGED = "its EXIF is damaged ({}) and left out"
ROWS_MIRRORED, COLUMNS_MIRRORED = (3, 4, 7, 8), (2, 3, 6, 7)  # orientations, of what is upright but for that
COLOUR_SAMPLE = 256  # pixels of a side that are enough to see whether a photo has colour


@dataclass
class Photo:
    """One page of a file, ready to be coloured.

    Attributes:
        gray: uint8 or uint16 [H, W], upright, luma in sRGB.
        alpha: of the same shape and type, None without transparency.
        notes: upright as well.
        profile: the RGB profile that it came with and is to be written in; None: sRGB.
        turned: its pixels lay on their side.
        same_blocks: its gray is the very Y of a JPEG, in the same blocks of 8 x 8 pixels.
        has_color: whether it has real colour, more than a tone as of sepia; None if nobody asked.
    """

    gray: np.ndarray
    alpha: np.ndarray | None
    notes: Notes
    profile: profiles.Profile | None
    turned: bool
    same_blocks: bool = False
    has_color: bool | None = None


def read_page(opened: Opened, page: int, limits: Limits, look_for_color: bool = False) -> Photo:
    """Decode a page.

    Raises:
        PhotoError: its pixels are damaged or beyond the limits.
    """
    limits.check(*opened.sizes[page])
    notes = trying(opened.format, lambda: opened.read_notes(page))
    for name, note in (("EXIF", notes.exif), ("XMP", notes.xmp), ("colour profile", notes.icc)):
        limits.check_note(name, len(note))
    block = _read_exif(notes, opened.warnings)
    profile = _read_profile(notes, opened.warnings)
    in_color = profile is not None and profile.space == profiles.RGB and not profile.is_srgb
    samples = trying(opened.format, lambda: opened.decode(page, in_color))
    if samples.damage:
        opened.warnings.append(f"{samples.damage}: {AS_FAR}")
    has_color = None
    if look_for_color:
        has_color = is_colorful(opened.glimpse() if opened.glimpse else _small_rgb(samples.pixels))
    orientation = samples.orientation or (exif.orientation(block) if block else 1)
    gray, profile = to_gray(samples, profile, opened.warnings)
    same_blocks = samples.is_luma and gray is samples.pixels
    gray = upright(gray, orientation)
    alpha = None if samples.alpha is None else upright(samples.alpha, orientation)
    turned = orientation >= 5
    height, width = gray.shape
    notes.exif = _upright_exif(block, width, height, turned, opened.warnings) if block else b""
    if block and not (notes.resolution and notes.resolution.unit):
        notes.resolution = exif.resolution(block) or notes.resolution
    if notes.resolution and not notes.resolution.is_possible:
        if notes.resolution.unit:
            pixels = f"{notes.resolution.x:g} x {notes.resolution.y:g} pixels per {notes.resolution.unit}"
            opened.warnings.append(f"its resolution of {pixels} cannot be and is left out")
        notes.resolution = None
    notes.photoshop = photoshop.without_thumbnails(notes.photoshop)
    if turned and notes.resolution:
        notes.resolution = notes.resolution.on_its_side()
    same_blocks = same_blocks and keeps_blocks(orientation, height, width)
    return Photo(gray, alpha, notes, profile, turned, same_blocks, has_color)


def _read_exif(notes: Notes, warnings: list[str]) -> exif.Exif | None:
    if not notes.exif:
        return None
    try:
        return exif.read(notes.exif)
    except BrokenDirectory as error:
        warnings.append(_EXIF_DAMAGED.format(error))
        return None


def _upright_exif(block: exif.Exif, width: int, height: int, turned: bool, warnings: list[str]) -> bytes:
    changed = exif.upright(block, width, height, turned)
    try:
        exif.read(changed)
    except BrokenDirectory as error:  # its parts lie on each other, so that no one of them can be changed
        warnings.append(_EXIF_DAMAGED.format(error))
        return b""
    return changed


def _read_profile(notes: Notes, warnings: list[str]) -> profiles.Profile | None:
    if not notes.icc:
        return None
    try:
        return profiles.Profile(notes.icc)
    except profiles.BrokenProfile as error:
        warnings.append(f"its colour profile is damaged ({error}) and left out")
        return None


def to_gray(
    samples: Samples, profile: profiles.Profile | None, warnings: list[str]
) -> tuple[np.ndarray, profiles.Profile | None]:
    """The luma in sRGB of decoded pixels, uint8 or uint16 [H, W], and the profile that colour is to be written in."""
    pixels = samples.pixels
    space = _space(pixels)
    if profile and profile.space != space and (profile.space, space) != (profiles.RGB, profiles.GRAY):
        warnings.append(f"its colour profile is for {profile.space}, the photo is {space}: left out")
        profile = None
    if space == profiles.CMYK:
        warnings.append("its CMYK becomes RGB")
    written = profile if profile and profile.can_be_written else None
    if profile and profile.is_srgb:
        profile = None
    if space == profiles.GRAY:
        return _gray_from_gray(np.asarray(pixels), profile, samples.gamma), written
    return _gray_from_color(pixels, profile, samples.gamma), written


def _space(pixels) -> str:
    if isinstance(pixels, np.ndarray):
        return profiles.GRAY if pixels.ndim == 2 else profiles.RGB
    return {"L": profiles.GRAY, "CMYK": profiles.CMYK}.get(pixels.mode, profiles.RGB)


def _gray_from_gray(gray: np.ndarray, profile, gamma) -> np.ndarray:
    if profile:
        return profile.curve(gray.dtype.name)[gray]
    return profiles.gamma_curve(gamma, gray.dtype.name)[gray] if gamma else gray


def _gray_from_color(pixels: Image.Image | np.ndarray, profile, gamma) -> np.ndarray:
    """Strip by strip, so that nothing else of full size is made."""
    is_array = isinstance(pixels, np.ndarray)
    height, width = pixels.shape[:2] if is_array else pixels.size[::-1]
    gray = np.empty((height, width), pixels.dtype if is_array else "uint8")
    curve = profiles.gamma_curve(gamma, gray.dtype.name) if gamma and not profile else None
    for top, bottom in strip_bounds(height, width):
        strip = pixels[top:bottom] if is_array else pixels.crop((0, top, width, bottom))
        convert = _luma_of_16_bits if gray.dtype == np.uint16 else _luma_of_8_bits
        gray[top:bottom] = convert(strip, profile, curve)
    return gray


def _luma_of_16_bits(strip: np.ndarray, profile, curve) -> np.ndarray:
    if profile:
        strip = profile.to_srgb16(strip)
    return profiles.luma(strip if curve is None else curve[strip])


def _luma_of_8_bits(strip: Image.Image | np.ndarray, profile, curve) -> np.ndarray:
    if isinstance(strip, np.ndarray):
        strip = Image.fromarray(np.ascontiguousarray(strip))
    if profile:
        strip = profile.to_srgb(strip)
    elif strip.mode == "LAB":
        strip = profiles.lab_to_srgb(strip)
    elif strip.mode == "CMYK":
        strip = strip.convert("RGB")
    if curve is not None:
        strip = strip.point(list(curve) * 3)
    return np.asarray(strip.convert("L"))


def upright(plane: np.ndarray, orientation: int) -> np.ndarray:
    """[H, W] as stored -> as it is to be seen, by EXIF's orientation, 1 to 8."""
    if orientation >= 5:
        plane = plane.T
    if orientation in ROWS_MIRRORED:
        plane = plane[::-1]
    if orientation in COLUMNS_MIRRORED:
        plane = plane[:, ::-1]
    return np.ascontiguousarray(plane)


def keeps_blocks(orientation: int, height: int, width: int) -> bool:
    """Whether a JPEG's blocks are whole blocks again when `upright` has made it height x width.

    Blocks are counted from the left and the top; what does not fill a block lies on the other side once mirrored.
    """
    rows_mirrored, columns_mirrored = orientation in ROWS_MIRRORED, orientation in COLUMNS_MIRRORED
    return not (rows_mirrored and height % jpeg.BLOCK or columns_mirrored and width % jpeg.BLOCK)


def is_colorful(rgb: Image.Image) -> bool:
    """Whether a small RGB image has real colour. A tone (sepia, selenium, a cast) gives each gray its one chroma.

    Tells by what is left of the chroma when each gray's median chroma is taken off: colour if at least 1 % of the
    pixels are 12 levels of Cb and Cr away from it.
    """
    ycc = np.asarray(rgb.convert("YCbCr"), "int16").reshape(-1, 3)
    away = np.zeros(len(ycc))
    for low in range(0, 256, 16):
        chosen = (ycc[:, 0] >= low) & (ycc[:, 0] < low + 16)
        if chosen.any():
            chroma = ycc[chosen, 1:]
            away[chosen] = np.hypot(*(chroma - np.median(chroma, axis=0)).T)
    return bool(np.mean(away >= 12) >= 0.01)


def _small_rgb(pixels) -> Image.Image:
    if isinstance(pixels, np.ndarray):
        step = max(1, max(pixels.shape[:2]) // COLOUR_SAMPLE)
        small = pixels[::step, ::step]
        pixels = Image.fromarray((small >> 8).astype("uint8") if small.dtype == np.uint16 else small)
    size = tuple(min(side, COLOUR_SAMPLE) for side in pixels.size)
    return pixels.resize(size, Image.Resampling.BOX).convert("RGB")
