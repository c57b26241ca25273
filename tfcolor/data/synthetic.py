"""Coloured shapes on coloured grounds, drawn by NumPy: photos, masks and scenes for tests and first steps, no download.

Colour follows from what is seen in gray: each kind of shape and of ground has its own texture and its own chroma, and a
brightness that says nothing. So a network that looks learns the colours, and one that knows only the brightness cannot.
Every example is drawn from (seed, split, index) alone: the same on every machine, whichever others are drawn.
"""

import numpy as np

from tfcolor.color.constants import YUV_TO_RGB

CLASSES = ["background", "disk", "square", "triangle", "cross"]  # names of mask values
LABELS = CLASSES[1:]  # names of `label`: the shape in front
SPLITS = {"train": 64, "validation": 16, "test": 16}
SCENES = {"desert/sand": 116, "field/wild": 141, "ocean": 243}  # the three grounds, by their index in Places365
SCENE_COUNT = 365

# U and V of YUV, small enough for every luma in _LUMA_RANGE to stay inside RGB.
_GROUND_CHROMA = {"desert/sand": (-0.08, 0.06), "field/wild": (-0.10, -0.14), "ocean": (0.13, -0.10)}
_SHAPE_CHROMA = {"disk": (-0.05, 0.22), "square": (0.12, 0.10), "triangle": (0.05, -0.20), "cross": (-0.14, 0.03)}
_LUMA_RANGE = (0.3, 0.7)


def examples(split, size=64, seed=0):
    """The examples of a split ("train", "validation" or "test"), in order: an iterator over what `example` gives."""
    for index in range(SPLITS[_checked(split)]):
        yield example(split, index, size, seed)


def example(split, index, size=64, seed=0):
    """One picture of one to three shapes.

    Args:
        split: "train", "validation" or "test".
        index: which example of the split, from 0.
        size: height and width in pixels, at least 16.
        seed: another seed, other pictures.

    Returns:
        {"image": uint8 [size, size, 3]; "mask": uint8 [size, size, 1], indices into `CLASSES`; "scene": float32 [365],
        one-hot at one of `SCENES`; "label": int32, index into `LABELS` of the shape in front; "name": str}.

    Raises:
        ValueError: for an unknown split or a size under 16.
    """
    if size < 16:
        raise ValueError(f"size {size} is too small for a shape: give at least 16")
    rng = np.random.default_rng((seed, list(SPLITS).index(_checked(split)), index))
    y, x = np.mgrid[0:size, 0:size] / (size - 1) * 2 - 1  # both from -1 to 1

    ground = list(SCENES)[rng.integers(len(SCENES))]
    luma = _ground_texture(ground, x, y, rng)
    chroma = np.broadcast_to(_GROUND_CHROMA[ground], (size, size, 2)).copy()
    mask = np.zeros((size, size), "uint8")
    for _ in range(rng.integers(1, 4)):
        shape = LABELS[rng.integers(len(LABELS))]
        inside, texture = _shape(shape, x, y, rng)
        luma = np.where(inside, texture, luma)
        chroma[inside] = _SHAPE_CHROMA[shape]
        mask[inside] = CLASSES.index(shape)

    yuv = np.concatenate([np.clip(luma, *_LUMA_RANGE)[..., None], chroma], axis=-1)
    rgb = yuv @ np.transpose(YUV_TO_RGB)
    return {
        "image": np.round(rgb * 255).astype("uint8"),
        "mask": mask[..., None],
        "scene": (np.arange(SCENE_COUNT) == SCENES[ground]).astype("float32"),
        "label": np.int32(LABELS.index(shape)),
        "name": f"synthetic-{split}-{index:03d}",
    }


def _checked(split):
    if split not in SPLITS:
        raise ValueError(f"synthetic has no split {split!r}: choose one of {', '.join(SPLITS)}")
    return split


def _ground_texture(ground, x, y, rng):
    """Luma [size, size] of dunes, grass or waves."""
    phase = rng.uniform(0, 2 * np.pi)
    if ground == "desert/sand":
        texture = 0.10 * np.sin(4 * y + 2 * np.sin(2 * x + phase))
    elif ground == "field/wild":
        texture = rng.normal(0, 0.10, x.shape)
    else:
        texture = 0.10 * np.sign(np.sin(22 * y + np.sin(5 * x + phase)))
    return rng.uniform(0.42, 0.58) + texture


def _shape(shape, x, y, rng):
    """A shape somewhere, of some size, turned a little -> where it is (bool [size, size]) and its luma there."""
    radius, turn = rng.uniform(0.3, 0.5), rng.uniform(-0.4, 0.4)
    left, up = rng.uniform(radius - 1, 1 - radius, 2)
    u = (np.cos(turn) * (x - left) + np.sin(turn) * (y - up)) / radius
    v = (np.cos(turn) * (y - up) - np.sin(turn) * (x - left)) / radius
    if shape == "disk":
        inside, texture = np.hypot(u, v) < 1, 0.20 - 0.35 * np.hypot(u, v) ** 2
    elif shape == "square":
        inside, texture = np.maximum(abs(u), abs(v)) < 0.85, 0.12 * np.sign(np.sin(12 * u))
    elif shape == "triangle":
        inside, texture = (v < 0.7) & (v > 2 * abs(u) - 1), 0.12 * np.sign(np.sin(9 * u) * np.sin(9 * v))
    else:
        inside, texture = (np.minimum(abs(u), abs(v)) < 0.35) & (np.maximum(abs(u), abs(v)) < 1), 0 * u
    return inside, rng.uniform(0.42, 0.58) + texture
