"""The mean of several looks at a photo: what is averaged, turned back, and exported."""

import types

import numpy as np
import pytest
import tensorflow as tf
from test_tasks import CLASSES, stirred, tiny

from tfcolor import export
from tfcolor.colorizer import Colorizer, read_card
from tfcolor.data.labels import NAMES
from tfcolor.heads.segmentation import Segmentation
from tfcolor.recipe import Recipe
from tfcolor.serving import ServingModule
from tfcolor.tasks import System
from tfcolor.views import look


def recorder(reads_labels=False):
    """A system that answers the gray's cells of 4 x 4, the labels' and its mean, and keeps what it was shown."""
    shown = []

    def outputs(gray, labels=None):
        shown.append((gray.numpy(), None if labels is None else labels.numpy()))
        beyond = [[0, -side % 4] for side in gray.shape[1:3]]  # as our networks' cells: from the upper left corner
        mean = np.pad(gray, [[0, 0], *beyond, [0, 0]], "edge")
        cells = tf.nn.avg_pool2d(mean, 4, 4, "VALID")
        return {"cells": cells, "whole": tf.reduce_mean(gray, [1, 2])}

    heads = [types.SimpleNamespace(name="cells", stride=4), types.SimpleNamespace(name="whole", stride=None)]
    return types.SimpleNamespace(outputs=outputs, heads=heads, shown=shown)


def ramp(height=32, width=48):
    """Gray that brightens to the right, a little downwards: linear, so that every scale of it is alike."""
    rows, columns = np.mgrid[:height, :width].astype("float32")
    return tf.constant((0.1 + columns / 100 + rows / 300)[None, ..., None])


def test_without_views_it_is_the_systems_own_answer():
    system = recorder()
    outputs = look(system, ramp())
    assert len(system.shown) == 1
    np.testing.assert_array_equal(outputs["cells"], recorder().outputs(ramp())["cells"])


def test_a_mirrored_view_is_turned_back():
    system = recorder()
    outputs = look(system, ramp(), views=(-1.0,))
    np.testing.assert_array_equal(system.shown[1][0], ramp()[:, :, ::-1])
    np.testing.assert_allclose(outputs["cells"], system.outputs(ramp())["cells"], atol=1e-6)


@pytest.mark.parametrize("views", [(0.5,), (-0.5,), (0.5, -2.0), (0.625, 1.5, -1.0)])
def test_a_ramp_seen_at_any_scale_is_the_same_ramp(views):
    system = recorder()
    outputs = look(system, ramp(64, 96), views=views)
    assert [shown.shape[1:3] for shown, _ in system.shown[1:]] == [
        (round(abs(view) * 64), round(abs(view) * 96)) for view in views
    ]
    own = system.outputs(ramp(64, 96))
    inner = np.s_[:, 2:-2, 2:-2]  # at the margins resizing repeats the last cell
    np.testing.assert_allclose(outputs["cells"][inner], own["cells"][inner], atol=2e-3)
    np.testing.assert_allclose(outputs["whole"], own["whole"], atol=1e-5)


@pytest.mark.parametrize("height, width", [(222, 296), (45, 70), (139, 185)])
@pytest.mark.parametrize("view", [-1.0, -0.625, 0.625, 1.5])
def test_cells_lie_where_the_photos_own_lie(height, width, view):
    """Sides that are no multiples of the stride: the cells reach beyond the photo, mirrored ones on its other side."""
    gray = ramp(height, width)
    system = recorder()
    own = system.outputs(gray)["cells"]
    outputs = look(system, gray, views=(view,))
    assert outputs["cells"].shape == own.shape
    inner = np.s_[:, 3:-3, 3:-3]
    np.testing.assert_allclose(outputs["cells"][inner], own[inner], atol=2e-3)  # a fifth of a pixel of the ramp


def test_a_photo_of_one_pixel_has_views_too():
    system = recorder()
    outputs = look(system, tf.fill([1, 1, 1, 1], 0.5), views=(-0.625, 0.1))
    np.testing.assert_allclose(outputs["cells"], [[[[0.5]]]], atol=1e-6)


def test_all_views_weigh_alike():
    answers = iter([1.0, 2.0, 6.0])
    head = types.SimpleNamespace(name="cells", stride=4)
    system = types.SimpleNamespace(
        heads=[head], outputs=lambda gray, labels=None: {"cells": tf.fill([1, 8, 12, 1], next(answers))}
    )
    np.testing.assert_allclose(look(system, ramp(), views=(0.5, -1.0))["cells"], 3.0)


def test_label_maps_leave_small_views_out():
    answers = iter([1.0, 3.0, 11.0, 5.0])
    system = types.SimpleNamespace(
        heads=[Segmentation(["a", "b"], name="map"), types.SimpleNamespace(name="cells", stride=1)],
        outputs=lambda gray, labels=None: dict.fromkeys(("map", "cells"), tf.fill([1, 4, 6, 2], next(answers))),
    )
    outputs = look(system, ramp(), views=(-1.0, 0.5, 2.0))
    np.testing.assert_allclose(outputs["cells"], 5.0)
    np.testing.assert_allclose(outputs["map"], 3.0)


def test_labels_are_seen_with_the_photo():
    system = recorder()
    labels = np.zeros((1, 32, 48, 1), "uint8")
    labels[:, :, 24:] = 7
    look(system, ramp(), tf.constant(labels), views=(-0.5,))
    seen = system.shown[1][1]
    assert seen.shape == (1, 16, 24, 1) and (seen[:, :, :12] == 7).all() and (seen[:, :, 12:] == 0).all()


def test_a_recipe_refuses_scales_that_are_none():
    assert Recipe(views=[0.625, -1]).views == (0.625, -1)
    system = System(tiny("yuv", views=[0.5]))
    assert ServingModule(system, 64).views == (0.5,) and ServingModule(system, 64, views=[]).views == ()
    assert export._parser().parse_args(["run", "-o", "model", "--views"]).views == []  # once, whatever the recipe says
    for wrong in ((0,), (5.0,), ("half",)):
        for refusing in (lambda: Recipe(views=wrong), lambda: ServingModule(system, 64, views=wrong)):  # noqa: B023
            with pytest.raises(ValueError, match="views=.*; scales from .1 to 2"):
                refusing()


def test_a_mirrored_mean_answers_a_mirrored_photo_with_the_mirrored_answer():
    """No network does so of itself."""
    system = stirred(System(tiny("multitask"), CLASSES))
    gray = np.random.default_rng(0).integers(0, 256, (1, 64, 96)).astype("uint8")

    def difference(views):
        predict = ServingModule(system, 64, views=views).signatures(["predict"])["predict"]
        own, other = (predict(gray=tf.constant(seen)) for seen in (gray, gray[:, :, ::-1].copy()))
        return {name: np.abs(own[name] - other[name][:, :, ::-1]).max() for name in own}

    assert all(value > 1e-3 for value in difference(()).values())
    assert all(value < 1e-4 for value in difference((-1.0,)).values())


@pytest.mark.slow
@pytest.mark.parametrize("fixture, seen", [("stirred_model", ["gray"]), ("label_runs", ["gray", "labels"])])
def test_an_export_keeps_its_views_in_every_form(fixture, seen, request, tmp_path):
    pytest.importorskip("ai_edge_litert.interpreter", reason="the extra litert is not installed")
    run_folder = request.getfixturevalue(fixture)[0]
    arguments = [str(run_folder), "-o", str(tmp_path / "viewed"), "--litert", "--views", "0.5", "-1"]
    assert export.main(arguments) == 0
    assert read_card(tmp_path / "viewed" / "1")["views"] == [0.5, -1.0]
    rng = np.random.default_rng(0)
    photo = {"gray": rng.integers(0, 256, (1, 61, 90)), "labels": rng.integers(0, len(NAMES), (1, 61, 90))}
    photo = {name: photo[name].astype("uint8") for name in seen}
    whole, light = (Colorizer.load(str(tmp_path / "viewed"), runtime) for runtime in ("tensorflow", "litert"))
    expected, once = whole.predict(**photo), Colorizer.load(str(run_folder)).predict(**photo)
    from_litert = light.predict(**photo)
    for name, value in expected.items():
        np.testing.assert_allclose(from_litert[name], value, atol=1e-3)
        assert np.shape(value) == np.shape(once[name]) and np.abs(value - once[name]).max() > 1e-2
    assert export.main([str(tmp_path / "viewed"), "-o", str(tmp_path / "one.tflite"), "--format", "litert"]) == 0
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(str(tmp_path / "one.tflite")).get_signature_runner()
    answer = run(**photo, **{knob: np.float32(value) for knob, value in whole.knobs.items()})
    for name, value in expected.items():
        np.testing.assert_allclose(answer[name], value, atol=1e-3)
    with pytest.raises(ValueError, match="its own knobs, size, views"):
        export.convert(tmp_path / "viewed", tmp_path / "two.tflite", "litert", views=[])
