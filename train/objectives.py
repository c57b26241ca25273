"""Regression, classification, and classification with rebalancing, all else equal. Run card: objectives.md.

As Conti and Sterpa compared them on CelebA and on fruits; `faces`, `fruits` and `photos` are small sets.
"""

from tfcolor.recipe import Recipe

CELEBA = {"data": "celeb_a", "epochs": 10}
FACES = {"data": "faces", "epochs": 20}
FRUITS = {"data": "fruits", "epochs": 30}
PHOTOS = {"data": "photos", "epochs": 5}


def celeba_regression():
    return _regression(CELEBA)


def celeba_classification():
    return _classification(CELEBA)


def celeba_rebalanced():
    return _rebalanced(CELEBA)


def faces_regression():
    return _regression(FACES)


def faces_classification():
    return _classification(FACES)


def faces_rebalanced():
    return _rebalanced(FACES)


def fruits_regression():
    return _regression(FRUITS)


def fruits_classification():
    return _classification(FRUITS)


def fruits_rebalanced():
    return _rebalanced(FRUITS)


def photos_regression():
    return _regression(PHOTOS)


def photos_classification():
    return _classification(PHOTOS)


def photos_rebalanced():
    return _rebalanced(PHOTOS)


def _regression(data):
    return _recipe("regression", data, head_options={"regression": {"space": "lab", "stride": 4}})


def _classification(data):
    return _recipe("classification", data)


def _rebalanced(data):
    return _recipe("classification_rebalanced", data)


def _recipe(task, data, **fields):
    return Recipe(
        task=task,
        size=128,
        serving_size=128,
        crop_area=(0.3, 1.0),
        network_options={"widths": [256, 192, 128], "refine": True},
        encoder_share=0.15,
        warmup=100,
        **data,
        **fields,
    )
