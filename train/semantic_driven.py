"""Segment first, colour second: two networks, the second sees what the first has seen. Run card: semantic_driven.md.

`segmentation` and `colour` are the pair that ships, on one set of labels over all sources with masks; `camvid_*` and
`msrc_*` the same pair on one source and its own classes. `published_*` are the networks of Ho et al. (2022) as they
trained them, `camvid_published_*` and `msrc_published_*` those on small sets; `*_plain` is without instance
normalisation.
"""

from tfcolor.recipe import Recipe

MASKS = "msrc*3+camvid+coco_stuff_sample*4+pets_sample+ccp+labelmefacade+faces"
# So that it stays a colouriser of any photo: half of what it sees has no map, and some that have one are shown without.
MIXED = "msrc*6+camvid+coco_stuff_sample*8+pets_sample*2+ccp*3+labelmefacade*2+faces*2+photos"
PHOTOS = "photos"

PASCAL_CONTEXT = {"data": "pascal_context", "size": 352, "serving_size": 352, "epochs": 1000}
CAMVID = {"data": "camvid", "size": 160, "serving_size": 192, "epochs": 60}
MSRC = {"data": "msrc", "size": 160, "serving_size": 192, "epochs": 60}
# Minutes each on two cores: few steps, so a higher rate, and statistics that do not wait for more steps.
SMALL = {
    "size": 96,
    "serving_size": 96,
    "batch": 8,
    "epochs": 16,
    "learning_rate": 5e-4,
    "precise_batchnorm": 32,
}


def segmentation():
    return _segmentation(data=MASKS, labels="merged", size=160, learning_rate=1e-3, epochs=7)


def colour():
    # The encoder stays the default model's: what is learnt here is what a label says.
    return _colour(
        data=MIXED,
        validation_data="msrc+ccp+faces+photos",
        labels="merged",
        size=160,
        encoder_share=0.0,
        epochs=4,
        epoch_steps=300,
    )


def camvid_segmentation():
    return _segmentation(**CAMVID)


def camvid_colour():
    return _colour(**CAMVID)


def msrc_segmentation():
    return _segmentation(**MSRC)


def msrc_colour():
    return _colour(**MSRC)


def published_segmentation():
    return _published("gridnet", PASCAL_CONTEXT)


def published_colour():
    return _published("semantic_driven", PASCAL_CONTEXT)


def published_colour_plain():
    return _published("semantic_driven", PASCAL_CONTEXT, network_options={"normalize": False})


def camvid_published_segmentation():
    return _published("gridnet", CAMVID | SMALL)


def camvid_published_colour():
    return _published("semantic_driven", CAMVID | SMALL)


def camvid_published_colour_plain():
    return _published("semantic_driven", CAMVID | SMALL, network_options={"normalize": False})


def msrc_published_segmentation():
    return _published("gridnet", MSRC | SMALL)


def msrc_published_colour():
    return _published("semantic_driven", MSRC | SMALL)


def msrc_published_colour_plain():
    return _published("semantic_driven", MSRC | SMALL, network_options={"normalize": False})


def _segmentation(**fields):
    # Half as wide a decoder as the colouriser's: both networks ship twice, for TensorFlow and for LiteRT.
    return Recipe(
        task="segmentation",
        network_options={"widths": [128, 96, 64], "refine": True},
        head_options={"segmentation": {"stride": 4, "loss": "both"}},
        **(_FROM_PHOTOS | fields),
    )


def _colour(**fields):
    return Recipe(
        task="semantic_photos",
        network_options={"widths": [256, 192, 128], "refine": True},
        random_labels=0.3,
        **(_FROM_PHOTOS | fields),
    )


_FROM_PHOTOS = {
    "start": PHOTOS,
    "encoder_weights": "none",
    "random_gray": 0.3,
    "learning_rate": 5e-4,
    "warmup": 100,
}


def _published(task, data, **fields):
    """Adam at 1e-4; scaled to 360 x 360, of which crops of 352 x 352, and flips; what `data` says instead counts."""
    crop = (352 / 360) ** 2
    published = {
        "crop_area": (crop, crop),
        "crop_aspect": (1.0, 1.0),
        "learning_rate": 1e-4,
        "warmup": 0,
        "weight_decay": 0.0,
        "clip_norm": 0.0,
        "encoder_weights": "none",
        "encoder_share": 1.0,
        "freeze_batchnorm": False,
    }
    if task == "semantic_driven":
        published["head_options"] = {"regression": {"space": "lab", "loss": "huber"}}
    return Recipe(task=task, **(published | data | fields))
