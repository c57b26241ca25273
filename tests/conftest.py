"""What several tests share: a tiny training's run folder, and where the prepared data and weights lie."""

import contextlib
import json
import os
import pathlib
import shutil

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SHARED = pathlib.Path(__file__).parents[2] / "shared"


def pytest_xdist_auto_num_workers(config):
    """How many processes: one for benchmarks, whose times the others would disturb, and for tests given by name."""
    if any("benchmarks" in argument or "::" in argument for argument in config.args):
        return 0
    return min(os.cpu_count() or 1, 4)  # each takes two gigabytes


@pytest.fixture(scope="session")
def shared():
    """The folder with prepared data, weights and published arrays; skips where it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"no {SHARED}: prepared data and weights are not here")
    return SHARED


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory):
    """A run folder of `tfcolor train --task multitask --smoke`: every part there, nothing learnt."""
    from tfcolor import train

    folder = tmp_path_factory.mktemp("runs") / "multitask"
    with eagerly():
        assert train.main(["--task", "multitask", "--smoke", "--workdir", str(folder)]) == 0
    return folder


@contextlib.contextmanager
def eagerly():
    """Without graphs, which take most of the time of a training of two steps."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.fixture
def eager():
    """A test without graphs."""
    with eagerly():
        yield


@pytest.fixture(scope="session")
def label_runs(tmp_path_factory):
    """Run folders of a tiny colouriser that reads the merged labels, and of a tiny segmenter; random last layers."""
    import keras
    import tiny_encoder  # noqa: F401  (registers itself)

    from tfcolor.data.labels import NAMES
    from tfcolor.recipe import Recipe
    from tfcolor.tasks import System
    from tfcolor.trainer import BEST, PRIOR

    folders, rng = [], np.random.default_rng(0)
    for task, options in (("semantic_photos", {"labels": {"width": 8}}), ("segmentation", {})):
        recipe = Recipe(
            task=task,
            serving_size=64,
            encoder="tiny",
            encoder_weights="none",
            network_options={"widths": [24, 16, 16], "refine": True} | options,
            head_options={"segmentation": {"stride": 4}} if task == "segmentation" else {},
        )
        prior = np.full(313, 1 / 313) if task == "semantic_photos" else None
        keras.utils.set_random_seed(0)
        system = System(recipe, NAMES, prior)
        for variable in system.model.trainable_variables:
            if variable.path.startswith(("ab_bins", "segmentation", "added")):
                # No biases: untrained features are small beside them, and every pixel would be of one class.
                variable.assign(rng.normal(0, 0.5, variable.shape) * (len(variable.shape) > 1))
        folder = tmp_path_factory.mktemp("label_runs") / task
        folder.mkdir()
        (folder / "recipe.json").write_text(recipe.to_json())
        (folder / "classes.json").write_text(json.dumps(NAMES))
        system.model.save_weights(folder / BEST)
        if prior is not None:
            np.save(folder / PRIOR, prior)
        folders.append(folder)
    return folders


@pytest.fixture(scope="session")
def stirred_pair(label_runs):
    """Both exported as one model: PAIR/1."""
    from tfcolor import export

    colour, segmenter = label_runs
    return export.export(colour, colour.parent / "pair", {"temperature": 0.5}, litert=True, segmenter=segmenter)


@pytest.fixture(scope="session")
def stirred_model(run_folder, tmp_path_factory):
    """The tiny run with random last layers, and it exported: its colours are not gray, so differences show."""
    from tfcolor import export
    from tfcolor.trainer import BEST, load_run

    folder = tmp_path_factory.mktemp("stirred") / "run"
    shutil.copytree(run_folder, folder)
    system = load_run(folder)
    rng = np.random.default_rng(0)
    for variable in system.model.trainable_variables:
        if variable.path.startswith(("regression", "segmentation")):
            variable.assign(rng.normal(0, 0.05, variable.shape))
    system.model.save_weights(folder / BEST)
    return folder, export.export(folder, folder.parent / "model", litert=True)
