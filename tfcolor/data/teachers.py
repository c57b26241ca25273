"""Labels by frozen networks: scenes by a Keras classifier, segmentation maps by a TFLite network.

What a teacher says is written once and read by name of photo, beside the data or in a folder of choice; or the photos
in which it is sure of some classes become a data set of their own. All of it says `pseudo` and which teacher: such
labels train, and are never tested on. Writing labels goes on where a killed run stopped.
"""

import contextlib
import difflib
import hashlib
import io
import json
import os
import pathlib
import re
import tempfile
import urllib.parse
import zipfile

import numpy as np
import tensorflow as tf
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tfcolor.data.sources import NO_LABEL, SCENES, decode

KEPT = 5  # scenes kept of a photo, the most probable ones
DEFAULT_TEACHER = "squeezenet_v11bn_places365.keras"

# Lists of names that belong to files which a person is likely to have, looked for beside them.
_NAMES_BESIDE = {
    DEFAULT_TEACHER: "categories_places365.txt",
    "deeplabv3_257_mv_gpu.tflite": "pascal_voc_labels.txt",
    "mobile_segmenter_r4_quant_argmax_uint8.tflite": "ade20k_top31_labels.txt",
}

# When a photo goes into a data set of masks. Between the two probabilities a pixel is of no class: unknown.
SURE = 0.7  # a pixel is of a class above this; so sure must be, too, this share of all that is not background
ABSENT = 0.15  # a pixel is background where all other classes together are below this
SHARE = 0.05  # of a photo, at the least, that the classes other than background cover

_PLACES365_MEAN = "places365_mean_bgr_224.npy"
_SAVED_EVERY = 256  # photos


def open_teacher(path, names=None, preprocessing=None):
    """A teacher from a file: a `SceneTeacher` of a Keras file (.keras, .h5), a `MapTeacher` of a .tflite file.

    Args:
        path: the network's file, or a folder that holds the Places365 teacher, `squeezenet_v11bn_places365.keras`.
        names: list of class names, one a line; None: the list known for this file, beside it.
        preprocessing: one of `PREPROCESSING`, for Keras files; None: "places365" for the Places365 teacher, else "raw".

    Raises:
        ValueError: no such file, no list of names, or one that does not fit the network's output.
    """
    path = pathlib.Path(path).expanduser()
    path = path / DEFAULT_TEACHER if path.is_dir() else path
    if not path.is_file():
        raise ValueError(f"teacher {str(path)!r}: no such file; give a Keras classifier or a TFLite segmenter")
    if names is None and path.name not in _NAMES_BESIDE:
        raise ValueError(f"teacher {path.name}: give the names of its classes too, a file with one a line (--names)")
    names = read_names(names or path.parent / _NAMES_BESIDE[path.name])
    if path.suffix == ".tflite":
        if preprocessing:
            raise ValueError(f"teacher {path.name}: preprocessing is for Keras files; TFLite's follows from the input")
        return MapTeacher(path, names)
    if path.suffix not in (".keras", ".h5"):
        raise ValueError(f"teacher {path.name}: expected .keras or .h5 (scenes) or .tflite (segmentation maps)")
    return SceneTeacher(path, names, preprocessing or ("places365" if path.name == DEFAULT_TEACHER else "raw"))


def read_names(path):
    """A list of names, one a line, numbered ("/b/beach 48", "48 beach", "48: beach") or not -> list of str.

    Numbers are left out where every line has one and they count up; so is the "/b/" of Places365.
    """
    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        raise ValueError(f"names {str(path)!r}: no such file")
    lines = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    for pattern in (r"(?P<name>.+?)\s+(?P<number>\d+)", r"(?P<number>\d+)(:|\s)\s*(?P<name>.+)"):
        matches = [re.fullmatch(pattern, line) for line in lines]
        if all(matches):
            numbers = [int(match["number"]) for match in matches]
            if numbers == list(range(numbers[0], numbers[0] + len(numbers))):
                lines = [match["name"] for match in matches]
                break
    return [re.sub(r"^/\w/", "", line) for line in lines]


def labels_folder(source, data_dir=None, cache=None):
    """The folder for a source's labels: NAME.labels beside the data, or in the folder `cache`.

    Args:
        source: a name as `open_source` takes it.
        data_dir: where prepared data sets are; None: TFDS's own (~/tensorflow_datasets).
        cache: a folder of choice, where the data's own cannot be written to.
    """
    if source.startswith("folder:"):
        data = pathlib.Path(source.removeprefix("folder:")).expanduser().resolve()
    else:
        data = pathlib.Path(data_dir or "~/tensorflow_datasets").expanduser() / source.replace("/", "-")
    parent = pathlib.Path(cache).expanduser() if cache else data.parent
    return parent / f"{data.name}.labels"


# Scenes -------------------------------------------------------------------------------------------------------------


def _places365(path):
    mean = np.load(path.parent / _PLACES365_MEAN)

    def preprocess(images):
        return (images[..., ::-1] - mean) / 255.0

    return preprocess


# What a classifier wants of RGB in 0-255: a function of the classifier's file that gives one of float32 images.
PREPROCESSING = {
    "raw": lambda path: lambda images: images,  # 0 to 255: most of Keras's newer models, which scale by a layer
    "unit": lambda path: lambda images: images / 255.0,
    "signed": lambda path: lambda images: images / 127.5 - 1.0,
    "caffe": lambda path: lambda images: images[..., ::-1] - np.array([103.939, 116.779, 123.68], "float32"),
    "places365": _places365,  # centre of a 256 x 256 resize, BGR less a mean image, by 255
}


class SceneTeacher:
    """A frozen classifier that names the scene of a photo.

    Args:
        path: a Keras file, with a square input of fixed size.
        names: of its classes, in the order of its output.
        preprocessing: a key of `PREPROCESSING`.

    Attributes:
        file: name of the file; digest: of its content; names: as given.
    """

    def __init__(self, path, names, preprocessing="raw"):
        import keras

        if preprocessing not in PREPROCESSING:
            raise ValueError(f"preprocessing {preprocessing!r}: choose one of {', '.join(PREPROCESSING)}")
        self.file, self.digest, self.names = path.name, _digest(path), names
        self.preprocessing = preprocessing
        self._model = keras.saving.load_model(path, compile=False)
        _check_count(path, self._model.output_shape[-1], names)
        self._size = self._model.input_shape[1]
        if self._size is None:
            raise ValueError(f"teacher {path.name}: its input has no fixed size; save it with one, such as 224 x 224")
        self._preprocess = PREPROCESSING[preprocessing](path)

    def resize(self, image):
        """uint8 [H, W, 3] -> float32 [size, size, 3] in 0-255: the photo stretched, for "places365" its centre."""
        margin = 16 if self.preprocessing == "places365" else 0
        size = self._size + 2 * margin
        return tf.image.resize(image, (size, size), antialias=True)[margin : size - margin, margin : size - margin]

    def __call__(self, images):
        """float32 [N, size, size, 3] in 0-255 -> probabilities, float32 [N, classes]."""
        return _probabilities(np.asarray(self._model(self._preprocess(np.asarray(images)), training=False)))


def write_scenes(source, split, teacher, folder, *, batch=32):
    """Writes what a teacher sees in each photo of a source: the five most probable scenes, normalised to sum 1.

    Args:
        source: a `Source`; its photos need names, each its own.
        split: the split that it was opened at.
        teacher: a `SceneTeacher`.
        folder: where to write; made if need be.
        batch: photos at once.

    Returns:
        Path of the npz file, for `read_scenes`. Photos that are in it already are not looked at again.
    """
    path = pathlib.Path(folder) / f"pseudo-scenes-{_split_name(split)}-{pathlib.Path(teacher.file).stem}.npz"
    _make_folder(path.parent)
    names, indices, weights = [], [], []
    if path.exists():
        known = read_scenes(path)
        if known["digest"] != teacher.digest or known["preprocessing"] != teacher.preprocessing:
            raise ValueError(f"{path} was written by another {teacher.file}; remove it, or give another --cache")
        names, indices, weights = (list(known[key]) for key in ("names", "indices", "weights"))

    def save():
        _replace(
            path,
            lambda file: np.savez_compressed(
                file,
                names=np.array(names, str),
                indices=np.array(indices, "uint16"),
                weights=np.array(weights, "float32"),
                classes=np.array(teacher.names),
                teacher=teacher.file,
                digest=teacher.digest,
                preprocessing=teacher.preprocessing,
            ),
        )

    seen, saved = set(names), len(names)
    todo = source.dataset.map(lambda example: (example["name"], example["image"]))
    todo = todo.filter(_not_in(names)).map(lambda name, image: (name, teacher.resize(image))).batch(batch)
    for new_names, images in _progress(todo, source.size - saved, "scenes"):
        probabilities = teacher(images)
        best = np.argsort(-probabilities, axis=-1)[:, :KEPT]
        kept = np.take_along_axis(probabilities, best, axis=-1)
        names += _new_names(new_names, seen)
        indices += list(best)
        weights += list(kept / kept.sum(axis=-1, keepdims=True))
        if len(names) - saved >= _SAVED_EVERY:
            save()
            saved = len(names)
    save()
    return path


def read_scenes(path):
    """A file of `write_scenes` -> a dict of NumPy arrays.

    `names` str [n], `indices` uint16 [n, 5], the most probable first, `weights` float32 [n, 5] of sum 1, `classes` str
    [classes], and `teacher`, `digest`, `preprocessing`: who it was.
    """
    keys = ("names", "indices", "weights", "classes", "teacher", "digest", "preprocessing")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in keys}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no file of scene labels ({error}); `tfcolor datasets label` writes one") from error


def find_scenes(source, split, data_dir=None, cache=None):
    """The file of `write_scenes` for a source's split in its `labels_folder` (same arguments); None where none is.

    Raises:
        ValueError: files of several teachers are there.
    """
    folder = labels_folder(source, data_dir, cache)
    paths = sorted(folder.glob(f"pseudo-scenes-{_split_name(split)}-*.npz"))
    if len(paths) > 1:
        raise ValueError(f"{folder} holds {', '.join(path.name for path in paths)}: keep one, or a folder for each")
    return paths[0] if paths else None


def add_scenes(dataset, path):
    """Examples with `name` -> with `scene` too, float32 [365]: from a file of `write_scenes`, 0 where it has none."""
    scenes = read_scenes(path)
    if len(scenes["classes"]) > SCENES:
        raise ValueError(f"{path}: {len(scenes['classes'])} classes; a scene head has {SCENES} at the most")
    dense = np.zeros((len(scenes["names"]) + 1, SCENES), "float32")  # the last row: not in the file
    np.put_along_axis(dense[:-1], scenes["indices"].astype("int64"), scenes["weights"], axis=1)
    rows = tf.lookup.KeyValueTensorInitializer(scenes["names"], np.arange(len(scenes["names"]), dtype="int64"))
    table = tf.lookup.StaticHashTable(rows, default_value=len(scenes["names"]))
    dense = tf.constant(dense)
    return dataset.map(lambda example: {**example, "scene": dense[table.lookup(example["name"])]})


# Segmentation maps --------------------------------------------------------------------------------------------------


class MapTeacher:
    """A frozen segmentation network.

    Args:
        path: a TFLite file: one photo in (uint8 in 0-255, or float32 in [-1, 1]), logits [1, h, w, classes] or class
            indices [1, h, w] out.
        names: of its classes.

    Attributes:
        file: name of the file; digest: of its content; names: as given.
        soft: whether it gives logits.
    """

    def __init__(self, path, names):
        self.file, self.digest, self.names = path.name, _digest(path), names
        self._network = _interpreter()(str(path))
        self._network.allocate_tensors()
        self._input, self._output = self._network.get_input_details()[0], self._network.get_output_details()[0]
        self.soft = len(self._output["shape"]) == 4
        if self.soft:
            _check_count(path, self._output["shape"][-1], names)

    def __call__(self, image):
        """uint8 [H, W, 3] -> class indices, uint8 [H, W]: of the stretched photo, logits resized back before argmax."""
        output = self._answer(image)
        if self.soft:
            found = tf.argmax(tf.image.resize(output, tf.shape(image)[:2]), axis=-1)[0]
        else:
            found = tf.image.resize(output[..., None], tf.shape(image)[:2], method="nearest")[0, ..., 0]
        return np.asarray(found).astype("uint8")

    def probabilities(self, image):
        """uint8 [H, W, 3] -> float32 [h, w, classes] at the network's own size; of a `soft` teacher."""
        return _probabilities(self._answer(image)[0])

    def _answer(self, image):
        """uint8 [H, W, 3] -> the network's output for the stretched photo."""
        small = tf.image.resize(image, self._input["shape"][1:3], antialias=True)
        signed = self._input["dtype"] == np.float32
        small = small / 127.5 - 1.0 if signed else tf.cast(tf.round(small), self._input["dtype"])
        self._network.set_tensor(self._input["index"], small[None])
        self._network.invoke()
        return self._network.get_tensor(self._output["index"])


def _interpreter():
    """LiteRT's interpreter, or the copy that TensorFlow carries (and will lose)."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        from tensorflow.lite.python.interpreter import Interpreter
    return Interpreter


def write_maps(source, split, teacher, folder):
    """Writes a segmentation map of each photo of a source, as PNG files of class indices.

    Args:
        source: a `Source`; its photos need names, each its own.
        split: the split that it was opened at.
        teacher: a `MapTeacher`.
        folder: where to make the folder of maps.

    Returns:
        Path of the folder, with teacher.json (who made the maps) and segmentation_classes.txt (what values mean) in it.
        Maps that are there already are not made again.
    """
    folder = pathlib.Path(folder) / f"pseudo-maps-{_split_name(split)}-{pathlib.Path(teacher.file).stem}"
    _make_folder(folder)
    about = folder / "teacher.json"
    who = {"labels": "pseudo", "teacher": teacher.file, "digest": teacher.digest}
    if about.exists() and json.loads(about.read_text("utf-8")) != who:
        raise ValueError(f"{folder} holds maps by another {teacher.file}; remove it, or give another --cache")
    about.write_text(json.dumps(who) + "\n", "utf-8")
    lines = [f"{value} {name}\n" for value, name in enumerate(teacher.names)]
    (folder / "segmentation_classes.txt").write_text("".join(lines), "utf-8")

    note = PngInfo()
    note.add_text("Comment", f"pseudo map by {teacher.file}")
    done = [urllib.parse.unquote(path.stem) for path in folder.glob("*.png")]
    todo = source.dataset.map(lambda example: (example["name"], example["image"])).filter(_not_in(done)).batch(1)
    seen = set(done)
    for names, images in _progress(todo, source.size - len(done), "maps"):
        path = map_path(folder, *_new_names(names, seen))
        found = Image.fromarray(teacher(images[0]))
        _replace(path, lambda file, found=found: found.save(file, "PNG", pnginfo=note))
    return folder


def map_path(folder, name):
    """Where `write_maps` puts the map of a photo."""
    return pathlib.Path(folder) / f"{urllib.parse.quote(name, safe='')}.png"


def add_maps(dataset, folder):
    """Examples with `name` -> with `mask` too, uint8 [H, W, 1]: from `write_maps`' folder; 255 where it has none."""

    def read(name, height, width):
        path = map_path(folder, name.decode())
        if not path.exists():
            return np.full((height, width, 1), NO_LABEL, "uint8")
        with Image.open(path) as image:
            return np.asarray(image)[..., None]

    def add(example):
        shape = tf.shape(example["image"])
        mask = tf.numpy_function(read, [example["name"], shape[0], shape[1]], tf.uint8)
        mask.set_shape([None, None, 1])
        return {**example, "mask": mask}

    return dataset.map(add)


# A data set of what a teacher finds ----------------------------------------------------------------------------------


def store_masks(sources, split, teacher, classes, path, *, share=SHARE):
    """Makes a prepared TFDS folder of the photos in which a teacher is sure of some classes, with masks of these.

    A pixel is of a class where the teacher gives its members together more than `SURE`, and background where it gives
    all other classes together less than `ABSENT`; else it is 255, unknown. A photo is taken where the classes other
    than background cover `share` of it, and `SURE` of what is not background.

    Args:
        sources: a list of `Source`; photos keep their files' bytes, and their names behind the source's.
        split: the split that they were opened at; the new data set has this one split.
        teacher: a `MapTeacher` that gives logits.
        classes: of the masks, from value 1 on, as ["pet=cat,dog", "background=*", "border="]: the class and which of
            the teacher's it is; * is all that the others leave, the background; nothing, a class that never occurs.
        path: the folder to make, DATA_DIR/NAME: it is there whole or not at all.
        share: smallest share of a photo.

    Returns:
        How many photos it holds. `open_source(NAME, data_dir=DATA_DIR)` opens it.

    Raises:
        ValueError: a folder that is there, a name that TFDS cannot read, a teacher without logits, classes that it does
            not know, not one photo.
    """
    path = _new_data_set(path)
    if not getattr(teacher, "soft", False):
        raise ValueError(f"teacher {teacher.file}: gives no logits; masks need a TFLite segmenter that does")
    names, members, background = _group(classes, teacher.names)
    over = np.where(background, 1 - ABSENT, SURE).astype("float32")
    kept = 0

    def examples():
        nonlocal kept
        for source in sources:
            origin = source.info.name.rpartition("/")[2]
            photos = source.encoded.map(lambda e: (e["name"], e["image"], decode({"image": e["image"]})["image"]))
            for name, file, image in _progress(photos.batch(1), source.size, source.info.name):
                grouped = teacher.probabilities(image[0]) @ members
                found = np.asarray(tf.image.resize(grouped, image.shape[1:3], antialias=True)) > over
                named, known = found[..., ~background].any(axis=-1).mean(), found.any(axis=-1)
                if named < share or named < SURE * (named + 1 - known.mean()):
                    continue
                mask = np.where(known, found.argmax(axis=-1) + 1, NO_LABEL).astype("uint8")
                name = f"{origin}/{name[0].numpy().decode()}"
                yield kept, {"image": file[0].numpy(), "file_name": name, "segmentation_mask": mask[..., None]}
                kept += 1
        if not kept:
            raise ValueError(f"{teacher.file} is sure of {', '.join(classes)} in no photo; ask for less (--share)")

    description = (
        f"Photos of {', '.join(source.info.name for source in sources)} ({split}) with pseudo masks "
        f"({'; '.join(classes)}) by {teacher.file} (sha256 {teacher.digest}): to train with, never to test on."
    )
    store_examples(path, split.partition("[")[0], examples(), names, description)
    return kept


def store_examples(path, split, examples, names, description):
    """Makes a prepared TFDS folder of photos with masks.

    Args:
        path: the folder to make, DATA_DIR/NAME: it is there whole or not at all.
        split: name of its one split.
        examples: iterable of (key, {"image": bytes of a JPEG or PNG file, "file_name": str, "segmentation_mask": uint8
            [H, W, 1]}).
        names: what the values of the masks mean, from 1 on; 255 is no label.
        description: of the data set.

    Raises:
        ValueError: a folder that is there, or a name that TFDS cannot read.
    """
    import tensorflow_datasets as tfds

    path = _new_data_set(path)
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(None, None, 3)),  # JPEG or PNG, as the photo was
            "file_name": tfds.features.Text(),
            "segmentation_mask": tfds.features.Image(shape=(None, None, 1), encoding_format="png"),
        }
    )
    _make_folder(path.parent)
    with contextlib.ExitStack() as stack:
        unfinished = stack.enter_context(tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))  # TFDS tells of a download, and of that folder
        tfds.disable_progress_bar()  # ours counts the photos
        stack.callback(tfds.enable_progress_bar)
        builder = tfds.dataset_builders.store_as_tfds_dataset(
            name=path.name,
            version="1.0.0",
            features=features,
            split_datasets={split: examples},
            data_dir=unfinished,
            description=description,
        )
        lines = [f"{value} {name}\n" for value, name in enumerate(names, 1)]
        (pathlib.Path(builder.data_dir) / "segmentation_classes.txt").write_text("".join(lines), "utf-8")
        os.replace(pathlib.Path(unfinished) / path.name, path)


def _new_data_set(path):
    """The folder of a data set that can be made there, absolute."""
    path = pathlib.Path(path).expanduser().absolute()
    if not re.fullmatch(r"[a-z][a-z0-9_]*", path.name):
        raise ValueError(f"{path.name!r} names no data set: small letters, digits and _, such as pets_pseudo")
    if path.exists():
        raise ValueError(f"{path} is there already: remove it, or give another name")
    return path


def _group(classes, known):
    """["pet=cat,dog", "background=*", "border="] and the teacher's names -> the classes and who belongs to them.

    Returns:
        names, a list of str; members, float32 [teacher's classes, classes] of 0 and 1; background, bool [classes].
    """
    rows = [term.partition("=") for term in classes]
    names = [name.strip() for name, _, _ in rows]
    wanted = [[word.strip() for word in text.split(",") if word.strip()] for _, _, text in rows]
    members = np.zeros((len(known), len(names)), "float32")
    background = np.array([words == ["*"] for words in wanted])
    if not all(names) or not all(equals for _, equals, _ in rows) or len(set(names)) < len(names):
        raise ValueError(f"classes {' '.join(classes)!r}: each once, as CLASS=MEMBER,MEMBER, such as pet=cat,dog")
    if background.sum() != 1 or not any(wanted[column] for column in np.flatnonzero(~background)):
        raise ValueError(f"classes {' '.join(classes)!r}: one of them is =*, the background, and one has members")
    for column in np.flatnonzero(~background):
        for word in wanted[column]:
            if word not in known:
                near = difflib.get_close_matches(word, known, 3) or known
                raise ValueError(f"classes {classes[column]!r}: the teacher has no {word!r}; it has {', '.join(near)}")
            members[known.index(word), column] = 1
    if members.sum(axis=1).max() > 1:
        raise ValueError(f"classes {' '.join(classes)!r}: a class of the teacher belongs to one of them only")
    members[:, background] = 1 - members.sum(axis=1, keepdims=True)
    return names, members, background


# Both ---------------------------------------------------------------------------------------------------------------


def write_labels(source, split, teacher, folder):
    """`write_scenes` or `write_maps`, as the teacher is."""
    write = write_scenes if isinstance(teacher, SceneTeacher) else write_maps
    return write(source, split, teacher, folder)


def _probabilities(output):
    """Logits or probabilities [..., classes] -> probabilities."""
    if output.min() < 0 or np.abs(output.sum(axis=-1) - 1).max() > 1e-3:
        output = tf.nn.softmax(output).numpy()
    return output


def _check_count(path, outputs, names):
    if outputs != len(names):
        raise ValueError(f"teacher {path.name}: {outputs} outputs, but {len(names)} names; give the list made for it")


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _split_name(split):
    return re.sub(r"\W+", "_", split).strip("_")


def _make_folder(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cannot make {folder} ({error.strerror}); give a folder of your own (--cache, -o)") from error


def _not_in(names):
    """A predicate of (name, image): whether the name is not in `names`."""
    done = {name.encode() for name in names}
    return lambda name, image: tf.numpy_function(lambda name: name not in done, [name], tf.bool)


def _new_names(batch, seen):
    """A batch of names as list of str, added to the set `seen`; each must be its own, as labels are found by name."""
    names = [name.decode() for name in batch.numpy()]
    for name in names:
        if not name:
            raise ValueError("this source's photos have no names, so labels cannot be kept for them")
        if name in seen:
            raise ValueError(f"two photos are called {name!r}, so labels cannot be kept by name")
        seen.add(name)
    return names


def _replace(path, write):
    """Writes a file under another name and moves it into place: never half a file."""
    unfinished = path.with_name(path.name + ".unfinished")
    with open(unfinished, "wb") as file:
        write(file)
    os.replace(unfinished, path)


def _progress(batches, photos, what):
    """The batches, with a bar that counts photos on a terminal."""
    from tqdm import tqdm

    with tqdm(total=photos, desc=what, unit="photo", disable=None) as bar:
        for batch in batches:
            yield batch
            bar.update(len(batch[0]))
