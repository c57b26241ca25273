"""The head that answers a distribution over the 313 bins of ab for every pixel (Zhang, Isola, Efros 2016)."""

import math

import numpy as np
from keras import ops

from tfcolor.color import ab_bins, histograms
from tfcolor.color.spaces import from_uint8, rgb_to_lab
from tfcolor.heads.head import Head, last_layer, shrink
from tfcolor.replicas import share

LEANING = 0.04  # of a sample, for each unit of ab: a bin 50 units that way is exp(2) times as likely


class AbBins(Head):
    """Logits over 313 bins, trained by soft cross-entropy, decoded by the annealed mean.

    Args:
        stride: pixels of the photo along a side of an output pixel.
        prior: [313] shares of the bins in the training pixels, needed to rebalance and for the knob `vividness`.
        rebalance: 1 trains with the weights of rare colours that `prior` gives, 0 without.

    Attributes:
        distribution: what `Colorizer` needs to know of it, as plain values: the head's class, and the knobs at which
            it is decoded as it was learnt.
    """

    space = "lab"

    def __init__(self, stride=4, prior=None, rebalance=0, name="ab_bins"):
        if rebalance not in (0, 1):
            raise ValueError(f"rebalance must be 0 (off) or 1 (on), not {rebalance!r}")
        if rebalance and prior is None:
            raise ValueError("rebalance=1 needs a prior: make one with `tfcolor datasets prior NAME`")
        self.stride, self.rebalance, self.name = stride, rebalance, name
        self.rarity = None if prior is None else ab_bins.rebalancing_weights(prior)
        as_trained = {} if prior is None else {"vividness": float(rebalance)}
        self.knobs = {"temperature": 0.38} | as_trained
        self.distribution = {"head": "AbBins", "unbiased": as_trained}

    def build(self, features):
        """Features of a decoder -> logits [N, H / stride, W / stride, 313]."""
        return last_layer(features, self.stride, ab_bins.BINS, self.name)

    def target(self, batch):
        """A batch's `image` -> (indices int32 [N, h, w, 5], weights float32 [N, h, w, 5]), weights 0 in gray photos."""
        ab = rgb_to_lab(shrink(from_uint8(batch["image"]), self.stride))[..., 1:]
        indices, weights = ab_bins.encode_by_table(ab)
        coloured = ops.any(ops.abs(ab) > ab_bins.GRAY_REACH, axis=(1, 2, 3), keepdims=True)
        return indices, weights * ops.cast(coloured, "float32")

    def loss(self, target, output):
        """Target and logits -> soft cross-entropy, the mean over the pixels that are not of gray photos."""
        indices, weights = target
        rarity = self.rarity if self.rebalance else None
        return share(*ab_bins.summed_cross_entropy(output, indices, weights, rarity))

    def chroma(self, output, temperature=0.38, vividness=None):
        """Logits -> ab [N, h, w, 2] in Lab's units.

        Args:
            output: logits float32 [N, h, w, 313].
            temperature: of the annealed mean; 1 the mean, towards 0 the likeliest bin.
            vividness: 0 as if trained without rebalancing, 1 as if trained with, between and beyond at will; None as
                trained. Needs a prior.
        """
        if vividness is not None:
            if self.rarity is None:
                raise ValueError(f"vividness {vividness} needs a head with a prior; this one has none: leave it out")
            output = output + (vividness - self.rebalance) * np.log(self.rarity)
        return ab_bins.annealed_mean(output, temperature)

    def sampled(self, output, share):
        """Logits of one photo, all leaning towards one direction of the ab plane: one of many colourings.

        The plane has no order, which quantiles would need. Here each bin becomes exp(.04 * way) times as likely, by how
        far its centre lies that way: where the network is sure nothing changes; where it wavers between colours, the
        one on that side wins, over the whole of a thing alike.

        Args:
            output: float32 [h, w, 313].
            share: float32 in [0, 1) of the circle of directions: [], one for the photo, or [h, w], a smooth field.
        """
        angle = 2.0 * math.pi * share[..., None]
        way = ops.cos(angle) * ab_bins.CENTRES[:, 0] + ops.sin(angle) * ab_bins.CENTRES[:, 1]
        return output + LEANING * way

    def guided(self, output, reference):
        """Logits of one photo, biased so that its mean distribution over the bins is a reference's.

        Args:
            output: float32 [h, w, 313].
            reference: RGB [..., 3] in [0, 1].
        """
        counts = ab_bins.count_bins(*ab_bins.encode_by_table(rgb_to_lab(reference)[..., 1:]))
        return histograms.match_energy(output, counts / ops.sum(counts))

    def unsure(self, output):
        """Logits [..., 313] -> the entropy [...] as a share of the highest: 0 sure, 1 knowing nothing."""
        return histograms.entropy(output)

    def metrics(self, target, output):
        """Of the mean colour (temperature 1): `ab_distance` from the target, and `colour`, the share of its chroma.

        `colour` tells early whether a network colours at all: it stays near 0 where the deepest layers have died.
        """
        indices, weights = target
        true = ab_bins.expectation(indices, weights)
        mean = ab_bins.annealed_mean(output, 1.0)
        counting = ops.sum(weights, axis=-1)
        distance = share(ops.sum(_length(mean - true) * counting), ops.sum(counting))
        colour = share(ops.sum(_length(mean) * counting), ops.sum(_length(true) * counting))
        return {"ab_distance": distance, "colour": colour}


def _length(ab):
    return ops.sqrt(ops.sum(ops.square(ab), axis=-1))
