"""Writes bins.png and temperature.jpg, the pictures of ../distributions.md, with the default model (CREDITS.md).

python docs/images/make_distributions.py
"""

from pathlib import Path

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import skimage.color
import skimage.data
from PIL import Image

import tfcolor
from tfcolor.color import ab_bins

HERE = Path(__file__).parent
TEMPERATURES, VIVIDNESSES = (1.0, 0.6, 0.38, 0.1), (0.0, 0.5, 1.0)


def main():
    draw_bins()
    draw_temperatures(tfcolor.load(), skimage.data.coffee())


def draw_bins():
    """The 313 bins in their colours at L = 60, and how one colour is shared among five of them."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
    lab = np.insert(ab_bins.CENTRES.astype("float64"), 0, 60.0, axis=1)
    with np.errstate(invalid="ignore"):
        colours = np.clip(skimage.color.lab2rgb(lab[None])[0], 0, 1)
    axes[0].scatter(*ab_bins.CENTRES.T, c=colours, marker="s", s=58)
    axes[0].set(title="the 313 bins", xlabel="a", ylabel="b", aspect="equal")

    colour = np.array([23.0, 38.0], "float32")
    indices, weights = (np.asarray(values) for values in ab_bins.encode(colour))
    near = np.abs(ab_bins.CENTRES - colour).max(axis=1) < 26
    axes[1].scatter(*ab_bins.CENTRES[near].T, c=colours[near], marker="s", s=1500, alpha=0.25)
    axes[1].scatter(*ab_bins.CENTRES[indices].T, c=colours[indices], marker="s", s=1500)
    for centre, weight in zip(ab_bins.CENTRES[indices], weights, strict=True):
        axes[1].annotate(f"{weight:.2f}", centre, ha="center", va="center")
    axes[1].plot(*colour, "kx", markersize=10)
    axes[1].set(title="one colour (x), shared by its five nearest", xlabel="a", ylabel="b", aspect="equal")
    figure.savefig(HERE / "bins.png", dpi=100)
    plt.close(figure)


def draw_temperatures(colorizer, truth):
    """One photo, one run of the network, decoded twelve ways."""
    gray = np.asarray(Image.fromarray(truth).convert("L"))
    size = (len(VIVIDNESSES), len(TEMPERATURES))
    figure, axes = plt.subplots(*size, figsize=(10, 5.4), layout="constrained")
    for row, vividness in zip(axes, VIVIDNESSES, strict=True):
        for axis, temperature in zip(row, TEMPERATURES, strict=True):
            axis.imshow(colorizer.colorize(gray, temperature=temperature, vividness=vividness))
            axis.set(xticks=[], yticks=[])
            axis.set_title(f"temperature {temperature:g}, vividness {vividness:g}", fontsize=9)
    figure.savefig(HERE / "temperature.jpg", dpi=110, pil_kwargs={"quality": 88})
    plt.close(figure)


if __name__ == "__main__":
    main()
