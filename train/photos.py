"""A colouriser for photographs of every kind: colour as a distribution over the 313 bins. Run card: photos.md.

`recipe` learns on crops of 160 px; `large` goes on from there on nearly whole photos; `averaged` goes on at a constant
rate, guided by scenes, and keeps the mean of the weights on its way.
"""

from tfcolor.recipe import Recipe

DATA = "photos+photos_more+scenes+pets_sample+coco_stuff_sample+camvid+faces+fruits+ccp+msrc+labelmefacade"
NETWORK = {"widths": [256, 192, 128], "refine": True}


def recipe():
    return _recipe(size=160, crop_area=(0.2, 1.0), learning_rate=1e-3, warmup=300, epochs=13)


def large():
    return _recipe(
        size=224,
        crop_area=(0.5, 1.0),
        views=(-0.625,),
        learning_rate=3e-4,
        warmup=100,
        epochs=2,
        start="runs/photos",
    )


def averaged():
    # Beside the bins, a and b by regression and a teacher's scenes (`tfcolor datasets label`) are learnt.
    return _recipe(
        task="class_reg_soft",
        head_options={"ab_bins": {"rebalance": 0}, "regression": {"space": "lab", "stride": 4}},
        loss_weights={"regression": 20.0, "scene": 0.03},
        network_options=NETWORK | {"dropout": 0.2},
        weight_decay=0.1,
        size=192,
        crop_area=(0.3, 1.0),
        views=(-0.5,),
        learning_rate=5e-4,
        warmup=200,
        epochs=9,
        epoch_steps=500,
        average=6,
        start="runs/photos_large",
    )


def _recipe(task="classification", network_options=NETWORK, **fields):
    return Recipe(
        task=task,
        data=DATA,
        validation_data="photos",
        random_gray=0.3,
        network_options=network_options,
        encoder_share=0.15,
        **fields,
    )
