"""Segmentation: a class for every pixel, learnt beside the colour."""

from keras import ops

from tfcolor.heads.dice import dice_loss
from tfcolor.heads.head import Head, last_layer
from tfcolor.replicas import share

NO_LABEL = 255  # a mask's value where nothing is known: weighs nothing in the loss and in the measures


class Segmentation(Head):
    """Class scores for every pixel.

    Args:
        classes: names of the mask's values 0, 1, ...; 255 is no label.
        loss: "cross_entropy", "dice" (mean over the classes present), or "both", their sum: the cross-entropy learns
            soonest, Dice weighs a thin class as much as a wide one.
        class_weights: one factor a class in the cross-entropy, or None.
        stride: at which the classes are answered; the mask is taken at each cell's upper left pixel.
    """

    def __init__(self, classes, loss="cross_entropy", class_weights=None, stride=1, name="segmentation"):
        if not 2 <= len(classes) <= NO_LABEL:
            raise ValueError(f"segmentation: {len(classes)} classes; 2 to {NO_LABEL} are possible")
        if loss not in ("cross_entropy", "dice", "both"):
            raise ValueError(f"segmentation: loss {loss!r}; allowed: 'cross_entropy', 'dice', 'both'")
        if class_weights is not None and len(class_weights) != len(classes):
            raise ValueError(f"segmentation: {len(class_weights)} class weights for {len(classes)} classes")
        self.classes, self.kind, self.class_weights = list(classes), loss, class_weights
        self.stride, self.name = stride, name

    def build(self, features):
        return last_layer(features, self.stride, len(self.classes), self.name)

    def target(self, batch):
        """-> int32 [N, h, w], 255 where there is no label."""
        return ops.cast(batch["mask"][:, :: self.stride, :: self.stride, 0], "int32")

    def loss(self, target, output):
        """Mean over the pixels that have a label."""
        known = ops.cast(target != NO_LABEL, "float32")
        index = ops.where(target == NO_LABEL, 0, target)
        loss = 0.0
        if self.kind != "cross_entropy":
            loss += share(dice_loss(index, ops.softmax(output), known), 1.0)
        if self.kind != "dice":
            entropy = ops.sparse_categorical_crossentropy(index, output, from_logits=True)
            if self.class_weights is not None:
                known = known * ops.take(ops.convert_to_tensor(self.class_weights, "float32"), index)
            loss += share(ops.sum(entropy * known), ops.sum(known))
        return loss

    def segment(self, output):
        """-> the likeliest class, uint8 [N, h, w]."""
        return ops.cast(ops.argmax(output, axis=-1), "uint8")

    def metrics(self, target, output):
        """`accuracy` over the pixels that have a label."""
        known = ops.cast(target != NO_LABEL, "float32")
        right = ops.cast(ops.cast(ops.argmax(output, axis=-1), "int32") == target, "float32")
        return {"accuracy": share(ops.sum(right * known), ops.sum(known))}
