"""Pets as the report trained it: YUV alone, on Pets alone; else as pets_report_multitask. Run card: pets_report.md."""

import pathlib
import runpy

_multitask = runpy.run_path(str(pathlib.Path(__file__).with_name("pets_report_multitask.py")))


def recipe():
    return _multitask["recipe"](task="yuv")
