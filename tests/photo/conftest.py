"""Two pictures that the tests of photos share."""

import icc
import numpy as np
import pytest

HEIGHT, WIDTH = 75, 101


@pytest.fixture(scope="session")
def gray():
    """uint8 [75, 101]: soft gradients, hard edges and fine texture, black and white among them."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    picture = 110 + 60 * np.sin(x / 17) + 40 * np.cos(y / 11) + np.random.default_rng(0).normal(0, 6, y.shape)
    picture[10:30, 20:45] = 235
    picture[40:60, 60:90] = 22
    picture[0, :8], picture[-1, -8:] = 0, 255
    return np.clip(picture, 0, 255).astype("uint8")


@pytest.fixture(scope="session")
def rgb(gray):
    """uint8 [75, 101, 3]: the same in real colours."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    tint = np.stack([50 * np.sin(x / 9), 30 * np.cos(y / 7), 50 * np.cos((x + y) / 13)], -1)
    return np.clip(gray[..., None] + tint, 0, 255).astype("uint8")


@pytest.fixture(scope="session")
def cmyk_profile():
    """A CMYK profile made here: a lookup table from inks to Lab in which inks are weaker than in theory."""
    return icc.cmyk_profile()
