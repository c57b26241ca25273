"""`tfcolor colorize`: photos and folders of photos, in colour.

What becomes of one photo is `tfcolor.photo.colorize_photo`; here are the command line, the many, and what is said.
"""

import argparse
import functools
import itertools
import json
import os
import signal
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from tfcolor.colorizer import GUIDES, MOST_SAMPLES, REFERENCE_SIZE
from tfcolor.command import INTERRUPTED, Parser, process_age, real, verb, whole
from tfcolor.looks import Looks
from tfcolor.photo import Limits, Options, PhotoError, files, folders, formats
from tfcolor.photo.colorizing import COLORED, HAS_COLOR
from tfcolor.photo.formats import Format
from tfcolor.photo.label_maps import read_label_map
from tfcolor.photo.limits import MAX_PIXELS
from tfcolor.photo.opening import open_photo
from tfcolor.photo.records import EXISTS, FAILED, Task, color_photo, do_photo, shown
from tfcolor.project import MOST_BYTES, Project, agent

ALL_DONE, SOME_FAILED, TERMINATED = 0, 1, 143
PIPE = "-"
KNOBS = ("saturation", "vividness", "temperature", "fade", "quantile")
FADE_UNSURE = 0.6  # of the highest entropy: from there on colours fade
REPORT_START = b'{"input"'  # of every line of a report


def build_parser() -> Parser:
    parser = Parser(
        "tfcolor colorize",
        description="Colour photos and folders of photos. The originals are never touched.",
        epilog="Exit codes: 0 every photo is done; 1 some could not be done; 2 the command is wrong; 130 stopped.",
    )
    add = parser.add_argument
    add("inputs", nargs="+", metavar="INPUT", help="a photo, a folder (with all below it), or - for standard input")
    add("-o", "--output", required=True, metavar="OUT", help="a file for one photo, else a folder; - standard output")
    add("--model", metavar="NAME_OR_DIR", help="a shipped model, a run folder or a SavedModel (default: a shipped one)")
    add("--saturation", type=real(0), metavar="S", help="chroma times S")
    add("--vividness", type=real(0), metavar="V", help="0 conservative ... 1 vivid; models with a distribution")
    add("--temperature", type=real(0), metavar="T", help="1 mean ... 0 mode; models with a distribution")
    add("--fade", type=real(0), metavar="ETA", help="of unsure hues, 0 for none; models of hue and chroma")
    add("--quantile", type=real(0, 1), metavar="Q", help="of chroma, .5 the median; models of hue and chroma")
    add("--samples", type=whole(1, MOST_SAMPLES), metavar="N", help="N colourings: NAME-1 ..., NAME-sheet.png")
    add("--seed", type=whole(0), metavar="S", help="of the samples (default: 0)")
    add("--per-region", action="store_true", help="let samples differ from region to region")
    add("--reference", metavar="PHOTO", help="take as much of each colour as this photo has")
    add("--guide", choices=GUIDES, help="how the reference guides (default: energy)")
    add("--confidence", action="store_true", help="write NAME-confidence.png too: bright where the network is sure")
    add("--fade-unsure", action="store_true", help="leave gray where the network does not know")
    add("--map", metavar="FILE.png", help="what is in the photo, as the editor exports it; models that read labels")
    add("--project", metavar="FILE", help="as decided in the editor, `tfcolor app`: its photo in the same pixels")
    names = sorted(formats.BY_NAME)
    add("--output-format", choices=names, metavar="FORMAT", help=f"{', '.join(names)} (default: the photo's own)")
    add("--quality", type=whole(1, 100), metavar="Q", help="1-100 of JPEG, WebP, AVIF (default: a JPEG's own)")
    add("--chroma", choices=("auto", "444", "420"), default="auto", help="chroma of a JPEG (default: by its size)")
    add("--edges", action=argparse.BooleanOptionalAction, default=False, help="let colours follow the photo's edges")
    add("--overwrite", action="store_true", help="replace outputs that exist (a folder run passes them by)")
    add("--skip-color", action="store_true", help="leave photos that have colour alone; sepia counts as gray")
    add("--all-pages", action="store_true", help="all pages and frames, as pages of a TIFF (default: the first)")
    add("--allow-truncated", action="store_true", help="do damaged photos as far as they go")
    add("--max-pixels", type=whole(1), default=MAX_PIXELS, metavar="N", help="refuse larger ones (%(default)s)")
    add("--no-mark", action="store_true", help="do not write into the XMP that the colour was invented")
    add("--workers", type=whole(1), metavar="N", help="photos at a time (default: the cores, at most 4)")
    add("--engine", choices=("local", "ray"), default="local", help="ray: folders and buckets on a cluster")
    add("--report", metavar="FILE", help="add a line of JSON for each photo; with --engine ray a folder of Parquet")
    add("--dry-run", action="store_true", help="say what would be done, and touch nothing")
    add("--profile", action="store_true", help="say where the time went since the start of the process")
    add("--quiet", action="store_true", help="errors only")
    return parser


@verb("colorize")
def main(argv: list[str] | None = None) -> int:
    """Run the command; its exit code."""
    args = build_parser().parse_args(argv)
    warnings.filterwarnings("ignore", module="PIL")  # what matters of it becomes our own line
    return _run(args)


# What is to be done.


@dataclass
class Work:
    """All that a command asks for.

    `exist`: outputs that are there already, as (source, target). `failures`: lines about what cannot even be tried.
    `done`: how many are done by the report.
    """

    tasks: list[Task] = field(default_factory=list)
    exist: list[tuple[str, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    folders: set[Path] = field(default_factory=set)
    others: int = 0
    done: int = 0


def _run(args: argparse.Namespace) -> int:
    options = Options(
        output_format=formats.BY_NAME.get(args.output_format),
        quality=args.quality,
        chroma=args.chroma,
        edges=args.edges,
        skip_color=args.skip_color,
        all_pages=args.all_pages,
        limits=Limits(args.max_pixels, args.allow_truncated),
    )
    _check_names(args)
    _check_looks(args)
    if args.engine == "ray":
        return _run_on_ray(args, options)
    for place in (*args.inputs, args.output):
        if "://" in place and not os.path.exists(place):
            raise ValueError(f"{shown(place)}: no file of this machine; --engine ray opens buckets")
    project = _read_project(args) if args.project else None
    out = Path(args.output)
    single = len(args.inputs) == 1 and not (args.inputs[0] != PIPE and os.path.isdir(args.inputs[0]))
    if PIPE in args.inputs and not single:
        raise ValueError("- is one photo from standard input: give it alone")
    if single and args.output != PIPE and out.suffix.lower() in formats.BY_ENDING:
        options = replace(options, output_format=_format_of_name(out, options))
        work = _work_on_one(args, out, options)
    elif args.output == PIPE or PIPE in args.inputs:
        if not single or (args.inputs[0] == PIPE and args.output != PIPE):
            raise ValueError("a pipe carries one photo: tfcolor colorize - -o - or -o NAME.jpg")
        work = _work_on_one(args, out, options)
    elif out.suffix.lower() in formats.BY_ENDING and not out.is_dir():
        raise ValueError(f"{shown(args.output)}: one file, for one photo; these go into a folder, without {out.suffix}")
    elif single and out.suffix and not args.output.endswith(os.sep) and not out.is_dir():
        known = ", ".join(sorted(formats.BY_NAME))
        raise ValueError(f"{shown(args.output)}: no format ends so: {known}; for a folder of that name add {os.sep}")
    else:
        work = _work_on_many(args, out, options)
    if project:
        work.tasks = [replace(task, read=lambda read=task.read: project.check(read())) for task in work.tasks]
    if args.dry_run:
        return _dry_run([(task.source, task.target) for task in work.tasks], work.exist, work.failures)
    return _do(args, work, options, project)


def _run_on_ray(args: argparse.Namespace, options: Options) -> int:
    """A folder or bucket to another one, on a cluster: see `tfcolor.scans`."""
    for name in ("samples", "reference", "confidence", "fade_unsure", "map", "project"):
        if getattr(args, name):
            raise ValueError(f"--{name.replace('_', '-')} is not for --engine ray: without it, or --engine local")
    if len(args.inputs) > 1 or PIPE in (args.inputs[0], args.output):
        raise ValueError("--engine ray takes one folder or bucket to another: tfcolor colorize SOURCE -o TARGET")
    from tfcolor import scans
    from tfcolor.colorizer import DEFAULT_MODEL

    job = scans.Job(
        source=scans.open_store(args.inputs[0]),
        target=scans.open_store(args.output),
        model=args.model or DEFAULT_MODEL,
        knobs={name: getattr(args, name) for name in KNOBS if getattr(args, name) is not None},
        options=replace(options, agent="" if args.no_mark else options.agent),
    )
    job.check_places()
    stages = {"start": process_age()}
    workers = scans.start(args.workers)
    report = scans.Report(scans.open_store(args.report) if args.report else job.target.below(scans.REPORT))
    if not args.dry_run:
        scans.load(job)  # a wrong knob shows here
        scans.check_nodes(job)
        stages["model and nodes"] = process_age() - stages["start"]
    plan = scans.plan(job, report, args.overwrite)
    exist = [job.places(*names) for names in plan.exist]
    if args.dry_run:
        return _dry_run([job.places(*names) for names in plan.tasks], exist, plan.failures)
    work = Work(plan.tasks, exist, plan.failures, set(), plan.others, plan.done)
    if isinstance(job.target, scans.Folder):
        work.folders = {Path(job.target.place, target).parent for _, target in plan.tasks}

    def records(stop: "Stop") -> Iterator[dict]:
        for record in scans.run(job, plan.tasks, workers):
            yield record
            if stop.code:
                return
        for folder in work.folders:  # an actor that died here in the middle of a write has left its temporary file
            files.remove_leftovers(folder)

    return _follow(args, work, records, report, stages)


def _check_names(args: argparse.Namespace) -> None:
    """ValueError where a name is empty, as of a shell's variable that is not set: it would be the current folder."""
    for name, value in vars(args).items():
        if value == "" or (name == "inputs" and "" in value):
            option = "INPUT" if name == "inputs" else f"--{name.replace('_', '-')}"
            raise ValueError(f"{option} is empty: give a name")


def _check_looks(args: argparse.Namespace) -> None:
    """Options that go together; ValueError where one has come alone."""
    for option, given, of in (
        ("--seed", args.seed is not None, "samples"),
        ("--per-region", args.per_region, "samples"),
        ("--guide", args.guide, "reference"),
    ):
        if given and not getattr(args, of):
            raise ValueError(f"{option} is a choice of --{of}: give that too")
    if args.output == PIPE and (args.samples or args.confidence):
        raise ValueError("a pipe carries one photo, --samples and --confidence write several: -o NAME.png or a folder")


def _format_of_name(out: Path, options: Options) -> Format:
    kind, ending = formats.BY_ENDING[out.suffix.lower()], out.suffix.lower()
    if not kind.written or ending in formats.NEVER_WRITTEN:
        raise ValueError(f"{shown(out)}: colour is not written as {ending}: {', '.join(sorted(formats.BY_NAME))}")
    if options.output_format not in (None, kind):
        raise ValueError(f"{shown(out)}: its ending and --output-format {options.output_format.name} disagree")
    return kind


def _work_on_one(args: argparse.Namespace, out: Path, options: Options) -> Work:
    """A photo from a file or standard input, to a file or standard output."""
    source = args.inputs[0]
    if args.output != PIPE:
        if out.is_dir():
            raise ValueError(f"{shown(out)} is a folder: name a file")
        originals = [one for one in (source, args.reference) if one and one != PIPE and os.path.exists(one)]
        for path in (Path(name) for name in outputs(out, args)):
            if path.exists() and any(os.path.samefile(path, one) for one in originals):
                raise ValueError(f"{shown(path)} is the photo itself: originals are never overwritten, name another")
            if path.exists() and not args.overwrite:
                raise ValueError(f"{shown(path)} exists: --overwrite replaces it")
    largest = options.limits.file_bytes
    if source == PIPE:
        data = b"" if args.dry_run else sys.stdin.buffer.read(largest + 1)
        if len(data) > largest:
            raise ValueError(f"more than {largest:,} bytes on standard input: a larger --max-pixels")
        read, name = functools.partial(bytes, data), "standard input"
    else:
        read, name = functools.partial(files.read_file, Path(source), largest), source
    if args.output == PIPE:
        return Work([Task(name, "standard output", read, _write_to_standard_output)])
    return Work([Task(name, str(out), read, functools.partial(files.write_file, out))], folders={out.parent})


def _write_to_standard_output(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise files.trouble(error, "written") from None


def _work_on_many(args: argparse.Namespace, out: Path, options: Options) -> Work:
    """Photos and folders, into a folder."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{shown(out)} is a file: these inputs need a folder")
    for one in args.inputs:
        if os.path.isdir(one) and out.is_dir() and os.path.samefile(one, out):
            raise ValueError(f"{shown(one)} is the input and the output: name another folder")
    alone = len(args.inputs) == 1 and not os.path.isdir(args.inputs[0])
    found = folders.find([Path(one) for one in args.inputs], out)
    work = Work(others=found.others)
    work.failures = [f"{shown(one)}: cannot be listed: chmod or another user" for one in found.unreadable]
    originals = {os.path.realpath(one) for one in (args.reference, *(source for source, _ in found.photos)) if one}
    taken: dict[str, str] = {}
    for job in folders.plan(found.photos, out, options):
        written = outputs(job.target, args)
        for name in written:
            if os.path.realpath(name) in originals:
                raise ValueError(f"{shown(name)} is one of the photos: name another folder")
            if taken.setdefault(name, job.source) != job.source:
                both = f"{shown(taken[name])} and {shown(job.source)}"
                raise ValueError(f"{shown(name)} would be made from {both}: rename one")
        if folder := next(filter(os.path.isdir, written), None):
            line = f"{shown(job.source)}: {shown(folder)} is a folder: remove or rename it, or another OUT"
            work.failures.append(line)
            continue
        work.folders.add(job.target.parent)
        if all(map(os.path.exists, written)) and not args.overwrite:
            if alone:
                raise ValueError(f"{shown(written[0])} exists: --overwrite replaces it")
            work.exist.append((str(job.source), str(job.target)))
            continue
        read = functools.partial(files.read_file, job.source, options.limits.file_bytes)
        write = functools.partial(files.write_file, job.target)
        work.tasks.append(Task(str(job.source), str(job.target), read, write))
    return work


def outputs(target: Path | str, args: argparse.Namespace) -> list[str]:
    """All that is written for a photo whose colouring is called `target`: the colourings, then the pictures beside."""
    path, numbers = Path(target), range(1, (args.samples or 0) + 1)
    names = [f"{path.stem}-{number}{path.suffix}" for number in numbers] or [path.name]
    names += [f"{path.stem}-sheet.png"] if args.samples else []
    names += [f"{path.stem}-confidence.png"] if args.confidence else []
    return [str(path.with_name(name)) for name in names]


def _dry_run(tasks: list[tuple[str, str]], exist: list[tuple[str, str]], failures: list[str]) -> int:
    for line in failures:
        print(line, file=sys.stderr)
    lines = [f"{shown(source)} -> {shown(target)}" for source, target in tasks]
    lines += [f"{shown(source)} -> {shown(target)} (exists)" for source, target in exist]
    encoding = sys.stdout.encoding or "utf-8"  # standard output refuses what it cannot hold, standard error escapes it
    for line in lines:
        print(line.encode(encoding, "backslashreplace").decode(encoding))
    return SOME_FAILED if failures else ALL_DONE


# Doing it.


def _do(args: argparse.Namespace, work: Work, options: Options, project: Project | None) -> int:
    predict = size = None
    stages = {"start": process_age()}
    if work.tasks:
        predict, size, options = _load(args, options, project)
        stages["model"] = process_age() - stages["start"]
    hashes = bool(args.report)
    if isinstance(predict, Looks):
        color = functools.partial(predict.write, size=size, options=options)
    else:
        color = functools.partial(color_photo, predict=predict, size=size, options=options, hashes=hashes)
    do = functools.partial(do_photo, color=color, hashes=hashes)
    workers = args.workers or min(4, os.cpu_count() or 1)
    return _follow(args, work, functools.partial(_in_threads, do, work.tasks, workers), Report(args.report), stages)


def _follow(args: argparse.Namespace, work: Work, records: Callable, report, stages: dict[str, float]) -> int:
    """Let `records(stop)` do the tasks, tell and report each; the exit code."""
    exist = len(work.exist) + work.done
    tally = Counter({EXISTS: exist, FAILED: len(work.failures)})
    with report, Speaker(args, len(work.tasks), exist, stages) as speaker, Stop() as stop:
        for line in work.failures:
            speaker.say(line)
        for source, target in work.exist:
            report.add({"input": source, "output": target, "outcome": EXISTS})
        for folder in work.folders if work.tasks else ():
            files.remove_leftovers(folder)
        for record in records(stop):
            tally[record["outcome"]] += 1
            speaker.tell(record)
            report.add(record)
        speaker.sum_up(tally, work.others)
    return stop.code or (SOME_FAILED if tally[FAILED] else ALL_DONE)


class Stop:
    """Ctrl-C and SIGTERM while photos are under way: what is begun is finished, the rest is not begun.

    The second signal ends at once, and removes what is half written. `code` is the exit code, 0 if there was no signal.
    """

    CODES = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}

    def __init__(self):
        self.code = 0
        self._before: dict = {}

    def __enter__(self) -> "Stop":
        if threading.current_thread() is threading.main_thread():  # Python lets no other thread take signals
            self._before = {number: signal.signal(number, self._take) for number in self.CODES}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, _) -> None:
        if self.code:
            files.drop_unfinished()
            os._exit(self.code)
        self.code = self.CODES[number]
        os.write(2, b"tfcolor colorize: stopping when the photos under way are finished; once more to drop them\n")


def _read_project(args: argparse.Namespace) -> Project:
    """The project that was asked for; ValueError: it is none, or something was asked for that it decides itself."""
    decided = [*KNOBS, "samples", "reference", "confidence", "fade_unsure", "all_pages", "map"]
    for name in decided:
        if getattr(args, name) not in (None, False):
            raise ValueError(f"--{name.replace('_', '-')}: a project decides that itself; leave it out")
    _check_alone(args, "project")
    try:
        return Project.from_json(files.read_file(Path(args.project), MOST_BYTES, at_most=MOST_BYTES + 1))
    except ValueError as error:
        raise ValueError(f"--project {shown(args.project)}: {error}") from None


def _read_map(args: argparse.Namespace) -> bytes:
    """The file of the label map that was asked for; ValueError where there is none, or more than one photo for it."""
    _check_alone(args, "map")
    try:
        return files.read_file(Path(args.map), MOST_BYTES, at_most=MOST_BYTES)
    except PhotoError as error:
        raise ValueError(f"--map {shown(args.map)}: {error}") from None


def _check_alone(args: argparse.Namespace, option: str) -> None:
    if len(args.inputs) > 1 or os.path.isdir(args.inputs[0]):
        raise ValueError(f"--{option} {shown(getattr(args, option))}: it is of one photo; give that alone")


def _load(args: argparse.Namespace, options: Options, project: Project | None):
    """The model's prediction and size, and the options with its name; its first prediction is made, as that is slow.

    Raises:
        ValueError: there is no such model, or it cannot take one of the knobs; the reference is of no use.
    """
    reference = _read_reference(args.reference, options.limits) if args.reference else None
    map_file = _read_map(args) if args.map else None
    from tfcolor.colorizer import Colorizer

    knobs = {name: getattr(args, name) for name in KNOBS if getattr(args, name) is not None}
    colorizer = Colorizer.load(args.model or (project and project.model))
    if map_file and not getattr(colorizer, "reads_labels", False):
        raise ValueError(f"--map: model {colorizer.name} reads no label map; --model semantic_driven does")
    trial = np.tile(np.arange(64, dtype="uint8"), (64, 1))

    def given(gray):
        """What is given beside the gray: its labels, from the second photo on, as the first is a trial."""
        if map_file is None or gray is trial:
            return ()
        return (read_label_map(map_file, colorizer.classes, colorizer.palette, gray.shape, resize=True),)

    def predict(gray):
        return colorizer.chroma(gray, *given(gray), **knobs)

    if project and project.note(colorizer) and not args.quiet:
        print(f"tfcolor colorize: note: {project.note(colorizer)}", file=sys.stderr)
    if args.samples or args.reference or args.confidence or args.fade_unsure:
        choices = {
            "samples": args.samples,
            "seed": args.seed or 0,
            "per_region": args.per_region,
            "reference": reference,
            "guide": args.guide or "energy",
            "fade_unsure": FADE_UNSURE if args.fade_unsure else None,
        }
        predict = Looks(colorizer, choices | knobs, functools.partial(outputs, args=args), args.confidence, given)
    predict(trial)
    if project:

        def predict(gray):
            return project.edits_for(colorizer, gray.shape).chroma(colorizer, gray)

    return predict, colorizer.size, replace(options, agent="" if args.no_mark else agent(colorizer))


def _read_reference(name: str, limits: Limits) -> np.ndarray:
    """A reference photo, uint8 [h, w, 3], no larger than it needs to be.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        pixels = open_photo(files.read_file(Path(name), limits.file_bytes), limits).decode(0, True).pixels
        if isinstance(pixels, np.ndarray):
            pixels = Image.fromarray((pixels >> 8).astype("uint8") if pixels.dtype == np.uint16 else pixels)
        pixels = pixels.convert("RGB")
    except PhotoError as error:
        raise ValueError(f"--reference {shown(name)}: {error}") from None
    except Exception as error:  # what decoders of damaged files raise
        raise ValueError(
            f"--reference {shown(name)}: cannot be read ({error}): a whole copy, or another photo"
        ) from None
    pixels.thumbnail((REFERENCE_SIZE, REFERENCE_SIZE), Image.Resampling.BOX)
    return np.asarray(pixels)


def _in_threads(do: Callable[[Task], dict], tasks: list[Task], workers: int, stop: Stop) -> Iterator[dict]:
    """The record of each task, as they come; `workers` at a time, so that memory does not grow with their number."""
    waiting, running = iter(tasks), set()
    with ThreadPoolExecutor(workers) as pool:
        running.update(pool.submit(do, task) for task in itertools.islice(waiting, workers))
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            if not stop.code:
                running.update(pool.submit(do, task) for task in itertools.islice(waiting, len(done)))
            for future in done:
                yield future.result()


# Telling.


class Report:
    """A file of JSON lines, one a photo, added to at each run; without a path, none."""

    def __init__(self, path: str | None):
        try:
            self._file = open(path, "a+b") if path else None
        except OSError as error:
            raise ValueError(f"--report {shown(path)}: {error.strerror or error}") from None
        if self._file and not self._is_a_report():
            self._file.close()
            raise ValueError(f"--report {shown(path)} is there and is no report: name another file")

    def _is_a_report(self) -> bool:
        """Whether an earlier run wrote the file, or nobody anything: a photo is never added to, let alone cut."""
        self._file.seek(0)
        return REPORT_START.startswith(self._file.read(len(REPORT_START)))

    def __enter__(self) -> "Report":
        if not self._file:
            return self
        self._file.seek(0)
        whole = 0
        for line in self._file:
            whole += len(line) if line.endswith(b"\n") else 0  # a killed run may have left half a line
        self._file.truncate(whole)
        return self

    def add(self, record: dict) -> None:
        if not self._file:
            return
        kept = {key: value for key, value in record.items() if key != "traceback"}
        self._file.write(json.dumps(kept).encode() + b"\n")
        self._file.flush()

    def __exit__(self, *_) -> None:
        if self._file:
            self._file.close()


class Milestones:
    """Progress for a file or a pipe, where a bar would be noise: a line every PAUSE seconds."""

    PAUSE = 30.0

    def __init__(self, total: int):
        self._done, self._total = 0, total
        self._started = self._said = time.monotonic()

    def step(self) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._said >= self.PAUSE:
            self._said = now
            layout = "{n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]"
            passed = now - self._started
            line = tqdm.format_meter(self._done, self._total, passed, unit="photo", bar_format=layout)
            print(line, file=sys.stderr, flush=True)


class Speaker:
    """What is said on standard error: a progress bar, a line for each thing that a person should know, the sums."""

    def __init__(self, args: argparse.Namespace, to_do: int, exist: int, stages: dict[str, float]):
        self._args, self._photos = args, to_do + exist
        self._stages = Counter(stages)
        hidden, terminal = args.quiet or to_do < 2, sys.stderr.isatty()
        self._bar = tqdm(total=to_do, unit="photo", disable=hidden or not terminal, file=sys.stderr)
        self._lines = None if hidden or terminal else Milestones(to_do)

    def __enter__(self) -> "Speaker":
        return self

    def __exit__(self, *_) -> None:
        self._bar.close()

    def say(self, line: str) -> None:
        with self._bar.external_write_mode(file=sys.stderr):
            print(line, file=sys.stderr, flush=True)

    def tell(self, record: dict) -> None:
        """Errors, and notes unless quiet."""
        self._bar.update()
        if self._lines:
            self._lines.step()
        self._stages.update(record.get("stages", {}))
        name = shown(record["input"])
        if record["outcome"] == FAILED:
            self.say(f"{name}: {record['error']}")
            if self._args.debug and "traceback" in record:  # a cluster's lines come without
                self.say(record["traceback"])
        if self._args.quiet:
            return
        for line in record["warnings"]:
            self.say(f"{name}: note: {line}")
        if record["outcome"] == HAS_COLOR:
            self.say(f"{name}: note: it has colour and is left alone")

    def sum_up(self, tally: Counter, others: int) -> None:
        self._bar.close()
        if self._args.profile:
            whole = sum(self._stages.values())  # of several workers: more than passed
            shares = (f"{stage} {seconds:.2f} s ({seconds / whole:.0%})" for stage, seconds in self._stages.items())
            print("  ".join(shares), f" in all {process_age():.2f} s", file=sys.stderr)
        if self._args.quiet or self._photos == 1:
            return
        names = {COLORED: "coloured", EXISTS: "there already", HAS_COLOR: "left alone", FAILED: "failed"}
        parts = [f"{tally[outcome]} {name}" for outcome, name in names.items() if tally[outcome] or outcome == COLORED]
        parts += [f"{others} other files"] if others else []
        print(", ".join(parts), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
