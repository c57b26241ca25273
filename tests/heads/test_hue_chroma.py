"""The heads of hue and chroma and of the Lab variants, against NumPy and scikit-image."""

import keras
import numpy as np
import pytest
import skimage.color
import tensorflow as tf
from scipy.special import rel_entr, softmax
from scipy.stats import entropy

from tfcolor.color import histograms, hue_chroma
from tfcolor.color.spaces import from_uint8, merge_yuv, rgb_to_gray
from tfcolor.heads.hue_chroma import HueChroma, LabAxes, LabJoint

HEADS = [HueChroma, LabAxes, LabJoint]


@pytest.fixture
def batch():
    return {"image": np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3)).astype("uint8")}


def random_logits(channels, seed=1):
    return np.random.default_rng(seed).normal(size=(2, 4, 6, channels), scale=2).astype("float32")


def dense(indices, weights, bins):
    return (np.eye(bins)[np.asarray(indices)] * np.asarray(weights)[..., None]).sum(axis=-2)


@pytest.mark.parametrize("shared", [False, True])
def test_hue_chroma_loss_is_numpys(batch, shared):
    head = HueChroma(stride=1, hue_weight=3.0, shared=shared)
    logits = random_logits(64)
    hue, chroma = hue_chroma.rgb_to_hue_chroma(batch["image"].astype("float32") / 255)
    of_hue = dense(*hue_chroma.encode_hue(hue, shared), 32)
    of_chroma = dense(*hue_chroma.encode_chroma(chroma, shared), 32)
    expected = rel_entr(of_chroma, softmax(logits[..., 32:].astype("float64"), axis=-1)).sum(axis=-1)
    by_hue = rel_entr(of_hue, softmax(logits[..., :32].astype("float64"), axis=-1)).sum(axis=-1)
    expected += 3 * np.asarray(chroma) * by_hue
    np.testing.assert_allclose(head.loss(head.target(batch), logits), expected.mean(), rtol=1e-5)


def test_hue_chroma_decodes_as_its_parts_do():
    logits = random_logits(64)
    hue, chroma = (softmax(part, axis=-1) for part in np.split(logits, 2, axis=-1))
    angle, certainty = hue_chroma.circular_expectation(hue)
    for options, knobs, decoded in (
        ({}, {}, histograms.quantile(chroma, 0.5)),
        ({}, {"quantile": 0.8}, histograms.quantile(chroma, 0.8)),
        ({"chroma_by": "mode"}, {}, histograms.mode(chroma)),
        ({"chroma_by": "expectation"}, {}, histograms.expectation(chroma)),
    ):
        for eta in (0.03, 0.0):
            expected = hue_chroma.hue_chroma_to_uv(angle, hue_chroma.fade(decoded, certainty, eta))
            ours = HueChroma(**options).chroma(logits, fade=eta, **knobs)
            np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_hue_chroma_of_a_certain_network_gives_the_photo_back(batch):
    head = HueChroma(stride=1)
    (hue, _), (chroma, _), _ = head.target(batch)
    certain = [40 * np.eye(32, dtype="float32")[np.asarray(bins)[..., 0]] for bins in (hue, chroma)]
    uv = head.chroma(np.concatenate(certain, axis=-1))
    rgb = from_uint8(batch["image"])
    back = merge_yuv(rgb_to_gray(rgb), uv)
    assert -10 * np.log10(np.mean(np.square(back - rgb))) > 33


@pytest.mark.parametrize("shared", [False, True])
def test_lab_axes_loss_is_numpys(batch, shared):
    head = LabAxes(stride=1, shared=shared)
    logits = random_logits(64)
    ab = skimage.color.rgb2lab(batch["image"])[..., 1:].astype("float32")
    expected = 0
    for axis in (0, 1):
        target = dense(*histograms.encode(ab[..., axis], 32, -110, 110, shared=shared), 32)
        predicted = softmax(logits[..., 32 * axis : 32 * (axis + 1)].astype("float64"), axis=-1)
        expected += rel_entr(target, predicted).sum(axis=-1).mean()
    np.testing.assert_allclose(head.loss(head.target(batch), logits), expected, rtol=1e-3)


@pytest.mark.parametrize("shared", [False, True])
def test_lab_joint_loss_is_numpys(batch, shared):
    head = LabJoint(stride=1, shared=shared)
    logits = random_logits(256)
    ab = skimage.color.rgb2lab(batch["image"])[..., 1:].astype("float32")
    a, b = (dense(*histograms.encode(ab[..., axis], 16, -110, 110, shared=shared), 16) for axis in (0, 1))
    target = (a[..., :, None] * b[..., None, :]).reshape(2, 4, 6, 256)
    expected = rel_entr(target, softmax(logits.astype("float64"), axis=-1)).sum(axis=-1).mean()
    np.testing.assert_allclose(head.loss(head.target(batch), logits), expected, rtol=1e-3)


@pytest.mark.parametrize(("head", "reach"), [(LabAxes(stride=1), 220 / 64), (LabJoint(stride=1), 220 / 32)])
def test_lab_of_a_certain_network_is_the_photos_own_up_to_half_a_bin(batch, head, reach):
    indices = np.asarray(head.target(batch)[0])[..., 0]
    bins = 32 if isinstance(head, LabAxes) else 256
    logits = 60 * np.eye(bins, dtype="float32")[indices].reshape(2, 4, 6, -1)
    error = head.chroma(logits) - skimage.color.rgb2lab(batch["image"])[..., 1:]
    assert np.abs(error).max() <= reach + 1e-2


def test_lab_joint_temperature_goes_from_the_mean_to_the_mode():
    logits = random_logits(256)
    centres = -110 + (np.arange(16) + 0.5) * 13.75
    grid = np.stack(np.meshgrid(centres, centres, indexing="ij"), axis=-1).reshape(256, 2)
    np.testing.assert_allclose(LabJoint().chroma(logits), softmax(logits, axis=-1) @ grid, atol=1e-3)
    np.testing.assert_allclose(LabJoint().chroma(logits, temperature=0.0), grid[logits.argmax(axis=-1)], atol=0.5)


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("jit", [False, True])
def test_a_training_step_learns_from_zero_logits(kind, jit):
    head = kind()
    features = keras.Input((4, 6, 8))
    model = keras.Model(features, head.build({4: features, "encoder": features}))
    image = np.random.default_rng(0).integers(0, 256, (2, 16, 24, 3)).astype("uint8")
    image[1] = 0  # black: no hue
    x = np.random.default_rng(2).normal(size=(2, 4, 6, 8)).astype("float32")

    @tf.function(jit_compile=jit)
    def step(image):
        with tf.GradientTape() as tape:
            loss = head.loss(head.target({"image": image}), model(x))
        gradients = tape.gradient(loss, model.trainable_variables)
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
            variable.assign(variable - 0.3 * gradient)
        return loss, gradients

    first, gradients = step(image)
    assert all(np.isfinite(gradient).all() and np.any(gradient) for gradient in gradients)
    for _ in range(5):
        last, _ = step(image)
    assert float(last) < float(first)


@pytest.mark.parametrize("kind", HEADS)
def test_every_knob_is_one_of_chroma(kind):
    head = kind()
    channels = 256 if kind is LabJoint else 64
    default = head.chroma(random_logits(channels))
    np.testing.assert_allclose(head.chroma(random_logits(channels), **head.knobs), default, atol=1e-5)
    assert default.shape == (2, 4, 6, 2)


def test_colour_is_the_share_of_chroma(batch):
    head = HueChroma(stride=1)
    target = head.target(batch)
    certain = [40 * np.eye(32, dtype="float32")[np.asarray(bins)[..., 0]] for bins, _ in target[:2]]
    assert float(head.metrics(target, np.concatenate(certain, axis=-1))["colour"]) == pytest.approx(1, abs=0.02)
    assert float(head.metrics(target, np.zeros((2, 4, 6, 64), "float32"))["colour"]) == pytest.approx(0, abs=1e-5)


def test_a_decoding_that_there_is_not():
    with pytest.raises(ValueError, match="'quantile', 'mode', 'expectation'"):
        HueChroma(chroma_by="mean")


def test_samples_lean_where_the_network_wavers_and_nowhere_else():
    """Left it wavers between two hues, right it is sure of a third."""
    logits = np.full((1, 2, 64), -30.0, "float32")
    logits[0, 0, [3, 19]] = 0.0
    logits[0, 1, 10] = 0.0
    head = HueChroma()
    field = np.array([[3.5, 19.5]], "float32") / 32
    for share in (np.float32(3.5 / 32), np.float32(19.5 / 32), field):
        leaning = np.asarray(head.sampled(logits, share))
        np.testing.assert_array_equal(leaning[..., 32:], logits[..., 32:])
        hue, certainty = hue_chroma.circular_expectation(softmax(leaning[..., :32], axis=-1))
        wanted = np.broadcast_to(share, (1, 2))[0, 0] * 2 * np.pi
        assert float(np.asarray(hue)[0, 0]) == pytest.approx(wanted, abs=1e-3)
        assert float(np.asarray(hue)[0, 1]) == pytest.approx(10.5 / 32 * 2 * np.pi, abs=1e-3)
        assert np.asarray(certainty).min() > 0.9 / 32


def test_a_guided_prediction_has_the_references_histograms_on_average():
    logits = random_logits(64)[0]
    reference = np.random.default_rng(3).random((20, 30, 3)).astype("float32") ** [1, 2, 4]
    of_hue, of_chroma = (np.asarray(h) for h in hue_chroma.reference_histograms(reference.astype("float32")))
    hue, chroma = (
        softmax(part, axis=-1) for part in np.split(np.asarray(HueChroma().guided(logits, reference)), 2, -1)
    )
    np.testing.assert_allclose(chroma.mean(axis=(0, 1)), of_chroma, atol=2e-3)
    weights = chroma @ ((np.arange(32) + 0.5) / 32)
    np.testing.assert_allclose(np.average(hue.reshape(-1, 32), axis=0, weights=weights.ravel()), of_hue, atol=2e-3)


def test_unsure_of_hue_counts_only_where_there_is_colour():
    logits = np.full((3, 64), -30.0, "float32")
    logits[:, :32] = 0.0  # knows nothing of the hue
    logits[0, 32] = logits[1, 50] = 0.0  # is sure of no chroma, and of some
    logits[2, 32:] = 0.0  # knows nothing of it
    np.testing.assert_allclose(HueChroma().unsure(logits), [0.0, 0.5, (1 + 31 / 32) / 2], atol=1e-4)
    random = random_logits(64)
    hue, chroma = (softmax(part, axis=-1) for part in np.split(random, 2, axis=-1))
    expected = (entropy(chroma, axis=-1) + (1 - chroma[..., 0]) * entropy(hue, axis=-1)) / np.log(32) / 2
    np.testing.assert_allclose(HueChroma().unsure(random), expected, atol=1e-5)


def test_no_fading_is_the_knobs_default():
    assert HueChroma(fade=0.0).knobs == {"fade": 0.0, "quantile": 0.5}
    assert HueChroma(fade=0.0).distribution == {"head": "HueChroma", "unbiased": {}}
