"""Label maps against scikit-learn's confusion matrix and Jaccard score; a classifier's shares by hand."""

import numpy as np
import pytest
import sklearn.metrics

from tfcolor.measures import Table, classifier_top1, miou, recovered
from tfcolor.measures.recognition import confusion_matrix, label_maps


@pytest.fixture(scope="module")
def maps():
    """Six pairs of label maps of three classes, a tenth of the truth without a label: uint8 [6, 20, 30] each."""
    generator = np.random.default_rng(0)
    truth = generator.choice([0, 1, 2], (6, 20, 30), p=[0.5, 0.4, 0.1]).astype("uint8")
    prediction = np.where(generator.random(truth.shape) < 0.7, truth, generator.integers(0, 3, truth.shape))
    truth[generator.random(truth.shape) < 0.1] = 255
    return prediction.astype("uint8"), truth


def test_confusion_is_scikit_learns(maps):
    prediction, truth = maps
    known = truth != 255
    expected = sklearn.metrics.confusion_matrix(truth[known], prediction[known], labels=range(4))
    np.testing.assert_array_equal(confusion_matrix(prediction, truth, 4), expected)


def test_miou_sums_the_counts_over_the_split(maps):
    prediction, truth = maps
    table = Table(resamples=50)
    for pair in zip(prediction, truth, strict=True):
        table.add("model", miou(3), *pair)
        table.add("model", miou(3, without=2, name="miou_no_border"), *pair)
    rows = table.rows()["model"]
    known = truth != 255
    expected = sklearn.metrics.jaccard_score(truth[known], prediction[known], average="macro")
    assert rows["miou"]["mean"] == pytest.approx(expected, abs=1e-12)
    assert rows["miou"]["low"] < expected < rows["miou"]["high"]

    inside = known & (truth != 2)
    expected = sklearn.metrics.jaccard_score(truth[inside], prediction[inside], labels=[0, 1], average="macro")
    assert rows["miou_no_border"]["mean"] == pytest.approx(expected, abs=1e-12)
    assert expected > rows["miou"]["mean"]


def test_a_predicted_border_is_a_miss_of_the_true_class():
    truth = np.array([[0, 0, 0, 0, 1, 1, 1, 1, 2, 2]])
    prediction = np.array([[0, 0, 0, 2, 1, 1, 1, 1, 0, 1]])
    assert miou(3, without=2)(prediction, truth) == pytest.approx((3 / 4 + 4 / 4) / 2)


def test_classes_that_never_occur_do_not_count():
    truth, prediction = np.array([[0, 0, 3, 255]]), np.array([[0, 3, 3, 5]])
    assert miou(183)(prediction, truth) == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert np.isnan(miou(4)(truth * 0, truth * 0 + 255))  # no label anywhere


def test_classes_that_are_predicted_alone_may_not_count():
    truth, prediction = np.array([[0, 0, 3, 255]]), np.array([[0, 1, 3, 2]])
    assert miou(4)(prediction, truth) == pytest.approx((1 / 2 + 0 + 1) / 3)
    assert miou(4, present=True)(prediction, truth) == pytest.approx((1 / 2 + 1) / 2)


@pytest.mark.parametrize("prediction, truth, words", [
    ([[0, 1]], [[0, 4]], "a true label is 4, the 3 classes are 0 to 2"),
    ([[0, 3]], [[0, 1]], "a predicted label is 3"),
    ([[0, 1]], [[0], [1]], r"predicted map is \[1, 2\], the truth \[2, 1\]"),
])  # fmt: skip
def test_bad_maps_are_refused_in_words(prediction, truth, words):
    with pytest.raises(ValueError, match=words):
        miou(3)(np.array(prediction), np.array(truth))


def test_top1_and_what_is_recovered_of_it():
    table = Table(resamples=200)
    truth = [True] * 9 + [False]
    gray = [True] * 5 + [False] * 5
    model = [True] * 6 + [False] * 4
    for index, right in enumerate(zip(model, gray, truth, strict=True)):
        table.add("model", classifier_top1, index if right[0] else -1, index)
        table.add("model", recovered, *right)
    rows = table.rows()["model"]
    assert rows["classifier_top1"]["mean"] == pytest.approx(0.6)
    assert rows["recovered"]["mean"] == pytest.approx(1 / 4)
    assert rows["recovered"]["low"] <= 1 / 4 <= rows["recovered"]["high"]
    assert np.isnan(recovered(True, True, True))  # gray is as good as the truth: there was nothing to recover


@pytest.mark.parametrize("stride", [1, 4])
def test_label_maps_fill_each_cell_and_cut_what_reaches_out(stride):
    height, width = 9, 13
    scores = np.random.default_rng(0).random((2, -(-height // stride), -(-width // stride), 3))
    found = label_maps(scores, height, width)
    rows, columns = np.arange(height) // stride, np.arange(width) // stride
    np.testing.assert_array_equal(found, scores.argmax(-1)[:, rows][:, :, columns])
    assert found.shape == (2, height, width) and found.dtype == np.uint8
