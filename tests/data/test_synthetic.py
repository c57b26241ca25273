"""The synthetic pictures: shapes and dtypes, the same for the same seed, and colours that gray's texture tells."""

import numpy as np
import pytest

from tfcolor.color.constants import RGB_TO_YUV
from tfcolor.data import synthetic


@pytest.fixture(scope="module")
def train():
    return list(synthetic.examples("train"))


def test_shapes_dtypes_and_sizes(train):
    assert len(train) == 64
    assert [len(list(synthetic.examples(split))) for split in ("validation", "test")] == [16, 16]
    for example in train:
        assert example["image"].shape == (64, 64, 3) and example["image"].dtype == np.uint8
        assert example["mask"].shape == (64, 64, 1) and example["mask"].dtype == np.uint8
        assert example["scene"].shape == (365,) and example["scene"].dtype == np.float32
        assert example["label"].dtype == np.int32 and 0 <= example["label"] < len(synthetic.LABELS)
    assert len({example["name"] for example in train}) == 64


def test_every_class_scene_and_label_occurs(train):
    assert set(np.unique([example["mask"] for example in train])) == set(range(len(synthetic.CLASSES)))
    scenes = np.array([example["scene"] for example in train])
    assert set(scenes.argmax(axis=1)) == set(synthetic.SCENES.values())
    assert (scenes.sum(axis=1) == 1).all()
    assert {int(example["label"]) for example in train} == set(range(len(synthetic.LABELS)))


def test_the_label_is_the_shape_in_front(train):
    for example in train:
        assert (example["mask"] == synthetic.CLASSES.index(synthetic.LABELS[example["label"]])).any()


def test_the_seed_decides_and_examples_stand_alone(train):
    again = synthetic.example("train", 5)
    assert all(np.array_equal(again[key], train[5][key]) for key in again)
    assert not np.array_equal(synthetic.example("train", 5, seed=1)["image"], again["image"])
    assert not np.array_equal(synthetic.example("test", 5)["image"], again["image"])
    assert not np.array_equal(synthetic.example("train", 6)["image"], again["image"])


def test_one_chroma_for_each_class_in_each_scene_at_every_brightness(train):
    chroma, luma = {}, {}
    for example in train:
        yuv = example["image"] / 255 @ np.transpose(RGB_TO_YUV)
        for value in np.unique(example["mask"]):
            inside = example["mask"][..., 0] == value
            # A shape's colour is its own; the ground's is its scene's.
            key = (value, None if value else example["scene"].argmax())
            chroma.setdefault(key, []).append(yuv[inside][:, 1:])
            luma.setdefault(key, []).append(yuv[inside][:, 0])
    assert len(chroma) == len(synthetic.LABELS) + len(synthetic.SCENES)
    means = {key: np.concatenate(values).mean(axis=0) for key, values in chroma.items()}
    for key, values in chroma.items():
        assert np.abs(np.concatenate(values) - means[key]).max() < 0.005  # rounding only: nothing was clipped
        assert np.ptp(np.concatenate(luma[key])) > 0.1
    points = np.array(list(means.values()))
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1) + np.eye(len(points))
    assert distances.min() > 0.05


def test_bad_input_says_what_is_allowed():
    with pytest.raises(ValueError, match="no split 'val': choose one of train, validation, test"):
        next(synthetic.examples("val"))
    with pytest.raises(ValueError, match="size 8 .* at least 16"):
        synthetic.example("train", 0, size=8)
