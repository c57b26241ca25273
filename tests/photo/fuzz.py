"""Seeds of every format, mutated, through the whole way: `python tests/photo/fuzz.py --seconds 600 --seed 1`.

Whatever the bytes are, there is a coloured photo that can be read again or a PhotoError of one line, within a time and
a memory. Prints one line of figures at the end; if anything else happened, ends with 1 and the file in `--keep`.
"""

import argparse
import collections
import faulthandler
import importlib.util
import pathlib
import random
import resource
import struct
import sys
import time
import warnings

import icc
import numpy as np
from making import colorize, encoded
from PIL import Image

from tfcolor.photo import PhotoError, formats

PIXELS = 1 << 22
SLOWEST = 5.0  # seconds of the processor
HANGS = 120.0  # seconds of the clock
MOST_MEMORY = 400  # MB more than the seeds take


def seeds() -> dict[str, bytes]:
    """A small photo in every format and many of its variants."""
    y, x = np.mgrid[:48, :64]
    gray = (120 + 60 * np.sin(x / 5) + 50 * np.cos(y / 7)).astype("uint8")
    rgb = np.dstack([gray, gray[::-1], gray[:, ::-1]])
    image, photo = Image.fromarray(gray), Image.fromarray(rgb)
    exif = Image.Exif()
    exif[271], exif[274], exif[282], exif[283] = "Camera", 6, 300.0, 300.0
    exif.get_ifd(34665)[37500] = bytes(range(100))
    block = exif.tobytes()
    profile = icc.rgb_profile("Adobe RGB")
    packet = b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description/></rdf:RDF>"
    made = {
        "gray.jpg": encoded(image, "JPEG", exif=block, xmp=packet, comment=b"hello"),
        "color.jpg": encoded(photo, "JPEG", progressive=True, icc_profile=profile, exif=block),
        "cmyk.jpg": encoded(photo.convert("CMYK"), "JPEG"),
        "several.jpg": encoded(image, "MPO", save_all=True, append_images=[photo]),
        "gray.png": encoded(image, "PNG", exif=block),
        "palette.png": encoded(photo.quantize(16), "PNG", icc_profile=profile),
        "alpha.png": encoded(np.dstack([rgb, gray]), "PNG"),
        "moving.png": encoded(image, "PNG", save_all=True, append_images=[image.rotate(90), image.rotate(180)]),
        "deep.png": encoded(gray.astype("uint16") * 257, "PNG"),
        "lossy.webp": encoded(photo, "WEBP", exif=block, xmp=packet, icc_profile=profile),
        "lossless.webp": encoded(np.dstack([rgb, gray]), "WEBP", lossless=True),
        "moving.webp": encoded(photo, "WEBP", save_all=True, append_images=[photo.rotate(90)]),
        "moving.gif": encoded(image, "GIF", save_all=True, append_images=[image.rotate(90)], comment=b"hello"),
        "photo.bmp": encoded(photo, "BMP"),
        "photo.ppm": encoded(photo, "PPM"),
        "plain.pgm": b"P2\n4 3\n255\n" + b"1 20 255 0\n" * 3,
        "photo.jp2": encoded(photo, "JPEG2000"),
        "photo.avif": encoded(photo, "AVIF", exif=block),
        "fax.tif": encoded(image.convert("1"), "TIFF", compression="group4"),
        "jpeg.tif": encoded(photo, "TIFF", compression="jpeg"),
    }
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        made[f"{compression}.tif"] = encoded(photo, "TIFF", compression=compression, tiffinfo={315: "somebody"})
    if importlib.util.find_spec("pillow_heif"):  # of the extra heic
        import pillow_heif

        pillow_heif.register_heif_opener()
        made["photo.heic"] = encoded(photo, "HEIF", exif=block)
    made["pages.tif"] = encoded(image, "TIFF", save_all=True, append_images=[photo, image])
    made["deep.tif"] = colorize(made["deep.png"], output_format=formats.TIFF).data
    made["notes.tif"] = colorize(made["gray.jpg"], output_format=formats.TIFF).data
    return made


def mutated(data: bytes, dice: random.Random) -> bytes:
    """A few of: bits flipped, bytes and numbers replaced, pieces cut, doubled, moved, the end cut."""
    data = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        if not data:
            break
        # Half of all changes go to the first 200 bytes, where headers are.
        at = dice.randrange(min(len(data), 200)) if dice.random() < 0.5 else dice.randrange(len(data))
        kind = dice.randrange(7)
        if kind == 0:
            data[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            data[at] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
        elif kind == 2:
            value = dice.choice((0, 1, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, len(data), dice.getrandbits(32)))
            data[at : at + 4] = struct.pack(dice.choice("<>") + "I", value)
        elif kind == 3:
            del data[at : at + dice.randrange(1, 40)]
        elif kind == 4:
            data[at:at] = data[at : at + dice.randrange(1, 60)]
        elif kind == 5:
            piece = data[at : at + dice.randrange(1, 40)]
            to = dice.randrange(len(data))
            data[to : to + len(piece)] = piece
        else:
            del data[at:]
    return bytes(data)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--count", type=int, default=sys.maxsize)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=pathlib.Path, default=pathlib.Path("/tmp"))
    args = parser.parse_args()
    faulthandler.enable()
    warnings.filterwarnings("ignore", module="PIL")  # as the command does
    names, dice = seeds(), random.Random(args.seed)
    written = [one for one in formats.FORMATS if one.written]
    for data in names.values():
        colorize(data, all_pages=True)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes, slowest, grown, started, number = collections.Counter(), (0.0, ""), 0, time.monotonic(), 0
    current = args.keep / "fuzz-current"
    while number < args.count and time.monotonic() - started < args.seconds:
        name = dice.choice(list(names))
        data = mutated(names[name], dice)
        current.write_bytes(data)  # of a crash, the file is there
        options = {"all_pages": dice.random() < 0.3, "allow_truncated": dice.random() < 0.5}
        options["skip_color"] = dice.random() < 0.2
        options["output_format"] = dice.choice(written) if dice.random() < 0.5 else None
        faulthandler.dump_traceback_later(HANGS, exit=True)
        began = time.process_time()
        result = None
        try:
            result = colorize(data, max_pixels=PIXELS, **options)
            outcomes[result.outcome] += 1
        except PhotoError as error:
            if "\n" in str(error) or ": " not in str(error):
                raise
            outcomes["refused"] += 1
        if result and result.data:
            colorize(result.data, max_pixels=PIXELS)  # what is written is whole: it can be read again
        seconds = time.process_time() - began
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
        if seconds > SLOWEST or grown > MOST_MEMORY:
            print(f"{name}, change {number}: {seconds:.1f} s, {grown} MB with {options}", file=sys.stderr)
            return 1
        target = options["output_format"].name if options["output_format"] else "its own format"
        slowest = max(slowest, (seconds, f"{name}, change {number}, to {target}"))
        number += 1
    faulthandler.cancel_dump_traceback_later()
    current.unlink(missing_ok=True)
    cost = f"slowest {slowest[0]:.2f} s ({slowest[1]}), {grown} MB more than the seeds took"
    print(f"{number} files, {dict(outcomes)}, {cost}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
