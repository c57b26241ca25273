"""A model in memory: a gray array in, colour out, with knobs that do not run the network again."""

import json
import os
import pathlib
import threading

import numpy as np

from tfcolor import photo
from tfcolor.color.constants import LUMA, RGB_TO_YUV
from tfcolor.data.labels import palette_of
from tfcolor.measures import MIN_CHROMA, Picture
from tfcolor.measures.recognition import label_maps
from tfcolor.photo.label_maps import NO_LABEL, resized
from tfcolor.quiet import import_tensorflow, native_errors_to_null
from tfcolor.recipe import check_knobs

DEFAULT_MODEL = "photos"
CARD = "assets.extra/tfcolor.json"  # in a SavedModel: what its functions do not say; TF Serving leaves it alone
LITERT = "assets.extra/{}.tflite"  # the same functions for LiteRT, which starts ten times as fast

MOST_SAMPLES = 24
REGIONS, REACH = 2, 0.5  # of a sample's smooth field: how many along the height, how far apart on the circle
GUIDES = ("energy", "quantiles")
LEAST_REFERENCE, REFERENCE_SIZE = 32, 256  # pixels a side that say how often a colour occurs: at least, and enough
UV_REACH, UV_BINS = 0.64, 512  # of the histograms of U and of V: .0025 a bin
FADING = 0.15  # colours fade from an entropy on, and are gone this much above


class Colorizer:
    """A trained colouriser, from a run folder or a SavedModel.

    Attributes:
        name, version: of the model.
        size: photos are shrunk, never enlarged, until sqrt(h * w) <= size before the network sees them.
        knobs: {name: default} of the decoding: `saturation`, and with a distribution `temperature`, `vividness`.
        classes: class names of the label maps that it makes or reads, or None.
        palette: a colour for each of them, uint8 [classes, 3], or None.
        segments: whether it makes label maps: `segment`.
        reads_labels: whether it colours by a label map: its own, or one that is given.
        colour_head, segmentation_head, scene_head: their keys in what `predict` answers; None where it has none.
        distribution: what its card says of the distribution over colours that it predicts, or None.
    """

    def __init__(self, functions, card):
        self._functions = functions
        self.name, self.version = card["name"], card["version"]
        self.size, self.knobs, self.classes = card["size"], card["knobs"], card["classes"]
        self.colour_head, self.segmentation_head = card["colour_head"], card["segmentation_head"]
        self.scene_head, self._scenes = card.get("scene_head"), card.get("scenes")
        self.distribution = card.get("distribution")
        self.reads_labels = card.get("reads_labels", False)
        self.segments = card.get("segments", bool(self.segmentation_head))
        colors = card.get("palette")
        self.palette = np.array([list(bytes.fromhex(color[1:])) for color in colors], "uint8") if colors else None
        if self.classes and not colors:  # of a model that was exported before cards had one
            self.palette = palette_of(self.classes)

    @classmethod
    def load(cls, name=None, runtime=None):
        """Loads a model.

        Args:
            name: of a shipped model, or a folder: a training's run folder, a SavedModel, or one with SavedModels by
                version (the newest is taken). None: the default model.
            runtime: "tensorflow", which takes every model; "litert", which starts in a fraction of the time and takes
                those exported with it; None: LiteRT where model and machine have it.

        Raises:
            ValueError: nothing of that name (lists the shipped models), or not for that runtime.
        """
        folder = find_model(name or DEFAULT_MODEL)
        if runtime not in (None, "tensorflow", "litert"):
            raise ValueError(f"runtime {runtime!r}; tensorflow, litert, or None for the faster that is here")
        if runtime != "tensorflow" and (functions := _in_litert(folder, runtime == "litert")):
            return cls(functions, read_card(folder))
        import_tensorflow()
        if (folder / "recipe.json").is_file():
            return cls.from_run(folder)
        import tensorflow as tf

        card = read_card(folder)
        loaded = tf.saved_model.load(str(folder))
        colorizer = cls({key: _on_arrays(loaded.signatures[key]) for key in functions_of(card)}, card)
        colorizer._loaded = loaded  # its variables live as long as it does
        return colorizer

    @classmethod
    def from_run(cls, workdir, weights=None):
        """The model of a run folder, its best weights (or the named file)."""
        from tfcolor.serving import ServingModule
        from tfcolor.trainer import load_run

        system, name = load_run(workdir, weights), pathlib.Path(workdir).name
        if not system.colours:
            return cls({"predict": _on_arrays(_scores(system))}, _card(system, name, 0, system.recipe.serving_size, {}))
        module = ServingModule(system, system.recipe.serving_size)
        card = model_card(module, name, 0)
        return cls({key: _on_arrays(of_key) for key, of_key in module.signatures(functions_of(card)).items()}, card)

    def predict(self, gray, labels=None):
        """What the network says, before any decoding.

        Args:
            gray: uint8 [N, h, w].
            labels: for a model that reads them, uint8 [N, h', w'] of any size: indices of `classes`, 255 where nothing
                is known. None: its own, and where it makes none, nothing known.

        Returns:
            {head: float32 array}.

        Raises:
            ValueError: labels for a model that reads none, or one that is no class.
        """
        gray = np.asarray(gray, "uint8")
        if labels is not None:
            self._check_labels(labels)
        if not self.reads_labels:
            return self._functions["predict"](gray=gray)
        if labels is None:
            labels = self.segment(gray) if self.segments else np.full_like(gray, NO_LABEL)
        return self._functions["predict_with_map"](gray=gray, labels=resized(labels, gray.shape[1:]))

    def decode(self, output, gray, **knobs):
        """The colour head's output [N, h', w', C] and its gray uint8 [N, h, w] -> U, V float32 [N, h', w', 2].

        Raises:
            ValueError: a model that does not colour, a knob that it has not, a value that a knob cannot have
                (`tfcolor.recipe.check_knobs`).
        """
        self._check_that_it_colours()
        unknown = [name for name, value in knobs.items() if name not in self.knobs and value is not None]
        if unknown:
            raise ValueError(f"model {self.name} has no {unknown[0]}; it takes {', '.join(self.knobs)}")
        knobs = self.knobs | {name: value for name, value in knobs.items() if value is not None}
        check_knobs(knobs)
        values = {name: np.float32(value) for name, value in knobs.items()}
        return self._functions["decode"](output=np.asarray(output), gray=np.asarray(gray, "uint8"), **values)["chroma"]

    def chroma(self, gray, labels=None, **knobs):
        """gray uint8 [h, w] or [N, h, w] -> U, V of BT.601, float32 [(N,) h', w', 2], coarser by the head's stride.

        Args:
            labels: as of `predict`, with as many dimensions as the gray.
            knobs: of `self.knobs`; None stands for the default.

        Raises:
            ValueError: a knob that this model does not have, or a value that it cannot have; labels as `predict`.
        """
        self._check_that_it_colours()
        gray = np.asarray(gray, "uint8")
        one = gray.ndim == 2
        batch = gray[None] if one else gray
        if one and labels is not None:
            labels = np.asarray(labels)[None]
        chroma = self.decode(self.predict(batch, labels)[self.colour_head], batch, **knobs)
        return chroma[0] if one else chroma

    def segment(self, gray):
        """gray uint8 [N, h, w] -> the likeliest class of each pixel, uint8 [N, h, w].

        Raises:
            ValueError: the model does not segment.
        """
        if not self.segments:
            raise ValueError(f"model {self.name} does not segment; take one that does, such as pets_multitask")
        if not self.segmentation_head:  # another network does
            return self._functions["segment_gray"](gray=np.asarray(gray, "uint8"))["segmentation"]
        return label_maps(self.predict(gray)[self.segmentation_head], *np.shape(gray)[1:])

    def scenes(self, array, count=5):
        """What scene a photo shows, in the eyes of a network with a scene head.

        Args:
            array: uint8 [H, W] or [H, W, 3].
            count: how many of the likeliest.

        Returns:
            [(name, probability)], the likeliest first; a number for a name where the training's labels had none.

        Raises:
            ValueError: the model names no scenes.
        """
        if not self.scene_head:
            raise ValueError(f"model {self.name} names no scenes; a model of the task semantic_guides does")
        logits = self.predict(photo.shrink(_gray(array), self.size)[None])[self.scene_head][0]
        names = self._scenes or [str(index) for index in range(len(logits))]
        likely = np.exp(logits[: len(names)] - logits.max())
        likely /= likely.sum()
        return [(names[index], float(likely[index])) for index in np.argsort(-likely, kind="stable")[:count]]

    def colorize(self, array, labels=None, **knobs):
        """A photo as an array -> the same in colour, at full size, with its own Y.

        Args:
            array: uint8 [H, W] or [H, W, 3]; a colour photo loses its colour first.
            labels: for a model that reads them, what is in the photo: uint8 [h, w] of any size, as of `predict`.
            knobs: of `self.knobs`.

        Returns:
            uint8 [H, W, 3].

        Raises:
            ValueError: an array of another kind, or a knob that this model does not have; labels as `predict`.
        """
        gray = _gray(array)
        small = photo.shrink(gray, self.size)
        return photo.merge(gray, self.chroma(small, labels, **knobs), small.shape)

    # What a distribution allows --------------------------------------------------------------------------------------

    def colorize_many(self, array, **choices):
        """A photo in several colourings, or in one with a guide: `colorize` with what `looks` can choose.

        Args:
            array: uint8 [H, W] or [H, W, 3].
            choices: of `looks`.

        Returns:
            uint8 [looks, H, W, 3].

        Raises:
            ValueError: as `looks`.
        """
        gray = _gray(array)
        small = photo.shrink(gray, self.size)
        chromas = self.looks(self.colour_output(small), small, **choices)
        return np.stack([photo.merge(gray, chroma, small.shape) for chroma in chromas])

    def confidence(self, array):
        """A photo, uint8 [H, W] or [H, W, 3] -> how sure the network is of its colours, at the network's size.

        Returns:
            float32 [h', w']: 1 less the entropy of the distribution, as a share of the highest. 1 is sure.

        Raises:
            ValueError: the model has no distribution.
        """
        return self.certainty(self.colour_output(photo.shrink(_gray(array), self.size)))

    def colour_output(self, gray, labels=None):
        """gray uint8 [h, w] -> the colour head's output, float32 [h', w', C], which all below go on from.

        `labels`: uint8 [h, w], as of `predict`.
        """
        self._check_that_it_colours()
        return self.predict(gray[None], None if labels is None else labels[None])[self.colour_head][0]

    def sampled(self, output, share):
        """The colour head's output, moved to another colouring that it holds possible, coherent over the photo.

        Args:
            output: float32 [h', w', C], of `colour_output`.
            share: in [0, 1), where on the circle of all that is possible; a number, or a smooth field [h', w'].

        Returns:
            float32 [h', w', C], to `decode`.

        Raises:
            ValueError: the model has no distribution.
        """
        return np.asarray(self._distribution("several colourings").sampled(output, np.float32(share)))

    def certainty(self, output):
        """As `confidence`, from `colour_output`."""
        return 1.0 - np.asarray(self._distribution("its confidence").unsure(output))

    def looks(
        self,
        output,
        gray,
        *,
        samples=None,
        seed=0,
        per_region=False,
        reference=None,
        guide="energy",
        fade_unsure=None,
        **knobs,
    ):
        """One photo's prediction in other colours; the network is not run again for any of them.

        Args:
            output: float32 [h', w', C], of `colour_output`.
            gray: uint8 [h, w], from which it was predicted.
            samples: None for the one colouring that the knobs give; or how many others, 1 to 24, each coherent over the
                photo and all spread evenly over what is possible, the nearest to that one first.
            seed: of the samples.
            per_region: let a sample differ from region to region, smoothly.
            reference: None, or a colour photo, uint8 [H, W, 3], whose global histogram of colours guides.
            guide: "energy": biases on the bins, until the mean prediction has the reference's histogram; "quantiles":
                the predicted U and V, moved in their own order onto the reference's.
            fade_unsure: None, or the share of the highest entropy, in (0, 1], from which colours fade; they are gone
                where it is .15 higher.
            knobs: of `self.knobs`.

        Returns:
            U, V float32 [samples or 1, h', w', 2].

        Raises:
            ValueError: the model has no distribution, or a choice is not possible; says what is.
        """
        if guide not in GUIDES:
            raise ValueError(f"guide {guide!r}; {' or '.join(GUIDES)}")
        if samples is not None and not 1 <= samples <= MOST_SAMPLES:
            raise ValueError(f"samples {samples}: from 1 to {MOST_SAMPLES} colourings; another seed gives others")
        if fade_unsure is not None and not 0 < fade_unsure <= 1:
            raise ValueError(f"fade_unsure {fade_unsure}: a share of the highest entropy, above 0 and at most 1")
        asked = {name: value for name, value in knobs.items() if value is not None}
        knobs = self.knobs | asked
        unsure = None if fade_unsure is None else 1.0 - self.certainty(output)
        reference = None if reference is None else check_reference(reference) / np.float32(255)
        if reference is not None and guide == "energy":
            output = self._distribution("guide energy, only quantiles").guided(output, reference)
            # The reference says how often a colour is to occur: nothing makes rare ones likelier on top.
            knobs |= {name: value for name, value in self.distribution["unbiased"].items() if name not in asked}

        def decode(output):
            return self.decode(np.asarray(output)[None], gray[None], **knobs)[0]

        chromas = [decode(output)]
        if samples:
            size = np.shape(output)[:2] if per_region else ()
            others = [decode(self.sampled(output, share)) for share in _shares(samples, seed, size)]
            chromas = sorted(others, key=lambda chroma: np.square(chroma - chromas[0]).mean())
        chromas = np.stack(chromas)
        if reference is not None and guide == "quantiles":
            wanted = reference @ np.array(RGB_TO_YUV[1:], "float32").T
            chromas = knobs["saturation"] * np.stack([_match_quantiles(chroma, wanted) for chroma in chromas])
        if unsure is not None:
            chromas *= np.clip((fade_unsure + FADING - unsure) / FADING, 0.0, 1.0)[..., None]
        return chromas.astype("float32")

    def prepare(self):
        """Imports what the first of several colourings needs, so that nobody waits for it: seconds with TensorFlow."""
        if self.distribution:
            self._distribution("several colourings")

    def _distribution(self, what):
        """The head, to decode with; ValueError where the model predicts no distribution over colours."""
        if not self.distribution:
            cards = {name: read_card(_newest(folder)) for name, folder in shipped_models().items()}
            able = [name for name, card in cards.items() if card.get("distribution")]
            raise ValueError(
                f"model {self.name} predicts no distribution over colours, so it cannot give {what}: take "
                + " or ".join([*able, "a model of the task classification or hypercolumn"])
            )
        import_tensorflow()  # Keras is TensorFlow's here
        from tfcolor.heads.ab_bins import AbBins
        from tfcolor.heads.hue_chroma import HueChroma

        return {"AbBins": AbBins, "HueChroma": HueChroma}[self.distribution["head"]]()

    def _check_labels(self, labels):
        if not self.reads_labels:
            raise ValueError(f"model {self.name} reads no label map: leave it out, or take semantic_driven")
        labels = np.asarray(labels)
        wrong = labels[(labels >= len(self.classes)) & (labels != NO_LABEL)] if labels.dtype == np.uint8 else ()
        if labels.dtype != np.uint8 or labels.ndim != 3 or len(wrong):
            found = f"label {wrong[0]}" if len(wrong) else f"labels of {labels.dtype} {list(labels.shape[1:])}"
            raise ValueError(
                f"{found}; a map is uint8 [h, w] of 0 to {len(self.classes) - 1}, and {NO_LABEL} where nothing is known"
            )

    def _check_that_it_colours(self):
        if not self.colour_head:
            raise ValueError(f"model {self.name} segments and does not colour; take another, such as {DEFAULT_MODEL}")


def _shares(count, seed, size):
    """`count` shares in [0, 1), evenly spread over a circle from a random start: numbers, or fields of `size`."""
    import_tensorflow()
    from tfcolor.color.histograms import smooth_field

    start = np.random.default_rng(seed).random()
    if size:
        start = start + REACH * np.asarray(smooth_field(*size, REGIONS, seed))
    return [np.asarray((start + number / count) % 1.0, "float32") for number in range(count)]


def _match_quantiles(chroma, wanted):
    """U, V [h, w, 2], each moved in its own order until it is spread as the reference's [H, W, 2] is."""
    import_tensorflow()
    from tfcolor.color.histograms import match_quantiles

    matched = []
    for channel in (0, 1):
        counts, _ = np.histogram(wanted[..., channel], UV_BINS, (-UV_REACH, UV_REACH))
        matched.append(match_quantiles(chroma[..., channel], counts / wanted[..., channel].size, -UV_REACH, UV_REACH))
    return np.stack(matched, axis=-1)


def check_reference(array):
    """A reference photo, as many of its pixels as its histogram needs; ValueError if it is gray, tiny or no photo."""
    array = np.asarray(array)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise ValueError(f"a reference is a colour photo, uint8 [H, W, 3], not {array.dtype} {list(array.shape)}")
    if min(array.shape[:2]) < LEAST_REFERENCE:
        raise ValueError(
            f"the reference has {array.shape[1]} x {array.shape[0]} pixels, too few to say how often a colour occurs: "
            f"take one of at least {LEAST_REFERENCE} x {LEAST_REFERENCE}"
        )
    step = max(1, min(array.shape[:2]) // REFERENCE_SIZE)
    array = np.ascontiguousarray(array[::step, ::step])
    if Picture(array).mean_chroma < MIN_CHROMA:
        raise ValueError("the reference is gray and has no colours to give: take a photo in colour, or leave it out")
    return array


def _on_arrays(function):
    """A function of a SavedModel, for arrays: {name: tensor} -> {name: tensor} as {name: array} -> {name: array}."""
    import tensorflow as tf

    def on_arrays(**inputs):
        outputs = function(**{name: tf.constant(value) for name, value in inputs.items()})
        return {name: value.numpy() for name, value in outputs.items()}

    return on_arrays


def _in_litert(folder, needed):
    """The functions of a SavedModel that was exported with `--litert`; None, or ValueError if needed, without."""
    files = {}
    if (folder / CARD).is_file():
        files = {key: folder / LITERT.format(key) for key in functions_of(read_card(folder))}
    if not files or not all(file.is_file() for file in files.values()):
        if needed:
            raise ValueError(f"{folder} was exported without LiteRT: `tfcolor export RUN -o NAME --litert` adds it")
        return None
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        if needed:
            raise ValueError("LiteRT is not installed: pip install 'tfcolor[litert]', or take TensorFlow") from None
        return None

    given = os.environ.get("OMP_NUM_THREADS", "")  # as clusters set it for a process that has some of the cores
    threads = int(given) if given.isdigit() and int(given) else os.cpu_count()

    def on_arrays(file):
        runner = Interpreter(str(file), num_threads=threads).get_signature_runner()
        busy = threading.Lock()  # an interpreter computes for one thread at a time

        def locked(**inputs):
            with busy:
                return {name: value.copy() for name, value in runner(**inputs).items()}

        return locked

    functions = {key: on_arrays(file) for key, file in files.items()}
    with native_errors_to_null():  # what it says at its first run is no error
        for key in functions.keys() - {"decode"}:
            names = ("gray", "labels") if key == "predict_with_map" else ("gray",)
            functions[key](**dict.fromkeys(names, np.zeros((1, 32, 32), "uint8")))
    return functions


def functions_of(card):
    """The signatures of a SavedModel that a `Colorizer` calls."""
    keys = ["predict_with_map" if card.get("reads_labels") else "predict", "decode"]
    return [*keys, "segment_gray"] if card.get("segments") and not card["segmentation_head"] else keys


def model_card(module, name, version):
    """What a SavedModel's functions do not say, as a dictionary: see `CARD`."""
    # tf.Module wraps its own dictionaries.
    own = {"segments": module.segments, "views": list(module.views)}
    return _card(module.system, name, version, module.size, dict(module.knobs)) | own


def _card(system, name, version, size, knobs):
    head = system.colour_head if system.colours else None
    classes = system.classes if system.segmentation_head or system.reads_labels else None
    return {
        "name": name,
        "version": str(version),
        "task": system.recipe.task,
        "size": size,
        "knobs": knobs,
        "classes": classes,
        "palette": ["#" + bytes(color).hex() for color in palette_of(classes)] if classes else None,
        "segments": bool(system.segmentation_head),
        "reads_labels": system.reads_labels,
        "colour_head": head.name if head else None,
        "segmentation_head": system.segmentation_head.name if system.segmentation_head else None,
        "scene_head": system.scene_head.name if system.scene_head else None,
        "scenes": system.scenes,
        "distribution": getattr(head, "distribution", None),
        "recipe": json.loads(system.recipe.to_json()),
    }


def read_card(folder):
    """What `model_card` made, of a SavedModel's folder."""
    return json.loads((folder / CARD).read_text("utf-8"))


def _scores(system):
    """`predict` of a system that only segments: gray uint8 [N, h, w] -> {head: float32}."""
    import tensorflow as tf

    from tfcolor.views import look

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, None, None], tf.uint8, name="gray")])
    def predict(gray):
        return look(system, tf.cast(gray, tf.float32)[..., None] / 255.0, views=system.recipe.views)

    return predict


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
    raise ValueError(
        f"no model {name!r}; installed here: {shipped}; or give a run folder or a SavedModel's, such as those in the "
        "repository's saved_models/"
    )


def _gray(array):
    """uint8 [H, W] or [H, W, 3] -> BT.601 luma, uint8 [H, W]."""
    array = np.asarray(array)
    if array.dtype != np.uint8 or array.size == 0 or not (array.ndim == 2 or array.ndim == 3 and array.shape[2] == 3):
        raise ValueError(f"a photo is uint8 [H, W] or [H, W, 3], not {array.dtype} {list(array.shape)}")
    return array if array.ndim == 2 else np.rint(array @ np.array(LUMA)).astype("uint8")


def _newest(folder):
    versions = [path for path in folder.glob("*") if path.name.isdigit() and (path / CARD).is_file()]
    return max(versions, key=lambda path: int(path.name), default=None)
