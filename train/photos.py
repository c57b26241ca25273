"""A colouriser for photographs of every kind: colour as a distribution over the 313 bins. Run card: photos.md."""

from tfcolor.recipe import Recipe


def recipe():
    return Recipe(
        task="classification",
        data="photos+photos_more+scenes+pets_sample+coco_stuff_sample+camvid+faces+fruits+ccp+msrc+labelmefacade",
        validation_data="photos",
        size=160,
        crop_area=(0.2, 1.0),
        random_gray=0.3,
        network_options={"widths": [256, 192, 128], "refine": True},
        encoder_share=0.15,
        learning_rate=1e-3,
        warmup=300,
        epochs=20,
    )
