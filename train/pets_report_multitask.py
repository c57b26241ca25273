"""Pets as the report trained it: YUV and the outline at once, on Pets alone. Run card: pets_report.md."""

from tfcolor.recipe import Recipe


def recipe(task="multitask"):
    return Recipe(
        task=task,
        data="oxford_iiit_pet",
        size=128,
        serving_size=128,
        head_options={"regression": {"predict_y": True}},
        loss_weights={"regression": 50.0},
        epochs=40,
    )
