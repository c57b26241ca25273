"""Pets, shipped: U, V and the pet's outline at once, on a general colouriser's layers. Run card: pets_multitask.md."""

from tfcolor.recipe import Recipe

# Colour is learnt from photos of every kind, so that 366 pets are not all there is to see. The dogs and cats among
# `photos` and `photos_more` with the VOC teacher's outlines (`pets_pseudo`, made by the command in the run card) stand
# beside Oxford's; of the border class only Oxford's own trimaps speak.
DATA = "pets_sample*20+pets_pseudo*8+photos+photos_more"


def recipe(task="multitask"):
    multitask = {
        "head_options": {"segmentation": {"loss": "both"}},
        "loss_weights": {"regression": 50.0, "segmentation": 0.5},
    }
    return Recipe(
        task=task,
        data=DATA,
        validation_data="pets_sample",
        size=128,
        serving_size=128,
        views=(-1.0, 0.75),
        crop_area=(0.3, 1.0),
        random_gray=0.2,
        encoder_weights="none",
        start="photos",
        network_options={"widths": [256, 192, 128, 32], "refine": True, "zoom": 2, "dropout": 0.1},
        encoder_share=0.15,
        learning_rate=8e-4,
        warmup=100,
        weight_decay=0.05,
        epochs=14,
        epoch_steps=190,
        **(multitask if task == "multitask" else {}),
    )
