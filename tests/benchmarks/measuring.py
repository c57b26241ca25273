"""Time and memory of two ways to the same end, in the same run."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np


def compare(benchmark, ours, theirs, at_least, rounds=15):
    """Times both in turns, prints and asserts how many times faster we are, and leaves our times to pytest-benchmark.

    The ratio is the median over the pairs: other load on the machine takes from both alike, but more from what uses
    all cores, so quote only what an idle machine gives.
    """
    for function in (ours, theirs):
        function()
    ratio = float(np.median([seconds(theirs) / seconds(ours) for _ in range(rounds)]))
    benchmark.extra_info["times faster"] = ratio
    print(f"{benchmark.name}: {ratio:.1f} times faster")
    benchmark(ours)
    assert ratio >= at_least


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def spent(function):
    """(wall, processor) seconds of a call: beside other work only the second says something."""
    wall, processor = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - processor


def peak_memory_apart(module, argument):
    """`python -m module argument` in a process of its own, which prints `peak_memory` -> bytes."""
    # TensorFlow's and the C library's own pools of memory would hide what is used: pieces from 100 kB on go without.
    plain = {"TF_ENABLE_ONEDNN_OPTS": "0", "MALLOC_MMAP_THRESHOLD_": "100000"}
    environment = {**os.environ, **plain, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", module, argument]
    return int(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)


def peak_memory(make):
    """A function that makes a step -> the memory that the step takes beyond what stands before it, in bytes (Linux)."""
    step = make()
    step()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    step()
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return 1024 * (int(status["VmHWM"].split()[0]) - int(status["VmRSS"].split()[0]))
