"""How like the truth a colouring is, pixel by pixel and window by window."""

import numpy as np

from tfcolor.measures.measure import photo_measure

# SSIM's Gaussian window as scikit-image cuts it (sigma 1.5, out to 3.5 sigma: 11 taps), and its constants for 0-255.
SSIM_RADIUS = 5
SSIM_WINDOW = np.exp(-0.5 * (np.arange(-SSIM_RADIUS, SSIM_RADIUS + 1) / 1.5) ** 2)
SSIM_WINDOW /= SSIM_WINDOW.sum()
SSIM_C1, SSIM_C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


@photo_measure(unit="dB", digits=2)
def psnr(prediction, truth):
    """Peak signal to noise ratio of RGB in dB: all three channels in one MSE, per photo (Larsson et al. 2016).

    Infinite where the two are the same.
    """
    difference = prediction.unit - truth.unit
    with np.errstate(divide="ignore"):
        return -10.0 * np.log10(np.mean(difference * difference))


@photo_measure()
def ssim(prediction, truth):
    """Structural similarity (Wang, Bovik, Sheikh, Simoncelli 2004) of RGB, mean over channels and windows.

    Equal to scikit-image's `structural_similarity` with Gaussian weights, sigma 1.5, `use_sample_covariance=False`,
    data range 255, windows wholly inside the photo. Photos under 11 pixels a side are refused.
    """
    if min(truth.rgb.shape[:2]) < SSIM_WINDOW.size:
        height, width = truth.rgb.shape[:2]
        raise ValueError(f"SSIM's window is {SSIM_WINDOW.size} pixels wide, the photo {width} x {height}: too small")
    # Channel by channel: a plane and its temporaries stay in the processor's cache.
    return np.mean([_ssim(prediction.rgb[..., channel], truth.rgb[..., channel]) for channel in range(3)])


@photo_measure(digits=4, note='the "accuracy" of the Pets report: no colour at all scores about as high')
def argmax_yuv(prediction, truth):
    """Share of pixels in which the largest of (Y, U, V) is the same one: Keras's "accuracy" of a 3-channel regression.

    The figure of the Pets report. Y is nearly always the largest, so no colour at all scores about 98.6 %.
    """
    return np.mean(prediction.yuv.argmax(axis=-1) == truth.yuv.argmax(axis=-1))


def _ssim(x, y):
    """uint8 [H, W] and [H, W] -> the mean similarity of their windows."""
    x, y = x.astype("float64"), y.astype("float64")
    mean_x, mean_y = _blur(x), _blur(y)
    mean_xy, mean_squares = mean_x * mean_y, mean_x * mean_x + mean_y * mean_y
    covariance, variances = _blur(x * y) - mean_xy, _blur(x * x + y * y) - mean_squares
    similarity = (2.0 * mean_xy + SSIM_C1) * (2.0 * covariance + SSIM_C2)
    return np.mean(similarity / ((mean_squares + SSIM_C1) * (variances + SSIM_C2)))


def _blur(plane):
    """float64 [H, W] -> [H - 10, W - 10]: the Gaussian window along both axes, where it fits."""
    for _ in range(2):
        size = plane.shape[0] - 2 * SSIM_RADIUS
        total = plane[SSIM_RADIUS : SSIM_RADIUS + size] * SSIM_WINDOW[SSIM_RADIUS]
        for tap in range(SSIM_RADIUS):
            mirror = 2 * SSIM_RADIUS - tap
            total += SSIM_WINDOW[tap] * (plane[tap : tap + size] + plane[mirror : mirror + size])
        plane = total.T
    return plane
