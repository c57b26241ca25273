"""What several tests share: a tiny training's run folder, and where the prepared data and weights lie."""

import os
import pathlib
import shutil

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SHARED = pathlib.Path(__file__).parents[2] / "shared"


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
    assert train.main(["--task", "multitask", "--smoke", "--workdir", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def saved_model(run_folder):
    """The run folder exported: MODEL/1."""
    from tfcolor import export

    return export.export(run_folder, run_folder.parent / "tiny")


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
