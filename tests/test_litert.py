"""The form of a network that LiteRT runs fast computes the same."""

import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfcolor import export
from tfcolor.colorizer import LITERT, find_model
from tfcolor.litert import AsConvolutions, for_litert
from tfcolor.recipe import Recipe
from tfcolor.tasks import System


@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (2, 4, 7, 3), (1, 5, 2, 3)])
@pytest.mark.parametrize("options", [{"use_bias": False}, {"activation": "relu", "bias_initializer": "ones"}])
def test_four_convolutions_are_the_transposed_one(shape, options):
    transposed = layers.Conv2DTranspose(5, 3, strides=2, padding="same", **options)
    features = np.random.default_rng(0).normal(size=shape).astype("float32")
    expected = np.asarray(transposed(features))
    same = AsConvolutions.from_config(transposed.get_config())
    same.build(shape)
    same.set_weights(transposed.get_weights())
    np.testing.assert_allclose(same(features), expected, atol=1e-6)


def test_others_stay_as_they_are():
    for options in ({"kernel_size": 4, "strides": 2}, {"kernel_size": 3, "strides": 1}):
        assert not AsConvolutions.replaces(layers.Conv2DTranspose(5, padding="same", **options))
    assert not AsConvolutions.replaces(layers.Conv2DTranspose(5, 3, strides=2, padding="valid"))
    assert not AsConvolutions.replaces(layers.Conv2D(5, 3, strides=2, padding="same"))


@pytest.mark.parametrize(
    "recipe, count",
    [
        ({"task": "semantic_photos", "network_options": {"widths": [24, 16, 8], "refine": True}}, 3),
        ({"task": "semantic_driven", "network_options": {"widths": [4, 4, 8]}}, 2),  # with an activation of our own
    ],
)
def test_a_system_keeps_its_weights_and_answers(recipe, count):
    """Those that read labels have two inputs; their decoders have a transposed convolution a stride."""
    encoder = {"encoder_options": {"alpha": 0.35}} if recipe["task"] == "semantic_photos" else {}
    system = System(Recipe(encoder_weights="none", **encoder, **recipe), ["sky", "sea"])
    random = np.random.default_rng(0)
    for variable in system.model.variables:
        variable.assign(random.uniform(0.5, 1.5, variable.shape) / np.sqrt(np.prod(variable.shape[:-1] or (1,))))
    twin = for_litert(system)
    kinds = [type(layer) for layer in twin.model.layers if AsConvolutions.replaces(layer)]
    assert kinds == [AsConvolutions] * count
    assert [v.path for v in twin.model.variables] == [v.path for v in system.model.variables]
    gray, labels = random.random((1, 50, 70, 1), "float32"), random.integers(0, 3, (1, 50, 70, 1), "uint8")
    for name, expected in system.outputs(gray, labels).items():
        np.testing.assert_allclose(twin.outputs(gray, labels)[name], expected, rtol=1e-4, atol=1e-5, err_msg=name)


def operations(file, capsys):
    """TensorFlow's own list of what a LiteRT file computes with, as text."""
    tf.lite.experimental.Analyzer.analyze(model_path=str(file))
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "name, function",
    [("photos", "predict"), ("semantic_driven", "predict_with_map"), ("semantic_driven", "segment_gray")],
)
def test_the_models_that_ship_have_none_of_the_slow_ones(name, function, capsys):
    found = operations(find_model(name) / LITERT.format(function), capsys)
    assert "DEPTH_TO_SPACE" in found and "TRANSPOSE_CONV" not in found


def test_an_export_has_none_of_the_slow_ones(stirred_model, capsys):
    found = operations(stirred_model[1] / LITERT.format("predict"), capsys)
    assert "DEPTH_TO_SPACE" in found and "TRANSPOSE_CONV" not in found


@pytest.mark.slow
def test_a_file_of_its_own_has_none_of_the_slow_ones(stirred_model, tmp_path, capsys):
    """Of a run folder, and of a SavedModel."""
    for number, model in enumerate(stirred_model):
        file = export.convert(str(model), tmp_path / f"{number}.tflite", "litert")
        found = operations(file, capsys)
        assert "DEPTH_TO_SPACE" in found and "TRANSPOSE_CONV" not in found
