"""The verb `export`: a run folder -> a SavedModel for TensorFlow Serving, or one file for LiteRT or ONNX Runtime."""

import importlib.util
import io
import json
import logging
import pathlib
import shutil
import sys
import zipfile

from tfcolor.command import Parser, real, verb, whole
from tfcolor.photo.label_maps import NO_LABEL
from tfcolor.quiet import import_tensorflow

KNOBS = ("temperature", "vividness", "saturation", "fade", "quantile")  # of all heads; a model has some of them
WARMUP = "assets.extra/tf_serving_warmup_requests"  # where TensorFlow Serving looks for it


@verb("export")
def main(argv):
    """Runs `tfcolor export`; returns the exit code."""
    options = _parser().parse_args(argv)
    knobs = {name: getattr(options, name) for name in KNOBS}
    choices = {name: getattr(options, name) for name in ("size", "weights", "views", "task")}
    choices["knobs"] = {k: v for k, v in knobs.items() if v is not None}
    if options.format != "saved_model":
        if options.segmenter:
            raise ValueError(f"--segmenter: a file for {options.format} holds one network; leave it out")
        print(convert(options.model, options.output, options.format, **choices))
        return 0
    import_tensorflow()
    folder = export(options.model, options.output, litert=options.litert, segmenter=options.segmenter, **choices)
    print(f"{folder}. Next: tfcolor colorize PHOTO -o OUT.png --model {options.output}")
    return 0


def export(workdir, output, knobs=None, size=None, weights=None, views=None, task=None, litert=False, segmenter=None):
    """Writes the next version of a model.

    Args:
        workdir: a training's run folder.
        output: folder of the model, such as saved_models/NAME; the version is the next integer in it.
        knobs: {knob: default} of the decoding, where they differ from the head's own.
        size: sqrt(h * w) of what the network sees; None: the recipe's.
        weights: file in the run folder; None: the best on validation, else the last.
        views: scales at which the network looks at a photo too (`tfcolor.views`); None: the recipe's.
        task: one whose heads are among the run's, to leave out what only guided it (`trainer.of_task`); None: its own.
        litert: put the network and its decoding for LiteRT beside it, with which `tfcolor colorize` starts in a
            fraction of the time; 2.5 times the size, twice with a segmenter.
        segmenter: run folder of a network that makes the label maps, for one that reads them: both go into the model.

    Returns:
        The folder written, output/VERSION; it is there whole or not at all.

    Raises:
        ValueError: a run that cannot be exported, or not with that segmenter.
    """
    import tensorflow as tf

    from tfcolor.colorizer import CARD, LITERT, functions_of, model_card
    from tfcolor.serving import ServingModule
    from tfcolor.trainer import load_run

    system = load_run(workdir, weights, task)
    first = load_run(segmenter) if segmenter else None
    module = ServingModule(system, size or system.recipe.serving_size, knobs, True, first, views)
    output = pathlib.Path(output)
    versions = [int(path.name) for path in output.glob("*") if path.name.isdigit()]
    version = max(versions, default=0) + 1
    unfinished = output / f".writing-{version}"
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        tf.saved_model.save(module, str(unfinished), signatures=module.signatures())
        card = model_card(module, output.name, version)
        (unfinished / CARD).parent.mkdir(exist_ok=True)
        (unfinished / CARD).write_text(json.dumps(card, indent=2) + "\n", "utf-8")
        if litert:
            for key, content in _in_litert(module, functions_of(card)).items():
                (unfinished / LITERT.format(key)).write_bytes(content)
        with tf.io.TFRecordWriter(str(unfinished / WARMUP)) as writer:
            for request in _warmup_requests(module, output.name):
                writer.write(request)
        if not (output / "README.md").exists():
            (output / "README.md").write_text(_readme(card, system.recipe, first and first.recipe), "utf-8")
        unfinished.rename(output / str(version))
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return output / str(version)


def _warmup_requests(module, name):
    """A `PredictionLog` for each signature, as bytes: TensorFlow Serving runs them before a version takes requests.

    The messages around TensorFlow's own TensorProto are few, so they are written here, field by field as numbered in
    TensorFlow Serving's apis/prediction_log.proto, predict.proto and model.proto, without a dependency on its package.
    """
    import tensorflow as tf

    def grey(*shape, dtype=tf.uint8):
        return tf.make_tensor_proto(128, dtype, [1, *shape])

    head, size = module.system.colour_head, module.size
    cells = -(-size // head.stride)
    photo, gray = grey(2 * size, 2 * size, 3), grey(size, size)  # one that is shrunk, as most photos are
    labels = tf.make_tensor_proto(NO_LABEL, tf.uint8, [1, size, size])
    file = tf.io.encode_jpeg(tf.make_ndarray(photo)[0]).numpy()
    output = grey(cells, cells, module.system.model.output[head.name].shape[-1], dtype=tf.float32)
    knobs = {knob: tf.make_tensor_proto(value, tf.float32) for knob, value in module.knobs.items()}
    requests = {
        "serving_default": {"image_bytes": tf.make_tensor_proto([file])},
        "colorize": {"image": photo},
        "predict": {"gray": gray},
        "decode": {"output": output, "gray": gray, **knobs},
    }
    if module.segments:
        requests["segment"] = {"image": photo}
    if module.segmenter:
        requests["segment_gray"] = {"gray": gray}
    if module.system.reads_labels:
        requests["colorize_with_map"] = {"image": photo, "labels": labels}
        requests["predict_with_map"] = {"gray": gray, "labels": labels}
    for signature, inputs in requests.items():
        request = _field(1, _field(1, name.encode()) + _field(3, signature.encode()))  # model_spec
        for key, tensor in inputs.items():
            request += _field(2, _field(1, key.encode()) + _field(2, tensor.SerializeToString()))  # inputs
        yield _field(6, _field(1, request))  # predict_log: request


def _field(number, content):
    """A field of a protocol buffer that holds bytes, text or a message: its tag, its length in groups of 7 bits, it."""
    start, length = [number << 3 | 2], len(content)
    while length > 127:
        start.append(length & 127 | 128)
        length >>= 7
    return bytes([*start, length]) + content


def convert(model, output, format, knobs=None, size=None, weights=None, views=None, task=None):
    """Writes a model as one file for another runtime: the network and its decoding.

    It takes gray uint8 [N, h, w], labels of the same size where the network reads them, and each knob, a float32
    scalar, and answers the heads' outputs and chroma float32 [N, h', w', 2], U and V. The model card goes with it: the
    file "tfcolor.json" in the zip archive at a LiteRT file's end, "tfcolor" in an ONNX file's metadata.

    Args:
        model: a run folder, a folder of SavedModels, or the name of a shipped model.
        output: the file to write; it is there whole or not at all.
        format: "litert" or "onnx".
        knobs, size, weights, views, task: as of `export`, for a run folder alone: a SavedModel has its own.

    Returns:
        The path written.

    Raises:
        ValueError: there is such a file, or no such model; it cannot be translated; tf2onnx is not installed.
    """
    from tfcolor.colorizer import find_model, functions_of, model_card, read_card

    output, folder = pathlib.Path(output), find_model(model)
    if output.exists():
        raise ValueError(f"{output} exists: remove it or name another file")
    if format == "onnx" and not importlib.util.find_spec("tf2onnx"):
        raise ValueError("onnx needs tf2onnx: pip install 'tfcolor[onnx]'")
    is_run = (folder / "recipe.json").is_file()
    if not is_run and (knobs or size or weights or views is not None or task is not None):
        raise ValueError(
            f"{model} is a SavedModel with its own knobs, size, views, task, weights; choose a run folder's"
        )
    import_tensorflow()
    import tensorflow as tf

    from tfcolor.litert import for_litert
    from tfcolor.serving import ServingModule
    from tfcolor.trainer import load_exported, load_run

    if is_run:
        system = load_run(folder, weights, task)
        module = ServingModule(system, size or system.recipe.serving_size, knobs, half=True, views=views)
        predict, decode, card = module.predict, module.decode, model_card(module, folder.name, 0)
    else:
        module = tf.saved_model.load(str(folder))
        card = read_card(folder)
        predict, decode = (module.signatures[key] for key in functions_of(card)[:2])
        system = load_exported(folder) if format == "litert" and "recipe" in card else None
    if format == "litert" and system:  # of a model by an older tfcolor only its own functions are there
        predict = ServingModule(for_litert(system), card["size"], half=True, views=card.get("views")).predict
    seen = ["gray", "labels"] if card.get("reads_labels") else ["gray"]

    def network(*values):
        inputs, knobs = dict(zip(seen, values, strict=False)), values[len(seen) :]
        outputs = predict(**inputs)
        knobs = dict(zip(card["knobs"], knobs, strict=True))
        return {**outputs, **decode(output=outputs[card["colour_head"]], gray=inputs["gray"], **knobs)}

    signature = [tf.TensorSpec([None, None, None], tf.uint8, name=name) for name in seen]
    signature += [tf.TensorSpec([], tf.float32, name=knob) for knob in card["knobs"]]
    to_bytes = {"litert": _litert, "onnx": _onnx}[format]
    content = to_bytes(tf.function(network, autograph=False), signature, json.dumps(card))
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(f".writing-{output.name}")
    try:
        unfinished.write_bytes(content)
        unfinished.rename(output)
    finally:
        unfinished.unlink(missing_ok=True)
    return output


def _litert(network, signature, card):
    from tfcolor.litert import to_litert

    content = io.BytesIO(to_litert(network.get_concrete_function(*signature)))
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("tfcolor.json", card)
    return content.getvalue()


# Of the two networks of a pair, so that they fit into 26 MB. Float16 moves colours by a tenth of a level, by up to 8 on
# a dark blue sky; int8 by up to 20, which is too much for colours and little to a choice of classes.
_WEIGHTS_OF_PAIRS = {"predict_with_map": "float16", "segment_gray": "int8"}


def _in_litert(module, names):
    """The named signatures of a `ServingModule` -> {name: LiteRT file as bytes}."""
    from tfcolor.litert import for_litert, to_litert
    from tfcolor.serving import ServingModule

    first = for_litert(module.segmenter) if module.segmenter else None
    twin = ServingModule(for_litert(module.system), module.size, dict(module.knobs), True, first, module.views)
    kept_as = _WEIGHTS_OF_PAIRS if first else {}
    return {
        name: to_litert(function, kept_as.get(name, "float32")) for name, function in twin.signatures(names).items()
    }


def _onnx(network, signature, card):
    import onnx
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    handlers = {"FloorDiv": (_floor_div, [])}
    model, _ = tf2onnx.convert.from_function(network, signature, opset=18, custom_op_handlers=handlers)
    try:
        onnx.checker.check_model(model)  # what tf2onnx cannot translate it leaves as it is
    except onnx.checker.ValidationError as error:
        from tfcolor.litert import UNTRANSLATED

        raise ValueError(UNTRANSLATED.format("ONNX")) from error
    model.metadata_props.add(key="tfcolor", value=card)
    return model.SerializeToString()


def _floor_div(context, node, name, _):
    """tf2onnx's handler of whole numbers' division, which its own rounds towards zero: (x - x mod y) / y."""
    x, y = node.input
    kind = {"dtypes": [context.get_dtype(node.output[0])], "shapes": [context.get_shape(node.output[0])]}
    context.remove_node(node.name)
    rest = context.make_node("Mod", [x, y], **kind).output[0]
    whole = context.make_node("Sub", [x, rest], **kind).output[0]
    context.make_node("Div", [whole, y], name=name, outputs=node.output, **kind)


def _readme(card, recipe, segmenter=None):
    """A model card to be filled in: what is known from the training, and from the segmenter's, stands in it."""
    knobs = ", ".join(f"{name} {value:g}" for name, value in card["knobs"].items())
    return f"""# {card["name"]}

| | |
|---|---|
| task | {recipe.task} |
| trained on | {recipe.data} |{_of_segmenter(segmenter)}
| encoder | {recipe.encoder} |
| crops while training | {recipe.size} px |
| the network sees photos at | sqrt(h * w) <= {card["size"]} px |
| decoding | {knobs} |
| segmentation classes | {", ".join(card["classes"] or ["none"])} |

Signatures: `saved_model_cli show --dir {card["version"]} --all`.

## Measured

Not yet: `tfcolor evaluate` prints the table that belongs here.

## What goes wrong

Not yet looked at.
"""


def _of_segmenter(recipe):
    if not recipe:
        return ""
    return f"""
| segmenter | task {recipe.task}, encoder {recipe.encoder}, crops of {recipe.size} px |
| its photos | {recipe.data} |"""


def _parser():
    parser = Parser("tfcolor export", description="Writes a SavedModel, or a file for LiteRT or ONNX Runtime.")
    parser.add_argument(
        "model", help="run folder of a training; for litert and onnx also a SavedModel or a shipped name"
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        help="folder of the model, such as saved_models/NAME; else a file, NAME.onnx",
    )
    parser.add_argument("--format", choices=("saved_model", "litert", "onnx"), default="saved_model")
    parser.add_argument(
        "--litert", action="store_true", help="beside a SavedModel, for `tfcolor colorize` to start fast"
    )
    parser.add_argument(
        "--segmenter", metavar="RUN", help="run folder of the network that makes the label maps which this one reads"
    )
    parser.add_argument("--size", type=whole(32), help="sqrt(h * w) of what the network sees (default: the recipe's)")
    parser.add_argument(
        "--weights", metavar="FILE", help="in the run folder, such as last.weights.h5 (default: the best)"
    )
    parser.add_argument(
        "--views",
        type=real(-2, 2),
        nargs="*",
        metavar="SCALE",
        help="look at a photo at these scales too and take the mean, such as 0.625; -1 is the mirrored photo; none: "
        "look once (default: the recipe's)",
    )
    parser.add_argument(
        "--task",
        help="leave out what only guided the training: a task with some of its heads, such as "
        "classification_rebalanced of semantic_guides (default: the recipe's)",
    )
    for knob in KNOBS:
        parser.add_argument(f"--{knob}", type=real(0), help="default of the decoding")
    return parser


if __name__ == "__main__":
    sys.exit(main())
