"""The U-Net decoder: from the deepest features up, joined with the encoder's at each stride."""

from keras import layers


def unet(features, widths=(512, 256, 128, 64), refine=False, context=0, dropout=0.0, added=None):
    """Decoder of transposed convolutions with skips (Ronneberger et al. 2015; as in the Pets report).

    Args:
        features: an encoder's {stride: [N, H / stride, W / stride, C]}.
        widths: filters of each block, from the deepest up; each block doubles the resolution.
        refine: False is the published form: Conv2DTranspose 3x3, BatchNormalization, ReLU, joined with the skip as it
            is. True thins each skip by a 1x1 convolution to half the block's width, mixes what was joined by a
            separable 3x3 and ends with a 3x3 convolution.
        context: units through which the mean of "whole", the photo at a glance, is added to every place of the deepest
            features (after Iizuka et al. 2016, who concatenate); they start at zero. 0: none.
        dropout: share of the channels of the deepest features that each training step does without.
        added: {stride: features of something else that is seen}, added to the deepest features and to those of each
            block through 1x1 convolutions that start at zero. Only with `refine`.

    Returns:
        `features` of the decoder, {stride: tensor}, and "encoder": the encoder's last that is used, as given.
    """
    if added and not refine:
        raise ValueError("unet: what is added wants refine=True")
    stride = max(key for key in features if isinstance(key, int))
    x = features[stride]
    if refine:
        x = layers.Conv2D(widths[0], 1, name="neck")(x)
        x = _with(added, stride, x)
    outputs = {"encoder": features["encoder"]}
    if context:
        outputs["encoder"] = features["whole"]
        glance = layers.GlobalAveragePooling2D(keepdims=True, name="glance")(features["whole"])
        glance = layers.Conv2D(context, 1, activation="relu", name="context")(glance)
        glance = layers.Conv2D(x.shape[-1], 1, kernel_initializer="zeros", name="context_to_all")(glance)
        x = layers.Add(name="in_context")([x, glance])
    if dropout:
        x = layers.SpatialDropout2D(dropout, name="dropout")(x)
    for width in widths:
        stride //= 2
        if stride not in features:
            raise ValueError(f"{len(widths)} decoder widths, but the encoder has no features at stride {stride}: fewer")
        name = f"up_{stride}"
        x = layers.Conv2DTranspose(width, 3, strides=2, padding="same", use_bias=False, name=name)(x)
        x = _normalised(x, name)
        skip = features[stride]
        if refine:
            skip = layers.Conv2D(width // 2, 1, name=f"skip_{stride}")(skip)
        x = layers.Concatenate(name=f"join_{stride}")([x, skip])
        if refine:
            x = layers.SeparableConv2D(width, 3, padding="same", use_bias=False, name=f"mix_{stride}")(x)
            x = _normalised(x, f"mix_{stride}")
            x = _with(added, stride, x)
        outputs[stride] = x
    if refine:
        outputs[stride] = layers.Conv2D(widths[-1], 3, padding="same", activation="relu", name="top")(x)
    return outputs


def _with(added, stride, x):
    """Features and what is added to them at this stride, if anything is."""
    if not added or stride not in added:
        return x
    join = layers.Conv2D(x.shape[-1], 1, kernel_initializer="zeros", name=f"added_{stride}")
    return layers.Add(name=f"with_added_{stride}")([x, join(added[stride])])


def _normalised(x, name):
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
