"""An encoder for tests of what stands around encoders: MobileNetV2's 150 layers take most of a short test's time."""

from keras import layers

from tfcolor.models.encoders import ENCODERS


def tiny(gray, weights=None):
    """Five small layers, with strides 2 to 32."""
    x, features = gray * 2.0 - 1.0, {}
    for stride in (2, 4, 8, 16, 32):
        x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name=f"tiny_{stride}")(x)
        x = layers.BatchNormalization(name=f"tiny_{stride}_bn")(x)
        x = features[stride] = layers.ReLU(name=f"tiny_{stride}_relu")(x)
    return features | {"encoder": x, "whole": x}


ENCODERS["tiny"] = tiny
