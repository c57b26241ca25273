"""Photographs as files: what goes in, what comes out, and what is kept (NumPy and Pillow, no TensorFlow).

`colorize_photo` is the whole way from a file's bytes to a coloured file's bytes; `shrink` and `merge` are its
arithmetic, for arrays.
"""

from tfcolor.photo.colorizing import Options, Result, colorize_photo
from tfcolor.photo.errors import PhotoError
from tfcolor.photo.limits import Limits
from tfcolor.photo.merging import merge, shrink

__all__ = ["Limits", "Options", "PhotoError", "Result", "colorize_photo", "merge", "shrink"]
