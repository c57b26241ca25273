"""Any size in, the same size out: padding by reflection before a network, cropping after it."""

from keras import layers, ops


class PadToMultiple(layers.Layer):
    """[N, H, W, C] -> the same with H and W raised to the next multiple, by reflection (of any length, even of 1)."""

    def __init__(self, multiple, **kwargs):
        super().__init__(**kwargs)
        self.multiple = multiple

    def call(self, image):
        for axis in (1, 2):
            length = ops.shape(image)[axis]
            padded = -(-length // self.multiple) * self.multiple
            image = ops.take(image, _reflected(length, padded), axis=axis)
        return image

    def compute_output_shape(self, shape):
        sides = [None if side is None else -(-side // self.multiple) * self.multiple for side in shape[1:3]]
        return (shape[0], *sides, shape[3])


class CropToInput(layers.Layer):
    """Crops an output at `stride` to what the input [N, H, W, C] covers: ceil(H / stride) by ceil(W / stride)."""

    def __init__(self, stride, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride

    def call(self, output, image):
        height, width = (-(-ops.shape(image)[axis] // self.stride) for axis in (1, 2))
        return output[:, :height, :width]

    def compute_output_shape(self, output_shape, image_shape):
        sides = [None if side is None else -(-side // self.stride) for side in image_shape[1:3]]
        return (output_shape[0], *sides, output_shape[3])


def _reflected(length, padded):
    """Indices 0, 1 ... length - 1, length - 2 ... 1, 0, 1 ... : `padded` of them, int32."""
    last = length - 1
    period = ops.maximum(2 * last, 1)
    index = ops.arange(padded, dtype="int32") % period
    return ops.where(index > last, period - index, index)
