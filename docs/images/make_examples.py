"""Writes the example photos of this folder from the pictures that scikit-image and scikit-learn ship (CREDITS.md).

Four of them, in gray, are the editor's own examples, and travel with the package.

python docs/images/make_examples.py
"""

from pathlib import Path

import skimage.data
import sklearn.datasets
from PIL import Image

HERE = Path(__file__).parent
EDITOR = HERE.parents[1] / "tfcolor" / "app" / "static" / "examples"
QUALITY = 90


def main():
    photos = {name: getattr(skimage.data, name)() for name in ("chelsea", "coffee", "astronaut", "rocket")}
    photos |= {name: sklearn.datasets.load_sample_image(f"{name}.jpg") for name in ("china", "flower")}
    for name, rgb in photos.items():
        Image.fromarray(rgb).save(HERE / f"{name}.jpg", quality=QUALITY, subsampling="4:4:4")
    Image.fromarray(photos["chelsea"]).convert("L").save(HERE / "chelsea_gray.jpg", quality=QUALITY)
    EDITOR.mkdir(exist_ok=True)
    for name in ("chelsea", "coffee", "astronaut", "rocket"):
        Image.fromarray(photos[name]).convert("L").save(EDITOR / f"{name}.jpg", quality=85)


if __name__ == "__main__":
    main()
