"""Sources, their mixture and the augmentation: what comes out of the pipeline is what should."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from tfcolor.data import batches, labels
from tfcolor.data.augment import random_crop_and_flip
from tfcolor.data.batches import Mixture
from tfcolor.data.builders import fruits
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


def test_masks_follow_their_photos():
    """After flips and crops a class still has its own colour, so photo and mask moved together."""
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


def test_photos_and_masks_are_rotated_either_way_as_far_as_is_said():
    """Of a photo white on one side, the centre of what is white tells by how much it was rotated."""
    half = np.zeros((64, 64, 3), "uint8")
    half[:, 32:] = 255
    draw, change = random_crop_and_flip(32, (1.0, 1.0), 0, (1.0, 1.0), rotation=30.0)
    rows, columns = np.mgrid[:32, :32] - 15.5
    angles = []
    for _ in range(40):
        turned = change(draw({"image": half, "mask": half[..., :1] // 255}))
        white = turned["image"].numpy()[..., 0] > 127
        angles.append(np.degrees(np.arctan2((white * rows).sum(), abs((white * columns).sum()))))
        assert (white == turned["mask"].numpy()[..., 0]).mean() > 0.97
    assert -33 < min(angles) < -20 and 20 < max(angles) < 33


def test_folder_reads_all_and_names_what_is_broken(tmp_path, capsys):
    (tmp_path / "deep").mkdir()
    for number, name in enumerate(("a.png", "deep/b.jpg", "deep/C.JPEG")):
        Image.fromarray(np.full((20 + number, 30, 3), 40 * number, "uint8")).save(tmp_path / name)
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    (tmp_path / "notes.txt").write_text("no photo either")
    source = open_source(f"folder:{tmp_path}")
    assert source.size == 3
    found = {e["name"].decode(): e["image"].shape[0] for e in source.dataset.as_numpy_iterator()}
    assert list(found.items()) == [("a.png", 20), ("deep/C.JPEG", 22), ("deep/b.jpg", 21)]
    assert "1 of 4 files cannot be read and are left out: broken.jpg" in capsys.readouterr().err


def test_16_bits_are_scaled_not_cut(tmp_path):
    ramp = np.linspace(0, 65535, 64 * 64).astype("uint16").reshape(64, 64)
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    image = next(open_source(f"folder:{tmp_path}").dataset.as_numpy_iterator())["image"]
    np.testing.assert_array_equal(image[..., 0], ramp >> 8)


def test_folder_with_splits_keeps_them_apart(tmp_path):
    for split, count in (("train", 3), ("test", 2)):
        (tmp_path / split).mkdir()
        for number in range(count):
            Image.fromarray(np.zeros((8, 8, 3), "uint8")).save(tmp_path / split / f"{number}.png")
    assert [open_source(f"folder:{tmp_path}", split).size for split in ("train", "test")] == [3, 2]
    for split in ("validation", "banana", "train[:1]"):
        with pytest.raises(ValueError, match="train, test"):
            open_source(f"folder:{tmp_path}", split)
    with pytest.raises(ValueError, match="train, validation, test"):
        open_source(f"folder:{tmp_path / 'train'}", "banana")


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


def write_labels(path, names, indices, scene="scene"):
    """A file of scene labels in which the photo of each name is all of one scene."""
    path.parent.mkdir(exist_ok=True)
    five = np.arange(5) + np.array(indices)[:, None]
    weights = np.tile(np.eye(5, dtype="float32")[0], (len(names), 1))
    who = {"classes": [f"{scene} {i}" for i in range(20)], "teacher": "t", "digest": "0", "preprocessing": "raw"}
    np.savez(path, names=np.array(names), indices=five.astype("uint16"), weights=weights, **who)


def test_the_teachers_scenes_reach_the_training_batches_alone(tmp_path):
    """Photos whose red says their scene, of two sources; labels of the first, all but one; beside it or elsewhere."""
    for folder in ("labelled", "other"):
        (tmp_path / folder).mkdir()
        for number in range(8):
            Image.fromarray(np.full((40, 40, 3), 30 * number, "uint8")).save(tmp_path / folder / f"{number}.png")
    data = f"folder:{tmp_path}/labelled+folder:{tmp_path}/other"
    path = tmp_path / "labelled.labels" / "pseudo-scenes-train-t.npz"
    for file in (path, path.with_name("pseudo-scenes-validation-t.npz")):
        write_labels(file, [f"{number}.png" for number in range(7)], range(7))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    mixture = Mixture(data, cache=True)
    assert mixture.scene_files == {f"folder:{tmp_path}/labelled": path}
    assert mixture.scenes == [f"scene {i}" for i in range(20)]
    for _ in range(2):  # the second time from the cache
        batches = epoch(mixture, 0, 0)
        scenes = np.concatenate([batch["scene"].numpy() for batch in batches])
        number = images(batches)[:, 0, 0, 0] // 30
        labelled = scenes.any(axis=-1)
        assert sorted(number[labelled]) == list(range(7))
        np.testing.assert_array_equal(scenes[labelled], np.eye(365)[number[labelled]])
    for other in (Mixture(data, "validation"), Mixture(data, labels_dir=str(elsewhere))):
        assert other.scene_files == {} and other.scenes is None
        assert not any(batch["scene"].numpy().any() for batch in other.evaluation_batches(8, 32))
    write_labels(elsewhere / "other.labels" / path.name, ["3.png"], [11])
    (batch,) = Mixture(f"folder:{tmp_path}/other", labels_dir=str(elsewhere)).evaluation_batches(8, 32)
    assert np.argwhere(batch["scene"].numpy()).tolist() == [[3, 11]]
    write_labels(tmp_path / "other.labels" / path.name, ["3.png"], [11], scene="place")
    with pytest.raises(ValueError, match="other.labels/.* other scenes than those of the other data"):
        Mixture(data)


def test_labels_that_cannot_be_meant_are_named(tmp_path):
    with pytest.raises(ValueError, match="labels_dir '/nowhere': no such folder"):
        Mixture("synthetic", labels_dir="/nowhere")
    for teacher in ("a", "b"):
        write_labels(tmp_path / "synthetic.labels" / f"pseudo-scenes-train-{teacher}.npz", ["x"], [0])
    with pytest.raises(ValueError, match="pseudo-scenes-train-a.npz, pseudo-scenes-train-b.npz: keep one"):
        Mixture("synthetic", labels_dir=str(tmp_path))


def test_masks_of_other_classes_are_not_lent():
    mixture = Mixture("synthetic", classes=["cat", "dog"])
    assert (epoch(mixture, 0, 0)[0]["mask"].numpy() == NO_LABEL).all()


def test_merged_labels_of_several_sources(shared, tmp_path):
    """Each photo's mask in the merged words, a pet's by its breed; without a mask nothing is known."""
    Image.fromarray(np.full((40, 40, 3), 90, "uint8")).save(tmp_path / "gray.png")
    names, data_dir = ["msrc", "pets_sample", "camvid", f"folder:{tmp_path}"], shared / "data"
    mixture = Mixture("+".join(names), "validation", data_dir=data_dir, labels="merged", classes=["other"])
    assert mixture.classes == labels.NAMES
    found = np.concatenate([batch["mask"].numpy() for batch in mixture.evaluation_batches(16, 40)])
    expected = []
    for name in names[:-1]:
        source = open_source(name, "validation", data_dir=data_dir)
        table = labels.lookup(name, source.info.classes, source.info.labels)
        for example in source.dataset.as_numpy_iterator():
            mask = labels.merge(example["mask"], table, example.get("label", -1))
            expected.append(tf.image.resize(mask, (40, 40), method="nearest").numpy())
    np.testing.assert_array_equal(found[:-1], expected)
    assert (found[-1] == NO_LABEL).all()
    assert {"cat", "dog", "skin", "road"} <= {labels.NAMES[index] for index in np.unique(found[:-1]) if index != 255}


def test_without_a_validation_split_a_tenth_of_train_is_one(shared, tmp_path):
    """And the test split none, by which the best weights would be chosen."""
    prepared = next(path.parent for path in (shared / "data" / "fruits").rglob("dataset_info.json"))
    folder = tmp_path / "data" / "fruits" / prepared.name
    folder.mkdir(parents=True)
    for path in prepared.iterdir():
        (folder / path.name).symlink_to(path)
    info = json.loads((prepared / "dataset_info.json").read_text())
    info["splits"] = [split for split in info["splits"] if split["name"] != "validation"]
    (folder / "dataset_info.json").unlink()
    (folder / "dataset_info.json").write_text(json.dumps(info))

    where = {"data_dir": folder.parents[1]}
    names = {split: photo_names(open_source("fruits", split, **where)) for split in ("train", "test")}
    [held] = Mixture("fruits", "validation", **where).sources
    [kept] = Mixture("fruits*2", held_out=["fruits"], **where).sources
    [whole] = Mixture("fruits", held_out=["photos"], **where).sources
    held, kept, whole = map(photo_names, (held, kept, whole))
    assert names["train"] == whole == kept + held and len(held) == len(whole) // 10
    assert not set(names["test"]) & set(held)


def photo_names(source):
    return [example["name"] for example in source.dataset.as_numpy_iterator()]


def test_a_folder_with_splits_wants_one_for_validation(tmp_path):
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        Image.fromarray(np.zeros((9, 9, 3), "uint8")).save(tmp_path / split / "a.png")
    with pytest.raises(ValueError, match="no split 'validation'; it has train, test: make that folder"):
        Mixture(f"folder:{tmp_path}", "validation")


def test_merged_labels_want_sources_that_have_some():
    with pytest.raises(ValueError, match="no label is known for the classes of 'synthetic'"):
        Mixture("synthetic", labels="merged")


def test_evaluation_has_every_photo_once_in_order():
    source = open_source("synthetic", "test")
    batches = list(Mixture("synthetic", "test").evaluation_batches(8, 64))
    found = images(batches)
    truth = np.stack([e["image"] for e in source.dataset.as_numpy_iterator()])
    np.testing.assert_array_equal(found, truth)


# Several workers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 3])
def test_workers_share_out_the_batches_of_one_process(count, synthetic):
    """64 photos in batches of 6: the 4 that are left over are left over by all."""
    whole = list(synthetic.training_batches(6, 32, (0.3, 1.0), 1, 0))
    team = [Mixture("synthetic", worker=(index, count)) for index in range(count)]
    parts = [list(mixture.training_batches(6, 32, (0.3, 1.0), 1, 0)) for mixture in team]
    assert [mixture.steps(6) for mixture in team] == [len(whole)] * count == [10] * count
    for step, batch in enumerate(whole):
        for key in batch:
            ours = np.concatenate([part[step][key] for part in parts])
            np.testing.assert_array_equal(ours, batch[key], err_msg=f"{key} of step {step}")


def test_workers_share_out_the_evaluation_by_batches():
    whole = list(Mixture("synthetic", "test").evaluation_batches(6, 32))  # 6, 6 and 4 photos
    parts = [list(Mixture("synthetic", "test", worker=(index, 2)).evaluation_batches(6, 32)) for index in range(2)]
    assert [len(part) for part in parts] == [2, 1]
    for ours, theirs in zip([parts[0][0], parts[1][0], parts[0][1]], whole, strict=True):
        np.testing.assert_array_equal(ours["image"], theirs["image"])


@pytest.fixture
def plain_photos(tmp_path):
    """A folder of 23 photos, each of a level of gray of its own."""
    for number in range(23):
        Image.fromarray(np.full((40, 40, 3), 10 * number, "uint8")).save(tmp_path / f"{number:02}.png")
    return f"folder:{tmp_path}"


def levels(batches):
    return [int(image[0, 0, 0]) // 10 for image in images(batches)]


@pytest.mark.parametrize("names, each", [("{}", 1), ("{}*2", 2), ("synthetic+{}", 1)])
def test_workers_read_parts_of_a_large_mixture(names, each, plain_photos, monkeypatch):
    monkeypatch.setattr(batches, "SHUFFLE_BUFFER", 10)
    team = [Mixture(names.format(plain_photos), worker=(index, 3)) for index in range(3)]
    assert all(mixture.by_file and mixture.size == team[0].size for mixture in team)
    if names == "{}":
        read = [[int(photo["image"][0, 0, 0]) // 10 for photo in mixture.photos()] for mixture in team]
        assert sorted(sum(read, [])) == list(range(23)) and [len(part) for part in read] == [8, 8, 7]
    (steps,) = {mixture.steps(6) for mixture in team}
    assert 6 * steps > team[0].size - 6 - 3 * (len(team[0].sources) * each - 1)
    drawn = [list(mixture.training_batches(6, 32, (0.3, 1.0), 1, 0))[:steps] for mixture in team]
    assert [len(part) for part in drawn] == [steps] * 3
    if "synthetic" not in names:
        assert np.bincount(levels(sum(drawn, []))).max() == each
        again = [list(mixture.training_batches(6, 32, (0.3, 1.0), 1, 1))[:steps] for mixture in team]
        assert levels(sum(again, [])) != levels(sum(drawn, []))


def test_workers_of_a_large_data_set_open_their_own_files_alone(tmp_path, monkeypatch):
    """40 photos in 4 files; of the two that are another worker's, there is nothing left to be read."""
    for number in range(50):
        path = tmp_path / "manual" / ("apple" if number % 2 else "pear") / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((40, 40, 3), 5 * number, "uint8")).save(path)
    monkeypatch.setattr(fruits, "_split", lambda name: "test" if int(name[-6:-4]) >= 40 else "train")
    config = tfds.download.DownloadConfig(manual_dir=str(tmp_path / "manual"), num_shards=4)
    builder = fruits.Fruits(data_dir=tmp_path)
    builder.download_and_prepare(download_config=config)
    monkeypatch.setattr(batches, "SHUFFLE_BUFFER", 10)
    files = sorted(builder.data_path.glob("fruits-train*"))
    assert len(files) == 4
    found = []
    for index in range(2):
        mixture = Mixture("fruits", data_dir=tmp_path, worker=(index, 2))
        hidden = files[2:] if index == 0 else files[:2]
        for file in hidden:
            file.rename(file.with_name(f"{file.name}.away"))
        found += [int(photo["image"][0, 0, 0]) // 5 for photo in mixture.photos()]
        for file in hidden:
            file.with_name(f"{file.name}.away").rename(file)
    assert sorted(found) == list(range(40))


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


def test_times_must_be_a_number():
    with pytest.raises(ValueError, match=r"synthetic\*3"):
        Mixture("synthetic*x")
