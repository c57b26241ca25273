"""What a label map says to a network: features of it at several strides, and maps that do not say all of it."""

from keras import layers, ops, random

from tfcolor.replicas import drawn

NO_LABEL = 255  # a map's value where nothing is known
STRIDES = (4, 8, 16, 32)


def label_stream(labels, classes, embedding=16, width=64):
    """A label map -> features of it at strides 4, 8, 16 and 32, for a decoder to take in.

    A cell of 4 x 4 pixels is described by what share of it each label has (of every second pixel; none where nothing is
    known), a stride above by the means of the one below. A learnt vector for each label, two convolutions 3x3 with ReLU
    at each stride; the vectors are the same at all of them.

    Args:
        labels: integers [N, H, W, 1], class indices from 0, 255 where nothing is known; H and W multiples of 32.
        classes: how many there are, 2 to 255.
        embedding: length of a label's vector.
        width: channels of the features.

    Returns:
        {stride: [N, H / stride, W / stride, width]}.
    """
    if not 2 <= classes <= NO_LABEL:
        raise ValueError(f"label_stream: {classes} classes; 2 to {NO_LABEL} are possible")
    labels = ops.cast(labels[:, ::2, ::2, 0], "int32")
    shares = ops.one_hot(labels, classes)  # NO_LABEL is beyond all classes: zeros
    vectors = layers.Conv2D(embedding, 1, use_bias=False, name="label_vectors")
    stride, features = 2, {}
    for wanted in STRIDES:
        while stride < wanted:
            shares, stride = ops.average_pool(shares, 2, 2), 2 * stride  # under JAX its own default of strides fails
        x = vectors(shares)
        for part in "ab":
            x = layers.Conv2D(width, 3, padding="same", activation="relu", name=f"labels_{stride}_{part}")(x)
        features[stride] = x
    return features


def hide_labels(labels, seed, probability=0.5):
    """Label maps as a person may give them: whole, in part or not at all. For training.

    Args:
        labels: integers [N, H, W, 1], 255 where nothing is known.
        seed: a `keras.random.SeedGenerator`.
        probability: that a map is 255 all over; and, of the others, that it lacks some of its labels, a share of them
            between none and all.

    Returns:
        The same with 255 where a label is hidden.
    """
    count = ops.shape(labels)[0]
    whole, part, share = (drawn(lambda photos: random.uniform((photos, 1), seed=seed), count) for _ in range(3))
    of_labels = drawn(lambda photos: random.uniform((photos, NO_LABEL + 1), seed=seed), count)
    hidden = (whole < probability) | ((part < probability) & (of_labels < share))
    at = ops.reshape(ops.arange(count) * (NO_LABEL + 1), (count, 1, 1, 1)) + ops.cast(labels, "int32")
    return ops.where(ops.take(ops.reshape(hidden, (-1,)), at), ops.cast(NO_LABEL, labels.dtype), labels)
