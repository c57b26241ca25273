"""What a network sees of a label map: shares of each label at every stride; and maps with labels hidden."""

import keras
import numpy as np
import pytest

from tfcolor.models.label_stream import hide_labels, label_stream

CLASSES = 5


def build(**options):
    labels = keras.Input((None, None, 1), dtype="uint8")
    return keras.Model(labels, label_stream(labels, CLASSES, **options))


@pytest.fixture(scope="module")
def labels():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, (2, 64, 96, 1)).astype("uint8")
    labels[1, :, 40:] = 255
    return labels


def test_shares_of_each_label_at_every_stride(labels):
    """With the identity for vectors and through the middle of a kernel, what comes out are the shares themselves."""
    model = build(embedding=CLASSES, width=CLASSES)
    middle = np.zeros((3, 3, CLASSES, CLASSES), "float32")
    middle[1, 1] = np.eye(CLASSES)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            vectors = layer.name == "label_vectors"
            layer.set_weights([middle[1:2, 1:2]] if vectors else [middle, np.zeros(CLASSES)])
    one_hot = labels[:, ::2, ::2, 0, None] == np.arange(CLASSES)
    for stride, found in model(labels).items():
        cells = one_hot.reshape(2, 64 // stride, stride // 2, 96 // stride, stride // 2, CLASSES)
        np.testing.assert_allclose(found, cells.mean((2, 4)), atol=1e-6)
    assert list(model.output) == [4, 8, 16, 32]


def test_nothing_known_is_no_vector():
    model = build()
    assert not np.asarray(model(np.full((1, 32, 32, 1), 255, "uint8"))[4]).any()  # biases start at zero
    assert model.get_layer("label_vectors").count_params() == 16 * CLASSES


def test_one_class_is_none():
    with pytest.raises(ValueError, match="label_stream: 1 classes"):
        label_stream(keras.Input((32, 32, 1)), 1)


def test_maps_whole_in_part_and_not_at_all():
    """Half of them hidden, and half of the rest in part: always all of a label; what is left is as it was."""
    labels = np.tile(np.arange(8, dtype="uint8").repeat(8).reshape(1, 8, 8, 1), (2000, 1, 1, 1))
    labels[:, 0, 0] = 255
    hidden = np.asarray(hide_labels(labels, keras.random.SeedGenerator(0)))
    assert hidden.dtype == "uint8" and hidden.shape == labels.shape
    assert ((hidden == labels) | (hidden == 255)).all()
    for rows in hidden[..., 1:, 0].swapaxes(0, 1):  # a row of pixels is a label
        assert ((rows == rows[:, :1]).all(axis=1)).all()
    left = (hidden[:, :, 1, 0] != 255).sum(axis=1)
    whole, none = (left == 8).mean(), (left == 0).mean()
    # In part: a share of labels between none and all, each count of the 8 as likely, so a ninth of these are whole.
    assert none == pytest.approx(0.5 + 0.25 / 9, abs=0.03) and whole == pytest.approx(0.25 + 0.25 / 9, abs=0.03)


def test_hidden_by_its_probability_and_seed():
    labels = np.random.default_rng(0).integers(0, 8, (50, 8, 8, 1)).astype("uint8")
    ways = [np.asarray(hide_labels(labels, keras.random.SeedGenerator(seed), 0.5)) for seed in (0, 0, 1)]
    assert (ways[0] == ways[1]).all() and (ways[0] != ways[2]).any()
    assert (np.asarray(hide_labels(labels, keras.random.SeedGenerator(0), 0.0)) == labels).all()
    assert (np.asarray(hide_labels(labels, keras.random.SeedGenerator(0), 1.0)) == 255).all()
