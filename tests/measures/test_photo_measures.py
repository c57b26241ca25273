"""Measures of one photo against scikit-image, SciPy, published pairs and closed forms."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.ndimage
import skimage.color
import skimage.metrics

from tfcolor import measures
from tfcolor.measures.chroma import ciede2000
from tfcolor.measures.picture import AB_BINS, Picture, nearest_bin, rgb_to_lab


@pytest.fixture(scope="module")
def photos():
    """A smooth colourful picture and a noisy, shifted version of it: uint8 [48, 61, 3] each."""
    generator = np.random.default_rng(0)
    smooth = scipy.ndimage.gaussian_filter(generator.random((48, 61, 3)), (4, 4, 0))
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    noisy = np.clip(0.9 * smooth + 0.05 + generator.normal(0, 0.05, smooth.shape), 0, 1)
    return np.rint(noisy * 255).astype("uint8"), np.rint(smooth * 255).astype("uint8")


@pytest.fixture(scope="module")
def colours():
    """Every gray, the corners of the cube and 20,000 random colours: uint8 [1, n, 3]."""
    grays = np.repeat(np.arange(256)[:, None], 3, axis=1)
    corners = np.array(np.meshgrid([0, 255], [0, 255], [0, 255])).reshape(3, -1).T
    return np.concatenate([grays, corners, np.random.default_rng(1).integers(0, 256, (20000, 3))])[None].astype("uint8")


def flat(*colour):
    return np.full((16, 16, 3), colour, "uint8")


def test_lab_is_scikit_images(colours):
    np.testing.assert_allclose(rgb_to_lab(colours), skimage.color.rgb2lab(colours), atol=1e-9)


def test_psnr_is_scikit_images(photos):
    expected = skimage.metrics.peak_signal_noise_ratio(photos[1], photos[0])
    assert measures.psnr(*photos) == pytest.approx(expected, abs=1e-9)


def test_psnr_of_a_known_error():
    # One channel of three is off by 51 of 255: the MSE is .2^2 / 3.
    assert measures.psnr(flat(151, 100, 100), flat(100, 100, 100)) == pytest.approx(10 * np.log10(3 / 0.04))


def test_psnr_of_the_same_is_infinite(photos):
    assert measures.psnr(photos[0], photos[0]) == np.inf


def test_ssim_is_scikit_images(photos):
    expected = skimage.metrics.structural_similarity(
        *photos, channel_axis=2, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert expected < 0.9
    assert measures.ssim(*photos) == pytest.approx(expected, abs=1e-12)


def test_ssim_refuses_photos_smaller_than_its_window():
    assert measures.ssim(flat(1, 2, 3)[:11, :11], flat(1, 2, 3)[:11, :11]) == pytest.approx(1)
    with pytest.raises(ValueError, match="11 pixels wide, the photo 16 x 10"):
        measures.ssim(flat(1, 2, 3)[:10], flat(1, 2, 3)[:10])


def test_rmse_ab_of_a_known_error():
    # Red off by .2: alpha by -.1, beta by .2.
    assert measures.rmse_ab(flat(151, 9, 9), flat(100, 9, 9)) == pytest.approx(np.sqrt(0.01 + 0.04))
    assert measures.rmse_ab(flat(60, 60, 60), flat(90, 90, 90)) == pytest.approx(0)  # lightness is no colour


def test_auc_is_the_area_under_the_curve_of_shares(photos):
    lab = [skimage.color.rgb2lab(photo) for photo in photos]
    distance = np.linalg.norm(lab[0][..., 1:] - lab[1][..., 1:], axis=-1)
    curve = [np.mean(distance <= threshold) for threshold in range(151)]
    assert measures.auc(*photos) == pytest.approx(np.mean(curve), abs=1e-12)
    assert measures.auc(photos[0], photos[0]) == 1


def test_auc_rebalanced_averages_the_curves_of_the_true_bins():
    generator = np.random.default_rng(2)
    palette = np.array([(200, 60, 50), (60, 150, 70), (50, 70, 190), (128, 128, 128)])
    share = np.array([0.5, 0.3, 0.196, 0.004])  # of 25,600 pixels: the last colour has about 100
    truth = palette[generator.choice(4, (160, 160), p=share)].astype("uint8")
    prediction = np.clip(truth + generator.normal(0, 40, truth.shape), 0, 255).astype("uint8")
    lab, predicted = (skimage.color.rgb2lab(photo)[..., 1:] for photo in (truth, prediction))
    bins = np.linalg.norm(lab[..., None, :] - AB_BINS, axis=-1).argmin(axis=-1)
    distance = np.linalg.norm(predicted - lab, axis=-1)
    areas = {q: np.mean([np.mean(distance[bins == q] <= t) for t in range(151)]) for q in np.unique(bins)}
    pixels = {q: np.sum(bins == q) for q in areas}
    assert sorted(count >= 1000 for count in pixels.values()) == [False, True, True, True]

    expected = np.mean([area for q, area in areas.items() if pixels[q] >= 1000])
    assert measures.auc_rebalanced(prediction, truth) == pytest.approx(expected, abs=1e-12)
    assert measures.bins_counted(measures.auc_rebalanced.statistic(prediction, truth)) == 3

    prior = generator.dirichlet(np.ones(313))
    weights = 1 / prior[bins]
    expected = np.mean([np.average(distance <= t, weights=weights) for t in range(151)])
    assert measures.auc_by_prior(prior)(prediction, truth) == pytest.approx(expected, abs=1e-12)


def test_a_prior_with_an_empty_bin_is_refused():
    prior = np.full(313, 1 / 312)
    prior[7] = 0
    with pytest.raises(ValueError, match="313 positive shares.*least value 0.0"):
        measures.auc_by_prior(prior)
    with pytest.raises(ValueError, match=r"shape \[312\]"):
        measures.auc_by_prior(np.full(312, 1 / 312))


def test_bins_are_the_nearest_of_the_centres(colours):
    ab = np.concatenate([rgb_to_lab(colours)[0, :, 1:], np.random.default_rng(3).uniform(-160, 160, (3000, 2))])
    distances = np.linalg.norm(ab[:, None] - AB_BINS, axis=-1)
    np.testing.assert_allclose(distances[np.arange(len(ab)), nearest_bin(ab)], distances.min(axis=1), atol=1e-12)
    assert AB_BINS.shape == (313, 2)


# Pairs of Sharma, Wu, Dalal (2005), table 1: hue near the blues, hues just either side of opposite, colours without
# chroma, and some of everyday size.
SHARMA = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, 3.1571, -77.2803), (50, 0, -82.7485), 2.8615),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
    ((50, 0, 0), (50, -1, 2), 2.3669),
    ((50, -1, 2), (50, 0, 0), 2.3669),
    ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
    ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
    ((50, -0.001, 2.49), (50, 0.0009, -2.49), 4.8045),
    ((50, -0.001, 2.49), (50, 0.0011, -2.49), 4.7461),
    ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((50, 2.5, 0), (58, 24, 15), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


def test_ciede2000_is_as_published():
    first, second, expected = (np.array(column) for column in zip(*SHARMA, strict=True))
    np.testing.assert_allclose(ciede2000(first, second), expected, atol=5.1e-5)
    np.testing.assert_allclose(ciede2000(second, first), expected, atol=5.1e-5)


def test_delta_e_is_scikit_images(photos, colours):
    pairs = [photos, (colours, colours[:, ::-1])]
    for prediction, truth in pairs:
        lab = skimage.color.rgb2lab(prediction), skimage.color.rgb2lab(truth)
        assert measures.delta_e(prediction, truth) == pytest.approx(
            skimage.color.deltaE_ciede2000(*lab).mean(), abs=1e-9
        )
        assert measures.delta_e_76(prediction, truth) == pytest.approx(
            skimage.color.deltaE_cie76(*lab).mean(), abs=1e-9
        )
    assert measures.delta_e(photos[0], photos[0]) == 0


def test_colorfulness_of_known_pictures():
    assert measures.colorfulness(flat(77, 77, 77), flat(0, 0, 0)) == 0
    # Half pure red, half pure cyan: rg is +-255, yb is 127.5 and -127.5, the means are 0.
    halves = np.concatenate([flat(255, 0, 0), flat(0, 255, 255)])
    assert measures.colorfulness(halves, halves) == pytest.approx(np.hypot(255, 127.5))
    # One colour everywhere: no spread, only the means.
    assert measures.colorfulness(flat(90, 60, 20), halves[:16]) == pytest.approx(0.3 * np.hypot(30, 55))
    assert measures.colorfulness_delta(flat(77, 77, 77), flat(90, 60, 20)) == pytest.approx(0.3 * np.hypot(30, 55))


def test_l2_ab_thesis_is_the_norm_over_the_pixels(photos):
    lab = [skimage.color.rgb2lab(photo)[..., 1:] for photo in photos]
    assert measures.l2_ab_thesis(*photos) == pytest.approx(np.linalg.norm(lab[0] - lab[1]) / (48 * 61), abs=1e-12)


def test_argmax_yuv_is_high_without_any_colour():
    truth = np.concatenate([flat(200, 180, 150)] * 3 + [flat(150, 0, 0)])  # only in the last quarter is V above Y
    gray = np.repeat(np.rint(truth @ [0.299, 0.587, 0.114]).astype("uint8")[..., None], 3, axis=-1)
    assert skimage.color.rgb2yuv(truth)[-1, 0].argmax() == 2
    assert measures.argmax_yuv(gray, truth) == 0.75
    assert measures.argmax_yuv(truth, truth) == 1


def test_mean_chroma_tells_gray_photos(photos):
    lab = skimage.color.rgb2lab(photos[0])
    assert Picture(photos[0]).mean_chroma == pytest.approx(np.hypot(lab[..., 1], lab[..., 2]).mean())
    assert (
        Picture(flat(130, 130, 130)).mean_chroma < 0.01 < measures.MIN_CHROMA < Picture(flat(138, 130, 126)).mean_chroma
    )


def test_the_truth_is_perfect(photos):
    truth = Picture(np.tile(photos[1], (6, 6, 1)))  # bins of more than 1,000 pixels
    best = {"psnr": np.inf, "ssim": 1, "auc": 1, "auc_rebalanced": 1, "argmax_yuv": 1}
    for measure in measures.PHOTO_MEASURES:
        if measure.name != "colorfulness":
            assert measure(truth, truth) == pytest.approx(best.get(measure.name, 0), abs=1e-12), measure.name


def test_pictures_and_arrays_give_the_same(photos):
    photos = [np.tile(photo, (6, 6, 1)) for photo in photos]
    for measure in measures.PHOTO_MEASURES:
        assert measure(*photos) == measure(*map(Picture, photos)) != 0, measure.name
        assert measure.__doc__, measure.name


@pytest.mark.parametrize(
    "bad, words",
    [
        (np.zeros((8, 8, 3), "float32"), r"uint8 \[height, width, 3\], this is float32 \[8, 8, 3\]"),
        (np.zeros((8, 8), "uint8"), r"this is uint8 \[8, 8\]"),
        (np.zeros((0, 8, 3), "uint8"), r"this is uint8 \[0, 8, 3\]"),
        (np.zeros((8, 20, 3), "uint8"), "prediction is 20 x 8 pixels, truth 16 x 16"),
    ],
)
def test_bad_photos_are_refused_in_words(bad, words):
    with pytest.raises(ValueError, match=words):
        measures.psnr(bad, flat(1, 2, 3))


def test_measures_need_numpy_alone():
    code = (
        "import sys, tfcolor.measures\n"
        "heavy = {'tensorflow', 'keras', 'scipy', 'skimage', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
