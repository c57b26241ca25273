"""Tasks: a name -> a network and its heads. The one registry; a new task is one entry here."""

import dataclasses
from collections.abc import Callable

import keras
from keras import layers, ops

from tfcolor.color import spaces
from tfcolor.color.random_gray import random_gray
from tfcolor.heads.ab_bins import AbBins
from tfcolor.heads.regression import Regression
from tfcolor.heads.segmentation import Segmentation
from tfcolor.models.encoders import ENCODERS
from tfcolor.models.padding import CropToInput, PadToMultiple
from tfcolor.models.unet import unet


@dataclasses.dataclass(frozen=True)
class Task:
    """What a training learns.

    Attributes:
        summary: one line for `--help`.
        network: features of the encoder and `network_options` -> features of the decoder.
        heads: {name: function of (options, class names) -> Head}.
        defaults: fields of the recipe that differ from Recipe's own.
    """

    summary: str
    network: Callable
    heads: dict
    defaults: dict = dataclasses.field(default_factory=dict)


def _ab_bins(options, classes):
    return AbBins(**options)


def _regression(options, classes):
    return Regression(**options)


def _segmentation(options, classes):
    if not classes:
        raise ValueError(
            "this task learns a segmentation and none of the data has masks; add a source with masks, or "
            "choose a task that only colours, such as --task yuv"
        )
    return Segmentation(classes, **options)


TASKS = {
    "yuv": Task("Pets: U and V by regression", unet, {"regression": _regression}),
    "multitask": Task(
        "Pets: U and V and the pet's outline at once",
        unet,
        {"regression": _regression, "segmentation": _segmentation},
        {"loss_weights": {"regression": 50.0}},
    ),
    "classification": Task(
        "colour as a distribution over 313 bins of ab",
        unet,
        {"ab_bins": _ab_bins},
        {"network_options": {"widths": [256, 192, 128], "refine": True}},
    ),
}


class System:
    """A network with its heads: what is trained, evaluated and exported.

    Attributes:
        model: gray float32 [N, H, W, 1] in [0, 1] -> {head name: output}, any H and W.
        heads: list of `Head`.
        classes: class names of the segmentation head, or None.
    """

    def __init__(self, recipe, classes=None):
        task = find_task(recipe.task)
        self.recipe, self.classes = recipe, classes
        unknown = set(recipe.head_options) - set(task.heads) | set(recipe.loss_weights) - set(task.heads)
        if unknown:
            raise ValueError(f"task {recipe.task}: no head {sorted(unknown)[0]!r}; it has {', '.join(task.heads)}")
        self.heads = [make(recipe.head_options.get(name, {}), classes) for name, make in task.heads.items()]
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
        gray = keras.Input((None, None, 1), name="gray")
        padded = PadToMultiple(32, name="pad")(gray)
        weights = None if recipe.encoder_weights == "none" else recipe.encoder_weights
        if recipe.encoder not in ENCODERS:
            raise ValueError(f"encoder {recipe.encoder!r}; there are {', '.join(ENCODERS)}")
        features = ENCODERS[recipe.encoder](padded, weights, **recipe.encoder_options)
        encoder = keras.Model(gray, features)
        if recipe.freeze_batchnorm:
            for layer in encoder.layers:
                if isinstance(layer, layers.BatchNormalization):
                    layer.trainable = False
        self._encoder = encoder
        decoded = task.network(features, **recipe.network_options)
        outputs = {}
        for head in self.heads:
            output = head.build(decoded)
            if head.stride is not None:
                output = CropToInput(head.stride, dtype="float32", name=f"crop_{head.name}")(output, gray)
            outputs[head.name] = output
        self.model = keras.Model(gray, outputs)

    def split_variables(self):
        """The trainable variables of the encoder, and all others."""
        encoder = self._encoder.trainable_variables
        paths = {variable.path for variable in encoder}
        return encoder, [variable for variable in self.model.trainable_variables if variable.path not in paths]

    @property
    def colour_head(self):
        """The head whose chroma is shown: the last of those that colour."""
        return [head for head in self.heads if head.space][-1]

    @property
    def segmentation_head(self):
        """The head that segments, or None."""
        return next((head for head in self.heads if isinstance(head, Segmentation)), None)

    def losses(self, batch, training):
        """A uint8 batch on the device -> the weighted sum of all losses, and {name: scalar} for the log."""
        rgb = spaces.from_uint8(batch["image"])
        gray = random_gray(rgb, self.seeds, self.recipe.random_gray) if training else spaces.rgb_to_gray(rgb)
        outputs = self.model(gray, training=training)
        total, log = 0.0, {}
        for head in self.heads:
            target, output = head.target(batch), outputs[head.name]
            loss = head.loss(target, output)
            total = total + self.recipe.loss_weights.get(head.name, 1.0) * loss
            log[head.name] = loss
            log |= {f"{head.name}_{name}": value for name, value in head.metrics(target, output).items()}
        return total, {"loss": total} | log

    def chroma(self, outputs, gray, **knobs):
        """Outputs of the model and its gray [N, H, W, 1] -> U, V [N, h, w, 2] at the colour head's stride.

        Lab's chroma becomes U and V through RGB inside the gamut, with the gray's own lightness.
        """
        head = self.colour_head
        chroma = head.chroma(outputs[head.name], **knobs)
        if head.space == "lab":
            small = ops.average_pool(gray, head.stride, head.stride, padding="same") if head.stride > 1 else gray
            chroma = spaces.rgb_to_yuv(spaces.merge_lab(small, chroma))[..., 1:]
        return chroma


def find_task(name):
    """The task of that name; ValueError that lists all where there is none."""
    if name not in TASKS:
        raise ValueError(f"task {name!r}; there are {', '.join(TASKS)}")
    return TASKS[name]
