"""A photo as the measures see it: uint8 RGB, and what several of them need of it, computed once."""

from functools import cached_property

import numpy as np

from tfcolor.color.constants import (
    AB_BIN_RANGES,
    AB_BIN_STEP,
    D65_WHITE,
    LAB_KNEE,
    LAB_OFFSET,
    LAB_SLOPE,
    RGB_TO_XYZ,
    RGB_TO_YUV,
    SRGB_GAMMA,
    SRGB_KNEE,
    SRGB_OFFSET,
    SRGB_SLOPE,
)

# A photo with less mean chroma than this is as good as gray and says nothing about colour.
MIN_CHROMA = 2.0

# The centres of the 313 bins: float64 [313, 2], a ascending and in each a, b ascending.
AB_BINS = np.array(
    [(a, b) for a, (first, last) in AB_BIN_RANGES.items() for b in range(first, last + 1, AB_BIN_STEP)], "float64"
)


class Picture:
    """A photo uint8 [H, W, 3], sRGB, and its conversions, each made when first asked for.

    The truth is compared with several predictions by several measures: as a `Picture` it is converted once. Conversions
    are [H, W, channels] by shape and lie plane by plane in memory, which is what makes arithmetic on channels fast.
    """

    def __init__(self, rgb):
        rgb = np.asarray(rgb)
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[-1] != 3 or rgb.size == 0:
            raise ValueError(
                f"a photo to measure is uint8 [height, width, 3], this is {rgb.dtype} {list(rgb.shape)}: "
                "convert it by round(clip(x, 0, 1) * 255)"
            )
        self.rgb = rgb

    @cached_property
    def unit(self):
        """RGB in [0, 1]: float64 [H, W, 3]."""
        return _from_planes([plane / 255.0 for plane in np.moveaxis(self.rgb, -1, 0)])

    @cached_property
    def yuv(self):
        """BT.601 YUV: float64 [H, W, 3], Y in [0, 1], U within +-.436, V within +-.615."""
        return _from_planes(_mixed(np.moveaxis(self.unit, -1, 0), RGB_TO_YUV))

    @cached_property
    def lab(self):
        """CIE 1976 Lab: float64 [H, W, 3]."""
        return rgb_to_lab(self.rgb)

    @cached_property
    def bins(self):
        """The index of each pixel's bin of the 313: int [H, W]."""
        return nearest_bin(self.lab[..., 1:])

    @cached_property
    def mean_chroma(self):
        """The mean of sqrt(a^2 + b^2) over the pixels, in CIE units."""
        return float(np.hypot(self.lab[..., 1], self.lab[..., 2]).mean())


def rgb_to_lab(rgb):
    """sRGB uint8 [..., 3] -> CIE 1976 Lab float64 [..., 3] (D65, 2 degrees): scikit-image's `rgb2lab`, by a table."""
    xyz = _mixed(
        [_LINEAR[plane] for plane in np.moveaxis(rgb, -1, 0)], np.array(RGB_TO_XYZ) / np.array(D65_WHITE)[:, None]
    )
    x, y, z = (np.where(plane > LAB_KNEE, np.cbrt(plane), LAB_SLOPE * plane + LAB_OFFSET) for plane in xyz)
    return _from_planes([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)])


def nearest_bin(ab):
    """ab [..., 2] in CIE units -> int [...], the index of the nearest of the 313 centres (hard assignment).

    The centres lie on a grid, so the nearest is found by rounding; only where rounding ends outside the 313 (a few
    colours at the gamut's edge) are the distances computed.
    """
    cell = np.rint(np.asarray(ab) / AB_BIN_STEP).astype(int) + _GRID_ORIGIN
    a, b = np.moveaxis(np.clip(cell, 0, np.array(_GRID.shape) - 1), -1, 0)
    index = _GRID[a, b]
    outside = index < 0
    if outside.any():
        index[outside] = np.linalg.norm(np.asarray(ab)[outside][:, None] - AB_BINS, axis=-1).argmin(axis=-1)
    return index


def _mixed(planes, matrix):
    """Three planes and a matrix, rows its outputs -> the planes of the outputs."""
    return [row[0] * planes[0] + row[1] * planes[1] + row[2] * planes[2] for row in matrix]


def _from_planes(planes):
    return np.moveaxis(np.stack(planes), 0, -1)


def _linear_table():
    """sRGB's transfer function at the 256 values of a byte: float64 [256]."""
    value = np.arange(256) / 255.0
    above = ((value + SRGB_OFFSET) / (1.0 + SRGB_OFFSET)) ** SRGB_GAMMA
    return np.where(value > SRGB_KNEE, above, value / SRGB_SLOPE)


def _bin_grid(origin, margin):
    """The grid around the bins -> their index, -1 in the cells that are none; `margin` such cells on every side."""
    cells = (AB_BINS / AB_BIN_STEP).astype(int) + origin
    grid = np.full(cells.max(axis=0) + 1 + margin, -1)
    grid[tuple(cells.T)] = np.arange(len(cells))
    return grid


_LINEAR = _linear_table()
_GRID_ORIGIN = 1 - (AB_BINS.min(axis=0) / AB_BIN_STEP).astype(int)
_GRID = _bin_grid(_GRID_ORIGIN, margin=1)
