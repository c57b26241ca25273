"""From sources to uint8 batches: several sources mixed, shuffled anew each epoch, the same for the same seed."""

import functools
import hashlib
import pathlib

import numpy as np
import tensorflow as tf

from tfcolor.data import labels as merged
from tfcolor.data.augment import random_crop_and_flip, whole_photo
from tfcolor.data.sources import NO_LABEL, SCENES, NoSplit, decode, open_source
from tfcolor.data.teachers import add_scenes, find_scenes, read_scenes

# Encoded photos: at 20 kB each 400 MB at the most. It shuffles a mixture up to that size as a whole, so that workers
# can share out its batches; a larger one they share out by its files.
SHUFFLE_BUFFER = 20_000


class Mixture:
    """Several sources as one, each with what it has: a missing mask is all 255, a missing scene all 0.

    Args:
        names: source names joined by "+"; NAME*3 counts three times in an epoch. Example: "pets_sample*10+photos".
        split: the split of each. Of a TFDS data set without a validation split that is the last tenth of "train".
        data_dir: where prepared data sets are.
        labels: "merged" takes every source's masks in the words of `tfcolor.data.labels`; "" as they are.
        classes: class names of the segmentation head; a source with other classes lends its photos, not its masks. With
            merged labels those are the classes.
        cache: keep the encoded photos in memory after the first epoch.
        labels_dir: where the teacher's labels of scenes are (`tfcolor datasets label --cache`); "": beside the data.
            They are read for the split "train" alone: pseudo labels are never tested on.
        held_out: names of sources that the training validates on: of their "train" that last tenth is left out.
        worker: (index, count) of this process among those that train together, each on its part of every batch.

    Attributes:
        size: examples in an epoch, of all workers.
        by_file: whether a worker reads files of its own. If not, all see the same encoded photos go by in the same
            order, and each decodes those that are its part of the batches that one process would make.
        classes: the merged labels, or as given, or those of the first source that has masks.
        scene_files: {source name: path} of the labels of scenes that were found.
        scenes: the names of those scenes, or None.
    """

    def __init__(
        self,
        names,
        split="train",
        *,
        data_dir=None,
        labels="",
        classes=None,
        cache=False,
        labels_dir="",
        held_out=(),
        worker=(0, 1),
    ):
        if labels_dir and not pathlib.Path(labels_dir).expanduser().is_dir():
            raise ValueError(f"labels_dir {labels_dir!r}: no such folder; `tfcolor datasets label --cache` makes one")
        self.sources, self._repeats = [], []
        for term in names.split("+"):
            name, repeat = _parse_term(term)
            self.sources.append(_open(name, split, data_dir, held_out))
            self._repeats.append(repeat)
        self.size = sum(source.size * repeat for source, repeat in zip(self.sources, self._repeats, strict=True))
        self.worker, self.by_file = worker, worker[1] > 1 and self.size > SHUFFLE_BUFFER
        if labels == "merged":
            self.classes = merged.NAMES
            lookups = [_merged_lookup(source) for source in self.sources]
        else:
            known = [source.info.classes for source in self.sources if source.info.classes]
            self.classes = classes or (known[0] if known else None)
            lookups = [_mask_lookup(source, self.classes) for source in self.sources]
        # All sources' tables in one: those of a source begin at its row, and the photo's label says which of them.
        self._rows = tf.constant([len(lookup) for lookup in lookups])
        self._first_rows = tf.cumsum(self._rows, exclusive=True)
        self._lookups = tf.constant(np.concatenate(lookups))
        self._encoded, self.scene_files, self.scenes = [], {}, None
        for index, (source, repeat) in enumerate(zip(self.sources, self._repeats, strict=True)):
            dataset, name = source.part(*worker) if self.by_file else source.encoded, source.info.name
            scenes = find_scenes(name, split, data_dir, labels_dir) if split.startswith("train") else None
            if scenes:
                self.scene_files[name] = scenes
                names = read_scenes(scenes)["classes"].tolist()
                if names != (self.scenes or names):
                    raise ValueError(f"{scenes}: other scenes than those of the other data; label all by one teacher")
                self.scenes = names
                dataset = add_scenes(dataset, scenes)
            dataset = dataset.map(_uniform(index))
            if cache:
                dataset = dataset.cache()
            self._encoded.append((dataset, repeat))

    def steps(self, batch):
        """How many batches there are in an epoch. What is left over is less than a batch, and others the next time.

        By file, workers have unequal parts, by an example for each source; then the least counts for all.
        """
        _, count = self.worker
        if not self.by_file:
            return self.size // batch
        least = sum(source.size // count * repeat for source, repeat in zip(self.sources, self._repeats, strict=True))
        return least // (batch // count)

    def training_batches(self, batch, size, crop_area, seed, epoch, crop_aspect=(3 / 4, 4 / 3), rotation=0.0):
        """One epoch, shuffled and augmented by (seed, epoch): batches {"image", "mask", "scene", "label"}.

        The last, smaller batch is left out, so that every step costs the same. A worker gets its part of each batch,
        the `index`th of `count` equal ones, which must divide it.
        """
        index, count = self.worker
        seed = _seed(seed, f"{epoch}/{index}" if self.by_file else epoch)
        draw, change = random_crop_and_flip(size, crop_area, seed, crop_aspect, rotation)
        dataset = self._concatenated().shuffle(
            min(self.size, SHUFFLE_BUFFER), seed=seed, reshuffle_each_iteration=False
        )
        dataset = dataset.map(draw)
        if count > 1 and not self.by_file:
            dataset = _every(dataset, batch // count, index, count)
        dataset = dataset.map(self._decode, num_parallel_calls=2, deterministic=True)
        dataset = dataset.map(change, num_parallel_calls=2, deterministic=True)
        return dataset.batch(batch // count, drop_remainder=True).prefetch(2)

    def evaluation_batches(self, batch, size):
        """Every photo once, whole, in order; of several workers each gets every `count`th batch."""
        dataset = self._concatenated()
        if self.worker[1] > 1 and not self.by_file:
            dataset = _every(dataset, batch, *self.worker)
        dataset = dataset.map(self._decode, num_parallel_calls=2, deterministic=True)
        return dataset.map(whole_photo(size)).batch(batch).prefetch(2)

    def photos(self):
        """Every photo once, decoded, in order: what a prior is counted in. By file, a worker's own."""
        decoded = [dataset.map(self._decode, num_parallel_calls=2) for dataset, _ in self._encoded]
        return functools.reduce(tf.data.Dataset.concatenate, decoded)

    def _concatenated(self):
        parts = [dataset for dataset, repeat in self._encoded for _ in range(repeat)]
        return functools.reduce(tf.data.Dataset.concatenate, parts)

    def _decode(self, example):
        image = decode({"image": example["image"]})["image"]
        shape = tf.shape(image)[:2]
        mask = tf.cond(
            example["mask"] == "",
            lambda: tf.fill([shape[0], shape[1], 1], tf.constant(NO_LABEL, "uint8")),
            lambda: decode({"mask": example["mask"], "image": example["image"]}, None)["mask"],
        )
        source = example["source"]
        # Of one row, or of one for each label and a last one for -1, no label.
        row = self._first_rows[source] + example["label"] % self._rows[source]
        lookup = tf.gather(self._lookups, row)
        example = {key: value for key, value in example.items() if key != "source"}
        return example | {"image": image, "mask": tf.gather(lookup, tf.cast(mask, "int32"))}


def _open(name, split, data_dir, held_out):
    """A source's split. Of one without a validation split the last tenth of "train" is that; see `Mixture`."""
    if split == "validation":
        try:
            return open_source(name, split, data_dir=data_dir)
        except NoSplit as error:
            if name.startswith("folder:"):
                raise ValueError(f"{error}: make that folder, or --set validation_data=NAME of other photos") from None
            if error.splits.get("train", 0) < 2:
                raise
            return open_source(name, f"train[-{_tenth(error.splits)}:]", data_dir=data_dir)
    source = open_source(name, split, data_dir=data_dir)
    splits = source.info.splits
    if split != "train" or name not in held_out or "validation" in splits or name.startswith("folder:"):
        return source
    return open_source(name, f"train[:-{_tenth(splits)}]", data_dir=data_dir)


def _tenth(splits):
    return max(1, splits["train"] // 10)


def sources_of(names):
    """The names of a mixture's sources, such as ["pets_sample", "photos"] of "pets_sample*10+photos"."""
    return [_parse_term(term)[0] for term in names.split("+")]


def _parse_term(term):
    name, _, times = term.strip().rpartition("*")
    if not name:
        return term.strip(), 1
    if not times.isdigit() or int(times) < 1:
        raise ValueError(f"data {term!r}: after * stands how many times it counts, such as {name}*3")
    return name, int(times)


def _mask_lookup(source, classes):
    """uint8 [1, 256]: mask value -> class index of the head; all 255 where the source's classes are others."""
    if source.info.classes != classes or classes is None:
        return np.full((1, 256), NO_LABEL, "uint8")
    return np.arange(256, dtype="uint8")[None] if source.lookup is None else source.lookup[None]


def _merged_lookup(source):
    """uint8 [rows, 256]: mask value -> merged label, one row or one for each of the photos' labels and for -1."""
    info = source.info
    if not info.classes:
        return np.full((1, 256), NO_LABEL, "uint8")
    table = merged.lookup(info.name, info.classes, info.labels)
    return table if source.lookup is None else table[:, source.lookup]


def _uniform(index):
    """Examples of source number `index` -> the same keys and dtypes for every source."""

    def uniform(example):
        return {
            "image": example["image"],
            "mask": example.get("mask", tf.constant("")),
            "scene": tf.cast(example.get("scene", tf.zeros([SCENES])), "float32"),
            "label": tf.cast(example.get("label", tf.constant(-1)), "int32"),
            "source": tf.constant(index),
        }

    return uniform


def _every(dataset, length, index, count):
    """Of each `length * count` examples, the `index`th `length`."""
    numbered = dataset.enumerate().filter(lambda number, _: number // length % count == index)
    return numbered.map(lambda _, example: example)


def _seed(seed, epoch):
    """A seed for each (seed, epoch), below 2 ** 31."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{epoch}".encode()).digest()[:4], "little") // 2
