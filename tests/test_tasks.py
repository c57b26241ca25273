"""Every task: any size in, the same size out, no colour seen, the same loss under TensorFlow and JAX."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_encoder  # noqa: F401  (registers itself)
from keras import ops

from tfcolor import trainer
from tfcolor.color import spaces
from tfcolor.recipe import Recipe, read_recipe
from tfcolor.tasks import TASKS, System, find_task

CLASSES = ["pet", "background", "border"]


def tiny(task, **fields):
    fields = {"encoder_weights": "none", "encoder_options": {"alpha": 0.35}, **find_task(task).defaults, **fields}
    return Recipe(task=task, **fields)


def batch_of(count, height, width, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "image": rng.integers(0, 256, (count, height, width, 3)).astype("uint8"),
        "mask": rng.integers(0, 3, (count, height, width, 1)).astype("uint8"),
        "scene": np.eye(365, dtype="float32")[rng.integers(0, 365, count)],
        "label": np.zeros(count, "int32"),
    }


def stirred(system):
    """The system with random last layers: they start at zero, where every test of an output would pass."""
    rng = np.random.default_rng(0)
    for variable in system.model.trainable_variables:
        if not ops.convert_to_numpy(variable).any():
            variable.assign(rng.normal(0, 0.1, variable.shape))
    return system


@pytest.fixture(scope="module")
def multitask():
    return stirred(System(tiny("multitask"), CLASSES))


@pytest.mark.parametrize("height, width", [(64, 64), (31, 33), (1, 7), (100, 45)])
def test_any_size_in_the_same_size_out(multitask, height, width):
    gray = np.random.default_rng(0).random((2, height, width, 1)).astype("float32")
    outputs = multitask.model(gray)
    assert outputs["regression"].shape == (2, height, width, 2)
    assert outputs["segmentation"].shape == (2, height, width, 3)
    assert np.isfinite(np.asarray(outputs["regression"])).all() and np.asarray(outputs["regression"]).any()


def test_no_colour_is_seen():
    """Another chroma at equal gray changes not a single output."""
    rng = np.random.default_rng(0)
    system = stirred(System(tiny("multitask"), CLASSES))
    gray = np.full((1, 32, 32, 1), 0.5, "float32") + rng.uniform(-0.1, 0.1, (1, 32, 32, 1)).astype("float32")
    uv = rng.uniform(-0.05, 0.05, (2, 1, 32, 32, 2)).astype("float32")
    seen = []
    system.model, model = lambda gray, training: seen.append(gray) or model(gray, training=training), system.model
    for chroma in uv:
        image = np.asarray(spaces.yuv_to_rgb(np.concatenate([gray, chroma], axis=-1)))
        # As float: rounding to 8 bits would change the gray itself by up to half a level.
        system.losses({"image": image * 255.0, "mask": np.zeros((1, 32, 32, 1), "uint8")}, training=False)
    np.testing.assert_allclose(np.asarray(seen[0]), np.asarray(seen[1]), atol=1e-6)
    assert seen[0].shape[-1] == 1


@pytest.mark.parametrize("task", TASKS)
def test_every_head_of_every_task_teaches(task):
    """Each head's loss reaches its own last layer and, through the decoder or past it, the encoder."""
    system = stirred(System(tiny(task), CLASSES, np.full(313, 1 / 313)))
    batch = batch_of(2, 32, 32)
    encoder, others = system.split_variables()
    for head in system.heads:
        system.recipe.loss_weights = {other.name: float(other is head) for other in system.heads}
        with tf.GradientTape() as tape:
            loss, _ = system.losses(batch, training=True)
        own = [v.value for v in others if v.path.startswith(head.name)]
        for gradient in tape.gradient(loss, [own[0], encoder[0].value]):
            assert np.abs(np.asarray(gradient)).max() > 0, head.name


HYPERCOLUMNS = [task for task in TASKS if task.startswith("hypercolumn")]
FEW = {"network_options": {"units": 8, "points": 16}}


@pytest.mark.parametrize("task", HYPERCOLUMNS)
def test_a_sparse_loss_is_that_of_the_dense_answer_at_the_same_cells(task):
    system = stirred(System(tiny(task, **FEW)))
    batch = batch_of(3, 64, 96)
    cells, sampled = [], system.sampled
    system.sampled = lambda gray, training: cells.append(sampled(gray, training=training)) or cells[0]
    loss = float(system.losses(batch, training=True)[0])

    (head,) = system.heads
    assert set(system.model.output) == {head.name} and system.model.output[head.name].shape[1:3] == (None, None)
    row, column = np.moveaxis(np.asarray(cells[0]["cells"]), -1, 0)
    assert row.shape == (3, 2, 8)
    photo = np.arange(3)[:, None, None]
    dense = np.asarray(system.model(spaces.rgb_to_gray(spaces.from_uint8(batch["image"])))[head.name])
    target = keras.tree.map_structure(lambda leaf: np.asarray(leaf)[photo, row, column], head.target(batch))
    assert loss == pytest.approx(float(head.loss(target, dense[photo, row, column])), rel=1e-4)


def test_hypercolumns_of_any_size_and_a_new_draw_each_step():
    system = stirred(System(tiny("hypercolumn", **FEW)))
    assert np.shape(system.model(np.random.default_rng(0).random((1, 37, 50, 1)))["hue_chroma"]) == (1, 10, 13, 64)
    first, second = (float(system.losses(batch_of(1, 64, 64), training=True)[0]) for _ in range(2))
    assert first != second
    assert len({float(system.losses(batch_of(1, 64, 64), training=False)[0]) for _ in range(2)}) == 1


def test_no_fading_is_an_option_of_the_head():
    system = System(tiny("hypercolumn", head_options={"hue_chroma": {"fade": 0.0}}, **FEW))
    assert system.colour_head.knobs == {"fade": 0.0, "quantile": 0.5}


def test_a_system_without_colour_says_so_and_leaves_gray():
    system = stirred(System(tiny("segmentation"), CLASSES))
    gray = np.random.default_rng(0).random((1, 40, 40, 1)).astype("float32")
    outputs = system.model(gray)
    assert list(outputs) == ["segmentation"] and not system.colours
    np.testing.assert_array_equal(system.chroma(outputs, gray), np.zeros((1, 40, 40, 2)))
    with pytest.raises(ValueError, match="task segmentation does not colour: .* such as multitask"):
        system.colour_head  # noqa: B018


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_the_losses_of_every_task_are_a_graph(task):
    """Without AutoGraph, as a training step traces them: no Python in them asks a tensor."""
    system = System(tiny(task), CLASSES, np.full(313, 1 / 313))
    batch = {name: tf.constant(value) for name, value in batch_of(2, 32, 32).items()}
    loss = tf.function(lambda batch: system.losses(batch, training=True)[0], autograph=False)
    assert loss.get_concrete_function(batch).output_shapes == ()


@pytest.mark.parametrize("task", ["semantic_guides", "class_reg_soft", "reg_soft"])
def test_the_guides_weigh_as_their_recipe_says(task):
    variant = {"semantic_guides": "seg_class_reg_soft"}.get(task, task)
    recipe, _ = read_recipe(f"{os.path.dirname(__file__)}/../train/guides.py:sample_{variant}")
    weights = {name: weight for name, weight in recipe.loss_weights.items() if weight != 1}
    assert find_task(task).defaults["loss_weights"] == weights


@pytest.mark.slow
def test_backends_agree(tmp_path):
    """The same weights and batch: the same losses under TensorFlow and JAX, which also trains at sampled cells."""
    pytest.importorskip("jax")
    ours, few = {}, {"encoder": "tiny", "encoder_options": {}}  # of five layers: JAX compiles each anew
    tasks = {"multitask": {}, "hypercolumn": {}, "semantic_driven": few, "semantic_photos": few}
    for task, fields in tasks.items():
        system = stirred(System(tiny(task, **fields), CLASSES))
        system.model.save_weights(tmp_path / f"{task}.weights.h5")
        log = system.losses(batch_of(2, 40, 40), training=False)[1]
        ours[task] = {name: float(value) for name, value in log.items()}
    code = f"""
import json, sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
from test_tasks import *
from tfcolor.models.label_stream import hide_labels
from tfcolor.trainer import Trainer
logs = {{}}
for task, fields in {tasks}.items():
    system = System(tiny(task, **fields), CLASSES)
    system.model.load_weights({str(tmp_path)!r} + f"/{{task}}.weights.h5")
    _, log = system.losses(batch_of(2, 40, 40), training=False)
    logs[task] = {{name: float(value) for name, value in log.items()}}
trainer = Trainer(tiny("hypercolumn", **FEW), 1)
assert len({{float(trainer.step(batch_of(2, 32, 32))["loss"]) for _ in range(2)}}) == 2
trainer = Trainer(tiny("multitask", **{few}), 1, classes=CLASSES)
[layer] = [layer for layer in trainer.system.model.layers if layer.name == "up_2_bn"]
before = np.array(layer.moving_mean)
trainer._recompute_batchnorm([batch_of(2, 32, 32)])
assert not np.allclose(layer.moving_mean, before)
import jax
labels = batch_of(2, 32, 32)["mask"]
hide = jax.jit(lambda labels, probability: hide_labels(labels, 0, probability))
assert (np.asarray(hide(labels, 1.0)) == 255).all() and (np.asarray(hide(labels, 0.0)) == labels).all()
seeds = keras.random.SeedGenerator(0)
some = [np.asarray(hide_labels(labels, seeds, 0.5)) for _ in range(20)]
assert all(((one == labels) | (one == 255)).all() for one in some)
assert len({{one.tobytes() for one in some}}) > 4  # none, one or both of two photos, whole or in part
print(json.dumps(logs))
"""
    soon = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"  # compiled in half the time
    env = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": soon}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    theirs = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else done.stderr
    assert theirs == {task: pytest.approx(log, rel=1e-4) for task, log in ours.items()}


READS_LABELS = [name for name, task in TASKS.items() if task.reads_labels]


@pytest.mark.parametrize("task", READS_LABELS)
def test_a_label_map_of_any_size_reaches_the_colour(task):
    system = stirred(System(tiny(task), CLASSES))
    rng = np.random.default_rng(0)
    gray, labels = rng.random((2, 37, 50, 1)).astype("float32"), rng.integers(0, 3, (2, 37, 50, 1)).astype("uint8")
    (head,) = system.heads
    size = (-(-37 // head.stride), -(-50 // head.stride))
    seen, unseen = (np.asarray(system.outputs(gray, given)[head.name]) for given in (labels, None))
    assert seen.shape[:3] == (2, *size) and np.abs(seen - unseen).max() > 1e-4
    nothing = np.full_like(labels, 255)
    np.testing.assert_array_equal(unseen, np.asarray(system.outputs(gray, nothing)[head.name]))


def test_a_colouriser_that_reads_labels_starts_as_the_one_that_does_not(tmp_path, monkeypatch):
    """`start=`: exactly its colours, whatever the map says; then the map changes them."""
    plain = stirred(System(tiny("classification")))
    ours = System(tiny("semantic_photos"), CLASSES)
    monkeypatch.setattr(trainer, "load_run", lambda workdir: plain)
    (tmp_path / "recipe.json").touch()
    trainer.start_from(ours.model, tmp_path)
    batch = batch_of(2, 64, 64)
    gray = spaces.rgb_to_gray(spaces.from_uint8(batch["image"]))
    expected = np.asarray(plain.outputs(gray)["ab_bins"])
    for labels in (batch["mask"], None):
        np.testing.assert_array_equal(ours.outputs(gray, labels)["ab_bins"], expected)
    joins = [v for v in ours.model.trainable_variables if v.path.startswith("added_") and v.path.endswith("kernel")]
    assert len(joins) == 4
    for join in joins:
        value = join.numpy()
        join.assign(np.random.default_rng(0).normal(0, 0.1, join.shape))
        assert (np.asarray(ours.outputs(gray, batch["mask"])["ab_bins"]) != expected).any(), join.path
        join.assign(value)


def test_labels_are_hidden_in_training_alone():
    system = stirred(System(tiny("semantic_photos", random_labels=1.0), CLASSES))
    batch = batch_of(2, 32, 32)
    nothing = batch | {"mask": np.full_like(batch["mask"], 255)}
    for training in (True, False):
        given, hidden = (float(system.losses(other, training=training)[0]) for other in (batch, nothing))
        assert (given == hidden) == training


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="multitask"):
        find_task("mulitask")
    with pytest.raises(ValueError, match="has masks"):
        System(tiny("multitask"), None)
    with pytest.raises(ValueError, match="reads label maps and none of the data has masks"):
        System(tiny("semantic_driven"), None)
    with pytest.raises(ValueError, match="refine=True"):
        System(tiny("semantic_photos", network_options={}), CLASSES)
    with pytest.raises(ValueError, match="head regression: .*'los'"):
        System(tiny("yuv", head_options={"regression": {"los": "mse"}}))
    with pytest.raises(ValueError, match="encoder_options.*'alfa'"):
        System(tiny("yuv", encoder_options={"alfa": 1}))
    with pytest.raises(ValueError, match="no head 'colour'"):
        System(tiny("yuv", head_options={"colour": {}}))
    with pytest.raises(ValueError, match="mobilenet_v2"):
        System(tiny("yuv", encoder="resnet"))


def test_segmentation_from_colours_takes_the_encoder_alone():
    """train/selfsupervision.py: what fits of the colouriser into the segmentation network."""
    path = pathlib.Path(__file__).parents[1] / "train" / "selfsupervision.py"
    few = ["encoder_options={'alpha': 0.35}", "encoder_weights=none"]
    recipes = [read_recipe(f"{path}:{name}")[0].changed(few) for name in ("colours", "pets_from_colours")]
    colours, outline = (System(recipe, CLASSES, np.full(313, 1 / 313)) for recipe in recipes)
    shapes = {variable.path: variable.shape for variable in colours.model.variables}
    fitting = {v.path for v in outline.model.variables if shapes.get(v.path) == v.shape}
    encoder = {v.path for v in outline._encoder.variables}
    assert fitting == encoder
