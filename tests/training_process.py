"""Trainings in real processes of this machine, with TF_CONFIG as a cluster sets it: several of them, and one to kill.

They fork from one process that has imported everything: TensorFlow takes its seconds once, not once for each.
"""

import json
import multiprocessing
import os
import re
import signal
import socket
import sys
import time
from pathlib import Path

import keras
import keras_cv  # noqa: F401  (imported once, for all that fork)
import tensorflow as tf
import tiny_encoder  # noqa: F401  (registers itself)

import tfcolor.data.batches  # noqa: F401
import tfcolor.trainer  # noqa: F401
from tfcolor import pictures, train, workers

FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["training_process"])

# Every kind of loss, on the made-up pictures: seconds, with BatchNormalization in encoder and decoder.
SETTINGS = [
    "data=synthetic",
    "encoder=tiny",
    "encoder_options={}",
    "freeze_batchnorm=False",
    "precise_batchnorm=2",
    "network_options={'widths': [8, 8, 8], 'refine': True}",
    "head_options.segmentation.loss=both",
    "random_gray=0.5",
    "warmup=2",
    "batch=6",
    "epochs=3",
    "epoch_steps=3",
]
TINY = ["--task", "semantic_guides", "--smoke", *(word for setting in SETTINGS for word in ("--set", setting))]


def free_addresses(count):
    """Addresses of this machine on which nothing listens."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{server.getsockname()[1]}" for server in sockets]
    for server in sockets:
        server.close()
    return addresses


def start(folder, count=1, arguments=TINY, devices=1, configs=None, target=None):
    """Starts `tfcolor train` in `count` processes that share `folder`/run; returns them, the chief first.

    What each prints lies in `folder`/0.txt, 1.txt ...; `devices` is how many each has. `configs` are the TF_CONFIG of
    all, the chief's first, where a cluster is to have made them; `target` is what a process runs.
    """
    if configs is None:
        cluster = {"worker": free_addresses(count)}
        configs = [json.dumps({"cluster": cluster, "task": {"type": "worker", "index": i}}) for i in range(count)]
    processes = []
    for index, config in enumerate(configs):
        command = [*arguments, "--workdir", str(folder / "run")]
        processes.append(FORK.Process(target=target or _main, args=(command, config, folder / f"{index}.txt", devices)))
        processes[-1].start()
    return processes


def start_waiting(folder, count, failing=None):
    """Starts `count` workers that meet and then wait for ever; the `failing` one raises an error at once."""
    folder.mkdir(exist_ok=True)
    addresses, processes = free_addresses(count), []
    for index in range(count):
        processes.append(FORK.Process(target=_wait, args=(folder, addresses, index, index == failing)))
        processes[-1].start()
    return processes


def finish(processes, seconds=600):
    """Waits for all; returns their exit codes."""
    for process in processes:
        process.join(seconds)
    return [process.exitcode for process in processes]


def _main(arguments, config, output, devices):
    with open(output, "ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.pop("TF_CONFIG", None)
    if config and len(json.loads(config)["cluster"]["worker"]) > 1:
        os.environ["TF_CONFIG"] = config
        if json.loads(config)["task"]["index"]:
            _forbid_writing(Path(arguments[-1]))
    if devices > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
    code = train.main(arguments)
    caught = re.search(r"SigCgt:\s*(\w+)", Path("/proc/self/status").read_text()).group(1)  # by C++, too
    output.with_suffix(".term").write_text("caught" if int(caught, 16) >> (signal.SIGTERM - 1) & 1 else "ends")
    sys.exit(code)


def _wait(folder, addresses, index, fails):
    with open(folder / f"{index}.txt", "ab") as file:
        os.dup2(file.fileno(), 2)
    workers.GRACE = 1.0
    with workers.Workers(addresses, index) as worker:
        worker.meet({})
        (folder / f"{index}.met").touch()
        if fails:
            raise OSError("No space left on device")
        worker.gather("what never comes", None) if index else time.sleep(600)


def _forbid_writing(folder):
    """An error for whatever this process would write into the run folder."""

    def watch(event, arguments):
        if event == "open" and str(arguments[0]).startswith(str(folder)) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
            raise RuntimeError(f"opened {arguments[0]} to write")
        if event in ("os.rename", "os.remove", "os.mkdir") and str(arguments[0]).startswith(str(folder)):
            raise RuntimeError(f"{event} {arguments}")

    def writes(*args, **kwargs):
        raise RuntimeError("only the chief writes")

    keras.Model.save_weights = pictures.TrainingPictures.__init__ = writes  # in C++, where the watch does not see it
    sys.addaudithook(watch)
