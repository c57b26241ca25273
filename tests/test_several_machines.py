"""docs/how-to/several-machines.md: what it says of clusters is started, as far as it runs on one machine."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from training_process import TINY, finish, free_addresses, start

from tfcolor import train
from tfcolor.workers import Workers

PAGE = (Path(__file__).parents[1] / "docs/how-to/several-machines.md").read_text("utf-8")
ONE_STEP = [*TINY, "--set", "epochs=1", "--set", "epoch_steps=1"]


def block(language, containing):
    """The one code block of the page in that language that contains a text."""
    found = [text for text in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if containing in text]
    assert len(found) == 1
    return found[0]


def trains(configs, folder):
    """Two of these TF_CONFIG, their hosts being this machine, start a training that ends well."""
    hosts = dict(zip(Workers.of(configs[0]).addresses, free_addresses(len(configs)), strict=True))
    for host, ours in hosts.items():
        configs = [config.replace(f'"{host}"', f'"{ours}"') for config in configs]
    assert finish(start(folder, arguments=ONE_STEP, configs=configs)) == [0, 0]
    assert "on 2 workers" in (folder / "0.txt").read_text()
    return True


@pytest.mark.slow
@pytest.mark.parametrize("chief", [False, True])
def test_tfjob(chief, tmp_path):
    """As the training operator sets TF_CONFIG for the page's job, its workers two, or one and a chief."""
    job = yaml.safe_load(block("yaml", "kind: TFJob"))
    (kind, worker), *_ = job["spec"]["tfReplicaSpecs"].items()
    container = worker["template"]["spec"]["containers"][0]
    assert (kind, container["name"]) == ("Worker", "tensorflow") and container["command"][:2] == ["tfcolor", "train"]
    assert train._parser().parse_args(container["command"][2:]).workdir.startswith("/shared")
    service = f"{job['metadata']['name']}-{{}}-{{}}.default.svc:2222"
    tasks = [("chief", 0), ("worker", 0)] if chief else [("worker", 0), ("worker", 1)]
    cluster = {}
    for task in tasks:
        cluster.setdefault(task[0], []).append(service.format(*task))
    configs = [
        json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}, "environment": "cloud"})
        for kind, index in tasks
    ]
    assert [Workers.of(config).index for config in configs] == [0, 1]
    assert chief or trains(configs, tmp_path)


@pytest.mark.slow
def test_slurm(tmp_path):
    """The page's script, as SLURM would run it on two nodes: what it makes of SLURM's variables starts a training."""
    programs = {
        "scontrol": '[ "$*" = "show hostnames node[1-2]" ] && printf "node1\\nnode2\\n"',
        "srun": 'shift; for i in 0 1; do SLURM_PROCID=$i "$@" & done; wait',
        "tfcolor": 'echo "$TF_CONFIG" > "$OUT/$SLURM_PROCID.json"; echo "$@" > "$OUT/$SLURM_PROCID.arguments"',
    }
    for name, script in programs.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{script}\n")
        (tmp_path / name).chmod(0o755)
    slurm = {"SLURM_JOB_NODELIST": "node[1-2]", "OUT": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-eu", "-c", block("bash", "#SBATCH")], env={**os.environ, **slurm}, text=True)
    assert done.returncode == 0
    configs = [(tmp_path / f"{index}.json").read_text().strip() for index in range(2)]
    assert Workers.of(configs[1]).addresses == ["node1:12341", "node2:12342"]
    verb, *arguments = (tmp_path / "1.arguments").read_text().split()
    assert verb == "train" and train._parser().parse_args(arguments).workdir.startswith("/shared")
    assert trains(configs, tmp_path)


def test_by_hand():
    config = re.search(r"export TF_CONFIG='(.*?)'", block("bash", "export TF_CONFIG='")).group(1)
    assert Workers.of(config).addresses == ["host0:12345", "host1:12345"]


@pytest.mark.slow
def test_ray_train(tmp_path):
    """The page's own lines, with two workers of this machine and a training of one step."""
    pytest.importorskip("ray.train", reason="pip install 'ray[train]'")
    arguments = ["--task", "yuv", "--smoke", "--workdir", str(tmp_path / "run")]
    script = block("python", "TensorflowTrainer")
    script = re.sub(r'\["--recipe".*?\]', repr(arguments), script)
    script = script.replace("num_workers=4, use_gpu=True", "num_workers=2, use_gpu=False")
    script = f"import ray\n\nray.init(num_cpus=2, include_dashboard=False)\n{script}"
    (tmp_path / "job.py").write_text(script)
    done = subprocess.run([sys.executable, "job.py"], cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "run" / "state.npz").is_file()
    assert "on 2 workers" in done.stdout + done.stderr
