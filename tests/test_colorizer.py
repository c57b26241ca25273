"""The colouriser in memory: full size, the photo's own lightness, and what it refuses."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from tfcolor.colorizer import DEFAULT_MODEL, Colorizer, _card, find_model, shipped_models
from tfcolor.recipe import Recipe
from tfcolor.tasks import System


@pytest.fixture(scope="module")
def colorizer(stirred_model):
    return Colorizer.load(str(stirred_model[1].parent))


@pytest.mark.parametrize("shape", [(300, 451), (300, 451, 3), (1, 1), (1, 900, 3), (513, 700)])
def test_full_size_and_own_lightness(colorizer, shape):
    photo = np.random.default_rng(0).integers(0, 256, shape).astype("uint8")
    gray = photo if photo.ndim == 2 else np.rint(photo @ np.array([0.299, 0.587, 0.114]))
    colored = colorizer.colorize(photo)
    assert colored.shape == (*shape[:2], 3) and colored.dtype == np.uint8
    assert np.abs(colored @ np.array([0.299, 0.587, 0.114]) - gray).max() <= 1.0
    assert np.ptp(colored.astype(int), axis=-1).max() > 5 or gray.size == 1  # and colour was added


def test_colour_given_is_not_seen(colorizer):
    """Two photos of the same luma and other colours: the same answer, to the bit."""
    rng = np.random.default_rng(0)
    colourful = rng.integers(60, 180, (64, 64, 3)).astype("uint8")
    gray = np.rint(colourful @ np.array([0.299, 0.587, 0.114])).astype("uint8")
    assert np.ptp(colourful.astype(int), axis=-1).max() > 50
    np.testing.assert_array_equal(colorizer.colorize(colourful), colorizer.colorize(gray))


def test_the_likeliest_scenes_are_named():
    logits = np.full((1, 365), -9.0, "float32")
    logits[0, [7, 2, 300]] = np.log([0.5, 0.25, 0.125])
    recipe = Recipe(task="class_reg_soft", encoder_options={"alpha": 0.35}, encoder_weights="none")
    names = ["attic", "bar", "cliff", "dam", "eye", "fen", "gym", "harbour"]
    card = _card(System(recipe, prior=np.full(313, 1 / 313), scenes=names), "guides", 1, 64, {})
    guides = Colorizer({"predict": lambda gray: {"scene": logits}}, card)
    (first, p), (second, q), *others = guides.scenes(np.zeros((100, 120), "uint8"))
    assert (first, second, len(others)) == ("harbour", "cliff", 3)  # of eight names: those beyond were never learnt
    assert p == pytest.approx(2 * q) and p + q == pytest.approx(1, abs=1e-2)
    nameless = Colorizer({"predict": lambda gray: {"scene": logits}}, card | {"scenes": None})
    assert [name for name, _ in nameless.scenes(np.zeros((100, 120), "uint8"), 3)] == ["7", "2", "300"]


def test_a_model_without_scenes_says_so(colorizer):
    with pytest.raises(ValueError, match="names no scenes; .* semantic_guides"):
        colorizer.scenes(np.zeros((40, 40), "uint8"))


def test_litert_says_what_tensorflow_says(stirred_model):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter", reason="the extra litert is not installed")
    assert interpreter
    light, whole = (Colorizer.load(str(stirred_model[1]), runtime) for runtime in ("litert", "tensorflow"))
    rng = np.random.default_rng(0)
    for shape in ((70, 45), (300, 451), (70, 45)):
        photo = rng.integers(0, 256, shape).astype("uint8")
        expected = whole.colorize(photo, saturation=0.7).astype(int)
        assert np.ptp(expected, axis=-1).max() > 5
        assert np.abs(light.colorize(photo, saturation=0.7) - expected).max() <= 1
        np.testing.assert_array_equal(light.segment(photo[None]), whole.segment(photo[None]))


def test_litert_starts_without_tensorflow(stirred_model):
    pytest.importorskip("ai_edge_litert.interpreter", reason="the extra litert is not installed")
    code = (
        "import sys; sys.modules['tensorflow'] = None; import numpy as np, tfcolor\n"
        f"tfcolor.load({str(stirred_model[1])!r}).colorize(np.zeros((40, 50), 'uint8'))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stderr == ""


def test_a_runtime_that_is_not_there(stirred_model, tmp_path):
    without = shutil.copytree(stirred_model[1], tmp_path / "model" / "1", ignore=shutil.ignore_patterns("*.tflite"))
    with pytest.raises(ValueError, match="--litert"):
        Colorizer.load(str(without), "litert")
    with pytest.raises(ValueError, match="tensorflow, litert"):
        Colorizer.load(str(without), "onnx")


def test_the_network_sees_no_more_than_its_size(colorizer, monkeypatch):
    seen = []
    monkeypatch.setattr(
        colorizer, "chroma", lambda gray, labels=None: seen.append(gray.shape) or np.zeros((*gray.shape, 2), "float32")
    )
    colorizer.colorize(np.zeros((2000, 1000), "uint8"))
    colorizer.colorize(np.zeros((20, 10), "uint8"))
    assert np.prod(seen[0]) <= colorizer.size**2 * 1.02 and seen[0][0] == pytest.approx(2 * seen[0][1], abs=2)
    assert seen[1] == (20, 10)


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4)), np.zeros((4, 4, 4), "uint8"), np.zeros((0, 4), "uint8"), np.zeros(4, "uint8")]
)
def test_other_arrays_are_named(colorizer, array):
    with pytest.raises(ValueError, match=r"uint8 \[H, W\]"):
        colorizer.colorize(array)


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), 1e308])
def test_knobs_are_numbers_from_0_to_100(colorizer, value):
    with pytest.raises(ValueError, match="saturation .*: a number from 0 to 100"):
        colorizer.colorize(np.zeros((32, 32), "uint8"), saturation=value)


def test_unknown_knobs_are_named(colorizer):
    with pytest.raises(ValueError, match="no temperature; it takes saturation"):
        colorizer.colorize(np.zeros((8, 8), "uint8"), temperature=0.5)


def test_a_folder_here_does_not_stand_in_for_a_shipped_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / DEFAULT_MODEL).mkdir()
    assert find_model(DEFAULT_MODEL).is_relative_to(shipped_models()[DEFAULT_MODEL])


def test_unknown_models_are_named(tmp_path):
    with pytest.raises(ValueError, match=f"installed here: .*{DEFAULT_MODEL}.*saved_models"):
        find_model("nowhere")
    with pytest.raises(ValueError, match="neither"):
        find_model(str(tmp_path))
