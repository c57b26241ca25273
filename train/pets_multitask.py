"""Pets, shipped: U, V and the pet's outline at once, on a general colouriser's layers. Run card: pets_multitask.md."""

from tfcolor.recipe import Recipe

# Colour is learnt from photos of every kind, so that 366 pets are not all there is to see. Beside Oxford's outlines
# stand those of `pets_self`, by a network of ours (data/pets_self.py). It holds the validation photos too: what the log
# says of them is of photos that are learnt. `pets_pasted` has the same pets on other grounds (data/pets_pasted.py).
DATA = "pets_sample*20+pets_self*10+photos+photos_more"
PASTED = "pets_sample*20+pets_self*10+pets_pasted+photos+photos_more"


def recipe(task="multitask"):
    return _crops_of_any_size(task, DATA, dropout=0.15, start="photos", epochs=14)


def whole(task="multitask"):
    return _nearly_whole(task, start=f"runs/pets_{task}")


def pasted():
    """Goes on with pets pasted on other photos."""
    return _crops_of_any_size("multitask", PASTED, dropout=0.2, start="runs/pets_multitask_whole", epochs=12)


def pasted_whole():
    return _nearly_whole("multitask", start="runs/pets_multitask_pasted")


def _crops_of_any_size(task, data, **fields):
    return _recipe(task, data, crop_area=(0.3, 1.0), rotation=15.0, learning_rate=8e-4, **fields)


def _nearly_whole(task, start):
    """Photos nearly whole, as they are seen in use."""
    crops = {"crop_area": (0.6, 1.0), "crop_aspect": (0.85, 1.18), "rotation": 8.0}
    return _recipe(task, DATA, dropout=0.1, start=start, learning_rate=5e-4, epochs=6, **crops)


def _recipe(task, data, dropout, **fields):
    multitask = {
        "head_options": {"segmentation": {"loss": "both"}},
        "loss_weights": {"regression": 50.0, "segmentation": 0.5},
    }
    return Recipe(
        task=task,
        data=data,
        validation_data="pets_sample",
        size=128,
        serving_size=128,
        views=(-1.0, -0.6, 0.5),
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
