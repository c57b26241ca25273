"""The prior: how often each of the 313 colours occurs in photos, and whether it is one to rebalance by."""

import numpy as np
import tensorflow as tf

from tfcolor.color import ab_bins
from tfcolor.color.ab_bins import CENTRES
from tfcolor.color.spaces import from_uint8, rgb_to_lab

PRIOR_SIDE = 64  # a photo counts by 64 x 64 of its pixels, so each counts the same
FEW_PHOTOS = 1000
GRAY_CHROMA, SATURATED_CHROMA = 10.0, 30.0


def colour_prior(examples):
    """How often each of the 313 bins occurs in photos: the mean of the soft encodings.

    Args:
        examples: a `tf.data.Dataset` of dicts with `image` uint8 [H, W, 3]. Each photo counts by 64 x 64 of its pixels,
            taken as they are; gray photos (ab within 5 of 0 everywhere) count nothing, as in training.

    Returns:
        prior float64 [313] of sum 1, and how many photos were gray.

    Raises:
        ValueError: all photos are gray.
    """

    @tf.function(reduce_retracing=True, autograph=False)
    def count(images):
        ab = rgb_to_lab(from_uint8(images))[..., 1:]
        coloured = tf.cast(tf.reduce_any(tf.abs(ab) > ab_bins.GRAY_REACH, axis=[1, 2, 3]), "float32")
        indices, weights = ab_bins.encode_by_table(ab)
        return ab_bins.count_bins(indices, weights * coloured[:, None, None, None]), tf.reduce_sum(1.0 - coloured)

    def pixels(example):
        return tf.image.resize(example["image"], (PRIOR_SIDE, PRIOR_SIDE), method="nearest")

    counts, gray = np.zeros(ab_bins.BINS), 0
    for images in examples.map(pixels, num_parallel_calls=2).batch(64).prefetch(1):
        in_bins, without_colour = count(images)
        counts += np.asarray(in_bins, "float64")
        gray += int(without_colour)
    if not counts.sum():
        raise ValueError(f"all {gray} photos are gray: there is no prior in them; choose photos in colour")
    return counts / counts.sum(), gray


def prior_warnings(prior, photos, gray=0):
    """What is wrong with a prior, in words: a list of str, empty for a good one.

    Args:
        prior: [313] of sum 1.
        photos: how many it was counted on, `gray` of them without any colour.
    """
    prior, chroma = np.asarray(prior), np.linalg.norm(CENTRES, axis=-1)
    warnings = []
    if photos - gray < FEW_PHOTOS:
        warnings.append(
            f"only {photos - gray} photos in colour: rare colours are a matter of chance; better {FEW_PHOTOS:,} or more"
        )
    if gray > 0.05 * photos:
        warnings.append(f"{gray} of {photos} photos are gray; they were left out")
    top = [index for index in np.argsort(-prior)[:5] if chroma[index] >= SATURATED_CHROMA]
    if top:
        shown = ", ".join(f"({CENTRES[index][0]:.0f}, {CENTRES[index][1]:.0f}) {prior[index]:.1%}" for index in top)
        warnings.append(
            f"saturated colours are among the five most frequent, at (a, b) = {shown}: photos of few things; "
            "rebalancing by this prior favours gray"
        )
    near_gray = prior[chroma <= GRAY_CHROMA].sum()
    if near_gray > 0.9:
        warnings.append(f"{near_gray:.1%} of the pixels are nearly gray: rebalancing by it exaggerates all colours")
    empty = int((prior == 0).sum())
    if empty > len(prior) // 4:
        warnings.append(f"{empty} of the {len(prior)} bins are empty: rebalancing weighs them all alike")
    return warnings
