"""The Dice loss of V-Net (Milletari, Navab, Ahmadi 2016), for segmentation with many and rare classes."""

from keras import ops

from tfcolor.replicas import total


def dice_loss(labels, probabilities, known):
    """1 - 2 sum(y p) / (sum y^2 + sum p^2) for each class, the mean over the classes that are present.

    The sums run over all known pixels of the batch; y is 1 where a pixel is of the class. The target stays one integer
    a pixel. The form printed in the Chonnam thesis, `(sum y)^2 + (sum p)^2`, is not 0 at a perfect match.

    Args:
        labels: int32 [N, h, w] in 0 ... C - 1, anything of these where unknown.
        probabilities: float32 [N, h, w, C] of sum 1.
        known: float32 [N, h, w], 1 where there is a label, else 0.

    Returns:
        A scalar in [0, 1]; 0 where nothing is known.
    """
    classes = probabilities.shape[-1]
    labels = ops.reshape(labels, (-1,))
    known = ops.reshape(known, (-1,))
    probabilities = ops.reshape(probabilities, (-1, classes))
    first = classes * ops.arange(ops.shape(probabilities)[0], dtype="int32")
    own = ops.take(ops.reshape(probabilities, (-1,)), first + labels, axis=0)
    common = ops.segment_sum(own * known, labels, num_segments=classes)
    pixels = ops.segment_sum(known, labels, num_segments=classes)
    predicted = ops.sum(ops.square(probabilities) * known[:, None], axis=0)
    common, pixels, predicted = total((common, pixels, predicted))
    present = ops.cast(pixels > 0, "float32")
    dice = 2.0 * common / ops.maximum(pixels + predicted, 1.0)
    return ops.sum(present * (1.0 - dice)) / ops.maximum(ops.sum(present), 1.0)
