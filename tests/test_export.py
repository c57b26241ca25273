"""The SavedModel: every signature, in a fresh process without Keras, through saved_model_cli, equal to the model.

Then the files for LiteRT and ONNX Runtime, equal to the SavedModel.
"""

import dataclasses
import io
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from tfcolor import export
from tfcolor.colorizer import CARD, Colorizer, read_card
from tfcolor.trainer import Trainer, load_exported, load_run


@pytest.fixture(scope="module")
def photos():
    return np.random.default_rng(0).integers(0, 256, (2, 45, 70, 3)).astype("uint8")


def test_versions_count_up_and_the_card_is_there(run_folder, stirred_model, tmp_path):
    assert stirred_model[1].name == "1"
    (tmp_path / "m" / "9").mkdir(parents=True)
    (tmp_path / "m" / "notes").mkdir()
    assert export.export(run_folder, tmp_path / "m").name == "10"
    assert "multitask" in (tmp_path / "m" / "README.md").read_text()
    card = json.loads((tmp_path / "m" / "10" / CARD).read_text())
    assert card["classes"] and card["version"] == "10" and card["knobs"] == {"saturation": 1.0}


@pytest.mark.slow
def test_a_training_starts_from_an_exported_model(stirred_model, tmp_path):
    """Its weights, rounded to float16; a model of an older tfcolor, without its recipe, is refused in words."""
    run, model = stirred_model
    system = load_run(run)
    recipe = dataclasses.replace(system.recipe, start=str(model.parent), seed=7)
    started = Trainer(recipe, 1, classes=system.classes).system.model
    for variable, expected in zip(started.variables, system.model.variables, strict=True):
        np.testing.assert_allclose(variable, expected, rtol=1e-3, atol=1e-6, err_msg=variable.path)
    old = tmp_path / "old" / "1"
    shutil.copytree(model, old)
    card = json.loads((old / CARD).read_text())
    (old / CARD).write_text(json.dumps({key: value for key, value in card.items() if key != "recipe"}))
    with pytest.raises(ValueError, match="exported without its recipe"):
        Trainer(dataclasses.replace(recipe, start=str(old)), 1, classes=system.classes)


def test_a_task_with_fewer_heads_leaves_out_what_guided_the_training(stirred_model, photos, tmp_path):
    """Exported as one that only colours: no outline, and the very same colours."""
    run, model = stirred_model
    assert export.main([str(run), "-o", str(tmp_path / "m"), "--task", "yuv"]) == 0
    whole, part = Colorizer.load(str(model)), Colorizer.load(str(tmp_path / "m"))
    gray = photos[..., 0]
    assert read_card(tmp_path / "m" / "1")["task"] == "yuv" and not part.segments and whole.segments
    assert list(part.predict(gray)) == ["regression"]
    np.testing.assert_allclose(part.chroma(gray), whole.chroma(gray), atol=1e-4)
    loaded = load_exported(tmp_path / "m" / "1")  # its card says how to build it again
    assert [head.name for head in loaded.heads] == ["regression"]


def test_signatures_equal_the_model_in_memory(stirred_model, photos):
    run, model = stirred_model
    loaded = tf.saved_model.load(str(model))
    gray = photos[..., 0]
    memory = Colorizer.from_run(run)
    saved = Colorizer.load(str(model))
    assert (saved.segment(gray) == memory.segment(gray)).mean() > 0.999  # a tie may fall otherwise
    # Kernels are stored as float16: the numbers stay within a fraction of a level of 255.
    for name, value in memory.predict(gray).items():
        np.testing.assert_allclose(saved.predict(gray)[name], value, atol=2e-3 * np.abs(value).max())
    np.testing.assert_allclose(saved.chroma(gray, saturation=0.5), memory.chroma(gray) * 0.5, atol=0.2 / 255)
    colorized = loaded.signatures["colorize"](image=tf.constant(photos))["colorized"].numpy()
    assert colorized.shape == photos.shape and colorized.dtype == np.uint8
    luma = np.array([0.299, 0.587, 0.114])
    assert np.abs(colorized @ luma - photos @ luma).max() <= 1.0  # the photo's own Y
    for photo, answer in zip(photos, colorized, strict=True):
        expected = memory.colorize(photo).astype(int)
        assert np.ptp(expected, axis=-1).max() > 20  # there is colour to compare
        # The photo's Y is rounded before the merge in memory and not in the graph: a level of Y, the gamut's edge.
        assert np.abs(answer - expected).max() <= 3 and np.abs(answer - expected).mean() < 0.7
    segmentation = loaded.signatures["segment"](image=tf.constant(photos))["segmentation"].numpy()
    luma_gray = np.rint(photos @ luma).astype("uint8")
    assert segmentation.shape == photos.shape[:3] and len(np.unique(segmentation)) > 1
    assert (segmentation == memory.segment(luma_gray)).mean() > 0.97


def test_bytes_in_bytes_out_at_original_sizes(stirred_model, photos):
    loaded = tf.saved_model.load(str(stirred_model[1]))
    files = [tf.io.encode_png(photos[0]), tf.io.encode_jpeg(photos[1][:31, :17])]
    answer = loaded.signatures["serving_default"](image_bytes=tf.stack(files))["colorized_bytes"].numpy()
    assert [tf.io.decode_jpeg(a).shape.as_list() for a in answer] == [[45, 70, 3], [31, 17, 3]]
    expected = Colorizer.from_run(stirred_model[0]).colorize(photos[0]).astype(int)
    assert np.ptp(expected, axis=-1).max() > 20  # there is colour to compare
    assert np.abs(np.asarray(tf.io.decode_jpeg(answer[0])) - expected).mean() < 4  # of 255, and it is a JPEG


def written(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def drawn():
    """A photo without symmetry, and coarse enough to know its corners by."""
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (3, 5), dtype="uint8")).resize((48, 32))


@pytest.fixture(scope="module")
def serving_default(stirred_model):
    """The signature as TensorFlow Serving runs it: a session on the SavedModel's graph."""
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(stirred_model[1]))
    signature = loaded.signature_def["serving_default"]
    names = signature.outputs["colorized_bytes"].name, signature.inputs["image_bytes"].name
    yield lambda files: session.run(names[0], {names[1]: files})
    session.close()


@pytest.mark.parametrize("order", "<>")
def test_photos_come_out_upright(serving_default, drawn, order):
    files = []
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif.endian = order
        exif.update({0x010F: "a maker's name", 0x0112: orientation, 0x0132: "2001:01:01 00:00:00"})
        files.append(written(drawn, "JPEG", quality=95, exif=exif))
    for file, answer in zip(files, serving_default(files), strict=True):
        upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(file))), int)
        gray = np.asarray(Image.open(io.BytesIO(answer)).convert("L"), int)
        assert gray.shape == upright.shape and np.abs(gray - upright).mean() < 1.5


def test_exif_that_leads_nowhere_turns_nothing(serving_default, drawn):
    exif = Image.Exif()
    exif[0x0112] = 6
    file = bytearray(written(drawn, "JPEG", exif=exif))
    place = file.index(b"Exif\0\0") + 6

    def changed(at, content):
        return bytes(file[: place + at] + content + file[place + at + len(content) :])

    files = [
        bytes(file),
        changed(8, b"\xff\xff"),  # more entries than the file has
        b"\xff\xd8" + b"\xff\xe0\0\2" * 500 + bytes(file[2:]),  # more segments than are looked through
        changed(4, b"\xff" * 4),  # the entries far behind the file's end
        changed(18, b"\x09\x09"),  # no such orientation
    ]
    sizes = [Image.open(io.BytesIO(answer)).size for answer in serving_default(files)]
    assert sizes == [(32, 48), (32, 48), (48, 32), (48, 32), (48, 32)]


def test_an_error_says_which_file_it_was(serving_default, drawn):
    jpeg, png, bmp = (written(drawn, kind) for kind in ("JPEG", "PNG", "BMP"))
    assert len(serving_default([jpeg, png, bmp])) == 3
    bad = {
        "is no JPEG, PNG or BMP": [
            b"",
            b"hello",
            written(drawn, "GIF"),
            written(drawn, "WEBP"),
            b"BM",
            b"\xff\xd8\xff",
        ],
        "is damaged or cut short": [jpeg[: len(jpeg) // 2], png[:60], bmp[:60], png[:60] + b"\0\0\0\0" + png[64:]],
        "has 3600000000 pixels": [png[:16] + struct.pack(">II", 60000, 60000) + png[24:]],
        "has 1600000000 pixels": [bmp[:18] + struct.pack("<ii", 40000, -40000) + bmp[26:]],
    }
    for words, files in bad.items():
        for file in files:
            with pytest.raises(tf.errors.InvalidArgumentError, match=rf"image_bytes\[2\] .*{words}"):
                serving_default([jpeg, png, file, jpeg])


def fields(message):
    """A protocol buffer with fields of bytes alone -> [(number, content)]."""
    found, at = [], 0
    while at < len(message):
        number, kind = message[at] >> 3, message[at] & 7
        length = shift = 0
        while True:
            at += 1
            length |= (message[at] & 127) << shift
            shift += 7
            if message[at] < 128:
                break
        assert kind == 2 and at + 1 + length <= len(message)
        found.append((number, message[at + 1 : at + 1 + length]))
        at += 1 + length
    return found


@pytest.fixture(scope="module")
def loaded(stirred_model):
    """The SavedModel as TensorFlow alone loads it."""
    return tf.saved_model.load(str(stirred_model[1]))


def test_warm_up_requests_run_every_signature(stirred_model, loaded):
    signatures = loaded.signatures
    tensor_proto = type(tf.make_tensor_proto(0))
    seen = []
    for record in tf.data.TFRecordDataset(str(stirred_model[1] / export.WARMUP)).as_numpy_iterator():
        ((predict_log, log),) = fields(record)
        ((request, content),) = fields(log)
        (model_spec, spec), *inputs = fields(content)
        assert (predict_log, request, model_spec, {number for number, _ in inputs}) == (6, 1, 1, {2})
        spec = dict(fields(spec))
        assert spec[1] == b"model"
        values = {}
        for _, entry in inputs:
            entry = dict(fields(entry))
            values[entry[1].decode()] = tf.constant(tf.make_ndarray(tensor_proto.FromString(entry[2])))
        assert all(np.size(value) for value in signatures[spec[3].decode()](**values).values())
        seen.append(spec[3].decode())
    assert sorted(seen) == sorted(signatures)
    assert (stirred_model[1] / export.WARMUP).stat().st_size < 20_000


def test_warm_up_requests_are_tensorflow_servings(stirred_model, loaded):
    messages = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2", reason="no tensorflow-serving-api")
    for record in tf.data.TFRecordDataset(str(stirred_model[1] / export.WARMUP)).as_numpy_iterator():
        request = messages.PredictionLog.FromString(record).predict_log.request
        function = loaded.signatures[request.model_spec.signature_name]
        assert request.model_spec.name == "model"
        assert set(request.inputs) == set(function.structured_input_signature[1])
        function(**{key: tf.constant(tf.make_ndarray(value)) for key, value in request.inputs.items()})


@pytest.fixture(scope="module")
def litert(stirred_model, tmp_path_factory):
    """The SavedModel for LiteRT: its function, its card, the file."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        Interpreter = tf.lite.Interpreter
    file = tmp_path_factory.mktemp("litert") / "model.tflite"
    assert export.main([str(stirred_model[1]), "-o", str(file), "--format", "litert"]) == 0
    run = Interpreter(str(file)).get_signature_runner()
    with zipfile.ZipFile(file) as archive:
        card = json.loads(archive.read("tfcolor.json"))
    return lambda gray, saturation: run(gray=gray, saturation=saturation), card, file


@pytest.fixture(scope="module")
def onnx(stirred_model, tmp_path_factory):
    """The run folder for ONNX Runtime: its function, its card, the file."""
    pytest.importorskip("tf2onnx", reason="pip install 'tfcolor[onnx]'")
    runtime = pytest.importorskip("onnxruntime", reason="pip install 'tfcolor[onnx]'")
    file = tmp_path_factory.mktemp("onnx") / "new" / "model.onnx"
    assert export.convert(stirred_model[0], file, "onnx", size=64) == file
    assert [path.name for path in file.parent.iterdir()] == ["model.onnx"]
    session = runtime.InferenceSession(file)
    names = [output.name for output in session.get_outputs()]

    def run(gray, saturation):
        return dict(zip(names, session.run(names, {"gray": gray, "saturation": saturation}), strict=True))

    return run, json.loads(session.get_modelmeta().custom_metadata_map["tfcolor"]), file


@pytest.mark.parametrize("runtime, size", [("litert", 256), ("onnx", 64)])
def test_other_runtimes_answer_as_the_saved_model(stirred_model, request, runtime, size):
    run, card, _ = request.getfixturevalue(runtime)
    saved = Colorizer.load(str(stirred_model[1]))
    for shape in [(1, 45, 70), (1, 64, 32), (2, 33, 31)]:  # with and without padding, at every step another
        gray = np.random.default_rng(0).integers(0, 256, shape).astype("uint8")
        wanted = saved.predict(gray) | {"chroma": saved.chroma(gray, saturation=0.5)}
        answer = run(gray, np.array(0.5, "float32"))
        assert set(answer) == set(wanted)
        for name, value in wanted.items():
            np.testing.assert_allclose(answer[name], value, atol=1e-5 * np.abs(value).max(), err_msg=name)
    assert card["size"] == size and card["knobs"] == saved.knobs and card["classes"] == saved.classes


@pytest.mark.slow
def test_a_model_of_an_older_tfcolor_is_translated_as_it_is(stirred_model, litert, tmp_path):
    """Its card has no recipe, so nothing can be rebuilt; its own functions answer the same, and slower."""
    old = shutil.copytree(stirred_model[1], tmp_path / "old" / "1")
    card = json.loads((old / CARD).read_text())
    (old / CARD).write_text(json.dumps({key: value for key, value in card.items() if key != "recipe"}))
    file = export.convert(str(old), tmp_path / "old.tflite", "litert")
    gray = np.random.default_rng(0).integers(0, 256, (1, 45, 70)).astype("uint8")
    interpreter = tf.lite.Interpreter(str(file)).get_signature_runner()
    answer, wanted = interpreter(gray=gray, saturation=np.float32(1)), litert[0](gray, np.float32(1))
    np.testing.assert_allclose(answer["chroma"], wanted["chroma"], atol=1e-5)


@pytest.mark.parametrize(
    "runtime, module, name", [("litert", "ai_edge_litert", "pets.tflite"), ("onnx", "onnxruntime", "pets.onnx")]
)
def test_code_of_the_page_colours(stirred_model, request, drawn, runtime, module, name, tmp_path, monkeypatch):
    pytest.importorskip(module, reason=f"pip install 'tfcolor[{runtime}]'")
    shutil.copy(request.getfixturevalue(runtime)[2], tmp_path / name)
    drawn.save(tmp_path / "old.jpg")
    monkeypatch.chdir(tmp_path)
    page = (pathlib.Path(__file__).parents[1] / "docs" / "how-to" / "serving.md").read_text("utf-8")
    (code,) = [code for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if module in code]
    exec(compile(code, "serving.md", "exec"), {})
    wanted = Colorizer.load(str(stirred_model[1])).colorize(np.asarray(Image.open("old.jpg").convert("L")))
    assert np.abs(np.asarray(Image.open("coloured.png"), int) - wanted).max() <= 1


def test_mistakes_in_a_conversion_are_named(stirred_model, tmp_path, monkeypatch):
    run, model = stirred_model
    file = tmp_path / "model.onnx"
    monkeypatch.setattr(export.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'tfcolor\[onnx\]'"):
        export.convert(run, file, "onnx")
    with pytest.raises(ValueError, match="a SavedModel with its own"):
        export.convert(model, file, "litert", size=64)
    with pytest.raises(ValueError, match="no model 'nothing'"):
        export.convert("nothing", file, "litert")
    file.write_bytes(b"mine")
    with pytest.raises(ValueError, match="exists"):
        export.convert(run, file, "litert")
    assert file.read_bytes() == b"mine" and [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


@pytest.mark.slow
def test_fresh_process_without_keras(stirred_model, photos, tmp_path):
    np.save(tmp_path / "photos.npy", photos)
    code = (
        "import sys; sys.modules['keras'] = None; import numpy as np, tensorflow as tf\n"
        f"model = tf.saved_model.load({str(stirred_model[1])!r})\n"
        f"photos = np.load({str(tmp_path / 'photos.npy')!r})\n"
        f"np.save({str(tmp_path / 'out.npy')!r}, model.signatures['colorize'](image=tf.constant(photos))['colorized'])"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=tmp_path)
    here = tf.saved_model.load(str(stirred_model[1])).signatures["colorize"](image=tf.constant(photos))["colorized"]
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), here.numpy())


@pytest.mark.slow
@pytest.mark.parametrize("signature", ["serving_default", "colorize", "segment", "predict", "decode"])
def test_saved_model_cli_runs_every_signature(stirred_model, photos, tmp_path, signature):
    every = {
        "serving_default": {"image_bytes": np.array([tf.io.encode_png(photos[0]).numpy()])},
        "colorize": {"image": photos},
        "segment": {"image": photos},
        "predict": {"gray": photos[..., 0]},
        "decode": {"output": np.zeros((2, 45, 70, 2), "float32"), "gray": photos[..., 0], "saturation": np.float32(1)},
    }
    assert set(tf.saved_model.load(str(stirred_model[1])).signatures) == set(every)
    inputs = every[signature]
    command = [pathlib.Path(sys.executable).with_name("saved_model_cli"), "run", "--dir", stirred_model[1]]
    command += ["--tag_set", "serve", "--signature_def", signature, "--outdir", tmp_path, "--inputs"]
    files = []
    for name, value in inputs.items():
        np.save(tmp_path / f"{name}.npy", value)
        files.append(f"{name}={tmp_path / name}.npy")
    done = subprocess.run([*map(str, command), ";".join(files)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert list(tmp_path.glob("*.npy"))


def test_an_interrupted_export_leaves_nothing(run_folder, tmp_path, monkeypatch):
    def broken(module, folder, **options):
        pathlib.Path(folder).mkdir(parents=True)
        (pathlib.Path(folder) / "saved_model.pb").write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(tf.saved_model, "save", broken)
    with pytest.raises(OSError, match="disk full"):
        export.export(run_folder, tmp_path / "m")
    assert not list((tmp_path / "m").glob("*"))


def test_mistakes_are_named(run_folder, tmp_path, capsys):
    with pytest.raises(ValueError, match="no run folder"):
        export.export(tmp_path, tmp_path / "m")
    with pytest.raises(ValueError, match="no knob"):
        export.export(run_folder, tmp_path / "m", {"temperature": 0.5})
    with pytest.raises(ValueError, match="saturation nan: a number from 0 to 100"):
        export.export(run_folder, tmp_path / "m", {"saturation": float("nan")})
    for task in ("classification", "segmentation_", "semantic_photos", ""):
        assert export.main([str(run_folder), "-o", str(tmp_path / "m"), "--task", task]) == 2
        assert "yuv, multitask" in capsys.readouterr().err  # those that fit, or all that there are
    for knob in ("fade", "quantile"):
        assert export.main([str(run_folder), "-o", str(tmp_path / "m"), f"--{knob}", "0.5"]) == 2
        assert f"{knob!r} is no knob of this model" in capsys.readouterr().err
    assert not (tmp_path / "m").exists() or not list((tmp_path / "m").glob("*"))
