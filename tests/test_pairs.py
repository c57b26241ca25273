"""A colouriser that reads label maps, and its segmenter: in memory, in one SavedModel, in LiteRT, in the editor."""

import io
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from skimage.transform import resize

from tfcolor import colorize, export
from tfcolor.app.desk import Desk
from tfcolor.colorizer import CARD, Colorizer
from tfcolor.data.labels import NAMES, PALETTE
from tfcolor.photo.label_maps import write_label_map
from tfcolor.project import Edits
from tfcolor.trainer import load_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pair(stirred_pair):
    return Colorizer.load(str(stirred_pair), "tensorflow")


@pytest.fixture(scope="module")
def alone(label_runs):
    return Colorizer.from_run(label_runs[0])


@pytest.fixture(scope="module")
def gray():
    """Two photos of soft shapes, 45 x 62: no multiple of anything."""
    rows, columns = np.mgrid[0:45, 0:62]
    waves = [128 + 100 * np.sin(rows / 9 + k) * np.cos(columns / (7 + 5 * k)) for k in (0, 1)]
    return np.stack(waves).astype("uint8")


def test_both_networks_are_those_of_their_runs(label_runs, pair, gray):
    colour, segmenter = map(load_run, label_runs)
    unit = gray[..., None] / np.float32(255)
    scores = np.asarray(segmenter.outputs(unit)["segmentation"])
    labels = pair.segment(gray)
    assert labels.shape == gray.shape and labels.dtype == np.uint8 and len(np.unique(labels)) > 3
    cells = [resize(one, (48, 64), order=1, mode="edge")[:45, :62] for one in scores]  # scikit-image's bilinear
    assert (labels == np.argmax(cells, axis=-1)).mean() > 0.97  # kernels as float16
    expected = np.asarray(colour.outputs(unit, labels[..., None])["ab_bins"])
    found = pair.predict(gray, labels)["ab_bins"]
    np.testing.assert_allclose(found, expected, atol=0.02 * np.abs(expected).max())  # kernels as float16


def test_the_model_says_what_it_can(pair, alone, label_runs):
    assert pair.reads_labels and pair.segments and pair.classes == NAMES
    np.testing.assert_array_equal(pair.palette, PALETTE)
    assert alone.reads_labels and not alone.segments and alone.classes == NAMES
    segmenter = Colorizer.from_run(label_runs[1])
    assert segmenter.segments and not segmenter.reads_labels


def test_without_a_map_it_takes_its_own_and_without_a_segmenter_none(pair, alone, gray):
    own, nothing = pair.segment(gray), np.full_like(gray, 255)
    for model, same, other in ((pair, own, nothing), (alone, nothing, own)):
        found = model.predict(gray)["ab_bins"]
        np.testing.assert_array_equal(found, model.predict(gray, same)["ab_bins"])
        assert np.abs(found - model.predict(gray, other)["ab_bins"]).max() > 0.1
    with pytest.raises(ValueError, match="does not segment"):
        alone.segment(gray)


def test_a_map_of_another_size_is_taken_by_nearest(pair, gray):
    small = np.arange(6, dtype="uint8").reshape(1, 2, 3)
    large = np.zeros((1, 45, 62), "uint8")
    for row in range(45):
        for column in range(62):
            large[0, row, column] = small[0, int((row + 0.5) * 2 / 45), int((column + 0.5) * 3 / 62)]
    one = gray[:1]
    np.testing.assert_array_equal(pair.predict(one, small)["ab_bins"], pair.predict(one, large)["ab_bins"])
    np.testing.assert_array_equal(pair.colorize(one[0], small[0]), pair.colorize(one[0], large[0]))
    assert (pair.colorize(one[0], small[0]) != pair.colorize(one[0], small[0] + 7)).any()


@pytest.mark.parametrize(
    "labels, said",
    [
        (np.full((45, 62), 44, "uint8"), "label 44; a map is uint8 .h, w. of 0 to 43, and 255"),
        (np.zeros((45, 62)), "labels of float64 .45, 62.; a map is uint8"),
        (np.zeros((3, 4, 5), "uint8"), "labels of uint8"),
    ],
)
def test_what_is_no_map_is_named(pair, gray, labels, said):
    with pytest.raises(ValueError, match=said):
        pair.colorize(gray[0], labels)


def test_a_model_that_reads_none_says_so(label_runs, gray):
    with pytest.raises(ValueError, match="reads no label map"):
        Colorizer.from_run(label_runs[1]).predict(gray, gray)


def test_litert_says_what_tensorflow_says(stirred_pair, pair, gray):
    pytest.importorskip("ai_edge_litert.interpreter", reason="the extra litert is not installed")
    light = Colorizer.load(str(stirred_pair), "litert")
    assert (light.segment(gray) == pair.segment(gray)).mean() > 0.97
    labels = pair.segment(gray)
    expected = pair.predict(gray, labels)["ab_bins"]
    found = light.predict(gray, labels)["ab_bins"]
    np.testing.assert_allclose(found, expected, atol=0.02 * np.abs(expected).max())
    coloured = light.colorize(gray[0], labels[0]).astype(int)
    assert np.abs(coloured - pair.colorize(gray[0], labels[0])).max() <= 3 and np.ptp(coloured, axis=-1).max() > 10


def test_signatures_are_the_same_model(stirred_pair, pair, gray):
    signatures = tf.saved_model.load(str(stirred_pair)).signatures
    photos = np.repeat(np.kron(gray, np.ones((1, 2, 2), "uint8"))[..., None], 3, axis=-1)  # shrunk to sqrt(h * w) = 64
    labels = signatures["segment"](image=photos)["segmentation"].numpy()
    assert labels.shape == photos.shape[:3] and labels.dtype == np.uint8
    assert len(np.unique(labels)) > 3
    own = signatures["colorize"](image=photos)["colorized"].numpy()
    # Its own map goes from 64 px to the photo's size and back, by nearest: the same.
    given = signatures["colorize_with_map"](image=photos, labels=labels)["colorized"].numpy()
    assert (np.abs(own.astype(int) - given) > 1).mean() < 0.02
    blank = np.full((2, 1, 1), 255, "uint8")
    nothing = signatures["colorize_with_map"](image=photos, labels=blank)["colorized"].numpy()
    assert np.abs(own.astype(int) - nothing).max() > 10
    for photo, answer in zip(photos, nothing, strict=True):
        expected = pair.colorize(photo, blank[0]).astype(int)
        assert np.abs(answer - expected).max() <= 3
    both = signatures["predict"](gray=gray)["ab_bins"].numpy()
    np.testing.assert_allclose(both, pair.predict(gray)["ab_bins"], atol=1e-4)
    files = [tf.io.encode_png(photo).numpy() for photo in photos]
    assert signatures["serving_default"](image_bytes=files)["colorized_bytes"].shape == (2,)


def test_the_card_has_names_and_colours(stirred_pair):
    card = json.loads((stirred_pair / CARD).read_text())
    assert card["classes"] == NAMES and card["palette"][0] == "#8fd0ff" and len(card["palette"]) == len(NAMES)
    assert (card["reads_labels"], card["segments"], card["segmentation_head"]) == (True, True, None)
    assert "| segmenter | task segmentation" in (stirred_pair.parent / "README.md").read_text()


def test_each_network_stands_once_in_the_file(stirred_pair):
    """However many signatures call it, as its variables do."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved = SavedModel.FromString((stirred_pair / "saved_model.pb").read_bytes())
    functions = saved.meta_graphs[0].graph_def.library.function
    deep = [sum(node.op == "DepthwiseConv2dNative" for node in function.node_def) for function in functions]
    assert len([count for count in deep if count > 2]) == 2


def test_a_pair_that_does_not_fit_is_named(label_runs, run_folder, tmp_path):
    colour, segmenter = label_runs
    for runs, said in (
        ((segmenter, colour), "segmentation does not colour"),
        ((run_folder, segmenter), "task multitask reads no label maps"),
        ((colour, colour), "task semantic_photos does not segment"),
        ((colour, run_folder), "the segmenter finds background, disk.*train both on the same labels"),
    ):
        with pytest.raises(ValueError, match=said):
            export.export(runs[0], tmp_path / "m", segmenter=runs[1])
    with pytest.raises(ValueError, match="leave it out"):
        export.main([str(colour), "-o", str(tmp_path / "m.onnx"), "--format", "onnx", "--segmenter", "x", "--debug"])


def test_one_file_takes_gray_and_labels(stirred_pair, pair, gray, tmp_path):
    file = export.convert(str(stirred_pair), tmp_path / "m.tflite", "litert")
    run = tf.lite.Interpreter(str(file)).get_signature_runner()
    labels = pair.segment(gray)
    knobs = {name: np.array(value, "float32") for name, value in pair.knobs.items()}
    answer = run(gray=gray, labels=labels, **knobs)
    np.testing.assert_allclose(answer["chroma"], pair.chroma(gray, labels), atol=1e-3)


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def test_the_editor_starts_from_the_models_map_and_obeys_the_persons(pair, alone, gray, tmp_path):
    desk = Desk(pair)
    _, one = desk.put(png(gray[0]))
    np.testing.assert_array_equal(one.labels, pair.segment(one.small[None])[0])
    as_it_is = desk.color(one, Edits(one.labels))
    np.testing.assert_array_equal(as_it_is, pair.chroma(one.small))
    edited = Edits(np.where(np.arange(62) < 30, np.uint8(NAMES.index("grass")), one.labels))
    assert np.abs(desk.color(one, edited) - as_it_is).max() > 0.01
    result = desk.result(one, desk.project(one, edited))
    pixels = np.asarray(Image.open(io.BytesIO(result.data)))
    assert np.abs(pixels.astype(int) - pair.colorize(gray[0], edited.labels)).max() <= 1
    _, blank = Desk(alone).put(png(gray[0]))
    assert (blank.labels == 255).all()


def test_the_command_takes_the_map_that_the_editor_exports(stirred_pair, pair, gray, tmp_path, capsys):
    (tmp_path / "photo.png").write_bytes(png(gray[0]))
    labels = np.where(np.arange(62) < 30, np.uint8(NAMES.index("grass")), np.uint8(NAMES.index("sky")))
    labels = np.tile(labels, (45, 1))
    (tmp_path / "map.png").write_bytes(write_label_map(np.kron(labels, np.ones((2, 2), "uint8")), NAMES, PALETTE))
    command = [str(tmp_path / "photo.png"), "--model", str(stirred_pair), "--map", str(tmp_path / "map.png"), "-o"]
    assert colorize.main([*command, str(tmp_path / "out.png"), "--debug"]) == 0
    found = np.asarray(Image.open(tmp_path / "out.png")).astype(int)
    light = Colorizer.load(str(stirred_pair))
    assert np.abs(found - light.colorize(gray[0], labels)).max() <= 1
    assert np.abs(found - light.colorize(gray[0])).max() > 5
    assert colorize.main([*command, str(tmp_path / "out"), "--samples", "2"]) == 0
    assert (np.asarray(Image.open(tmp_path / "out" / "photo-1.png")) != found).any()

    (tmp_path / "map.png").write_bytes(write_label_map(labels[:20], NAMES, PALETTE))
    assert colorize.main([*command, str(tmp_path / "no.png")]) == 1
    assert "a label map of 62 x 20 pixels for a photo of 62 x 45" in capsys.readouterr().err
    assert colorize.main([str(tmp_path / "photo.png"), *command, str(tmp_path / "no")]) == 2
    assert "it is of one photo" in capsys.readouterr().err
