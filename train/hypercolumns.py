"""Hypercolumns, and the variants that Larsson et al. (2016) compare, all else equal. Run card: hypercolumns.md.

`photos_*` on a small set, `imagenet_*` on what they trained on, `sun6` on a folder of SUN-6's photos. Without fading is
no other training: `tfcolor evaluate --fade 0`.
"""

from tfcolor.recipe import Recipe

PHOTOS = {"data": "photos", "size": 160, "epochs": 5, "batch": 16}
IMAGENET = {"data": "imagenet2012", "size": 256, "epochs": 10, "batch": 32}
SUN6 = {"data": "folder:sun6", "size": 256, "epochs": 10, "batch": 16}


def photos_hue_chroma():
    return _recipe("hypercolumn", PHOTOS)


def photos_l2():
    return _l2(PHOTOS)


def photos_lab_axes():
    return _recipe("hypercolumn_lab_axes", PHOTOS)


def photos_lab_joint():
    return _recipe("hypercolumn_lab_joint", PHOTOS)


def imagenet_hue_chroma():
    return _recipe("hypercolumn", IMAGENET)


def imagenet_l2():
    return _l2(IMAGENET)


def imagenet_lab_axes():
    return _recipe("hypercolumn_lab_axes", IMAGENET)


def imagenet_lab_joint():
    return _recipe("hypercolumn_lab_joint", IMAGENET)


def sun6():
    return _recipe("hypercolumn", SUN6)


def _l2(data):
    return _recipe("hypercolumn_l2", data, head_options={"regression": {"space": "lab", "stride": 4}})


def _recipe(task, data, **fields):
    return Recipe(
        task=task,
        crop_area=(0.3, 1.0),
        serving_size=256,
        network_options={"units": 1024, "points": 128},
        encoder_share=0.15,
        warmup=200,
        **data,
        **fields,
    )
