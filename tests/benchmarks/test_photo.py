"""What a photo costs beside its decoding, the network and its encoding alone: time and memory.

Run it by name, `pytest tests/benchmarks/test_photo.py -rP`, on a machine that has nothing else to do: the shares are
printed. Time is measured with the default model; memory with a stand-in, beside whatever model there is.
"""

import io
import sys

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from benchmarks.measuring import peak_memory, peak_memory_apart, spent
from tfcolor.colorizer import Colorizer
from tfcolor.photo import Options, colorize_photo, shrink

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


@pytest.mark.parametrize("edges, at_most", [(False, 1.5), (True, 1.8)])
def test_twelve_megapixels_take_little_more_than_their_parts(edges, at_most):
    colorizer, options, gray = Colorizer.load(), Options(edges=edges), camera_photo(*SIZES["12 MP"])
    data, small = file_of(gray), shrink(gray, colorizer.size)

    def whole():
        return colorize_photo(data, colorizer.chroma, colorizer.size, options)

    finished = Image.open(io.BytesIO(whole().data))
    finished.draft("YCbCr", None)
    finished.load()

    def parts():
        simplejpeg.decode_jpeg(data, "GRAY")
        colorizer.chroma(small)
        finished.save(io.BytesIO(), "JPEG", qtables=finished.quantization, subsampling="4:2:0")

    pairs = np.array([[spent(whole), spent(parts)] for _ in range(9)])  # [rounds, whole or parts, wall or processor]
    ratio, of_processor = np.median(pairs[:, 0] / pairs[:, 1], axis=0)
    stages = whole().seconds
    print(f"12 MP, edges {edges}: {ratio:.2f} times its parts, {of_processor:.2f} of the processor's time;", end=" ")
    shares = (f"{stage} {1000 * took:.0f} ms ({took / sum(stages.values()):.0%})" for stage, took in stages.items())
    print(", ".join(shares))
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
