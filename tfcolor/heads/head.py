"""What a head is: everything about one kind of answer in one place."""

from collections.abc import Mapping
from types import MappingProxyType

from keras import layers, ops


class Head:
    """One answer of a network: its layers, its target, its loss, its decoding to chroma and its measures.

    Attributes:
        name: key in the model's outputs, the logged losses and the recipe's `loss_weights`.
        stride: an output pixel covers `stride` x `stride` pixels of the photo; None where the photo gets one answer.
        space: "yuv" or "lab" for a head that colours: the space of `chroma`'s answer; None for all others.
        knobs: {name: default} of what `chroma` lets a user set; none of them runs the network again.
    """

    name: str
    stride: int | None = 1
    space: str | None = None
    knobs: Mapping = MappingProxyType({})

    def build(self, features):
        """Features of a network -> the output, a Keras tensor.

        Args:
            features: {stride: tensor [N, H / stride, W / stride, C]} of the decoder, and "encoder": its deepest tensor.

        Returns:
            [N, H / stride, W / stride, channels], or [N, classes] where `stride` is None.
        """
        raise NotImplementedError

    def target(self, batch):
        """A batch {"image": uint8 [N, H, W, 3], "mask": uint8 [N, H, W, 1], ...} -> what `loss` compares with."""
        raise NotImplementedError

    def loss(self, target, output):
        """Target and output -> a scalar, the mean over all that has a label; 0 where nothing in the batch has one.

        Where several replicas share a batch out, each answers its share of that mean (`tfcolor.replicas.share`).
        """
        raise NotImplementedError

    def chroma(self, output, **knobs):
        """Output -> chroma [N, h, w, 2] in the units of `space`. Knobs that it does not know are not accepted."""
        raise NotImplementedError

    def metrics(self, target, output):
        """Target and output -> {name: scalar} for the training log; shares, as the loss."""
        return {}


def last_layer(features, stride, channels, name):
    """The layer that turns a decoder's features into `channels` values at `stride`, started at zero.

    A 1x1 convolution where the decoder has features at that stride, a transposed one where the finest are twice as
    coarse. Zeros, since the encoder's skips reach 6 and a random start begins with answers far outside the target's
    range and ends at gray (docs/decisions.md).
    """
    if stride in features:
        layer = layers.Conv2D(channels, 1, kernel_initializer="zeros", dtype="float32", name=name)
        return layer(features[stride])
    if 2 * stride in features:
        layer = layers.Conv2DTranspose(
            channels, 3, strides=2, padding="same", kernel_initializer="zeros", dtype="float32", name=name
        )
        return layer(features[2 * stride])
    finest = min(key for key in features if key != "encoder")
    raise ValueError(f"head {name!r} wants stride {stride}, the decoder ends at stride {finest}: give it more blocks")


def shrink(image, stride):
    """float [N, H, W, C] -> [N, ceil(H / stride), ceil(W / stride), C]: the mean of each cell of stride by stride.

    Cells begin at the upper left corner, as a network's do; the last ones repeat the photo's edge where they reach out.
    """
    if stride == 1:
        return image
    for axis in (1, 2):
        length = ops.shape(image)[axis]
        reach = -(-length // stride) * stride
        image = ops.take(image, ops.minimum(ops.arange(reach, dtype="int32"), length - 1), axis=axis)
    return ops.average_pool(image, stride, stride)
