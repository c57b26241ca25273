"""What a training step costs on sampled hypercolumns and on dense ones of the same photos: time and memory.

Run it by name, `pytest tests/benchmarks`: pyproject.toml (`norecursedirs`) keeps this folder out of the plain `pytest`.
"""

import sys
from functools import partial

import numpy as np
import tensorflow as tf

from benchmarks.measuring import compare, peak_memory, peak_memory_apart
from tfcolor.models.hypercolumn import Hypercolumn

CHANNELS = {1: 1, 2: 96, 4: 144, 8: 192, 16: 576, 32: 320}  # of the MobileNetV2 form
PHOTOS, SIDE = 4, 160


def step(sparse):
    """A function that computes the features and their gradient to all layers and to the hidden layer's weights."""
    rng = np.random.default_rng(0)
    tensors = [
        tf.constant(rng.normal(size=(PHOTOS, SIDE // stride, SIDE // stride, channels)), tf.float32)
        for stride, channels in CHANNELS.items()
    ]
    layer = Hypercolumn(CHANNELS, units=256)

    @tf.function
    def compiled(tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            loss = tf.reduce_mean(layer(tensors, training=sparse)[0])
        return [loss, *(tf.convert_to_tensor(g) for g in tape.gradient(loss, [*tensors, layer.kernel.value]))]

    return lambda: compiled(tensors)[0].numpy()


def test_time_of_a_sparse_step(benchmark):
    compare(benchmark, step(sparse=True), step(sparse=False), at_least=5, rounds=5)


def test_memory_of_a_sparse_step():
    ours, theirs = (peak_memory_apart(__name__, name) for name in ("sparse", "dense"))
    print(f"hypercolumns: {ours / 1e6:.0f} MB for a sparse step, dense {theirs / 1e6:.0f} MB")
    assert ours < theirs / 5


if __name__ == "__main__":
    print(peak_memory(partial(step, sparse=sys.argv[1] == "sparse")))
