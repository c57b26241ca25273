"""PASCAL-Context (Mottaghi et al. 2014): VOC 2010 photos, every pixel named; the usual 59 classes and background."""

import functools

import numpy as np
import tensorflow_datasets as tfds

from tfcolor.data.builders.manual import ManyPhotos, manual_folder, write_class_names

# Names of the mask values. The 59 in alphabetical order; all the other 400 of the original maps are background.
CLASSES = """\
background, aeroplane, bag, bed, bedclothes, bench, bicycle, bird, boat, book, bottle, building, bus, cabinet, car,
cat, ceiling, chair, cloth, computer, cow, cup, curtain, dog, door, fence, floor, flower, food, grass, ground, horse,
keyboard, light, motorbike, mountain, mouse, person, plate, platform, pottedplant, road, rock, sheep, shelves,
sidewalk, sign, sky, snow, sofa, table, track, train, tree, truck, tvmonitor, wall, water, window, wood""".replace(
    "\n", " "
).split(", ")


class PascalContext(ManyPhotos):
    """4,998 photos to train with and 5,105 to validate: VOC 2010's own lists. Needs SciPy for the .mat files."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    Fetch two archives (1.3 GB) and unpack them into the manual folder, or into its sub-folder pascal_context:
      http://host.robots.ox.ac.uk/pascal/VOC/voc2010/VOCtrainval_03-May-2010.tar
        -> VOCdevkit/VOC2010/JPEGImages/*.jpg, VOCdevkit/VOC2010/ImageSets/Main/train.txt and val.txt
      https://cs.stanford.edu/~roozbeh/pascal-context/trainval.tar.gz -> trainval/*.mat and labels.txt
    """

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="PASCAL VOC 2010 photos with PASCAL-Context's maps: 59 classes, 0 is background.",
            homepage="https://cs.stanford.edu/~roozbeh/pascal-context/",
            license="Maps: none stated. Photos: Flickr's terms of use (VOC 2010), for research.",
            citation="Mottaghi et al.: The Role of Context for Object Detection and Semantic Segmentation in the Wild. "
            "CVPR 2014.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg"),
                    "segmentation_mask": tfds.features.Image(shape=(None, None, 1), encoding_format="png"),
                    "file_name": tfds.features.Text(),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        voc = "VOCdevkit/VOC2010"
        lists = {"train": f"{voc}/ImageSets/Main/train.txt", "validation": f"{voc}/ImageSets/Main/val.txt"}
        root = manual_folder(self, dl_manager, [f"{voc}/JPEGImages", *lists.values(), "trainval", "labels.txt"])
        table = _class_table((root / "labels.txt").read_text("utf-8"))
        write_class_names(self, CLASSES)
        return {
            split: self._generate_examples((root / path).read_text().split(), root / voc / "JPEGImages", root, table)
            for split, path in lists.items()
        }

    def _generate_examples(self, names, photos, root, table):
        return self.examples(names, functools.partial(_make, photos, root, table))


def _make(photos, root, table, name):
    """A photo's name -> its one example, as `ManyPhotos.examples` wants it."""
    label_map = tfds.core.lazy_imports.scipy.io.loadmat(root / "trainval" / f"{name}.mat")["LabelMap"]
    photo = photos / f"{name}.jpg"
    return [(name, {"image": photo, "segmentation_mask": table[label_map][..., None], "file_name": photo.name})]


def _class_table(text):
    """labels.txt (lines "number: name", 459 of them) -> uint8 [numbers + 1]: a number of the maps -> our mask value."""
    numbers = {}
    for line in text.splitlines():
        number, _, name = line.partition(":")
        numbers[name.replace(" ", "")] = int(number)
    missing = sorted(set(CLASSES[1:]) - numbers.keys())
    if missing:
        raise ValueError(f"labels.txt does not name {', '.join(missing)}; take it from trainval.tar.gz")
    table = np.zeros(max(numbers.values()) + 1, "uint8")
    for value, name in enumerate(CLASSES[1:], start=1):
        table[numbers[name]] = value
    return table
