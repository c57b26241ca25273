"""A model in memory: a gray array in, colour out, with knobs that do not run the network again."""

import json
import pathlib

import numpy as np

from tfcolor import photo
from tfcolor.color.constants import LUMA
from tfcolor.measures.recognition import label_maps
from tfcolor.quiet import import_tensorflow

DEFAULT_MODEL = "pets_multitask"
CARD = "assets.extra/tfcolor.json"  # in a SavedModel: what its functions do not say; TF Serving leaves it alone


class Colorizer:
    """A trained colouriser, from a run folder or a SavedModel.

    Attributes:
        name, version: of the model.
        size: photos are shrunk, never enlarged, until sqrt(h * w) <= size before the network sees them.
        knobs: {name: default} of the decoding: `saturation`, and with a distribution `temperature`, `vividness`.
        classes: class names of its segmentation, or None.
    """

    def __init__(self, functions, card):
        self._functions = functions
        self.name, self.version = card["name"], card["version"]
        self.size, self.knobs, self.classes = card["size"], card["knobs"], card["classes"]
        self.colour_head, self.segmentation_head = card["colour_head"], card["segmentation_head"]

    @classmethod
    def load(cls, name=None):
        """Loads a model.

        Args:
            name: of a shipped model, or a folder: a training's run folder, a SavedModel, or one with SavedModels by
                version (the newest is taken). None: the default model.

        Raises:
            ValueError: nothing of that name; lists the shipped models.
        """
        folder = find_model(name or DEFAULT_MODEL)
        import_tensorflow()
        if (folder / "recipe.json").is_file():
            return cls.from_run(folder)
        import tensorflow as tf

        card = json.loads((folder / CARD).read_text("utf-8"))
        loaded = tf.saved_model.load(str(folder))
        colorizer = cls({key: loaded.signatures[key] for key in ("predict", "decode")}, card)
        colorizer._loaded = loaded  # its variables live as long as it does
        return colorizer

    @classmethod
    def from_run(cls, workdir, weights=None):
        """The model of a run folder, its best weights (or the named file)."""
        from tfcolor.serving import ServingModule
        from tfcolor.trainer import load_run

        system = load_run(workdir, weights)
        module = ServingModule(system, system.recipe.serving_size)
        return cls(module.signatures(), model_card(module, pathlib.Path(workdir).name, 0))

    def predict(self, gray):
        """gray uint8 [N, h, w] -> {head: float32 array}: what the network says, before any decoding."""
        import tensorflow as tf

        outputs = self._functions["predict"](gray=tf.constant(np.asarray(gray, "uint8")))
        return {name: value.numpy() for name, value in outputs.items()}

    def decode(self, output, gray, **knobs):
        """The colour head's output [N, h', w', C] and its gray uint8 [N, h, w] -> U, V float32 [N, h', w', 2]."""
        import tensorflow as tf

        unknown = [name for name, value in knobs.items() if name not in self.knobs and value is not None]
        if unknown:
            raise ValueError(f"model {self.name} has no {unknown[0]}; it takes {', '.join(self.knobs)}")
        knobs = self.knobs | {name: value for name, value in knobs.items() if value is not None}
        values = {name: tf.constant(value, tf.float32) for name, value in knobs.items()}
        return self._functions["decode"](output=tf.constant(output), gray=tf.constant(gray), **values)["chroma"].numpy()

    def chroma(self, gray, **knobs):
        """gray uint8 [h, w] or [N, h, w] -> U, V of BT.601, float32 [(N,) h', w', 2], coarser by the head's stride.

        Args:
            knobs: of `self.knobs`; None stands for the default.

        Raises:
            ValueError: a knob that this model does not have.
        """
        gray = np.asarray(gray, "uint8")
        batch = gray if gray.ndim == 3 else gray[None]
        chroma = self.decode(self.predict(batch)[self.colour_head], batch, **knobs)
        return chroma if gray.ndim == 3 else chroma[0]

    def segment(self, gray):
        """gray uint8 [N, h, w] -> the likeliest class of each pixel, uint8 [N, h, w].

        Raises:
            ValueError: the model does not segment.
        """
        if not self.segmentation_head:
            raise ValueError(f"model {self.name} does not segment; take one that does, such as pets_multitask")
        return label_maps(self.predict(gray)[self.segmentation_head], *np.shape(gray)[1:])

    def colorize(self, array, **knobs):
        """A photo as an array -> the same in colour, at full size, with its own Y.

        Args:
            array: uint8 [H, W] or [H, W, 3]; a colour photo loses its colour first.
            knobs: of `self.knobs`.

        Returns:
            uint8 [H, W, 3].

        Raises:
            ValueError: an array of another kind, or a knob that this model does not have.
        """
        gray = _gray(array)
        small = photo.shrink(gray, self.size)
        return photo.merge(gray, self.chroma(small, **knobs), small.shape)


def model_card(module, name, version):
    """What a SavedModel's functions do not say, as a dictionary: see `CARD`."""
    system = module.system
    return {
        "name": name,
        "version": str(version),
        "task": system.recipe.task,
        "size": module.size,
        "knobs": dict(module.knobs),  # tf.Module wraps its own
        "classes": system.classes if system.segmentation_head else None,
        "colour_head": system.colour_head.name,
        "segmentation_head": system.segmentation_head.name if system.segmentation_head else None,
    }


def shipped_models():
    """{name: folder} of the models that came with the package or lie in the checkout."""
    here = pathlib.Path(__file__).parent
    roots = [here / "saved_models", here.parent / "saved_models"]
    return {path.name: path for root in reversed(roots) for path in sorted(root.glob("*")) if _newest(path)}


def find_model(name):
    """The folder of a shipped model's name, else of a path: a run folder, or the newest SavedModel in it."""
    if name in shipped_models():
        return _newest(shipped_models()[name])
    folder = pathlib.Path(name).expanduser()
    if folder.is_dir():
        if (folder / "recipe.json").is_file() or (folder / CARD).is_file():
            return folder
        if _newest(folder):
            return _newest(folder)
        raise ValueError(f"{name!r} is a folder, but neither a run folder (recipe.json) nor a SavedModel of tfcolor")
    shipped = ", ".join(shipped_models()) or "none"
    raise ValueError(f"no model {name!r}; shipped: {shipped}; or give a run folder or a SavedModel folder")


def _gray(array):
    """uint8 [H, W] or [H, W, 3] -> BT.601 luma, uint8 [H, W]."""
    array = np.asarray(array)
    if array.dtype != np.uint8 or array.size == 0 or not (array.ndim == 2 or array.ndim == 3 and array.shape[2] == 3):
        raise ValueError(f"a photo is uint8 [H, W] or [H, W, 3], not {array.dtype} {list(array.shape)}")
    return array if array.ndim == 2 else np.rint(array @ np.array(LUMA)).astype("uint8")


def _newest(folder):
    versions = [path for path in folder.glob("*") if path.name.isdigit() and (path / CARD).is_file()]
    return max(versions, key=lambda path: int(path.name), default=None)
