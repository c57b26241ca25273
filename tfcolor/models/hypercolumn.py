"""Hypercolumns: every layer of an encoder at a place, side by side (Larsson, Maire, Shakhnarovich 2016).

In training only a few random places are looked at: the layers are sampled there and nothing else is built. The places
are cells of 4 x 4 pixels, so that a head's target at stride 4, taken at the same cells, is what to compare with.
"""

import keras
from keras import layers, ops, random

from tfcolor.models.encoders import mobilenet_v2, vgg16
from tfcolor.replicas import drawn

STRIDE = 4
COLUMNS = 8  # of the block in which sampled cells are arranged
VGG16_CONVOLUTIONS = (2, 2, 3, 3, 3)  # of each block


def hypercolumn(gray, encoder="vgg16", weights=None, encoder_options=None, units=1024, points=128, seed=0):
    """Hypercolumns and one hidden layer of ReLU on top.

    Args:
        gray: [N, H, W, 1] in [0, 1], H and W multiples of 32.
        encoder: "vgg16", 12,417 channels as published, or "mobilenet_v2", the light form.
        weights: of the encoder, as in `models.encoders`.
        encoder_options: its arguments, such as {"alpha": 0.5} of MobileNetV2.
        units: of the hidden layer.
        points: cells looked at in each photo in training, a multiple of 8.
        seed: of the random cells.

    Returns:
        {"encoder": the deepest layer, 4: features, "cells": int32 row and column of the cell behind each feature}.
        Outside training 4 is [N, H / 4, W / 4, units] and "cells" all cells, [N, H / 4, W / 4, 2]. In training they are
        random cells, drawn anew each step and arranged as a block, [N, points / 8, 8, units] and [N, points / 8, 8, 2]:
        heads take the block like any photo, and `at_cells` takes their targets.
    """
    if encoder not in ENCODERS:
        raise ValueError(f"hypercolumn of {encoder!r}: there are {', '.join(ENCODERS)}")
    strides, tensors = zip(*ENCODERS[encoder](gray, weights, **(encoder_options or {})), strict=True)
    features, cells = Hypercolumn(strides, units, points, seed, name="hypercolumn")(list(tensors))
    return {"encoder": tensors[-1], STRIDE: features, "cells": cells}


class Hypercolumn(layers.Layer):
    """Layers of an encoder -> ReLU of one dense layer on their hypercolumns, and the cells they stand at.

    Args:
        strides: of each layer that is given.
        units: of the dense layer.
        points: cells in each photo in training, a multiple of 8.
        seed: of the random cells.
    """

    def __init__(self, strides, units=1024, points=128, seed=0, **kwargs):
        super().__init__(**kwargs)
        if points < COLUMNS or points % COLUMNS:
            raise ValueError(f"points must be a multiple of {COLUMNS}, not {points}: cells are arranged in such rows")
        self.strides, self.units, self.points = tuple(strides), units, points
        self.seeds = random.SeedGenerator(seed)

    def build(self, shapes):
        channels = sum(shape[-1] for shape in shapes)
        self.kernel = self.add_weight((channels, self.units), initializer="he_normal", name="kernel")
        self.bias = self.add_weight((self.units,), initializer="zeros", name="bias")

    def call(self, tensors, training=False):
        """Tensors [N, H / stride, W / stride, C] -> features and cells, sampled in training and dense otherwise."""
        photos, height, width = ops.shape(tensors[0])[:3]
        height, width = height * self.strides[0] // STRIDE, width * self.strides[0] // STRIDE
        if training:
            rows = self.points // COLUMNS
            share = drawn(lambda count: random.uniform((count, rows, COLUMNS, 2), seed=self.seeds), photos)
            size = ops.stack([ops.cast(height, "float32"), ops.cast(width, "float32")])
            cells = ops.cast(ops.floor(share * size), "int32")
            return self._hidden(tensors, cells), cells

        grid = ops.meshgrid(ops.arange(height, dtype="int32"), ops.arange(width, dtype="int32"), indexing="ij")
        cells = ops.tile(ops.stack(grid, axis=-1)[None], (photos, 1, 1, 1))
        # One row of cells at a time: the memory of a dense hypercolumn does not grow with the photo's height.
        rows = ops.map(lambda row: self._hidden(tensors, row), ops.moveaxis(cells, 1, 0))
        return ops.moveaxis(rows, 0, 1), cells

    def _hidden(self, tensors, cells):
        column = ops.concatenate(
            [sample(tensor, cells, stride) for tensor, stride in zip(tensors, self.strides, strict=True)], axis=-1
        )
        return ops.relu(ops.matmul(column, self.kernel) + self.bias)

    def compute_output_spec(self, tensors, training=False):
        photos, *sides = tensors[0].shape[:3]
        sides = [None if side is None else side * self.strides[0] // STRIDE for side in sides]
        features = keras.KerasTensor((photos, *sides, self.units), self.compute_dtype)
        return features, keras.KerasTensor((photos, *sides, 2), "int32")


def sample(tensor, cells, stride):
    """Bilinear samples of a layer at the centres of cells.

    Args:
        tensor: [N, H / stride, W / stride, C].
        cells: int32 [N, ..., 2], row and column of cells of 4 x 4 pixels.
        stride: of the layer, in pixels.

    Returns:
        [N, ..., C]; beyond the outermost places of the layer, their values.
    """
    last = [length - 1 for length in ops.shape(tensor)[1:3]]
    lines = []
    for axis in (0, 1):
        place = (ops.cast(cells[..., axis], "float32") + 0.5) * (STRIDE / stride) - 0.5
        place = ops.clip(place, 0.0, ops.cast(last[axis], "float32"))
        lower = ops.floor(place)
        share = ops.cast(place - lower, tensor.dtype)
        lower = ops.cast(lower, "int32")
        lines.append([(lower, 1.0 - share), (ops.minimum(lower + 1, last[axis]), share)])
    pairs = [(row, column) for row in lines[0] for column in lines[1]]
    # All four corners in one look-up: each look-up's gradient is as large as the layer.
    corners = ops.stack([ops.stack([row, column], axis=-1) for (row, _), (column, _) in pairs], axis=1)
    weights = ops.stack([of_row * of_column for (_, of_row), (_, of_column) in pairs], axis=1)
    return ops.sum(at_cells(tensor, corners) * weights[..., None], axis=1)


def at_cells(tensor, cells):
    """[N, h, w, ...] at int32 [N, ..., 2], rows and columns -> [N, ..., ...]: a head's target at sampled cells."""
    photos, height, width = ops.shape(tensor)[:3]
    first = ops.reshape(ops.arange(photos, dtype="int32") * height * width, (-1, *(1,) * (len(cells.shape) - 2)))
    places = first + cells[..., 0] * width + cells[..., 1]
    return ops.take(ops.reshape(tensor, (-1, *tensor.shape[3:])), places, axis=0)


def _vgg16(gray, weights):
    """[(stride, layer)]: the gray, 13 convolutions, fc6 and fc7 as convolutions; 12,417 channels in all.

    The gray goes three times into filters made for RGB, which equals one channel into their sum.
    """
    inside = keras.Input((None, None, 1))
    encoder = vgg16(inside, weights)
    network = keras.Model(inside, encoder["encoder"])
    names = [f"block{block}_conv{i + 1}" for block, n in enumerate(VGG16_CONVOLUTIONS, 1) for i in range(n)]
    outputs = [network.get_layer(name).output for name in names]
    *convolutions, pooled = keras.Model(inside, [*outputs, encoder["encoder"]], name="vgg16")(gray)
    strides = [2**block for block, n in enumerate(VGG16_CONVOLUTIONS) for _ in range(n)]
    fc6 = layers.Conv2D(4096, 7, padding="same", activation="relu", name="fc6")(pooled)
    fc7 = layers.Conv2D(4096, 1, activation="relu", name="fc7")(fc6)
    return [(1, gray), *zip(strides, convolutions, strict=True), (32, fc6), (32, fc7)]


def _mobilenet_v2(gray, weights, **options):
    """[(stride, layer)]: the gray and the layers where MobileNetV2's strides end, 1,329 channels in all."""
    features = mobilenet_v2(gray, weights, **options)
    return [(1, gray)] + [(stride, features[stride]) for stride in (2, 4, 8, 16, 32)]


ENCODERS = {"vgg16": _vgg16, "mobilenet_v2": _mobilenet_v2}
