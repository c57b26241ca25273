"""The verb `datasets`: what photos there are, how to get more, what they look like, and what a training needs of them.

`tfcolor datasets` + one of: list, prepare NAME, show NAME, prior NAME, label NAME, segment NAME ...
"""

import dataclasses
import io
import json
import math
import pathlib
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tfcolor.command import Parser, real, verb, whole
from tfcolor.quiet import import_tensorflow
from tfcolor.report import write

# Data sets that `prepare` is known to work with. Others of TFDS's are opened by their names too.
KNOWN = {
    "oxford_iiit_pet": "7,349 cats and dogs with trimaps; 0.8 GB, downloaded; CC BY-SA 4.0",
    "coco_stuff": "123,287 photos with maps of 182 classes; 20 GB, by hand; maps CC BY 4.0, photos Flickr's terms",
    "pascal_context": "10,103 photos with maps of 59 classes; 1.3 GB, by hand; photos Flickr's terms",
    "celeb_a": "202,599 faces; 1.4 GB, downloaded or by hand; non-commercial research",
    "places365_small": "2.2 million scenes, 365 classes; 29 GB, downloaded; see places2.csail.mit.edu",
    "imagenet2012": "1.3 million photos, 1,000 classes; 145 GB, by hand after registration; non-commercial research",
    "div2k": "900 sharp photos of 2K, to train on and to measure with; 5 GB, downloaded; academic research",
    "fruits": "a folder of one's own, with a folder of photos for each class",
}

BACKGROUND, INK = (255, 255, 255), (20, 20, 20)


@verb("datasets")
def main(argv):
    """Runs `tfcolor datasets`; returns the exit code."""
    options = _parser().parse_args(argv)
    options.run(options)
    return 0


# list ---------------------------------------------------------------------------------------------------------------


def _list(options):
    folder = _data_dir(options.data_dir)
    if options.data_dir and not folder.is_dir():
        raise ValueError(f"data dir {options.data_dir!r}: no such folder; give the one with the prepared data sets")
    rows = [("synthetic", "64 / 16 / 16", "masks of 5 classes, scenes, labels; drawn, nothing to download")]
    for path in sorted([*folder.glob("*/*/dataset_info.json"), *folder.glob("*/*/*/dataset_info.json")]):
        rows.append(_prepared_row(path))
    print(f"ready (those in {folder}):")
    _print_table([("name", "train / validation / test", ""), *rows])
    print("\nto be had by `tfcolor datasets prepare NAME`:")
    _print_table([(name, text) for name, text in KNOWN.items() if name not in {row[0] for row in rows}])
    print("\nand any folder of photos, as folder:PATH; any other photos of TFDS, by their name there")


def _prepared_row(path):
    """A dataset_info.json -> (name, sizes of the splits, what the examples have), without TensorFlow."""
    info = json.loads(path.read_text("utf-8"))
    sizes = {split["name"]: sum(map(int, split.get("shardLengths", []))) for split in info.get("splits", [])}
    shown = [f"{sizes.pop(name):,}" if name in sizes else "-" for name in ("train", "validation", "test")]
    others = [f"{name} {size:,}" for name, size in sizes.items()]
    features = path.with_name("features.json")
    features = json.loads(features.read_text("utf-8"))["featuresDict"]["features"] if features.exists() else {}
    classes = path.with_name("segmentation_classes.txt")
    what = []
    if "segmentation_mask" in features:
        count = len(classes.read_text("utf-8").splitlines()) if classes.exists() else None
        what.append(f"masks of {count} classes" if count else "masks")
    if "label" in features:
        what.append(f"labels ({features['label'].get('classLabel', {}).get('numClasses', '?')})")
    return info["name"], " / ".join(shown + others), ", ".join(what)


def _print_table(rows):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  " + "  ".join(cells).rstrip())


# prepare ------------------------------------------------------------------------------------------------------------


def _prepare(options):
    name, folder = options.name, _data_dir(options.data_dir)
    if name == "synthetic" or name.startswith("folder:"):
        print(f"{name}: nothing to prepare")
        return
    import absl.logging
    import tensorflow_datasets as tfds

    import tfcolor.data.builders  # noqa: F401  (registers our own builders)
    from tfcolor.data.prepare import prepare

    absl.logging.set_verbosity(absl.logging.ERROR)  # TFDS warns of a folder that is only about to be made
    try:
        builder = tfds.builder(name, data_dir=str(folder))
    except tfds.core.registered.DatasetNotFoundError as error:
        raise ValueError(f"no data set {name!r}; `tfcolor datasets list` shows some, TFDS's catalogue all") from error
    if builder.is_prepared():
        print(f"{name}: prepared already, in {builder.data_dir}")
        return
    prepare(builder, folder, options.manual_dir, options.beam)
    print(f"{name}: {', '.join(f'{split} {info.num_examples:,}' for split, info in builder.info.splits.items())}")
    print(f"prepared in {builder.data_dir}. Next: tfcolor datasets show {name} -o sheet.png")


# show ---------------------------------------------------------------------------------------------------------------


def _show(options):
    import_tensorflow()
    from tfcolor.data.sources import open_source

    source = open_source(options.name, options.split, data_dir=options.data_dir)
    dataset, info = source.dataset, source.info
    if options.maps:
        from tfcolor.data.teachers import add_maps

        info = dataclasses.replace(info, classes=_class_names(options.maps))
        dataset = add_maps(dataset, options.maps)
    # Evenly through the split, so that data sorted by class or by source shows its variety.
    step = max(source.size // options.count, 1)
    examples = dataset.enumerate().filter(lambda index, _: index % step == 0).take(options.count)
    examples = [example for _, example in examples.as_numpy_iterator()]
    write(options.output, contact_sheet(examples, info, options.size))
    print(f"{options.output}: {len(examples)} of {source.size} photos of {options.name} {options.split}")


def _class_names(folder):
    path = pathlib.Path(folder) / "segmentation_classes.txt"
    if not path.is_file():
        raise ValueError(f"{folder} is no folder of maps (it has no {path.name}); `tfcolor datasets label` makes one")
    return [line.split(maxsplit=1)[1] for line in path.read_text("utf-8").splitlines()]


def contact_sheet(examples, info, size=160):
    """Photos side by side, each with its mask over its gray beside it, its name below, and the classes that occur.

    Args:
        examples: dicts with `image` uint8 [H, W, 3] and any of `mask` uint8 [H, W, 1], `label` int, `name` bytes.
        info: the `SourceInfo`: names of classes and labels, colours of the classes.
        size: pixels of the longer side of a photo.

    Returns:
        A Pillow image.
    """
    font, line, gap = ImageFont.load_default(11), 15, 8
    colours = np.zeros((256, 3), "uint8")
    colours[: len(info.palette)] = info.palette
    tiles = [_tile(example, colours, size) for example in examples]
    width = max(tile.width for tile in tiles)
    columns = max(1, round(math.sqrt(len(tiles) * (size + line) / width)))  # about as wide as high
    starts = range(0, len(tiles), columns)
    tops = np.cumsum([gap, *(max(tile.height for tile in tiles[i : i + columns]) + line + gap for i in starts)])
    legend = _legend(examples, info.classes or [], columns * (width + gap), font)
    sheet = Image.new("RGB", (gap + columns * (width + gap), int(tops[-1]) + line * len(legend) + gap), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for index, (tile, example) in enumerate(zip(tiles, examples, strict=True)):
        left, top = gap + index % columns * (width + gap), int(tops[index // columns])
        sheet.paste(tile, (left, top))
        draw.text((left, top + tile.height + 1), _fit(_caption(example, info.labels), width, font), INK, font)
    for row, entries in enumerate(legend):
        for left, value, text in entries:
            top = int(tops[-1]) + line * row
            draw.rectangle((gap + left, top + 2, gap + left + 10, top + 12), tuple(map(int, colours[value])), INK)
            draw.text((gap + left + 15, top), text, INK, font)
    return sheet


def _tile(example, colours, size):
    """An example -> its photo, at most `size` on a side; to its right, where there is a mask, that over its gray."""
    photo = Image.fromarray(example["image"])
    photo.thumbnail((size, size))
    if "mask" not in example:
        return photo
    mask = Image.fromarray(example["mask"][..., 0]).resize(photo.size, Image.Resampling.NEAREST)
    tile = Image.new("RGB", (2 * photo.width + 2, photo.height), BACKGROUND)
    tile.paste(photo)
    tile.paste(_overlay(photo, np.asarray(mask), colours), (photo.width + 2, 0))
    return tile


def _overlay(photo, mask, colours):
    """A photo's gray under the colours of its mask; where there is no label (255), gray alone."""
    gray = np.asarray(photo.convert("L"), "float32")[..., None].repeat(3, axis=-1)
    mixed = np.where((mask == 255)[..., None], gray, 0.4 * gray + 0.6 * colours[mask])
    return Image.fromarray(np.round(mixed).astype("uint8"))


def _caption(example, labels):
    name = example.get("name", b"").decode().rsplit("/", 1)[-1]
    label = int(example.get("label", -1))
    named = labels[label] if labels and 0 <= label < len(labels) else str(label)
    return name if label < 0 else f"{named}: {name}" if name else named


def _fit(text, width, font):
    """The text, cut at the end where it is wider than so many pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."


def _legend(examples, classes, width, font):
    """Lines of (left, mask value, "name share"): the classes in the masks, by the share of their pixels."""
    pixels = np.zeros(256, "int64")
    for example in examples:
        pixels += np.bincount(example.get("mask", np.zeros(0, "uint8")).ravel(), minlength=256)
    lines, left = [], width
    for value in np.argsort(-pixels, kind="stable"):
        if not pixels[value]:
            break
        name = classes[value] if value < len(classes) else "no label" if value == 255 else f"value {value}"
        text = f"{name} {100 * pixels[value] / pixels.sum():.1f} %"
        step = 15 + math.ceil(font.getlength(text)) + 18
        if left + step > width:
            lines.append([])
            left = 0
        lines[-1].append((left, int(value), text))
        left += step
    return lines


# prior --------------------------------------------------------------------------------------------------------------


def _prior(options):
    output = pathlib.Path(options.output)
    if output.suffix != ".npy" or not output.parent.is_dir():
        raise ValueError(f"output {options.output!r}: give a .npy file in a folder that exists; a .png goes beside it")
    import_tensorflow()
    from tfcolor.color.ab_bins import smooth_prior
    from tfcolor.data.prior import colour_prior, prior_warnings
    from tfcolor.data.sources import open_source

    source = open_source(options.name, options.split, data_dir=options.data_dir)
    dataset = source.dataset.take(options.limit) if options.limit else source.dataset
    photos = min(source.size, options.limit or source.size)
    prior, gray = colour_prior(dataset)
    warnings = prior_warnings(prior, photos, gray)
    prior = smooth_prior(prior, options.smooth)
    picture = output.with_suffix(".png")
    smoothed = f", smoothed by {options.smooth:g}" if options.smooth else ""
    title = f"{options.name} {options.split}: {photos - gray:,} photos, soft-encoded{smoothed}"
    write(picture, Image.fromarray(prior_picture(prior, title)))
    numbers = io.BytesIO()
    np.save(numbers, prior)
    write(output, numbers.getvalue())
    print(f"{output}, {picture}: shares of the 313 bins in {photos - gray:,} photos of {options.name} {options.split}")
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)


def prior_picture(prior, title):
    """A prior [313] -> uint8 [H, W, 3]: the bins in the ab plane, in their colours beside their shares."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from tfcolor.color.ab_bins import CENTRES
    from tfcolor.color.spaces import lab_to_rgb

    lab = np.concatenate([np.full((len(CENTRES), 1), 65.0, "float32"), CENTRES], axis=1)
    colours = np.clip(np.asarray(lab_to_rgb(lab)), 0, 1)
    shares = np.log10(np.maximum(prior, 1e-7))
    figure = Figure(figsize=(11, 5.6), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    left.scatter(*CENTRES.T, s=95, c=colours, marker="s", linewidths=0)
    left.set_title("the bins, at L = 65 (cut to RGB)")
    points = right.scatter(*CENTRES.T, s=95, c=shares, marker="s", linewidths=0, cmap="viridis", vmin=-7, vmax=0)
    right.set_title("their shares of the pixels")
    bar = figure.colorbar(points, ax=right, ticks=range(-7, 1))
    bar.ax.set_yticklabels(["none"] + [f"$10^{{{power}}}$" for power in range(-6, 0)] + ["1"])
    for axes in (left, right):
        axes.set(xlabel="a", ylabel="b", aspect="equal", xlim=(-112, 112), ylim=(-122, 112), facecolor="0.93")
    figure.suptitle(title)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


# label --------------------------------------------------------------------------------------------------------------


def _label(options):
    import_tensorflow()
    from tfcolor.data.sources import open_source
    from tfcolor.data.teachers import labels_folder, open_teacher, write_labels

    source = open_source(options.name, options.split, data_dir=options.data_dir)
    teacher = open_teacher(options.teacher, options.names, options.preprocessing)
    folder = labels_folder(options.name, options.data_dir, options.cache)
    path = write_labels(source, options.split, teacher, folder)
    print(f"{path}: pseudo labels of {source.size} photos by {teacher.file}: to train with, never to test on")


# segment ------------------------------------------------------------------------------------------------------------


def _segment(options):
    import_tensorflow()
    from tfcolor.data.sources import open_source
    from tfcolor.data.teachers import open_teacher, store_masks

    teacher = open_teacher(options.teacher, options.names)
    sources = [open_source(name, options.split, data_dir=options.data_dir) for name in options.name]
    share = {} if options.share is None else {"share": options.share}
    kept = store_masks(sources, options.split, teacher, options.classes, options.output, **share)
    path, of = pathlib.Path(options.output), sum(source.size for source in sources)
    print(f"{path}: {kept} of {of} photos, pseudo masks by {teacher.file}: to train with, never to test on")
    print(f"Next: tfcolor datasets show {path.name} --data-dir {path.parent} -o sheet.png")


# The command line ---------------------------------------------------------------------------------------------------


def _parser():
    parser = Parser("tfcolor datasets", description="Photos to train and measure with.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name, run, text, **several):
        added = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        added.set_defaults(run=run)
        if run is not _list:
            added.add_argument("name", metavar="NAME", help="a TFDS name, folder:PATH or synthetic", **several)
        added.add_argument("--data-dir", help="where prepared data sets are (default: ~/tensorflow_datasets)")
        return added

    def split(added):
        added.add_argument("--split", default="train", help="default: train; a slice, such as train[:10%%], too")

    command("list", _list, "which data sets are ready and which can be had")

    prepare = command("prepare", _prepare, "download a data set, or make it of archives fetched by hand")
    prepare.add_argument("--manual-dir", help="where such archives are (default: DATA_DIR/downloads/manual)")
    prepare.add_argument(
        "--beam",
        default="",
        metavar="OPTIONS",
        help="make the records by an Apache Beam pipeline: runner=DirectRunner,direct_num_workers=8,"
        "direct_running_mode=multi_processing, or the options of a cluster's runner (pip install 'tfcolor[beam]')",
    )

    show = command("show", _show, "write a contact sheet of photos and masks")
    split(show)
    show.add_argument("-o", "--output", required=True, metavar="FILE", help="picture, such as sheet.png")
    show.add_argument("--count", type=whole(1), default=24, help="photos (default: 24)")
    show.add_argument("--size", type=whole(1), default=160, help="pixels of a photo's longer side (default: 160)")
    show.add_argument("--maps", metavar="FOLDER", help="show these maps, made by `label`, instead of the masks")

    prior = command("prior", _prior, "count how often each of the 313 colours occurs")
    split(prior)
    prior.add_argument("-o", "--output", required=True, metavar="FILE.npy", help="the prior; its picture stands beside")
    prior.add_argument("--limit", type=whole(1), help="only so many photos")
    prior.add_argument(
        "--smooth",
        type=real(0),
        default=0.0,
        metavar="SIGMA",
        help="blur it over the bins: by some units of ab none is empty, as `evaluate --prior` wants (Zhang et al.: 5)",
    )

    label = command("label", _label, "let a frozen network label the photos: scenes, or segmentation maps")
    split(label)
    label.add_argument(
        "--teacher",
        required=True,
        metavar="FILE",
        help="Keras classifier or TFLite segmenter, or the folder that holds squeezenet_v11bn_places365.keras",
    )
    label.add_argument("--names", metavar="FILE", help="names of its classes, one a line")
    label.add_argument("--preprocessing", help="what a classifier wants: raw (default), unit, signed, caffe, places365")
    label.add_argument("--cache", metavar="FOLDER", help="where to write (default: beside the data)")

    text = "make a data set with masks of the photos in which a frozen network is sure of some classes"
    segment = command("segment", _segment, text, nargs="+")
    split(segment)
    segment.add_argument("--teacher", required=True, metavar="FILE", help="TFLite segmenter that gives logits")
    segment.add_argument("--names", metavar="FILE", help="names of its classes, one a line")
    segment.add_argument(
        "--classes",
        required=True,
        nargs="+",
        metavar="CLASS=MEMBERS",
        help="of the masks, from value 1 on, each with the teacher's classes that it is made of; * is all others, the "
        "background; a class without members never occurs: pet=cat,dog 'background=*' border=",
    )
    segment.add_argument(
        "--share", type=real(0, 1), help="of a photo that the classes cover at the least (default: 0.05)"
    )
    segment.add_argument("-o", "--output", required=True, metavar="DIR/NAME", help="the data set, where none is yet")
    return parser


def _data_dir(data_dir):
    return pathlib.Path(data_dir or "~/tensorflow_datasets").expanduser()


if __name__ == "__main__":
    sys.exit(main())
