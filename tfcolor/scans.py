"""Photos by the million on a cluster: `tfcolor colorize --engine ray`. The driver plans and reports, actors colour.

Only names and lines of the report travel through Ray; each actor reads and writes its photos itself. What becomes of
one photo is `photo.records.do_photo`, as on one machine; what is left to do, the report says.
"""

import hashlib
import itertools
import os
import re
import socket
import time
import urllib.parse
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib import metadata
from pathlib import Path, PurePosixPath

import numpy as np

from tfcolor import __version__
from tfcolor.photo import Options, PhotoError, files, folders
from tfcolor.photo.colorizing import COLORED, HAS_COLOR
from tfcolor.photo.records import EXISTS, FAILED, Task, color_photo, do_photo, shown
from tfcolor.project import agent
from tfcolor.quiet import native_errors_to_null

REPORT = "_tfcolor_report"  # the report's folder in TARGET, where no other is named
TRIES = 3  # how often a photo may end its worker process
BLOCK = 16  # photos that go to an actor at a time, at most
REPORT_ROWS, REPORT_SECONDS = 10_000, 10.0  # a part of the report is written at the first of both
PATIENCE = 10  # seconds that the cluster's address has to answer in
CHECK_PATIENCE = 300  # seconds that a node's check may take: a new node installs its environment first


# Where photos lie.


def open_store(place: str) -> "Folder | Bucket":
    """A folder's path, or a URI that Arrow or fsspec opens.

    Raises:
        ValueError: nothing opens it.
    """
    if "://" not in place:
        return Folder(os.path.abspath(place))
    if place.startswith("file://"):
        return Folder(urllib.parse.unquote(urllib.parse.urlsplit(place).path))
    return Bucket(place)


class Folder:
    """A folder that all nodes see under the same path. Names are relative to it."""

    def __init__(self, place: str):
        self.place = place

    def names(self, leave_out: str, unreadable: list[str]) -> Iterator[str]:
        """The files below, those below `leave_out` not; folders that cannot be listed go to `unreadable`."""
        folders_apart: list[Path] = []
        for path in folders.walk(Path(self.place), Path(leave_out), folders_apart):
            yield str(path.relative_to(self.place))
        unreadable += map(str, folders_apart)

    def below(self, name: str) -> "Folder":
        return Folder(os.path.join(self.place, name))

    def existing(self) -> set[str]:
        return {
            os.path.relpath(os.path.join(at, name), self.place) for at, _, some in os.walk(self.place) for name in some
        }

    def read(self, name, largest: int, at_most: int | None = None) -> bytes:
        return files.read_file(Path(self.place, name), largest, at_most)

    def write(self, name, data: bytes) -> None:
        files.write_file(Path(self.place, name), data)

    def remove(self, name: str) -> None:
        Path(self.place, name).unlink()


class Bucket:
    """A URI, as `s3://bucket/scans`: what Arrow opens, else what fsspec does. The same methods as `Folder`."""

    WHOLE_ON_CLOSE = ("s3", "gcs", "abfs")  # stores where a name shows no object before all of it is there

    def __init__(self, place: str):
        parts = urllib.parse.urlsplit(place)
        self.place = f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
        self._uri = place

    @cached_property
    def _opened(self):
        """The file system of Arrow, and the path in it."""
        import pyarrow as pa
        from pyarrow import fs

        parts = urllib.parse.urlsplit(self._uri)
        try:
            return fs.FileSystem.from_uri(parts._replace(path=urllib.parse.quote(parts.path)).geturl())
        except pa.ArrowInvalid as error:
            refused = error
        try:
            import fsspec

            system, path = fsspec.core.url_to_fs(self._uri)
            return fs.PyFileSystem(fs.FSSpecHandler(system)), path
        except (ImportError, ValueError) as error:
            raise ValueError(f"{shown(self.place)}: nothing opens that ({error}; {refused})") from None

    def below(self, name: str) -> "Bucket":
        parts = urllib.parse.urlsplit(self._uri)
        return Bucket(parts._replace(path=f"{parts.path.rstrip('/')}/{name}").geturl())

    def __reduce__(self):
        return Bucket, (self._uri,)  # each process opens it anew

    def _path(self, name) -> str:
        return f"{self._opened[1].rstrip('/')}/{name}"

    def names(self, leave_out: str, unreadable: list[str]) -> Iterator[str]:
        found = self._listed(allow_not_found=False)
        for name in sorted(found):
            hidden = any(part.startswith(".") and part != ".." for part in name.split("/"))
            if not hidden and not f"{self.place}/{name}".startswith(f"{leave_out}/"):
                yield name

    def existing(self) -> set[str]:
        return set(self._listed(allow_not_found=True))

    def _listed(self, allow_not_found: bool) -> list[str]:
        from pyarrow import fs

        system, root = self._opened
        root = root.rstrip("/")
        try:
            found = system.get_file_info(fs.FileSelector(root, allow_not_found=allow_not_found, recursive=True))
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{shown(self.place)}: cannot be listed ({_line(error)}): check name, keys, network"
            ) from None
        return [one.path[len(root) + 1 :] for one in found if one.type == fs.FileType.File]

    def read(self, name, largest: int, at_most: int | None = None) -> bytes:
        """As `files.read_file`."""
        try:
            with self._opened[0].open_input_file(self._path(name)) as file:
                size = file.size()
                if at_most is None and size > largest:
                    raise PhotoError(f"a file of {size:,} bytes, more than {largest:,}", "a larger --max-pixels")
                return file.read(size if at_most is None else min(size, at_most))
        except OSError as error:
            raise PhotoError(f"cannot be read ({_line(error)})", "the same command again") from None

    def write(self, name, data: bytes) -> None:
        """As `files.write_file`."""
        system, path = self._opened[0], self._path(name)
        whole = system.type_name in self.WHOLE_ON_CLOSE
        part = path if whole else f"{path.rpartition('/')[0]}/.tfcolor-{uuid.uuid4().hex}.part"
        try:
            if not whole:
                system.create_dir(path.rpartition("/")[0], recursive=True)
            with system.open_output_stream(part) as file:
                file.write(data)
            if not whole:
                system.move(part, path)
        except OSError as error:
            raise PhotoError(f"cannot be written ({_line(error)})", "the same command again") from None

    def remove(self, name: str) -> None:
        self._opened[0].delete_file(self._path(name))


def _line(error: BaseException) -> str:
    """The first line of what an error says that has more than its kind."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__


def _cause(error: BaseException) -> str:
    """What went wrong elsewhere, of the tracebacks that Ray puts into one text: the first error, where there is one."""
    said = re.search(r"^[\w.]*(?:Error|Exception|Interrupt|Exit): .+", str(error), re.MULTILINE)
    return said[0][:300] if said else f"{type(error).__name__}: {_line(error)}"


# What there is to do.


@dataclass(frozen=True)
class Job:
    """All that an actor needs to know. `knobs`: of the model's decoding."""

    source: Folder | Bucket
    target: Folder | Bucket
    model: str
    knobs: dict
    options: Options

    def places(self, source: str, target: str) -> tuple[str, str]:
        """What two names in the stores are called outside."""
        return f"{self.source.place}/{source}", f"{self.target.place}/{target}"

    def check_places(self) -> None:
        """Refuse a SOURCE that is not there, and a TARGET in which an output could have an original's name.

        Raises:
            ValueError: there is no such folder; TARGET is SOURCE, or SOURCE is below it.
        """
        if isinstance(self.source, Folder) and not os.path.isdir(self.source.place):
            raise ValueError(f"{shown(self.source.place)}: no folder is there: check the name")
        source, target = (
            os.path.realpath(store.place) if isinstance(store, Folder) else store.place
            for store in (self.source, self.target)
        )
        if f"{source}/".startswith(f"{target.rstrip('/')}/"):
            raise ValueError(f"{shown(source)} is, or lies in, the output {shown(target)}: name another folder")

    def identity(self) -> dict[str, str]:
        """What has to be the same on all nodes."""
        from tfcolor.colorizer import find_model

        digest, folder = hashlib.sha256(), find_model(self.model)
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(str(file.relative_to(folder)).encode() + file.read_bytes())
        try:
            runtime = metadata.version("ai-edge-litert")
        except metadata.PackageNotFoundError:
            runtime = "missing"
        return {"tfcolor": __version__, f"model {self.model}": digest.hexdigest()[:12], "LiteRT": runtime}


def start(workers: int | None) -> int:
    """Connect to the cluster of RAY_ADDRESS or of this machine, or start one here; how many actors there may be.

    Raises:
        ValueError: Ray is not installed, or no cluster answers.
    """
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what matters comes as an exception
    try:
        with native_errors_to_null():
            import ray
            import ray.data
    except ImportError as error:
        raise ValueError(f"--engine ray needs Ray ({error}): pip install 'tfcolor[ray]'") from None
    import logging

    address = os.environ.get("RAY_ADDRESS", "")
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        if not ray.is_initialized():
            if host and port.isdigit():
                socket.create_connection((host, int(port)), PATIENCE).close()  # Ray itself would try for minutes
            with native_errors_to_null():
                ray.init(log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"{address or 'this machine'}: no Ray cluster answers ({_line(error)}): check RAY_ADDRESS"
        ) from None
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    return workers or max(1, int(ray.cluster_resources().get("CPU", 1)))


def check_nodes(job: Job) -> None:
    """See that each node has this tfcolor and this model, sees SOURCE, and reads and writes TARGET.

    Raises:
        ValueError: one does not, the first that is found.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

    probe = f".tfcolor-probe-{uuid.uuid4().hex}"
    try:
        job.target.write(probe, b"driver")
    except PhotoError as error:
        raise ValueError(f"{shown(job.target.place)}: {error}") from None
    here, checks = job.identity(), {}
    try:
        for node in ray.nodes():
            if node["Alive"] and node["Resources"].get("CPU"):
                check = ray.remote(_check_node).options(num_cpus=0, scheduling_strategy=On(node["NodeID"], soft=False))
                checks[check.remote(job, here, probe)] = f"node {node['NodeManagerAddress']} ({node['NodeID'][:8]})"
        for check, node in checks.items():
            try:
                trouble = ray.get(check, timeout=CHECK_PATIENCE)
            except Exception as error:  # it has no tfcolor, another Python, died, or does not answer
                trouble = f"cannot run tfcolor {__version__} ({_cause(error)})"
            if trouble:
                raise ValueError(f"{node}: {trouble}")
    finally:
        job.target.remove(probe)


def _check_node(job: Job, expected: dict, probe: str) -> str:
    """What is wrong with the node that this runs on, as a line; empty: nothing."""
    try:
        if other := _difference(job, expected):
            return other
        if isinstance(job.source, Folder) and not os.path.isdir(job.source.place):
            return f"{shown(job.source.place)} is not there: a folder that all nodes share, or a bucket"
        try:
            job.target.read(probe, 100)
        except PhotoError as error:
            return f"{shown(job.target.place)} is another folder there ({error}): one that all nodes share, or a bucket"
        own = f"{probe}-{uuid.uuid4().hex}"
        job.target.write(own, b"node")
        job.target.remove(own)
    except (ValueError, OSError) as error:
        return _line(error)
    return ""


def _difference(job: Job, expected: dict) -> str:
    found = job.identity()
    wrong = [
        f"{name} is {found.get(name)}, here {value}" for name, value in expected.items() if found.get(name) != value
    ]
    return f"{'; '.join(wrong)}: install the same on all nodes" if wrong else ""


@dataclass
class Plan:
    """What is to be done.

    Attributes:
        tasks: (source, target) names in the two stores, of what is left.
        exist: the same of outputs that are there and that no report knows.
        done: how many are done by the report.
        failures: lines about what cannot even be tried.
        others: how many files are no photos.
    """

    tasks: list[tuple[str, str]]
    exist: list[tuple[str, str]]
    done: int
    failures: list[str]
    others: int


def plan(job: Job, report: "Report", overwrite: bool) -> Plan:
    """List SOURCE, look at each file's first bytes on the cluster, name the outputs as one machine does.

    Raises:
        ValueError: SOURCE cannot be listed, or an output would be one of the photos, by links.
    """
    unreadable: list[str] = []
    names = list(job.source.names(job.target.place, unreadable))
    failures = [f"{shown(one)}: cannot be listed: chmod or another user" for one in unreadable]
    climbing = {name for name in names if ".." in PurePosixPath(name).parts}
    failures += [f"{shown(name)}: a name with .. leads out of the folder: rename it" for name in sorted(climbing)]
    names = [name for name in names if name not in climbing]
    endings = _endings(job, names)
    photos = [name for name in names if endings[name] is not None]
    key = folders.file_system_key(Path(job.target.place)) if isinstance(job.target, Folder) else str
    chosen = folders.name_outputs([Path(name) for name in photos], [endings[name] for name in photos], key)
    if isinstance(job.source, Folder) and isinstance(job.target, Folder):
        originals = {os.path.realpath(os.path.join(job.source.place, name)) for name in photos}
        for target in chosen:
            if os.path.realpath(Path(job.target.place, target)) in originals:
                raise ValueError(f"{shown(Path(job.target.place, target))} is one of the photos: name another folder")
    known, there = report.done(), set() if overwrite else job.target.existing()
    result = Plan([], [], 0, failures, len(names) - len(photos))
    for name, target in zip(photos, map(str, chosen), strict=True):
        source, output = map(_text, job.places(name, target))
        left_alone = job.options.skip_color and (source, None) in known
        if not overwrite and (left_alone or (source, output) in known):
            result.done += 1
        else:
            (result.exist if target in there else result.tasks).append((name, target))
    return result


def _text(name: str) -> str:
    """A name as Arrow's text: bytes that are none are escaped, as in JSON."""
    return name.encode("utf-8", "backslashreplace").decode()


def _endings(job: Job, names: list[str]) -> dict[str, str | None]:
    """The ending of each photo's copy; None for what is no photo."""
    import pyarrow as pa
    import ray

    if not names:
        return {}
    rows = pa.table({"source": pa.array(map(os.fsencode, names), pa.binary())})
    looked = ray.data.from_arrow(_blocks(rows, 1000)).map_batches(partial(_look, job=job), batch_format="pyarrow")
    found = {}
    for batch in looked.iter_batches(batch_size=None, batch_format="pyarrow"):
        columns = (batch[name].to_pylist() for name in ("source", "ending"))
        found |= {os.fsdecode(name): ending for name, ending in zip(*columns, strict=True)}
    return found


def _look(rows, job: Job):
    import pyarrow as pa

    def ending(name: str) -> str | None:
        if not folders.is_photo(Path(name), job.source.read):
            return None
        return folders.ending_for(Path(name), job.options, job.source.read)

    endings = [ending(os.fsdecode(name)) for name in rows["source"].to_pylist()]
    return rows.append_column("ending", pa.array(endings, pa.string()))


def _blocks(rows, size: int) -> list:
    return [rows.slice(at, size) for at in range(0, len(rows), size)]


# Doing it.


class Ledger:
    """An actor beside the driver: how often each photo was begun and not ended, as its worker process was gone.

    A call that Ray repeats counts once: `attempt` is a name that no other attempt has.
    """

    def __init__(self):
        self._begun = defaultdict(set)

    def begin(self, name: bytes, attempt: str) -> int:
        self._begun[name].add(attempt)
        return len(self._begun[name])

    def end(self, name: bytes) -> None:
        self._begun.pop(name, None)


class Worker:
    """An actor with one loaded model. When its process or node has gone, Ray starts it anew on the same block."""

    def __init__(self, job: Job, expected: dict, ledger):
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
        if other := _difference(job, expected):  # of a node that has joined since the check
            raise ValueError(f"node {socket.gethostname()}: {other}")
        self._job, self._ledger = job, ledger
        predict, size, options = load(job)
        self._color = partial(color_photo, predict=predict, size=size, options=options, hashes=True)

    def __call__(self, rows):
        pairs = zip(*(rows[name].to_pylist() for name in ("source", "target")), strict=True)
        return table([self._record(os.fsdecode(source), os.fsdecode(target)) for source, target in pairs])

    def _record(self, source: str, target: str) -> dict:
        import ray

        key, job = os.fsencode(source), self._job
        task = Task(
            *job.places(source, target),
            partial(job.source.read, source, job.options.limits.file_bytes),
            partial(job.target.write, target),
        )
        if ray.get(self._ledger.begin.remote(key, uuid.uuid4().hex)) > TRIES:
            error = f"it ended its worker process {TRIES} times, by a crash or for memory: more of it, or leave it out"
            # It stays in the ledger: another photo may end the process, and this one comes again with the block.
            return {"input": task.source, "outcome": FAILED, "error": error, "warnings": []}
        record = do_photo(task, self.color, hashes=True)
        self._ledger.end.remote(key)
        return record

    def color(self, task: Task, data: bytes) -> dict:
        return self._color(task, data)


def load(job: Job) -> tuple[Callable, int, Options]:
    """The model's prediction and size, and the options with its name; its first prediction is made, as that is slow.

    Raises:
        ValueError: there is no such model, or it cannot take one of the knobs.
    """
    from tfcolor.colorizer import Colorizer

    colorizer = Colorizer.load(job.model)
    predict = partial(colorizer.chroma, **job.knobs)
    predict(np.tile(np.arange(64, dtype="uint8"), (64, 1)))
    mark = agent(colorizer) if job.options.agent else ""
    return predict, colorizer.size, replace(job.options, agent=mark)


def run(job: Job, tasks: list[tuple[str, str]], workers: int) -> Iterator[dict]:
    """The line of the report of each task, as they come.

    Raises:
        OSError: the cluster has gone, or a node that has joined has another tfcolor or model.
    """
    import pyarrow as pa
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

    if not tasks:
        return
    # On no other node, not even where this one has no processors to lend: one that goes would take the ledger along.
    here = On(ray.get_runtime_context().get_node_id(), soft=False)
    kept = {"num_cpus": 0, "scheduling_strategy": here, "max_restarts": -1, "max_task_retries": -1}
    ledger = ray.remote(Ledger).options(**kept).remote()
    columns = zip(("source", "target"), zip(*tasks, strict=True), strict=True)
    rows = pa.table({name: pa.array(map(os.fsencode, some), pa.binary()) for name, some in columns})
    there = max(1, int(ray.cluster_resources().get("CPU", 1)))
    size = max(1, min(BLOCK, len(tasks) // (4 * workers)))
    records = ray.data.from_arrow(_blocks(rows, size)).map_batches(
        Worker,
        fn_constructor_args=(job, job.identity(), ledger),
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers, initial_size=min(workers, there)),
        batch_format="pyarrow",
        batch_size=None,
        num_cpus=1,
    )
    try:
        for batch in records.iter_batches(batch_size=None, batch_format="pyarrow"):
            for record in batch.to_pylist():
                record["stages"] = dict(record["stages"] or ())
                yield {name: value for name, value in record.items() if value is not None}
    except ray.exceptions.RayError as error:
        raise OSError(f"the cluster stopped ({_cause(error)}): the same command again does what is left") from None
    finally:
        ray.kill(ledger)


# Telling.


def table(records: list[dict]):
    """Lines of a report as an Arrow table, with the names that the JSON of one machine has."""
    import pyarrow as pa

    text, seconds = pa.string(), pa.float64()
    schema = pa.schema(
        {
            **{"input": text, "output": text, "outcome": text, "warnings": pa.list_(text), "seconds": seconds},
            **{"input_sha256": text, "output_sha256": text, "stages": pa.map_(text, seconds), "error": text},
        }
    )

    def value(found):
        if isinstance(found, str):
            return _text(found)
        return list(found.items()) if isinstance(found, dict) else found

    return pa.Table.from_pylist([{n: value(record.get(n)) for n in schema.names} for record in records], schema)


class Report:
    """A folder of Parquet files, `run=TIME/part-N.parquet`, that only the driver writes; each whole or not there."""

    def __init__(self, store: Folder | Bucket):
        self._store = store
        self._run = f"run={time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:6]}"
        self._waiting: list[dict] = []
        self._numbers, self._written = itertools.count(), time.monotonic()

    def done(self) -> set[tuple[str, str]]:
        """(input, output) of all photos that are done by the runs before; for one that was left alone, its name.

        Raises:
            ValueError: a part cannot be read.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        found, columns = set(), ["input", "output", "outcome"]
        for name in sorted(one for one in self._store.existing() if one.endswith(".parquet")):
            try:
                part = pq.read_table(pa.BufferReader(self._store.read(name, 1 << 40)), columns=columns)
            except (PhotoError, pa.ArrowException) as error:
                place = shown(f"{self._store.place}/{name}")
                raise ValueError(f"{place}: no part of a report ({_line(error)}): remove it") from None
            for row in part.to_pylist():
                if row["outcome"] in (COLORED, EXISTS, HAS_COLOR):
                    found.add((row["input"], row["output"]))
        return found

    def __enter__(self) -> "Report":
        return self

    def add(self, record: dict) -> None:
        self._waiting.append(record)
        if len(self._waiting) >= REPORT_ROWS or time.monotonic() - self._written > REPORT_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting.

        Raises:
            OSError: it cannot be written.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._written = time.monotonic()
        if not self._waiting:
            return
        file = pa.BufferOutputStream()
        pq.write_table(table(self._waiting), file)
        try:
            self._store.write(f"{self._run}/part-{next(self._numbers):06}.parquet", file.getvalue().to_pybytes())
        except PhotoError as error:
            raise OSError(f"{shown(self._store.place)}: {error}") from None
        self._waiting = []

    def __exit__(self, *_) -> None:
        self.flush()
