"""The 313-bin head: its target, loss, decoding and training, against NumPy and scikit-image."""

import keras
import numpy as np
import pytest
import skimage.color
import skimage.measure
import tensorflow as tf
from scipy.special import log_softmax, softmax
from scipy.stats import entropy

from tfcolor.color import ab_bins
from tfcolor.heads.ab_bins import AbBins

PRIOR = np.random.default_rng(5).dirichlet(np.full(313, 0.2))
PRIOR[::3] = 0.0  # bins that never occur
PRIOR /= PRIOR.sum()


@pytest.fixture
def batch():
    """Four photos of 16 x 24: three coloured in 4 x 4 blocks, the third nearly gray."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (4, 4, 6, 3)).repeat(4, axis=1).repeat(4, axis=2)
    image[2] = rng.integers(0, 256, (16, 24, 1)) // 2 + np.array([60, 61, 62])
    return {"image": image.astype("uint8")}


def test_target_is_scikit_images_ab_of_each_cells_mean(batch):
    indices, weights = AbBins().target(batch)
    image = skimage.measure.block_reduce(batch["image"] / 255, (1, 4, 4, 1), np.mean)
    ab = skimage.color.rgb2lab(image)[..., 1:]
    expected = ab_bins.encode(np.round(ab).astype("float32"))
    assert np.asarray(indices).shape == np.asarray(weights).shape == (4, 4, 6, 5)
    np.testing.assert_array_equal(np.delete(indices, 2, axis=0), np.delete(expected[0], 2, axis=0))
    np.testing.assert_allclose(np.delete(weights, 2, axis=0), np.delete(expected[1], 2, axis=0), atol=1e-6)


def test_gray_photos_count_nothing(batch):
    head = AbBins()
    _, weights = head.target(batch)
    np.testing.assert_array_equal(np.sum(weights, axis=(1, 2, 3)) > 0, [True, True, False, True])
    logits = np.random.default_rng(1).normal(size=(4, 4, 6, 313)).astype("float32")
    others = {"image": np.delete(batch["image"], 2, axis=0)}
    with_gray = head.loss(head.target(batch), logits)
    np.testing.assert_allclose(with_gray, head.loss(head.target(others), np.delete(logits, 2, axis=0)), rtol=1e-6)
    assert float(head.loss(head.target({"image": batch["image"][2:3]}), logits[2:3])) == 0


def test_one_coloured_cell_makes_a_photo_count(batch):
    image = batch["image"][2:3].copy()
    image[0, :4, :4] = [200, 20, 20]
    _, weights = AbBins().target({"image": image})
    np.testing.assert_allclose(np.sum(weights, axis=-1), np.ones((1, 4, 6)), rtol=1e-6)


def test_rebalanced_loss_is_numpys(batch):
    head = AbBins(prior=PRIOR, rebalance=1)
    indices, weights = (np.asarray(x) for x in head.target(batch))
    logits = np.random.default_rng(1).normal(size=(4, 4, 6, 313)).astype("float32")
    picked = np.take_along_axis(log_softmax(logits.astype("float64"), axis=-1), indices, axis=-1)
    rarity = 1 / (0.5 * PRIOR + 0.5 / 313)
    rarity /= (rarity * PRIOR).sum()
    per_pixel = -rarity[indices[..., 0]] * (weights * picked).sum(axis=-1)
    np.testing.assert_allclose(head.loss((indices, weights), logits), per_pixel.sum() / (3 * 24), rtol=1e-5)


def test_chroma_knobs_are_numpys():
    logits = np.random.default_rng(1).normal(size=(2, 3, 4, 313)).astype("float32")
    rarity = 1 / (0.5 * PRIOR + 0.5 / 313)
    head = AbBins(prior=PRIOR)
    for vividness, temperature in ((0.0, 1.0), (0.5, 0.38), (1.0, 0.38)):
        z = logits.astype("float64") + vividness * np.log(rarity)
        expected = softmax(z / temperature, axis=-1) @ ab_bins.CENTRES
        ours = head.chroma(logits, temperature=temperature, vividness=vividness)
        np.testing.assert_allclose(ours, expected, atol=1e-3)
    np.testing.assert_allclose(head.chroma(logits), head.chroma(logits, vividness=0.0), atol=1e-6)


def test_vividness_of_a_rebalanced_head_counts_from_its_training():
    logits = np.random.default_rng(1).normal(size=(2, 3, 4, 313)).astype("float32")
    plain, rebalanced = AbBins(prior=PRIOR), AbBins(prior=PRIOR, rebalance=1)
    np.testing.assert_allclose(rebalanced.chroma(logits), rebalanced.chroma(logits, vividness=1.0), atol=1e-4)
    np.testing.assert_allclose(
        rebalanced.chroma(logits, vividness=0.0), plain.chroma(logits, vividness=-1.0), atol=1e-4
    )


def test_chroma_of_a_certain_network_is_the_photos_own(batch):
    head = AbBins(stride=1)
    indices, weights = (np.asarray(x) for x in head.target({"image": batch["image"][:1]}))
    logits = np.full((1, 16, 24, 313), -30, "float32")
    np.put_along_axis(logits, indices, np.log(weights), axis=-1)
    lab = skimage.color.rgb2lab(batch["image"][:1])
    error = np.linalg.norm(head.chroma(logits, temperature=1.0) - lab[..., 1:], axis=-1)
    assert error.mean() < 0.6


def test_metrics_are_numpys(batch):
    head = AbBins()
    target = head.target(batch)
    logits = np.random.default_rng(1).normal(size=(4, 4, 6, 313), scale=3).astype("float32")
    true = np.delete(ab_bins.expectation(*target), 2, axis=0)
    mean = np.delete(softmax(logits.astype("float64"), axis=-1) @ ab_bins.CENTRES, 2, axis=0)
    metrics = head.metrics(target, logits)
    np.testing.assert_allclose(metrics["ab_distance"], np.linalg.norm(mean - true, axis=-1).mean(), rtol=1e-4)
    expected = np.linalg.norm(mean, axis=-1).sum() / np.linalg.norm(true, axis=-1).sum()
    np.testing.assert_allclose(metrics["colour"], expected, rtol=1e-4)


@pytest.mark.parametrize("jit", [False, True])
def test_a_training_step_learns_from_zero_logits(batch, jit):
    head = AbBins(prior=PRIOR, rebalance=1)
    features = keras.Input((4, 6, 8))
    model = keras.Model(features, head.build({4: features, "encoder": features}))
    assert model.output_shape == (None, 4, 6, 313)
    x = np.random.default_rng(2).normal(size=(4, 4, 6, 8)).astype("float32")
    np.testing.assert_array_equal(model(x), np.zeros((4, 4, 6, 313)))
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build(model.trainable_variables)

    @tf.function(jit_compile=jit)
    def step(image):
        with tf.GradientTape() as tape:
            loss = head.loss(head.target({"image": image}), model(x))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss, gradients

    first, gradients = step(tf.constant(batch["image"]))
    assert all(np.isfinite(gradient).all() and np.any(gradient) for gradient in gradients)
    for _ in range(5):
        last, _ = step(tf.constant(batch["image"]))
    assert float(last) < float(first)


def test_odd_sizes_have_a_target_for_every_partial_cell():
    image = np.random.default_rng(0).integers(0, 256, (1, 17, 30, 3)).astype("uint8")
    assert np.asarray(AbBins().target({"image": image})[0]).shape == (1, 5, 8, 5)


def test_what_a_head_cannot_do():
    with pytest.raises(ValueError, match="rebalance must be 0"):
        AbBins(rebalance=2)
    with pytest.raises(ValueError, match="tfcolor datasets prior"):
        AbBins(rebalance=1)
    with pytest.raises(ValueError, match="vividness 0.5 needs a head with a prior"):
        AbBins().chroma(np.zeros((1, 2, 2, 313), "float32"), vividness=0.5)


def entropy_share(logits):
    return entropy(softmax(logits.astype("float64"), axis=-1), axis=-1) / np.log(logits.shape[-1])


def test_samples_lean_where_the_network_wavers_and_nowhere_else():
    """Left it wavers between red and blue, right it is sure of green: a direction for each share of the circle."""
    red, blue, green = (int(np.abs(ab_bins.CENTRES - colour).sum(axis=1).argmin()) for colour in RED_BLUE_GREEN)
    logits = np.full((1, 2, 313), -30.0, "float32")
    logits[0, 0, [red, blue]] = 0.0
    logits[0, 1, green] = 0.0
    head = AbBins()
    for share, expected in ((0.0, red), (0.75, blue)):  # towards + a, and towards - b
        leaning = np.asarray(head.sampled(logits, np.float32(share)))
        np.testing.assert_allclose(
            leaning - logits, (0.04 * ab_bins.CENTRES @ DIRECTIONS[share])[None, None] * np.ones((1, 2, 1)), atol=1e-4
        )
        ab = np.asarray(head.chroma(leaning, temperature=1.0))[0]
        assert np.abs(ab[0] - ab_bins.CENTRES[expected]).max() < 12
        np.testing.assert_allclose(ab[1], ab_bins.CENTRES[green], atol=0.1)
    field = np.array([[0.0, 0.75]], "float32")
    both = np.asarray(head.sampled(logits, field))
    np.testing.assert_allclose(both[0, 0], np.asarray(head.sampled(logits, np.float32(0.0)))[0, 0], atol=1e-5)
    np.testing.assert_allclose(both[0, 1], np.asarray(head.sampled(logits, np.float32(0.75)))[0, 1], atol=1e-5)


RED_BLUE_GREEN = ((60, 0), (10, -60), (-60, 40))
DIRECTIONS = {0.0: np.array([1.0, 0.0]), 0.75: np.array([0.0, -1.0])}


def test_a_guided_prediction_has_the_references_distribution_on_average(batch):
    logits = np.random.default_rng(1).normal(size=(8, 9, 313)).astype("float32")
    reference = batch["image"][0].astype("float32") / 255
    mean = softmax(np.asarray(AbBins().guided(logits, reference)), axis=-1).mean(axis=(0, 1))
    expected = np.zeros(313)
    indices, weights = ab_bins.encode(skimage.color.rgb2lab(reference).astype("float32")[..., 1:])
    np.add.at(expected, np.asarray(indices), np.asarray(weights))
    # The encoding by table is a unit of ab off at most.
    assert np.abs(mean - expected / expected.sum()).sum() < 0.1


def test_unsure_is_scipys_entropy_as_a_share():
    logits = np.random.default_rng(1).normal(size=(3, 4, 313), scale=3).astype("float32")
    np.testing.assert_allclose(AbBins().unsure(logits), entropy_share(logits), atol=1e-5)
    assert float(AbBins().unsure(np.zeros((1, 313), "float32"))[0]) == pytest.approx(1)


def test_what_a_colorizer_needs_to_know_is_plain():
    assert AbBins().distribution == {"head": "AbBins", "unbiased": {}}
    assert AbBins(prior=PRIOR, rebalance=1).distribution == {"head": "AbBins", "unbiased": {"vividness": 1.0}}
