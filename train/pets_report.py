"""Pets as the report trained it: with and without the outline, all else equal. Run card: pets_report.md."""

from tfcolor.recipe import Recipe


def yuv():
    return _report("yuv")


def multitask():
    return _report("multitask")


def _report(task):
    return Recipe(
        task=task,
        data="oxford_iiit_pet",
        size=128,
        serving_size=128,
        head_options={"regression": {"predict_y": True}},
        loss_weights={"regression": 50.0},
        epochs=40,
    )
