"""What a distribution allows: several colourings, a reference, confidence; and models that have none."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tfcolor import evaluate, export
from tfcolor.color.constants import RGB_TO_YUV
from tfcolor.colorizer import FADING, Colorizer, _card, check_reference
from tfcolor.data.sources import open_source
from tfcolor.heads.ab_bins import AbBins
from tfcolor.recipe import Recipe
from tfcolor.tasks import System
from tfcolor.trainer import BEST

CARD = {"name": "ours", "version": "1", "size": 64, "classes": None, "segmentation_head": None}
GRAY = np.tile(np.arange(0, 256, 4, dtype="uint8"), (64, 1))
NOISE = np.random.default_rng(0).normal(0, 2, (16, 16, 313)).astype("float32")


class Counted:
    """A `Colorizer` with a distribution that says what it is told to: how often it ran, and with which knobs."""

    def __init__(self, logits, **card):
        self.runs, self.knobs, head = 0, [], AbBins(prior=np.full(313, 1 / 313))

        def predict(gray):
            self.runs += 1
            return {"ab_bins": tf.constant(logits[None])}

        def decode(output, gray, saturation, **knobs):
            self.knobs.append({name: float(value) for name, value in knobs.items()})
            chroma = tf.convert_to_tensor(head.chroma(output, **knobs))[..., ::-1] * [-0.004, 0.004]  # roughly
            return {"chroma": chroma * saturation}

        card = CARD | {"colour_head": "ab_bins", "distribution": head.distribution} | card
        knobs = {"temperature": 0.38, "vividness": 0.5, "saturation": 1.0}
        self.model = Colorizer({"predict": predict, "decode": decode}, {"knobs": knobs} | card)

    def looks(self, **choices):
        return self.model.looks(self.model.colour_output(GRAY), GRAY, **choices)


def photo_of(colour, seed=0):
    """uint8 [40, 50, 3]: that colour in many shades."""
    shade = np.random.default_rng(seed).random((40, 50, 1))
    return np.rint(np.array(colour) * (0.2 + 0.8 * shade)).astype("uint8")


@pytest.mark.parametrize("per_region", [False, True])
def test_samples_differ_the_nearest_first_from_one_run(per_region):
    counted = Counted(NOISE)
    photos = counted.model.colorize_many(GRAY, samples=5, seed=3, per_region=per_region)
    assert photos.shape == (5, 64, 64, 3) and photos.dtype == np.uint8 and counted.runs == 1
    samples = counted.looks(samples=5, seed=3, per_region=per_region)
    np.testing.assert_array_equal(samples, counted.looks(samples=5, seed=3, per_region=per_region))
    assert np.abs(samples - counted.looks(samples=5, seed=4, per_region=per_region)).max() > 0.01
    (plain,) = counted.looks()
    distances = [np.sqrt(np.square(sample - plain).mean()) for sample in samples]
    assert distances == sorted(distances)
    between = [np.abs(a - b).mean() for i, a in enumerate(samples) for b in samples[:i]]
    assert min(between) > 0.1 * np.abs(plain).mean()


def test_a_sample_is_coherent_and_a_regional_one_is_smooth():
    """The same distribution everywhere: one draw for the photo gives one colour, a draw for each region no speckle."""
    everywhere = np.broadcast_to(NOISE[0, 0] / 4, (16, 16, 313)).copy()
    whole = Counted(everywhere).looks(samples=4, seed=1)
    assert np.ptp(whole, axis=(1, 2)).max() < 1e-6
    regional = Counted(everywhere).looks(samples=4, seed=1, per_region=True, temperature=1.0)
    assert np.ptp(regional, axis=(1, 2)).max() > 0.02
    steps = np.abs(np.diff(regional, axis=1)).max(), np.abs(np.diff(regional, axis=2)).max()
    assert max(steps) < 0.4 * np.ptp(regional, axis=(1, 2)).max()  # independent places differ by all of it


def test_a_reference_guides_by_its_histogram():
    counted = Counted(np.zeros((16, 16, 313), "float32"))
    for colour, channel, sign in (((200, 30, 30), 1, 1), ((30, 30, 200), 0, 1), ((30, 160, 30), 1, -1)):
        for guide in ("energy", "quantiles"):
            chroma = counted.looks(reference=photo_of(colour), guide=guide)[0]
            assert sign * chroma[..., channel].mean() > 0.02, (colour, guide)
    # The reference says how much of each colour: rare ones get nothing on top, unless somebody asks.
    counted.knobs.clear()
    counted.looks(reference=photo_of((200, 30, 30)))
    counted.looks(reference=photo_of((200, 30, 30)), vividness=0.7, temperature=None)
    assert [call["vividness"] for call in counted.knobs] == pytest.approx([0.0, 0.7])
    assert [call["temperature"] for call in counted.knobs] == pytest.approx([0.38, 0.38])


def test_quantiles_spread_u_and_v_as_the_reference_does_and_need_no_distribution():
    counted = Counted(NOISE, distribution=None)
    reference = np.random.default_rng(1).integers(0, 256, (40, 50, 3)).astype("uint8")
    reference[..., 2] //= 3
    chroma = counted.looks(reference=reference, guide="quantiles")[0]
    wanted = reference / 255 @ np.array(RGB_TO_YUV[1:]).T
    shares = np.linspace(0.05, 0.95, 19)
    for channel in (0, 1):
        np.testing.assert_allclose(
            np.quantile(chroma[..., channel], shares), np.quantile(wanted[..., channel], shares), atol=0.01
        )
        order = counted.looks()[0][..., channel].ravel().argsort()
        assert (np.diff(chroma[..., channel].ravel()[order]) >= -1e-6).all()
    paler = counted.looks(reference=reference, guide="quantiles", saturation=0.5)[0]
    np.testing.assert_allclose(paler, chroma / 2, atol=1e-6)


def test_confidence_is_one_less_the_entropy_and_colours_fade_where_it_is_low():
    logits = NOISE.copy()
    logits[:8] = 0.0  # above it knows nothing, below one bin is sure
    logits[8:, :, 7] = 60.0
    counted = Counted(logits)
    confidence = counted.model.confidence(GRAY)
    np.testing.assert_allclose(confidence[:8], 0.0, atol=1e-5)
    np.testing.assert_allclose(confidence[8:], 1.0, atol=1e-5)
    logits[:8, :, 100] = 3.0
    counted = Counted(logits)
    plain, faded = counted.looks()[0], counted.looks(fade_unsure=0.5)[0]
    assert np.abs(plain[:8]).max() > 0.01
    np.testing.assert_array_equal(faded[:8], 0.0)
    np.testing.assert_array_equal(faded[8:], plain[8:])
    unsure = 1.0 - counted.model.confidence(GRAY)[0, 0]
    half = counted.looks(fade_unsure=unsure - FADING / 2)[0]
    np.testing.assert_allclose(half[:8], plain[:8] / 2, atol=1e-6)


BAD = [
    ({"samples": 0}, "samples 0: from 1 to 24"),
    ({"samples": 25}, "samples 25: from 1 to 24"),
    ({"guide": "both", "reference": photo_of((200, 30, 30))}, "guide 'both'; energy or quantiles"),
    ({"fade_unsure": 0}, "fade_unsure 0: a share"),
    ({"reference": np.zeros((64, 64), "uint8")}, r"a reference is a colour photo, uint8 \[H, W, 3\]"),
    ({"reference": photo_of((90, 90, 90))}, "the reference is gray and has no colours to give: take a photo in colour"),
    ({"reference": photo_of((200, 30, 30))[:31]}, "50 x 31 pixels, too few .* at least 32 x 32"),
    ({"hue": 1.0}, "model ours has no hue"),
]


@pytest.mark.parametrize("choices, says", BAD, ids=[says[:20] for _, says in BAD])
def test_what_cannot_be_chosen_is_named(choices, says):
    with pytest.raises(ValueError, match=says):
        Counted(NOISE).looks(**choices)


@pytest.mark.parametrize(
    "choices", [{"samples": 3}, {"reference": photo_of((200, 30, 30))}, {"fade_unsure": 0.5}], ids=lambda c: [*c][0]
)
def test_a_model_without_a_distribution_says_what_to_take(choices):
    counted = Counted(NOISE, distribution=None)
    with pytest.raises(ValueError, match="model ours predicts no distribution .*: take .*task classification or hyper"):
        counted.looks(**choices)
    with pytest.raises(ValueError, match="predicts no distribution"):
        counted.model.confidence(GRAY)


def test_a_card_of_an_older_model_is_of_one_without_a_distribution():
    card = CARD | {"knobs": {"saturation": 1.0}, "colour_head": "regression"}
    assert Colorizer({}, card).distribution is None


def test_of_a_large_reference_some_pixels_are_enough():
    small = photo_of((30, 160, 30))
    np.testing.assert_array_equal(check_reference(small), small)
    large = photo_of((30, 160, 30)).repeat(20, axis=0).repeat(20, axis=1)
    found = check_reference(large)
    assert min(found.shape[:2]) >= 256 and np.abs(found.mean(axis=(0, 1)) - large.mean(axis=(0, 1))).max() < 3


# Systems: what is written of them and read again.


def run_folder_of(folder, task, classes=None, **fields):
    """A run folder without a training: random last layers, so that there is something to see."""
    recipe = Recipe(task=task, encoder_weights="none", encoder_options={"alpha": 0.35}, serving_size=64, **fields)
    system = System(recipe, classes)
    rng = np.random.default_rng(0)
    for variable in system.model.trainable_variables:
        if not np.any(variable):
            variable.assign(rng.normal(0, 0.1, variable.shape))
    folder.mkdir()
    (folder / "recipe.json").write_text(recipe.to_json())
    (folder / "classes.json").write_text(json.dumps(classes))
    system.model.save_weights(folder / BEST)
    return folder


@pytest.mark.slow
def test_a_hypercolumn_is_exported_with_all_that_its_looks_need(tmp_path):
    run = run_folder_of(tmp_path / "run", "hypercolumn", network_options={"units": 16, "points": 16})
    memory, saved = Colorizer.load(str(run)), Colorizer.load(str(export.export(run, tmp_path / "model")))
    assert memory.distribution == saved.distribution == {"head": "HueChroma", "unbiased": {}}
    assert set(memory.predict(GRAY[None])) == set(saved.predict(GRAY[None])) == {"hue_chroma"}
    reference = photo_of((200, 30, 30))
    for choices in ({"samples": 3}, {"reference": reference}, {"reference": reference, "guide": "quantiles"}):
        ours, theirs = (model.looks(model.colour_output(GRAY), GRAY, **choices) for model in (memory, saved))
        assert np.abs(ours).max() > 0.01
        np.testing.assert_allclose(theirs, ours, atol=0.02)  # kernels of half precision
    assert 0 < memory.confidence(GRAY).mean() < 1


@pytest.fixture(scope="module")
def segmentation_alone(tmp_path_factory):
    classes = open_source("synthetic").info.classes
    return run_folder_of(tmp_path_factory.mktemp("runs") / "outline", "segmentation", classes)


def test_segmentation_alone_segments_and_says_that_it_does_not_colour(segmentation_alone, tmp_path):
    model = Colorizer.load(str(segmentation_alone))
    assert model.segment(GRAY[None]).shape == (1, 64, 64) and len(np.unique(model.segment(GRAY[None]))) > 1
    for colour in (model.colorize, model.chroma, model.confidence, model.colorize_many):
        with pytest.raises(ValueError, match="model outline segments and does not colour; take another"):
            colour(GRAY)
    with pytest.raises(ValueError, match="task segmentation does not colour"):
        export.export(segmentation_alone, tmp_path / "model")
    assert not list(tmp_path.rglob("*.pb"))


def test_segmentation_alone_is_measured_on_its_maps(segmentation_alone, tmp_path, capsys):
    command = [str(segmentation_alone), "--data", "synthetic", "--split", "test", "--limit", "6", "--size", "64"]
    assert evaluate.main([*command, "--json", str(tmp_path / "out.json")]) == 0
    found = json.loads((tmp_path / "out.json").read_text())
    assert set(found["rows"]) == {"model"} and {name[:4] for name in found["rows"]["model"]} == {"miou"}
    assert 0 < found["rows"]["model"]["miou"]["mean"] < 1 and found["protocol"]["photos"] == 6
    printed = capsys.readouterr().out
    assert "miou" in printed and "random" not in printed and "auc" not in printed
    assert evaluate.main([*command, "--sheet", str(tmp_path / "sheet.png")]) == 2
    assert "--sheet is about colours, and none of the models colours" in capsys.readouterr().err


def test_segmentation_alone_wants_data_with_its_classes(segmentation_alone, tmp_path, capsys):
    path = segmentation_alone / "classes.json"
    before = path.read_text()
    path.write_text(json.dumps(["one", "two", "three", "four", "five"]))
    try:
        assert evaluate.main([str(segmentation_alone), "--data", "synthetic", "--split", "test"]) == 2
    finally:
        path.write_text(before)
    said = capsys.readouterr().err
    assert "model does not colour and finds one, two, three, four, five; synthetic has the classes" in said


def test_the_card_of_a_system_has_its_distribution():
    recipe = Recipe(task="classification", encoder_weights="none", encoder_options={"alpha": 0.35}, size=32)
    system = System(recipe.changed(["network_options={'widths': [16, 16, 16]}"]), None, np.full(313, 1 / 313))
    card = _card(system, "name", 3, 64, {})
    assert card["distribution"] == {"head": "AbBins", "unbiased": {"vividness": 0.0}}
    assert json.loads(json.dumps(card)) == card
