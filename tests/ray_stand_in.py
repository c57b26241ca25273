"""`tfcolor colorize --engine ray` with a network that is none: orange everywhere. As a program, a driver to kill."""

import os
import signal
import sys
import time
from dataclasses import replace
from functools import partial

import numpy as np

from tfcolor import colorize, scans
from tfcolor.photo.records import color_photo

CRASH = b"this photo ends its worker"
PAUSE = 0.05  # seconds a photo


def orange(gray):
    height, width = (-(-side // 4) for side in gray.shape)
    return np.full((height, width, 2), [-0.1, 0.1], "float32")


class Worker(scans.Worker):
    """Slow, and killed by what holds CRASH."""

    def __init__(self, job, expected, ledger):
        self._job, self._ledger = job, ledger
        options = replace(job.options, agent="")
        self._color = partial(color_photo, predict=orange, size=64, options=options, hashes=True)

    def color(self, task, data):
        time.sleep(PAUSE)
        if CRASH in data:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().color(task, data)


def main(argv):
    scans.Worker, scans.load, scans.REPORT_SECONDS = Worker, lambda job: None, 0.2
    return colorize.main(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
