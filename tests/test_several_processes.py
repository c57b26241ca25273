"""The same training by one process, by several and on several devices: the same losses and weights, whoever is killed.

Thirteen small processes in all, about a minute on two idle cores.
"""

import csv
import re
import time

import numpy as np
import pytest
from training_process import TINY, finish, start

from tfcolor.trainer import STATE

pytestmark = pytest.mark.slow

# What float32 leaves of sums in another order, which AdamW magnifies where gradients are small. Seen after nine steps:
# 1e-6 of the losses, 1e-7 in the weights.
LOSS, WEIGHTS = 1e-5, 1e-5


def weights(folder):
    with np.load(folder / "run" / STATE) as state:
        return {name: state[name] for name in state.files if name != "progress"}


def log(folder):
    with open(folder / "run" / "log.csv") as file:
        rows = list(csv.DictReader(file))
    return {key: np.array([float(row[key]) for row in rows]) for key in rows[0] if "second" not in key}


def lines(folder, index):
    text = (folder / f"{index}.txt").read_text("utf-8", "replace")
    return [line for line in re.split(r"[\r\n]+", text) if line.startswith("tfcolor train:")]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run folders of the same training: {how: folder}."""
    ways = {"alone": {}, "2 workers": {"count": 2}, "3 workers": {"count": 3}, "2 devices": {"devices": 2}}
    folders = {how: tmp_path_factory.mktemp(how.replace(" ", "_")) for how in ways}
    processes = {}
    for how, options in ways.items():
        forced = ["--distribute", "devices"] if how == "2 devices" else []
        processes[how] = start(folders[how], arguments=[*TINY, *forced], **options)
    for how in ways:
        codes = finish(processes[how])
        assert set(codes) == {0}, (how, codes, (folders[how] / "0.txt").read_text()[-2000:])
    return folders


@pytest.mark.parametrize("how", ["2 workers", "3 workers", "2 devices"])
def test_losses_and_weights_are_those_of_one_process(runs, how):
    ours, alone = log(runs[how]), log(runs["alone"])
    assert list(ours) == list(alone) and {"segmentation", "scene", "ab_bins", "val_loss"} <= ours.keys()
    for key in alone:
        np.testing.assert_allclose(ours[key], alone[key], rtol=LOSS, atol=LOSS, err_msg=key)
    ours, alone = weights(runs[how]), weights(runs["alone"])
    assert ours.keys() == alone.keys()
    for name in alone:
        np.testing.assert_allclose(ours[name], alone[name], rtol=WEIGHTS, atol=WEIGHTS, err_msg=name)


@pytest.mark.parametrize("how", ["2 workers", "3 workers"])
def test_the_run_folder_looks_as_from_one_machine(runs, how):
    """What a worker other than the chief would write into it is an error of that worker (`training_process`)."""

    def files(folder):
        paths = [path.relative_to(folder / "run") for path in (folder / "run").rglob("*") if path.is_file()]
        return sorted(path.as_posix() for path in paths if path.parts[0] != "tensorboard")

    assert files(runs[how]) == files(runs["alone"])
    for folder in (runs[how], runs["alone"]):
        assert len(list((folder / "run" / "tensorboard").iterdir())) == 1
    assert (runs[how] / "run/recipe.json").read_text() == (runs["alone"] / "run/recipe.json").read_text()
    assert f"on {how}" in (runs[how] / "0.txt").read_text()
    assert not (runs[how] / "1.txt").read_text().strip()  # the others have nothing to say
    assert (runs[how] / "1.term").read_text() == "ends"  # SIGTERM, which TensorFlow's server would swallow


def test_a_killed_worker_is_named_and_the_training_goes_on(runs, tmp_path):
    """kill -9 as soon as the first epoch is written, so on the way through the second."""
    processes = start(tmp_path, count=3)
    while not (tmp_path / "run" / STATE).exists():
        assert processes[1].is_alive(), (tmp_path / "1.txt").read_text()[-2000:]
        time.sleep(0.05)
    processes[1].kill()
    killed = time.monotonic()
    assert finish(processes, 60) == [1, -9, 1]
    assert time.monotonic() - killed < 60
    for index in (0, 2):
        (line,) = lines(tmp_path, index)
        assert "worker 1 (127.0.0.1:" in line and "is gone" in line
    assert len(log(tmp_path)["epoch"]) < 3  # it was killed on the way
    assert finish(start(tmp_path, count=3)) == [0, 0, 0]
    assert "resumed" in (tmp_path / "0.txt").read_text()
    ours, theirs = weights(tmp_path), weights(runs["3 workers"])
    for name in theirs:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    ours, theirs = log(tmp_path), log(runs["3 workers"])
    for key in theirs:
        np.testing.assert_array_equal(ours[key], theirs[key], err_msg=key)
