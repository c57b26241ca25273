"""A colouriser for photographs of every kind: colour as a distribution over the 313 bins. Run card: photos.md.

`recipe` learns on crops of 160 px; `large` goes on from there on nearly whole photos. `averaged` and then `whole` go on
at a constant rate and keep the mean of the weights on their way.
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
    return _averaged(
        task="class_reg_soft",
        head_options={"ab_bins": {"rebalance": 0}, "regression": {"space": "lab", "stride": 4}},
        loss_weights={"regression": 20.0, "scene": 0.03},
        size=192,
        crop_area=(0.3, 1.0),
        learning_rate=5e-4,
        warmup=200,
        epochs=8,
        epoch_steps=500,
        average=5,
        start="runs/photos_large",
    )


def whole():
    return _averaged(
        size=224,
        crop_area=(0.5, 1.0),
        learning_rate=2e-4,
        warmup=50,
        epochs=4,
        epoch_steps=250,
        average=4,
        seed=3,
        start="runs/photos_averaged",
    )


def _averaged(**fields):
    return _recipe(network_options=NETWORK | {"dropout": 0.2}, weight_decay=0.1, views=(-0.5,), **fields)


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
