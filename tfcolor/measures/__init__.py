"""The measures of colourisation: NumPy arrays in, numbers out; no TensorFlow, no Keras, no files.

A `Measure` is a function on one photo that gives a few sums, and a rule that pools the sums of many photos into one
number:

    psnr(prediction, truth)             # one photo, uint8 [H, W, 3] each -> a number
    table = Table()
    table.add("model", psnr, prediction, truth)      # photo by photo, in any number of rows and measures
    table.rows()                        # {"model": {"psnr": {"mean": 25.2, "low": 24.9, "high": 25.5}}}

`PHOTO_MEASURES` are those that compare a coloured photo with its truth, in the order of the tables. `miou` compares
label maps; `classifier_top1` and `recovered` compare what a frozen classifier calls the photos.
"""

from tfcolor.measures.chroma import (
    auc,
    auc_by_prior,
    auc_rebalanced,
    bins_counted,
    colorfulness,
    colorfulness_delta,
    delta_e,
    delta_e_76,
    l2_ab_thesis,
    rmse_ab,
)
from tfcolor.measures.likeness import argmax_yuv, psnr, ssim
from tfcolor.measures.measure import Measure
from tfcolor.measures.picture import MIN_CHROMA, Picture
from tfcolor.measures.recognition import classifier_top1, miou, recovered
from tfcolor.measures.table import Table

PHOTO_MEASURES = (
    psnr,
    ssim,
    rmse_ab,
    auc,
    auc_rebalanced,
    delta_e,
    delta_e_76,
    colorfulness,
    colorfulness_delta,
    l2_ab_thesis,
    argmax_yuv,
)

__all__ = [
    "MIN_CHROMA",
    "PHOTO_MEASURES",
    "Measure",
    "Picture",
    "Table",
    "argmax_yuv",
    "auc",
    "auc_by_prior",
    "auc_rebalanced",
    "bins_counted",
    "classifier_top1",
    "colorfulness",
    "colorfulness_delta",
    "delta_e",
    "delta_e_76",
    "l2_ab_thesis",
    "miou",
    "psnr",
    "recovered",
    "rmse_ab",
    "ssim",
]
