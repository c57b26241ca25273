"""The sheet that a training shows after each epoch."""

import numpy as np
from test_tasks import CLASSES, batch_of, stirred, tiny

from tfcolor.data.labels import palette_of
from tfcolor.pictures import prediction_sheet
from tfcolor.tasks import System


def test_columns_are_gray_prediction_truth_and_both_masks():
    batch = batch_of(2, 32, 32)
    batch["mask"][0, :5] = 255  # no label
    sheet = prediction_sheet(stirred(System(tiny("multitask"), CLASSES)), batch)
    assert sheet.shape == (2 * 32, 5 * 32, 3) and sheet.dtype == np.uint8
    gray, prediction, truth, found, mask = (column.reshape(2, 32, 32, 3) for column in np.split(sheet, 5, axis=1))
    luma = np.rint(batch["image"] @ np.array([0.299, 0.587, 0.114]))
    np.testing.assert_array_equal(gray, np.repeat(luma[..., None], 3, axis=-1))
    np.testing.assert_array_equal(truth, batch["image"])
    assert np.abs(prediction @ np.array([0.299, 0.587, 0.114]) - luma).max() <= 1
    assert np.ptp(prediction.astype(int), axis=-1).max() > 5
    colours = np.zeros((256, 3), "uint8")  # black where there is no label
    colours[: len(CLASSES)] = palette_of(CLASSES)
    np.testing.assert_array_equal(mask, colours[batch["mask"][..., 0]])
    assert {tuple(colour) for colour in found.reshape(-1, 3)} <= {tuple(colour) for colour in palette_of(CLASSES)}


def test_a_network_without_masks_has_three_columns():
    assert prediction_sheet(System(tiny("yuv")), batch_of(1, 32, 32)).shape == (32, 3 * 32, 3)
