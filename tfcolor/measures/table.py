"""Rows of measures over a stream of photos: statistics are kept photo by photo, then become means and intervals."""

from collections import defaultdict

import numpy as np

# Resamples are drawn and multiplied a few at a time, so that 10,000 photos need no more memory than 100.
CHUNK = 50


class Table:
    """What was measured, by row and measure.

    A photo leaves a few numbers behind for each row and measure (`auc_rebalanced`, the largest: 2.5 kB), never pixels.

        table.add("gray", psnr, gray, truth)
        table.rows()    # {"gray": {"psnr": {"mean": 22.9, "low": 22.7, "high": 23.1}}}

    Args:
        rows: names of rows that come first, in this order; others are appended as they come.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """

    def __init__(self, rows=(), resamples=1000, seed=0):
        self.resamples = resamples
        self.seed = seed
        self._measures = {}
        self._statistics = defaultdict(lambda: defaultdict(list), {row: defaultdict(list) for row in rows})

    def add(self, row, measure, *operands):
        """Measures one more photo of `row`; the operands are those of the measure."""
        self._measures[measure.name] = measure
        self._statistics[row][measure.name].append(np.atleast_1d(measure.statistic(*operands)))

    def measures(self):
        """The measures so far, in the order in which they came: [Measure]."""
        return list(self._measures.values())

    def photos(self, row):
        """How many photos `row` was measured on."""
        return max((len(values) for values in self._statistics[row].values()), default=0)

    def sums(self, row, name):
        """The statistics of measure `name` added up over the photos of `row`: float64 [k]."""
        return np.sum(self._statistics[row][name], axis=0, dtype="float64")

    def per_photo(self, row, name):
        """Measure `name` of each photo of `row` alone, in the order in which they came: float64 [photos]."""
        return self._measures[name].value(np.stack(self._statistics[row][name]), 1)

    def rows(self):
        """{row: {measure: {"mean", "low", "high"}}}: every row has every measure, None where undefined or infinite.

        "low" and "high" bound the 95 % interval of the bootstrap over photos (Efron 1979): the percentiles 2.5 and 97.5
        of the measure over `resamples` sets of as many photos, drawn with replacement. All that was measured on as many
        photos sees the same resamples.
        """
        return {
            row: {name: self._entry(measure, statistics.get(name)) for name, measure in self._measures.items()}
            for row, statistics in self._statistics.items()
        }

    def _entry(self, measure, statistics):
        """The statistics of all photos, or None -> {"mean", "low", "high"}; one photo has no interval."""
        entry = {"mean": None, "low": None, "high": None}
        if statistics is None:
            return entry
        photos, values = len(statistics), np.stack(statistics).astype("float64")
        total = values.sum(axis=0)
        mean = float(measure.value(total, photos))
        if not np.isfinite(mean):
            return entry
        entry["mean"] = mean
        if photos > 1:
            resampled = np.concatenate(
                [
                    measure.value(weights @ values, photos, total)
                    for weights in _resamples(photos, self.resamples, self.seed)
                ]
            )
            low, high = np.percentile(resampled[np.isfinite(resampled)], [2.5, 97.5])
            entry["low"], entry["high"] = float(low), float(high)
        return entry


def _resamples(photos, resamples, seed):
    """Yields float64 [up to CHUNK, photos]: how often each photo is in each of `resamples` draws with replacement."""
    generator = np.random.default_rng(seed)
    for start in range(0, resamples, CHUNK):
        draws = generator.integers(photos, size=(min(CHUNK, resamples - start), photos))
        yield np.stack([np.bincount(draw, minlength=photos) for draw in draws]).astype("float64")
