"""What one replica of a network that trains on several devices knows of the others: sums over all of them.

A global batch is shared out evenly, so many photos to each replica. A loss is a mean over all that counts in the whole
batch, wherever it lies: each replica answers its share of it, and the shares' sum is the loss of one process. Where
there is one replica, outside a training step, and under every backend but TensorFlow, nothing is summed.
"""

import keras
from keras import ops


def share(part, whole, least=1.0):
    """A replica's share of a quotient over the whole batch: its part of the numerator by everyone's denominator.

    Args:
        part: this replica's part of what is divided.
        whole: this replica's part of what it is divided by, such as the pixels that count; the number 1.0 where `part`
            is a mean over photos, of which every replica has as many.
        least: the denominator is at least that.

    Returns:
        A scalar. The sum over the replicas is `sum(part) / max(sum(whole), least)`.
    """
    whole = place()[1] * whole if isinstance(whole, float) else total(whole)
    return part / ops.maximum(whole, least)


def total(values):
    """Tensors, in any structure -> their sums over all replicas, in one exchange; None stays None.

    Its gradient is summed over the replicas, too: of what all of them compute from such sums, each takes its `share`.
    """
    context = _context()
    if context is None:
        return values
    import tensorflow as tf

    flat = [tf.convert_to_tensor(value) for value in keras.tree.flatten(values) if value is not None]
    sums = iter(context.all_reduce("SUM", flat))
    return keras.tree.map_structure(lambda value: None if value is None else next(sums), values)


def place():
    """(which replica this is, how many there are): an integer or a scalar tensor, and an integer."""
    context = _context()
    if context is None:
        return 0, 1
    return context.replica_id_in_sync_group, context.num_replicas_in_sync


def drawn(draw, photos):
    """Random numbers for this replica's photos, those that they would get in one process.

    Args:
        draw: function of a number of photos -> [photos, ...]; called for the whole batch.
        photos: of this replica.
    """
    index, count = place()
    numbers = draw(count * photos)
    return numbers if count == 1 else numbers[index * photos : (index + 1) * photos]


def _context():
    """TensorFlow's replica context, inside a step of several replicas; None elsewhere."""
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    return None if context is None or context.num_replicas_in_sync == 1 else context
