"""`--engine ray` against `--engine local`: what a photo costs the processor, and what the start does.

Run it by name, `pytest tests/benchmarks/test_scans.py -rP`. The command runs on few photos and on many, each engine as
a process tree of its own; the difference is the photos', the rest the start's. Beside other work only the processor's
seconds say something. Ray starts its workers 15 nice levels below other processes: here at the same.
"""

import os
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import numpy as np
import pytest

from benchmarks.test_folder import SIZES
from benchmarks.test_photo import camera_photo, file_of

FEW, MANY = 6, 150
WANTED = 0.8  # of the local engine's photos a second and core
TICK = os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """{number: folder} of photos of three sizes."""
    pictures = [camera_photo(*size) for size in SIZES]
    folders = {number: tmp_path_factory.mktemp(f"scans{number}") for number in (FEW, MANY)}
    for number, folder in folders.items():
        for one in range(number):
            (folder / f"{one:03}.jpg").write_bytes(file_of(pictures[one % len(SIZES)] // 2 + np.uint8(one)))
    return folders


def spent_by_tree(command):
    """(wall, processor) seconds of a command with all that it starts, as /proc shows it ten times a second (Linux)."""
    mark, seen, done = uuid.uuid4().hex, {}, threading.Event()

    def watch():
        while not done.wait(0.1):
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    if folder.name in seen or mark.encode() in (folder / "environ").read_bytes():
                        fields = (folder / "stat").read_text().rpartition(")")[2].split()
                        seen[folder.name] = (int(fields[11]) + int(fields[12])) / TICK
                except OSError:
                    continue  # it has ended, or is another user's

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    environment = os.environ | {"TFCOLOR_BENCHMARK": mark, "RAY_ADDRESS": "local", "RAY_worker_niceness": "0"}
    subprocess.run(command, env=environment, check=True)
    wall = time.perf_counter() - start
    done.set()
    watcher.join()
    return wall, sum(seen.values())


def test_photos_a_second_and_core(scans, tmp_path):
    pytest.importorskip("ray", reason="no Ray: pip install 'tfcolor[ray]'")
    cost = {}
    for engine in ("local", "ray"):
        spent = {}
        for number, folder in scans.items():
            out = tmp_path / f"{engine}{number}"
            command = ["-m", "tfcolor.colorize", folder, "-o", out, "--engine", engine, "--workers", 2, "--quiet"]
            command += ["--report", tmp_path / "local.jsonl"] if engine == "local" else []
            spent[number] = np.array(spent_by_tree([sys.executable, *map(str, command)]))
        per_photo = (spent[MANY] - spent[FEW]) / (MANY - FEW)
        start = spent[FEW] - FEW * per_photo
        cost[engine] = per_photo
        megapixels = np.mean([width * height for width, height in SIZES]) / 1e6
        print(f"{engine}: {1000 * per_photo[0]:.0f} ms a photo, {1000 * per_photo[1]:.0f} ms of processor", end="")
        print(
            f" ({per_photo[1] / megapixels:.3f} s a megapixel), start {start[0]:.1f} s, {start[1]:.1f} s of processor"
        )
    wall, processor = cost["local"] / cost["ray"]
    print(f"ray does {wall:.2f} of local's photos a second, {processor:.2f} of them a second of processor")
    assert processor >= WANTED
    for number in scans:
        for photo in scans[number].iterdir():
            alone, ours = (tmp_path / f"{engine}{number}" / photo.name for engine in ("local", "ray"))
            assert ours.read_bytes() == alone.read_bytes()
