"""A network in the form that LiteRT runs fast, and the translation into its file.

LiteRT's own transposed convolutions, where sizes are not known beforehand, take longer than the rest of a network.
"""

import copy

import keras
import tensorflow as tf
from keras import layers

from tfcolor.quiet import native_errors_to_null

UNTRANSLATED = (
    "{} has no operation for something in this model. A SavedModel of an older tfcolor is to be exported anew from its "
    "run folder; a network with a loop, such as hypercolumn, is for TensorFlow alone"
)
_TAPS = ((2, 0), (1,))  # of a kernel of three: those that meet in an even place of the output, and in an odd one


class AsConvolutions(layers.Conv2DTranspose):
    """What Conv2DTranspose computes with the same weights, for a kernel of 3 x 3, strides of 2 and padding "same".

    A place of the output is even or odd in either direction. Each of the four kinds is a convolution of the input with
    2 x 2, 2 x 1, 1 x 2 or 1 x 1 of the kernel's taps; interleaved they are the output.
    """

    def call(self, inputs):
        reached = tf.pad(inputs, ((0, 0), (1, 0), (1, 0), (0, 0)))  # one place back, none ahead
        kinds = []
        for rows in _TAPS:
            for columns in _TAPS:
                taps = tf.stack([tf.stack([self.kernel[row, column] for column in columns]) for row in rows])
                seen = reached[:, 2 - len(rows) :, 2 - len(columns) :]
                kinds.append(tf.nn.conv2d(seen, tf.transpose(taps, (0, 1, 3, 2)), 1, "VALID"))
        output = tf.nn.depth_to_space(tf.concat(kinds, axis=-1), 2)
        return self.activation(output + self.bias if self.use_bias else output)

    @staticmethod
    def replaces(layer):
        """Whether it can stand in a layer's place."""
        if not isinstance(layer, layers.Conv2DTranspose):
            return False
        kind = (layer.kernel_size, layer.strides, layer.padding, layer.output_padding, layer.data_format)
        return kind == ((3, 3), (2, 2), "same", None, "channels_last")


def for_litert(system):
    """A system that computes the same with the same weights; of its layers only the transposed convolutions are new."""
    twin = copy.copy(system)
    replaced = []

    def clone(layer):
        if not AsConvolutions.replaces(layer):
            return layer
        # The activation as it is: a configuration only names it, and Keras finds those by name that it knows.
        replaced.append((AsConvolutions.from_config(layer.get_config() | {"activation": layer.activation}), layer))
        return replaced[-1][0]

    twin.model = keras.models.clone_model(system.model, clone_function=clone)
    for new, layer in replaced:
        new.set_weights(layer.get_weights())
    return twin


def to_litert(function, weights="float32"):
    """A concrete function -> a LiteRT file, as bytes.

    Args:
        function: it refers to its variables weakly; who calls this holds on to what has them.
        weights: what they are kept as: "float32", "float16" or "int8".

    Raises:
        ValueError: it cannot be translated.
    """
    # The converter writes what it is given as a SavedModel first, so the variables of this function and no others.
    module = tf.Module()
    module.held = list(function.variables)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
    if weights != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if weights == "float16":
        converter.target_spec.supported_types = [tf.float16]
    try:
        with native_errors_to_null():  # they come as an exception too
            return converter.convert()
    except Exception as error:  # TensorFlow does not export the class
        if type(error).__name__ != "ConverterError":
            raise
        raise ValueError(UNTRANSLATED.format("LiteRT")) from error
