"""Encoders: a gray photo to features at several strides, with ImageNet weights where they help.

Every encoder takes gray [N, H, W, 1] in [0, 1], H and W multiples of 32, repeats it three times and scales it as the
network was trained: a colour never reaches it. It answers {stride: features}, "encoder" being the deepest, and
"whole" what the network's own classifier would see of them.
"""

import os
import warnings

import keras
from keras import ops

# Where each stride's features are taken. MobileNetV2: the expanded activations before each stride.
MOBILENET_V2_TAPS = {
    2: "block_1_expand_relu",
    4: "block_3_expand_relu",
    8: "block_6_expand_relu",
    16: "block_13_expand_relu",
    32: "block_16_project",
}
VGG16_TAPS = {1: "block1_conv2", 2: "block2_conv2", 4: "block3_conv3", 8: "block4_conv3", 16: "block5_conv3"}
VGG16_MEAN_BGR = (103.939, 116.779, 123.68)  # of 0-255, as VGG16 was trained


def mobilenet_v2(gray, weights="imagenet", alpha=1.0):
    """MobileNetV2 (Sandler et al. 2018): features at strides 2, 4, 8, 16, 32; the deepest is `block_16_project`."""
    inputs = ops.repeat(gray * 2.0 - 1.0, 3, axis=-1)
    network = _application(keras.applications.MobileNetV2, inputs, weights, alpha=alpha)
    return _tapped(network, MOBILENET_V2_TAPS)


def vgg16(gray, weights="imagenet"):
    """VGG16 (Simonyan, Zisserman 2015): features at strides 1, 2, 4, 8, 16; the deepest is `block5_pool` (32)."""
    inputs = ops.repeat(gray * 255.0, 3, axis=-1) - ops.convert_to_tensor(VGG16_MEAN_BGR, "float32")
    network = _application(keras.applications.VGG16, inputs, weights)
    return _tapped(network, VGG16_TAPS | {32: "block5_pool"})


ENCODERS = {"mobilenet_v2": mobilenet_v2, "vgg16": vgg16}


def _application(application, inputs, weights, **options):
    """A keras.applications network without its top, with weights "imagenet", from an .h5 file, or None (random)."""
    if weights not in (None, "imagenet") and not os.path.isfile(weights):
        raise ValueError(f"encoder weights {weights!r}: no such file; give 'imagenet', a path to an .h5 file, or none")
    try:
        own = "imagenet" if weights == "imagenet" else None
        with warnings.catch_warnings():  # of any size, which Keras thinks is a mistake
            warnings.filterwarnings("ignore", message=".input_shape. is undefined or non-square")
            network = application(include_top=False, input_tensor=inputs, weights=own, **options)
    except Exception as error:
        if weights != "imagenet" or "fetch" not in str(error):  # get_file: "URL fetch failure"
            raise
        raise ValueError(
            f"the ImageNet weights of {application.__name__} could not be downloaded ({error}); put the .h5 file into "
            "~/.keras/models, or give its path (--set encoder_weights=PATH), or start from none (--set "
            "encoder_weights=none --set freeze_batchnorm=False --set encoder_share=1)"
        ) from error
    if weights not in (None, "imagenet"):
        # By name: a file may hold the first blocks only; the rest starts at random.
        network.load_weights(weights, by_name=True)
    return network


def _tapped(network, taps):
    features = {stride: network.get_layer(name).output for stride, name in taps.items()}
    features["encoder"], features["whole"] = features[max(taps)], network.output
    return features
