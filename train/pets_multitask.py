"""Pets, shipped: U, V and the pet's outline at once, on a general colouriser's layers. Run card: pets_multitask.md."""

from tfcolor.recipe import Recipe

# Colour is learnt from photos of every kind, so that 366 pets are not all there is to see. Beside Oxford's outlines
# stand those of `pets_self`, by networks of ours (data/pets_self.py). It holds the validation photos too: what the log
# says of them is of photos that are learnt.
DATA = "pets_sample*20+pets_self*10+photos+photos_more"


def recipe(task="multitask"):
    return _recipe(
        task,
        crop_area=(0.3, 1.0),
        rotation=15.0,
        dropout=0.15,
        start="photos",
        learning_rate=8e-4,
        epochs=14,
    )


def whole(task="multitask"):
    """Photos nearly whole, as they are seen in use."""
    return _recipe(
        task,
        crop_area=(0.6, 1.0),
        crop_aspect=(0.85, 1.18),
        rotation=8.0,
        dropout=0.1,
        start=f"runs/pets_{task}",
        learning_rate=5e-4,
        epochs=6,
    )


def _recipe(task, dropout, **fields):
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
        random_gray=0.2,
        encoder_weights="none",
        network_options={"widths": [256, 192, 128, 32], "refine": True, "zoom": 2, "dropout": dropout},
        encoder_share=0.15,
        warmup=100,
        weight_decay=0.05,
        epoch_steps=190,
        **(multitask if task == "multitask" else {}),
        **fields,
    )
