"""The network of "Colorful Image Colorization" (Zhang, Isola, Efros 2016): dilated, without pooling or skips."""

from keras import layers

# Blocks 1 to 7: filters, convolutions, stride of the last convolution, dilation of all.
BLOCKS = (
    (64, 2, 2, 1),
    (128, 2, 2, 1),
    (256, 3, 2, 1),
    (512, 3, 1, 1),
    (512, 3, 1, 2),
    (512, 3, 1, 2),
    (512, 3, 1, 1),
)
LAST_FILTERS = 256


def dilated(gray):
    """Eight blocks of convolutions 3x3 and ReLU, 22 in all, at an eighth of the photo's size and at last at a quarter.

    Args:
        gray: [N, H, W, 1] in [0, 1], H and W multiples of 32.

    Returns:
        {"encoder": [N, H / 8, W / 8, 512], 8: the same, 4: [N, H / 4, W / 4, 256]}. The published network goes on
        with a 1x1 convolution to 313 bins, which is the head's.
    """
    options = {"padding": "same", "activation": "relu", "kernel_initializer": "he_normal"}
    x = gray - 0.5  # as published on lightness: L - 50
    for number, (filters, convolutions, stride, dilation) in enumerate(BLOCKS, start=1):
        for index in range(1, convolutions):
            x = layers.Conv2D(filters, 3, dilation_rate=dilation, name=f"conv{number}_{index}", **options)(x)
        name = f"conv{number}_{convolutions}"
        x = layers.Conv2D(filters, 3, strides=stride, dilation_rate=dilation, name=name, **options)(x)
        x = layers.BatchNormalization(name=f"norm{number}")(x)
    features = {"encoder": x, 8: x}
    x = layers.Conv2DTranspose(LAST_FILTERS, 4, strides=2, name="conv8_1", **options)(x)
    for index in (2, 3):
        x = layers.Conv2D(LAST_FILTERS, 3, name=f"conv8_{index}", **options)(x)
    return features | {4: x}
