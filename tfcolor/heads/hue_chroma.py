"""Heads that answer histograms of colour: hue and chroma (Larsson, Maire, Shakhnarovich 2016), and the Lab variants.

The variant "Lab L2" of that paper is `Regression(space="lab")`.
"""

from keras import ops

from tfcolor.color import histograms, hue_chroma
from tfcolor.color.constants import AB_SCALE
from tfcolor.color.spaces import from_uint8, rgb_to_lab
from tfcolor.heads.head import Head, last_layer, shrink

AXIS = {"low": -AB_SCALE, "high": AB_SCALE}  # of a, and of b


class HueChroma(Head):
    """Logits of 32 bins of hue and 32 of chroma, trained by `KL(chroma) + hue_weight * true chroma * KL(hue)`.

    Args:
        stride: pixels of the photo along a side of an output pixel.
        hue_weight: of the hue's loss; the true chroma weighs it, as hue means little where there is little of it.
        shared: False trains on the nearest bin, True on the two nearest.
        chroma_by: "quantile" (a knob, the median by default), "mode" or "expectation" of the predicted chroma.
    """

    space = "yuv"

    def __init__(self, stride=4, hue_weight=5.0, shared=False, chroma_by="quantile", name="hue_chroma"):
        if chroma_by not in ("quantile", "mode", "expectation"):
            raise ValueError(f"{name}: chroma_by {chroma_by!r}; allowed: 'quantile', 'mode', 'expectation'")
        self.stride, self.hue_weight, self.shared, self.name = stride, hue_weight, shared, name
        self.chroma_by = chroma_by
        self.knobs = {"fade": hue_chroma.FADE} | ({"quantile": 0.5} if chroma_by == "quantile" else {})

    def build(self, features):
        """Features of a decoder -> logits [N, H / stride, W / stride, 64], hue's first."""
        return last_layer(features, self.stride, 2 * hue_chroma.BINS, self.name)

    def target(self, batch):
        """A batch's `image` -> (bins of hue, bins of chroma, chroma float32 [N, h, w]); bins as (indices, weights)."""
        hue, chroma = hue_chroma.rgb_to_hue_chroma(shrink(from_uint8(batch["image"]), self.stride))
        return hue_chroma.encode_hue(hue, self.shared), hue_chroma.encode_chroma(chroma, self.shared), chroma

    def loss(self, target, output):
        """Mean over all pixels."""
        hue, chroma, true_chroma = target
        of_hue, of_chroma = ops.split(output, 2, axis=-1)
        of_chroma = histograms.divergence(of_chroma, *chroma)
        return ops.mean(of_chroma + self.hue_weight * true_chroma * histograms.divergence(of_hue, *hue))

    def chroma(self, output, fade=hue_chroma.FADE, quantile=0.5):
        """Logits [N, h, w, 64] -> U, V [N, h, w, 2].

        Args:
            output: as `build` answers it.
            fade: eta of the chromatic fading, which takes chroma away where the hue is unsure; 0 for none.
            quantile: of the predicted chroma, in [0, 1]: .5 the median, more is more colourful.
        """
        hue, chroma = (ops.softmax(logits) for logits in ops.split(output, 2, axis=-1))
        hue, certainty = hue_chroma.circular_expectation(hue)
        if self.chroma_by == "quantile":
            chroma = histograms.quantile(chroma, quantile)
        elif self.chroma_by == "mode":
            chroma = histograms.mode(chroma)
        else:
            chroma = histograms.expectation(chroma)
        return hue_chroma.hue_chroma_to_uv(hue, hue_chroma.fade(chroma, certainty, fade))

    def metrics(self, target, output):
        """`colour`: the mean of the predicted chroma (median, faded) as a share of the truth's."""
        hue, chroma = (ops.softmax(logits) for logits in ops.split(output, 2, axis=-1))
        _, certainty = hue_chroma.circular_expectation(hue)
        faded = hue_chroma.fade(histograms.quantile(chroma, 0.5), certainty)
        return {"colour": ops.mean(faded) / ops.maximum(ops.mean(target[2]), 1e-6)}


class LabAxes(Head):
    """Logits of 32 bins of a and 32 of b over +-110, each trained by KL; decoded by a quantile, the median by default.

    Args:
        stride: pixels of the photo along a side of an output pixel.
        shared: False trains on the nearest bin, True on the two nearest.
    """

    space = "lab"
    knobs = {"quantile": 0.5}
    bins = 32

    def __init__(self, stride=4, shared=False, name="lab_axes"):
        self.stride, self.shared, self.name = stride, shared, name

    def build(self, features):
        """Features of a decoder -> logits [N, H / stride, W / stride, 64], a's first."""
        return last_layer(features, self.stride, 2 * self.bins, self.name)

    def target(self, batch):
        """A batch's `image` -> the bins of a and of b: indices int32 and weights float32 [N, h, w, 2, m]."""
        ab = rgb_to_lab(shrink(from_uint8(batch["image"]), self.stride))[..., 1:]
        return histograms.encode(ab, self.bins, shared=self.shared, **AXIS)

    def loss(self, target, output):
        """Sum over a and b, mean over all pixels."""
        return ops.mean(ops.sum(histograms.divergence(self._axes(output), *target), axis=-1))

    def chroma(self, output, quantile=0.5):
        """Logits [N, h, w, 64] -> ab [N, h, w, 2] in Lab's units, each axis at `quantile` of its histogram."""
        return histograms.quantile(ops.softmax(self._axes(output)), quantile, **AXIS)

    def _axes(self, output):
        return ops.reshape(output, (*ops.shape(output)[:-1], 2, self.bins))


class LabJoint(Head):
    """Logits of 16 x 16 bins of ab over +-110, trained by KL, decoded by the expectation at a temperature.

    Args:
        stride: pixels of the photo along a side of an output pixel.
        shared: False trains on the nearest bin, True on the four around a colour.
    """

    space = "lab"
    knobs = {"temperature": 1.0}
    bins = 16

    def __init__(self, stride=4, shared=False, name="lab_joint"):
        self.stride, self.shared, self.name = stride, shared, name

    def build(self, features):
        """Features of a decoder -> logits [N, H / stride, W / stride, 256], row by row of a."""
        return last_layer(features, self.stride, self.bins**2, self.name)

    def target(self, batch):
        """A batch's `image` -> indices int32 [N, h, w, m] in 0 ... 255, weights float32 [N, h, w, m]."""
        ab = rgb_to_lab(shrink(from_uint8(batch["image"]), self.stride))[..., 1:]
        bins, weights = histograms.encode(ab, self.bins, shared=self.shared, **AXIS)
        indices = self.bins * bins[..., 0, :, None] + bins[..., 1, None, :]
        weights = weights[..., 0, :, None] * weights[..., 1, None, :]
        shape = (*ops.shape(ab)[:-1], bins.shape[-1] ** 2)
        return ops.reshape(indices, shape), ops.reshape(weights, shape)

    def loss(self, target, output):
        """Mean over all pixels."""
        return ops.mean(histograms.divergence(output, *target))

    def chroma(self, output, temperature=1.0):
        """Logits [N, h, w, 256] -> ab [N, h, w, 2]: 1 is the mean, gray and safe, towards 0 the likeliest bin."""
        joint = ops.softmax(output / ops.maximum(temperature, 1e-3))
        joint = ops.reshape(joint, (*ops.shape(output)[:-1], self.bins, self.bins))
        axes = (ops.sum(joint, axis=-1), ops.sum(joint, axis=-2))
        return ops.stack([histograms.expectation(axis, **AXIS) for axis in axes], axis=-1)
