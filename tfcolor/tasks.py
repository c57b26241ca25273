"""Tasks: a name -> a network and its heads. The one registry; a new task is one entry here."""

import dataclasses
from collections.abc import Callable

import keras
from keras import layers, ops

from tfcolor.color import spaces
from tfcolor.color.random_gray import random_gray
from tfcolor.heads.ab_bins import AbBins
from tfcolor.heads.head import shrink
from tfcolor.heads.hue_chroma import HueChroma, LabAxes, LabJoint
from tfcolor.heads.regression import Regression
from tfcolor.heads.scene import Scene
from tfcolor.heads.segmentation import Segmentation
from tfcolor.models.dilated import dilated
from tfcolor.models.encoders import ENCODERS
from tfcolor.models.gridnet import gridnet
from tfcolor.models.hypercolumn import at_cells, hypercolumn
from tfcolor.models.label_stream import NO_LABEL, hide_labels, label_stream
from tfcolor.models.padding import CropToInput, PadToMultiple
from tfcolor.models.two_stream_unet import two_stream_unet
from tfcolor.models.unet import unet
from tfcolor.models.zoom import Zoom
from tfcolor.replicas import place


@dataclasses.dataclass(frozen=True)
class Task:
    """What a training learns.

    Attributes:
        summary: one line for `--help`.
        network: function of (gray [N, H, W, 1], H and W multiples of 32, recipe) -> features as heads take them, and
            "cells" where training looks at some cells only (`models.hypercolumn`). One that reads labels is a
            function of (gray, labels [N, H, W, 1], number of classes, recipe).
        heads: {name: function of (options, class names, prior) -> Head}; what is shown is the last that colours.
        defaults: fields of the recipe that differ from Recipe's own.
        reads_labels: whether the network is given a label map beside the gray.
    """

    summary: str
    network: Callable
    heads: dict
    defaults: dict = dataclasses.field(default_factory=dict)
    reads_labels: bool = False


def _encoder_unet(gray, recipe, added=None):
    """The recipe's encoder and the U-Net decoder on it."""
    if recipe.encoder not in ENCODERS:
        raise ValueError(f"encoder {recipe.encoder!r}; there are {', '.join(ENCODERS)}")
    weights = None if recipe.encoder_weights == "none" else recipe.encoder_weights
    options = dict(recipe.network_options)
    zoom = options.pop("zoom", 1)
    if zoom not in (1, 2):
        raise ValueError(
            f"network_options: zoom {zoom!r}; 1, or 2 for an encoder that sees the photo at twice its size"
        )
    if zoom == 2:
        gray = Zoom(name="zoom")(gray)
        added = {2 * stride: features for stride, features in (added or {}).items()}
    features = unet(ENCODERS[recipe.encoder](gray, weights, **recipe.encoder_options), added=added, **options)
    return {key if key == "encoder" else key // zoom: value for key, value in features.items()}


def _labelled_unet(gray, labels, classes, recipe):
    """The same, and a stream of the label map that joins the decoder; it starts as if there were none."""
    options = dict(recipe.network_options)
    added = label_stream(labels, classes, **options.pop("labels", {}))
    return _encoder_unet(gray, dataclasses.replace(recipe, network_options=options), added)


def _two_stream_unet(gray, labels, classes, recipe):
    return two_stream_unet(gray, labels, classes, **recipe.network_options)


def _gridnet(gray, recipe):
    return gridnet(gray, **recipe.network_options)


def _dilated(gray, recipe):
    return dilated(gray, **recipe.network_options)


def _hypercolumn(gray, recipe):
    """The recipe's encoder, every layer of it at a place side by side, looked at in random places in training."""
    weights = None if recipe.encoder_weights == "none" else recipe.encoder_weights
    options = {"encoder_options": recipe.encoder_options, "seed": recipe.seed, **recipe.network_options}
    return hypercolumn(gray, recipe.encoder, weights, **options)


def _regression(options, classes, prior):
    return Regression(**options)


def _ab_bins(options, classes, prior):
    return AbBins(**{"prior": prior, **options})


def _rebalanced(options, classes, prior):
    return AbBins(**{"prior": prior, "rebalance": 1, **options})


def _hue_chroma(options, classes, prior):
    return HueChroma(**options)


def _lab_axes(options, classes, prior):
    return LabAxes(**options)


def _lab_joint(options, classes, prior):
    return LabJoint(**options)


def _scene(options, classes, prior):
    return Scene(**options)


def _segmentation(options, classes, prior):
    if not classes:
        raise ValueError(
            "this task learns a segmentation and none of the data has masks; add a source with masks, or "
            "choose a task that only colours, such as --task yuv"
        )
    return Segmentation(classes, **options)


# At a quarter of the photo's size: half the cost, and no difference that shows at 256 px (docs/decisions.md).
_QUARTER = {"network_options": {"widths": [256, 192, 128], "refine": True}}
_LAB = {"regression": {"space": "lab", "stride": 4}}
_FROM_SCRATCH = {"encoder_share": 1.0, "freeze_batchnorm": False}
_GUIDED = _QUARTER | {"data": "coco_stuff", "head_options": _LAB}
# Similar gradients at the encoder's end when a training starts (measured in train/guides.md).
_GUIDES = {"regression": 40.0, "segmentation": 15.0, "scene": 0.06}

TASKS = {
    "yuv": Task("Pets: U and V by regression", _encoder_unet, {"regression": _regression}),
    "multitask": Task(
        "Pets: U and V and the pet's outline at once",
        _encoder_unet,
        {"regression": _regression, "segmentation": _segmentation},
        {"loss_weights": {"regression": 50.0}},
    ),
    "regression": Task(
        "a and b by regression", _encoder_unet, {"regression": _regression}, _QUARTER | {"head_options": _LAB}
    ),
    "classification": Task(
        "colour as a distribution over 313 bins of ab", _encoder_unet, {"ab_bins": _ab_bins}, _QUARTER
    ),
    "classification_rebalanced": Task(
        "the same with rare colours weighing more", _encoder_unet, {"ab_bins": _rebalanced}, _QUARTER
    ),
    "dilated": Task(
        "the dilated network of Zhang et al. from scratch, rebalanced",
        _dilated,
        {"ab_bins": _rebalanced},
        _FROM_SCRATCH | {"size": 160},
    ),
    "semantic_guides": Task(
        "313 bins guided by scene, segmentation and regression (SegClassRegSoft)",
        _encoder_unet,
        {"regression": _regression, "segmentation": _segmentation, "scene": _scene, "ab_bins": _rebalanced},
        _GUIDED | {"head_options": _LAB | {"segmentation": {"stride": 4, "loss": "dice"}}, "loss_weights": _GUIDES},
    ),
    "class_reg_soft": Task(
        "semantic guides without segmentation (ClassRegSoft)",
        _encoder_unet,
        {"regression": _regression, "scene": _scene, "ab_bins": _rebalanced},
        _GUIDED | {"loss_weights": {name: _GUIDES[name] for name in ("regression", "scene")}},
    ),
    "reg_soft": Task(
        "semantic guides with regression alone (RegSoft)",
        _encoder_unet,
        {"regression": _regression, "ab_bins": _rebalanced},
        _GUIDED | {"loss_weights": {"regression": _GUIDES["regression"]}},
    ),
    "hypercolumn": Task(
        "hypercolumns (Larsson et al.): histograms of hue and chroma", _hypercolumn, {"hue_chroma": _hue_chroma}
    ),
    "hypercolumn_l2": Task(
        "the same with a and b by regression", _hypercolumn, {"regression": _regression}, {"head_options": _LAB}
    ),
    "hypercolumn_lab_axes": Task(
        "the same with histograms of a and of b, 32 bins each", _hypercolumn, {"lab_axes": _lab_axes}
    ),
    "hypercolumn_lab_joint": Task(
        "the same with one histogram of a and b, 16 x 16 bins", _hypercolumn, {"lab_joint": _lab_joint}
    ),
    "segmentation": Task("the outline alone, no colour", _encoder_unet, {"segmentation": _segmentation}),
    "gridnet": Task(
        "the same by GridNet from scratch (Ho et al.)", _gridnet, {"segmentation": _segmentation}, _FROM_SCRATCH
    ),
    "semantic_driven": Task(
        "a and b by regression from the gray and a label map, by one encoder from scratch (Ho et al.)",
        _two_stream_unet,
        {"regression": _regression},
        _FROM_SCRATCH | {"head_options": {"regression": {"space": "lab", "loss": "huber"}}},
        reads_labels=True,
    ),
    "semantic_photos": Task(
        "classification with a label map that joins the decoder",
        _labelled_unet,
        {"ab_bins": _ab_bins},
        _QUARTER | {"random_labels": 0.5},
        reads_labels=True,
    ),
}


class System:
    """A network with its heads: what is trained, evaluated and exported.

    Attributes:
        model: gray float32 [N, H, W, 1] in [0, 1] -> {head name: output}, any H and W. Where it reads labels: of
            {"gray": the same, "labels": uint8 [N, H, W, 1], class indices, 255 where nothing is known}. `outputs` calls
            either.
        reads_labels: whether it does.
        sampled: where training looks at some cells only, the same layers with gray -> the heads' outputs at these and
            "cells", int32 [N, ..., 2], for H and W multiples of 32; else None.
        heads: list of `Head`.
        classes: class names of the segmentation head, and of the label map that is read; or None.
        prior: [313] shares of the colour bins in the training photos, or None.
        scenes: names of the scene head's answers, or None.
    """

    def __init__(self, recipe, classes=None, prior=None, scenes=None):
        task = find_task(recipe.task)
        self.recipe, self.classes, self.prior, self.scenes = recipe, classes, prior, scenes
        self.reads_labels = task.reads_labels
        if self.reads_labels and not classes:
            raise ValueError(
                f"task {recipe.task} reads label maps and none of the data has masks; add a source with masks, "
                "or choose a task that sees gray alone, such as --task classification"
            )
        unknown = set(recipe.head_options) - set(task.heads) | set(recipe.loss_weights) - set(task.heads)
        if unknown:
            raise ValueError(f"task {recipe.task}: no head {sorted(unknown)[0]!r}; it has {', '.join(task.heads)}")
        self.heads = [
            _with_options(f"head {name}", make, recipe.head_options.get(name, {}), classes, prior)
            for name, make in task.heads.items()
        ]
        precision = keras.config.dtype_policy()
        keras.config.set_dtype_policy(recipe.precision)
        try:
            self._build(task)
        finally:
            keras.config.set_dtype_policy(precision)
        self.seeds = keras.random.SeedGenerator(recipe.seed)

    def _build(self, task):
        """Input, encoder, decoder and heads -> `self.model`."""
        recipe = self.recipe
        gray = inputs = keras.Input((None, None, 1), name="gray")
        seen = [PadToMultiple(32, name="pad")(gray)]
        if self.reads_labels:
            labels = keras.Input((None, None, 1), dtype="uint8", name="labels")
            inputs = {"gray": gray, "labels": labels}
            seen += [PadToMultiple(32, name="pad_labels")(labels), len(self.classes)]
        features = _with_options("encoder_options or network_options", task.network, *seen, recipe)
        self._encoder = keras.Model(inputs, features["encoder"])
        if recipe.freeze_batchnorm:
            for layer in self._encoder.layers:
                if isinstance(layer, layers.BatchNormalization):
                    layer.trainable = False
        whole = {head.name: head.build(features) for head in self.heads}
        outputs = dict(whole)
        for head in self.heads:
            if head.stride is not None:
                crop = CropToInput(head.stride, dtype="float32", name=f"crop_{head.name}")
                outputs[head.name] = crop(whole[head.name], gray)
        self.model = keras.Model(inputs, outputs)
        cells = features.get("cells")
        self.sampled = None if cells is None else keras.Model(gray, whole | {"cells": cells})

    def outputs(self, gray, labels=None, training=False):
        """What the model answers.

        Args:
            gray: float32 [N, H, W, 1] in [0, 1].
            labels: uint8 [N, H, W, 1] for a model that reads them; None: nothing is known anywhere.
            training: as Keras means it.
        """
        if not self.reads_labels:
            return self.model(gray, training=training)
        if labels is None:
            labels = ops.full(ops.shape(gray), NO_LABEL, dtype="uint8")
        inputs = {"gray": ops.convert_to_tensor(gray), "labels": ops.convert_to_tensor(labels)}
        return self.model(inputs, training=training)

    def split_variables(self):
        """The trainable variables of the encoder, and all others."""
        encoder = self._encoder.trainable_variables
        paths = {variable.path for variable in encoder}
        return encoder, [variable for variable in self.model.trainable_variables if variable.path not in paths]

    @property
    def colours(self):
        """Whether any head colours."""
        return any(head.space for head in self.heads)

    @property
    def colour_head(self):
        """The head whose chroma is shown: the last of those that colour; ValueError where none does."""
        if not self.colours:
            raise ValueError(
                f"task {self.recipe.task} does not colour: take a model of another one, such as multitask, which "
                "colours and segments"
            )
        return [head for head in self.heads if head.space][-1]

    @property
    def segmentation_head(self):
        """The head that segments, or None."""
        return next((head for head in self.heads if isinstance(head, Segmentation)), None)

    @property
    def scene_head(self):
        """The head that names the scene, or None."""
        return next((head for head in self.heads if isinstance(head, Scene)), None)

    def losses(self, batch, training):
        """A uint8 batch on the device -> the weighted sum of all losses, and {name: scalar} for the log.

        In a training step of several replicas, both are this replica's shares (`tfcolor.replicas`).
        """
        rgb = spaces.from_uint8(batch["image"])
        gray = random_gray(rgb, self.seeds, self.recipe.random_gray, place()) if training else spaces.rgb_to_gray(rgb)
        sampled = training and self.sampled is not None
        if sampled:
            outputs = self.sampled(gray, training=True)
        else:
            labels = batch["mask"] if self.reads_labels else None
            if training and self.reads_labels and self.recipe.random_labels:
                labels = hide_labels(labels, self.seeds, self.recipe.random_labels)
            outputs = self.outputs(gray, labels, training)
        total, log = 0.0, {}
        for head in self.heads:
            target, output = head.target(batch), outputs[head.name]
            if sampled:
                target = keras.tree.map_structure(lambda leaf: at_cells(leaf, outputs["cells"]), target)
            loss = head.loss(target, output)
            total = total + self.recipe.loss_weights.get(head.name, 1.0) * loss
            log[head.name] = loss
            log |= {f"{head.name}_{name}": value for name, value in head.metrics(target, output).items()}
        return total, {"loss": total} | log

    def chroma(self, outputs, gray, **knobs):
        """Outputs of the model and its gray [N, H, W, 1] -> U, V [N, h, w, 2] at the colour head's stride.

        Lab's chroma becomes U and V through RGB inside the gamut, with the gray's own lightness. Where no head colours,
        gray stays gray.
        """
        if not self.colours:
            return ops.zeros((*ops.shape(gray)[:3], 2))
        head = self.colour_head
        chroma = head.chroma(outputs[head.name], **knobs)
        if head.space == "lab":
            chroma = spaces.rgb_to_yuv(spaces.merge_lab(shrink(gray, head.stride), chroma))[..., 1:]
        return chroma


def _with_options(what, make, *args):
    """`make(*args)`; an option that what is made does not know is a ValueError."""
    try:
        return make(*args)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise ValueError(f"{what}: {error}; the docstring of what is called lists its options") from error


def find_task(name):
    """The task of that name; ValueError that lists all where there is none."""
    if name not in TASKS:
        raise ValueError(f"task {name!r}; there are {', '.join(TASKS)}")
    return TASKS[name]
