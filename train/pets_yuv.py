"""Pets, colour alone: the first two steps of pets_multitask, without the outline. Run card: pets_multitask.md."""

import pathlib
import runpy

_multitask = runpy.run_path(str(pathlib.Path(__file__).with_name("pets_multitask.py")))


def recipe():
    return _multitask["recipe"](task="yuv")


def whole():
    return _multitask["whole"](task="yuv")
