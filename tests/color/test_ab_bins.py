"""The 313 bins against NumPy, scikit-learn and the published arrays."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax
from sklearn.neighbors import NearestNeighbors

from tfcolor.color import ab_bins
from tfcolor.color.spaces import rgb_to_lab


@pytest.fixture(scope="module")
def ab():
    """Lab's ab of 20,000 uniform sRGB colours and of the cube's corners: float32 [n, 2]."""
    corners = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T
    rgb = np.concatenate([corners, np.random.default_rng(0).random((20_000, 3))]).astype("float32")
    return np.array(rgb_to_lab(rgb))[:, 1:]


def dense(indices, weights):
    """Soft encoding [n, k] -> NumPy float64 [n, 313]."""
    indices, weights = np.asarray(indices), np.asarray(weights)
    target = np.zeros((len(indices), 313))
    target[np.arange(len(indices))[:, None], indices] = weights
    return target


def test_centres_are_the_published_ones(shared):
    np.testing.assert_array_equal(ab_bins.CENTRES, np.load(shared / "reference" / "pts_in_hull.npy"))


def test_centres_rows():
    rows, lengths = np.unique(ab_bins.CENTRES[:, 0], return_counts=True)
    np.testing.assert_array_equal(rows, np.arange(-90, 101, 10))
    assert lengths.tolist() == [5, 8, 10, 12, 14, 15, 16, 16, 17, 18, 18, 18, 19, 20, 19, 20, 20, 19, 19, 10]
    assert ab_bins.CENTRES.shape == (313, 2)
    assert ab_bins.CENTRES.tolist() == sorted(ab_bins.CENTRES.tolist())
    of_row = [ab_bins.CENTRES[ab_bins.CENTRES[:, 0] == a, 1] for a in rows]
    first = [50, 20, 0, -20, -30, -40, -50, -50, -60, -70, -80, -80, -90, -100, -100, -110, -110, -110, -110, -90]
    last = [90, 90, 90, 90, 100, 100, 100, 100, 100, 100, 90, 90, 90, 90, 80, 80, 80, 70, 70, 0]
    for row, low, high in zip(of_row, first, last, strict=True):
        np.testing.assert_array_equal(row, np.arange(low, high + 1, 10))


@pytest.mark.parametrize(("neighbours", "sigma"), [(5, 5.0), (3, 8.0)])
def test_exact_encoding_is_scikit_learns(ab, neighbours, sigma):
    distances, nearest = NearestNeighbors(n_neighbors=neighbours + 1).fit(ab_bins.CENTRES).kneighbors(ab)
    clear = distances[:, -1] - distances[:, -2] > 1e-3  # of two centres as far away, either is right
    expected = np.exp(-(distances[clear, :-1] ** 2) / (2 * sigma**2))
    expected /= expected.sum(axis=1, keepdims=True)
    indices, weights = ab_bins.encode(ab, neighbours, sigma)
    np.testing.assert_allclose(dense(indices, weights)[clear], dense(nearest[clear, :-1], expected), atol=2e-5)
    assert np.asarray(indices).dtype == "int32"
    assert np.asarray(weights).dtype == "float32"


def test_encoding_of_a_colour_far_outside_is_finite():
    _, weights = ab_bins.encode(np.array([[1000.0, -1000.0]], "float32"))
    np.testing.assert_allclose(np.sum(weights), 1, rtol=1e-6)


def test_table_is_the_exact_form_on_integers():
    grid = np.stack(np.meshgrid(np.arange(-110, 111), np.arange(-110, 111), indexing="ij"), axis=-1).astype("float32")
    for exact, table in zip(ab_bins.encode(grid), ab_bins.encode_by_table(grid), strict=True):
        np.testing.assert_allclose(table, exact, atol=5e-6)
    for there, rounded in zip(ab_bins.encode_by_table(grid), ab_bins.encode_by_table(grid + 0.49), strict=True):
        np.testing.assert_array_equal(there, rounded)


def test_table_takes_colours_from_outside_to_its_edge():
    for far, edge in ab_bins.encode_by_table(np.array([[300.0, -500.0], [110.0, -110.0]])):
        np.testing.assert_array_equal(far, edge)


def test_table_is_as_near_the_exact_form_as_documented(ab):
    exact = np.asarray(ab_bins.expectation(*ab_bins.encode(ab)))
    table = np.asarray(ab_bins.expectation(*ab_bins.encode_by_table(ab)))
    assert np.abs(exact - table).mean() == pytest.approx(0.28, abs=0.01)
    assert np.linalg.norm(exact - table, axis=1).mean() == pytest.approx(0.43, abs=0.01)
    assert np.abs(exact - table).max() < 1.55
    assert np.linalg.norm(exact - ab, axis=1).mean() == pytest.approx(0.22, abs=0.01)


def test_heaviest_bin_comes_first(ab):
    for encode in (ab_bins.encode, ab_bins.encode_by_table):
        assert (np.diff(np.asarray(encode(ab)[1]), axis=-1) <= 0).all()


@pytest.fixture(scope="module")
def pixels(ab):
    """400 pixels, the last 100 count nothing: logits [4, 100, 313] up to +-60, indices and weights [4, 100, 5]."""
    logits = np.random.default_rng(1).normal(size=(4, 100, 313), scale=15).astype("float32")
    indices, weights = (np.array(x).reshape(4, 100, 5) for x in ab_bins.encode(ab[:400]))
    weights[3] = 0
    return logits, indices, weights


@pytest.mark.parametrize("rebalanced", [False, True])
@pytest.mark.parametrize("jit", [False, True])
def test_cross_entropy_and_its_gradient_are_the_dense_ones(pixels, rebalanced, jit):
    logits, indices, weights = pixels
    rarity = np.random.default_rng(2).random(313).astype("float32") + 0.5 if rebalanced else None

    @tf.function(jit_compile=jit)
    def ours(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = ab_bins.cross_entropy(logits, indices, weights, rarity)
        return loss, tape.gradient(loss, logits)

    target = dense(indices.reshape(-1, 5), weights.reshape(-1, 5)).reshape(4, 100, 313)
    if rebalanced:
        target *= rarity[indices[..., :1]]
    predicted = logits.astype("float64")
    loss, gradient = ours(tf.constant(logits))
    np.testing.assert_allclose(loss, -(target * log_softmax(predicted, axis=-1)).sum() / 300, rtol=1e-5)
    expected = (softmax(predicted, axis=-1) * target.sum(axis=-1, keepdims=True) - target) / 300
    np.testing.assert_allclose(gradient, expected, atol=1e-8)


def test_cross_entropy_takes_any_batch_size(pixels):
    logits, indices, weights = pixels
    flexible = tf.function(
        ab_bins.cross_entropy,
        input_signature=[
            tf.TensorSpec([None, None, 313]),
            tf.TensorSpec([None, None, 5], tf.int32),
            tf.TensorSpec([None, None, 5]),
        ],
    )
    np.testing.assert_allclose(
        flexible(*pixels), ab_bins.cross_entropy(logits[:3], indices[:3], weights[:3]), rtol=1e-6
    )


@pytest.mark.parametrize("jit", [False, True])
def test_nothing_to_count_is_zero_with_a_zero_gradient(pixels, jit):
    logits, indices, weights = pixels

    @tf.function(jit_compile=jit)
    def ours(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = ab_bins.cross_entropy(logits, indices, 0 * weights)
        return loss, tape.gradient(loss, logits)

    loss, gradient = ours(tf.constant(logits))
    assert float(loss) == 0
    np.testing.assert_array_equal(gradient, np.zeros_like(logits))


@pytest.mark.parametrize("scale", [0.0, 1e4, 1e30])
def test_cross_entropy_of_extreme_logits_is_finite(pixels, scale):
    logits, indices, weights = pixels
    extreme = tf.constant(np.sign(logits) * np.float32(scale))
    with tf.GradientTape() as tape:
        tape.watch(extreme)
        loss = ab_bins.cross_entropy(extreme, indices, weights)
    assert np.isfinite(loss)
    assert np.isfinite(tape.gradient(loss, extreme)).all()


@pytest.mark.parametrize("temperature", [1.0, 0.38, 0.1])
def test_annealed_mean_is_numpys(pixels, temperature):
    logits = pixels[0]
    expected = softmax(logits.astype("float64") / temperature, axis=-1) @ ab_bins.CENTRES.astype("float64")
    np.testing.assert_allclose(ab_bins.annealed_mean(logits, temperature), expected, atol=1e-3)


def test_annealed_mean_goes_to_the_mode(pixels):
    logits = pixels[0]
    mode = ab_bins.CENTRES[logits.argmax(axis=-1)]
    np.testing.assert_allclose(ab_bins.annealed_mean(logits, 0.0), mode, atol=1e-3)


def test_count_bins_is_numpys(ab):
    indices, weights = ab_bins.encode(ab)
    np.testing.assert_allclose(ab_bins.count_bins(indices, weights), dense(indices, weights).sum(axis=0), rtol=1e-4)


@pytest.mark.parametrize("uniform", [0.5, 0.1, 1.0])
def test_rebalancing_weights_are_numpys(uniform):
    prior = np.random.default_rng(3).dirichlet(np.full(313, 0.1))
    prior[:20] = 0
    prior /= prior.sum()
    expected = 1 / ((1 - uniform) * prior + uniform / 313)
    expected /= (prior * expected).sum()
    weights = ab_bins.rebalancing_weights(prior, uniform=uniform)
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    assert weights.dtype == "float32"
    assert np.isfinite(weights).all()


def test_rebalancing_weights_of_the_published_prior(shared):
    prior = np.load(shared / "reference" / "prior_probs.npy")
    weights = ab_bins.rebalancing_weights(prior)
    assert (prior * weights).sum() == pytest.approx(1, abs=1e-5)
    assert weights.argmin() == prior.argmax()


def test_smoothing_keeps_the_mass_and_spreads_it():
    one_hot = np.zeros(313)
    one_hot[150] = 1
    weights = ab_bins.rebalancing_weights(one_hot, uniform=1e-9, smooth=5)
    distance = np.linalg.norm(ab_bins.CENTRES - ab_bins.CENTRES[150], axis=1)
    near = distance == 10
    assert near.sum() == 4
    np.testing.assert_allclose(weights[150] / weights[near], np.exp(-100 / 50), rtol=1e-4)


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        (np.full(312, 1 / 312), "313 numbers"),
        (np.ones(313), "not 313: divide by it"),
        (np.r_[-0.5, 1.5, np.zeros(311)], "none below 0"),
        (np.full(313, np.nan), "none below 0"),
    ],
)
def test_a_prior_that_is_none(prior, message):
    with pytest.raises(ValueError, match=message):
        ab_bins.rebalancing_weights(prior)


@pytest.mark.parametrize("options", [{"uniform": 0}, {"uniform": 1.5}, {"smooth": -1}])
def test_options_of_rebalancing_weights_that_cannot_be(options):
    with pytest.raises(ValueError, match=str(next(iter(options.values())))):
        ab_bins.rebalancing_weights(np.full(313, 1 / 313), **options)


JAX_RUN = """
import sys
import jax, numpy as np
from tfcolor.color import ab_bins

data = np.load(sys.argv[1])
indices, weights = ab_bins.encode_by_table(data["ab"])
exact = ab_bins.encode(data["ab"])
loss, gradient = jax.jit(jax.value_and_grad(
    lambda logits: ab_bins.cross_entropy(logits, indices, weights, data["rarity"])
))(data["logits"])
np.savez(
    sys.argv[2], loss=loss, gradient=gradient, indices=indices, weights=weights, exact_weights=exact[1],
    mean=ab_bins.annealed_mean(data["logits"]), counts=ab_bins.count_bins(indices, weights),
)
"""


def test_jax_gives_the_same(ab, pixels, tmp_path):
    pytest.importorskip("jax")
    logits = pixels[0][0]
    rarity = np.random.default_rng(2).random(313).astype("float32")
    np.savez(tmp_path / "in.npz", ab=ab[:100], logits=logits, rarity=rarity)
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", JAX_RUN, str(tmp_path / "in.npz"), str(tmp_path / "out.npz")]
    subprocess.run(command, env=environment, cwd=Path(__file__).parents[2], check=True)
    theirs = np.load(tmp_path / "out.npz")

    indices, weights = ab_bins.encode_by_table(ab[:100])
    variable = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        loss = ab_bins.cross_entropy(variable, indices, weights, rarity)
    np.testing.assert_array_equal(theirs["indices"], indices)
    np.testing.assert_allclose(theirs["weights"], weights, rtol=1e-6)
    np.testing.assert_allclose(theirs["exact_weights"], ab_bins.encode(ab[:100])[1], atol=1e-5)
    np.testing.assert_allclose(theirs["loss"], loss, rtol=1e-5)
    np.testing.assert_allclose(theirs["gradient"], tape.gradient(loss, variable), atol=1e-7)
    np.testing.assert_allclose(theirs["mean"], ab_bins.annealed_mean(logits), atol=1e-3)
    np.testing.assert_allclose(theirs["counts"], ab_bins.count_bins(indices, weights), rtol=1e-5)
