"""Regression of chroma against scikit-image and closed forms."""

import keras
import numpy as np
import pytest
import skimage.color
from keras import ops

from tfcolor.heads.regression import Regression


@pytest.fixture(scope="module")
def batch():
    return {"image": np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype("uint8")}


def test_target_is_scikit_images_uv(batch):
    ours = np.asarray(Regression().target(batch))
    np.testing.assert_allclose(ours, skimage.color.rgb2yuv(batch["image"])[..., 1:], atol=2e-4)


def test_target_with_y_is_all_three(batch):
    ours = np.asarray(Regression(predict_y=True).target(batch))
    np.testing.assert_allclose(ours, skimage.color.rgb2yuv(batch["image"]), atol=2e-4)


def test_target_in_lab_at_a_stride(batch):
    head = Regression("lab", stride=4)
    small = batch["image"].reshape(2, 2, 4, 2, 4, 3).mean(axis=(2, 4)) / 255
    np.testing.assert_allclose(np.asarray(head.target(batch)), skimage.color.rgb2lab(small)[..., 1:] / 110, atol=1e-4)
    np.testing.assert_allclose(
        np.asarray(head.chroma(head.target(batch))), skimage.color.rgb2lab(small)[..., 1:], atol=1e-2
    )


@pytest.mark.parametrize("kind, expected", [("mse", (0.25 + 4.0) / 2), ("huber", (0.125 + 1.5) / 2)])
def test_losses_in_closed_form(kind, expected):
    target, output = ops.zeros((1, 1, 1, 2)), ops.convert_to_tensor([[[[0.5, -2.0]]]])
    assert float(Regression(loss=kind).loss(target, output)) == pytest.approx(expected)


def test_chroma_drops_a_predicted_y():
    output = np.arange(6, dtype="float32").reshape(1, 1, 2, 3)
    np.testing.assert_array_equal(np.asarray(Regression(predict_y=True).chroma(output)), output[..., 1:])


def test_built_at_zero_so_that_it_begins_at_gray():
    features = {2: keras.Input((4, 4, 8))}
    model = keras.Model(features[2], Regression().build(features))
    answer = np.asarray(model(np.ones((1, 4, 4, 8), "float32")))
    assert answer.shape == (1, 8, 8, 2) and not answer.any()


def test_colour_metric_is_the_share_of_chroma(batch):
    target = Regression().target(batch)
    assert float(Regression().metrics(target, target * 0.5)["colour"]) == pytest.approx(0.5, rel=1e-4)


@pytest.mark.parametrize("options", [{"space": "rgb"}, {"loss": "l1"}, {"space": "lab", "predict_y": True}])
def test_wrong_options_are_named(options):
    with pytest.raises(ValueError, match="regression"):
        Regression(**options)
