"""The verb `evaluate`: how good colourisers are, in numbers and pictures.

    python -m tfcolor.evaluate MODEL [MODEL ...] --data NAME --split S [--size N] [--json FILE] [--sheet FILE.png]

Every photo of the split is stretched to N x N, loses its colour, is coloured by each model, and is compared with the
truth as 8-bit RGB. Beside the models stand, always: `gray` (no colour), `random` (the chroma of another photo) and
`truth`. Photos go through a few at a time and leave nothing but a few numbers behind.
"""

import json
import math
import os
import pathlib
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
from PIL import Image

from tfcolor import report
from tfcolor.color.constants import LUMA, RGB_TO_YUV
from tfcolor.command import Parser, real, verb, whole
from tfcolor.data.labels import NAMES, SOURCES, lookup
from tfcolor.data.labels import merge as merge_labels
from tfcolor.measures import (
    MIN_CHROMA,
    PHOTO_MEASURES,
    Picture,
    Table,
    auc_by_prior,
    auc_rebalanced,
    bins_counted,
    classifier_top1,
    miou,
    recovered,
)
from tfcolor.measures.recognition import label_maps
from tfcolor.photo.label_maps import NO_LABEL
from tfcolor.quiet import import_tensorflow
from tfcolor.relabelling import measure_edits

KNOBS = ("vividness", "temperature", "saturation", "fade", "quantile")
REFERENCES = ("gray", "random", "truth")
RESAMPLES, SEED = 1000, 0
BATCH = 8
# The random row draws from this many photos, spread evenly over the first so many of the training split.
DONORS, DONORS_AMONG = 256, 4096


@verb("evaluate")
def main(argv):
    """Runs `tfcolor evaluate`; returns the exit code."""
    _run(_parse(argv))
    return 0


def _run(options):
    import_tensorflow()
    from tfcolor.colorizer import Colorizer
    from tfcolor.data.sources import open_source

    source = open_source(options.data, options.split, data_dir=options.data_dir)
    classifier = _classifier_for(source, options) if options.classifier else None
    prior = _read_prior(options.prior) if options.prior else None
    names = row_names(options.models)
    models = {name: Colorizer.load(model) for name, model in zip(names, options.models, strict=True)}
    colours = any(model.colour_head for model in models.values())
    merged = any(model.classes == NAMES for model in models.values())
    photos = Photos(source, options.size or models[names[0]].size, options.limit, not colours, merged)
    if not colours:
        _check_segmentation_alone(options, models, photos.classes)
    kinds = {row: _kind_of_map(options, row, model, photos.classes) for row, model in models.items()}
    if (options.map or options.edits) and not any(kinds.values()):
        raise ValueError("--map and --edits are for models that read label maps, and none of these does")
    donors, donors_from = _donors(options, photos.size) if colours else (None, None)

    evaluation = Evaluation(
        models, options.knobs, donors, classifier, photos.classes, prior, options.own_histogram, kinds
    )
    table = evaluation.measure(photos)
    protocol = _protocol(options, evaluation, photos, table, donors_from)
    tables = {"rows": table}
    if options.edits:
        tables["edits"] = evaluation.measure_edits(photos, options.edits)

    headline, lines, marked = _headline(protocol), [], []
    for one in tables.values():
        notes = report.notes(one)
        lines += ["", *report.text_table(one), "", *notes]
        marked += ["", *report.markdown_table(one), "", *notes]
    print(headline, *lines, sep="\n")
    if options.json:
        rows = {"protocol": protocol} | {name: one.rows() for name, one in tables.items()}
        report.write(options.json, json.dumps(rows, indent=2, allow_nan=False) + "\n")
    if options.markdown:
        report.write(options.markdown, "\n".join([headline, *marked, ""]))
    if options.histograms:
        report.write(options.histograms, report.histograms(table, [*evaluation.coloured, "gray", "random"]))
    if options.sheet:
        report.write(options.sheet, _sheet(evaluation, photos, table, options.sheet_photos))


# The photos ---------------------------------------------------------------------------------------------------------


@dataclass
class Photo:
    """A photo of the split at the size of the evaluation.

    Attributes:
        truth: the photo itself.
        gray: uint8 [N, N], its luma: all that a model sees of it.
        mask: uint8 [N, N], class indices, 255 = no label; None where there is none.
        label: class index of the whole photo; None where there is none.
    """

    truth: Picture
    gray: np.ndarray
    mask: np.ndarray | None = None
    label: int | None = None


class Photos:
    """The photos of a split, stretched to `size` x `size`; those without colour are left out and counted.

    Args:
        source: `Source`.
        size: pixels a side.
        limit: only so many of the first.
        without_colour: take photos without colour too, where no colour is measured.
        merged: take the masks in the merged labels (`data.labels`), where those know the source's classes.

    Attributes:
        size: pixels a side.
        classes: names of the masks' values, or None.
        merged: whether those are the merged labels in place of the source's own.
        left_out: how many had no colour, known once all have been gone through.
    """

    def __init__(self, source, size, limit=None, without_colour=False, merged=False):
        self.size, self.classes, self._table = size, source.info.classes, None
        if merged and self.classes and source.info.name in SOURCES:
            self._table = lookup(source.info.name, self.classes, source.info.labels)
            self.classes = NAMES
        self.merged = self._table is not None
        self.left_out = 0
        self._source = source
        self._limit = limit
        self._least_chroma = 0.0 if without_colour else MIN_CHROMA

    def __len__(self):
        """How many there are, those without colour included."""
        return min(self._source.size, self._limit or self._source.size)

    def __iter__(self):
        self.left_out = 0
        for example in islice(self._source.dataset.as_numpy_iterator(), self._limit):
            truth = Picture(stretch(example["image"], self.size))
            if truth.mean_chroma < self._least_chroma:
                self.left_out += 1
                continue
            mask, label = example.get("mask"), int(example.get("label", -1))
            if mask is not None and self._table is not None:
                mask = merge_labels(mask, self._table, label if len(self._table) > 1 else -1)
            yield Photo(
                truth,
                to_gray(truth.rgb),
                None if mask is None else stretch(mask[..., 0], self.size, Image.Resampling.NEAREST),
                None if label < 0 else label,
            )


def stretch(array, size, resampling=Image.Resampling.LANCZOS):
    """uint8 [H, W] or [H, W, 3] -> the same at `size` x `size`."""
    return np.asarray(Image.fromarray(array).resize((size, size), resampling))


def to_gray(rgb):
    """uint8 [..., 3] -> uint8 [...]: BT.601 luma."""
    return np.rint(rgb @ np.array(LUMA)).astype("uint8")


def _donors(options, size):
    """The photos that lend the random row their chroma -> (uint8 [n, N, N, 3], where they are from).

    From the training split of the same data; where it has none, from that of `photos`; where that is not here either,
    from the evaluated split itself.
    """
    from tfcolor.data.sources import open_source

    for name, split in ((options.data, "train"), ("photos", "train"), (options.data, options.split)):
        try:
            source = open_source(name, split, data_dir=options.data_dir)
        except ValueError:
            continue
        step = max(1, min(source.size, DONORS_AMONG) // DONORS)
        examples = islice(source.dataset.as_numpy_iterator(), 0, step * DONORS, step)
        return np.stack([stretch(example["image"], size) for example in examples]), f"{name} {split}"
    raise ValueError(f"{options.data} {options.split} could be opened once and not again")


# Measuring ----------------------------------------------------------------------------------------------------------


class Evaluation:
    """Colours photos by every model and measures every row; where no model colours, their label maps alone.

    Args:
        models: {row: Colorizer}.
        knobs: keyword arguments of their decoding.
        donors: uint8 [n, N, N, 3], the photos that lend the random row their chroma; None for no rows to compare with.
        classifier: None, or a function uint8 [n, N, N, 3] -> int [n], the class that each photo is taken for.
        classes: names of the classes of the photos' masks, or None; models with the very same are measured on them.
        prior: None, or float [313] for `auc_rebalanced` as Zhang et al. (2016) weigh it.
        own_histogram: give each model each photo's own histogram of colours as its reference, in rows of their own.
        kinds: {row: "true", "predicted" or "none"}, the label maps by which models colour that read them.
    """

    def __init__(
        self, models, knobs, donors, classifier=None, classes=None, prior=None, own_histogram=False, kinds=None
    ):
        self.models = models
        self.knobs = knobs
        self._own_histogram = own_histogram
        rows = {row: [row, *(f"{row}+{guide}" for guide in self._guides(model))] for row, model in models.items()}
        self.coloured = [name for row, names in rows.items() if models[row].colour_head for name in names]
        self.rows = [*(name for names in rows.values() for name in names), *(REFERENCES if donors is not None else ())]
        self._donors = donors
        self._classifier = classifier
        self._measures = [
            auc_by_prior(prior) if measure is auc_rebalanced and prior is not None else measure
            for measure in PHOTO_MEASURES
        ]
        self._map_measures = _map_measures(classes) if classes else []
        self._segmenting = {
            row for row, model in models.items() if classes and model.classes == classes and model.segments
        }
        self.kinds = {row: kind for row, kind in (kinds or {}).items() if kind}

    def measure(self, photos):
        """`Photos` -> the `Table` of all rows; ValueError where not one has colour."""
        from tqdm import tqdm

        table = Table(self.rows, RESAMPLES, SEED)
        done = 0
        # NumPy computes without Python's lock, so the rows of a photo are measured side by side.
        with ThreadPoolExecutor(os.cpu_count()) as threads, tqdm(total=len(photos), unit="photo", disable=None) as bar:
            for batch in _batches(photos):
                for photo, (pictures, maps) in zip(batch, self.color(batch, done), strict=True):
                    jobs = [threads.submit(self._compare, table, row, pictures[row], photo.truth) for row in pictures]
                    for job in jobs:
                        job.result()
                    if self._classifier and photo.label is not None:
                        self._classify(table, pictures, photo.label)
                    for row, labels in maps.items():
                        for measure in self._map_measures if photo.mask is not None else ():
                            table.add(row, measure, labels, photo.mask)
                done += len(batch)
                bar.update(done + photos.left_out - bar.n)
        if not done:
            raise ValueError(f"not one of the {len(photos)} photos has colour: there is nothing to compare with")
        return table

    def color(self, batch, start=0):
        """Colours photos.

        Args:
            batch: [Photo], all of one size.
            start: the number of the first one in its split, which decides whose chroma the random row borrows.

        Returns:
            For each photo ({row: Picture} of rows with colours, {row: uint8 [N, N]} label maps of rows that segment).
        """
        from tfcolor.photo import merge

        grays = np.stack([photo.gray for photo in batch])
        colored = []
        for number, photo in enumerate(batch, start):
            if self._donors is None:
                colored.append(({}, {}))
                continue
            gray = Picture(np.repeat(photo.gray[..., None], 3, axis=-1))
            random = Picture(merge(photo.gray, self._random_chroma(photo, number)))
            colored.append(({"gray": gray, "random": random, "truth": photo.truth}, {}))
        for row, model in self.models.items():
            given = (self._maps(row, grays, batch),) if row in self.kinds else ()
            outputs = model.predict(grays, *given)
            for name, chromas in self._chromas(row, outputs, grays, batch).items():
                for photo, chroma, (pictures, _) in zip(batch, chromas, colored, strict=True):
                    pictures[name] = Picture(merge(photo.gray, chroma, photo.gray.shape))
            if row in self._segmenting:
                if model.segmentation_head:
                    labels = label_maps(outputs[model.segmentation_head], *grays.shape[1:])
                else:
                    labels = given[0] if self.kinds[row] == "predicted" else model.segment(grays)
                for found, (_, maps) in zip(labels, colored, strict=True):
                    maps[row] = found
        return colored

    def _maps(self, row, grays, batch):
        """The label maps by which a model colours photos, uint8 [n, N, N]."""
        if self.kinds[row] == "predicted":
            return self.models[row].segment(grays)
        if self.kinds[row] == "true":
            return np.stack([photo.mask for photo in batch])
        return np.full_like(grays, NO_LABEL)

    def measure_edits(self, photos, count):
        """The `Table` of `relabelling.measure_edits` for the models that read labels, from the maps they colour by."""
        models = {row: self.models[row] for row in self.kinds}
        return measure_edits(models, self._maps, photos, count, self.knobs, RESAMPLES, SEED)

    def _chromas(self, row, outputs, grays, batch):
        """What a model answers -> {row: U, V of each photo}: its own, and with the photos' histograms given."""
        model = self.models[row]
        if not model.colour_head:
            return {}
        output = outputs[model.colour_head]
        chromas = {row: model.decode(output, grays, **self.knobs)}
        for guide in self._guides(model):
            chromas[f"{row}+{guide}"] = [
                model.looks(one, photo.gray, reference=photo.truth.rgb, guide=guide, **self.knobs)[0]
                for one, photo in zip(output, batch, strict=True)
            ]
        return chromas

    def _guides(self, model):
        """Larsson et al. (2016) with the histogram given: by the ways that the model can take it."""
        if not self._own_histogram or not model.colour_head:
            return ()
        return ("quantiles", "energy") if model.distribution else ("quantiles",)

    def _random_chroma(self, photo, number):
        """U, V of another photo: float32 [N, N, 2]."""
        start = np.random.default_rng([SEED, number]).integers(len(self._donors))
        for donor in np.roll(self._donors, -start, axis=0):
            if not np.array_equal(donor, photo.truth.rgb):
                break
        return (donor / 255.0 @ np.array(RGB_TO_YUV[1:]).T).astype("float32")

    def _compare(self, table, row, picture, truth):
        for measure in self._measures:
            table.add(row, measure, picture, truth)

    def _classify(self, table, pictures, label):
        answers = self._classifier(np.stack([picture.rgb for picture in pictures.values()]))
        named = dict(zip(pictures, answers, strict=True))
        for row in pictures:
            table.add(row, classifier_top1, named[row], label)
            table.add(row, recovered, *(named[which] == label for which in (row, "gray", "truth")))


def _map_measures(classes):
    """The measures of label maps with these classes: also without the border, where there is one.

    In the merged labels also over the classes that the photos have.
    """
    measures = [miou(len(classes))]
    if classes == NAMES:  # no data has all of them
        measures.append(miou(len(classes), present=True, name="miou_present"))
    if "border" in classes:
        measures.append(miou(len(classes), without=classes.index("border"), name="miou_no_border"))
    return measures


def _batches(photos):
    iterator = iter(photos)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _classifier_for(source, options):
    """The classifier that the options name, made sure to know the classes of the data."""
    from tfcolor.classifiers import open_classifier

    if "label" not in next(source.dataset.as_numpy_iterator()):
        raise ValueError(f"--classifier: the photos of {options.data} have no labels; choose others or leave it out")
    classify, classes = open_classifier(options.classifier, options.labels)
    labels = source.info.labels
    if labels and len(labels) != classes:
        raise ValueError(
            f"classifier {options.classifier} knows {classes} classes, {options.data} has {len(labels)}: choose "
            "one that was trained on the classes of these data"
        )
    return classify


def _kind_of_map(options, row, model, classes):
    """By which label maps a model is to colour: "true", "predicted", "none"; None where it reads none."""
    if not model.reads_labels:
        return None
    kind = options.map or ("predicted" if model.segments else "none")
    if kind == "predicted" and not model.segments:
        raise ValueError(f"--map predicted: {row} has no segmenter; --map true or none, or export it with --segmenter")
    if kind == "true" and model.classes != classes:
        raise ValueError(
            f"--map true: {row} reads {', '.join(model.classes)}; {options.data} has the classes "
            f"{', '.join(classes or ['none'])}: choose the data it was trained on"
        )
    if options.edits and kind == "none":
        raise ValueError("--edits relabels regions of a map: --map true or predicted")
    return kind


def _check_segmentation_alone(options, models, classes):
    """ValueError where models of which none colours leave nothing to measure."""
    for option in ("sheet", "histograms", "classifier", "prior", "own_histogram"):
        if getattr(options, option):
            raise ValueError(
                f"--{option.replace('_', '-')} is about colours, and none of the models colours: leave it out"
            )
    for row, model in models.items():
        if model.classes != classes:
            theirs = ", ".join(classes or ["none"])
            raise ValueError(
                f"{row} does not colour and finds {', '.join(model.classes)}; {options.data} has the classes {theirs}: "
                "nothing to compare, choose the data it was trained on"
            )


def _read_prior(path):
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"--prior {path}: not a .npy file of numbers ({error})") from error


# The report ---------------------------------------------------------------------------------------------------------


def _protocol(options, evaluation, photos, table, donors_from):
    """All that decides the numbers, for the JSON file and the headline."""
    models = {
        row: {
            "model": argument,
            "name": model.name,
            "version": model.version,
            "decoding": model.knobs | evaluation.knobs,
        }
        for argument, (row, model) in zip(options.models, evaluation.models.items(), strict=True)
    }
    if options.prior:
        rebalanced = {"prior": options.prior}
    elif evaluation.coloured:
        rebalanced = {"bins": bins_counted(table.sums("truth", "auc_rebalanced"))}
    else:
        rebalanced = None
    return {
        "data": options.data,
        "split": options.split,
        "limit": options.limit,
        "photos": table.photos(evaluation.rows[-1]),
        "left_out": photos.left_out,
        "size": photos.size,
        "resized": "stretched, Lanczos; masks nearest",
        "gray": "BT.601 luma",
        "models": models,
        "maps": evaluation.kinds or None,
        "labels": "merged" if photos.merged else None,
        "random": f"chroma of {donors_from}" if donors_from else None,
        "auc_rebalanced": rebalanced,
        "classifier": options.classifier,
        "interval": {"level": 0.95, "method": "bootstrap over photos", "resamples": RESAMPLES, "seed": SEED},
    }


_MAPS = {"true": "the true label map", "predicted": "its own label map", "none": "no label map"}


def _headline(protocol):
    """The protocol in words: what stands above a table."""
    models = []
    for row, entry in protocol["models"].items():
        decoding = [f"{knob} {value:g}" for knob, value in entry["decoding"].items()]
        models.append(f"{row}: " + ", ".join([f"{entry['name']}/{entry['version']}", *decoding]))
    size, rebalanced, interval = protocol["size"], protocol["auc_rebalanced"], protocol["interval"]
    parts = [
        f"{protocol['data']} {protocol['split']}",
        f"{protocol['photos']} photos" + (f" of the first {protocol['limit']}" if protocol["limit"] else ""),
        *([f"{protocol['left_out']} without colour left out"] if rebalanced else []),
        f"{size} x {size} ({protocol['resized']})",
        f"gray: {protocol['gray']}",
        *models,
        *[f"{row} given {_MAPS[kind]}" for row, kind in (protocol["maps"] or {}).items()],
        *(["masks in the merged labels"] if protocol["labels"] else []),
        *([f"random: {protocol['random']}"] if rebalanced else []),
        *([f"auc_rebalanced: {rebalanced['bins']} bins"] if rebalanced and "bins" in rebalanced else []),
        *([f"auc_rebalanced: prior {rebalanced['prior']}"] if rebalanced and "prior" in rebalanced else []),
        *([f"classifier: {protocol['classifier']}"] if protocol["classifier"] else []),
        f"[95 % interval, {interval['resamples']} bootstrap resamples of photos, seed {interval['seed']}]",
    ]
    return "; ".join(parts)


def _sheet(evaluation, photos, table, count):
    """The photos on which the first model gains most over gray (PSNR), the median ones, and those where it gains least.

    A third of `count` each. Columns: gray, each model, truth. The photos are coloured once more, as none was kept.
    """
    first = evaluation.coloured[0]
    columns = ["gray", *evaluation.coloured, "truth"]
    psnrs = {row: table.per_photo(row, "psnr") for row in columns}
    chosen = report.best_median_worst(psnrs[first] - psnrs["gray"], each=math.ceil(count / 3))
    found = {}
    for number, photo in enumerate(photos):
        if number in chosen:
            ((pictures, _),) = evaluation.color([photo], number)
            captions = [f"{psnrs[row][number]:.2f} dB" for row in columns[:-1]] + [chosen[number]]
            found[number] = [pictures[row].rgb for row in columns], captions
    return report.sheet(columns, [found[number] for number in chosen])


# The command line ---------------------------------------------------------------------------------------------------


def _parse(argv):
    """Arguments -> options, checked as far as that goes without opening anything."""
    parser = Parser(
        "tfcolor evaluate",
        description="Measures colourisers on the photos of a split, beside no colour, random colour and the truth.",
    )
    add = parser.add_argument
    add("models", nargs="+", metavar="MODEL", help="a run folder, a SavedModel, or the name of a shipped model")
    add("--data", required=True, metavar="NAME", help="a TFDS name, folder:PATH, or synthetic")
    add("--split", required=True, metavar="S", help="train, validation, test, or as the data name it")
    add("--data-dir", metavar="DIR", help="where prepared TFDS data sets are (default: ~/tensorflow_datasets)")
    add("--size", type=whole(11, 4096), metavar="N", help="pixels a side (default: the first model's size)")
    add("--limit", type=whole(1), metavar="N", help="only the first N photos")
    add("--vividness", type=real(0), metavar="V", help="decoding: 0 conservative, 1 vivid")
    add("--temperature", type=real(0), metavar="T", help="decoding: 1 the mean, near 0 the mode")
    add("--saturation", type=real(0), metavar="S", help="decoding: factor on the chroma")
    add("--fade", type=real(0), metavar="ETA", help="decoding of hue and chroma: 0 does not fade unsure hues")
    add("--quantile", type=real(0, 1), metavar="Q", help="decoding of hue and chroma: .5 the median")
    add("--map", choices=tuple(_MAPS), help="by which models colour that read one (default: their own)")
    add("--edits", type=whole(1), metavar="N", help="relabel a region in N photos: the change in it and around")
    add("--own-histogram", action="store_true", help="rows of each model guided by each photo's true histogram")
    add("--classifier", metavar="C", help="a frozen one: a Keras application, a .keras, .h5 or .tflite file")
    add("--labels", metavar="FILE", help="names of the classifier's answers, one a line")
    add("--prior", metavar="FILE", help="weigh auc_rebalanced by this prior (.npy, 313 shares), as Zhang et al. do")
    add("--json", metavar="FILE", help="write the protocol and all rows as JSON")
    add("--markdown", metavar="FILE", help="write the table as Markdown")
    add("--sheet", metavar="FILE.png", help="write a picture of the best, median and worst photos")
    add("--sheet-photos", type=whole(3), default=9, metavar="N", help="how many, a third of each (default: 9)")
    add("--histograms", metavar="FILE.png", help="write a picture of how the photos' PSNR and RMSE are spread")
    options = parser.parse_args(argv)

    options.knobs = {knob: getattr(options, knob) for knob in KNOBS if getattr(options, knob) is not None}
    row_names(options.models)
    for name in ("labels", "prior"):
        path = getattr(options, name)
        if path and not pathlib.Path(path).is_file():
            raise ValueError(f"--{name} {path}: no such file")
    if options.labels and not options.classifier:
        raise ValueError("--labels names the answers of a --classifier: give that too")
    for name, ending in (("json", ""), ("markdown", ""), ("sheet", ".png"), ("histograms", ".png")):
        _check_output(f"--{name}", getattr(options, name), ending)
    return options


def _check_output(option, path, ending):
    if path is None:
        return
    path = pathlib.Path(path)
    if path.is_dir():
        raise ValueError(f"{option} {path}: is a folder; name a file in it")
    if not path.parent.is_dir():
        raise ValueError(f"{option} {path}: there is no folder {path.parent}; make it first")
    if not path.name.lower().endswith(ending):
        raise ValueError(f"{option} {path}: a picture's name ends in {ending}")


def row_names(models):
    """MODEL arguments -> the names of their rows.

    One model is "model". Of several each is its last folder's name, or all that was given where that name is taken.
    """
    if len(models) == 1:
        return ["model"]
    if len(set(models)) < len(models):
        raise ValueError(f"a model is named twice in {' '.join(models)}: name each once")
    short = [pathlib.Path(model).name or model for model in models]
    return [
        model if short.count(name) > 1 or name in REFERENCES else name
        for model, name in zip(models, short, strict=True)
    ]


if __name__ == "__main__":
    sys.exit(main())
