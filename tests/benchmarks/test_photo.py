"""What a photo costs beside its decoding, the network and its encoding alone: time and memory.

Run it by name, `pytest tests/benchmarks/test_photo.py -rP`, on a machine that has nothing else to do: the shares are
printed. The network is a stand-in that takes NETWORK seconds, as the shipped one does on two cores.
"""

import io
import sys
import time

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from benchmarks.measuring import peak_memory, peak_memory_apart, seconds
from tfcolor.photo import Options, colorize_photo

NETWORK = 0.046
SIZES = {"12 MP": (4000, 3000), "50 MP": (8660, 5774), "100 MP": (11548, 8660)}


def camera_photo(width, height) -> np.ndarray:
    """uint8 [H, W]: as soft and as noisy as a camera's."""
    dice = np.random.default_rng(0)
    coarse = Image.fromarray(dice.integers(0, 256, (height // 40, width // 40)).astype("uint8"))
    image = coarse.resize((width, height), Image.Resampling.BICUBIC)
    noise = Image.fromarray(dice.normal(128, 6, (1024, 1024)).astype("uint8"))
    tile = np.tile(np.asarray(noise), (height // 1024 + 1, width // 1024 + 1))[:height, :width]
    return np.clip(np.asarray(image) + (tile - np.int16(128)), 0, 255).astype("uint8")


def file_of(picture, kind="JPEG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **({"quality": 90} if kind == "JPEG" else {"compress_level": 1}))
    return file.getvalue()


def chroma(gray):
    height, width = (-(-side // 4) for side in gray.shape)
    return np.random.default_rng(0).normal(0, 0.05, (height, width, 2)).astype("float32")


def slow_chroma(gray):
    time.sleep(NETWORK)
    return chroma(gray)


@pytest.mark.parametrize("edges, at_most", [(False, 1.5), (True, 1.8)])
def test_twelve_megapixels_take_little_more_than_their_parts(edges, at_most):
    data = file_of(camera_photo(*SIZES["12 MP"]))
    options = Options(edges=edges)
    finished = Image.open(io.BytesIO(colorize_photo(data, chroma, 256, options).data))
    finished.draft("YCbCr", None)
    finished.load()

    def encode():
        finished.save(io.BytesIO(), "JPEG", qtables=finished.quantization, subsampling="4:2:0")

    def parts():
        simplejpeg.decode_jpeg(data, "GRAY")
        time.sleep(NETWORK)
        encode()

    pairs = [(seconds(lambda: colorize_photo(data, slow_chroma, 256, options)), seconds(parts)) for _ in range(9)]
    ratio = float(np.median([whole / alone for whole, alone in pairs]))
    stages = colorize_photo(data, slow_chroma, 256, options).seconds
    whole = sum(stages.values())
    print(f"12 MP, edges {edges}: {ratio:.2f} times its parts;", end=" ")
    print(", ".join(f"{stage} {1000 * spent:.0f} ms ({spent / whole:.0%})" for stage, spent in stages.items()))
    assert ratio <= at_most


@pytest.mark.parametrize("size, megabytes", [("12 MP", 400), ("50 MP", 800), ("100 MP", 1500)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_memory_is_bounded(size, megabytes, kind):
    taken = peak_memory_apart("benchmarks.test_photo", f"{kind} {size}") / 1e6
    print(f"{kind} of {size}: {taken:.0f} MB")
    assert taken <= megabytes


if __name__ == "__main__":
    kind, size = sys.argv[1].split(" ", 1)
    data = file_of(camera_photo(*SIZES[size]), kind)
    print(peak_memory(lambda: lambda: colorize_photo(data, chroma, 256)))
