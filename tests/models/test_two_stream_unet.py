"""The two-stream U-Net: one encoder for both streams, instance normalisation on the gray one alone, and its labels."""

import keras
import numpy as np
import pytest
from keras import layers

from tfcolor.models.two_stream_unet import two_stream_unet

CLASSES = 5


def build(classes=CLASSES, **options):
    gray = keras.Input((None, None, 1), name="gray")
    labels = keras.Input((None, None, 1), dtype="uint8", name="labels")
    return keras.Model([gray, labels], two_stream_unet(gray, labels, classes, **options))


def joined(model):
    return sorted((layer for layer in model.layers if layer.name.startswith("join")), key=lambda layer: layer.name)


def streams(model, gray, labels):
    """What is joined at each depth: [(of the gray, of the labels), ...]."""
    joins = [layer.input for layer in joined(model)]
    return [[np.asarray(x) for x in pair] for pair in keras.Model(model.inputs, joins)([gray, labels])]


@pytest.fixture(scope="module")
def published():
    return build()


@pytest.fixture(scope="module")
def small():
    """Three depths, with biases other than the zeros of the start."""
    keras.utils.set_random_seed(1)
    model = build(widths=(2, 3, 4))
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        if variable.path.endswith("bias"):
            variable.assign(rng.normal(0, 0.2, variable.shape))
    return model


@pytest.fixture(scope="module")
def example():
    rng = np.random.default_rng(0)
    gray = rng.random((2, 16, 24, 1)).astype("float32")
    labels = rng.integers(0, CLASSES, (2, 16, 24, 1)).astype("uint8")
    labels[1, :4] = 255
    return gray, labels


def published_count(first=1, own=0):
    """Parameters from the description; `first` channels into the first convolution, `own` for the labels alone."""

    def convolution(inputs, outputs):
        return 9 * inputs * outputs + outputs

    encoder = convolution(first, 32) + convolution(32, 32)
    for fine, coarse in [(32, 64), (64, 128), (128, 256), (256, 512)]:
        encoder += convolution(fine, coarse) + convolution(coarse, coarse)
    decoder = 0
    for inputs, outputs in [(1024, 512), (512, 256), (256, 128), (128, 64)]:
        decoder += convolution(inputs, outputs)  # transposed
        decoder += convolution(2 * outputs, outputs)  # joined with as many channels of the encoder
    return encoder + decoder + convolution(64, 64) + own


@pytest.mark.parametrize(
    "options, expected",
    [
        ({}, published_count()),
        ({"normalize": False}, published_count()),
        ({"label_input": "one_hot"}, published_count(own=9 * CLASSES * 32 + 32)),
        ({"label_input": "embedding"}, published_count(own=9 * 8 * 32 + 32 + (CLASSES + 1) * 8)),
        ({"label_input": "embedding", "embedding": 3}, published_count(own=9 * 3 * 32 + 32 + (CLASSES + 1) * 3)),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_one_encoder_serves_both_streams_by_the_count_of_its_parameters(options, expected):
    assert build(**options).count_params() == expected


def test_shapes(published, example):
    gray, labels = example
    features = published([gray[:, :, :16], labels[:, :, :16]])
    assert {key: tuple(value.shape) for key, value in features.items()} == {
        "encoder": (2, 1, 1, 1024),
        1: (2, 16, 16, 64),
    }
    assert [layer.output.shape[-1] for layer in joined(published)] == [64, 128, 256, 512, 1024]


def test_changing_the_encoder_changes_both_streams_from_that_depth_on(small, example):
    before = streams(small, *example)
    for name in ["encoder0_a", "encoder0_b", "encoder1_a", "encoder1_b", "encoder2_a", "encoder2_b"]:
        layer = small.get_layer(name)
        weights = layer.get_weights()
        layer.set_weights([weights[0] + 0.1, weights[1]])
        after = streams(small, *example)
        layer.set_weights(weights)
        for depth, pairs in enumerate(zip(before, after, strict=True)):
            for old, new in zip(*pairs, strict=True):
                assert (np.abs(old - new).max() > 1e-3) == (depth >= int(name[7]))


def test_streams_are_the_same_arithmetic_and_only_the_gray_one_is_normalised(small, example):
    """Both streams by NumPy, through the same kernels; the gray one's mean and deviation taken out, photo by photo."""
    gray, labels = example
    values = np.where(labels == 255, -1.0, labels) * 2 / (CLASSES - 1) - 1
    x, y = 2 * gray.astype("float64") - 1, values
    for depth, (of_gray, of_labels) in enumerate(streams(small, gray, labels)):
        for part in "ab":
            kernel, bias = small.get_layer(f"encoder{depth}_{part}").get_weights()
            stride = 2 if depth and part == "a" else 1
            x, y = (leaky(convolved(z, kernel, stride) + bias) for z in (x, y))
        mean, variance = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
        np.testing.assert_allclose(of_gray, (x - mean) / np.sqrt(variance + 1e-5), atol=1e-4)
        np.testing.assert_allclose(of_labels, y, atol=1e-4)


def leaky(x):
    return np.where(x > 0, x, 0.01 * x)


def convolved(x, kernel, stride):
    """[N, H, W, C] by [3, 3, C, D], "same" as TensorFlow pads: at stride 2 an even side gets its zeros at the end."""
    pad = (1, 1) if stride == 1 else (0, 1)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, [(0, 0), pad, pad, (0, 0)]), (3, 3), axis=(1, 2))
    return np.einsum("nhwcij,ijcd->nhwd", windows[:, ::stride, ::stride], kernel)


def test_what_goes_on_down_is_not_normalised(small, example):
    """A deeper layer of the gray stream does not change where normalisation is left out."""
    bare = build(widths=(2, 3, 4), normalize=False)
    bare.set_weights(small.get_weights())
    assert not [layer for layer in bare.layers if isinstance(layer, layers.GroupNormalization)]
    for (normalised, _), (plain, _) in zip(streams(small, *example), streams(bare, *example), strict=True):
        mean, variance = plain.mean((1, 2), keepdims=True), plain.var((1, 2), keepdims=True)
        np.testing.assert_allclose(normalised, (plain - mean) / np.sqrt(variance + 1e-5), atol=1e-4)


@pytest.mark.parametrize("label_input", ["one_hot", "embedding"])
def test_names_without_an_order(label_input, example):
    """Each label has a pattern of its own, no other label between two, and nothing known is not one of them."""
    keras.utils.set_random_seed(0)
    gray, labels = example
    model = build(widths=(6, 4), label_input=label_input, embedding=3)
    seen = {}
    for label in [*range(CLASSES), 255]:
        _, first = streams(model, gray[:1], np.full_like(labels[:1], label))[0]
        seen[label] = first[0, 8, 8]
    assert np.linalg.norm(seen[1] - seen[3]) > 1e-3
    assert np.linalg.norm((seen[1] + seen[3]) / 2 - seen[2]) > 1e-3
    assert min(np.linalg.norm(seen[255] - seen[label]) for label in range(CLASSES)) > 1e-3
    if label_input == "one_hot":
        assert not seen[255].any()  # no channel at all, and biases are zero


def test_the_map_reaches_the_colour(published, example):
    gray, labels = example
    other = labels.copy()
    other[:, :8, :8] = (other[:, :8, :8] + 1) % CLASSES
    one, two = (np.asarray(published([gray[:, :, :16], x[:, :, :16]])[1]) for x in (labels, other))
    assert np.abs(one - two).max() > 1e-3


@pytest.mark.parametrize(
    "options, said",
    [({"label_input": "two"}, "label_input 'two'; allowed: value, one_hot, embedding"), ({"classes": 1}, "1 classes")],
)
def test_wrong_options_are_named(options, said):
    with pytest.raises(ValueError, match=said):
        build(**options)
