"""Colour as a distribution over the 313 bins of the ab plane: soft encoding, its loss, its decoding.

Source: Zhang, Isola, Efros, "Colorful Image Colorization", 2016. A pixel's target is five bins with five weights,
`indices` int32 [..., 5] and `weights` float32 [..., 5], and stays so: nothing here is ever 313 wide but the logits.
"""

from functools import cache

import numpy as np
from keras import ops

from tfcolor.color.constants import AB_BIN_RANGES, AB_BIN_STEP
from tfcolor.color.histograms import log_probabilities

NEIGHBOURS = 5
GRAY_REACH = 5.0  # a photo whose ab stays within +- this is gray and teaches no colour
SIGMA = 5.0  # of the Gaussian of the soft encoding, in units of ab
REACH = 110  # encoded colours are taken into +- this in a and b: all of sRGB lies within

CENTRES = np.array(
    [(a, b) for a, (first, last) in AB_BIN_RANGES.items() for b in range(first, last + 1, AB_BIN_STEP)], "float32"
)
BINS = len(CENTRES)  # 313


def encode(ab, neighbours=NEIGHBOURS, sigma=SIGMA):
    """Soft encoding, exact: the nearest of all centres, weighted by a Gaussian of their distance.

    Args:
        ab: float32 [..., 2] in Lab's units, taken into +-110.
        neighbours: how many bins share a colour, 2 or more.
        sigma: of the Gaussian, in units of ab.

    Returns:
        indices int32 [..., neighbours], nearest first, and weights float32 [..., neighbours] of sum 1.
    """
    ab = ops.clip(ab, -REACH, REACH)
    row = _row_of_integers(ab)
    indices, centres = _candidates(neighbours)
    a, b = ops.split(ops.take(centres, row, axis=0), 2, axis=-1)
    squares = ops.square(ab[..., :1] - a) + ops.square(ab[..., 1:] - b)
    # Squared distance, below 2 ** 15, and place among the candidates in one integer: minimum and maximum sort both at
    # once, in a third of the time of top_k and of gathering by its answer.
    candidates = indices.shape[1]
    bits = (candidates - 1).bit_length()
    keys = ops.left_shift(ops.cast(squares * 2.0 ** (16 - bits), "int32"), bits) + np.arange(candidates, dtype="int32")
    nearest = ops.stack(_smallest(ops.unstack(keys, axis=-1), neighbours))
    squares = ops.cast(ops.right_shift(nearest, bits), "float32") / 2.0 ** (16 - bits)
    weights = ops.exp((squares[:1] - squares) / (2.0 * sigma**2))
    weights = weights / ops.sum(weights, axis=0)
    places = row * candidates + ops.bitwise_and(nearest, 2**bits - 1)
    return ops.moveaxis(ops.take(indices.reshape(-1), places), 0, -1), ops.moveaxis(weights, 0, -1)


def encode_by_table(ab):
    """Soft encoding by lookup: `encode` of the nearest integer (a, b), for training.

    Args:
        ab: float32 [..., 2] in Lab's units, taken into +-110.

    Returns:
        indices int32 [..., 5], nearest first, and weights float32 [..., 5] of sum 1. Over sRGB, their expectation
        differs from the exact form's by .28 on average in a and in b (.43 as a distance), by 1.5 at most in either.
    """
    indices, weights = _encoding_table()
    row = _row_of_integers(ops.clip(ab, -REACH, REACH))
    return ops.take(indices, row, axis=0), ops.take(weights, row, axis=0)


def cross_entropy(logits, indices, weights, rebalancing=None):
    """Cross-entropy of a predicted distribution and a soft encoding, mean over the pixels that count.

    Args:
        logits: float32 [..., 313].
        indices: int32 [..., 5], the heaviest first.
        weights: float32 [..., 5] of sum 1, or all zero: such a pixel counts nothing.
        rebalancing: float32 [313], what a pixel weighs by its heaviest bin (`rebalancing_weights`); None: all alike.

    Returns:
        A scalar; 0 where no pixel counts.
    """
    entropy, counting = summed_cross_entropy(logits, indices, weights, rebalancing)
    return entropy / ops.maximum(counting, 1.0)


def summed_cross_entropy(logits, indices, weights, rebalancing=None):
    """As `cross_entropy`, but the sum over the pixels, and how many count: two scalars."""
    counting = ops.sum(weights)
    if rebalancing is not None:
        weights = weights * ops.take(rebalancing, indices[..., :1], axis=0)
    return -ops.sum(weights * log_probabilities(logits, indices)), counting


def annealed_mean(logits, temperature=0.38):
    """Logits [..., 313] -> ab [..., 2] in Lab's units: the expectation of the centres under softmax(logits / T).

    Temperature 1 is the mean; .38 the published value; towards 0 the mode, which jumps from patch to patch, and is gray
    where gray is the likeliest. Anything below .001 counts as .001, which is the mode.
    """
    return ops.matmul(ops.softmax(logits / ops.maximum(temperature, 1e-3)), CENTRES)


def expectation(indices, weights):
    """A soft encoding, [..., 5] and [..., 5] -> the ab [..., 2] that it stands for."""
    return ops.sum(ops.take(CENTRES, indices, axis=0) * weights[..., None], axis=-2)


def count_bins(indices, weights):
    """A soft encoding, [..., 5] and [..., 5] -> float32 [313], the pixels in each bin.

    The prior of a data set is the sum over its batches (in float64) divided by its total.
    """
    return ops.segment_sum(ops.reshape(weights, (-1,)), ops.reshape(indices, (-1,)), num_segments=BINS)


def rebalancing_weights(prior, uniform=0.5, smooth=0.0):
    """Prior -> what a pixel of each bin weighs, so that rare colours are learnt: 1 / ((1 - l) p + l / 313).

    Args:
        prior: [313], the share of each bin in the training pixels, of sum 1.
        uniform: l in (0, 1], the share of the uniform distribution that is mixed in; keeps empty bins finite.
        smooth: sigma of `smooth_prior`; 0 for none, as soft encoding has smoothed already.

    Returns:
        NumPy float32 [313] with `sum(prior * weights) = 1`: the mean weight of a pixel is 1.
    """
    prior = smooth_prior(check_prior(prior), smooth)
    if not 0 < uniform <= 1:
        raise ValueError(f"uniform must be above 0 and at most 1, not {uniform}: it keeps empty bins finite")
    weights = 1.0 / ((1.0 - uniform) * prior + uniform / BINS)
    return (weights / (prior @ weights)).astype("float32")


def smooth_prior(prior, sigma):
    """A prior blurred by a Gaussian over the bins' centres, so that none is left empty (Zhang: one-hot counts, by 5).

    Args:
        prior: [313].
        sigma: in units of ab; 0 leaves the prior as it is.

    Returns:
        NumPy float64 [313] of the same sum.

    Raises:
        ValueError: a sigma below 0, or none at all (NaN).
    """
    if not sigma >= 0:
        raise ValueError(f"sigma must be in units of ab, at least 0 (no smoothing), not {sigma}")
    if not sigma:
        return prior
    distance = np.square(CENTRES[:, None] - CENTRES[None]).sum(axis=-1, dtype="float64")
    kernel = np.exp(-distance / (2 * sigma**2))
    return (kernel / kernel.sum(axis=0)) @ prior


def check_prior(prior):
    """Anything like [313] -> NumPy float64 [313] of sum 1, or ValueError: a prior is shares, not counts."""
    prior = np.asarray(prior, "float64")
    if prior.shape != (BINS,):
        raise ValueError(f"a prior has {BINS} numbers, one for each bin, not shape {prior.shape}")
    if not (prior >= 0).all() or abs(prior.sum() - 1) > 1e-3:
        raise ValueError(f"a prior is shares: none below 0, their sum 1, not {prior.sum():g}: divide by it")
    return prior / prior.sum()


def _smallest(tensors, count):
    """The elementwise smallest `count` of a list of tensors of one shape, in order."""
    smallest = []
    for _ in range(count):
        least, *others = tensors
        tensors = []
        for other in others:
            tensors.append(ops.maximum(least, other))
            least = ops.minimum(least, other)
        smallest.append(least)
    return smallest


def _row_of_integers(ab):
    """ab [..., 2] within +-110 -> int32 [...]: the row of the nearest integer (a, b) in the tables below."""
    whole = ops.round(ab) + float(REACH)
    return ops.cast(whole[..., 0] * float(2 * REACH + 1) + whole[..., 1], "int32")


def _integers():
    """All integer (a, b) within +-110, row by row of a: int32 [221 ** 2, 2]."""
    axis = np.arange(-REACH, REACH + 1, dtype="int32")
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)


@cache
def _candidates(neighbours):
    """For each integer (a, b): the bins that may be among the nearest of a colour that rounds to it.

    Indices int32 [221 ** 2, n], nearest first, ties by index, and the a of all their centres, then the b of all,
    float32 [221 ** 2, 2 * n]; n is 12 for five neighbours.
    """
    a, b = np.split(_integers(), 2, axis=1)
    distance = np.square(a - CENTRES[:, 0].astype("int32")) + np.square(b - CENTRES[:, 1].astype("int32"))
    nearest = np.sort(distance * BINS + np.arange(BINS, dtype="int32"), axis=1)  # distance and index in one integer
    # Colour and centre may both be half a cell's diagonal nearer or farther than they are from the integer.
    distance = np.sqrt(nearest // BINS)
    possible = distance <= distance[:, neighbours - 1 : neighbours] + np.sqrt(2.0) + 1e-6
    indices = nearest[:, : possible.sum(axis=1).max()] % BINS
    return indices, np.concatenate([CENTRES[indices, 0], CENTRES[indices, 1]], axis=1)


@cache
def _encoding_table():
    """`encode` of each integer (a, b): int32 and float32 [221 ** 2, 5]."""
    indices = _candidates(NEIGHBOURS)[0][:, :NEIGHBOURS]
    distance = np.square(_integers()[:, None] - CENTRES[indices]).sum(axis=-1)
    weights = np.exp((distance[:, :1] - distance) / (2.0 * SIGMA**2)).astype("float32")
    return indices, weights / weights.sum(axis=1, keepdims=True)
