"""Pooling over photos and the bootstrap, against SciPy and against all photos joined into one."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from tfcolor import measures
from tfcolor.measures import Picture, Table
from tfcolor.measures.measure import Measure, photo_mean

value = Measure("value", lambda number: number, photo_mean)


@pytest.fixture(scope="module")
def pairs():
    """Twelve pairs of photos of different sizes, uint8, each (prediction, truth)."""
    generator = np.random.default_rng(5)
    out = []
    for index in range(12):
        truth = generator.integers(0, 256, (20 + index, 30, 3))
        out.append((np.clip(truth + generator.normal(0, 5 + 5 * index, truth.shape), 0, 255).astype("uint8"),
                    truth.astype("uint8")))  # fmt: skip
    return out


def joined(pairs):
    return [np.concatenate([picture.rgb for picture in side]) for side in zip(*pairs, strict=True)]


@pytest.mark.parametrize("measure", [measures.rmse_ab, measures.auc, measures.auc_rebalanced])
def test_pooled_measures_are_those_of_all_pixels_together(measure, pairs):
    table = Table(resamples=20)
    pairs = [tuple(map(Picture, pair)) for pair in pairs]
    for pair in pairs:
        table.add("model", measure, *pair)
    if measure is measures.auc_rebalanced:
        assert measures.bins_counted(table.sums("model", measure.name)) == 0  # noise: 313 bins share 9,000 pixels
        assert table.rows()["model"][measure.name]["mean"] is None
        for _ in range(60):
            for pair in pairs:
                table.add("model", measure, *pair)
        pairs = pairs * 61
    expected = measure(*joined(pairs))
    entry = table.rows()["model"][measure.name]
    assert entry["mean"] == pytest.approx(expected, abs=1e-12)
    assert entry["low"] < expected < entry["high"]


@pytest.mark.parametrize("measure", [measures.psnr, measures.ssim, measures.delta_e, measures.colorfulness])
def test_other_measures_are_means_over_photos(measure, pairs):
    table = Table(resamples=20)
    for pair in pairs:
        table.add("model", measure, *pair)
    expected = [measure(*pair) for pair in pairs]
    assert table.rows()["model"][measure.name]["mean"] == pytest.approx(np.mean(expected), abs=1e-12)
    np.testing.assert_allclose(table.per_photo("model", measure.name), expected, atol=1e-12)


def test_colorfulness_delta_is_of_the_means_not_the_mean_of_deltas():
    gray, red = np.full((9, 9, 3), 99, "uint8"), np.tile(np.uint8([200, 40, 40]), (9, 9, 1))
    table = Table(resamples=20)
    table.add("model", measures.colorfulness_delta, gray, red)
    table.add("model", measures.colorfulness_delta, red, gray)
    assert table.rows()["model"]["colorfulness_delta"]["mean"] == pytest.approx(0)
    assert table.per_photo("model", "colorfulness_delta").min() > 10


def test_the_interval_is_scipys_percentile_bootstrap():
    numbers = np.random.default_rng(6).gamma(2.0, 3.0, 80)
    table = Table(resamples=4000)
    for number in numbers:
        table.add("model", value, number)
    entry = table.rows()["model"]["value"]
    expected = scipy.stats.bootstrap((numbers,), np.mean, n_resamples=4000, method="percentile", rng=0)
    half = (entry["high"] - entry["low"]) / 2
    assert entry["low"] == pytest.approx(expected.confidence_interval.low, abs=0.08 * half)
    assert entry["high"] == pytest.approx(expected.confidence_interval.high, abs=0.08 * half)
    assert half == pytest.approx(1.96 * numbers.std() / np.sqrt(80), rel=0.1)


def test_pooled_intervals_resample_photos_not_pixels(pairs):
    # Eighty copies of each pixel of a photo are no eighty photos: only the photos' own spread counts.
    table = Table(resamples=2000)
    for prediction, truth in pairs:
        table.add("once", measures.rmse_ab, prediction, truth)
        table.add("large", measures.rmse_ab, np.tile(prediction, (4, 5, 1)), np.tile(truth, (4, 5, 1)))
    rows = table.rows()
    for key in ("mean", "low", "high"):
        assert rows["once"]["rmse_ab"][key] == pytest.approx(rows["large"]["rmse_ab"][key], abs=1e-12)

    def pooled(squares, pixels, axis):
        return np.sqrt(squares.sum(axis=axis) / pixels.sum(axis=axis))

    statistics = np.array([measures.rmse_ab.statistic(*pair) for pair in pairs]).T
    expected = scipy.stats.bootstrap(
        tuple(statistics), pooled, n_resamples=2000, method="percentile", paired=True, rng=0
    ).confidence_interval
    entry = rows["once"]["rmse_ab"]
    assert entry["low"] == pytest.approx(expected.low, abs=0.15 * (expected.high - expected.low))
    assert entry["high"] == pytest.approx(expected.high, abs=0.15 * (expected.high - expected.low))


def test_resamples_keep_the_bins_that_count():
    # Red is in one photo alone: 1,000 pixels of it, none in a third of the resamples. Blue, with 999, never counts,
    # though some resamples have 1,998 of it. So nothing varies.
    counts = {"red": 200, "blue": 10}
    statistics = {}
    for name, held in (("red", 100), ("blue", 0), ("green", 151)):
        statistics[name] = np.zeros(626, "uint32")
        pixels = {"red": 1000, "blue": 999, "green": 500}[name]
        bin_index = counts.get(name, 0)
        statistics[name][[bin_index, 313 + bin_index]] = held * pixels, pixels
    table = Table(resamples=400)
    for name in ["red", "blue"] + ["green"] * 8:
        table.add("model", replace(measures.auc_rebalanced, statistic=lambda sums: sums), statistics[name])
    expected = pytest.approx((100 / 151 + 1) / 2)
    assert table.rows()["model"]["auc_rebalanced"] == {"mean": expected, "low": expected, "high": expected}


def test_the_seed_decides_the_interval():
    def interval(seed):
        table = Table(seed=seed)
        for number in range(30):
            table.add("model", value, number)
        return table.rows()["model"]["value"]

    assert interval(0) == interval(0)
    assert interval(0) != interval(1)


def test_what_is_infinite_or_undefined_is_none(pairs):
    table = Table()
    table.add("truth", measures.psnr, pairs[0][1], pairs[0][1])
    table.add("model", measures.psnr, *pairs[0])
    table.add("model", value, 3.0)
    nothing = {"mean": None, "low": None, "high": None}
    rows = table.rows()
    assert rows["truth"] == {"psnr": nothing, "value": nothing}  # infinite; never measured
    assert rows["model"]["value"] == {"mean": 3.0, "low": None, "high": None}  # one photo has no interval
    assert Table().rows() == {}


def test_many_photos_cost_little_memory():
    statistic = np.zeros(626, "uint32")
    statistic[[156, 157, 469, 470]] = 151 * 30000, 151 * 1000, 65000, 536
    many = replace(measures.auc_rebalanced, statistic=lambda: statistic.copy())
    table = Table(resamples=100)
    tracemalloc.start()
    for _ in range(2000):
        table.add("model", many)
    kept, _ = tracemalloc.get_traced_memory()
    entry = table.rows()["model"]["auc_rebalanced"]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept / 2000 < 3000  # bytes a photo
    assert peak < 40e6
    assert entry["mean"] == pytest.approx((30000 / 65000 + 1000 / 536) / 2)
