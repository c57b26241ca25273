"""`tfcolor colorize` with a network that is none: PHOTOS.md groups 19 to 25."""

import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
import types
import unicodedata
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from tfcolor import colorize
from tfcolor.photo import files

ROOT = Path(__file__).parents[1]
SLOW = bool(os.environ.get("TFCOLOR_SLOW"))  # the long forms of some tests


class FakeColorizer:
    """Orange everywhere; as tfcolor.colorizer.Colorizer."""

    size, name, version = 64, "fake", "7"
    loads = 0

    @classmethod
    def load(cls, name=None):
        if name == "nowhere":
            raise ValueError("no model 'nowhere'; installed here: fake")
        cls.loads += 1
        return cls()

    def chroma(self, gray, **knobs):
        if "vividness" in knobs:
            raise ValueError("model fake has no vividness; it takes saturation")
        height, width = (-(-side // 4) for side in gray.shape)
        chroma = np.full((height, width, 2), [-0.1, 0.1], "float32")
        return chroma * np.float32(knobs.get("saturation", 1.0))

    # What `Colorizer` can do with a distribution; `runs` counts how often the network ran, `asked` what was chosen.
    runs, asked = 0, {}

    def colour_output(self, gray):
        type(self).runs += 1
        return self.chroma(gray)

    def looks(self, output, gray, **choices):
        type(self).asked = choices
        if choices["guide"] == "energy" and choices["reference"] is not None and choices["reference"].std() < 5:
            raise ValueError(
                "the reference is gray and has no colours to give: take a photo in colour, or leave it out"
            )
        return np.stack([output * (1 + number / 10) for number in range(choices["samples"] or 1)])

    def certainty(self, output):
        return np.full(output.shape[:2], 0.4, "float32")


@pytest.fixture(autouse=True)
def fake(monkeypatch):
    """The network that `colorize` imports."""
    monkeypatch.setitem(sys.modules, "tfcolor.colorizer", types.SimpleNamespace(Colorizer=FakeColorizer))
    monkeypatch.setattr(FakeColorizer, "loads", 0)
    monkeypatch.setattr(FakeColorizer, "runs", 0)


@pytest.fixture
def run(capsys):
    """Run the command: (exit code, standard output, lines of standard error)."""

    def run(*args):
        code = colorize.main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return code, captured.out, captured.err.splitlines()

    return run


PICTURE = (np.add.outer(np.arange(40), np.arange(60)) * 2 + 20).astype("uint8")


def save(path, picture=PICTURE, **settings):
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = settings.pop("kind", None)
    with open(path, "wb") as file:
        Image.fromarray(picture).save(
            file, kind or {".jpg": "JPEG"}.get(path.suffix.lower(), path.suffix[1:].upper()), **settings
        )
    return path


def is_colored(path):
    with Image.open(path) as image:
        rgb = np.asarray(image.convert("RGB")).astype(int)
    return (rgb[..., 0] - rgb[..., 2]).mean() > 20


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


# The command.


def test_one_photo(run, tmp_path):
    source = save(tmp_path / "a.jpg")
    before = source.read_bytes()
    assert run(source, "-o", tmp_path / "b.jpg") == (0, "", [])
    assert is_colored(tmp_path / "b.jpg") and source.read_bytes() == before
    assert tree(tmp_path) == ["a.jpg", "b.jpg"]


def test_help_and_argument_errors_need_no_tensorflow(tmp_path):
    code = textwrap.dedent(
        """
        import sys
        from tfcolor import colorize
        try: colorize.main(["--help"])
        except SystemExit as end: assert end.code == 0
        for wrong in ("a.jpg", "a.jpg -o b.jpg --chroma 9", "a.jpg -o b.gif", "- a.jpg -o o"):
            assert colorize.main(wrong.split()) == 2, wrong
        assert not {"tensorflow", "keras"} & set(sys.modules)
        """
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "--allow-truncated" in done.stdout


WRONG = [
    (["--quality", "101"], "'101' is not a whole number from 1 to 100"),
    (["--quality", "x"], "--quality: 'x' is not a whole number from 1 to 100"),
    (["--max-pixels", "0"], "'0' is not a whole number of at least 1"),
    (["--saturation", "-1"], "'-1' is not a number of at least 0"),
    (["--saturation", "nan"], "is not a number of at least 0"),
    (["--vividness", "nan"], "is not a number of at least 0"),
    (["--output-format", "gif"], "--output-format"),
    (["--outputformat", "png"], "did you mean --output-format?"),
    (["--model", "nowhere"], "no model 'nowhere'; installed here: fake"),
    (["--vividness", "1"], "model fake has no vividness; it takes saturation"),
    (["--report", "/nowhere/report"], "--report /nowhere/report: No such file or directory"),
]


@pytest.mark.parametrize("args, says", WRONG)
def test_a_wrong_command_touches_nothing(run, tmp_path, args, says):
    source = save(tmp_path / "a.jpg")
    code, out, lines = run(source, "-o", tmp_path / "new" / "b.jpg", *args)
    assert (code, out) == (2, "") and len(lines) == 1 and says in lines[0]
    assert tree(tmp_path) == ["a.jpg"] and not (tmp_path / "new").exists()


@pytest.mark.parametrize("option", ["INPUT", "--output", "--reference", "--report", "--model"])
def test_an_empty_name_is_not_the_current_folder(run, tmp_path, monkeypatch, option):
    monkeypatch.chdir(save(tmp_path / "in" / "a.jpg").parent)
    given = {"INPUT": "a.jpg", "--output": "out"} | {option: ""}
    code, _, lines = run(given.pop("INPUT"), *(word for pair in given.items() for word in pair))
    assert code == 2 and lines == [f"tfcolor colorize: {option} is empty: give a name"]
    assert tree(tmp_path) == ["in/a.jpg"]


@pytest.mark.parametrize("inputs", [["in/a.jpg", "in/b.jpg"], ["in"]])
def test_several_photos_do_not_go_into_one_file(run, tmp_path, inputs):
    for name in ("in/a.jpg", "in/b.jpg"):
        save(tmp_path / name)
    sources, target = [tmp_path / name for name in inputs], tmp_path / "c.png"
    says = f"tfcolor colorize: {target}: one file, for one photo; these go into a folder, without .png"
    code, _, lines = run(*sources, "-o", target)
    assert (code, lines) == (2, [says]) and tree(tmp_path) == ["in/a.jpg", "in/b.jpg"]
    target.mkdir()  # a folder of that name is one
    assert run(*sources, "-o", target)[0] == 0 and tree(target) == ["a.jpg", "b.jpg"]


def test_an_ending_that_no_format_has_is_not_taken_for_a_folder(run, tmp_path):
    source, target = save(tmp_path / "a.jpg"), tmp_path / "c.bmpp"
    code, _, (line,) = run(source, "-o", target)
    assert code == 2 and line.startswith(f"tfcolor colorize: {target}: no format ends so: avif, bmp, ")
    assert line.endswith("for a folder of that name add /") and tree(tmp_path) == ["a.jpg"]
    assert run(source, "-o", f"{target}/")[0] == 0 and tree(target) == ["a.jpg"]
    assert run(source, "-o", target, "--overwrite")[0] == 0  # a folder of that name is one


def test_the_ending_of_the_output_says_its_format(run, tmp_path):
    source = save(tmp_path / "a.jpg")
    for name, kind in (("b.png", "PNG"), ("c.TIFF", "TIFF"), ("d.webp", "WEBP"), ("e.JPEG", "JPEG")):
        assert run(source, "-o", tmp_path / name)[0] == 0
        with Image.open(tmp_path / name) as image:
            assert image.format == kind
    for name in ("b.gif", "b.heic", "b.pgm"):
        code, _, lines = run(source, "-o", tmp_path / name)
        assert code == 2 and f"colour is not written as {name[1:]}" in lines[0]
    code, _, lines = run(source, "-o", tmp_path / "x.png", "--output-format", "jpg")
    assert code == 2 and "disagree" in lines[0]


def test_knobs_and_mark(run, tmp_path):
    source = save(tmp_path / "a.png")
    assert run(source, "-o", tmp_path / "gray.png", "--saturation", "0")[0] == 0
    with Image.open(tmp_path / "gray.png") as image:
        assert np.ptp(np.asarray(image).astype(int), axis=-1).max() == 0
        assert "fake 7" in image.info["XML:com.adobe.xmp"]
    assert run(source, "-o", tmp_path / "b.png", "--no-mark")[0] == 0
    assert b"DigitalSourceType" not in (tmp_path / "b.png").read_bytes()


def test_profile_says_where_the_time_went_from_the_start_of_the_process(tmp_path):
    began = time.monotonic()
    process = start(save(tmp_path / "a.jpg"), "-o", tmp_path / "b.jpg", "--profile")
    line, passed = process.communicate()[1].decode(), time.monotonic() - began
    stages = {stage: float(seconds) for stage, seconds in re.findall(r"([a-z ]+\S) (\d+\.\d\d) s", line)}
    assert [*map(str.strip, stages)] == [*"start model decode network merge encode write".split(), "in all"], line
    whole = stages.popitem()[1]
    assert 0.05 < stages["start"] <= sum(stages.values()) <= whole + 0.05 and whole <= passed + 0.02
    assert sum(map(int, re.findall(r"(\d+)%", line))) in range(97, 104)


def test_warnings_are_said_and_quiet_leaves_the_errors(run, tmp_path):
    save(tmp_path / "in" / "a.gif")
    (tmp_path / "in" / "b.png").write_bytes(b"nothing")
    code, _, lines = run(tmp_path / "in", "-o", tmp_path / "o1", "--workers", "1")
    assert code == 1 and f"{tmp_path}/in/a.gif: note: GIF becomes PNG" in lines
    assert lines[-1] == "1 coloured, 1 failed"
    code, _, lines = run(tmp_path / "in", "-o", tmp_path / "o2", "--quiet")
    assert code == 1 and len(lines) == 1 and lines[0].startswith(f"{tmp_path}/in/b.png: not a photo: ")


def test_debug_shows_where_an_error_comes_from(run, tmp_path):
    (tmp_path / "a.png").write_bytes(b"nothing")
    _, _, lines = run(tmp_path / "a.png", "-o", tmp_path / "b.png", "--debug")
    assert any("Traceback" in line for line in lines)


def test_a_fault_of_ours_costs_one_photo_and_a_line(run, tmp_path, monkeypatch):
    save(tmp_path / "in" / "a.png", np.zeros((5, 5), "uint8") + np.arange(5, dtype="uint8"))
    save(tmp_path / "in" / "b.png")
    plain = FakeColorizer.chroma
    monkeypatch.setattr(
        FakeColorizer, "chroma", lambda self, gray: 1 / 0 if gray.shape == (5, 5) else plain(self, gray)
    )
    code, _, lines = run(tmp_path / "in", "-o", tmp_path / "out")
    assert code == 1 and any(
        "a.png: ZeroDivisionError, division by zero: this is a fault in tfcolor" in line for line in lines
    )
    assert is_colored(tmp_path / "out" / "b.png")


# 19: no photo.


def test_what_is_no_photo_gets_a_line_each_and_never_hangs(run, tmp_path):
    here = tmp_path / "in"
    save(here / "good.jpg")
    (here / "empty.jpg").write_bytes(b"")
    (here / "text.png").write_text("hello")
    (here / "document.tif").write_bytes(b"%PDF-1.4")
    os.mkfifo(here / "pipe.jpg")
    (here / "lost.jpg").symlink_to(here / "gone.jpg")
    (here / "zero.jpg").symlink_to("/dev/zero")
    (here / "folder.jpg").mkdir()
    (here / "notes.txt").write_text("hello")
    (here / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    started = time.monotonic()
    code, _, lines = run(here, "-o", tmp_path / "out")
    assert time.monotonic() - started < 60
    said = {re.match(rf"{here}/([a-z.]+): .+: .+", line)[1]: line for line in lines[:-1]}
    assert code == 1 and set(said) == {"empty.jpg", "text.png", "document.tif", "pipe.jpg", "lost.jpg", "zero.jpg"}
    assert "an empty file" in said["empty.jpg"] and "not a photo" in said["text.png"]
    assert "a pipe" in said["pipe.jpg"] and "a link to nothing" in said["lost.jpg"] and "a device" in said["zero.jpg"]
    assert lines[-1] == "1 coloured, 6 failed, 2 other files"
    assert tree(tmp_path / "out") == ["good.jpg"]


def test_named_things_that_are_no_photos(run, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    good = save(tmp_path / "good.jpg")
    code, _, lines = run(good, tmp_path / "pipe", tmp_path / "gone.jpg", "/dev/null", "-o", tmp_path / "out")
    assert code == 1 and tree(tmp_path / "out") == ["good.jpg"]
    assert [line for line in lines if "gone.jpg: cannot be read (No such file or directory): check the name" in line]
    assert [line for line in lines if "/dev/null: a device, no photo: name photos, or a folder of photos" in line]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(run, tmp_path):
    source = save(tmp_path / "in" / "a.jpg")
    source.chmod(0)
    code, _, lines = run(tmp_path / "in", "-o", tmp_path / "out")
    assert code == 1 and "Permission denied" in lines[0]


def test_what_the_system_refuses_is_said(tmp_path, monkeypatch):
    source = save(tmp_path / "a.jpg")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(files.PhotoError, match=r"cannot be read \(Permission denied\): chmod or another user"):
        files.read_file(source, 1000)


def test_a_photo_without_an_ending_is_known_by_its_first_bytes(run, tmp_path):
    save(tmp_path / "in" / "scan 1", kind="JPEG")
    save(tmp_path / "in" / "wrong.jpg", kind="PNG")
    assert run(tmp_path / "in", "-o", tmp_path / "out")[0] == 0
    assert tree(tmp_path / "out") == ["scan 1.jpg", "wrong.png"]


# 20: names.


def test_strange_names_each_keep_their_photo(run, tmp_path):
    here = tmp_path / "in"
    long = "l" * 251 + ".jpg"
    names = [
        "a b.jpg",
        unicodedata.normalize("NFC", "é.jpg"),
        unicodedata.normalize("NFD", "é.jpg"),
        "new\nline.jpg",
        "-o.jpg",
        long,
    ]
    for name in names:
        save(here / name)
    raw = os.fsencode(here) + b"/\xff\xfe.jpg"
    os.link(here / "a b.jpg", raw)
    assert run(here, "-o", tmp_path / "out")[0] == 0
    assert tree(tmp_path / "out") == sorted([*names, os.fsdecode(b"\xff\xfe.jpg")])
    assert all(is_colored(tmp_path / "out" / name) for name in names)


def test_a_leading_dash_is_no_option(run, tmp_path, monkeypatch):
    save(tmp_path / "-o.jpg")
    monkeypatch.chdir(tmp_path)
    assert run("-o", "out.jpg", "--", "-o.jpg")[0] == 0
    assert run("./-o.jpg", "-o", "out2.jpg")[0] == 0


def test_names_are_printed_escaped(run, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "new\nline\x1b[31m.jpg").write_bytes(b"")
    with open(os.fsencode(tmp_path / "in") + b"/\xff.jpg", "wb"):
        pass
    _, _, lines = run(tmp_path / "in", "-o", tmp_path / "out", "--workers", "1")
    assert any(line.startswith(f"{tmp_path}/in/new\\nline\\x1b[31m.jpg: an empty file") for line in lines)
    assert any(line.startswith(f"{tmp_path}/in/\\xff.jpg: an empty file") for line in lines)


def test_names_that_the_output_cannot_hold_are_escaped(tmp_path):
    save(tmp_path / "é☺.jpg")
    process = start(tmp_path, "-o", tmp_path / "out", "--dry-run", PYTHONIOENCODING="latin-1")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, b"")
    assert out == f"{tmp_path}/é\\u263a.jpg -> {tmp_path}/out/é\\u263a.jpg\n".encode("latin-1")


def test_names_that_collide_stay_apart(run, tmp_path):
    here = tmp_path / "in"
    for number, name in enumerate(["a.gif", "a.png", "a.jpg", "a.GIF", "A.gif", "a.gif.png", "sub/a.gif"]):
        save(here / name, PICTURE + np.uint8(number), kind={"jpg": "JPEG", "png": "PNG"}.get(name[-3:], "GIF"))
    assert run(here, "-o", tmp_path / "out", "--output-format", "png")[0] == 0
    names = tree(tmp_path / "out")
    assert len(names) == 7 and {"a.png", "a.gif.png", "A.png", "sub/a.png", "a.jpg.png"} <= set(names)
    contents = {np.asarray(Image.open(tmp_path / "out" / name).convert("L")).mean() for name in names}
    assert len(contents) == 7
    before = {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in names}
    assert run(here, "-o", tmp_path / "out", "--output-format", "png")[0] == 0  # and the same names again
    assert {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in tree(tmp_path / "out")} == before


def test_photos_of_one_name_from_several_places(run, tmp_path):
    inputs = [save(tmp_path / place / "a.jpg") for place in ("x", "y", "z")]
    assert run(*inputs, inputs[0], "-o", tmp_path / "out")[0] == 0
    assert tree(tmp_path / "out") == ["a-2.jpg", "a-3.jpg", "a.jpg"] or len(tree(tmp_path / "out")) == 3
    assert run(tmp_path / "x", tmp_path / "y", "-o", tmp_path / "both")[0] == 0
    assert tree(tmp_path / "both") == ["x/a.jpg", "y/a.jpg"]


def test_a_name_that_becomes_too_long_is_cut(run, tmp_path):
    save(tmp_path / "in" / ("é" * 125 + ".jp2"), kind="JPEG2000")
    save(tmp_path / "in" / ("é" * 125 + ".bmp"), kind="BMP")
    assert run(tmp_path / "in", "-o", tmp_path / "out", "--output-format", "webp")[0] == 0
    names = tree(tmp_path / "out")
    assert len(names) == 2 and all(len(os.fsencode(name)) <= 255 and name.endswith(".webp") for name in names)


# 21: the output.


def test_an_output_that_exists_is_refused_and_replaced_if_asked(run, tmp_path):
    source, target = save(tmp_path / "a.jpg"), tmp_path / "b.jpg"
    target.write_bytes(b"precious")
    code, _, lines = run(source, "-o", target)
    assert code == 2 and f"{target} exists: --overwrite replaces it" in lines[0] and target.read_bytes() == b"precious"
    assert run(source, "-o", tmp_path / "folder")[0] == 0
    code, _, lines = run(source, "-o", tmp_path / "folder")
    assert code == 2 and f"{tmp_path}/folder/a.jpg exists: --overwrite replaces it" in lines[0]
    assert run(source, "-o", target, "--overwrite")[0] == 0 and is_colored(target)
    assert FakeColorizer.loads == 2


def test_the_photo_itself_is_never_the_output(run, tmp_path):
    source = save(tmp_path / "in" / "a.jpg")
    before = source.read_bytes()
    (tmp_path / "link.jpg").symlink_to(source)
    os.link(source, tmp_path / "hard.jpg")
    for args in (
        (source, "-o", source),
        (source, "-o", tmp_path / "link.jpg"),
        (source, "-o", tmp_path / "hard.jpg"),
        (source, "-o", tmp_path / "in"),
        (tmp_path / "in", "-o", tmp_path / "in"),
        (tmp_path / "in", source, "-o", tmp_path / "in"),
    ):
        code, _, lines = run(*args, "--overwrite")
        assert code == 2 and len(lines) == 1 and source.read_bytes() == before
    assert tree(tmp_path) == ["hard.jpg", "in/a.jpg", "link.jpg"]


def test_a_reference_or_a_report_never_costs_a_photo(run, tmp_path):
    """`--report *.jpg`: the shell puts a photo behind it."""
    source, other = save(tmp_path / "in" / "a.png"), save(tmp_path / "b.png")
    before = source.read_bytes(), other.read_bytes()
    for args, says in (
        ((source, "-o", other, "--reference", other), "is the photo itself"),
        ((tmp_path / "in", "-o", tmp_path, "--reference", tmp_path / "a.png"), "is one of the photos"),
        ((source, "-o", tmp_path / "c.png", "--report", other), "is there and is no report: name another file"),
        ((tmp_path / "in", "-o", tmp_path / "out", "--report", source), "is there and is no report"),
    ):
        code, _, lines = run(*args, "--overwrite")
        assert code == 2 and len(lines) == 1 and says in lines[0]
        assert (source.read_bytes(), other.read_bytes()) == before and tree(tmp_path) == ["b.png", "in/a.png"]


def test_another_photo_of_the_command_is_never_the_output(run, tmp_path):
    save(tmp_path / "a.gif")
    other = save(tmp_path / "a.png")
    before = other.read_bytes()
    code, _, lines = run(tmp_path / "a.gif", other, "-o", tmp_path, "--overwrite")
    assert code == 2 and "is one of the photos" in lines[0] and other.read_bytes() == before


def test_missing_folders_are_made_and_mode_and_time_are_as_of_any_new_file(run, tmp_path):
    source = save(tmp_path / "a.jpg")
    os.utime(source, (0, 0))
    mask = os.umask(0o027)
    try:
        assert run(source, "-o", tmp_path / "x" / "y" / "b.jpg")[0] == 0
    finally:
        os.umask(mask)
    status = (tmp_path / "x" / "y" / "b.jpg").stat()
    assert status.st_mode & 0o777 == 0o640 and abs(status.st_mtime - time.time()) < 60


def test_a_folder_where_a_file_is_meant_and_the_other_way_round(run, tmp_path):
    source, other = save(tmp_path / "a.jpg"), save(tmp_path / "c.jpg")
    (tmp_path / "b.jpg").mkdir()
    code, _, lines = run(source, "-o", tmp_path / "b.jpg")
    assert code == 2 and "is a folder: name a file" in lines[0]
    (tmp_path / "file").write_text("x")
    code, _, lines = run(source, other, "-o", tmp_path / "file")
    assert code == 2 and "is a file" in lines[0]
    code, _, lines = run(source, "-o", tmp_path / "c.jpg" / "d.jpg")
    assert code == 1 and "c.jpg/d.jpg: cannot be written" not in lines[0] and "another name, as a file" in lines[0]


def test_in_a_folder_run_a_folder_of_a_photos_name_is_no_photo_that_is_done(run, tmp_path):
    save(tmp_path / "in" / "a.jpg")
    save(tmp_path / "in" / "b.jpg")
    (tmp_path / "out" / "a.jpg").mkdir(parents=True)
    for more in ((), ("--overwrite",), ("--dry-run",)):
        code, _, lines = run(tmp_path / "in", "-o", tmp_path / "out", *more)
        line = f"{tmp_path}/in/a.jpg: {tmp_path}/out/a.jpg is a folder: remove or rename it, or another OUT"
        assert code == 1 and lines[0] == line
    assert tree(tmp_path / "out") == ["b.jpg"]


@pytest.mark.parametrize("number, says", [(28, "No space left on device"), (30, "Read-only file system")])
def test_a_full_or_closed_disk_costs_a_line_and_leaves_nothing(run, tmp_path, monkeypatch, number, says):
    source = save(tmp_path / "a.jpg")

    def full(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    code, _, lines = run(source, "-o", tmp_path / "b.jpg")
    assert code == 1 and f"cannot be written ({says})" in lines[0]
    assert tree(tmp_path) == ["a.jpg"]


def test_an_error_while_renaming_leaves_what_was_there(tmp_path, monkeypatch):
    target = tmp_path / "b.jpg"
    target.write_bytes(b"old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        files.write_file(target, b"new")
    assert tree(tmp_path) == ["b.jpg"] and target.read_bytes() == b"old"


# 22: folders.


def test_a_folder_is_mirrored(run, tmp_path):
    here = tmp_path / "in"
    for name in ("a.jpg", "1938/b.jpg", "1938/summer/c.png", ".hidden.jpg", ".thumbs/d.jpg"):
        save(here / name)
    outside = save(tmp_path / "elsewhere" / "e.jpg")
    (here / "link.jpg").symlink_to(outside)
    (here / "loop").symlink_to(here)
    (here / "away").symlink_to(outside.parent)
    assert run(here, "-o", tmp_path / "out")[0] == 0
    assert tree(tmp_path / "out") == ["1938/b.jpg", "1938/summer/c.png", "a.jpg", "link.jpg"]


def test_its_own_output_is_never_its_input(run, tmp_path):
    save(tmp_path / "a.jpg")
    for _ in range(2):
        assert run(tmp_path, "-o", tmp_path / "out")[0] == 0
        assert tree(tmp_path) == ["a.jpg", "out/a.jpg"]


def test_a_folder_without_photos(run, tmp_path):
    (tmp_path / "in").mkdir()
    code, _, lines = run(tmp_path / "in", "-o", tmp_path / "out")
    assert code == 0 and lines == ["0 coloured"] and FakeColorizer.loads == 0


# 23: many photos.


def test_the_same_command_again_does_what_is_left(run, tmp_path):
    for number in range(5):
        save(tmp_path / "in" / f"{number}.jpg")
    assert run(tmp_path / "in", "-o", tmp_path / "out")[2][-1] == "5 coloured"
    (tmp_path / "out" / "3.jpg").unlink()
    code, _, lines = run(tmp_path / "in", "-o", tmp_path / "out")
    assert code == 0 and lines[-1] == "1 coloured, 4 there already"
    assert run(tmp_path / "in", "-o", tmp_path / "out")[2][-1] == "0 coloured, 5 there already"
    assert FakeColorizer.loads == 2  # nothing to do: no model
    assert run(tmp_path / "in", "-o", tmp_path / "out", "--overwrite")[2][-1] == "5 coloured"


def test_the_report(run, tmp_path):
    good, bad = save(tmp_path / "in" / "a.gif"), tmp_path / "in" / "b\udcff.png"
    bad.write_bytes(b"nothing")
    report = tmp_path / "report.jsonl"
    report.write_bytes(b'{"input": "of before"}\n{"input": "half a li')
    assert run(tmp_path / "in", "-o", tmp_path / "out", "--report", report)[0] == 1
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert lines[0] == {"input": "of before"} and len(lines) == 3
    by_name = {line["input"]: line for line in lines}
    line = by_name[str(good)]
    output = tmp_path / "out" / "a.png"
    assert line["outcome"] == "colored" and line["output"] == str(output) and line["seconds"] > 0
    assert line["warnings"] == ["GIF becomes PNG"]
    assert line["input_sha256"] == hashlib.sha256(good.read_bytes()).hexdigest()
    assert line["output_sha256"] == hashlib.sha256(output.read_bytes()).hexdigest()
    failed = by_name[str(bad)]
    assert failed["outcome"] == "failed" and "not a photo" in failed["error"] and failed["output"] is None
    assert run(tmp_path / "in", "-o", tmp_path / "out", "--report", report)[0] == 1
    again = [json.loads(line) for line in report.read_text().splitlines()][3:]
    assert {line["outcome"] for line in again} == {"exists", "failed"}


def test_progress_has_rate_and_time_left(run, tmp_path, monkeypatch):
    for number in range(3):
        save(tmp_path / "in" / f"{number}.jpg")
    monkeypatch.setattr(colorize.Milestones, "PAUSE", 0.0)
    _, _, lines = run(tmp_path / "in", "-o", tmp_path / "lines")
    assert [re.fullmatch(r"\d/3 \[\d\d:\d\d<\d\d:\d\d, .*(photo/s|s/photo)\]", line) is None for line in lines] == [
        False
    ] * 3 + [True]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    _, _, lines = run(tmp_path / "in", "-o", tmp_path / "bar")
    assert any(re.search(r"3/3 \[.*<00:00, .*photo", line) for line in lines)


def test_a_dry_run_says_and_touches_nothing(run, tmp_path):
    save(tmp_path / "in" / "a.gif")
    save(tmp_path / "in" / "b.jpg")
    save(tmp_path / "out" / "b.jpg")
    before = tree(tmp_path)
    code, out, lines = run(tmp_path / "in", "-o", tmp_path / "out", "--dry-run")
    assert code == 0 and lines == [] and FakeColorizer.loads == 0 and tree(tmp_path) == before
    here = tmp_path
    assert out == f"{here}/in/a.gif -> {here}/out/a.png\n{here}/in/b.jpg -> {here}/out/b.jpg (exists)\n"


def test_photos_with_colour_are_left_alone_if_asked(run, tmp_path):
    colorful = np.random.default_rng(0).integers(0, 255, (6, 6, 3)).astype("uint8").repeat(10, 0).repeat(10, 1)
    save(tmp_path / "in" / "a.jpg", colorful)
    save(tmp_path / "in" / "b.jpg")
    code, _, lines = run(tmp_path / "in", "-o", tmp_path / "out", "--skip-color")
    assert code == 0 and tree(tmp_path / "out") == ["b.jpg"] and lines[-1] == "1 coloured, 1 left alone"
    assert any("a.jpg: note: it has colour and is left alone" in line for line in lines)


def test_pages_decide_the_ending(run, tmp_path):
    frames = [Image.fromarray(np.roll(PICTURE, 9 * i, 1)) for i in range(3)]
    (tmp_path / "in").mkdir()
    frames[0].save(tmp_path / "in" / "a.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "in" / "b.gif")
    assert run(tmp_path / "in", "-o", tmp_path / "out", "--all-pages")[0] == 0
    assert tree(tmp_path / "out") == ["a.tif", "b.png"]
    with Image.open(tmp_path / "out" / "a.tif") as image:
        assert image.n_frames == 3
    code, _, lines = run(tmp_path / "in" / "a.gif", "-o", tmp_path / "c.png", "--all-pages")
    assert code == 1 and "its pages need a TIFF" in lines[0] and not (tmp_path / "c.png").exists()


def test_memory_does_not_grow_with_the_number_of_photos(tmp_path):
    code = "import resource, runpy, sys\ntry: runpy.run_path(sys.argv[0], run_name='__main__')\n"
    code += "except SystemExit as end: print(end.code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    peaks = []
    for count in (30, 300):
        folder = tmp_path / str(count)
        first = save(folder / "0.png", PICTURE[:8, :8])
        for number in range(1, count):
            os.link(first, folder / f"{number}.png")
        argv = [__file__, str(folder), "-o", str(tmp_path / f"{count} done"), "--report", str(tmp_path / "report")]
        command = [sys.executable, "-c", f"import sys; sys.argv = {argv!r}\n{code}"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        exit_code, megabytes = done.stdout.split()
        assert exit_code == "0", done.stderr
        peaks.append(int(megabytes))
    assert peaks[1] - peaks[0] < 15, peaks


@pytest.mark.parametrize("workers", [1, 3])
def test_several_workers_do_the_same(run, tmp_path, workers):
    for number in range(12):
        save(tmp_path / "in" / f"{number}.jpg", PICTURE + np.uint8(number))
    out = tmp_path / f"out{workers}"
    assert run(tmp_path / "in", "-o", out, "--workers", workers)[0] == 0
    one = tmp_path / "in" / "7.jpg"
    assert run(one, "-o", tmp_path / "alone.jpg")[0] == 0
    assert (out / "7.jpg").read_bytes() == (tmp_path / "alone.jpg").read_bytes() and len(tree(out)) == 12


# Several colourings, a reference, confidence.


def test_samples_are_written_beside_each_other_with_a_sheet(run, tmp_path):
    source = save(tmp_path / "a.png")
    code, _, lines = run(source, "-o", tmp_path / "b.png", "--samples", "5", "--seed", "7", "--per-region")
    assert (code, lines) == (0, [])
    assert tree(tmp_path) == ["a.png", "b-1.png", "b-2.png", "b-3.png", "b-4.png", "b-5.png", "b-sheet.png"]
    assert FakeColorizer.runs == 2  # once before any photo, once for the photo
    asked = FakeColorizer.asked
    assert (asked["samples"], asked["seed"], asked["per_region"], asked["reference"]) == (5, 7, True, None)
    photos = [np.asarray(Image.open(tmp_path / f"b-{number}.png")).astype(int) for number in range(1, 6)]
    redness = [(photo[..., 0] - photo[..., 2]).mean() for photo in photos]
    assert redness == sorted(redness) and redness[4] > 1.2 * redness[0]
    with Image.open(tmp_path / "b-sheet.png") as image:
        sheet = np.asarray(image).astype(int)
    height, width = PICTURE.shape
    assert sheet.shape == (2 * (height + 16), 3 * width, 3)
    np.testing.assert_array_equal(sheet[:height, width : 2 * width], photos[1])
    np.testing.assert_array_equal(sheet[height + 16 : -16, width : 2 * width], photos[4])
    assert (sheet[height + 16 :, 2 * width :] == 255).all()


def test_samples_of_a_folder_go_on_where_they_were_stopped(run, tmp_path):
    for name in ("a.jpg", "b.jpg"):
        save(tmp_path / "in" / name)
    command = (tmp_path / "in", "-o", tmp_path / "out", "--samples", "2", "--report", tmp_path / "report")
    assert run(*command)[2][-1] == "2 coloured"
    names = ["a-1.jpg", "a-2.jpg", "a-sheet.png", "b-1.jpg", "b-2.jpg", "b-sheet.png"]
    assert tree(tmp_path / "out") == names
    reported = [json.loads(line) for line in (tmp_path / "report").read_text().splitlines()]
    written = sorted([Path(name).name for name in line["outputs"]] for line in reported)
    assert written == [names[:3], names[3:]]
    for line in reported:
        sums = [hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in line["outputs"]]
        assert line["outputs_sha256"] == sums and line["input_sha256"]
    (tmp_path / "out" / "b-2.jpg").unlink()
    assert run(*command)[2][-1] == "1 coloured, 1 there already" and tree(tmp_path / "out") == names
    code, out, _ = run(*command, "--dry-run")
    assert code == 0 and out.count("(exists)") == 2


def test_what_exists_is_not_replaced_by_a_sample(run, tmp_path):
    source = save(tmp_path / "a.png")
    (tmp_path / "b-2.png").write_bytes(b"precious")
    code, _, lines = run(source, "-o", tmp_path / "b.png", "--samples", "2")
    assert code == 2 and f"{tmp_path}/b-2.png exists: --overwrite replaces it" in lines[0]
    assert tree(tmp_path) == ["a.png", "b-2.png"]
    code, _, lines = run(source, save(tmp_path / "a-1.png"), "-o", tmp_path, "--samples", "1", "--overwrite")
    assert code == 2 and "a-1.png is one of the photos" in lines[0]
    for name in ("c.png", "c.gif"):
        save(tmp_path / "in" / name)
    save(tmp_path / "in" / "c-confidence.png")
    code, _, lines = run(tmp_path / "in", "-o", tmp_path / "out", "--confidence")
    assert code == 2 and "c-confidence.png would be made from" in lines[0] and not (tmp_path / "out").exists()


def test_a_reference_and_confidence(run, tmp_path):
    source = save(tmp_path / "a.png")
    colour = np.random.default_rng(0).integers(0, 256, (300, 600, 3)).astype("uint8")
    reference = save(tmp_path / "reference.jpg", colour)
    choices = ("--reference", reference, "--guide", "quantiles", "--confidence", "--fade-unsure", "--saturation", "0.5")
    assert run(source, "-o", tmp_path / "b.png", *choices) == (0, "", [])
    assert tree(tmp_path) == ["a.png", "b-confidence.png", "b.png", "reference.jpg"] and FakeColorizer.runs == 2
    asked = FakeColorizer.asked
    assert asked["reference"].shape == (128, 256, 3) and asked["reference"].dtype == np.uint8
    assert np.abs(asked["reference"].mean(axis=(0, 1)) - colour.mean(axis=(0, 1))).max() < 3
    assert (asked["guide"], asked["fade_unsure"], asked["saturation"], asked["samples"]) == (
        "quantiles",
        0.6,
        0.5,
        None,
    )
    with Image.open(tmp_path / "b-confidence.png") as image:
        assert image.mode == "L" and np.unique(image).tolist() == [102]


@pytest.mark.parametrize("name", ["gray.png", "palette.gif", "deep.png", "cmyk.jpg"])
def test_references_of_other_kinds_are_read(run, tmp_path, name):
    colour = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype("uint8")
    path = tmp_path / name
    if name == "gray.png":
        save(path)
    elif name == "deep.png":
        path.write_bytes(imagecodecs.png_encode(colour.astype("uint16") * 257))
    else:
        Image.fromarray(colour).convert({"palette.gif": "P", "cmyk.jpg": "CMYK"}[name]).save(path)
    assert run(save(tmp_path / "a.png"), "-o", tmp_path / "b.png", "--reference", path)[0] == 0
    kept = PICTURE.mean() if name == "gray.png" else colour.mean(axis=(0, 1))
    assert np.abs(FakeColorizer.asked["reference"].mean(axis=(0, 1)) - kept).max() < 8


def test_a_reference_that_is_none_is_named_and_nothing_touched(run, tmp_path):
    source, target = save(tmp_path / "a.png"), tmp_path / "out" / "b.png"
    (tmp_path / "text.jpg").write_text("hello")
    for name in ("half.jpg", "half.png"):
        whole = save(tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    save(tmp_path / "one.png", np.full((40, 40), 90, "uint8"))
    for name, says in (
        ("gone.jpg", "gone.jpg: cannot be read"),
        ("text.jpg", "text.jpg: not a photo"),
        ("half.jpg", "half.jpg: "),
        ("half.png", "half.png: "),
        ("", "cannot be read ([Errno 21] Is a directory"),
        ("one.png", "the reference is gray"),
    ):
        code, out, lines = run(source, "-o", target, "--reference", tmp_path / name)
        assert (code, out) == (2, "") and len(lines) == 1 and says in lines[0], lines
        assert not target.parent.exists()


@pytest.mark.parametrize(
    "args, says",
    [
        (["--samples", "0"], "'0' is not a whole number from 1 to 24"),
        (["--samples", "25"], "'25' is not a whole number from 1 to 24"),
        (["--seed", "1"], "--seed is a choice of --samples: give that too"),
        (["--per-region"], "--per-region is a choice of --samples"),
        (["--guide", "energy"], "--guide is a choice of --reference"),
        (["--quantile", "1.5"], "'1.5' is not a number from 0 to 1"),
    ],
)
def test_choices_that_cannot_be_are_named(run, tmp_path, args, says):
    code, _, lines = run(save(tmp_path / "a.png"), "-o", tmp_path / "b.png", *args)
    assert code == 2 and len(lines) == 1 and says in lines[0] and FakeColorizer.loads == 0


def test_several_pictures_do_not_go_into_a_pipe(run, tmp_path):
    code, _, lines = run(save(tmp_path / "a.png"), "-o", "-", "--confidence")
    assert code == 2 and "a pipe carries one photo" in lines[0]


def test_a_photo_of_one_gray_has_samples_and_no_sheet(run, tmp_path):
    source = save(tmp_path / "a.png", np.full((20, 30), 90, "uint8"))
    assert run(source, "-o", tmp_path / "b.png", "--samples", "2")[0] == 0
    assert tree(tmp_path) == ["a.png", "b-1.png", "b-2.png"]


# 24 and 25 need a process of their own: this file as a program is `tfcolor colorize` with the fake network.

if __name__ == "__main__":
    sys.modules["tfcolor.colorizer"] = types.SimpleNamespace(Colorizer=FakeColorizer)
    if os.environ.get("SLOW_CHROMA"):
        plain = FakeColorizer.chroma

        def slow(self, gray, **knobs):
            if gray.shape != (64, 64):  # the first call, before any photo
                os.write(2, b"under way\n")
                time.sleep(float(os.environ["SLOW_CHROMA"]))
            return plain(self, gray, **knobs)

        FakeColorizer.chroma = slow
    if os.environ.get("SLOW_WRITE"):

        class InTwoHalves(io.FileIO):
            def write(self, data):
                half = super().write(data[: len(data) // 2])
                time.sleep(float(os.environ["SLOW_WRITE"]))
                return half + super().write(data[half:])

        files.open = InTwoHalves
    sys.exit(colorize.main())


def start(*args, stdin=None, **environment):
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | {name: str(value) for name, value in environment.items()}
    command = [sys.executable, __file__, *map(str, args)]
    return subprocess.Popen(command, env=environment, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_for(condition, seconds=120):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_stopped_twice_it_ends_at_once_and_leaves_nothing_half(tmp_path):
    for i in range(8):
        save(tmp_path / "in" / f"{i}.jpg")
    process = start(tmp_path / "in", "-o", tmp_path / "out", "--workers", 2, SLOW_CHROMA=600)
    # Two workers: the second may write before the first one's line has ended.
    assert process.stderr.readline() in (b"under way\n", b"under wayunder way\n")
    process.send_signal(signal.SIGINT)
    while b"once more to drop them" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    # The second worker may only now have begun.
    assert process.returncode == 130 and err.replace(b"under way\n", b"") == b""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_it_finishes_what_is_under_way(tmp_path, number, code):
    for i in range(40):
        save(tmp_path / "in" / f"{i:02}.jpg")
    process = start(tmp_path / "in", "-o", tmp_path / "out", "--workers", 2, SLOW_CHROMA=0.3)
    wait_for(lambda: len(list((tmp_path / "out").glob("*.jpg"))) >= 2)
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == code, err
    assert b"Traceback" not in err
    done = tree(tmp_path / "out")
    assert 2 <= len(done) < 40 and all(is_colored(tmp_path / "out" / name) for name in done)
    assert not list((tmp_path / "out").glob(".tfcolor-*"))


def test_after_kill_9_nothing_is_half_and_the_next_run_finishes(tmp_path):
    """Killed in the middle of a write, and at random moments, in turns; `TFCOLOR_SLOW=1` kills a hundred times."""
    photos = 60
    for i in range(photos):
        save(tmp_path / "in" / f"{i:02}.jpg", np.tile(PICTURE, (8, 8)))
    originals = {path: path.read_bytes() for path in (tmp_path / "in").iterdir()}
    dice = np.random.default_rng(0)
    out = tmp_path / "out"
    kills, halves = 100 if SLOW else 3, 0

    def parts():
        return set(out.glob(".tfcolor-*.part"))

    for kill in range(kills):
        before = parts()
        if kill % 2 == 0:
            process = start(tmp_path / "in", "-o", out, "--workers", 2, SLOW_WRITE=0.5)
            wait_for(lambda: parts() - before or process.poll() is not None)  # noqa: B023
        else:
            process = start(tmp_path / "in", "-o", out, "--workers", 2, SLOW_CHROMA=0.02)
            enough = min(photos - 1, len(list(out.glob("*.jpg"))) + int(dice.integers(0, 3)))
            while len(list(out.glob("*.jpg"))) < enough and process.poll() is None:
                time.sleep(0.01)
            time.sleep(float(dice.uniform(0, 0.05)))
        process.kill()
        process.communicate()
        halves += bool(parts() - before)
        for path in out.glob("*.jpg"):
            with Image.open(path) as image:
                image.load()
        if kill % 10 == 9:
            for path in list(out.glob("*.jpg"))[:20]:
                path.unlink()
    assert halves > kills / 3  # nearly all of those that were killed in a write
    (out / f".tfcolor-{files._HOST}-999999999-3.part").write_bytes(b"left by a killed run")
    process = start(tmp_path / "in", "-o", out)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert tree(out) == [f"{i:02}.jpg" for i in range(photos)]
    assert all(is_colored(out / name) for name in tree(out))
    assert {path: path.read_bytes() for path in (tmp_path / "in").iterdir()} == originals


def test_leftovers_of_others_stay_for_a_day(tmp_path):
    alive = tmp_path / f".tfcolor-{files._HOST}-{os.getppid()}-1.part"
    foreign, old = tmp_path / ".tfcolor-elsewhere-7-1.part", tmp_path / ".tfcolor-elsewhere-7-2.part"
    mine, dead = (
        tmp_path / f".tfcolor-{files._HOST}-{os.getpid()}-1.part",
        tmp_path / f".tfcolor-{files._HOST}-999999999-1.part",
    )
    for path in (alive, foreign, old, mine, dead, tmp_path / "photo.part"):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    assert files.remove_leftovers(tmp_path) == 3
    assert tree(tmp_path) == sorted([alive.name, foreign.name, "photo.part"])
    assert files.remove_leftovers(tmp_path / "missing") == 0


# 25: pipes.


def test_a_pipe_in_and_out(tmp_path):
    file = io.BytesIO()
    Image.fromarray(PICTURE).save(file, "JPEG")
    process = start("-", "-o", "-", stdin=subprocess.PIPE)
    out, err = process.communicate(file.getvalue(), timeout=120)
    assert process.returncode == 0 and err == b""
    (tmp_path / "out.jpg").write_bytes(out)
    assert is_colored(tmp_path / "out.jpg")
    process = start("-", "-o", tmp_path / "b.png", stdin=subprocess.PIPE)
    process.communicate(file.getvalue(), timeout=120)
    assert process.returncode == 0 and is_colored(tmp_path / "b.png")
    process = start(tmp_path / "b.png", "-o", "-", "--output-format", "webp", stdin=subprocess.PIPE)
    assert process.communicate(timeout=120)[0][8:12] == b"WEBP"


def test_a_pipe_with_nothing_in_it():
    process = start("-", "-o", "-", stdin=subprocess.DEVNULL)
    out, err = process.communicate(timeout=120)
    assert (
        process.returncode == 1 and out == b"" and err == b"standard input: an empty file: a whole copy of the file\n"
    )


def test_a_pipe_that_nobody_reads_ends_clean(tmp_path):
    save(tmp_path / "a.png", np.random.default_rng(0).integers(0, 255, (900, 900)).astype("uint8"))
    process = start(tmp_path / "a.png", "-o", "-")
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(timeout=120) == 141 and err == b""
    process.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_behind_standard_output_is_no_fault_of_ours(tmp_path):
    save(tmp_path / "a.jpg")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, __file__, str(tmp_path / "a.jpg"), "-o", "-"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, timeout=120)
    assert done.returncode == 1
    assert b"a.jpg: cannot be written (No space left on device): free space" in done.stderr


def test_without_standard_streams_it_colours_all_the_same(tmp_path):
    """A service may have none; then a photo that is opened must not take their place."""
    save(tmp_path / "in" / "a.gif")
    (tmp_path / "in" / "b.png").write_bytes(b"nothing")
    command = [
        "sh",
        "-c",
        'exec "$0" "$@" <&- >&- 2>&-',
        sys.executable,
        __file__,
        tmp_path / "in",
        "-o",
        tmp_path / "o",
    ]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 1 and tree(tmp_path / "o") == ["a.png"] and is_colored(tmp_path / "o" / "a.png")


@pytest.mark.parametrize("args", [("-", "a.jpg", "-o", "out"), ("-", "-o", "folder"), ("a.jpg", "b.jpg", "-o", "-")])
def test_a_pipe_carries_one_photo(run, args):
    code, _, lines = run(*args)
    assert code == 2 and len(lines) == 1 and ("one photo" in lines[0] or "alone" in lines[0])


def test_in_a_thread_signals_are_left_alone(tmp_path):
    """Servers and notebooks call `main` from threads, where Python takes no signals."""
    source = save(tmp_path / "a.jpg")
    codes = []
    thread = threading.Thread(target=lambda: codes.append(colorize.main([str(source), "-o", str(tmp_path / "b.jpg")])))
    thread.start()
    thread.join()
    assert codes == [0]
