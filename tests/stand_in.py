"""A colouriser that is none, for what needs one that reads labels and has several colourings, at once, always alike."""

import time

import numpy as np


class FakeColorizer:
    """Each label has a colour; saturation scales it, a sample turns it. Its cells are 4 x 4 pixels.

    It sees "sky" where the gray is below 128, else "tree". `runs` counts how often the network ran, `pause` is what it
    takes for that in seconds.
    """

    name, version, size = "fake", "7", 64
    knobs = {"saturation": 1.0}
    reads_labels, segments, classes = True, True, ["sky", "tree", "water"]
    palette = np.array([[143, 208, 255], [20, 105, 42], [31, 111, 214]], "uint8")
    colour_head, distribution = "fake", {"head": "fake"}
    colors = np.array([[-0.1, 0.1], [-0.1, -0.1], [0.2, -0.05]], "float32")

    def __init__(self, size=64):
        self.size, self.runs, self.pause = size, 0, 0.0

    def prepare(self):
        pass

    def segment(self, gray):
        return (gray > 127).astype("uint8")

    def colour_output(self, gray, labels=None):
        self.runs += 1
        time.sleep(self.pause)
        labels = self.segment(gray) if labels is None else labels
        return self.colors[np.minimum(labels[::4, ::4], 2)]

    def chroma(self, gray, labels=None):
        return self.colour_output(gray, labels)

    def sampled(self, output, share):
        return output @ np.array([[1 - share, share], [-share, 1 - share]], "float32")

    def decode(self, output, gray, saturation=1.0, **unknown):
        if unknown:
            raise ValueError(f"no knob {', '.join(unknown)}: saturation")
        return output * np.float32(saturation)
