"""Every task: any size in, the same size out, no colour seen, the same loss under TensorFlow and JAX."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tfcolor.color import spaces
from tfcolor.recipe import Recipe
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
        with tf.GradientTape() as tape:
            outputs = system.model(spaces.rgb_to_gray(spaces.from_uint8(batch["image"])), training=True)
            loss = head.loss(head.target(batch), outputs[head.name])
        own = [v.value for v in others if v.path.startswith(head.name)]
        for gradient in tape.gradient(loss, [own[0], encoder[0].value]):
            assert np.abs(np.asarray(gradient)).max() > 0, head.name


def test_backends_agree(tmp_path):
    """The same weights and batch: the same losses under TensorFlow and JAX."""
    pytest.importorskip("jax")
    system = stirred(System(tiny("multitask"), CLASSES))
    system.model.save_weights(tmp_path / "w.weights.h5")
    ours = {name: float(value) for name, value in system.losses(batch_of(2, 40, 40), training=False)[1].items()}
    code = f"""
import json, sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
from test_tasks import *
system = System(tiny("multitask"), CLASSES)
system.model.load_weights({str(tmp_path / "w.weights.h5")!r})
_, log = system.losses(batch_of(2, 40, 40), training=False)
print(json.dumps({{name: float(value) for name, value in log.items()}}))
"""
    env = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    theirs = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else done.stderr
    assert theirs == pytest.approx(ours, rel=1e-4)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="multitask"):
        find_task("mulitask")
    with pytest.raises(ValueError, match="has masks"):
        System(tiny("multitask"), None)
    with pytest.raises(ValueError, match="head regression: .*'los'"):
        System(tiny("yuv", head_options={"regression": {"los": "mse"}}))
    with pytest.raises(ValueError, match="encoder_options.*'alfa'"):
        System(tiny("yuv", encoder_options={"alfa": 1}))
    with pytest.raises(ValueError, match="no head 'colour'"):
        System(tiny("yuv", head_options={"colour": {}}))
    with pytest.raises(ValueError, match="mobilenet_v2"):
        System(tiny("yuv", encoder="resnet"))
