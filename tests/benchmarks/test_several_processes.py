"""A step by several processes of this machine: how much of it is computing, how much exchanging.

Run it by name, on idle cores: `pytest tests/benchmarks/test_several_processes.py -rP`. Each way trains the same network
on the same global batch; "apart" is as many processes at the same time, each with its part of the batch and none
exchanging anything: what computing takes where all share the cores. What a step takes beyond that is the exchange.
Beside other work the seconds of the clock say little: those of the processor, of all processes together, are printed
too.
"""

import json
import time

import numpy as np
import pytest
import training_process
from training_process import finish, start

from tfcolor.trainer import Trainer

BATCH, STEPS = 24, 10
SETTINGS = ["data=synthetic*8", "encoder_weights=none", f"epoch_steps={STEPS}", "epochs=2", "size=64", "warmup=2"]
WAYS = ["alone", "2 apart", "2 workers", "3 apart", "3 workers"]


def arguments(batch, frozen):
    settings = [*SETTINGS, f"batch={batch}", f"freeze_batchnorm={frozen}"]
    return ["--task", "classification", *(word for setting in settings for word in ("--set", setting))]


def timed(arguments, config, output, devices):
    """`training_process`'s own main function, that leaves the seconds of each epoch's steps beside its output."""
    train_epoch, spent = Trainer._train_epoch, []

    def spend(self, batches):
        wall, processor = time.perf_counter(), time.process_time()
        log = train_epoch(self, batches)
        spent.append(((time.perf_counter() - wall) / STEPS, (time.process_time() - processor) / STEPS))
        output.with_suffix(".json").write_text(json.dumps(spent))
        return log

    Trainer._train_epoch = spend
    training_process._main(arguments, config, output, devices)


def seconds(folder, way, frozen):
    """(wall, processor) seconds of a step: the slowest process's, and the sum of all; the first epoch, which traces,
    left out."""
    count, _, together = way.partition(" ") if way != "alone" else ("1", "", "apart")
    count, together = int(count), together == "workers"
    folders = [folder / str(index) for index in range(1 if together else count)]
    processes = []
    for own in folders:
        own.mkdir(parents=True)
        batch = BATCH if together else BATCH // count
        processes += start(own, count if together else 1, arguments(batch, frozen), target=timed)
    assert not any(finish(processes)), (folders[0] / "0.txt").read_text()[-2000:]
    spent = [np.median(json.loads(file.read_text())[1:], axis=0) for own in folders for file in own.glob("?.json")]
    return max(wall for wall, _ in spent), sum(processor for _, processor in spent)


@pytest.mark.parametrize("frozen", [True, False], ids=["frozen BN", "synchronised BN"])
def test_seconds_of_a_step(frozen, tmp_path):
    measured = {}
    for way in WAYS:
        measured[way] = wall, processor = seconds(tmp_path / way.replace(" ", "_"), way, frozen)
        line = f"{way}: {1000 * wall:.0f} ms a step of {BATCH} photos, {1000 * processor:.0f} ms of processor"
        if way.endswith("workers"):
            wall_apart, processor_apart = measured[way.replace("workers", "apart")]
            line += f"; exchange {1000 * (wall - wall_apart):.0f} and {1000 * (processor - processor_apart):.0f} ms"
        print(line, flush=True)
    assert measured["2 workers"][1] < 10 * measured["alone"][1]
