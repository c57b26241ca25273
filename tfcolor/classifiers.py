"""Frozen classifiers that judge colourings: a Keras application, a `.keras` or `.h5` file, or a `.tflite` file.

A colouring helps to recognise things if a network that never saw it names more photos right than it does in gray.
"""

import pathlib
import types
import warnings

import numpy as np
from PIL import Image


def open_classifier(spec, labels=None):
    """Opens a classifier.

    Args:
        spec: a Keras application such as "ResNet50" (with its ImageNet weights, input scaled as it was trained), a
            `.keras` or `.h5` file (given RGB as floats in 0-255: its own scaling is part of it), or a `.tflite` file
            (given bytes; one that takes floats is given RGB in [-1, 1]).
        labels: file of the names of its answers, one a line; a `.tflite` file needs it. Where the first is
            "background", that answer is never given and the next is class 0.

    Returns:
        (classify, classes): `classify` takes uint8 [n, H, W, 3], resizes to the network's own size (bilinear,
        antialiased), and gives the likeliest class of each, int [n]; `classes` is how many there are.

    Raises:
        ValueError: no such classifier, or labels that are not its own.
    """
    names = None if labels is None else pathlib.Path(labels).read_text("utf-8").splitlines()
    if spec.endswith(".tflite"):
        if names is None:
            raise ValueError(f"classifier {spec}: a TFLite file does not name its classes: give its list with --labels")
        scores, answers, side = _tflite(_existing(spec))
    elif spec.endswith((".keras", ".h5")):
        scores, answers, side = _keras_file(_existing(spec))
    else:
        scores, answers, side = _keras_application(spec)
    if names is not None and len(names) != answers:
        raise ValueError(f"{labels} has {len(names)} names, classifier {spec} {answers} answers: give its own list")
    first = int(names is not None and names[0].strip().lower() == "background")

    def classify(photos):
        small = [Image.fromarray(photo).resize((side, side), Image.Resampling.BILINEAR) for photo in photos]
        return scores(np.stack(small))[:, first:].argmax(axis=-1)

    return classify, answers - first


# Each of these gives: a function uint8 [n, side, side, 3] -> scores [n, answers]; answers; side.


def _tflite(path):
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        import tensorflow as tf

        Interpreter = tf.lite.Interpreter  # announced to move to ai_edge_litert, in a warning at every start

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            interpreter = Interpreter(path)
        except ValueError as error:
            raise ValueError(f"classifier {path}: not a TFLite file ({error})") from error
    interpreter.allocate_tensors()
    entry, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

    def scores_of(photo):
        if entry["dtype"] != np.uint8:
            photo = (photo / 127.5 - 1.0).astype(entry["dtype"])
        interpreter.set_tensor(entry["index"], photo[None])
        interpreter.invoke()
        return interpreter.get_tensor(answer["index"]).ravel()

    side = int(entry["shape"][1])
    answers = scores_of(np.zeros((side, side, 3), "uint8")).size
    return lambda photos: np.stack([scores_of(photo) for photo in photos]), answers, side


def _keras_file(path):
    import keras

    model = keras.models.load_model(path, compile=False)
    return lambda photos: _run(model, photos.astype("float32")), model.output_shape[-1], model.input_shape[1] or 224


def _keras_application(name):
    import keras

    families = [value for value in vars(keras.applications).values() if hasattr(value, "preprocess_input")]
    family = next(
        (f for f in families if name[:1].isupper() and isinstance(vars(f).get(name), types.FunctionType)), None
    )
    if family is None:
        raise ValueError(
            f"classifier {name!r}: neither a Keras application (ResNet50, MobileNetV2 ...) nor a .keras, .h5 or "
            ".tflite file"
        )
    try:
        model = vars(family)[name](weights="imagenet")
    except Exception as error:  # whatever a download that fails raises
        raise ValueError(
            f"classifier {name}: its ImageNet weights are not here and cannot be had ({error}): give a file"
        ) from error
    return lambda photos: _run(model, family.preprocess_input(photos.astype("float32"))), 1000, model.input_shape[1]


def _run(model, inputs):
    from keras import ops

    return ops.convert_to_numpy(model(inputs, training=False))


def _existing(path):
    if not pathlib.Path(path).is_file():
        raise ValueError(f"classifier {path}: no such file")
    return path
