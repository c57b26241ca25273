"""Files that are small and claim to be large. As a script: what each costs, a line of JSON each."""

import json
import resource
import struct
import time
import zlib

import imagecodecs
import numpy as np
from making import colorize, encoded
from test_png import chunk

from tfcolor.photo import PhotoError


def directory(entries, following=0, order="<"):
    body = b"".join(struct.pack(order + "HHII", *entry) for entry in entries)
    return struct.pack(order + "H", len(entries)) + body + struct.pack(order + "I", following)


SMALL_GRAY = [(256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8), (279, 4, 1, 64)]


def packed_zeros(megabytes):
    packer = zlib.compressobj(1)
    return b"".join([packer.compress(bytes(1 << 20)) for _ in range(megabytes)] + [packer.flush()])


def png_with(*chunks):
    data = encoded(np.zeros((8, 8), "uint8"), "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def tiff_of(packing, strip):
    """A small gray TIFF whose one strip is packed in a way, and unpacks to something else."""
    entries = [(256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 1, 8), (259, 3, 1, packing), (262, 3, 1, 1)]
    entries += [(273, 4, 1, 200), (277, 3, 1, 1), (278, 4, 1, 8), (279, 4, 1, len(strip))]
    return (b"II*\0\x08\0\0\0" + directory(entries)).ljust(200, b"\0") + strip


def jpeg_of(width, height):
    data = encoded(np.zeros((8, 8), "uint8"), "JPEG")
    return data.replace(b"\x08\x00\x08\x00\x08", b"\x08" + struct.pack(">HH", height, width), 1)


SOURCE = b"<i:DigitalSourceType/>"
PACKET = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
    b'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">%s</r:RDF></x:xmpmeta>'
)


BOMBS = {
    "text": lambda: png_with(chunk(b"zTXt", b"Story\0\0" + packed_zeros(200))),
    "XMP": lambda: png_with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed_zeros(200))),
    "profile": lambda: png_with(chunk(b"iCCP", b"p\0\0" + packed_zeros(200))),
    "XMP of a million sources": lambda: png_with(
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(PACKET % (SOURCE * 400_000)))
    ),
    "XMP as long as is read": lambda: png_with(
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(PACKET % (SOURCE * 80_000)))
    ),
    "many texts": lambda: png_with(*[chunk(b"zTXt", b"Story\0\0" + zlib.compress(bytes(20 << 20)))] * 40),
    "circle of pages": lambda: b"II*\0\x08\0\0\0" + directory([(256, 4, 1, 1)], 8),
    "circle of two": lambda: b"II*\0\x08\0\0\0" + directory([(256, 4, 1, 1)], 26) + directory([(256, 4, 1, 1)], 8),
    "million entries": lambda: b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 1_000_000) + bytes(20_000_000),
    "65535 entries": lambda: b"II*\0\x08\0\0\0\xff\xff" + struct.pack("<HHII", 700, 1, 1 << 20, 0) * 65535 + bytes(4),
    "a gigabyte in each": lambda: b"II*\0\x08\0\0\0" + directory([(tag, 1, 1 << 30, 0) for tag in range(4000)]),
    "all of the file in each": lambda: (
        b"II*\0\x08\0\0\0"
        + directory([*SMALL_GRAY, *((60000 + tag, 1, 9_000_000, 0) for tag in range(4000))])
        + bytes(9_000_000)
    ),
    "scans": lambda: (
        encoded(np.zeros((64, 64), "uint8"), "JPEG", progressive=True)[:-2] + b"\xff\xda\0\x08\1\1\0\0\0\0" * 50000
    ),
    "a billion frames": lambda: png_with(chunk(b"acTL", struct.pack(">II", 1_000_000_000, 0))),
    "huge EXIF": lambda: png_with(chunk(b"eXIf", b"II*\0\x08\0\0\0\xff\xff" + bytes(60_000_000))),
    "tiles": lambda: (
        b"II*\0\x08\0\0\0"
        + directory([*SMALL_GRAY[:4], (322, 4, 1, 60000), (323, 4, 1, 60000), (324, 4, 1, 8), (325, 4, 1, 64)])
        + bytes(64)
    ),
    "JPEG in a TIFF": lambda: tiff_of(7, jpeg_of(65500, 65500)),
    "JPEG 2000 in a TIFF": lambda: tiff_of(34712, encoded(np.zeros((8, 8), "uint8"), "JPEG2000", no_jp2=True)),
    "Deflate in a TIFF": lambda: tiff_of(8, packed_zeros(200)),
    "LZMA in a TIFF": lambda: tiff_of(34925, imagecodecs.lzma_encode(bytes(50 << 20))),
    "ZSTD in a TIFF": lambda: tiff_of(50000, imagecodecs.zstd_encode(bytes(60 << 20))),
    "PackBits in a TIFF": lambda: tiff_of(32773, b"\x81\0" * 1_500_000),
    "LZW in a TIFF": lambda: tiff_of(5, imagecodecs.lzw_encode(bytes(50 << 20))),
}


def main():
    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    colorize(encoded(np.zeros((8, 8), "uint8"), "TIFF"))  # imports
    for name, make in BOMBS.items():
        data = make()
        before, started = peak(), time.process_time()
        try:
            outcome = colorize(data, all_pages=True).outcome
        except PhotoError as error:
            outcome = str(error)
        print(json.dumps([name, time.process_time() - started, peak() - before, outcome]), flush=True)


if __name__ == "__main__":
    main()
