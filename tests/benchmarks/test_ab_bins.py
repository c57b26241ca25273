"""How much the 313 bins cost, each beside the usual way in the same run.

Run it by name, `pytest tests/benchmarks`: pyproject.toml (`norecursedirs`) keeps this folder out of the plain `pytest`.
The table that pytest-benchmark prints holds our own times; the ratios are printed with `-rP` and kept as `extra_info`.
"""

import sys
from functools import partial

import numpy as np
import pytest
import skimage.color
import tensorflow as tf
from keras import ops
from sklearn.neighbors import NearestNeighbors

from benchmarks.measuring import compare, peak_memory, peak_memory_apart
from tfcolor.color import ab_bins
from tfcolor.color.spaces import from_uint8, rgb_to_lab

SHAPE = (16, 40, 40)  # a batch of 160 px photos at stride 4


@pytest.fixture(scope="module")
def ab():
    rgb = np.random.default_rng(0).random((*SHAPE, 3)).astype("float32")
    return tf.constant(rgb_to_lab(rgb)[..., 1:])


def dense_target_of_scikit_learn(ab):
    """As published: a ball tree, a Gaussian, and an array [pixels, 313], given to the device as float32."""
    tree = NearestNeighbors(n_neighbors=5, algorithm="ball_tree").fit(ab_bins.CENTRES)
    colours = ab.numpy().reshape(-1, 2)

    def encode():
        distances, nearest = tree.kneighbors(colours)
        weights = np.exp(-(distances**2) / (2 * ab_bins.SIGMA**2))
        target = np.zeros((len(colours), ab_bins.BINS))
        target[np.arange(len(colours))[:, None], nearest] = weights / weights.sum(axis=1, keepdims=True)
        return tf.constant(target, tf.float32)

    return encode


@pytest.mark.parametrize(("encode", "at_least"), [(ab_bins.encode, 9), (ab_bins.encode_by_table, 30)])
def test_soft_encoding(benchmark, ab, encode, at_least):
    compiled = tf.function(encode)
    compare(benchmark, lambda: compiled(ab)[1].numpy(), dense_target_of_scikit_learn(ab), at_least)


def sparse_loss(logits, indices, weights):
    return ab_bins.cross_entropy(logits, indices, weights)


def dense_loss(logits, indices, weights):
    target = ops.sum(ops.one_hot(indices, ab_bins.BINS) * weights[..., None], axis=-2)
    return -ops.mean(ops.sum(target * ops.log_softmax(logits), axis=-1))


def step(loss):
    """A loss -> a function that computes it with its gradient to logits [16, 40, 40, 313]."""
    rng = np.random.default_rng(0)
    logits = tf.constant(rng.normal(size=(*SHAPE, ab_bins.BINS)), tf.float32)
    encoding = ab_bins.encode_by_table(tf.constant(rng.uniform(-80, 80, (*SHAPE, 2)), tf.float32))

    @tf.function
    def compiled(logits, indices, weights):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(logits, indices, weights)
        return value, tf.convert_to_tensor(tape.gradient(value, logits))

    return lambda: compiled(logits, *encoding)[0].numpy()


def target(way):
    """A function that encodes 16 x 40 x 40 colours: by "exact" or "table", or into the "dense_target"."""
    ab = tf.constant(np.random.default_rng(0).uniform(-80, 80, (*SHAPE, 2)), tf.float32)
    if way == "dense_target":
        return dense_target_of_scikit_learn(ab)
    compiled = tf.function({"exact": ab_bins.encode, "table": ab_bins.encode_by_table}[way])
    return lambda: compiled(ab)[1].numpy()


def test_memory_of_soft_encoding():
    exact, table, dense = (peak_memory_apart(__name__, name) for name in ("exact", "table", "dense_target"))
    print(f"soft encoding: exact {exact / 1e6:.0f} MB, by table {table / 1e6:.0f} MB, dense {dense / 1e6:.0f} MB")
    assert max(exact, table) < dense


def test_both_losses_are_the_same():
    assert step(sparse_loss)() == pytest.approx(step(dense_loss)(), rel=1e-5)


@pytest.mark.xfail(reason="2.7 times on two idle cores: docs/decisions.md says what it would take")
def test_loss_and_gradient(benchmark):
    compare(benchmark, step(sparse_loss), step(dense_loss), at_least=5)


def test_memory_of_loss_and_gradient():
    ours, theirs = (peak_memory_apart(__name__, name) for name in ("sparse", "dense"))
    print(f"loss and gradient: {ours / 1e6:.0f} MB above the logits, dense {theirs / 1e6:.0f} MB")
    assert ours < theirs / 2


def test_lab(benchmark):
    photos = np.random.default_rng(0).integers(0, 256, (16, 160, 160, 3)).astype("uint8")
    tensor = tf.constant(photos)
    compiled = tf.function(lambda photos: rgb_to_lab(from_uint8(photos)))
    compare(benchmark, lambda: compiled(tensor).numpy(), lambda: skimage.color.rgb2lab(photos), at_least=1)


if __name__ == "__main__":
    losses = {"sparse": sparse_loss, "dense": dense_loss}
    way = sys.argv[1]
    print(peak_memory(partial(step, losses[way]) if way in losses else partial(target, way)))
