"""Distributions over the bins of an axis: targets, loss, decoding, and what a reference's histogram makes of them.

An axis runs from `low` to `high` in equal bins; bin k's centre is `low + (k + .5) (high - low) / bins`. A target is a
few bins with weights, `indices` int32 [..., m] and `weights` float32 [..., m] of sum 1; predictions are logits or
probabilities [..., bins].
"""

import math

import numpy as np
from keras import ops, random


def centres(bins, low=0.0, high=1.0):
    """The bins' centres, NumPy float32 [bins]."""
    return (low + (np.arange(bins) + 0.5) * (high - low) / bins).astype("float32")


def encode(values, bins, low=0.0, high=1.0, circular=False, shared=False):
    """Values on an axis -> their bins.

    Args:
        values: float32 [...]; beyond the axis they count into its end bins, or go round where it is circular.
        bins, low, high: the axis.
        circular: whether `high` is `low` again.
        shared: False for the nearest bin, True for the two nearest, each the heavier the nearer.

    Returns:
        indices int32 [..., m], weights float32 [..., m]; m is 2 where shared, else 1.
    """
    position = (values - low) * (bins / (high - low)) - 0.5  # of bin k's centre: k
    if not circular:
        position = ops.clip(position, 0.0, bins - 1.0)
    if shared:
        lower = ops.floor(position)
        share = position - lower
        indices, weights = ops.stack([lower, lower + 1.0], axis=-1), ops.stack([1.0 - share, share], axis=-1)
    else:
        indices = ops.floor(position + 0.5)[..., None]
        weights = ops.ones_like(indices)
    indices = ops.mod(indices, bins) if circular else ops.minimum(indices, bins - 1)
    return ops.cast(indices, "int32"), weights


def log_probabilities(logits, indices):
    """log softmax(logits) [..., bins] at indices [..., m] only -> [..., m].

    The logits are taken from one long row: differentiated, that is several times as fast as taking along an axis.
    """
    bins = logits.shape[-1]
    rows = ops.reshape(logits, (-1, bins))
    first = bins * ops.arange(ops.shape(rows)[0], dtype="int32")[:, None]
    places = first + ops.reshape(indices, (-1, indices.shape[-1]))
    picked = ops.take(ops.reshape(rows, (-1,)), places, axis=0) - ops.logsumexp(rows, axis=-1, keepdims=True)
    return ops.reshape(picked, ops.shape(indices))


def divergence(logits, indices, weights):
    """KL(target || prediction) of each pixel: logits [..., bins], indices and weights [..., m] -> [...]."""
    own = ops.log(ops.maximum(weights, 1e-30))
    return ops.sum(weights * (own - log_probabilities(logits, indices)), axis=-1)


def expectation(probabilities, low=0.0, high=1.0):
    """Probabilities [..., bins] -> the mean [...]."""
    return ops.sum(probabilities * centres(probabilities.shape[-1], low, high), axis=-1)


def mode(probabilities, low=0.0, high=1.0):
    """Probabilities (or logits) [..., bins] -> the centre of the likeliest bin [...]."""
    return ops.take(centres(probabilities.shape[-1], low, high), ops.argmax(probabilities, axis=-1), axis=0)


def entropy(logits):
    """Logits [..., bins] -> the entropy [...] as a share of the highest, log(bins): 0 sure, 1 knowing nothing."""
    return -ops.sum(ops.softmax(logits) * ops.log_softmax(logits), axis=-1) / math.log(logits.shape[-1])


def quantile(probabilities, share, low=0.0, high=1.0):
    """Probabilities [..., bins], each bin evenly filled -> where the distribution function reaches `share` [...].

    Args:
        probabilities: float32 [..., bins].
        share: in [0, 1], one number or [...]; .5 is the median.
        low, high: the axis.
    """
    before = ops.cumsum(probabilities, axis=-1) - probabilities
    share = ops.convert_to_tensor(share, dtype=probabilities.dtype)[..., None]
    filled = ops.clip((share - before) / ops.maximum(probabilities, 1e-12), 0.0, 1.0)
    return low + ops.sum(filled, axis=-1) * ((high - low) / probabilities.shape[-1])


def match_quantiles(values, histogram, low=0.0, high=1.0, weights=None):
    """Values of one photo, moved in their own order so that their histogram is the given one.

    Args:
        values: float32 [...].
        histogram: float32 [bins] of sum 1.
        low, high: the axis of `histogram`.
        weights: [...], how much each value counts; None: all alike.

    Returns:
        [...]; equal values stay equal.
    """
    flat = ops.reshape(values, (-1,))
    weights = ops.ones_like(flat) if weights is None else ops.reshape(weights, (-1,))
    order = ops.argsort(flat)
    ordered = ops.take(flat, order, axis=0)
    mass = ops.concatenate([ops.zeros((1,)), ops.cumsum(ops.take(weights, order, axis=0))], axis=0)
    below = ops.take(mass, ops.searchsorted(ordered, flat, side="left"), axis=0)
    reached = ops.take(mass, ops.searchsorted(ordered, flat, side="right"), axis=0)
    share = (below + reached) / (2.0 * ops.maximum(mass[-1], 1e-12))
    histogram = ops.convert_to_tensor(histogram, dtype="float32")
    return ops.reshape(quantile(histogram[None], share, low, high), ops.shape(values))


def match_energy(logits, histogram, weights=None, iterations=100):
    """Logits of one photo, biased so that the mean of its predicted histograms is the given one.

    The bias b [bins] minimises the convex `mean(logsumexp(logits + b)) - b . histogram` (Larsson et al. 2016). Each
    step adds log(histogram / present mean), generalised iterative scaling, which cannot overshoot.

    Args:
        logits: float32 [..., bins].
        histogram: float32 [bins] of sum 1; bins under 1e-5 count as 1e-5, so that the bias stays finite.
        weights: [...], how much each pixel counts in the mean; None: all alike.
        iterations: steps; 100 bring the mean to within 1e-3 of the histogram.

    Returns:
        `logits + b`.
    """
    bins = logits.shape[-1]
    rows = ops.reshape(logits, (-1, bins))
    weights = ops.ones_like(rows[:, :1]) if weights is None else ops.reshape(weights, (-1, 1))
    weights = weights / ops.sum(weights)
    wanted = ops.maximum(ops.convert_to_tensor(histogram, dtype="float32"), 1e-5)
    wanted = ops.log(wanted / ops.sum(wanted))
    bias = ops.zeros((bins,))
    for _ in range(iterations):
        present = ops.sum(weights * ops.softmax(rows + bias), axis=0)
        bias = bias + wanted - ops.log(ops.maximum(present, 1e-12))
    return logits + bias


def smooth_field(height, width, cells, seed):
    """A random field [height, width], smooth and yet uniform in [0, 1] at every place.

    As `share` of `quantile` it makes a sample that differs from region to region and does not speckle; one number for
    the whole photo makes a sample that is coherent over all of it.

    Args:
        height, width: of the field.
        cells: how many regions there are along the height, about.
        seed: int or `keras.random.SeedGenerator`.
    """
    across = max(round(cells * width / height), 1)
    noise = random.normal((cells + 2, across + 2), seed=seed)
    field = ops.matmul(_bumps(height, cells), ops.matmul(noise, ops.transpose(_bumps(width, across))))
    return (1.0 + ops.erf(field / math.sqrt(2.0))) / 2.0


def _bumps(length, cells):
    """Gaussians around `cells` + 2 places, one beyond each end: float32 [length, cells + 2], rows of norm 1.

    Standard normal numbers mixed by a row of norm 1 are standard normal again.
    """
    places = np.arange(cells + 2) - 0.5
    positions = (np.arange(length) + 0.5) * cells / length
    bumps = np.exp(-0.5 * np.square((positions[:, None] - places) / 0.7))
    return (bumps / np.linalg.norm(bumps, axis=1, keepdims=True)).astype("float32")
