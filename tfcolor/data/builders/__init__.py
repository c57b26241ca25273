"""TFDS builders for data sets that TFDS lacks; importing this package makes `tfds.builder(NAME)` know them."""

from tfcolor.data.builders.coco_stuff import CocoStuff
from tfcolor.data.builders.fruits import Fruits
from tfcolor.data.builders.pascal_context import PascalContext

BUILDERS = {builder.name: builder for builder in (CocoStuff, Fruits, PascalContext)}
