"""Photos in one folder for each class, such as fruits found by a search engine (Conti, Sterpa)."""

import functools
import hashlib
import io
import logging

import numpy as np
import tensorflow_datasets as tfds
from PIL import ExifTags, Image, ImageOps

from tfcolor.data.builders.manual import ManyPhotos, manual_folder


class Fruits(ManyPhotos):
    """Every photo below a class folder, about 80 % to train with, 10 % to validate and 10 % to test.

    A photo's split follows from its path alone: adding photos moves no other. Files that no decoder reads are left out
    and named in a warning.
    """

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    Put a folder of photos for each class (apple/*.jpg, banana/*.jpg, ...; JPEG, PNG, WebP, ...; deeper folders count
    too) into the manual folder, or into its sub-folder fruits. The names of the folders become the names of the labels.
    """

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="Photos in class folders of one's own.",
            license="That of the photos in the folder.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg"),
                    "label": tfds.features.ClassLabel(),  # its names are known once the folder is
                    "file_name": tfds.features.Text(),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        root = manual_folder(self, dl_manager)
        classes = sorted(path.name for path in root.iterdir() if path.is_dir())
        if len(classes) < 2:
            raise ValueError(f"{len(classes)} class folders in {root}; it needs at least 2, one for each label")
        self.info.features["label"].names = classes
        photos = {"train": [], "validation": [], "test": []}
        for path in sorted(path for label in classes for path in (root / label).rglob("*") if path.is_file()):
            name = path.relative_to(root).as_posix()
            photos[_split(name)].append(name)
        return {split: self._generate_examples(root, names) for split, names in photos.items() if names}

    def _generate_examples(self, root, names):
        return self.examples(names, functools.partial(_make, root))


def _make(root, name):
    """A photo's path from the folder on -> its example, as `ManyPhotos.examples` wants it; none where it is broken."""
    try:
        image = _photo(root / name)
    except Exception:  # whatever a broken file makes a decoder raise: this one photo is left out
        logging.warning("fruits: %s cannot be read and is left out", name)
        return []
    return [(name, {"image": image, "label": name.split("/")[0], "file_name": name})]


def _split(name):
    share = hashlib.sha256(name.encode()).digest()[0] / 256
    return "test" if share < 0.1 else "validation" if share < 0.2 else "train"


def _photo(path):
    """A file -> its own bytes where they are an upright RGB JPEG, uint8 [H, W, 3] otherwise."""
    with Image.open(path) as image:
        image.load()
        upright = image.getexif().get(ExifTags.Base.Orientation, 1) == 1
        if upright and image.format == "JPEG" and image.mode == "RGB":
            return io.BytesIO(path.read_bytes())
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
