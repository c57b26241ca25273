"""Heads that answer histograms of colour: hue and chroma (Larsson, Maire, Shakhnarovich 2016), and the Lab variants.

The variant "Lab L2" of that paper is `Regression(space="lab")`.
"""

from keras import ops

from tfcolor.color import histograms, hue_chroma
from tfcolor.color.constants import AB_SCALE
from tfcolor.color.spaces import from_uint8, rgb_to_lab
from tfcolor.heads.head import Head, last_layer, shrink
from tfcolor.replicas import share

AXIS = {"low": -AB_SCALE, "high": AB_SCALE}  # of a, and of b
LEANING = 2.0  # of a sample: the hue that it leans to becomes exp(2) times as likely, the opposite one exp(-2)


class HueChroma(Head):
    """Logits of 32 bins of hue and 32 of chroma, trained by `KL(chroma) + hue_weight * true chroma * KL(hue)`.

    Args:
        stride: pixels of the photo along a side of an output pixel.
        hue_weight: of the hue's loss; the true chroma weighs it, as hue means little where there is little of it.
        shared: False trains on the nearest bin, True on the two nearest.
        chroma_by: "quantile" (a knob, the median by default), "mode" or "expectation" of the predicted chroma.
        fade: default of the knob: eta of the chromatic fading; 0 is the published variant without.

    Attributes:
        distribution: what `Colorizer` needs to know of it, as plain values: the head's class, and the knobs at which
            it is decoded as it was learnt.
    """

    space = "yuv"

    def __init__(
        self,
        stride=4,
        hue_weight=5.0,
        shared=False,
        chroma_by="quantile",
        fade=hue_chroma.FADE,
        name="hue_chroma",
    ):
        if chroma_by not in ("quantile", "mode", "expectation"):
            raise ValueError(f"{name}: chroma_by {chroma_by!r}; allowed: 'quantile', 'mode', 'expectation'")
        self.stride, self.hue_weight, self.shared, self.name = stride, hue_weight, shared, name
        self.chroma_by = chroma_by
        self.knobs = {"fade": fade} | ({"quantile": 0.5} if chroma_by == "quantile" else {})
        self.distribution = {"head": "HueChroma", "unbiased": {}}

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
        of_hue = self.hue_weight * true_chroma * histograms.divergence(of_hue, *hue)
        return share(ops.mean(of_chroma + of_hue), 1.0)

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

    def sampled(self, output, share):
        """Logits of one photo, all leaning towards one hue: one of many colourings.

        A circle has no order, which quantiles would need, and cut open they speckle at its ends. Here each bin of hue
        becomes exp(2 cos(way)) times as likely, by its way round to the chosen one: where the network is sure nothing
        changes; where it wavers, the hue on that side wins, over the whole of a thing alike.

        Args:
            output: float32 [h, w, 64].
            share: float32 in [0, 1) of the circle of hues: [], one for the photo, or [h, w], a smooth field.
        """
        hue, chroma = ops.split(output, 2, axis=-1)
        way = histograms.centres(hue_chroma.BINS, 0.0, hue_chroma.TURN) - hue_chroma.TURN * share[..., None]
        return ops.concatenate([hue + LEANING * ops.cos(way), chroma], axis=-1)

    def guided(self, output, reference):
        """Logits of one photo, biased so that its mean histograms of hue and of chroma are a reference's.

        Args:
            output: float32 [h, w, 64].
            reference: RGB [..., 3] in [0, 1].
        """
        hue, chroma = ops.split(output, 2, axis=-1)
        of_hue, of_chroma = hue_chroma.reference_histograms(reference)
        chroma = histograms.match_energy(chroma, of_chroma)
        weights = histograms.expectation(ops.softmax(chroma))
        return ops.concatenate([histograms.match_energy(hue, of_hue, weights), chroma], axis=-1)

    def unsure(self, output):
        """Logits [..., 64] -> the entropy [...] as a share of the highest: 0 sure, 1 knowing nothing.

        The mean of chroma's and of hue's; hue's counts by the probability that there is colour, which is any chroma
        but the lowest bin's.
        """
        hue, chroma = ops.split(output, 2, axis=-1)
        coloured = 1.0 - ops.softmax(chroma)[..., 0]
        return (histograms.entropy(chroma) + coloured * histograms.entropy(hue)) / 2.0

    def metrics(self, target, output):
        """`colour`: the mean of the predicted chroma (median, faded) as a share of the truth's."""
        hue, chroma = (ops.softmax(logits) for logits in ops.split(output, 2, axis=-1))
        _, certainty = hue_chroma.circular_expectation(hue)
        faded = hue_chroma.fade(histograms.quantile(chroma, 0.5), certainty)
        return {"colour": share(ops.mean(faded), ops.mean(target[2]), least=1e-6)}


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
        return share(ops.mean(ops.sum(histograms.divergence(self._axes(output), *target), axis=-1)), 1.0)

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
        return share(ops.mean(histograms.divergence(output, *target)), 1.0)

    def chroma(self, output, temperature=1.0):
        """Logits [N, h, w, 256] -> ab [N, h, w, 2]: 1 is the mean, towards 0 the likeliest bin."""
        joint = ops.softmax(output / ops.maximum(temperature, 1e-3))
        joint = ops.reshape(joint, (*ops.shape(output)[:-1], self.bins, self.bins))
        axes = (ops.sum(joint, axis=-1), ops.sum(joint, axis=-2))
        return ops.stack([histograms.expectation(axis, **AXIS) for axis in axes], axis=-1)
