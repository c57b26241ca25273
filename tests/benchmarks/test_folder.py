"""A folder of photos with the default model: photos a second, and what batches of the network would bring.

Run it by name, `pytest tests/benchmarks/test_folder.py -rP`. Beside other work the seconds of the clock say little: the
seconds that the processor worked for a photo are printed too.
"""

import numpy as np
import pytest

from benchmarks.measuring import spent
from benchmarks.test_photo import camera_photo, file_of
from tfcolor import colorize
from tfcolor.colorizer import Colorizer, find_model
from tfcolor.photo import Options, colorize_photo

PHOTOS = 60
SIZES = [(600, 400), (1200, 800), (2400, 1600)]
BATCHES = (1, 2, 4, 8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photos of three sizes, each a little brighter than the one before."""
    folder = tmp_path_factory.mktemp("scans")
    pictures = [camera_photo(*size) for size in SIZES]
    for number in range(PHOTOS):
        (folder / f"{number:02}.jpg").write_bytes(file_of(pictures[number % len(SIZES)] // 2 + np.uint8(number)))
    return folder


def test_photos_a_second(folder, tmp_path):
    colorizer, out = Colorizer.load(), tmp_path / "alone"
    out.mkdir()

    def one_by_one():
        for photo in sorted(folder.iterdir()):
            result = colorize_photo(photo.read_bytes(), colorizer.chroma, colorizer.size, Options(agent=""))
            (out / photo.name).write_bytes(result.data)

    def with_workers(number):
        target = tmp_path / f"{number} workers"
        assert colorize.main([str(folder), "-o", str(target), "--workers", str(number), "--no-mark", "--quiet"]) == 0

    ways = {"one by one": one_by_one, "1 worker": lambda: with_workers(1), "2 workers": lambda: with_workers(2)}
    for name, way in ways.items():
        wall, processor = spent(way)
        print(f"{name}: {PHOTOS / wall:.1f} photos/s, {1000 * processor / PHOTOS:.0f} ms of processor a photo")
    for photo in out.iterdir():
        alone = photo.read_bytes()
        assert all((tmp_path / f"{number} workers" / photo.name).read_bytes() == alone for number in (1, 2))


@pytest.mark.parametrize("runtime", ["litert", "tensorflow"])
def test_batches_of_the_network(runtime):
    colorizer = Colorizer.load(find_model("photos"), runtime=runtime)
    grays = np.stack([camera_photo(320, 204)[:, shift : shift + 312] for shift in range(8)])
    alone = np.stack([colorizer.chroma(gray) for gray in grays])

    def predict(size):
        return np.concatenate([colorizer.chroma(grays[at : at + size]) for at in range(0, len(grays), size)])

    for size in BATCHES:
        off = 255 * np.abs(predict(size) - alone).max()
        wall, processor = np.min([spent(lambda size=size: predict(size)) for _ in range(7)], axis=0) / len(grays)
        print(
            f"{runtime}, batches of {size}: {1000 * wall:.0f} ms a photo, {1000 * processor:.0f} ms of processor,",
            end="",
        )
        print(f" {off:.5f} levels from alone")
        assert off < 0.01
