"""What a measure is: sums of one photo, and how the sums of many photos become one number."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

import numpy as np

from tfcolor.measures.picture import Picture

# So much of all photos is in each resample of a measure that is a mean of ratios: too little to move one that the
# resample's own photos give, enough to stand for one that they do not (0 / 0).
TRACE = 1e-9


@dataclass(frozen=True)
class Measure:
    """A measure over any number of photos.

    Called with the operands of one photo it gives that photo's number; a `Table` keeps the statistics of many.

    Attributes:
        name: key in tables and JSON.
        statistic: the operands of one photo -> float, or a few sums [k], to be added up over photos.
        pool: (sums [..., k], number of photos) -> [...], the measure over those photos.
        counts: None, or sums [..., k] over all photos -> bool [..., k]: those that count; the others are set to 0. A
            resample of the photos keeps them, and one that has nothing for some keeps there what all photos gave.
        better: "higher", "lower", or "" where the truth's own value is the goal.
        unit: as printed, "" for shares and plain numbers.
        digits: decimals that are worth printing.
        note: what a reader of a table has to know, "" where the name says all.
    """

    name: str
    statistic: Callable
    pool: Callable
    counts: Callable | None = None
    better: str = "higher"
    unit: str = ""
    digits: int = 3
    note: str = ""

    def __call__(self, *operands):
        return float(self.value(np.atleast_1d(self.statistic(*operands)), 1))

    def value(self, sums, photos, total=None):
        """Sums [..., k] over `photos` photos -> the measure [...]; NaN or infinite where it is undefined.

        `total`: the sums over all photos, where `sums` are those of a resample.
        """
        sums = np.asarray(sums, "float64")
        if self.counts:
            total = sums if total is None else total
            sums = (sums + TRACE * total) * self.counts(total)
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.pool(sums, photos)


def photo_mean(sums, photos):
    """The mean over photos of one number per photo."""
    return sums[..., 0] / photos


def pixel_mean(sums, photos):
    """The mean over all pixels of all photos, from (sum, pixels) per photo: large photos weigh more."""
    return sums[..., 0] / sums[..., 1]


def photo_measure(pool=photo_mean, **attributes):
    """Decorator: a function on two `Picture`s, prediction and truth, becomes the `Measure` of that name.

    The measure takes pictures or plain arrays, and refuses two of different sizes.
    """

    def decorate(function):
        @wraps(function)
        def statistic(prediction, truth):
            prediction, truth = (x if isinstance(x, Picture) else Picture(x) for x in (prediction, truth))
            if prediction.rgb.shape != truth.rgb.shape:
                sizes = [f"{p.rgb.shape[1]} x {p.rgb.shape[0]}" for p in (prediction, truth)]
                raise ValueError(f"prediction is {sizes[0]} pixels, truth {sizes[1]}: resize one to the other first")
            return function(prediction, truth)

        measure = Measure(function.__name__, statistic, pool, **attributes)
        object.__setattr__(measure, "__doc__", function.__doc__)
        return measure

    return decorate
