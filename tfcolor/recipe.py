"""Recipes: a task with its data and its schedule, as a plain dataclass; read from train/*.py, changed by --set."""

import ast
import dataclasses
import difflib
import json
import pathlib
import runpy
import types

_FROM_1 = ("batch", "epochs", "serving_size")
_FROM_0 = (
    "epoch_steps",
    "early_stop",
    "average",
    "precise_batchnorm",
    "warmup",
    "learning_rate",
    "weight_decay",
    "clip_norm",
    "encoder_share",
)


@dataclasses.dataclass
class Recipe:
    """Everything that a training depends on. A run folder keeps it as recipe.json and rebuilds the model from it.

    Attributes:
        task: a name in `tfcolor.tasks.TASKS`.
        data: source names joined by "+"; NAME*3 counts three times in an epoch.
        validation_data: the same for validation; "" for the sources of `data`, each once.
        labels: "merged" takes the masks of every source in one set of labels (`tfcolor.data.labels`); "": the classes
            are those of the first source with masks, and the others lend photos alone.
        labels_dir: where the teacher's labels of scenes are (`tfcolor datasets label --cache`); "": beside the data.
        cache: keep the encoded photos in memory after the first epoch.
        size: side of the training crops in pixels, a multiple of 32.
        batch: photos a step.
        serving_size: photos are shrunk until sqrt(h * w) is at most this before the trained network sees them.
        views: other scales at which the trained network looks at a photo too, the mean of all answers being taken; a
            minus mirrors (`tfcolor.views`). Training and its validation look once.
        crop_area: smallest and largest share of a photo that a crop keeps.
        crop_aspect: smallest and largest width of a crop for a height of 1, in the photo's own proportions.
        rotation: most degrees that a training photo is rotated by, either way, before it is cropped.
        random_gray: probability of each change to the gray (`tfcolor.color.random_gray`); 0: plain luma.
        random_labels: for a network that reads a label map: probability that a training photo shows none of it, and
            again that it lacks some of its labels.
        encoder: a name in `tfcolor.models.encoders.ENCODERS`.
        encoder_options: arguments of the encoder, such as {"alpha": 0.5}.
        encoder_weights: "imagenet", an .h5 file, or "none".
        encoder_share: the encoder's learning rate as a share of the decoder's (.1 to .2 worked best). 0: it keeps its
            weights, and a step takes less time.
        freeze_batchnorm: the encoder's BatchNormalization keeps its statistics; False for an encoder from scratch.
        precise_batchnorm: each BatchNormalization that learns has its statistics computed anew at the end of an epoch,
            over so many of its last batches, which go through the network once more; for trainings of some hundred
            steps, which moving averages do not follow. 0: moving averages.
        network_options: arguments of the task's network, such as {"widths": [256, 192, 128, 96]}.
        head_options: {head: arguments}, such as {"regression": {"loss": "huber"}}.
        loss_weights: {head: weight}; 1 where not given.
        prior: shares of the 313 bins, to rebalance and for the knob `vividness`: "data" counts them in the training
            photos where the task has a head that wants them; or a .npy file. The run folder keeps them.
        start: another model, whose weights go into what has the same name and shape: a run folder, a SavedModel's, or
            the name of a shipped one, such as "photos"; "" for none.
        learning_rate, warmup, weight_decay, clip_norm: AdamW after `warmup` steps, cosine to 0 (see `average`), global
            norm clipped.
        epochs: passes over the data.
        epoch_steps: end an epoch after so many steps (the next goes on with other photos); 0: all photos.
        early_stop: epochs without a better validation loss after which to stop; 0: never.
        average: of the weights after so many of the last epochs the mean is what is validated, and kept, as the best
            ones too; the rate stays constant after `warmup` (stochastic weight averaging, Izmailov et al. 2018). Not
            with `early_stop`. 0: the weights as they are.
        precision: "float32" or "mixed_bfloat16" (float16 would want a loss scale shared by both optimisers).
        seed: of everything random.
    """

    task: str = "multitask"
    data: str = "oxford_iiit_pet"
    validation_data: str = ""
    labels: str = ""
    labels_dir: str = ""
    cache: bool = True
    size: int = 128
    serving_size: int = 256
    views: tuple = ()
    batch: int = 16
    crop_area: tuple = (0.3, 1.0)
    crop_aspect: tuple = (3 / 4, 4 / 3)
    rotation: float = 0.0
    random_gray: float = 0.0
    random_labels: float = 0.0
    encoder: str = "mobilenet_v2"
    encoder_options: dict = dataclasses.field(default_factory=dict)
    encoder_weights: str = "imagenet"
    encoder_share: float = 0.15
    freeze_batchnorm: bool = True
    precise_batchnorm: int = 0
    network_options: dict = dataclasses.field(default_factory=dict)
    head_options: dict = dataclasses.field(default_factory=dict)
    loss_weights: dict = dataclasses.field(default_factory=dict)
    prior: str = "data"
    start: str = ""
    learning_rate: float = 1e-3
    warmup: int = 200
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    epochs: int = 150
    epoch_steps: int = 0
    early_stop: int = 0
    average: int = 0
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type is tuple and isinstance(value, list):
                setattr(self, field.name, tuple(value))
            elif field.type is float and isinstance(value, int) and not isinstance(value, bool):
                setattr(self, field.name, float(value))
            elif not isinstance(value, field.type):
                raise ValueError(
                    f"recipe: {field.name}={value!r} is of type {type(value).__name__}; it wants "
                    f"{field.type.__name__}, such as {field.name}={_default(field)!r}"
                )
        if self.size < 32 or self.size % 32:
            raise ValueError(f"recipe: size={self.size}; a multiple of 32 from 32 up")
        for names, least in ((_FROM_1, 1), (_FROM_0, 0)):
            for name in names:
                if getattr(self, name) < least:
                    raise ValueError(f"recipe: {name}={getattr(self, name)}; from {least} up")
        if self.average > self.epochs:
            raise ValueError(f"recipe: average={self.average}; at most the {self.epochs} epochs that there are")
        if self.average and self.early_stop:
            raise ValueError("recipe: early_stop would end a training before its last epochs are averaged; choose one")
        check_views(self.views)
        if self.labels not in ("", "merged"):
            raise ValueError(f"recipe: labels={self.labels!r}; 'merged', or '' for the sources' own")
        if not 0 <= self.random_labels <= 1:
            raise ValueError(f"recipe: random_labels={self.random_labels}; a probability")
        if not (len(self.crop_aspect) == 2 and 0 < self.crop_aspect[0] <= self.crop_aspect[1]):
            raise ValueError(f"recipe: crop_aspect={self.crop_aspect}; two ratios, 0 < smallest <= largest")
        if not 0 <= self.rotation <= 180:
            raise ValueError(f"recipe: rotation={self.rotation}; degrees, from 0 to 180")
        if not (len(self.crop_area) == 2 and 0 < self.crop_area[0] <= self.crop_area[1] <= 1):
            raise ValueError(f"recipe: crop_area={self.crop_area}; two shares, 0 < smallest <= largest <= 1")
        if self.precision not in ("float32", "mixed_bfloat16"):
            raise ValueError(f"recipe: precision={self.precision!r}; float32 or mixed_bfloat16")

    def changed(self, settings):
        """A copy with ["key=value", ...] set; values are Python literals, "key.sub=value" reaches into a dictionary.

        Raises:
            ValueError: an unknown key (names the nearest) or a value of another type.
        """
        values = dataclasses.asdict(self)
        for setting in settings:
            key, equals, text = setting.partition("=")
            key, _, inner = key.strip().partition(".")
            if not equals:
                raise ValueError(f"--set {setting!r}: wants key=value, such as epochs=3")
            if key not in values:
                near = difflib.get_close_matches(key, values, 3) or list(values)
                raise ValueError(f"--set {setting!r}: a recipe has no {key!r}; did you mean {', '.join(near)}?")
            if inner:
                if not isinstance(values[key], dict):
                    raise ValueError(f"--set {setting!r}: {key} is no dictionary")
                _set_inner(values[key], inner.split("."), _value(text))
            else:
                values[key] = _value(text)
        return Recipe(**values)

    def to_json(self):
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text):
        return cls(**json.loads(text))


def check_views(views):
    """ValueError where one of a model's other views (`tfcolor.views`) is no scale."""
    if not all(isinstance(view, (int, float)) and 0.1 <= abs(view) <= 2 for view in views):
        raise ValueError(f"views={tuple(views)}; scales from .1 to 2, with a minus for a mirrored view")


def check_knobs(knobs):
    """ValueError where a value of a model's knobs, {name: value}, is no number from 0 to 100; quantiles: to 1."""
    for name, value in knobs.items():
        most = 1 if name == "quantile" else 100  # far beyond what looks different; float32 ends at 3e38
        if not 0 <= value <= most:
            raise ValueError(f"{name} {value}: a number from 0 to {most} is needed")


def read_recipe(name):
    """A recipe file, such as train/photos.py, or one of several recipes in it, such as train/guides.py:sample_reg_soft.

    Args:
        name: the file, then a colon and the function that returns the `Recipe` where that is not called `recipe`.

    Returns:
        (Recipe, its name for a run folder: the file's, and the function's).

    Raises:
        ValueError: no such file (names those beside it) or function (names those in it), or it returns no `Recipe`.
    """
    path, _, variant = str(name).rpartition(":") if ".py:" in str(name) else (str(name), "", "")
    path = pathlib.Path(path)
    if not path.is_file():
        beside = sorted(str(other) for other in path.parent.glob("*.py"))
        raise ValueError(f"recipe {str(path)!r}: no such file" + (f"; there are {', '.join(beside)}" if beside else ""))
    found = variants(path)
    if not found:
        raise ValueError(f"recipe {str(path)!r}: wants a function recipe() that returns a tfcolor.recipe.Recipe")
    if (variant or "recipe") not in found:
        raise ValueError(f"recipe {str(name)!r}: the file holds {', '.join(f'{path}:{other}' for other in found)}")
    recipe = found[variant or "recipe"]()
    if not isinstance(recipe, Recipe):
        raise ValueError(f"recipe {str(name)!r}: returns a {type(recipe).__name__}, and no tfcolor.recipe.Recipe")
    return recipe, path.stem + (f"_{variant}" if variant else "")


def variants(path):
    """The recipes of a file: {name: function}, those that it defines and whose names do not start with _."""
    module = runpy.run_path(str(path), run_name="recipe")
    return {
        name: value
        for name, value in module.items()
        if isinstance(value, types.FunctionType) and value.__module__ == "recipe" and not name.startswith("_")
    }


def _value(text):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text  # a bare word, such as data=synthetic


def _set_inner(values, keys, value):
    for key in keys[:-1]:
        values = values.setdefault(key, {})
        if not isinstance(values, dict):
            raise ValueError(f"--set: {key} is no dictionary, so nothing in it can be set")
    values[keys[-1]] = value


def _default(field):
    return field.default if field.default is not dataclasses.MISSING else field.default_factory()
