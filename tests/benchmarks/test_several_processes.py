"""Seconds of a step by several processes of this machine: how much of them is computing, how much exchanging.

Run it by name, on idle cores: `pytest tests/benchmarks/test_several_processes.py -rP`. Each way trains the same network
on the same global batch; "apart" is as many processes at the same time, each with its part of the batch and none
exchanging anything: what computing takes where all share the cores. What a step takes beyond that is the exchange.
"""

import csv

import numpy as np
import pytest
from training_process import finish, start

BATCH, STEPS = 24, 20
SETTINGS = ["data=synthetic", "encoder_weights=none", f"epoch_steps={STEPS}", "epochs=3", "size=64", "warmup=2"]
WAYS = ["alone", "2 workers", "2 apart", "3 workers", "3 apart"]


def arguments(batch, frozen):
    settings = [*SETTINGS, f"batch={batch}", f"freeze_batchnorm={frozen}", "data=synthetic*8"]
    return ["--task", "classification", *(word for setting in settings for word in ("--set", setting))]


def step_seconds(folders):
    """Run folders -> the seconds of a step after the first epoch, which traces; the slowest counts."""
    slowest = 0.0
    for folder in folders:
        with open(folder / "run" / "log.csv") as file:
            slowest = max(slowest, np.median([float(row["seconds"]) for row in csv.DictReader(file)][1:]) / STEPS)
    return slowest


def train(folder, way, frozen):
    if way == "alone":
        folders, processes = [folder / "0"], None
        folders[0].mkdir(parents=True)
        processes = start(folders[0], arguments=arguments(BATCH, frozen))
    elif way.endswith("workers"):
        count = int(way[0])
        folders = [folder / "0"]
        folders[0].mkdir(parents=True)
        processes = start(folders[0], count=count, arguments=arguments(BATCH, frozen))
    else:
        count = int(way[0])
        folders, processes = [folder / str(index) for index in range(count)], []
        for own in folders:
            own.mkdir(parents=True)
            processes += start(own, arguments=arguments(BATCH // count, frozen))
    assert not any(finish(processes)), (folders[0] / "0.txt").read_text()[-2000:]
    return step_seconds(folders)


@pytest.mark.parametrize("frozen", [True, False], ids=["frozen BN", "synchronised BN"])
def test_seconds_of_a_step(frozen, tmp_path):
    seconds = {way: train(tmp_path / way.replace(" ", "_"), way, frozen) for way in WAYS}
    for way in WAYS:
        apart = seconds.get(way.replace("workers", "apart"), seconds[way])
        exchange = f", exchange {1000 * (seconds[way] - apart):.0f} ms" if way.endswith("workers") else ""
        print(f"{way}: {1000 * seconds[way]:.0f} ms a step of {BATCH} photos{exchange}")
    assert seconds["2 workers"] < 10 * seconds["alone"]
