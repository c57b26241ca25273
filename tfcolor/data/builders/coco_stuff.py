"""COCO-Stuff (Caesar, Uijlings, Ferrari 2018): COCO 2017 photos, every pixel named by one of 182 things and stuffs."""

import functools

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from tfcolor.data.builders.manual import ManyPhotos, manual_folder, write_class_names

# Names of the mask values: 0 unlabelled, 1-91 COCO's things (11 of them without a single pixel), 92-182 stuff.
CLASSES = """\
unlabeled, person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant,
street sign, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, hat,
backpack, umbrella, shoe, eye glasses, handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite,
baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, plate, wine glass, cup, fork, knife, spoon,
bowl, banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed,
mirror, dining table, window, desk, toilet, door, tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven,
toaster, sink, refrigerator, blender, book, clock, vase, scissors, teddy bear, hair drier, toothbrush, hair brush,
banner, blanket, branch, bridge, building-other, bush, cabinet, cage, cardboard, carpet, ceiling-other, ceiling-tile,
cloth, clothes, clouds, counter, cupboard, curtain, desk-stuff, dirt, door-stuff, fence, floor-marble, floor-other,
floor-stone, floor-tile, floor-wood, flower, fog, food-other, fruit, furniture-other, grass, gravel, ground-other,
hill, house, leaves, light, mat, metal, mirror-stuff, moss, mountain, mud, napkin, net, paper, pavement, pillow,
plant-other, plastic, platform, playingfield, railing, railroad, river, road, rock, roof, rug, salad, sand, sea, shelf,
sky-other, skyscraper, snow, solid-other, stairs, stone, straw, structural-other, table, tent, textile-other, towel,
tree, vegetable, wall-brick, wall-concrete, wall-other, wall-panel, wall-stone, wall-tile, wall-wood, water-other,
waterdrops, window-blind, window-other, wood""".replace("\n", " ").split(", ")


class CocoStuff(ManyPhotos):
    """118,287 photos to train with and 5,000 to validate, about 20 GB, from three archives that a person unpacks."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    Fetch three archives (20 GB) and unpack them into the manual folder, or into its sub-folder coco_stuff:
      http://images.cocodataset.org/zips/train2017.zip -> train2017/*.jpg
      http://images.cocodataset.org/zips/val2017.zip -> val2017/*.jpg
      http://calvin.inf.ed.ac.uk/wp-content/uploads/data/cocostuffdataset/stuffthingmaps_trainval2017.zip
        -> stuffthingmaps/train2017/*.png and stuffthingmaps/val2017/*.png
    """

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="COCO 2017 photos with COCO-Stuff's maps of things and stuff (0 unlabelled, 1-182).",
            homepage="https://github.com/nightrome/cocostuff",
            license="Maps: CC BY 4.0. Photos: Flickr's terms of use, a licence for each in COCO's annotations.",
            citation="Caesar, Uijlings, Ferrari: COCO-Stuff: Thing and Stuff Classes in Context. CVPR 2018.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg"),
                    "segmentation_mask": tfds.features.Image(shape=(None, None, 1), encoding_format="png"),
                    "file_name": tfds.features.Text(),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        folders = {"train": "train2017", "validation": "val2017"}
        maps = {folder: f"stuffthingmaps/{folder}" for folder in folders.values()}
        root = manual_folder(self, dl_manager, [*maps, *maps.values()])
        write_class_names(self, CLASSES)
        return {split: self._generate_examples(root / folder, root / maps[folder]) for split, folder in folders.items()}

    def _generate_examples(self, photos, maps):
        return self.examples(sorted(path.stem for path in maps.glob("*.png")), functools.partial(_make, photos, maps))


def _make(photos, maps, name):
    """A photo's name -> its one example, as `ManyPhotos.examples` wants it."""
    photo = photos / f"{name}.jpg"
    return [(name, {"image": photo, "segmentation_mask": _mask(maps / f"{name}.png"), "file_name": photo.name})]


def _mask(path):
    """A map file -> uint8 [H, W, 1]. Files count classes from 0 and write 255 for unlabelled: one more, modulo 256."""
    with Image.open(path) as image:
        return (np.asarray(image, "uint8") + np.uint8(1))[..., None]
