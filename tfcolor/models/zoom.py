"""Twice the size, for an encoder that learnt on larger photos."""

from keras import layers, ops


class Zoom(layers.Layer):
    """[N, H, W, C] -> [N, 2 H, 2 W, C], bilinear, pixels as squares.

    Each pixel twice, then a mean of neighbours weighed 1 2 1: that is bilinear. `keras.layers.UpSampling2D` does the
    same, but fails in a graph of unknown H and W (Keras 3.15), and photos have any size.
    """

    def call(self, image):
        channels = image.shape[-1]
        for axis in (1, 2):
            image = ops.repeat(image, 2, axis=axis)
            index = ops.arange(ops.shape(image)[axis], dtype="int32")
            before = ops.take(image, ops.maximum(index - 1, 0), axis=axis)
            after = ops.take(image, ops.minimum(index + 1, ops.shape(image)[axis] - 1), axis=axis)
            image = 0.25 * (before + 2.0 * image + after)
        return ops.reshape(image, (*ops.shape(image)[:3], channels))  # else a graph forgets how many they are

    def compute_output_shape(self, shape):
        return (shape[0], *(None if side is None else 2 * side for side in shape[1:3]), shape[3])
