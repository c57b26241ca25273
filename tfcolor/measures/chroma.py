"""How far the colours of a colouring are from the truth's, and how colourful it is."""

from dataclasses import replace

import numpy as np

from tfcolor.measures.measure import photo_measure, pixel_mean
from tfcolor.measures.picture import AB_BINS

# The thresholds of the AUC: 0, 1 ... 150 CIE units.
AUC_THRESHOLDS = 151
# A true bin with fewer pixels than this in all photos together says nothing reliable: not counted in `auc_rebalanced`.
MIN_BIN_PIXELS = 1000


def root_pixel_mean(sums, photos):
    """The root of the mean over all pixels of all photos."""
    return np.sqrt(pixel_mean(sums, photos))


@photo_measure(pool=root_pixel_mean, better="lower", digits=4)
def rmse_ab(prediction, truth):
    """Root mean squared error in (alpha, beta) = (B - (R + G) / 2, R - G), RGB in [0, 1] (Deshpande et al. 2015).

    The mean is over all pixels of all photos (Larsson et al. 2016). Gives (squared error, pixels).
    """
    red, green, blue = np.moveaxis(prediction.unit - truth.unit, -1, 0)
    alpha, beta = blue - (red + green) / 2.0, red - green
    return np.array([np.sum(alpha * alpha) + np.sum(beta * beta), alpha.size])


@photo_measure(pool=pixel_mean, digits=4)
def auc(prediction, truth):
    """Area under the curve of the share of pixels within t CIE units in ab, t = 0 ... 150 (Zhang et al. 2016).

    The area is the mean of the 151 shares, which is the mean over pixels of the share of thresholds that hold them: so
    a photo gives (thresholds held, thresholds x pixels).
    """
    held = _thresholds_held(prediction, truth)
    return np.array([held.sum(), held.size * AUC_THRESHOLDS])


def mean_over_bins(sums, photos):
    """(thresholds held, pixels) for each of the 313 bins -> the mean over the bins that have pixels."""
    held, pixels = np.split(sums, 2, axis=-1)
    areas = np.where(pixels > 0, held / pixels / AUC_THRESHOLDS, 0.0)
    return areas.sum(axis=-1) / (pixels > 0).sum(axis=-1)


def in_full_bins(sums):
    """(thresholds held, pixels) for each of the 313 bins -> True for both where the bin has pixels enough."""
    full = sums[..., len(AB_BINS) :] >= MIN_BIN_PIXELS
    return np.concatenate([full, full], axis=-1)


@photo_measure(pool=mean_over_bins, counts=in_full_bins, digits=4)
def auc_rebalanced(prediction, truth):
    """The same area for each of the 313 true bins, averaged over the bins with at least 1,000 pixels.

    Gives (thresholds held, pixels) per bin, uint32 [626]; a pixel belongs to the bin nearest to its true colour.
    Resamples of the bootstrap keep the bins that count over all photos, and where a resample misses a bin its area over
    all photos: else rare colours would come and go, and the interval would tell of bins instead of colourings.
    `bins_counted` tells how many they are; `auc_by_prior` is Zhang's own weighting.
    """
    bins = truth.bins.ravel()
    held = np.bincount(bins, _thresholds_held(prediction, truth).ravel(), len(AB_BINS))
    return np.concatenate([held, np.bincount(bins, minlength=len(AB_BINS))]).astype("uint32")


def bins_counted(sums):
    """The sums of `auc_rebalanced` over all photos [626] -> how many of the 313 bins have pixels enough to count."""
    return int(in_full_bins(sums).sum()) // 2


def auc_by_prior(prior):
    """`auc_rebalanced` as Zhang et al. (2016) weigh it: each pixel by 1 / (its true bin's share of a training set).

    Args:
        prior: float [313], positive, the bins' shares of a training set's pixels.

    Returns:
        A `Measure`, of the same name and statistic.
    """
    prior = np.asarray(prior, "float64")
    if prior.shape != (len(AB_BINS),) or not (np.isfinite(prior) & (prior > 0)).all():
        raise ValueError(
            f"a prior is {len(AB_BINS)} positive shares, this is of shape {list(prior.shape)}, its least value "
            f"{prior.min() if prior.size else None}: bins that never occur need a small share, as "
            "`tfcolor datasets prior --smooth 5` gives"
        )

    def pool(sums, photos):
        held, pixels = np.split(sums, 2, axis=-1)
        return (held / prior).sum(axis=-1) / (pixels / prior).sum(axis=-1) / AUC_THRESHOLDS

    return replace(auc_rebalanced, pool=pool, counts=None)


@photo_measure(better="lower", digits=2)
def delta_e(prediction, truth):
    """CIEDE2000 colour difference, mean over pixels (Luo, Cui, Rigg 2001; k_L = k_C = k_H = 1)."""
    return ciede2000(prediction.lab, truth.lab).mean()


@photo_measure(better="lower", digits=2)
def delta_e_76(prediction, truth):
    """CIE 1976 colour difference, the distance in Lab, mean over pixels: for where speed matters."""
    difference = prediction.lab - truth.lab
    return np.sqrt(np.einsum("hwc,hwc->hw", difference, difference)).mean()


@photo_measure(better="", digits=1)
def colorfulness(prediction, truth):
    """Colourfulness M3 of the prediction alone (Hasler, Suesstrunk 2003): 0 gray, 15 slightly, 45 quite, 109 most."""
    return _m3(prediction)


def difference_of_means(sums, photos):
    """|mean over photos of the first - mean over photos of the second|."""
    return np.abs(sums[..., 0] - sums[..., 1]) / photos


@photo_measure(pool=difference_of_means, better="lower", digits=1)
def colorfulness_delta(prediction, truth):
    """The distance between the mean colourfulness of predictions and of truths. Gives (prediction's, truth's)."""
    return np.array([_m3(prediction), _m3(truth)])


@photo_measure(better="lower", digits=4, note="depends on the size of the photos: compare within this table only")
def l2_ab_thesis(prediction, truth):
    """The norm of a photo's differences in ab divided by its pixels, CIE units (Chonnam thesis 2020: L2_ab).

    Falls with the size of the photo: comparable within one table only.
    """
    difference = prediction.lab[..., 1:] - truth.lab[..., 1:]
    return np.sqrt(np.einsum("hwc,hwc->", difference, difference)) / difference[..., 0].size


def ciede2000(first, second):
    """Lab [..., 3] and Lab [..., 3] -> the CIEDE2000 difference float64 [...], as Sharma, Wu, Dalal (2005) write it.

    Where a colour has no chroma its hue counts as the other's, as their note says.
    """
    light_1, a_1, b_1 = np.moveaxis(np.asarray(first, "float64"), -1, 0)
    light_2, a_2, b_2 = np.moveaxis(np.asarray(second, "float64"), -1, 0)

    # Near the gray axis a is stretched, by the mean chroma of the two.
    stretch = 1.5 - 0.5 * _chroma_share((np.hypot(a_1, b_1) + np.hypot(a_2, b_2)) / 2.0)
    a_1, a_2 = a_1 * stretch, a_2 * stretch
    chroma_1, chroma_2 = np.hypot(a_1, b_1), np.hypot(a_2, b_2)
    hue_1, hue_2 = np.arctan2(b_1, a_1) % (2.0 * np.pi), np.arctan2(b_2, a_2) % (2.0 * np.pi)
    colourless = (chroma_1 == 0.0) | (chroma_2 == 0.0)

    # Hues are angles: their difference goes the short way round, and their mean lies half-way on it.
    turn = hue_2 - hue_1
    turn -= 2.0 * np.pi * (np.abs(turn) > np.pi) * np.sign(turn)
    hue = np.where(colourless, hue_1 + hue_2, hue_1 + turn / 2.0)
    lightness, chroma = (light_1 + light_2) / 2.0, (chroma_1 + chroma_2) / 2.0

    d_lightness, d_chroma = light_2 - light_1, chroma_2 - chroma_1
    d_hue = 2.0 * np.sqrt(chroma_1 * chroma_2) * np.sin(turn / 2.0)

    from_50 = (lightness - 50.0) ** 2
    s_lightness = 1.0 + 0.015 * from_50 / np.sqrt(20.0 + from_50)
    s_chroma = 1.0 + 0.045 * chroma
    s_hue = 1.0 + 0.015 * chroma * (
        1.0
        - 0.17 * np.cos(hue - np.radians(30.0))
        + 0.24 * np.cos(2.0 * hue)
        + 0.32 * np.cos(3.0 * hue + np.radians(6.0))
        - 0.20 * np.cos(4.0 * hue - np.radians(63.0))
    )
    degrees = np.degrees(hue) % 360.0
    rotation = -2.0 * _chroma_share(chroma) * np.sin(np.radians(60.0) * np.exp(-(((degrees - 275.0) / 25.0) ** 2)))

    lightness_term, chroma_term, hue_term = d_lightness / s_lightness, d_chroma / s_chroma, d_hue / s_hue
    squared = lightness_term**2 + chroma_term**2 + hue_term**2 + rotation * chroma_term * hue_term
    return np.sqrt(np.maximum(squared, 0.0))


def _chroma_share(chroma):
    """sqrt(C^7 / (C^7 + 25^7)) by multiplications: a general power costs more than all the rest of CIEDE2000."""
    squared = chroma * chroma
    seventh = squared * squared * squared * chroma
    return np.sqrt(seventh / (seventh + 25.0**7))


def _thresholds_held(prediction, truth):
    """How many of the thresholds 0 ... 150 are at or above each pixel's distance in ab: int-valued float64 [H, W]."""
    difference = prediction.lab[..., 1:] - truth.lab[..., 1:]
    distance = np.hypot(difference[..., 0], difference[..., 1])
    return np.maximum(AUC_THRESHOLDS - np.ceil(distance), 0.0)


def _m3(picture):
    red, green, blue = np.moveaxis(picture.rgb.astype("float64"), -1, 0)
    rg, yb = red - green, (red + green) / 2.0 - blue
    return np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
