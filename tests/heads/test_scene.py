"""The scene head: cross-entropy against a teacher's probabilities, through the encoder only."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.special import log_softmax

from tfcolor.heads.scene import Scene


@pytest.fixture
def scenes():
    """Five photos' scenes [5, 365]: five classes each, of sum 1; the second photo has none."""
    rng = np.random.default_rng(0)
    target = np.zeros((5, 365), "float32")
    for row in target:
        row[rng.choice(365, 5, replace=False)] = rng.dirichlet(np.ones(5))
    target[1] = 0
    return target


def test_loss_is_numpys_over_the_photos_that_have_a_scene(scenes):
    logits = np.random.default_rng(1).normal(size=(5, 365), scale=3).astype("float32")
    rows = -(scenes * log_softmax(logits.astype("float64"), axis=-1)).sum(axis=-1)
    head = Scene()
    assert head.stride is None
    np.testing.assert_allclose(head.loss(head.target({"scene": scenes}), logits), rows.sum() / 4, rtol=1e-6)


def test_no_scene_at_all_is_zero_with_a_zero_gradient(scenes):
    logits = tf.random.normal((5, 365), seed=1)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = Scene().loss(0 * scenes, logits)
    assert float(loss) == 0
    np.testing.assert_array_equal(tape.gradient(loss, logits), np.zeros((5, 365)))
    assert float(Scene().metrics(0 * scenes, logits)["accuracy"]) == 0


def test_accuracy_counts_the_labelled(scenes):
    logits = scenes.copy()
    logits[2] = np.roll(logits[2], 1)
    np.testing.assert_allclose(Scene().metrics(scenes, logits)["accuracy"], 3 / 4)


def test_output_is_the_mean_of_the_encoders_features_through_one_dense_layer():
    deepest = keras.Input((None, None, 6))
    model = keras.Model(deepest, Scene().build({"encoder": deepest}))
    assert model.output_shape == (None, 365)
    x = np.random.default_rng(2).normal(size=(2, 3, 5, 6)).astype("float32")
    np.testing.assert_array_equal(model(x), np.zeros((2, 365)))
    kernel, bias = np.random.default_rng(3).normal(size=(6, 365)), np.random.default_rng(4).normal(size=365)
    model.get_layer("scene").set_weights([kernel, bias])
    np.testing.assert_allclose(model(x), x.mean(axis=(1, 2)) @ kernel + bias, rtol=1e-4, atol=1e-5)


def test_gradient_improves_the_encoder_only(scenes):
    gray = keras.Input((8, 8, 1))
    encoder = layers.Conv2D(4, 3, activation="relu", name="encoder")
    decoder = layers.Conv2DTranspose(4, 3, name="decoder")
    deepest = encoder(gray)
    features = {"encoder": deepest, 1: decoder(deepest)}
    head = Scene()
    model = keras.Model(gray, [head.build(features), features[1]])
    scene = model.get_layer("scene")
    scene.set_weights([np.random.default_rng(3).normal(size=(4, 365)), np.zeros(365)])
    with tf.GradientTape() as tape:
        loss = head.loss(scenes, model(np.random.default_rng(2).random((5, 8, 8, 1)))[0])
    of_encoder, of_decoder = tape.gradient(loss, [encoder.kernel.value, decoder.kernel.value])
    assert np.abs(of_encoder).max() > 0
    assert of_decoder is None
