"""Pets, shipped: U, V and the pet's outline at once, on a general colouriser's layers. Run card: pets_multitask.md."""

from tfcolor.recipe import Recipe

# Colour is learnt from photos of every kind, so that 366 pets are not all there is to see. The dogs and cats among
# `photos` and `photos_more` with the VOC teacher's outlines (`pets_pseudo`, made by the command in the run card) stand
# beside Oxford's; of the border class only Oxford's own trimaps speak.
DATA = "pets_sample*12+pets_pseudo*4+photos"


def recipe(task="multitask", loss_weights=(("regression", 50.0),)):
    return Recipe(
        task=task,
        data=DATA,
        validation_data="pets_sample",
        size=128,
        serving_size=128,
        crop_area=(0.35, 1.0),
        network_options={"widths": [256, 192, 128, 64], "refine": True},
        loss_weights=dict(loss_weights),
        encoder_share=0.15,
        learning_rate=7e-4,
        warmup=100,
        epochs=13,
        epoch_steps=190,
    )
