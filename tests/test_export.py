"""The SavedModel: every signature, in a fresh process without Keras, through saved_model_cli, equal to the model."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfcolor import export
from tfcolor.colorizer import CARD, Colorizer


@pytest.fixture(scope="module")
def photos():
    return np.random.default_rng(0).integers(0, 256, (2, 45, 70, 3)).astype("uint8")


def test_versions_count_up_and_the_card_is_there(run_folder, tmp_path):
    for number in (1, 2):
        assert export.export(run_folder, tmp_path / "m").name == str(number)
    assert "multitask" in (tmp_path / "m" / "README.md").read_text()
    card = json.loads((tmp_path / "m" / "2" / CARD).read_text())
    assert card["classes"] and card["version"] == "2" and card["knobs"] == {"saturation": 1.0}


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


@pytest.mark.parametrize("signature", ["serving_default", "colorize", "segment", "predict", "decode"])
def test_saved_model_cli_runs_every_signature(stirred_model, photos, tmp_path, signature):
    inputs = {
        "serving_default": {"image_bytes": np.array([tf.io.encode_png(photos[0]).numpy()])},
        "colorize": {"image": photos},
        "segment": {"image": photos},
        "predict": {"gray": photos[..., 0]},
        "decode": {"output": np.zeros((2, 45, 70, 2), "float32"), "gray": photos[..., 0], "saturation": np.float32(1)},
    }[signature]
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


def test_mistakes_are_named(run_folder, tmp_path):
    with pytest.raises(ValueError, match="no run folder"):
        export.export(tmp_path, tmp_path / "m")
    with pytest.raises(ValueError, match="no knob"):
        export.export(run_folder, tmp_path / "m", {"temperature": 0.5})
    assert not (tmp_path / "m").exists() or not list((tmp_path / "m").glob("*"))
