"""Regression of chroma: U and V, or Lab's a and b, one value a pixel."""

from keras import ops

from tfcolor.color import spaces
from tfcolor.heads.head import Head, last_layer, shrink
from tfcolor.replicas import share


class Regression(Head):
    """Chroma as numbers (Pets report; the L2 baseline of every other system).

    Args:
        space: "yuv" (U, V in BT.601's units) or "lab" (ab / 110).
        loss: "mse" or "huber" (delta 1: on values within [-1, 1] half the squared error).
        predict_y: also answer Y, as the Pets report does; only for "yuv". The photo's own Y is used all the same.
        stride: at which the chroma is answered.
    """

    def __init__(self, space="yuv", loss="mse", predict_y=False, stride=1, name="regression"):
        if space not in ("yuv", "lab"):
            raise ValueError(f"regression: space {space!r}; allowed: 'yuv', 'lab'")
        if loss not in ("mse", "huber"):
            raise ValueError(f"regression: loss {loss!r}; allowed: 'mse', 'huber'")
        if predict_y and space != "yuv":
            raise ValueError("regression: predict_y is for space 'yuv'; Lab's lightness is never predicted")
        self.space, self.kind, self.predict_y, self.stride, self.name = space, loss, predict_y, stride, name

    def build(self, features):
        return last_layer(features, self.stride, 3 if self.predict_y else 2, self.name)

    def target(self, batch):
        """-> [N, h, w, 2] (or 3 with Y): float32, in the units that the network answers."""
        rgb = shrink(spaces.from_uint8(batch["image"]), self.stride)
        if self.space == "lab":
            return spaces.ab_to_network(spaces.rgb_to_lab(rgb)[..., 1:])
        yuv = spaces.rgb_to_yuv(rgb)
        return yuv if self.predict_y else yuv[..., 1:]

    def loss(self, target, output):
        """Mean over photos, pixels and channels."""
        error = ops.abs(target - output)
        if self.kind == "mse":
            return share(ops.mean(ops.square(error)), 1.0)
        return share(ops.mean(ops.where(error < 1.0, 0.5 * ops.square(error), error - 0.5)), 1.0)

    def chroma(self, output):
        """-> U, V or a, b [N, h, w, 2] in the space's own units."""
        chroma = output[..., -2:]
        return spaces.network_to_ab(chroma) if self.space == "lab" else chroma

    def metrics(self, target, output):
        """`colour`: how much chroma is answered, as a share of the truth's (mean magnitudes)."""

        def magnitude(chroma):
            return ops.mean(ops.norm(chroma[..., -2:], axis=-1))

        return {"colour": share(magnitude(output), magnitude(target), least=1e-6)}
