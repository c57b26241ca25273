"""A photo's bytes -> its gray at full size, upright, and all that is kept of it.

The header is read first, without decoding; what it claims is checked against the limits. Then the pixels are decoded:
JPEG by simplejpeg, which tells damage that libjpeg passes over in silence; TIFF by tifffile; 16 bits of PNG and
JPEG 2000 by imagecodecs; the rest by Pillow. None of them sees the notes. Last, the pixels become gray as their profile
means them.
"""

import contextlib
import io
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import simplejpeg
from PIL import Image, ImageFile

from tfcolor.photo import exif, formats, gif, jp2, jpeg, photoshop, png, pnm, profiles, tiff, webp
from tfcolor.photo.directories import BrokenDirectory
from tfcolor.photo.errors import PhotoError
from tfcolor.photo.formats import Format
from tfcolor.photo.limits import LET_IT_IN, Limits
from tfcolor.photo.merging import strip_bounds
from tfcolor.photo.notes import INCH, Notes, Resolution, listed

for library in ("tifffile", "imagecodecs"):
    logging.getLogger(library).setLevel(logging.CRITICAL)  # what they have to say becomes our one line
WHOLE_COPY = "a whole copy of the file, or --allow-truncated to do it as far as it goes"
_EXIF_DAMAGED = "its EXIF is damaged ({}) and left out"
HARMLESS = "Invalid SOS parameters"  # what libjpeg remarks on without anything being wrong with the pixels
AS_FAR = "done as far as it goes"
MOST_SAMPLES = 8  # channels of a pixel
ROWS_AT_ONCE = 64
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


@dataclass
class Samples:
    """Decoded pixels, as they lie in the file.

    Attributes:
        pixels: uint8 or uint16 [H, W] or RGB [H, W, 3], or a Pillow image in L, RGB, CMYK, LAB or YCbCr.
        alpha: [H, W], None without transparency.
        gamma: the exponent from values to light, where no profile says more.
        orientation: 1 to 8, as EXIF counts; None: EXIF says.
        is_luma: they are the Y that a JPEG holds.
        damage: what was wrong with it, '' if nothing was.
    """

    pixels: Image.Image | np.ndarray
    alpha: np.ndarray | None = None
    gamma: float | None = None
    orientation: int | None = None
    is_luma: bool = False
    damage: str = ""


@dataclass
class Opened:
    """A file whose header was read.

    Attributes:
        sizes: width and height of each page, as stored.
        read_notes: of a page, by its number.
        decode: a page, by its number, and whether its colours are needed (a JPEG's gray is quicker to have alone).
        jpeg_header: of a JPEG, whose tables its copy is written with.
        tiff_header: of a TIFF, for byte order and compression.
        lossless: of a WebP.
        damage: what is missing at its end, '' if nothing is.
        warnings: lines about what could not be kept.
        glimpse: a small RGB image, where there is a faster way to it than decoding.
    """

    format: Format
    sizes: list[tuple[int, int]]
    read_notes: Callable[[int], Notes]
    decode: Callable[[int, bool], Samples]
    jpeg_header: jpeg.Jpeg | None = None
    tiff_header: tiff.Tiff | None = None
    lossless: bool = True
    damage: str = ""
    warnings: list[str] = field(default_factory=list)
    glimpse: Callable[[], Image.Image] | None = None

    @property
    def pages(self) -> int:
        return len(self.sizes)


def open_photo(data: bytes, limits: Limits) -> Opened:
    """Read a file's header.

    Raises:
        PhotoError: it is no photo, it is damaged, or its header is beyond the limits.
    """
    if not data:
        raise PhotoError("an empty file", "a whole copy of the file")
    kind = formats.recognise(data[: formats.HEAD_SIZE])
    if kind is None:
        raise PhotoError("not a photo", f"{formats.names(formats.FORMATS)} are")
    limits.tell_pillow()
    opened = _trying(kind, lambda: _OPENERS[kind](data, limits))
    limits.check(*opened.sizes[0])
    if opened.damage:
        if not limits.allow_truncated:
            raise PhotoError(opened.damage, WHOLE_COPY)
        opened.warnings.append(f"{opened.damage}: {AS_FAR}")
    return opened


def read_page(opened: Opened, page: int, limits: Limits, look_for_color: bool = False) -> Photo:
    """Decode a page.

    Raises:
        PhotoError: its pixels are damaged or beyond the limits.
    """
    limits.check(*opened.sizes[page])
    notes = _trying(opened.format, lambda: opened.read_notes(page))
    for name, note in (("EXIF", notes.exif), ("XMP", notes.xmp), ("colour profile", notes.icc)):
        limits.check_note(name, len(note))
    block = _read_exif(notes, opened.warnings)
    profile = _read_profile(notes, opened.warnings)
    in_color = profile is not None and profile.space == profiles.RGB and not profile.is_srgb
    samples = _trying(opened.format, lambda: opened.decode(page, in_color))
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


# One opener a format: bytes and limits -> Opened.


def _open_jpeg(data: bytes, limits: Limits) -> Opened:
    first = jpeg.parse(data)
    pictures = [first]
    for picture in jpeg.pictures_behind(data, first):
        with contextlib.suppress(PhotoError):
            pictures.append(jpeg.parse(picture))
    opened = Opened(
        formats.JPEG,
        [(header.width, header.height) for header in pictures],
        lambda page: jpeg.read_notes(pictures[page], opened.warnings),
        lambda page, in_color: _decode_jpeg(pictures[page], in_color, limits),
        jpeg_header=first,
    )
    if len(first.components) == 3:
        opened.glimpse = lambda: Image.fromarray(simplejpeg.decode_jpeg(first.bare, "RGB", min_factor=8, strict=False))
    behind = jpeg.bytes_behind(data)
    if behind > 64 and len(pictures) == 1:
        opened.warnings.append(f"{behind:,} bytes behind the picture (a film, a larger copy) are left out")
    return opened


def _decode_jpeg(header: jpeg.Jpeg, in_color: bool, limits: Limits) -> Samples:
    space = {1: "GRAY", 4: "CMYK"}.get(len(header.components), "RGB" if in_color else "GRAY")
    damage = ""
    try:
        pixels = simplejpeg.decode_jpeg(header.bare, space)
    except ValueError as error:
        if "subsampling" in str(error):
            kind = ", ".join(f"{across} x {down}" for _, across, down, _ in header.components)
            raise PhotoError(f"a kind of JPEG that is not read here (sampled {kind})", jpeg.SAVE_ANEW) from None
        damage = "" if str(error).startswith(HARMLESS) else f"damaged JPEG ({error})"
        if damage and not limits.allow_truncated:
            raise
        pixels = simplejpeg.decode_jpeg(header.bare, space, strict=False)
    if space == "GRAY":
        return Samples(pixels[..., 0], is_luma=not header.is_rgb, damage=damage)
    if space == "CMYK":
        # Adobe's convention, which the others follow, with its marker or without: 255 is no ink.
        return Samples(_pillow_image(~pixels, "CMYK"), damage=damage)
    return Samples(pixels, damage=damage)


def _open_png(data: bytes, limits: Limits) -> Opened:
    header = png.parse(data)
    limits.check(header.width, header.height)
    pages = 1
    if png.frames(header) > 1:
        with _pillow(png.pixels_alone(header), formats.PNG) as image:
            pages = min(image.n_frames, png.frames(header))

    animation = _Animation(lambda: png.pixels_alone(header), formats.PNG, limits)

    def decode(page: int, in_color: bool) -> Samples:
        if header.bits == 16 and page == 0:
            try:
                png.check_packed(header)
                return _from_array(_imagecodecs().png_decode(png.pixels_alone(header)), 65535, gamma=png.gamma(header))
            except Exception:
                if not limits.allow_truncated:
                    raise
        samples = animation.decode(page)
        samples.gamma = png.gamma(header)
        if header.bits == 16 and page == 0:
            samples.damage = "as it is damaged, it is read with 8 bits"
        return samples

    opened = Opened(
        formats.PNG,
        [(header.width, header.height)] * pages,
        lambda page: png.read_notes(header, limits.note_bytes, opened.warnings),
        decode,
        damage=header.damage,
    )
    return opened


def _open_webp(data: bytes, limits: Limits) -> Opened:
    header, animation = webp.parse(data), _Animation(lambda: data, formats.WEBP, limits)
    unknown = f"its WebP chunks {listed(header.unknown)} are not known here and left out"
    return Opened(
        formats.WEBP,
        [(header.width, header.height)] * header.frames,
        lambda page: replace(header.notes),
        lambda page, in_color: animation.decode(page),
        lossless=header.lossless,
        damage=header.damage,
        warnings=[unknown] if header.unknown else [],
    )


def _open_gif(data: bytes, limits: Limits) -> Opened:
    header, animation = gif.parse(data), _Animation(lambda: data, formats.GIF, limits)
    return Opened(
        formats.GIF,
        [(header.width, header.height)] * header.frames,
        lambda page: replace(header.notes),
        lambda page, in_color: animation.decode(page),
        damage=header.damage,
    )


def _open_jp2(data: bytes, limits: Limits) -> Opened:
    header = jp2.parse(data)

    def decode(page: int, in_color: bool) -> Samples:
        if header.bits > 8:
            return _from_array(_imagecodecs().jpeg2k_decode(data), (1 << header.bits) - 1)
        return _decode_with_pillow(data, formats.JP2, page, limits)

    return Opened(formats.JP2, [(header.width, header.height)], lambda page: replace(header.notes), decode)


def _open_pnm(data: bytes, limits: Limits) -> Opened:
    header = pnm.parse(data)

    def decode(page: int, in_color: bool) -> Samples:
        pixels, missing = pnm.decode(data, header, limits.allow_truncated)
        return Samples(pixels, damage="the PNM file ends early" if missing else "")

    notes = Notes(comments=header.comments)
    return Opened(formats.PNM, [(header.width, header.height)], lambda page: replace(notes), decode)


def _open_with_pillow(kind: Format) -> Callable[[bytes, Limits], Opened]:
    """For formats whose header Pillow may read: it decodes nothing before it is asked to."""

    def open_it(data: bytes, limits: Limits) -> Opened:
        if kind is formats.HEIC:
            _register_heif()
        with _pillow(data, kind) as image:
            limits.check(*image.size)
            size, pages, info = image.size, getattr(image, "n_frames", 1), image.info
        notes = Notes(
            exif=(info.get("exif") or b"").removeprefix(b"Exif\0\0"),
            xmp=info.get("xmp") or b"",
            icc=info.get("icc_profile") or b"",
        )
        if kind is formats.BMP and info.get("dpi", (0, 0))[0] > 0:
            notes.resolution = Resolution(*info["dpi"], INCH)
        return Opened(
            kind,
            [size] * pages,
            lambda page: replace(notes),
            lambda page, in_color: _decode_with_pillow(data, kind, page, limits),
        )

    return open_it


def _register_heif() -> None:
    try:
        import pillow_heif
    except ImportError:
        raise PhotoError("HEIC is read by a library that is not installed", "pip install 'tfcolor[heic]'") from None
    pillow_heif.register_heif_opener()


def _open_tiff(data: bytes, limits: Limits) -> Opened:
    header = tiff.parse(data)
    pages = [page for _, page in header.pages]
    end = max(tiff.end_of_pixels(page) for page in pages)
    if end > max(len(data), limits.file_bytes):
        raise PhotoError("the TIFF's pixels lie outside the file", "a whole copy of the file")
    opened = Opened(
        formats.TIFF,
        [(page.number(tiff.WIDTH), page.number(tiff.HEIGHT)) for page in pages],
        lambda page: tiff.read_notes(header, pages[page], opened.warnings),
        lambda page, in_color: _decode_tiff(header, page, limits),
        tiff_header=header,
        damage="the TIFF ends early" if end > len(data) else "",
    )
    return opened


def _decode_tiff(header: tiff.Tiff, page: int, limits: Limits) -> Samples:
    _, fields = header.pages[page]
    layout = tiff.Layout.of(fields)
    if layout.samples > MOST_SAMPLES:
        raise PhotoError(f"a TIFF of {layout.samples} channels", f"at most {MOST_SAMPLES} are read")
    tiff.check_packing(header, page)
    pixels = _decode_with_tifffile(tiff.pixels_alone(header, page))
    samples = _from_tiff_array(pixels, layout, fields.numbers(tiff.PALETTE))
    samples.orientation = min(max(fields.number(tiff.ORIENTATION, 1), 1), 8)
    return samples


_OPENERS: dict[Format, Callable[[bytes, Limits], Opened]] = {
    formats.JPEG: _open_jpeg,
    formats.PNG: _open_png,
    formats.WEBP: _open_webp,
    formats.TIFF: _open_tiff,
    formats.GIF: _open_gif,
    formats.PNM: _open_pnm,
    formats.JP2: _open_jp2,
    formats.BMP: _open_with_pillow(formats.BMP),
    formats.AVIF: _open_with_pillow(formats.AVIF),
    formats.HEIC: _open_with_pillow(formats.HEIC),
}


# The libraries that decode.


def _trying(kind: Format, call: Callable):
    """Call a decoder; whatever it raises becomes one line."""
    try:
        return call()
    except PhotoError:
        raise
    except Image.DecompressionBombError as error:
        raise PhotoError(str(error).rstrip("."), LET_IT_IN) from None
    except MemoryError:
        raise PhotoError("not enough memory for it", "fewer --workers or a smaller photo") from None
    except Exception as error:  # decoders raise anything, struct.error and KeyError among it
        lines = str(error).split("\n")
        raise PhotoError(f"damaged {kind.name} ({lines[0] or type(error).__name__})", WHOLE_COPY) from error


def _pillow(data: bytes, kind: Format) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=[kind.pillow])


_tolerance = threading.Lock()  # ImageFile.LOAD_TRUNCATED_IMAGES is of the whole process


def _decode_with_pillow(data: bytes, kind: Format, page: int, limits: Limits) -> Samples:
    try:
        with _pillow(data, kind) as image:
            return _from_pillow(image, page)
    except (OSError, SyntaxError, EOFError) as error:
        if not limits.allow_truncated:
            raise
        damage = f"damaged {kind.name} ({error})"
    with _tolerance:
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            with _pillow(data, kind) as image:
                samples = _from_pillow(image, page)
            samples.damage = damage
            return samples
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False


class _Animation:
    """Frames in their order: each is drawn on those before it, so Pillow's image stays open behind the first."""

    def __init__(self, data: Callable[[], bytes], kind: Format, limits: Limits):
        self._data, self._kind, self._limits = data, kind, limits
        self._image: Image.Image | None = None

    def decode(self, page: int) -> Samples:
        if page:
            with contextlib.suppress(OSError, SyntaxError, EOFError):
                if self._image is None or self._image.tell() > page:
                    self._image = _pillow(self._data(), self._kind)
                return _from_pillow(self._image, page)
        self._image = None
        return _decode_with_pillow(self._data(), self._kind, page, self._limits)


def _from_pillow(image: Image.Image, page: int) -> Samples:
    if page:
        image.seek(page)
    image.load()
    if image.mode.startswith("I;16"):
        return Samples(np.asarray(image).astype("uint16"))
    alpha = None
    if image.has_transparency_data:
        image = image.convert("LA" if image.mode in ("L", "1", "LA", "La") else "RGBA")
        alpha = np.asarray(image.getchannel("A"))
    wanted = {"1": "L", "LA": "L", "L": "L", "CMYK": "CMYK", "LAB": "LAB", "YCbCr": "YCbCr"}.get(image.mode, "RGB")
    return Samples(image if image.mode == wanted else image.convert(wanted), alpha)


def _imagecodecs():
    import imagecodecs

    return imagecodecs


def _decode_with_tifffile(alone: bytes) -> np.ndarray:
    """The one page of a TIFF, [H, W, samples], numbers as stored. JPEG inside is RGB by then."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(alone)) as file:
        page = file.pages[0]
        pixels = page.asarray(maxworkers=1).reshape(page.shape)
        if "S" in page.axes:
            pixels = np.moveaxis(pixels, page.axes.index("S"), -1)
        return pixels.reshape(page.imagelength, page.imagewidth, -1)


def _from_tiff_array(pixels: np.ndarray, layout: tiff.Layout, palette: tuple[int, ...]) -> Samples:
    """A TIFF's pixels [H, W, samples] as 8 or 16 bits, white at the top, alpha apart."""
    colors = tiff.COLORS.get(layout.photometric)
    if colors is None or pixels.shape[2] < colors:
        kind = f"{pixels.shape[2]} channels, photometric interpretation {layout.photometric}"
        raise PhotoError(f"a kind of TIFF that is not read here ({kind})", "save it as RGB first")
    if layout.photometric == tiff.PALETTE_COLOR:
        table = (np.array(palette).reshape(3, -1).T >> 8).astype("uint8")
        return Samples(table[np.minimum(pixels[..., 0], len(table) - 1)])
    if layout.photometric == tiff.LAB:
        return Samples(_pillow_image(pixels[..., :3] >> max(0, layout.bits - 8), "LAB"))
    pixels = _as_uint8_or_16(pixels, layout)
    if layout.photometric == tiff.WHITE_IS_ZERO:
        pixels = ~pixels
    if layout.photometric == tiff.SEPARATED:
        inks = pixels[..., :4] if pixels.dtype == np.uint8 else (pixels[..., :4] >> 8).astype("uint8")
        return Samples(_pillow_image(inks, "CMYK"))
    if layout.photometric == tiff.YCC and layout.compression != tiff.JPEG:
        return Samples(pixels[..., 0])
    alpha = pixels[..., colors] if pixels.shape[2] > colors and layout.extra[:1] in ((1,), (2,)) else None
    pixels = pixels[..., 0] if colors == 1 else pixels[..., :3]
    if alpha is not None and layout.extra[0] == tiff.ASSOCIATED:
        pixels = _divided(pixels, alpha)
    return Samples(pixels, alpha)


def _as_uint8_or_16(pixels: np.ndarray, layout: tiff.Layout) -> np.ndarray:
    if layout.kind == tiff.FLOAT:
        pixels = np.nan_to_num(pixels, posinf=0, neginf=0)
        highest = pixels.max()
        # Floats are meant to reach 1; some writers keep the 255 or 65,535 of the integers that they came from.
        return _scaled(pixels, next((level for level in (1, 255, 65535) if highest <= level), highest), "uint16")
    white = (1 << layout.bits - (layout.kind == tiff.SIGNED)) - 1
    return _scaled(pixels, white, "uint8" if layout.bits <= 8 else "uint16")


def _divided(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colours that were multiplied with alpha, as they were before."""
    white, divided = np.iinfo(pixels.dtype).max, np.empty_like(pixels)
    for top, bottom in strip_bounds(*pixels.shape[:2]):
        share = np.maximum(alpha[top:bottom], 1) / white
        share = share[..., None] if pixels.ndim == 3 else share
        divided[top:bottom] = np.minimum(np.rint(pixels[top:bottom] / share), white)
    return divided


def _pillow_image(pixels: np.ndarray, mode: str) -> Image.Image:
    height, width = pixels.shape[:2]
    pixels = np.ascontiguousarray(pixels, "uint8")
    return Image.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)


def _from_array(pixels: np.ndarray, white: int, gamma: float | None = None) -> Samples:
    """[H, W] or [H, W, channels] of more than 8 bits; the second of two and the fourth of four channels is alpha."""
    pixels = _scaled(pixels, white, "uint16")
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels in (1, 3):
        return Samples(pixels.reshape(pixels.shape[:2]) if channels == 1 else pixels, gamma=gamma)
    color = pixels[..., 0] if channels == 2 else pixels[..., :3]
    return Samples(color, pixels[..., -1], gamma=gamma)


def _scaled(pixels: np.ndarray, white: float, dtype: str) -> np.ndarray:
    """Any numbers -> 'uint8' or 'uint16' with `white` at the top."""
    top = np.iinfo(dtype).max
    if pixels.dtype == dtype and white == top:
        return pixels
    scaled = np.empty(pixels.shape, dtype)
    for first in range(0, len(pixels), ROWS_AT_ONCE):
        part = np.clip(pixels[first : first + ROWS_AT_ONCE].astype("float64"), 0, white)
        scaled[first : first + ROWS_AT_ONCE] = np.rint(part * (top / max(white, 1e-12)))
    return scaled
