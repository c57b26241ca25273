"""Workers find each other, see what does not fit before a training starts, and say so in one line."""

import json
import socket
import threading
import time

import pytest
import tensorflow as tf
from training_process import finish, free_addresses, start_waiting

from tfcolor import workers
from tfcolor.workers import Workers, find_workers


def together(team, act):
    """Runs `act(worker)` in a thread for each; returns what each answered or raised, in their order."""
    answers = [None] * len(team)

    def run(place, worker):
        try:
            answers[place] = act(worker)
        except ValueError as error:
            answers[place] = error

    threads = [threading.Thread(target=run, args=item) for item in enumerate(team)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def team_of(count):
    addresses = free_addresses(count)
    return [Workers(addresses, index) for index in range(count)]


def config(cluster, kind, index):
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


# TF_CONFIG ----------------------------------------------------------------------------------------------------------


def test_workers_of_a_config():
    cluster = {"worker": ["a:1", "b:2"], "chief": ["c:3"]}
    team = [Workers.of(config(cluster, *task)) for task in (("chief", 0), ("worker", 0), ("worker", 1))]
    assert [worker.index for worker in team] == [0, 1, 2]
    assert all(worker.addresses == ["c:3", "a:1", "b:2"] for worker in team)
    assert Workers.of(config({"worker": ["a:1", "b:2"]}, "worker", 1)).index == 1


@pytest.mark.parametrize("alone", [None, "", "{}", config({"worker": ["a:1"]}, "worker", 0)])
def test_alone(alone):
    worker = Workers.of(alone)
    assert (worker.index, worker.count) == (0, 1)
    with worker:
        worker.meet({})
        assert worker.gather("anything", 5) == [5]


@pytest.mark.parametrize(
    "text, said",
    [
        ("{", r'not as it should be.*like this: \{"cluster"'),
        ("[1]", "not as it should be"),
        (config({"worker": ["a", "b:1"]}, "worker", 0), "'a'; host:port"),
        (config({"worker": 5}, "worker", 0), "not as it should be"),
        (config({"worker": ["a:1", "b:1"]}, "worker", 2), "task worker 2, and its cluster has worker 0 to 1"),
        (config({"worker": ["a:1", "b:1"]}, "worker", "0"), "worker 0 to 1"),
        (config({"worker": ["a:1", "b:1"]}, "evaluator", 0), "task evaluator 0"),
        (config({"worker": ["a:1"], "ps": ["b:1"]}, "worker", 0), "has tasks ps"),
        (config({"worker": ["a:1"], "chief": ["b:1", "c:1"]}, "worker", 0), "2 chiefs"),
    ],
)
def test_a_config_that_cannot_be_meant_is_named(text, said):
    with pytest.raises(ValueError, match=said):
        Workers.of(text)


def test_distribute_decides_whether_a_config_counts():
    two = config({"worker": ["a:1", "b:1"]}, "worker", 0)
    assert [find_workers(how, two).count for how in ("auto", "workers", "devices", "none")] == [2, 2, 1, 1]
    assert find_workers("none", "{").count == 1  # not even read
    with pytest.raises(ValueError, match="--distribute workers: TF_CONFIG names no other workers"):
        find_workers("workers", None)


# Meeting ------------------------------------------------------------------------------------------------------------


def test_all_know_what_each_has_given():
    def act(worker):
        with worker:
            worker.meet({"recipe": {"seed": 1}})
            with worker.chief_first("writing"):
                order.append(worker.index)
            return worker.gather("squares", worker.index**2)

    order = []
    assert together(team_of(3), act) == [[0, 1, 4]] * 3
    assert order[0] == 0 and sorted(order) == [0, 1, 2]


def test_those_who_differ_are_named_to_all():
    def act(worker):
        worker.meet({"version": {"tfcolor": "1"}, "recipe": {"batch": 6 if worker.index == 2 else 8, "seed": 0}})

    errors = together(team_of(3), act)
    assert {str(error) for error in errors} == {
        "worker 2 has another recipe: batch 6, the chief 8; start all alike",
    }


def test_another_number_of_workers_is_named():
    first, second, third = free_addresses(3)
    team = [Workers([first, second], 0), Workers([first, second, third], 1)]
    errors = together(team, lambda worker: worker.meet({}))
    assert {str(error) for error in errors} == {
        "worker 1 has another number of workers: 3, the chief 2; start all alike",
    }


def test_two_with_the_same_index_are_named(monkeypatch):
    monkeypatch.setattr(workers, "NOTICE", 1.0)
    addresses = free_addresses(3)
    errors = together([Workers(addresses, index) for index in (0, 1, 1)], lambda worker: worker.meet({}))
    assert all(f"two processes are worker 1 ({addresses[1]})" in str(error) for error in errors)


def test_what_was_found_must_be_the_same():
    def act(worker):
        with worker:
            worker.meet({})
            worker.agree({"photos": 64 - worker.index})

    errors = together(team_of(2), act)
    assert {str(error) for error in errors} == {"worker 1 has another photos: 63, the chief 64; start all alike"}


def test_who_does_not_come_is_named(monkeypatch, capsys):
    monkeypatch.setattr(workers, "WAIT", 2.0)
    monkeypatch.setattr(workers, "NOTICE", 1.0)
    addresses = free_addresses(3)
    errors = together([Workers(addresses, index) for index in (0, 1)], lambda worker: worker.meet({}))
    assert all(f"not come within 2 s: worker 2 ({addresses[2]});" in str(error) for error in errors)
    assert f"waiting for worker 2 ({addresses[2]})" in capsys.readouterr().err
    (error,) = together([Workers(addresses, 1)], lambda worker: worker.meet({}))
    assert f"worker 0 (chief, {addresses[0]}) cannot be reached within 2 s" in str(error)


def test_a_worker_that_starts_again_while_others_are_awaited_is_welcome():
    """A process that has called the chief and died, as a pod that the cluster starts anew; the chief comes last."""
    addresses = free_addresses(3)
    team = [Workers(addresses, index) for index in range(3)]

    def act(worker):
        if worker.index == 0:
            time.sleep(0.5)
        if worker.index == 1:
            facts = {"number of workers": 3, "addresses": addresses}
            while True:
                try:
                    with socket.create_connection(("127.0.0.1", int(addresses[0].rpartition(":")[2]))) as died:
                        died.sendall(json.dumps({"hello": 1, "facts": facts}).encode() + b"\n")
                        died.recv(100)
                    break
                except OSError:
                    time.sleep(0.05)
        if worker.index == 2:
            time.sleep(1.5)
        with worker:
            worker.meet({})
            return worker.gather("index", worker.index)

    assert together(team, act) == [[0, 1, 2]] * 3


def test_an_exchange_that_fails_with_nobody_lost_is_said_in_a_line(monkeypatch):
    monkeypatch.setattr(workers, "LOST", 0.0)
    ours, theirs = socket.socketpair()
    worker = Workers(free_addresses(2), 0)
    worker._peers[1] = ours
    said = "an exchange with the other workers has failed, and none of them is lost: Collective ops is aborted by: x"
    with pytest.raises(OSError) as error, worker:
        raise tf.errors.AbortedError(None, None, "Graph execution error:\n\nCollective ops is aborted by: x\nmore")
    assert str(error.value) == said
    assert json.loads(theirs.makefile().readline()) == {"failed": 0, "why": said}


def test_only_the_first_loss_is_told(monkeypatch):
    """Who is told of it ends as well, so that its connection breaks before this process has ended."""
    said, worker = [], Workers(["a:1", "b:2", "c:3"], 0)
    monkeypatch.setattr("os.write", lambda _, line: said.append(line.decode()))
    monkeypatch.setattr("os._exit", lambda _: worker._end({"lost": 2}))
    worker._end({"lost": 1})
    assert len(said) == 1 and "worker 1 (b:2) is gone" in said[0]


def test_a_port_in_use_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"port {port}: Address already in use"):
            Workers([f"127.0.0.1:{port}", "127.0.0.1:1"], 0).meet({})


def test_a_stranger_is_not_taken_for_a_worker(monkeypatch):
    team = team_of(2)
    port = int(team[0].addresses[0].rpartition(":")[2])

    def knock(worker):
        if worker.index == 1:
            for _ in range(100):
                try:
                    with socket.create_connection(("127.0.0.1", port)) as stranger:
                        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    break
                except OSError:
                    threading.Event().wait(0.05)
        with worker:
            worker.meet({})
            return worker.gather("index", worker.index)

    assert together(team, knock) == [[0, 1], [0, 1]]


# A worker that is lost ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_who_is_lost_is_named_by_all_others(killed, tmp_path):
    processes = start_waiting(tmp_path, 3)
    while len(list(tmp_path.glob("*.met"))) < 3:
        assert all(process.is_alive() for process in processes)
        time.sleep(0.02)
    processes[killed].kill()
    codes = finish(processes, 60)
    assert codes.pop(killed) == -9 and codes == [1, 1]
    for index in {0, 1, 2} - {killed}:
        (line,) = (tmp_path / f"{index}.txt").read_text().split("\n")[1:-1]
        assert line.startswith(f"tfcolor train: worker {killed} ({'chief, ' * (killed == 0)}127.0.0.1:")
        assert line.endswith(") is gone; the same command in all workers goes on from the last epoch")


@pytest.mark.slow
@pytest.mark.parametrize("failing", [0, 2])
def test_why_one_has_failed_is_told_by_all_others(failing, tmp_path):
    codes = finish(start_waiting(tmp_path, 3, failing), 60)
    assert codes == [1, 1, 1]
    for index in {0, 1, 2} - {failing}:
        (line,) = (tmp_path / f"{index}.txt").read_text().split("\n")[1:-1]
        assert line.startswith(f"tfcolor train: worker {failing} (")
        assert line.endswith(") has stopped: No space left on device")
