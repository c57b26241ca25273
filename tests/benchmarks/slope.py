"""`python -m benchmarks.slope JPEG | PNG | PNG16`: the bytes that a photo of 4.8 megapixels takes beyond one of 1.2."""

import io
import sys

import numpy as np
from PIL import Image

from benchmarks.measuring import peak_memory
from benchmarks.test_photo import camera_photo, chroma, file_of
from tfcolor.photo import colorize_photo


def photo(width, height, kind):
    gray = camera_photo(width, height)
    if kind != "PNG16":
        return file_of(gray, kind)
    file = io.BytesIO()
    Image.fromarray(gray.astype("uint16") * 257).save(file, "PNG", compress_level=1)
    return file.getvalue()


if __name__ == "__main__":
    small, large = (photo(*size, sys.argv[1]) for size in ((1200, 1000), (2400, 2000)))
    peaks = [peak_memory(lambda data=data: lambda: colorize_photo(data, chroma, 256)) for data in (small, large)]
    print(int(np.diff(peaks)[0]))
