"""Several looks of one network at a photo, and the mean of what it answers."""

import tensorflow as tf

from tfcolor.heads.segmentation import Segmentation


def look(system, gray, labels=None, views=()):
    """What a system answers about photos: the mean over the photo as it is and other views of it.

    A small view shows the network more of the photo at once: hues are steadier over large things. A mirrored one evens
    out chance. Each view is another run of the network, at the cost of its pixels. Label maps leave the small views
    out, which blur what is thin.

    Args:
        system: `tfcolor.tasks.System`.
        gray: float32 [N, h, w, 1] in [0, 1].
        labels: uint8 [N, h, w, 1] for a system that reads them; None: nothing is known anywhere.
        views: scales of the other views, such as (0.625,); a minus mirrors: -1.0 is the mirrored photo.

    Returns:
        {head: float32}: as `system.outputs`.
    """
    outputs = dict(system.outputs(gray, labels))
    if not views:
        return outputs
    # All views cover whole cells of every head, so that a cell lies at the same place of the photo in each of them.
    stride = max(head.stride or 1 for head in system.heads)
    gray, labels = _to_multiple(gray, stride), None if labels is None else _to_multiple(labels, stride)
    answers = [_answer(system, gray, labels, view, stride) for view in views]
    for head in system.heads:
        own = outputs[head.name]
        least = 1.0 if isinstance(head, Segmentation) else 0.0
        others = [answer[head.name] for view, answer in zip(views, answers, strict=True) if abs(view) >= least]
        if head.stride is not None:
            cells, kept = tf.shape(gray)[1:3] // head.stride, tf.shape(own)
            others = [tf.image.resize(other, cells)[:, : kept[1], : kept[2]] for other in others]
        if others:
            outputs[head.name] = tf.add_n([own, *others]) / (1.0 + len(others))
    return outputs


def _answer(system, gray, labels, view, stride):
    """The outputs for one view, turned back where it is mirrored, at its own resolution."""
    cells = abs(view) * tf.cast(tf.shape(gray)[1:3], tf.float32) / stride
    size = stride * tf.maximum(tf.cast(tf.round(cells), tf.int32), 1)
    gray = tf.image.resize(gray, size)
    if labels is not None:  # as float32: LiteRT resizes no uint8 by nearest neighbours
        labels = tf.cast(tf.image.resize(tf.cast(labels, tf.float32), size, method="nearest"), labels.dtype)
    if view > 0:
        return system.outputs(gray, labels)
    outputs = system.outputs(gray[:, :, ::-1], None if labels is None else labels[:, :, ::-1])
    whole = {head.name for head in system.heads if head.stride is None}
    return {name: value if name in whole else value[:, :, ::-1] for name, value in outputs.items()}


def _to_multiple(image, stride):
    """[N, h, w, C] -> the same with its last row and column repeated, until both sides are multiples of `stride`."""
    for axis in (1, 2):
        side = tf.shape(image)[axis]
        places = tf.range((side + stride - 1) // stride * stride)
        image = tf.gather(image, tf.minimum(places, side - 1), axis=axis)
    return image
