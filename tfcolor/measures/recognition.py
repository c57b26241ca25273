"""What is recognised: label maps against their truth, and photos by a frozen classifier."""

import numpy as np

from tfcolor.measures.measure import Measure, photo_mean

IGNORE = 255


def confusion_matrix(prediction, truth, classes, ignore=IGNORE):
    """Two label maps -> int64 [classes, classes]: rows the truth's classes, columns the prediction's.

    Args:
        prediction: integers [...], each a class index.
        truth: integers [...], each a class index, or `ignore`, which is left out.
        classes: how many there are.
    """
    prediction, truth = np.asarray(prediction), np.asarray(truth)
    if prediction.shape != truth.shape:
        raise ValueError(
            f"the predicted map is {list(prediction.shape)}, the truth {list(truth.shape)}: resize one by nearest first"
        )
    labelled = truth != ignore
    pairs = truth[labelled].astype("int64"), prediction[labelled].astype("int64")
    for labels, name in zip(pairs, ("true", "predicted"), strict=True):
        if labels.size and not 0 <= labels.min() <= labels.max() < classes:
            raise ValueError(
                f"a {name} label is {labels.max() if labels.max() >= classes else labels.min()}, the {classes} classes "
                f"are 0 to {classes - 1} ({ignore}: no label)"
            )
    return np.bincount(pairs[0] * classes + pairs[1], minlength=classes * classes).reshape(classes, classes)


def miou(classes, without=None, present=False, name="miou"):
    """The measure: mean over classes of intersection over union, counts summed over all photos.

    Classes that neither truth nor prediction ever has are left out of the mean.

    Args:
        classes: how many there are.
        without: index of a class that does not count, as the border of Pets for `miou_no_border`: pixels that are
            truly of it are ignored; elsewhere a pixel predicted to be of it is a miss of its true class.
        present: the mean over the classes that the truth has; a pixel that is predicted to be of another one is still
            a miss of its true class. For label sets of which the photos hold a part.
        name: key of the measure.

    Returns:
        A `Measure` of a predicted and a true label map, each integers of the same shape; 255 in the truth: no label.
    """
    counted = [index for index in range(classes) if index != without]

    def statistic(prediction, truth):
        """(intersection, predicted pixels, true pixels) per class: all that the confusion matrix tells of the union."""
        matrix = confusion_matrix(prediction, truth, classes)[counted]
        return np.concatenate([matrix[range(len(counted)), counted], matrix.sum(axis=0)[counted], matrix.sum(axis=1)])

    def pool(sums, photos):
        intersection, predicted, true = np.split(sums, 3, axis=-1)
        union = predicted + true - intersection
        there = (true if present else union) > 0
        shares = np.where(there, intersection / union, 0.0)
        return shares.sum(axis=-1) / there.sum(axis=-1)

    return Measure(name, statistic, pool)


classifier_top1 = Measure("classifier_top1", lambda named, label: float(named == label), photo_mean)
"""Share of photos that a frozen classifier names right, from (what it names, what it is): two class indices."""


def _share_of_the_way(sums, photos):
    model, gray, truth = np.moveaxis(sums, -1, 0)
    return (model - gray) / (truth - gray)


recovered = Measure(
    "recovered", lambda model, gray, truth: np.array([model, gray, truth], "float64"), _share_of_the_way
)
"""(model - gray) / (truth - gray) of `classifier_top1`, from whether a photo is named right coloured, gray, true."""


def label_maps(scores, height, width):
    """Class scores -> the likeliest class of each pixel.

    Args:
        scores: [N, ceil(height / s), ceil(width / s), classes] at a stride s of 1, 2, 4, 8, ...
        height, width: of the maps, in pixels.

    Returns:
        uint8 [N, height, width].
    """
    labels = scores.argmax(axis=-1).astype("uint8")
    for axis, length in ((1, height), (2, width)):
        stride = 1
        while stride * labels.shape[axis] < length:
            stride *= 2
        labels = labels.repeat(stride, axis=axis)
    return labels[:, :height, :width]
