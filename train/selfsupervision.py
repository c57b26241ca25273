"""Colouring as a teacher of segmentation (Larsson et al. 2016, section 5). Run card: selfsupervision.md.

`colours` colourises from scratch; then one training of segmentation starts from its encoder (`*_from_colours`), from
random weights, from ImageNet's, all else equal.
"""

from tfcolor.recipe import Recipe

CAMVID = {"data": "camvid", "size": 128, "epochs": 15}
PETS = {"data": "pets_sample", "size": 128, "epochs": 10}
COLOURS = "runs/selfsupervision_colours"


def colours():
    return Recipe(
        task="classification",
        data="photos+scenes",
        validation_data="photos",
        size=96,
        crop_area=(0.2, 1.0),
        network_options={"widths": [256, 192, 128], "refine": True},
        warmup=300,
        epochs=6,
        encoder_weights="none",
        **_WHOLE,
    )


def camvid_from_colours():
    return _segmentation(CAMVID, start=COLOURS, encoder_weights="none")


def camvid_from_random():
    return _segmentation(CAMVID, encoder_weights="none")


def camvid_from_imagenet():
    return _segmentation(CAMVID)


def pets_from_colours():
    return _segmentation(PETS, start=COLOURS, encoder_weights="none")


def pets_from_random():
    return _segmentation(PETS, encoder_weights="none")


def pets_from_imagenet():
    return _segmentation(PETS)


_WHOLE = {"encoder_share": 1.0, "freeze_batchnorm": False}  # all layers at the whole rate, whatever they start from


def _segmentation(data, **fields):
    # No width of this decoder is one of `colours`: what fits at the start is the encoder alone.
    return Recipe(
        task="segmentation",
        crop_area=(0.5, 1.0),
        serving_size=256,
        network_options={"widths": [160, 128, 96, 64], "refine": True},
        head_options={"segmentation": {"loss": "both"}},
        warmup=100,
        precise_batchnorm=32,
        **_WHOLE,
        **data,
        **fields,
    )
