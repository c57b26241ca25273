"""Memory a pixel: what a photo of 4.8 megapixels takes beyond one of 1.2, each in the same fresh process."""

import subprocess
from pathlib import Path

import pytest
from benchmarks.measuring import peak_memory_apart


# An 8-bit gray, Pillow's 4 bytes a pixel of colour, the file in and out; at 16 bits 2, 6 and the files.
@pytest.mark.parametrize("kind, at_most", [("JPEG", 7), ("PNG", 9), ("PNG16", 20)])
def test_bytes_a_pixel(kind, at_most):
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("peaks are read from Linux's /proc")
    try:
        slope = peak_memory_apart("benchmarks.slope", kind) / 3.6e6
    except subprocess.CalledProcessError as error:
        pytest.fail(error.stderr.decode())
    assert 3 < slope <= at_most  # beside other work its threads overlap less, and less is taken
