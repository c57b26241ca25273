"""Where photos come from: a name -> a `tf.data.Dataset` of single examples, with what is known about it.

Names: any TFDS data set (prepared in `data_dir`, or one that TFDS can prepare), `folder:PATH`, `synthetic`.
"""

import dataclasses
import difflib
import pathlib
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from tfcolor.data.labels import palette_of
from tfcolor.data.prepare import photo_feature, prepare

SPLITS = ("train", "validation", "test")
NO_LABEL = 255  # a mask's value where nothing is known
SCENES = 365
PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")

# TFDS's names for what we call mask and name.
_MASKS = ("segmentation_mask", "mask")
_NAMES = ("file_name", "image/filename", "filename")


@dataclasses.dataclass
class SourceInfo:
    """What is known about a source.

    Attributes:
        name: as asked for.
        splits: examples in each split.
        classes: names of the mask's values 0, 1, ...; None without masks.
        labels: names of `label`'s values; None without labels.
        licence: what its makers say, or "".
    """

    name: str
    splits: dict
    classes: list | None = None
    labels: list | None = None
    licence: str = ""

    @property
    def palette(self):
        """A colour for each class, uint8 [classes, 3]."""
        return palette_of(self.classes or ())


@dataclasses.dataclass
class Source:
    """Examples of one split and what is known about them.

    Attributes:
        info: see `SourceInfo`.
        dataset: of dicts with `image` uint8 [H, W, 3] and, where there is one, `mask` uint8 [H, W, 1] (class indices,
            255 = no label), `label` int64, `name` string. Photos are decoded as they are read.
        size: number of examples.
        encoded: the same as `dataset`, with `image` and `mask` as file bytes, with the mask's own values: for caches.
        part: function of (index, count) -> one of `count` parts of `encoded`, reading no file that is not in it; they
            differ by one example at most, the first have it.
        lookup: uint8 [256], the mask's own values -> class indices; None where they are the same.
    """

    info: SourceInfo
    dataset: tf.data.Dataset
    size: int
    encoded: tf.data.Dataset
    part: Callable
    lookup: np.ndarray | None = None


class NoSplit(ValueError):
    """A source lacks the split that was asked for; it has `splits`: {name: examples}, of a folder only names."""

    def __init__(self, name, split, splits):
        super().__init__(f"{name}: no split {split!r}; it has {', '.join(splits)}")
        self.splits = splits


def open_source(name, split="train", *, data_dir=None):
    """Opens one split of a source; a TFDS data set that is not here yet is fetched first (`prepare`).

    Args:
        name: a TFDS name, `folder:PATH` or `synthetic`.
        split: one of the source's splits ("train", "validation", "test"); TFDS's slices ("train[:10%]") work too.
        data_dir: where prepared TFDS folders are; None: TFDS's own (~/tensorflow_datasets).

    Raises:
        ValueError: unknown name or split, a data set that is not here and cannot be had; says the ways on.
    """
    if name == "synthetic":
        return _synthetic(split)
    if name.startswith("folder:"):
        return _folder(name, split)
    return _tfds(name, split, data_dir)


def source_names(data_dir=None):
    """Names that can be opened at once: `synthetic` and what lies prepared in `data_dir`."""
    folder = _data_dir(data_dir)
    prepared = {path.parents[1].name for path in folder.glob("*/*/dataset_info.json")}
    prepared |= {path.parents[2].name for path in folder.glob("*/*/*/dataset_info.json")}
    return ["synthetic", *sorted(prepared)]


# TFDS ---------------------------------------------------------------------------------------------------------------


def _tfds(name, split, data_dir):
    import tensorflow_datasets as tfds

    import tfcolor.data.builders  # noqa: F401  (registers our own builders)

    builder = _builder(tfds, name, data_dir)
    splits = {key: int(value.num_examples) for key, value in builder.info.splits.items()}
    if split.split("[")[0] not in splits:
        raise NoSplit(name, split, splits)
    features = builder.info.features
    photo = photo_feature(builder)
    mask = next((key for key in _MASKS if key in features), None)
    file_name = next((key for key in _NAMES if key in features), None)
    values = _class_values(builder, mask)

    def example(raw):
        out = {"image": raw[photo]}
        if mask:
            out["mask"] = raw[mask]
        if "label" in raw:
            out["label"] = tf.cast(raw["label"], "int64")
        out["name"] = raw[file_name] if file_name else tf.constant("")
        return out

    keys = {photo, mask, file_name, "label" if "label" in features else None} - {None}
    wanted = tfds.decode.PartialDecoding(
        {key: features[key] for key in keys},
        decoders={key: tfds.decode.SkipDecoding() for key in (photo, mask) if key},
    )
    config = tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1, shuffle_seed=0)

    def read(split):
        return builder.as_dataset(split=split, decoders=wanted, shuffle_files=False, read_config=config).map(example)

    def part(index, count):
        return read(tfds.even_splits(split, count)[index])  # neighbours share a file at most, where one ends in it

    encoded = read(split)
    lookup = None if values is None else _lookup(values)
    dataset = encoded.map(lambda e: decode(e, lookup), num_parallel_calls=2, deterministic=True)
    info = SourceInfo(
        name,
        splits,
        classes=None if values is None else [text for _, text in values],
        labels=getattr(features["label"], "names", None) if "label" in features else None,
        licence=str(builder.info.redistribution_info.license or ""),
    )
    return Source(info, dataset, int(encoded.cardinality()), encoded, part, lookup)


def _builder(tfds, name, data_dir):
    folder = _data_dir(data_dir)
    try:
        builder = tfds.builder(name, data_dir=str(folder))
    except (tfds.core.registered.DatasetNotFoundError, ValueError) as error:
        near = difflib.get_close_matches(name, [*source_names(data_dir), *tfds.list_builders()], 3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise ValueError(
            f"no data set {name!r}{hint} (prepared in {folder}: {', '.join(source_names(data_dir))}; or any TFDS name, "
            "or folder:PATH)"
        ) from error
    if not builder.is_prepared():
        prepare(builder, folder)
    return builder


def _data_dir(data_dir):
    folder = pathlib.Path(data_dir or "~/tensorflow_datasets").expanduser()
    if data_dir and not folder.is_dir():
        raise ValueError(f"data dir {str(data_dir)!r}: no such folder; give the one that holds the prepared data sets")
    return folder


def _class_values(builder, mask):
    """[(mask value, class name)] from `segmentation_classes.txt` beside the records, or what TFDS's own data mean."""
    if not mask:
        return None
    known = {
        "oxford_iiit_pet": [(1, "pet"), (2, "background"), (3, "border")],
    }
    path = pathlib.Path(builder.data_dir) / "segmentation_classes.txt"
    if path.is_file():
        rows = [line.split(maxsplit=1) for line in path.read_text("utf-8").splitlines() if line.strip()]
        values = [(int(value), text.strip()) for value, text in rows]
    elif known.get(builder.name):
        values = known[builder.name]
    else:
        names = getattr(builder.info.features[mask], "names", None)
        values = list(enumerate(names)) if names else [(i, str(i)) for i in range(NO_LABEL)]
    void = [] if builder.name != "camvid" else [11]  # camvid's class 11 is "Unlabelled"
    return [(value, text) for value, text in values if value != NO_LABEL and value not in void]


def _lookup(values):
    """uint8 [256]: a mask's value -> its class index; 255 for all others."""
    table = np.full(256, NO_LABEL, "uint8")
    for index, (value, _) in enumerate(values):
        table[value] = index
    return table


def encode(example):
    """An example -> the same with photo and mask as PNG bytes."""
    return {key: tf.io.encode_png(value) if key in ("image", "mask") else value for key, value in example.items()}


def decode(example, lookup=None):
    """An encoded example -> its photo and mask as uint8 arrays, mask values as class indices."""
    out = dict(example)
    out["image"] = _decode_photo(example["image"])
    if "mask" in example:
        mask = tf.io.decode_image(example["mask"], channels=1, expand_animations=False)
        mask.set_shape([None, None, 1])
        out["mask"] = mask if lookup is None else tf.gather(tf.constant(lookup), tf.cast(mask, "int32"))
    return out


def _decode_photo(content):
    image = tf.io.decode_image(content, channels=3, expand_animations=False)
    image.set_shape([None, None, 3])
    return image


# Folders ------------------------------------------------------------------------------------------------------------


def _folder(name, split):
    """`folder:PATH`: every photo below PATH; sub-folders train, validation, test are its splits, else all is each.

    A photo's name is its path from PATH on.
    """
    root = pathlib.Path(name.removeprefix("folder:")).expanduser()
    if not root.is_dir():
        raise ValueError(f"{name}: no such folder")
    splits = [known for known in SPLITS if (root / known).is_dir()]
    if split not in (splits or SPLITS):
        raise NoSplit(name, split, splits or SPLITS)
    below = root / split if splits else root
    paths = _photos_below(below)
    with ThreadPoolExecutor() as pool:
        opens = list(pool.map(_opens, paths))
    names = [path.relative_to(root).as_posix() for path in paths]
    good = [name for name, whole in zip(names, opens, strict=True) if whole]
    bad = [name for name, whole in zip(names, opens, strict=True) if not whole]
    if bad:
        shown = ", ".join(bad[:5]) + (" ..." if len(bad) > 5 else "")
        print(f"{name}: {len(bad)} of {len(paths)} files cannot be read and are left out: {shown}", file=sys.stderr)
    if not good:
        raise ValueError(f"{name}: no readable photo in it (endings looked for: {', '.join(PHOTO_ENDINGS)})")

    def read(name):
        image = tf.numpy_function(lambda name: _read_rgb(root / name.decode()), [name], tf.uint8)
        image.set_shape([None, None, 3])
        return {"image": image, "name": name}

    def part(index, count):
        names = tf.data.Dataset.from_tensor_slices(good[index::count])
        return names.map(read, num_parallel_calls=2, deterministic=True).map(encode)

    dataset = tf.data.Dataset.from_tensor_slices(good).map(read, num_parallel_calls=2, deterministic=True)
    others = {other: len(_photos_below(root / other)) for other in splits} or dict.fromkeys(SPLITS, len(good))
    return Source(SourceInfo(name, others | {split: len(good)}), dataset, len(good), dataset.map(encode), part)


def _photos_below(folder):
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in PHOTO_ENDINGS)


def _opens(path):
    try:
        _read_rgb(path)
    except Exception:  # whatever a broken file makes a decoder raise: this one photo is left out
        return False
    return True


def _read_rgb(path):
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16"):  # Pillow's own conversion cuts at 255
            image = Image.fromarray((np.asarray(image) >> 8).astype("uint8"))
        return np.asarray(image.convert("RGB"))


# Synthetic ----------------------------------------------------------------------------------------------------------


def _synthetic(split):
    from tfcolor.data import synthetic

    if split not in synthetic.SPLITS:
        raise NoSplit("synthetic", split, synthetic.SPLITS)
    examples = list(synthetic.examples(split))
    columns = {key: np.stack([example[key] for example in examples]) for key in examples[0]}
    info = SourceInfo("synthetic", dict(synthetic.SPLITS), classes=list(synthetic.CLASSES))
    dataset = tf.data.Dataset.from_tensor_slices(columns)
    encoded = dataset.map(encode)
    return Source(info, dataset, len(examples), encoded, lambda index, count: encoded.shard(count, index))
