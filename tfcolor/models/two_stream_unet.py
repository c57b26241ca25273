"""A U-Net that sees a photo and what is in it: gray and label map through one encoder (Ho et al. 2022)."""

from keras import layers, ops

WIDTHS = (32, 64, 128, 256, 512)
LABEL_INPUTS = ("value", "one_hot", "embedding")
NO_LABEL = 255  # a map's value where nothing is known


def _leaky_relu(x):
    return ops.leaky_relu(x, negative_slope=0.01)


_OPTIONS = {"padding": "same", "kernel_initializer": "he_normal", "activation": _leaky_relu}


def two_stream_unet(gray, labels, classes, label_input="value", embedding=8, normalize=True, widths=WIDTHS):
    """One encoder runs on the gray and on the label map; both meet at each depth, only the gray one normalised.

    Each depth of the encoder is two convolutions 3x3, the first with stride 2 but at full resolution. Before the two
    streams are joined the gray one passes instance normalisation, without weights; what goes on down has not passed it.
    The decoder doubles the resolution by a transposed convolution, joins what is at that depth and mixes both by a
    convolution 3x3; a transposed convolution of stride 1 ends it. LeakyReLU of .01 after each.

    Args:
        gray: [N, H, W, 1] in [0, 1], H and W multiples of 2 ** (depths - 1).
        labels: the label map, integers [N, H, W, 1]: class indices from 0, 255 where nothing is known.
        classes: how many there are, 2 to 255.
        label_input: how the encoder sees label l. "value" is the published form, one channel of
            `2 l / (classes - 1) - 1`, l being -1 where nothing is known: it sets the names in an order. "one_hot" is a
            channel for each class, all 0 where nothing is known; "embedding" a learnt vector for each class and one for
            nothing known. With these two the very first convolution is each stream's own, all others are shared.
        embedding: length of that vector.
        normalize: False leaves instance normalisation out, to measure what it gives.
        widths: channels of the encoder at each depth; a join has twice as many.

    Returns:
        {"encoder": the deepest join, [N, H / 16, W / 16, 1024]; 1: [N, H, W, 64]}. The convolution to chroma is the
        head's.
    """
    if label_input not in LABEL_INPUTS:
        raise ValueError(f"two_stream_unet: label_input {label_input!r}; allowed: {', '.join(LABEL_INPUTS)}")
    if not 2 <= classes <= NO_LABEL:
        raise ValueError(f"two_stream_unet: {classes} classes; 2 to {NO_LABEL} are possible")
    blocks = [
        (_convolution(width, f"encoder{depth}_a", strides=2 if depth else 1), _convolution(width, f"encoder{depth}_b"))
        for depth, width in enumerate(widths)
    ]
    label_blocks = blocks
    if label_input != "value":
        own = _convolution(widths[0], "encoder0_a_labels")
        label_blocks = [(own, blocks[0][1]), *blocks[1:]]
    gray_stream = _encode(gray * 2.0 - 1.0, blocks)
    label_stream = _encode(_channels(labels, classes, label_input, embedding), label_blocks)
    joins = []
    for depth, (of_gray, of_map) in enumerate(zip(gray_stream, label_stream, strict=True)):
        if normalize:
            of_gray = _instance_normalization(f"normalize{depth}")(of_gray)
        joins.append(layers.Concatenate(name=f"join{depth}")([of_gray, of_map]))

    x = joins[-1]
    for depth in reversed(range(len(widths) - 1)):
        x = _transposed(2 * widths[depth], f"decoder{depth}_up", strides=2)(x)
        x = layers.Concatenate(name=f"decoder{depth}_join")([x, joins[depth]])
        x = _convolution(2 * widths[depth], f"decoder{depth}_mix")(x)
    return {"encoder": joins[-1], 1: _transposed(2 * widths[0], "decoder_end")(x)}


def _encode(x, blocks):
    """-> the features at each depth."""
    features = []
    for first, second in blocks:
        x = second(first(x))
        features.append(x)
    return features


def _channels(labels, classes, label_input, embedding):
    """Integers [N, H, W, 1] -> what the encoder sees of them, [N, H, W, channels]."""
    labels = ops.cast(labels, "int32")
    if label_input == "value":
        return 2.0 * ops.cast(ops.where(ops.equal(labels, NO_LABEL), -1, labels), "float32") / (classes - 1) - 1.0
    labels = labels[..., 0]
    if label_input == "one_hot":
        return ops.one_hot(labels, classes)  # NO_LABEL is beyond all classes: zeros
    return layers.Embedding(classes + 1, embedding, name="embedding")(ops.minimum(labels, classes))


def _convolution(width, name, strides=1):
    return layers.Conv2D(width, 3, strides=strides, name=name, **_OPTIONS)


def _transposed(width, name, strides=1):
    return layers.Conv2DTranspose(width, 3, strides=strides, name=name, **_OPTIONS)


def _instance_normalization(name):
    return layers.GroupNormalization(groups=-1, epsilon=1e-5, center=False, scale=False, name=name)
