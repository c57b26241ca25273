"""Colour hints: a point with a colour that a person chose, carried along as far as the photo looks alike.

A hint's weight at a pixel is `exp(-r^2 / (2 reach^2)) * exp(-cost)`: r is the distance from its point, and the cost is
that of the cheapest path there, on which a step between neighbours costs `(difference of gray / contrast)^2`. Within an
even region the way is free; an edge of the photo stops the colour. Paths of least change are from Yatziv, Sapiro ("Fast
image and video colorization using chrominance blending", 2006), the squared difference is from Levin, Lischinski, Weiss
("Colorization using optimization", 2004).

All of it is NumPy, at the size that the network sees: 12 ms a hint at 256 x 256 on one core of a busy machine. A hint
runs no network, and `keras.ops` has no running minimum.
"""

import numpy as np

CONTRAST = 0.12  # a step of gray, once smoothed, that costs 1: an edge of .5 lets .3 % through, one of .1 79 %
ROUNDS = 8
_FAR = 20.0  # a cost at which nothing is left: exp(-20) = 2e-9
_NEAREST = 1e-6  # by how much a weight stays under 1


def spread(gray, point, reach, contrast=CONTRAST):
    """How much a hint weighs at each pixel.

    The gray is smoothed by the mean of 3 x 3 pixels first, so that grain costs little; an edge of height d then costs
    `d^2 / (3 contrast^2)`. The path is the cheapest of those with up to `2 * ROUNDS` straight pieces, along rows and
    columns.

    Args:
        gray: float [h, w] in [0, 1].
        point: (row, column) of the hint.
        reach: in pixels, where the weight has fallen to .61 in an even region; `inf` for all of that region.
        contrast: of gray, in [0, 1]; the smaller, the sooner an edge stops the colour.

    Returns:
        float32 [h, w] in [0, 1], 1 at the point. It depends on no colour, so it can be kept while colours are tried.

    Raises:
        ValueError: a point beyond the photo, or a reach or contrast that is not above 0.
    """
    gray = np.asarray(gray, "float32")
    row, column = point
    if not (0 <= row < gray.shape[0] and 0 <= column < gray.shape[1]):
        raise ValueError(f"hint at row {row}, column {column}: the photo has {gray.shape[0]} x {gray.shape[1]} pixels")
    for name, value in (("reach", reach), ("contrast", contrast)):
        if not value > 0:
            raise ValueError(f"hint: {name} {value}; a number above 0")
    down, across = (np.square(np.arange(n, dtype="float32") - at) for n, at in zip(gray.shape, point, strict=True))
    distance = (down[:, None] + across) / np.float32(2 * reach**2)
    return np.exp(-distance - _least_cost(_smooth(gray), (row, column), contrast))


def apply(chroma, weights, colors):
    """Chroma with hints in it: a mean in which the network's counts 1, and a hint's w / (1 - w), w being its weight.

    So a hint alone stands to the network as w to 1 - w, decides at its own point whatever others say, and between
    several the nearest counts most.

    Args:
        chroma: float [h, w, 2], in any space without an offset, such as U and V.
        weights: [float [h, w], ...] of `spread`.
        colors: [(u, v), ...], the hints' own chroma.

    Returns:
        float32 [h, w, 2].
    """
    total, counts = np.array(chroma, "float32"), np.ones(np.shape(chroma)[:2], "float32")
    for weight, color in zip(weights, colors, strict=True):
        count = weight / np.maximum(1 - weight, _NEAREST)
        total += count[..., None] * np.asarray(color, "float32")
        counts += count
    return total / counts[..., None]


def _smooth(gray):
    """The mean of 3 x 3 pixels, the photo's edge repeated."""
    padded = np.pad(gray, 1, "edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9


def _least_cost(gray, point, contrast):
    """The cost of the cheapest path from a point to each pixel, float32 [h, w], up to `_FAR`."""
    ways = []  # what it costs to come along a row, and along a column, from its first pixel to each
    for lines in (gray, gray.T):
        steps = np.minimum(np.square(np.diff(lines, axis=1) / contrast), _FAR)
        ways.append(np.pad(np.cumsum(steps, axis=1, dtype="float32"), ((0, 0), (1, 0))))
    cost = np.full(gray.shape, _FAR, "float32")
    cost[point] = 0
    for _ in range(ROUNDS):
        before = cost
        for way in ways:
            forth = np.minimum.accumulate(cost - way, axis=1) + way
            back = np.minimum.accumulate((cost + way)[:, ::-1], axis=1)[:, ::-1] - way
            cost = np.ascontiguousarray(np.minimum(forth, back).T)
        if np.array_equal(cost, before):
            break
    return np.maximum(cost, 0)
