"""A photo's bytes -> its header, and how each page's notes and pixels are had: one opener a format.

The header is read first, without decoding; what it claims is checked against the limits. JPEG is decoded by simplejpeg,
which tells damage that libjpeg passes over in silence; TIFF by tifffile; 16 bits of PNG and JPEG 2000 by imagecodecs;
the rest by Pillow. None of them sees the notes.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import simplejpeg
from PIL import Image

from tfcolor.photo import formats, gif, jp2, jpeg, png, pnm, tiff, webp
from tfcolor.photo.decoding import (
    WHOLE_COPY,
    Animation,
    Samples,
    decode_with_pillow,
    decode_with_tifffile,
    from_array,
    from_tiff_array,
    pillow,
    pillow_image,
    trying,
)
from tfcolor.photo.errors import PhotoError
from tfcolor.photo.formats import Format
from tfcolor.photo.limits import Limits
from tfcolor.photo.notes import INCH, Notes, Resolution, listed

HARMLESS = "Invalid SOS parameters"  # what libjpeg remarks on without anything being wrong with the pixels
AS_FAR = "done as far as it goes"
MOST_SAMPLES = 8  # channels of a pixel


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
    opened = trying(kind, lambda: _OPENERS[kind](data, limits))
    limits.check(*opened.sizes[0])
    if opened.damage:
        if not limits.allow_truncated:
            raise PhotoError(opened.damage, WHOLE_COPY)
        opened.warnings.append(f"{opened.damage}: {AS_FAR}")
    return opened


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
        return Samples(pillow_image(~pixels, "CMYK"), damage=damage)
    return Samples(pixels, damage=damage)


def _open_png(data: bytes, limits: Limits) -> Opened:
    header = png.parse(data)
    limits.check(header.width, header.height)
    pages = 1
    if png.frames(header) > 1:
        with pillow(png.pixels_alone(header), formats.PNG) as image:
            pages = min(image.n_frames, png.frames(header))

    animation = Animation(lambda: png.pixels_alone(header), formats.PNG, limits)

    def decode(page: int, in_color: bool) -> Samples:
        if header.bits == 16 and page == 0:
            try:
                import imagecodecs

                png.check_packed(header)
                return from_array(imagecodecs.png_decode(png.pixels_alone(header)), 65535, gamma=png.gamma(header))
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
    header, animation = webp.parse(data), Animation(lambda: data, formats.WEBP, limits)
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
    header, animation = gif.parse(data), Animation(lambda: data, formats.GIF, limits)
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
            import imagecodecs

            return from_array(imagecodecs.jpeg2k_decode(data), (1 << header.bits) - 1)
        return decode_with_pillow(data, formats.JP2, page, limits)

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
        with pillow(data, kind) as image:
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
            lambda page, in_color: decode_with_pillow(data, kind, page, limits),
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
    pixels = decode_with_tifffile(tiff.pixels_alone(header, page))
    samples = from_tiff_array(pixels, layout, fields.numbers(tiff.PALETTE))
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
