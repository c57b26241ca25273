"""The Dice loss against a dense NumPy computation."""

import numpy as np
import pytest
import tensorflow as tf

from tfcolor.heads.dice import dice_loss


def dense(labels, probabilities, known):
    """V-Net's form with a one-hot target, float64."""
    classes = probabilities.shape[-1]
    target = np.eye(classes)[labels][known > 0]
    probabilities = probabilities[known > 0].astype("float64")
    per_class = 1 - 2 * (target * probabilities).sum(axis=0) / (
        (target**2).sum(axis=0) + (probabilities**2).sum(axis=0)
    )
    return per_class[target.sum(axis=0) > 0].mean()


def printed(labels, probabilities, classes):
    """The thesis' form as printed: squares of the sums."""
    target = np.eye(classes)[labels].reshape(-1, classes)
    probabilities = probabilities.reshape(-1, classes)
    return 1 - 2 * (target * probabilities).sum(axis=0) / (target.sum(axis=0) ** 2 + probabilities.sum(axis=0) ** 2)


@pytest.fixture
def example():
    """labels [2, 6, 7] of 9 classes of which 7 and 8 are absent, probabilities, and a known share of .7."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, (2, 6, 7)).astype("int32")
    probabilities = rng.dirichlet(np.full(9, 0.3), (2, 6, 7)).astype("float32")
    return labels, probabilities, (rng.random((2, 6, 7)) < 0.7).astype("float32")


def test_is_numpys(example):
    np.testing.assert_allclose(dice_loss(*example), dense(*example), rtol=1e-5)


def test_unknown_pixels_and_absent_classes_weigh_nothing(example):
    labels, probabilities, known = example
    other = probabilities.copy()
    other[known == 0] = np.eye(9)[8]
    relabelled = np.where(known > 0, labels, 8).astype("int32")
    np.testing.assert_allclose(dice_loss(relabelled, other, known), dice_loss(*example), rtol=1e-6)


def test_a_perfect_match_is_zero_here_and_not_as_printed():
    labels = np.repeat(np.arange(3, dtype="int32"), 4).reshape(1, 3, 4)
    match = np.eye(3, dtype="float32")[labels]
    assert float(dice_loss(labels, match, np.ones((1, 3, 4), "float32"))) == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(printed(labels, match, 3), 1 - 1 / 4)  # 1 - 1 / n for n pixels of a class


def test_a_total_miss_is_one():
    labels = np.zeros((1, 2, 2), "int32")
    miss = np.broadcast_to(np.eye(3, dtype="float32")[1], (1, 2, 2, 3))
    assert float(dice_loss(labels, miss, np.ones((1, 2, 2), "float32"))) == 1


@pytest.mark.parametrize("jit", [False, True])
def test_gradient_is_finite_also_where_nothing_is_known(example, jit):
    labels, probabilities, known = example
    logits = tf.math.log(tf.constant(probabilities) + 1e-20)

    @tf.function(jit_compile=jit)
    def step(logits, known):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = dice_loss(labels, tf.nn.softmax(logits), known)
        return loss, tape.gradient(loss, logits)

    loss, gradient = step(logits, known)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0
    loss, gradient = step(logits, 0 * known)
    assert float(loss) == 0
    np.testing.assert_array_equal(gradient, np.zeros_like(probabilities))
