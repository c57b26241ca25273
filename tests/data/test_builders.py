"""The TFDS builders, each built for real from a small folder made here, and read back through TFDS."""

import numpy as np
import pytest
import scipy.io
import tensorflow_datasets as tfds
from PIL import Image

from tfcolor.data.builders import BUILDERS, coco_stuff, fruits, pascal_context


def build(builder, manual_dir):
    """Prepares a data set from a manual folder: its builder, read back from disk by its name alone."""
    config = tfds.download.DownloadConfig(manual_dir=str(manual_dir), try_download_gcs=False)
    builder.download_and_prepare(download_config=config)
    return tfds.builder(builder.name, data_dir=str(builder.data_dir_root))


def rows(builder, split):
    """The examples of a split by their file name."""
    return {row["file_name"].decode(): row for row in tfds.as_numpy(builder.as_dataset(split=split))}


def class_names(builder):
    text = (builder.data_path / "segmentation_classes.txt").read_text("utf-8")
    return {int(value): name for value, name in (line.split(maxsplit=1) for line in text.splitlines())}


def save_photo(path, seed=0, **options):
    """A smooth colour photo of 24 x 20: returns its pixels as Pillow reads them back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colours = np.random.default_rng(seed).integers(0, 256, (2, 2, 3), dtype="uint8")
    Image.fromarray(colours).resize((24, 20), Image.Resampling.BILINEAR).save(path, **options)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def save_png(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_every_builder_is_registered_and_states_a_licence(name, tmp_path):
    info = tfds.builder(name, data_dir=str(tmp_path)).info
    assert info.redistribution_info.license
    assert {"image", "file_name"} <= set(info.features)


# COCO-Stuff ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def coco(tmp_path):
    """A COCO folder with two photos to train with and one to validate; the map holds four of the file's values."""
    folder = tmp_path / "manual"
    values = np.zeros((20, 24), "uint8")
    values[:5], values[5:10], values[10:15], values[15:] = 255, 0, 168, 181
    for name in ("train2017/000000000009", "train2017/000000000025", "val2017/000000000139"):
        save_photo(folder / f"{name}.jpg")
        save_png(folder / "stuffthingmaps" / f"{name}.png", values)
    return folder


def test_coco_stuff_counts_classes_from_1_and_unlabelled_as_0(coco, tmp_path):
    builder = build(coco_stuff.CocoStuff(data_dir=tmp_path), coco)
    assert {split: info.num_examples for split, info in builder.info.splits.items()} == {"train": 2, "validation": 1}
    mask = rows(builder, "validation")["000000000139.jpg"]["segmentation_mask"]
    assert mask.shape == (20, 24, 1) and mask.dtype == np.uint8
    names = class_names(builder)
    assert [names[value] for value in mask[[0, 5, 10, 15], 0, 0]] == ["unlabeled", "person", "tree", "wood"]
    assert len(names) == 183


def test_coco_stuff_keeps_the_photos_bytes(coco, tmp_path):
    builder = build(coco_stuff.CocoStuff(data_dir=tmp_path), coco)
    undecoded = builder.as_dataset(split="train", decoders={"image": tfds.decode.SkipDecoding()})
    for row in tfds.as_numpy(undecoded):
        assert row["image"] == (coco / "train2017" / row["file_name"].decode()).read_bytes()


def test_coco_stuff_names_what_is_missing(coco, tmp_path):
    (coco / "val2017").rename(coco / "elsewhere")
    with pytest.raises(ValueError, match=r"^no val2017 in \S+manual$"):
        build(coco_stuff.CocoStuff(data_dir=tmp_path), coco)


def test_coco_stuff_may_lie_in_a_sub_folder(coco, tmp_path):
    (tmp_path / "archives").mkdir()
    coco.rename(tmp_path / "archives" / "coco_stuff")
    assert build(coco_stuff.CocoStuff(data_dir=tmp_path), tmp_path / "archives").info.splits["train"].num_examples == 2


# PASCAL-Context -----------------------------------------------------------------------------------------------------


@pytest.fixture
def pascal(tmp_path):
    """A VOC 2010 folder and maps with made-up numbers: names in reverse order, a blank in one, two others between."""
    folder = tmp_path / "manual"
    names = ["accordion", *reversed(pascal_context.CLASSES[1:]), "zebra"]
    numbers = {name: number for number, name in enumerate(names, start=1)}
    lines = [f"{number}: {'potted plant' if name == 'pottedplant' else name}\n" for name, number in numbers.items()]
    values = np.zeros((20, 24), "uint16")
    for row, name in enumerate(["accordion", "aeroplane", "pottedplant", "wood", "zebra"]):
        values[4 * row : 4 * row + 4] = numbers[name]
    (folder / "trainval").mkdir(parents=True)
    (folder / "labels.txt").write_text("".join(lines))
    voc = folder / "VOCdevkit/VOC2010"
    (voc / "ImageSets/Main").mkdir(parents=True)
    for split, name in (("train", "2008_000002"), ("val", "2008_000003")):
        (voc / f"ImageSets/Main/{split}.txt").write_text(f"{name}\n")
        save_photo(voc / f"JPEGImages/{name}.jpg")
        scipy.io.savemat(folder / f"trainval/{name}.mat", {"LabelMap": values})
    return folder


def test_pascal_context_maps_by_name_and_all_else_to_background(pascal, tmp_path):
    builder = build(pascal_context.PascalContext(data_dir=tmp_path), pascal)
    assert {split: info.num_examples for split, info in builder.info.splits.items()} == {"train": 1, "validation": 1}
    mask = rows(builder, "train")["2008_000002.jpg"]["segmentation_mask"]
    names = class_names(builder)
    seen = [names[value] for value in mask[::4, 0, 0]]
    assert seen == ["background", "aeroplane", "pottedplant", "wood", "background"]
    assert len(names) == 60


def test_pascal_context_names_the_classes_that_labels_txt_lacks(pascal, tmp_path):
    text = (pascal / "labels.txt").read_text()
    (pascal / "labels.txt").write_text(text.replace(": sky\n", ": heaven\n"))
    with pytest.raises(ValueError, match="labels.txt does not name sky;"):
        build(pascal_context.PascalContext(data_dir=tmp_path), pascal)


# Fruits -------------------------------------------------------------------------------------------------------------


def test_fruits_takes_what_decodes_and_names_the_rest(tmp_path, caplog):
    folder = tmp_path / "manual"
    for index in range(30):
        save_photo(folder / f"apple/{index}.jpg", index)
        save_photo(folder / f"banana/deep/{index}.jpg", index)
    as_jpeg = save_photo(folder / "apple/as_jpeg.jpg", 100)
    as_png = save_photo(folder / "apple/as_png.png", 101)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    turned = save_photo(folder / "apple/turned.jpg", 102, exif=exif, quality=95)
    (folder / "banana/broken.jpg").write_bytes((folder / "apple/0.jpg").read_bytes()[:300])
    builder = build(fruits.Fruits(data_dir=tmp_path), folder)

    found = {name: row for split in builder.info.splits for name, row in rows(builder, split).items()}
    assert len(found) == 63
    labels = builder.info.features["label"]
    assert labels.names == ["apple", "banana"]
    assert {name.split("/")[0] == labels.int2str(row["label"]) for name, row in found.items()} == {True}
    assert caplog.text.count("cannot be read") == 1 and "banana/broken.jpg cannot be read" in caplog.text
    for name, pixels in {"as_jpeg.jpg": as_jpeg, "as_png.png": as_png, "turned.jpg": np.rot90(turned, -1)}.items():
        image = found[f"apple/{name}"]["image"]
        assert image.shape == pixels.shape
        assert np.abs(image.astype(int) - pixels).mean() < 4  # JPEG, and another decoder than Pillow's


def test_a_fruits_split_follows_from_the_path_alone():
    names = [f"apple/{index}.jpg" for index in range(2000)]
    splits = [fruits._split(name) for name in names]
    assert splits.count("test") / 2000 == pytest.approx(0.1, abs=0.02)
    assert splits.count("validation") / 2000 == pytest.approx(0.1, abs=0.02)
    assert splits[:4] == ["train", "train", "validation", "train"]  # for ever: a change moves photos between splits


def test_fruits_wants_class_folders(tmp_path):
    save_photo(tmp_path / "manual/apple/1.jpg")
    with pytest.raises(ValueError, match="1 class folders in .*needs at least 2"):
        build(fruits.Fruits(data_dir=tmp_path), tmp_path / "manual")
