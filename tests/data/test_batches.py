"""Sources, their mixture and the augmentation: what comes out of the pipeline is what should."""

import numpy as np
import pytest
from PIL import Image

from tfcolor.data.batches import Mixture
from tfcolor.data.sources import NO_LABEL, open_source


def epoch(mixture, seed, number, crop=(0.3, 1.0)):
    return list(mixture.training_batches(8, 32, crop, seed, number))


def images(batches):
    return np.concatenate([batch["image"].numpy() for batch in batches])


@pytest.fixture(scope="module")
def synthetic():
    return Mixture("synthetic", cache=True)


def test_batches_are_uint8_with_every_key(synthetic):
    batch = epoch(synthetic, 0, 0)[0]
    assert batch["image"].dtype == batch["mask"].dtype == "uint8"
    assert batch["image"].shape == (8, 32, 32, 3) and batch["mask"].shape == (8, 32, 32, 1)
    assert batch["scene"].shape == (8, 365) and batch["label"].shape == (8,)


def test_same_seed_same_epoch_same_batches(synthetic):
    np.testing.assert_array_equal(images(epoch(synthetic, 1, 0)), images(epoch(Mixture("synthetic"), 1, 0)))


def test_every_epoch_and_seed_is_shuffled_anew(synthetic):
    first = images(epoch(synthetic, 1, 0))
    assert (first != images(epoch(synthetic, 1, 1))).mean() > 0.5
    assert (first != images(epoch(synthetic, 2, 0))).mean() > 0.5


def test_masks_follow_their_photos(tmp_path):
    """A photo whose red says its class: after flips and crops red and mask still agree, so both moved together."""
    source = open_source("synthetic")
    whole = epoch(Mixture("synthetic"), 0, 0, crop=(0.3, 0.6))
    classes = set(np.unique(np.concatenate([batch["mask"].numpy() for batch in whole])))
    assert classes <= set(range(len(source.info.classes)))  # nearest: no value between two classes
    # Within a photo, a class is one colour up to shading and texture: far more alike than the whole photo.
    within, over_all = [], []
    for batch in whole:
        for image, mask in zip(batch["image"].numpy().astype(float), batch["mask"].numpy()[..., 0], strict=True):
            chroma = image - image.mean(axis=-1, keepdims=True)
            over_all.append(chroma.var(axis=(0, 1)).sum())
            within.append(sum(chroma[mask == c].var(axis=0).sum() * (mask == c).mean() for c in np.unique(mask)))
    assert np.mean(within) < 0.5 * np.mean(over_all)


def test_folder_reads_all_and_names_what_is_broken(tmp_path, capsys):
    (tmp_path / "deep").mkdir()
    for number, name in enumerate(("a.png", "deep/b.jpg", "deep/C.JPEG")):
        Image.fromarray(np.full((20 + number, 30, 3), 40 * number, "uint8")).save(tmp_path / name)
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    (tmp_path / "notes.txt").write_text("no photo either")
    source = open_source(f"folder:{tmp_path}")
    assert source.size == 3
    assert sorted(e["image"].shape[0] for e in source.dataset.as_numpy_iterator()) == [20, 21, 22]
    assert "broken.jpg" in capsys.readouterr().out


def test_a_mixture_repeats_and_fills_what_is_missing(tmp_path):
    for number in range(8):
        Image.fromarray(np.full((40, 40, 3), 30 * number, "uint8")).save(tmp_path / f"{number}.png")
    mixture = Mixture(f"synthetic+folder:{tmp_path}*2", classes=None)
    assert mixture.size == 64 + 16
    assert mixture.classes == open_source("synthetic").info.classes
    masks = np.concatenate([batch["mask"].numpy() for batch in epoch(mixture, 0, 0)])
    without = (masks == NO_LABEL).all(axis=(1, 2, 3))
    assert without.sum() == 16  # the folder's photos have no mask; all others do
    assert not (masks[~without] == NO_LABEL).any()


def test_masks_of_other_classes_are_not_lent():
    mixture = Mixture("synthetic", classes=["cat", "dog"])
    assert (epoch(mixture, 0, 0)[0]["mask"].numpy() == NO_LABEL).all()


def test_evaluation_has_every_photo_once_in_order():
    source = open_source("synthetic", "test")
    batches = list(Mixture("synthetic", "test").evaluation_batches(8, source.info and 64))
    found = images(batches)
    truth = np.stack([e["image"] for e in source.dataset.as_numpy_iterator()])
    np.testing.assert_array_equal(found, truth)


def test_prepared_folder_maps_masks(shared):
    source = open_source("pets_sample", "test", data_dir=shared / "data")
    example = next(source.dataset.as_numpy_iterator())
    assert source.size == 298 and source.info.classes == ["pet", "background", "border"]
    assert set(np.unique(example["mask"])) <= {0, 1, 2} and example["image"].dtype == "uint8"


@pytest.mark.parametrize(
    "name, split, said",
    [
        ("sinthetic", "train", "did you mean synthetic"),
        ("synthetic", "trian", "train, validation, test"),
        ("folder:/nowhere", "train", "no such folder"),
    ],
)
def test_wrong_names_are_named(name, split, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        open_source(name, split, data_dir=tmp_path)


def test_a_data_set_that_is_not_here_says_three_ways_on(tmp_path):
    with pytest.raises(ValueError, match=r"--data-dir.*datasets prepare.*synthetic"):
        open_source("oxford_iiit_pet", data_dir=tmp_path)


def test_times_must_be_a_number():
    with pytest.raises(ValueError, match=r"synthetic\*3"):
        Mixture("synthetic*x")
