"""Two merges, in YCbCr and in Lab, smooth and along the edges: what they do to a photo, and what they cost.

Run it by name, `pytest tests/benchmarks/test_merging.py -rP`. With the true chroma, shrunk as a perfect network would
give it, and with the default model's. The gray is the truth's luma once, and once the gray that has the truth's L: a
photo that came gray may be either or neither. What counts is the distance from the truth (CIEDE2000), over all pixels
and over the tenth at the strongest edges of colour; the share of pixels that the gamut has no room for; and how far the
lightness moves, as L and as Y.
"""

from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from benchmarks.measuring import spent
from benchmarks.test_photo import SIZES, camera_photo
from benchmarks.test_photo import chroma as any_chroma
from tfcolor.color.constants import (
    D65_WHITE,
    LAB_INVERSE_KNEE,
    LAB_OFFSET,
    LAB_SLOPE,
    LUMA,
    RGB_TO_YUV,
    SRGB_KNEE,
    SRGB_OFFSET,
    SRGB_SLOPE,
    XYZ_TO_RGB,
    YUV_TO_RGB,
)
from tfcolor.colorizer import Colorizer
from tfcolor.measures.chroma import ciede2000
from tfcolor.measures.picture import rgb_to_lab
from tfcolor.photo import merge, shrink
from tfcolor.photo.merging import UV_TO_CBCR, Enlarger, merge_ycc, strip_bounds

DATA = Path(__file__).parents[3] / "shared" / "data"
PHOTOS, STRIDE = 48, 4
LIGHTNESS = rgb_to_lab(np.repeat(np.arange(256, dtype="uint8")[:, None], 3, axis=1))[:, 0]  # L of each gray
LINEAR_STEPS = 1 << 14
GAMMA = np.linspace(0, 1, LINEAR_STEPS)  # sRGB's levels over the light
GAMMA = np.where(
    GAMMA > SRGB_KNEE / SRGB_SLOPE, (1 + SRGB_OFFSET) * GAMMA ** (1 / 2.4) - SRGB_OFFSET, SRGB_SLOPE * GAMMA
)
GAMMA = np.rint(255 * GAMMA).astype("uint8")


def merge_lab(gray, ab, seen, bisections=8):
    """As `merge`, with the gray's L in place of its Y, and `ab` float32 [h, w, 2] in CIE units -> (RGB, share outside).

    0 bisections: channels are cut, which is the quickest; else the chroma is scaled by what they find.
    """
    enlarger = Enlarger(ab / (255 * UV_TO_CBCR), gray, seen)
    rgb, outside = np.empty((*gray.shape, 3), "uint8"), 0
    for top, bottom in strip_bounds(*gray.shape):
        a, b = enlarger.rows(top, bottom, gray[top:bottom])
        fy = ((LIGHTNESS + 16) / 116).astype("float32")[gray[top:bottom]]
        light = _light(fy, a, b)
        out = (light.min(axis=0) < -1e-3) | (light.max(axis=0) > 1 + 1e-3)
        outside += int(out.sum())
        if bisections and out.any():
            fy, a, b = fy[out], a[out], b[out]
            low, high = np.zeros_like(a), np.ones_like(a)
            for _ in range(bisections):
                middle = (low + high) / 2
                tried = _light(fy, a * middle, b * middle)
                fits = (tried.min(axis=0) >= -1e-3) & (tried.max(axis=0) <= 1 + 1e-3)
                low, high = np.where(fits, middle, low), np.where(fits, high, middle)
            light[:, out] = _light(fy, a * low, b * low)
        steps = np.clip(light, 0, 1, out=light) * (LINEAR_STEPS - 1) + np.float32(0.5)
        rgb[top:bottom] = np.moveaxis(GAMMA[steps.astype("uint16")], 0, -1)
    return rgb, outside / gray.size


def _light(fy, a, b):
    """Linear RGB [3, ...] of Lab, L as (L + 16) / 116."""
    xyz = []
    for f, white in zip((fy + a / np.float32(500), fy, fy - b / np.float32(200)), D65_WHITE, strict=True):
        cube = np.where(f > LAB_INVERSE_KNEE, f * f * f, (f - np.float32(LAB_OFFSET)) / np.float32(LAB_SLOPE))
        xyz.append(cube * np.float32(white))
    return np.stack([sum(np.float32(w) * plane for w, plane in zip(row, xyz, strict=True)) for row in XYZ_TO_RGB])


def outside_ycc(gray, chroma, seen):
    """The share of pixels whose chroma YCbCr's gamut has no room for."""
    cb, cr = Enlarger(chroma, gray, seen).rows(0, len(gray), gray)
    u, v = cb / (255 * UV_TO_CBCR[0]), cr / (255 * UV_TO_CBCR[1])
    offsets = np.stack([row[1] * u + row[2] * v for row in YUV_TO_RGB]) + gray / 255
    return float(((offsets.min(axis=0) < -0.002) | (offsets.max(axis=0) > 1.002)).mean())


def gray_of(rgb, kind):
    if kind == "luma":
        return np.rint(rgb @ np.array(LUMA)).astype("uint8")
    return np.searchsorted((LIGHTNESS[1:] + LIGHTNESS[:-1]) / 2, rgb_to_lab(rgb)[..., 0]).astype("uint8")


def shrunk(plane, seen):
    size = tuple(-(-side // STRIDE) for side in reversed(seen))
    return np.asarray(Image.fromarray(plane.astype("float32")).resize(size, Image.Resampling.BOX))


def perfect(rgb, seen):
    """What a perfect network says: (U, V and a, b), float32 [h, w, 2] each."""
    uv = (rgb / 255) @ np.array(RGB_TO_YUV[1:]).T
    return tuple(
        np.stack([shrunk(plane, seen) for plane in np.moveaxis(planes, -1, 0)], -1)
        for planes in (uv, rgb_to_lab(rgb)[..., 1:])
    )


def predicted(colorizer, rgb, gray, size):
    """What the default model says: its U and V, and what they are as a and b beside the small gray."""
    small = shrink(gray, size)
    uv = colorizer.chroma(small)
    luma = shrunk(small, small.shape)
    colours = np.stack([luma + 255 * (row[1] * uv[..., 0] + row[2] * uv[..., 1]) for row in YUV_TO_RGB], -1)
    return uv, rgb_to_lab(np.clip(np.rint(colours), 0, 255).astype("uint8"))[..., 1:].astype("float32")


def validation_photos():
    if not DATA.is_dir():
        pytest.skip(f"no {DATA}")
    from tfcolor.data.sources import open_source

    source = open_source("photos", "validation", data_dir=DATA)
    return [example["image"] for example in source.dataset.take(PHOTOS).as_numpy_iterator()]


def pictures():
    return [getattr(skimage.data, name)() for name in ("astronaut", "coffee", "chelsea", "rocket")]


@pytest.mark.parametrize("photos, size", [(validation_photos, 128), (pictures, 256)])
def test_how_far_from_the_truth(photos, size):
    colorizer, rows = Colorizer.load(), defaultdict(list)
    for rgb in photos():
        lab = rgb_to_lab(rgb)
        slopes = np.hypot(*(np.hypot(*np.gradient(lab[..., channel])) for channel in (1, 2)))
        edges = slopes >= np.quantile(slopes, 0.9)
        for kind in ("luma", "L"):
            gray = gray_of(rgb, kind)
            seen = shrink(gray, size).shape
            for source, (uv, ab) in (
                ("true", perfect(rgb, seen)),
                ("network", predicted(colorizer, rgb, gray, size)),
            ):
                in_lab, outside = merge_lab(gray, ab, seen)
                beyond = outside_ycc(gray, uv, seen)
                for way, merged, share in (
                    ("YCbCr", merge(gray, uv, seen), beyond),
                    ("YCbCr edges", merge(gray, uv, seen, edges=True), beyond),
                    ("Lab", in_lab, outside),
                ):
                    there = rgb_to_lab(merged)
                    far = ciede2000(there, lab)
                    moved_l = np.abs(there[..., 0] - LIGHTNESS[gray]).mean()
                    moved_y = np.abs(merged @ np.array(LUMA) - gray).mean()
                    rows[kind, source, way].append((far.mean(), far[edges].mean(), 100 * share, moved_l, moved_y))
    means = {key: np.mean(values, axis=0) for key, values in rows.items()}
    for (kind, source, way), (far, at_edges, share, moved_l, moved_y) in means.items():
        distances = f"CIEDE2000 {far:5.2f}, at edges {at_edges:5.2f}; outside {share:4.1f} %"
        print(f"gray {kind:5} {source:8} {way:12} {distances}; L moves {moved_l:4.2f}, Y {moved_y:5.2f} levels")
    assert all(means[kind, source, "YCbCr"][4] < 0.5 for kind in ("luma", "L") for source in ("true", "network"))


def test_cost_of_twelve_megapixels():
    gray, uv = camera_photo(*SIZES["12 MP"]), any_chroma(np.zeros((222, 296), "uint8"))
    seen = (222, 296)
    ways = {
        "YCbCr for a JPEG, chroma at half size": partial(merge_ycc, gray, uv, seen, half_chroma=True),
        "the same along edges": partial(merge_ycc, gray, uv, seen, edges=True, half_chroma=True),
        "YCbCr to RGB": partial(merge, gray, uv, seen),
        "the same along edges ": partial(merge, gray, uv, seen, edges=True),
        "Lab to RGB, channels cut": partial(merge_lab, gray, 100 * uv, seen, bisections=0),
        "Lab to RGB, chroma scaled": partial(merge_lab, gray, 100 * uv, seen),
    }
    for name, way in ways.items():
        print(f"{name}: {1000 * min(spent(way)[1] for _ in range(3)):.0f} ms of processor")
