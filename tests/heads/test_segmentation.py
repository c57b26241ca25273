"""Segmentation's loss against NumPy, with pixels that have no label."""

import numpy as np
import pytest

from tfcolor.heads.segmentation import NO_LABEL, Segmentation


@pytest.fixture(scope="module")
def example():
    rng = np.random.default_rng(0)
    mask = rng.integers(0, 3, (2, 4, 4, 1)).astype("uint8")
    mask[0, :2] = NO_LABEL
    return {"mask": mask}, rng.normal(size=(2, 4, 4, 3)).astype("float32")


def log_softmax(x):
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


@pytest.mark.parametrize("weights", [None, (1.0, 2.0, 0.5)])
def test_cross_entropy_leaves_out_what_has_no_label(example, weights):
    batch, logits = example
    head = Segmentation(["a", "b", "c"], class_weights=weights)
    known = batch["mask"][..., 0] != NO_LABEL
    index = batch["mask"][..., 0][known].astype(int)
    factor = np.ones(len(index)) if weights is None else np.array(weights)[index]
    expected = -(log_softmax(logits)[known][np.arange(len(index)), index] * factor).sum() / factor.sum()
    assert float(head.loss(head.target(batch), logits)) == pytest.approx(expected, rel=1e-5)


def test_both_is_the_sum(example):
    batch, logits = example
    losses = {k: Segmentation(["a", "b", "c"], loss=k) for k in ("cross_entropy", "dice", "both")}
    losses = {k: float(head.loss(head.target(batch), logits)) for k, head in losses.items()}
    assert losses["both"] == pytest.approx(losses["cross_entropy"] + losses["dice"], rel=1e-5)


@pytest.mark.parametrize("kind", ["cross_entropy", "dice"])
def test_no_label_at_all_weighs_nothing(example, kind):
    batch, logits = example
    head = Segmentation(["a", "b", "c"], loss=kind)
    nothing = {"mask": np.full_like(batch["mask"], NO_LABEL)}
    assert float(head.loss(head.target(nothing), logits)) == 0


def test_dice_falls_to_zero_at_the_truth(example):
    batch, _ = example
    head = Segmentation(["a", "b", "c"], loss="dice")
    index = np.where(batch["mask"][..., 0] == NO_LABEL, 0, batch["mask"][..., 0])
    sure = 50.0 * np.eye(3, dtype="float32")[index]
    assert float(head.loss(head.target(batch), sure)) == pytest.approx(0, abs=1e-4)
    assert float(head.loss(head.target(batch), -sure)) > 0.5


def test_accuracy_and_segment(example):
    batch, logits = example
    head = Segmentation(["a", "b", "c"])
    known = batch["mask"][..., 0] != NO_LABEL
    right = (logits.argmax(-1) == batch["mask"][..., 0])[known].mean()
    assert float(head.metrics(head.target(batch), logits)["accuracy"]) == pytest.approx(right)
    np.testing.assert_array_equal(np.asarray(head.segment(logits)), logits.argmax(-1))


@pytest.mark.parametrize(
    "classes, options", [(["one"], {}), ("abc", {"loss": "focal"}), ("abc", {"class_weights": [1]})]
)
def test_wrong_options_are_named(classes, options):
    with pytest.raises(ValueError, match="segmentation"):
        Segmentation(list(classes), **options)
