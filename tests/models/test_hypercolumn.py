"""Hypercolumns: sampled and dense are the same, and nothing dense is built in training."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import map_coordinates

from tfcolor.models import hypercolumn as module
from tfcolor.models.hypercolumn import Hypercolumn, at_cells, hypercolumn, sample


@pytest.fixture(scope="module")
def tensors():
    """Layers of two photos of 32 x 64 at strides 1, 2, 4, 8 and 32, of 1 to 5 channels."""
    rng = np.random.default_rng(0)
    return {
        stride: rng.normal(size=(2, 32 // stride, 64 // stride, channels)).astype("float32")
        for channels, stride in enumerate((1, 2, 4, 8, 32), start=1)
    }


def every_cell():
    grid = np.stack(np.meshgrid(np.arange(8), np.arange(16), indexing="ij"), axis=-1).astype("int32")
    return np.stack([grid, grid])


@pytest.mark.parametrize("stride", [1, 2, 4, 8, 32])
def test_samples_at_all_cells_are_scipys(tensors, stride):
    tensor = tensors[stride]
    rows, columns = (np.moveaxis(every_cell()[0], -1, 0) + 0.5) * 4 / stride - 0.5
    expected = np.stack(
        [
            [map_coordinates(photo[..., channel], [rows, columns], order=1, mode="nearest") for photo in tensor]
            for channel in range(tensor.shape[-1])
        ],
        axis=-1,
    )
    np.testing.assert_allclose(sample(tensor, every_cell(), stride), expected, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 4, 32])
def test_samples_at_some_cells_are_those_of_the_dense_one(tensors, stride):
    cells = np.random.default_rng(1).integers(0, (8, 16), (2, 3, 8, 2)).astype("int32")
    dense = np.asarray(sample(tensors[stride], every_cell(), stride))
    expected = np.stack([photo[c[..., 0], c[..., 1]] for photo, c in zip(dense, cells, strict=True)])
    np.testing.assert_allclose(sample(tensors[stride], cells, stride), expected, atol=1e-6)


def test_targets_at_cells_are_numpys():
    cells = np.random.default_rng(1).integers(0, (8, 16), (2, 3, 8, 2)).astype("int32")
    for target in (np.random.default_rng(2).random((2, 8, 16, 5)), np.random.default_rng(2).random((2, 8, 16))):
        expected = np.stack([photo[c[..., 0], c[..., 1]] for photo, c in zip(target, cells, strict=True)])
        np.testing.assert_array_equal(at_cells(target, cells), expected)


@pytest.fixture(scope="module")
def layer():
    return Hypercolumn((1, 2, 4, 8, 32), units=7, points=24)


def test_sparse_features_are_the_dense_ones_at_their_cells(tensors, layer):
    inputs = list(tensors.values())
    dense, all_cells = layer(inputs)
    sparse, cells = layer(inputs, training=True)
    assert dense.shape == (2, 8, 16, 7)
    np.testing.assert_array_equal(all_cells, every_cell())
    assert sparse.shape == (2, 3, 8, 7)
    np.testing.assert_allclose(sparse, at_cells(dense, cells), atol=1e-5)


def test_dense_features_are_one_layer_on_all_that_was_sampled(tensors, layer):
    inputs = list(tensors.values())
    columns = np.concatenate([sample(tensor, every_cell(), stride) for stride, tensor in tensors.items()], axis=-1)
    features, _ = layer(inputs)
    expected = np.maximum(columns @ np.asarray(layer.kernel) + np.asarray(layer.bias), 0)
    np.testing.assert_allclose(features, expected, atol=1e-5)


def test_cells_are_drawn_anew_and_from_everywhere(tensors, layer):
    inputs = list(tensors.values())
    draws = np.stack([layer(inputs, training=True)[1] for _ in range(20)])
    assert (draws[0] != draws[1]).any()
    assert (draws[0, 0] != draws[0, 1]).any()
    for axis, length in ((0, 8), (1, 16)):
        np.testing.assert_array_equal(np.unique(draws[..., axis]), np.arange(length))


def test_nothing_dense_is_built_in_training(tensors, layer):
    inputs = list(tensors.values())

    @tf.function
    def step(tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            loss = tf.reduce_sum(layer(tensors, training=True)[0])
        return tape.gradient(loss, tensors)

    graph = step.get_concrete_function([tf.constant(tensor) for tensor in inputs]).graph
    sizes = [
        output.shape.num_elements() or 0
        for operation in graph.get_operations()
        for output in operation.outputs
        if output.shape.rank
    ]
    channels = sum(tensor.shape[-1] for tensor in inputs)
    assert 2 * 24 * channels in sizes  # the hypercolumn of the sampled cells
    assert 2 * 8 * 16 * channels not in sizes  # that of all cells
    assert max(sizes) == max(tensor.size for tensor in inputs)
    assert all(np.any(gradient) for gradient in step([tf.constant(tensor) for tensor in inputs]))


def test_vgg16_has_the_published_channels():
    gray = keras.Input((64, 96, 1))
    with keras.StatelessScope(initialize_variables=False):  # 134 million weights, of which none is needed
        strides, tensors = zip(*module.ENCODERS["vgg16"](gray, None), strict=True)
    assert [tensor.shape[-1] for tensor in tensors] == [
        1, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512, 4096, 4096
    ]  # fmt: skip
    assert sum(tensor.shape[-1] for tensor in tensors) == 12_417
    for stride, tensor in zip(strides, tensors, strict=True):
        assert tensor.shape[1:3] == (64 // stride, 96 // stride)


def test_mobilenet_v2_form():
    keras.utils.set_random_seed(0)
    gray = keras.Input((None, None, 1))
    features = hypercolumn(gray, encoder="mobilenet_v2", weights=None, units=16, points=16)
    model = keras.Model(gray, features)
    assert model.get_layer("hypercolumn").kernel.shape == (1329, 16)
    photo = np.random.default_rng(0).random((2, 64, 96, 1)).astype("float32")
    dense, sparse = model(photo), model(photo, training=True)
    assert dense[4].shape == (2, 16, 24, 16)
    assert sparse[4].shape == (2, 2, 8, 16)
    assert sparse["cells"].shape == (2, 2, 8, 2)
    assert dense["encoder"].shape == (2, 2, 3, 320)


def test_what_a_hypercolumn_cannot_be():
    with pytest.raises(ValueError, match="'resnet': there are vgg16, mobilenet_v2"):
        hypercolumn(keras.Input((32, 32, 1)), encoder="resnet")
    with pytest.raises(ValueError, match="multiple of 8, not 20"):
        Hypercolumn((1, 2), points=20)
