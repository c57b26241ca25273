"""Semantic guides: 313 bins guided by regression, scene and segmentation, and with fewer. Run card: guides.md.

`coco_stuff_*` as the thesis trained them; `sample_*` on small sets.
"""

from tfcolor.recipe import Recipe

COCO_STUFF = {"data": "coco_stuff", "size": 256, "serving_size": 256, "epochs": 10}
# Each example trains the heads that it has labels for: maps with COCO's names are those of coco_stuff_sample alone,
# scenes are a teacher's (`tfcolor datasets label`), every photo has its colours.
SAMPLE = {"data": "coco_stuff_sample*4+photos+scenes+pets_sample", "size": 128, "serving_size": 128, "epochs": 4}

# At the start of a training each weighted loss has a similar gradient norm at the encoder's end. Unweighted, at its
# last kernel, after 120 to 200 steps of `sample_seg_class_reg_soft`: .0027, .0072, 1.7 and .11.
WEIGHTS = {"regression": 40.0, "segmentation": 15.0, "scene": 0.06, "ab_bins": 1.0}


def coco_stuff_seg_class_reg_soft():
    return _seg_class_reg_soft(COCO_STUFF)


def coco_stuff_class_reg_soft():
    return _class_reg_soft(COCO_STUFF)


def coco_stuff_reg_soft():
    return _reg_soft(COCO_STUFF)


def sample_seg_class_reg_soft():
    return _seg_class_reg_soft(SAMPLE)


def sample_class_reg_soft():
    return _class_reg_soft(SAMPLE)


def sample_reg_soft():
    return _reg_soft(SAMPLE)


def _seg_class_reg_soft(data):
    segmentation = {"segmentation": {"stride": 4, "loss": "dice"}}
    return _recipe("semantic_guides", ("regression", "segmentation", "scene", "ab_bins"), data, segmentation)


def _class_reg_soft(data):
    return _recipe("class_reg_soft", ("regression", "scene", "ab_bins"), data)


def _reg_soft(data):
    return _recipe("reg_soft", ("regression", "ab_bins"), data)


def _recipe(task, heads, data, head_options=None):
    return Recipe(
        task=task,
        crop_area=(0.3, 1.0),
        network_options={"widths": [256, 192, 128], "refine": True},
        head_options={"regression": {"space": "lab", "stride": 4}} | (head_options or {}),
        loss_weights={head: WEIGHTS[head] for head in heads},
        encoder_share=0.15,
        warmup=100,
        **data,
    )
