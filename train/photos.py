"""A colouriser for photographs of every kind: colour as a distribution over the 313 bins. Run card: photos.md.

`recipe` learns on crops of 160 px; `large` goes on from there on nearly whole photos, as they will be coloured.
"""

from tfcolor.recipe import Recipe

DATA = "photos+photos_more+scenes+pets_sample+coco_stuff_sample+camvid+faces+fruits+ccp+msrc+labelmefacade"


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


def _recipe(**fields):
    return Recipe(
        task="classification",
        data=DATA,
        validation_data="photos",
        random_gray=0.3,
        network_options={"widths": [256, 192, 128], "refine": True},
        encoder_share=0.15,
        **fields,
    )
