"""Histograms on an axis against NumPy and SciPy."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp, rel_entr, softmax
from scipy.stats import kstest

from tfcolor.color import histograms


def dense(indices, weights, bins):
    """Bins with weights [..., m] -> NumPy float64 [..., bins]."""
    target = np.zeros((*np.shape(indices)[:-1], bins))
    for k in range(np.shape(indices)[-1]):
        target += np.eye(bins)[np.asarray(indices)[..., k]] * np.asarray(weights)[..., k, None]
    return target


@pytest.fixture
def logits():
    """float32 [6, 7, 8]: 42 pixels of eight bins."""
    return np.random.default_rng(0).normal(size=(6, 7, 8), scale=2).astype("float32")


def test_hard_targets_are_numpys_histogram():
    values = np.random.default_rng(0).uniform(-3, 5, 10_000).astype("float32")
    target = dense(*histograms.encode(values, 16, -3, 5), 16)
    np.testing.assert_array_equal(target.sum(axis=0), np.histogram(values, bins=16, range=(-3, 5))[0])


def test_hard_target_is_the_nearest_centre():
    values = np.random.default_rng(0).uniform(0, 1, 1000).astype("float32")
    nearest = np.abs(values[:, None] - (np.arange(32) + 0.5) / 32).argmin(axis=1)
    np.testing.assert_array_equal(histograms.encode(values, 32)[0][..., 0], nearest)


@pytest.mark.parametrize("shared", [False, True])
def test_values_beyond_an_axis_count_into_its_ends(shared):
    indices, weights = histograms.encode(np.array([-7.0, 0.0, 1.0, 9.0], "float32"), 4, shared=shared)
    np.testing.assert_array_equal(dense(indices, weights, 4), np.eye(4)[[0, 0, 3, 3]])


def test_shared_targets_have_the_value_as_their_mean():
    values = np.random.default_rng(0).uniform(0.1, 0.9, 1000).astype("float32")
    target = dense(*histograms.encode(values, 8, shared=True), 8)
    np.testing.assert_allclose(target.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(target @ ((np.arange(8) + 0.5) / 8), values, atol=1e-6)


@pytest.mark.parametrize("shared", [False, True])
def test_a_circular_axis_goes_round(shared):
    values = np.array([-0.01, 0.99, 1.99], "float32")
    indices, weights = histograms.encode(values, 4, circular=True, shared=shared)
    target = dense(indices, weights, 4)
    expected = [0.46, 0, 0, 0.54] if shared else [0, 0, 0, 1]
    np.testing.assert_allclose(target, [expected] * 3, atol=1e-5)


@pytest.mark.parametrize("jit", [False, True])
def test_log_probabilities_and_their_gradient_are_scipys(logits, jit):
    indices = np.random.default_rng(1).integers(0, 8, (6, 7, 3)).astype("int32")
    weights = np.random.default_rng(2).random((6, 7, 3)).astype("float32")

    @tf.function(jit_compile=jit)
    def compute(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            picked = histograms.log_probabilities(logits, indices)
            value = tf.reduce_sum(picked * weights)
        return picked, tape.gradient(value, logits)

    picked, gradient = compute(tf.constant(logits))
    expected = log_softmax(logits.astype("float64"), axis=-1)
    np.testing.assert_allclose(picked, np.take_along_axis(expected, indices, axis=-1), atol=1e-5)
    target = dense(indices, weights, 8)
    np.testing.assert_allclose(gradient, target - target.sum(axis=-1, keepdims=True) * np.exp(expected), atol=1e-5)


def test_divergence_is_scipys(logits):
    values = np.random.default_rng(1).random((6, 7)).astype("float32")
    for shared in (False, True):
        bins = histograms.encode(values, 8, shared=shared)
        expected = rel_entr(dense(*bins, 8), softmax(logits.astype("float64"), axis=-1)).sum(axis=-1)
        np.testing.assert_allclose(histograms.divergence(logits, *bins), expected, atol=1e-5)


def test_divergence_from_itself_is_zero():
    bins = histograms.encode(np.array([0.3], "float32"), 8, shared=True)
    logits = np.log(dense(*bins, 8) + 1e-30).astype("float32")
    np.testing.assert_allclose(histograms.divergence(logits, *bins), [0.0], atol=1e-6)


def test_expectation_and_mode(logits):
    probabilities = softmax(logits, axis=-1)
    centres = -1 + (np.arange(8) + 0.5) * 3 / 8
    np.testing.assert_allclose(histograms.expectation(probabilities, -1, 2), probabilities @ centres, atol=1e-5)
    np.testing.assert_allclose(histograms.mode(probabilities, -1, 2), centres[probabilities.argmax(axis=-1)], atol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.93, 1.0])
def test_quantile_inverts_the_distribution_function(logits, share):
    probabilities = softmax(logits, axis=-1)
    edges = np.linspace(-1, 2, 9)
    cumulative = np.cumsum(probabilities.reshape(-1, 8), axis=1)
    expected = np.reshape([np.interp(share, [0, *row], edges) for row in cumulative], (6, 7))
    np.testing.assert_allclose(histograms.quantile(probabilities, share, -1, 2), expected, atol=1e-3)


def test_median_of_a_certain_bin_is_its_centre():
    median = histograms.quantile(np.eye(8, dtype="float32"), 0.5)
    np.testing.assert_allclose(median, (np.arange(8) + 0.5) / 8, atol=1e-6)


def test_quantile_takes_a_share_for_each_pixel(logits):
    probabilities = softmax(logits, axis=-1)
    shares = np.random.default_rng(3).random((6, 7)).astype("float32")
    together = np.asarray(histograms.quantile(probabilities, shares))
    assert together[2, 5] == pytest.approx(float(histograms.quantile(probabilities[2, 5], shares[2, 5])), abs=1e-6)


def test_matched_values_have_the_histogram_of_the_reference_in_their_own_order():
    rng = np.random.default_rng(0)
    values = rng.beta(2, 5, (40, 50)).astype("float32")
    histogram = rng.dirichlet(np.ones(8)).astype("float32")
    matched = np.asarray(histograms.match_quantiles(values, histogram))
    np.testing.assert_allclose(np.histogram(matched, bins=8, range=(0, 1))[0] / 2000, histogram, atol=1e-3)
    order = values.ravel().argsort()
    assert (np.diff(matched.ravel()[order]) >= -1e-6).all()


def test_matched_values_that_were_equal_stay_equal():
    values = np.repeat(np.array([0.2, 0.7], "float32"), 10)
    matched = np.asarray(histograms.match_quantiles(values, np.full(4, 0.25)))
    np.testing.assert_allclose(matched, np.repeat([0.25, 0.75], 10), atol=1e-6)


def test_matching_by_weight_leaves_out_what_weighs_nothing():
    rng = np.random.default_rng(0)
    values = rng.random(2000).astype("float32")
    weights = (rng.random(2000) < 0.5).astype("float32")
    histogram = rng.dirichlet(np.ones(8))
    matched = np.asarray(histograms.match_quantiles(values, histogram, weights=weights))
    counts = np.histogram(matched[weights > 0], bins=8, range=(0, 1))[0]
    np.testing.assert_allclose(counts / counts.sum(), histogram, atol=2e-3)


@pytest.mark.parametrize("weighted", [False, True])
def test_energy_form_reaches_the_minimum_that_scipy_finds(logits, weighted):
    histogram = np.random.default_rng(1).dirichlet(np.ones(8))
    weights = np.random.default_rng(2).random((6, 7)).astype("float32") if weighted else None
    shares = np.ones(42) if weights is None else weights.ravel().astype("float64")
    shares = shares / shares.sum()
    rows = logits.reshape(-1, 8).astype("float64")

    def energy(bias):
        return shares @ logsumexp(rows + bias, axis=-1) - bias @ histogram

    best = minimize(energy, np.zeros(8), tol=1e-12).x
    matched = np.asarray(histograms.match_energy(logits, histogram, weights))
    bias = (matched - logits)[0, 0]
    np.testing.assert_allclose(matched - logits, np.broadcast_to(bias, logits.shape), atol=1e-5)
    np.testing.assert_allclose(bias - bias.mean(), best - best.mean(), atol=5e-3)
    np.testing.assert_allclose(shares @ softmax(rows + bias, axis=-1), histogram, atol=1e-3)


def test_energy_form_of_an_empty_bin_is_finite(logits):
    histogram = np.array([0.5, 0.5, 0, 0, 0, 0, 0, 0])
    matched = np.asarray(histograms.match_energy(logits, histogram))
    assert np.isfinite(matched).all()
    np.testing.assert_allclose(softmax(matched, axis=-1).mean(axis=(0, 1)), histogram, atol=2e-3)


def test_smooth_field_is_uniform_and_smooth():
    fields = np.stack([histograms.smooth_field(24, 36, cells=3, seed=seed) for seed in range(200)])
    assert fields.shape == (200, 24, 36)
    for row, column in ((0, 0), (12, 18), (23, 35)):
        assert kstest(fields[:, row, column], "uniform").pvalue > 1e-3
    assert np.abs(np.diff(fields, axis=1)).max() < 0.25
    assert np.abs(fields[:, 0, 0] - fields[:, -1, -1]).mean() > 0.2


def test_smooth_field_of_a_seed_is_always_the_same():
    first, again, other = (np.asarray(histograms.smooth_field(8, 8, cells=2, seed=seed)) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01
