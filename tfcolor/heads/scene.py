"""The head that names the scene of a photo, as a guide of the encoder (Chonnam thesis 2020)."""

from keras import layers, ops

from tfcolor.heads.head import Head
from tfcolor.replicas import share

CLASSES = 365  # of Places365


class Scene(Head):
    """Logits over 365 scenes from the encoder's deepest features: its gradient improves the encoder only.

    Trained by cross-entropy against `scene` of the batch, a teacher's five highest probabilities of sum 1; all zero
    where a photo has no scene, which weighs nothing.
    """

    stride = None

    def __init__(self, name="scene"):
        self.name = name

    def build(self, features):
        """Features -> logits [N, 365]: the mean over the encoder's positions, and one dense layer started at zero."""
        pooled = layers.GlobalAveragePooling2D(name=f"{self.name}_pool")(features["encoder"])
        return layers.Dense(CLASSES, kernel_initializer="zeros", dtype="float32", name=self.name)(pooled)

    def target(self, batch):
        """A batch's `scene`: float32 [N, 365]."""
        return batch["scene"]

    def loss(self, target, output):
        """Cross-entropy of probabilities [N, 365] and logits [N, 365], the mean over the photos that have a scene."""
        rows = -ops.sum(target * ops.log_softmax(output), axis=-1)
        return share(ops.sum(rows), ops.sum(_labelled(target)))

    def metrics(self, target, output):
        """`accuracy`: how often the likeliest scene is the teacher's likeliest."""
        right = ops.cast(ops.argmax(output, axis=-1) == ops.argmax(target, axis=-1), "float32")
        labelled = _labelled(target)
        return {"accuracy": share(ops.sum(right * labelled), ops.sum(labelled))}


def _labelled(target):
    return ops.cast(ops.any(target > 0, axis=-1), "float32")
