"""`tfcolor colorize --engine ray`, on Ray's own test cluster: several nodes on this machine."""

import collections
import contextlib
import io
import json
import math
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import types
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import ray_stand_in as stand_in
from PIL import Image

from tfcolor import colorize, scans
from tfcolor.photo import Options, colorize_photo

ROOT = Path(__file__).parents[1]
PAGE = os.sysconf("SC_PAGE_SIZE")
PHOTOS = 2000 if os.environ.get("TFCOLOR_SLOW") else 120


def file_of(number, kind="JPEG", **settings):
    """A photo, another for each number."""
    picture = (np.add.outer(np.arange(24), np.arange(32)) + np.array(number) % 199).astype("uint8")
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **settings)
    return file.getvalue()


def photos(folder, number):
    """A folder with so many photos, half of them in a folder below."""
    (folder / "below").mkdir(parents=True)
    for one in range(number):
        (folder / ("below" if one % 2 else ".") / f"{one:04}.jpg").write_bytes(file_of(one))
    return folder


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command: (exit code, lines of standard error), those of progress left out."""
    monkeypatch.setattr(colorize.Milestones, "PAUSE", math.inf)

    def run(*args, main=colorize.main):
        code = main([str(arg) for arg in args])
        return code, capsys.readouterr().err.splitlines()

    return run


@pytest.fixture
def faked(monkeypatch, run):
    """The same with the stand-in's network."""
    for name in ("Worker", "load", "REPORT_SECONDS"):
        monkeypatch.setattr(scans, name, getattr(scans, name))
    return lambda *args: run(*args, "--engine", "ray", main=stand_in.main)


@pytest.fixture(scope="module")
def cluster():
    """A head without processors, where the driver is, and two nodes of one each; `RAY_ADDRESS` says where."""
    ray = pytest.importorskip("ray", reason="no Ray: pip install 'tfcolor[ray]'")
    pytest.importorskip("pyarrow", reason="no Arrow: pip install 'tfcolor[ray]'")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("RAY_worker_niceness", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        cluster = Cluster(True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        for _ in range(2):
            cluster.add_node(num_cpus=1)
        patch.setenv("RAY_ADDRESS", cluster.address)
        yield cluster
        ray.shutdown()
        cluster.shutdown()


def rows(folder):
    """The report's lines, in the order of runs."""
    import pyarrow.parquet as pq

    parts = sorted(Path(folder).glob("run=*/part-*.parquet"))
    return [row for part in parts for row in pq.read_table(part, partitioning=None).to_pylist()]


def tree(folder):
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and scans.REPORT not in path.parts
    )


def check_all_done(source, out, besides=()):
    """Each photo has one line, its own output, and that is whole and the one that one machine makes."""
    lines = rows(out / scans.REPORT)
    good = [name for name in tree(source) if name not in besides]
    done = [row for row in lines if row["outcome"] in ("colored", "exists")]
    assert collections.Counter(row["input"] for row in done) == collections.Counter(str(source / name) for name in good)
    assert tree(out) == good
    for name in good:
        result = colorize_photo((source / name).read_bytes(), stand_in.orange, 64, Options(agent=""))
        assert (out / name).read_bytes() == result.data
    return lines


# What needs no Ray.


def test_a_ray_that_is_not_installed_is_one_line(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    code, lines = run(photos(tmp_path / "in", 2), "-o", tmp_path / "out", "--engine", "ray")
    assert code == 2 and len(lines) == 1 and "pip install 'tfcolor[ray]'" in lines[0]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "args, said",
    [
        ("in -o out --engine ray --samples 3", "--samples is not for --engine ray"),
        ("in -o out --engine ray --fade-unsure", "--fade-unsure is not for --engine ray"),
        ("in in/below -o out --engine ray", "one folder or bucket"),
        ("- -o - --engine ray", "one folder or bucket"),
        ("in -o in --engine ray", "name another folder"),
        ("in/below -o in --engine ray", "name another folder"),
        ("s3://bucket/scans -o out", "--engine ray opens buckets"),
        ("in -o s3://bucket/coloured", "--engine ray opens buckets"),
        ("in -o out --engine rya", "invalid choice"),
    ],
)
def test_wrong_commands_are_one_line(run, tmp_path, monkeypatch, args, said):
    photos(tmp_path / "in", 2)
    monkeypatch.chdir(tmp_path)
    code, lines = run(*args.split())
    assert code == 2 and len(lines) == 1 and said in lines[0]
    assert not (tmp_path / "out").exists()


def test_the_ledger_counts_what_was_not_ended():
    ledger = scans.Ledger()
    assert [ledger.begin(b"a", "1"), ledger.begin(b"b", "2"), ledger.begin(b"a", "3")] == [1, 1, 2]
    assert ledger.begin(b"a", "3") == 2  # the same call again, as its answer was lost
    ledger.end(b"a")
    ledger.end(b"a")
    assert ledger.begin(b"a", "4") == 1


class Killed(BaseException):
    """What stands for the end of a worker's process."""


def test_a_block_that_comes_again_after_each_crash_ends(monkeypatch, tmp_path):
    """As Ray does it, without Ray: a new worker gets the same block, until one comes through."""
    pa = pytest.importorskip("pyarrow", reason="no Arrow: pip install 'tfcolor[ray]'")
    monkeypatch.setitem(sys.modules, "ray", types.SimpleNamespace(get=lambda answer: answer))
    ledger = scans.Ledger()
    calls = {name: types.SimpleNamespace(remote=getattr(ledger, name)) for name in ("begin", "end")}
    source, out = photos(tmp_path / "in", 4), tmp_path / "out"
    bad = ["a.jpg", "b.jpg", "c.jpg"]
    for name in bad:
        (source / name).write_bytes(file_of(1, comment=stand_in.CRASH))

    class Worker(stand_in.Worker):
        def color(self, task, data):
            if stand_in.CRASH in data:
                raise Killed
            return super().color(task, data)

    job = scans.Job(scans.open_store(str(source)), scans.open_store(str(out)), "photos", {}, Options())
    names = [name.encode() for name in tree(source)]
    block, crashes = pa.table({"source": names, "target": names}), 0
    while True:
        try:
            records = Worker(job, {}, types.SimpleNamespace(**calls))(block).to_pylist()
            break
        except Killed:
            crashes += 1
            assert crashes < 100
    assert crashes == scans.TRIES * len(bad)
    assert [row["input"] for row in records if row["outcome"] == "failed"] == [f"{source}/{name}" for name in bad]
    assert {row["input"] for row in records} == {f"{source}/{name}" for name in tree(source)}
    assert tree(out) == [name for name in tree(source) if name not in bad]


# Stores.


@pytest.fixture(scope="module")
def moto():
    """The address of a server that speaks S3, with keys for it in the environment."""
    pytest.importorskip("moto.server", reason="no S3 server: pip install 'moto[server]'")
    pytest.importorskip("pyarrow.fs", reason="no Arrow: pip install 'tfcolor[ray]'")
    with socket.socket() as free, pytest.MonkeyPatch.context() as patch:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        patch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
        free.close()
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL
        )
        try:
            wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 60)
            for bucket in ("scans", "coloured"):
                urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/{bucket}", method="PUT"))
            yield f"?endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
        finally:
            server.terminate()
            server.wait()


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"nothing for {seconds} s"
        time.sleep(0.05)


def stores(request):
    pytest.importorskip("pyarrow.fs", reason="no Arrow: pip install 'tfcolor[ray]'")
    pytest.importorskip("fsspec", reason="no fsspec: pip install 'tfcolor[ray]'")
    if request.param == "s3":
        return scans.open_store("s3://scans/some where" + request.getfixturevalue("moto"))
    if request.param == "memory":
        return scans.open_store("memory://scans/some")
    return scans.open_store(str(request.getfixturevalue("tmp_path") / "some"))


store = pytest.fixture(stores, params=["folder", "memory", "s3"])


def test_a_store_reads_what_it_wrote(store):
    assert store.existing() == set()
    names = ["a.jpg", "below/a b.jpg", "below/deeper/ä.png", ".hidden.jpg", "out/own.jpg", "below/.secret/x.jpg"]
    for name in names:
        store.write(name, name.encode())
    store.write("a.jpg", b"0123456789")
    assert store.existing() == set(names)
    assert sorted(store.names(f"{store.place}/out", [])) == ["a.jpg", "below/a b.jpg", "below/deeper/ä.png"]
    assert store.read("a.jpg", 100) == b"0123456789" and store.read("a.jpg", 0, at_most=4) == b"0123"
    with pytest.raises(scans.PhotoError, match="a file of 10 bytes, more than 9"):
        store.read("a.jpg", 9)
    with pytest.raises(scans.PhotoError, match="cannot be read"):
        store.read("b.jpg", 9)
    store.below("below").remove("a b.jpg")
    assert "below/a b.jpg" not in store.existing()
    other = pickle.loads(pickle.dumps(store))
    assert other.place == store.place and other.existing() == store.existing()


def test_what_nothing_opens_is_one_line():
    pytest.importorskip("pyarrow.fs", reason="no Arrow: pip install 'tfcolor[ray]'")
    with pytest.raises(ValueError, match="nonsense://x/y: nothing opens that"):
        list(scans.open_store("nonsense://x/y").names("", []))


def test_a_report_knows_what_is_done(tmp_path):
    pytest.importorskip("pyarrow.parquet", reason="no Arrow: pip install 'tfcolor[ray]'")
    store = scans.open_store(str(tmp_path / "report"))
    records = [
        {
            "input": "a",
            "output": "b",
            "outcome": "colored",
            "warnings": ["x"],
            "stages": {"decode": 0.5},
            "seconds": 1.0,
        },
        {"input": "c\udcff", "output": "d\udcff", "outcome": "exists"},
        {"input": "e", "output": None, "outcome": "has color", "warnings": []},
        {"input": "f", "output": None, "outcome": "failed", "warnings": [], "error": "bad", "traceback": "long"},
    ]
    for some in (records[:3], records[3:], []):
        with scans.Report(store) as report:
            for record in some:
                report.add(record)
    assert scans.Report(store).done() == {("a", "b"), ("c\\udcff", "d\\udcff"), ("e", None)}
    found = {row["input"]: row for row in rows(tmp_path / "report")}
    assert len(found) == 4 and found["a"]["warnings"] == ["x"] and found["a"]["stages"] == [("decode", 0.5)]
    assert found["f"]["error"] == "bad" and "traceback" not in found["f"]
    (tmp_path / "report" / "other.parquet").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="other.parquet: no part of a report"):
        scans.Report(store).done()


# The cluster.


@pytest.mark.slow
def test_the_same_names_and_bytes_as_on_one_machine(cluster, run, tmp_path):
    source = photos(tmp_path / "in", 6)
    for name, kind in (("a.gif", "GIF"), ("a.png", "PNG"), ("no ending", "PNG"), ("new\nline.jpg", "JPEG")):
        (source / name).write_bytes(file_of(7, kind))
    (source / os.fsdecode(b"no text \xff.jpg")).write_bytes(file_of(8))
    (source / "bad.jpg").write_bytes(b"nothing")
    (source / "cut.jpg").write_bytes(file_of(9)[:200])
    (source / "notes.txt").write_text("no photo")
    (source / ".hidden.jpg").write_bytes(file_of(1))
    code, alone = run(source, "-o", tmp_path / "alone", "--report", tmp_path / "alone.jsonl")
    assert (code, alone[-1]) == (1, "11 coloured, 2 failed, 1 other files")
    code, lines = run(source, "-o", source / "out", "--engine", "ray")
    assert code == 1 and lines[-1] == alone[-1] and sorted(lines) == sorted(alone)
    assert tree(source / "out") == tree(tmp_path / "alone")
    for name in tree(tmp_path / "alone"):
        assert (source / "out" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()

    there = [json.loads(line) for line in (tmp_path / "alone.jsonl").read_text().splitlines()]
    here = rows(source / "out" / scans.REPORT)
    assert set(here[0]) == {name for line in there for name in line}
    by_input = {row["input"]: row for row in here}
    assert len(by_input) == len(here) == len(there)
    for line in there:
        row = by_input[scans._text(line["input"])]
        for name in ("outcome", "warnings", "input_sha256", "output_sha256", "error"):
            assert row[name] == line.get(name), name

    # Again: what has failed is left, once it is mended it is done, and the report decides, not what lies there.
    (source / "bad.jpg").write_bytes(file_of(10))
    (source / "out" / "0000.jpg").unlink()
    code, lines = run(source, "-o", source / "out", "--engine", "ray")
    assert code == 1 and lines[-1] == "1 coloured, 11 there already, 1 failed, 1 other files"
    assert (source / "out" / "bad.jpg").exists() and not (source / "out" / "0000.jpg").exists()


@pytest.mark.slow
def test_photos_that_are_left_alone_are_done(cluster, faked, tmp_path):
    source = photos(tmp_path / "in", 1)
    colors = np.random.default_rng(0).integers(0, 255, (3, 4, 3), "uint8").repeat(9, 0).repeat(9, 1)
    Image.fromarray(colors).save(source / "colour.png")
    args = (source, "-o", tmp_path / "out")
    assert faked(*args, "--skip-color")[1][-1] == "1 coloured, 1 left alone"
    assert faked(*args, "--skip-color")[1][-1] == "0 coloured, 2 there already"
    assert faked(*args)[1][-1] == "1 coloured, 1 there already"


@pytest.mark.slow
def test_what_is_there_without_a_report_is_not_replaced(cluster, faked, tmp_path):
    source, out = photos(tmp_path / "in", 3), tmp_path / "out"
    out.mkdir()
    (out / "0000.jpg").write_bytes(b"another's")
    assert faked(source, "-o", out) == (0, ["2 coloured, 1 there already"])
    assert (out / "0000.jpg").read_bytes() == b"another's"
    assert faked(source, "-o", out, "--overwrite") == (0, ["3 coloured"])
    assert (out / "0000.jpg").read_bytes() != b"another's"


def test_an_original_is_never_replaced_through_a_link(cluster, faked, tmp_path):
    source, out = photos(tmp_path / "in", 2), tmp_path / "out"
    out.mkdir()
    (out / "below").symlink_to(source / "below")
    for more in ((), ("--overwrite",)):
        code, lines = faked(source, "-o", out, *more)
        assert code == 2 and len(lines) == 1 and "is one of the photos" in lines[0]
    assert (source / "below/0001.jpg").read_bytes() == file_of(1)


def test_a_dry_run_touches_nothing(cluster, faked, tmp_path, capsys):
    source, out = photos(tmp_path / "in", 3), tmp_path / "out"
    assert colorize.main([str(source), "-o", str(out), "--engine", "ray", "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{source}/0000.jpg -> {out}/0000.jpg"
    assert not out.exists()


def test_a_bucket_to_a_bucket(cluster, faked, moto):
    source = scans.open_store(f"s3://scans/many{moto}")
    for number in range(9):
        source.write(f"{number}/a photo.jpg", file_of(number))
    source.write("bad.jpg", b"nothing")
    args = (f"s3://scans/many{moto}", "-o", f"s3://coloured/many{moto}")
    code, lines = faked(*args)
    assert code == 1 and lines[-1] == "9 coloured, 1 failed"
    assert lines[0].startswith("s3://scans/many/bad.jpg: not a photo")
    target = scans.open_store(f"s3://coloured/many{moto}")
    for number in range(9):
        expected = colorize_photo(file_of(number), stand_in.orange, 64, Options(agent="")).data
        assert target.read(f"{number}/a photo.jpg", 1 << 20) == expected
    assert faked(*args)[1][-1] == "0 coloured, 9 there already, 1 failed"


@pytest.mark.slow
def test_a_photo_that_ends_its_worker_costs_one_line(cluster, faked, tmp_path):
    source, out = photos(tmp_path / "in", 30), tmp_path / "out"
    names = {"0003x.jpg", "0003y.jpg"}  # in the same block
    for name in names:
        (source / name).write_bytes(file_of(3, comment=stand_in.CRASH))
    code, lines = faked(source, "-o", out)
    assert code == 1 and lines[-1] == "30 coloured, 2 failed"
    crashed = [row for row in check_all_done(source, out, names) if row["error"]]
    assert {row["input"] for row in crashed} == {f"{source}/{name}" for name in names}
    assert all(re.match(r"it ended its worker process 3 times", row["error"]) for row in crashed)


@pytest.mark.slow
def test_a_node_killed_in_the_middle_loses_nothing(cluster, faked, tmp_path):
    source, out = photos(tmp_path / "in", PHOTOS), tmp_path / "out"
    node = cluster.add_node(num_cpus=2)

    def kill():
        wait_for(lambda: len(tree(out)) > PHOTOS // 4, 300)
        cluster.remove_node(node, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    code, lines = faked(source, "-o", out)
    killer.join()
    assert (code, lines[-1]) == (0, f"{PHOTOS} coloured")
    assert len(check_all_done(source, out)) == PHOTOS


@pytest.mark.slow
def test_a_driver_killed_in_the_middle_loses_nothing(cluster, faked, tmp_path):
    source, out = photos(tmp_path / "in", PHOTOS), tmp_path / "out"
    driver = subprocess.Popen([sys.executable, stand_in.__file__, str(source), "-o", str(out), "--engine", "ray"])
    wait_for(lambda: list(out.glob(f"{scans.REPORT}/run=*/*.parquet")) and len(tree(out)) > PHOTOS // 4, 300)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    reported = len(rows(out / scans.REPORT))
    assert 0 < reported < PHOTOS
    code, lines = faked(source, "-o", out)
    assert code == 0 and re.fullmatch(r"[1-9]\d* coloured, [1-9]\d* there already", lines[-1])
    assert len(check_all_done(source, out)) == PHOTOS
    assert faked(source, "-o", out) == (0, [f"0 coloured, {PHOTOS} there already"])


@pytest.mark.skipif(PHOTOS < 2000, reason="some minutes: TFCOLOR_SLOW=1")
def test_the_memory_of_a_worker_is_flat(cluster, run, tmp_path):
    """With the model that ships, over photos of three sizes: megabytes of each actor's process, five times a second."""
    source, out, seen, done = tmp_path / "in", tmp_path / "out", collections.defaultdict(list), threading.Event()
    source.mkdir()
    for number in range(PHOTOS):
        picture = Image.open(io.BytesIO(file_of(number))).resize([(120, 80), (300, 200), (600, 400)][number % 3])
        picture.save(source / f"{number:04}.jpg")

    def watch():
        while not done.wait(0.2):
            for folder in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):  # it has ended
                    if (folder / "cmdline").read_bytes().startswith(b"ray::MapWorker(MapBatches(Worker))"):
                        seen[folder.name].append(int((folder / "statm").read_text().split()[1]) * PAGE / 1e6)

    watcher = threading.Thread(target=watch)
    watcher.start()
    code, lines = run(source, "-o", out, "--engine", "ray")
    done.set()
    watcher.join()
    assert (code, lines[-1]) == (0, f"{PHOTOS} coloured")
    assert len(seen) == 2  # none was started anew
    for worker, megabytes in seen.items():
        tenth = len(megabytes) // 10
        early, late = (np.median(some) for some in (megabytes[tenth : 2 * tenth], megabytes[-tenth:]))
        print(
            f"worker {worker}: {early:.0f} MB in the second tenth, {late:.0f} in the last, {max(megabytes):.0f} at most"
        )
        assert late < early + 20


# Wrong input.


def test_nodes_with_another_tfcolor_or_model_are_refused(cluster, faked, tmp_path, monkeypatch):
    ours = scans.Job.identity
    source, out = photos(tmp_path / "in", 2), tmp_path / "out"
    for other in ({"tfcolor": "99"}, {"model photos": "f00d"}):
        monkeypatch.setattr(scans.Job, "identity", lambda job, other=other: ours(job) | other)
        code, lines = faked(source, "-o", out)
        (name, value), *_ = other.items()
        assert code == 2 and len(lines) == 1
        assert re.search(rf"node [\d.]+ .*: {name} is \S+, here {value}: install the same on all nodes", lines[0])
        assert not tree(out)


def test_a_node_that_has_joined_with_another_tfcolor_is_one_line(cluster, tmp_path, monkeypatch):
    """It was not there when all were asked, so its actor says so."""
    ours = scans.Job.identity
    source = photos(tmp_path / "in", 1)
    job = scans.Job(scans.open_store(str(source)), scans.open_store(str(tmp_path / "out")), "photos", {}, Options())
    monkeypatch.setattr(scans.Job, "identity", lambda job: ours(job) | {"tfcolor": "99"})
    workers = scans.start(None)
    with pytest.raises(OSError, match=r"stopped \(ValueError: node \S+: tfcolor is \S+, here 99: install the same"):
        list(scans.run(job, [("0000.jpg", "0000.jpg")], workers))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "source, target, said",
    [
        ("nowhere", "out", "no folder is there"),
        ("in", "in/0000.jpg/out", "cannot be written"),
        ("s3://nowhere/scans{moto}", "out", "cannot be listed"),
        ("in", "s3://nowhere/scans{moto}", "cannot be written"),
        ("s3://scans/x?endpoint_override=127.0.0.1:9&scheme=http&region=us-east-1", "out", "cannot be listed"),
        ("nonsense://scans", "out", "nothing opens that"),
        ("in", "nonsense://scans", "nothing opens that"),
    ],
)
def test_places_that_cannot_be_used_are_one_line(cluster, faked, tmp_path, monkeypatch, request, source, target, said):
    photos(tmp_path / "in", 2)
    monkeypatch.chdir(tmp_path)
    moto = request.getfixturevalue("moto") if "{moto}" in source + target else ""
    code, lines = faked(source.replace("{moto}", moto), "-o", target.replace("{moto}", moto))
    assert code == 2 and len(lines) == 1 and re.search(said, lines[0])
    assert not (tmp_path / "out").exists() or not tree(tmp_path / "out")


def test_an_unreachable_cluster_is_one_line(tmp_path):
    pytest.importorskip("ray", reason="no Ray: pip install 'tfcolor[ray]'")
    source = photos(tmp_path / "in", 2)
    done = subprocess.run(
        [sys.executable, "-m", "tfcolor.colorize", str(source), "-o", str(tmp_path / "out"), "--engine", "ray"],
        env=os.environ | {"RAY_ADDRESS": "127.0.0.1:9"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2 and re.fullmatch(
        r"tfcolor colorize: 127\.0\.0\.1:9: no Ray cluster answers .*\n", done.stderr
    )
    assert not (tmp_path / "out").exists()


def test_a_knob_that_the_model_has_not_is_one_line(cluster, run, tmp_path):
    code, lines = run(photos(tmp_path / "in", 2), "-o", tmp_path / "out", "--engine", "ray", "--fade", "1")
    assert code == 2 and len(lines) == 1 and "has no fade" in lines[0]
    assert not (tmp_path / "out").exists()
