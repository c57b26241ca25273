"""Hue and chroma of the colour bicone, and their decoding from histograms (Larsson, Maire, Shakhnarovich 2016).

Chroma is `max(RGB) - min(RGB)` in [0, 1]; hue is HSV's, in radians in [0, 2 pi), 0 red, 2 pi / 3 green. A colour is
`min + chroma * pure(hue)`, so its U and V are those of `chroma * pure(hue)`, whatever its lightness.
"""

import math

import numpy as np
from keras import ops

from tfcolor.color import histograms
from tfcolor.color.constants import LUMA, RGB_TO_YUV

BINS = 32  # of hue, and of chroma
TURN = 2.0 * math.pi
FADE = 0.03  # eta of the chromatic fading


def rgb_to_hue_chroma(rgb):
    """RGB [..., 3] in [0, 1] -> hue [...] in [0, 2 pi) and chroma [...] in [0, 1]; gray has hue 0."""
    red, green, blue = (rgb[..., channel] for channel in range(3))
    highest = ops.max(rgb, axis=-1)
    chroma = highest - ops.min(rgb, axis=-1)
    scale = ops.maximum(chroma, 1e-12)
    sixths = ops.where(
        highest == red,
        ops.mod((green - blue) / scale, 6.0),
        ops.where(highest == green, (blue - red) / scale + 2.0, (red - green) / scale + 4.0),
    )
    return sixths * (TURN / 6.0), chroma


def pure_hue(hue):
    """Hue [...] in radians -> the RGB [..., 3] of that hue whose largest value is 1 and whose smallest is 0."""
    sixths = ops.mod(hue[..., None] * (6.0 / TURN) + np.array([0.0, 4.0, 2.0], "float32"), 6.0)
    return ops.clip(ops.abs(sixths - 3.0) - 1.0, 0.0, 1.0)


def hue_chroma_to_rgb(gray, hue, chroma):
    """Luma [...], hue [...] and chroma [...] -> RGB [..., 3] of that luma: `Y + C (r(H) - w . r(H))`, not clipped."""
    pure = pure_hue(hue)
    luma = ops.sum(pure * np.array(LUMA, "float32"), axis=-1, keepdims=True)
    return gray[..., None] + chroma[..., None] * (pure - luma)


def hue_chroma_to_uv(hue, chroma):
    """Hue [...] and chroma [...] -> U, V [..., 2] of BT.601, which `spaces.merge_yuv` joins with any gray."""
    colour = chroma[..., None] * pure_hue(hue)
    return ops.stack([ops.sum(colour * np.array(row, "float32"), axis=-1) for row in RGB_TO_YUV[1:]], axis=-1)


def encode_hue(hue, shared=False):
    """Hue [...] -> its bins (`histograms.encode`), the axis going round."""
    return histograms.encode(hue, BINS, 0.0, TURN, circular=True, shared=shared)


def encode_chroma(chroma, shared=False):
    """Chroma [...] -> its bins (`histograms.encode`)."""
    return histograms.encode(chroma, BINS, shared=shared)


def circular_expectation(probabilities):
    """Probabilities [..., K] of hue -> hue [...] in [0, 2 pi) and certainty |z| [...] in [0, 1 / K].

    `z = (1 / K) sum_k p_k exp(i theta_k)`, `theta_k = 2 pi (k + .5) / K`. The 1 / K belongs to the certainty, which the
    chromatic fading compares with eta = .03: without it nearly nothing would fade.
    """
    bins = probabilities.shape[-1]
    angles = histograms.centres(bins, 0.0, TURN)
    real = ops.sum(probabilities * np.cos(angles), axis=-1) / bins
    imaginary = ops.sum(probabilities * np.sin(angles), axis=-1) / bins
    hue = ops.mod(ops.arctan2(imaginary, real), TURN)
    return hue, ops.sqrt(ops.square(real) + ops.square(imaginary))


def fade(chroma, certainty, eta=FADE):
    """Chromatic fading: chroma [...] times min(certainty / eta, 1); eta 0 leaves it as it is."""
    return chroma * ops.minimum(certainty / ops.maximum(eta, 1e-12), 1.0)


def reference_histograms(rgb):
    """A reference photo's RGB [..., 3] -> its histograms of hue and of chroma, float32 [32] each, of sum 1.

    A pixel counts in the hue's by its chroma, as in the loss: gray has no hue. All gray, the hue's is even.
    """
    hue, chroma = rgb_to_hue_chroma(rgb)
    by_hue = _histogram(encode_hue(hue)[0], chroma) + 1e-9
    by_chroma = _histogram(encode_chroma(chroma)[0], ops.ones_like(chroma))
    return by_hue / ops.sum(by_hue), by_chroma / ops.sum(by_chroma)


def _histogram(indices, weights):
    return ops.segment_sum(ops.reshape(weights, (-1,)), ops.reshape(indices, (-1,)), num_segments=BINS)
