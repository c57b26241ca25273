"""Writes hero.png, README's picture: gray, coloured by the default model, truth (CREDITS.md).

python docs/images/make_hero.py
"""

from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

import tfcolor

HERE = Path(__file__).parent
GAP = 6


def main():
    colorizer = tfcolor.load()
    truth = skimage.data.chelsea()
    gray = np.asarray(Image.fromarray(truth).convert("L"))
    panels = [np.repeat(gray[..., None], 3, axis=-1), colorizer.colorize(gray), truth]
    gap = np.full((truth.shape[0], GAP, 3), 255, "uint8")
    row = [part for panel in panels for part in (panel, gap)][:-1]
    Image.fromarray(np.concatenate(row, axis=1)).save(HERE / "hero.png", optimize=True)


if __name__ == "__main__":
    main()
