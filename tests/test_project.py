"""Projects: what a person decided, as a file, and the pixels that come of it."""

import hashlib
import io
import json
import types
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from stand_in import FakeColorizer

from tfcolor import colorize
from tfcolor.color import hints
from tfcolor.photo import Options, PhotoError, colorize_photo
from tfcolor.project import Edits, Hint, Project, agent


@pytest.fixture
def colorizer(monkeypatch):
    fake = FakeColorizer()
    monkeypatch.setattr("tfcolor.colorizer.Colorizer", types.SimpleNamespace(load=lambda name: fake))
    return fake


@pytest.fixture(scope="module")
def photo():
    """The bytes of a photo of two halves, dark and bright, larger than the network's size."""
    gray = np.full((90, 120), 60, "uint8")
    gray[:, 60:] = 190
    file = io.BytesIO()
    Image.fromarray(gray).save(file, "PNG")
    return file.getvalue()


GRAY = np.asarray(np.tile(np.repeat(np.array([60, 190], "uint8"), 16), (24, 1)))
TURN = np.array([[0.75, 0.25], [-0.25, 0.75]], "float32")  # what sample .25 is to the stand-in
HINT = Hint(0.5, 0.25, "#a05020", 0.5)


def edits(**changes):
    labels = np.zeros(GRAY.shape, "uint8")
    labels[:12] = 2
    return replace(Edits(labels, (HINT,), {"saturation": 0.8}, 0.25), **changes)


def project_of(photo, colorizer, some):
    return Project.of(photo, 120, 90, colorizer, some)


def test_without_decisions_the_colour_is_the_models_own():
    fake = FakeColorizer()
    np.testing.assert_array_equal(Edits().chroma(fake, GRAY), fake.colour_output(GRAY))


def test_labels_knobs_and_sample_reach_the_model():
    chroma = edits(hints=()).chroma(FakeColorizer(), GRAY)
    np.testing.assert_allclose(chroma[0, 0], FakeColorizer.colors[2] @ TURN * 0.8, rtol=1e-6)
    np.testing.assert_allclose(chroma[-1, 0], FakeColorizer.colors[0] @ TURN * 0.8, rtol=1e-6)


def test_a_hint_decides_its_region_and_stops_at_the_edge():
    plain, hinted = (Edits(hints=some).chroma(FakeColorizer(), GRAY) for some in ((), (HINT,)))
    assert plain.shape == (6, 8, 2) and hinted.shape == (24, 32, 2)
    red, green, blue = 160 / 255, 80 / 255, 32 / 255
    luma = 0.299 * red + 0.587 * green + 0.114 * blue  # BT.601 as it is printed
    np.testing.assert_allclose(hinted[12, 8], [0.492 * (blue - luma), 0.877 * (red - luma)], atol=1e-3)
    assert np.abs(hinted[12, 20:] - plain[3, 6]).max() < 0.01


def test_what_is_kept_takes_the_place_of_the_network():
    asked = []

    def kept(gray, labels):
        asked.append(labels)
        return FakeColorizer().colour_output(gray, labels)

    np.testing.assert_array_equal(
        edits().chroma(FakeColorizer(), GRAY, kept, hints.spread), edits().chroma(FakeColorizer(), GRAY)
    )
    assert len(asked) == 1


def test_a_file_holds_everything(photo):
    fake = FakeColorizer()
    project = Project.from_json(project_of(photo, fake, edits()).to_json())
    assert project.check(photo) is photo
    read = project.edits_for(fake, GRAY.shape)
    np.testing.assert_array_equal(read.labels, edits().labels)
    assert replace(read, labels=None) == edits(labels=None)
    assert project.note(fake) == ""


def test_labels_are_known_by_name_not_by_number(photo):
    project = project_of(photo, FakeColorizer(), edits())
    other = FakeColorizer()
    other.classes, other.palette, other.version = ["water", "sky", "tree"], other.palette[::-1], "8"
    assert project.edits_for(other, GRAY.shape).labels[0, 0] == 0
    assert "fake 7" in project.note(other) and "fake 8" in project.note(other)
    other.reads_labels = False
    assert project.edits_for(other, GRAY.shape).labels is None


def test_another_photo_is_refused(photo):
    with pytest.raises(PhotoError, match="another photo's, one of 120 x 90"):
        project_of(photo, FakeColorizer(), edits()).check(photo + b"\0")


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda f: f.pop("tfcolor"), "not a project of tfcolor"),
        (lambda f: f.update(tfcolor=2), "form 2: this tfcolor"),
        (lambda f: f["photo"].update(sha256="0"), "64 digits"),
        (lambda f: f["photo"].update(width=0), "width 0"),
        (lambda f: f.update(photo=[]), "sha256"),
        (lambda f: f.update(model="fake"), "a name and a version"),
        (lambda f: f.update(labels="?"), "no base64"),
        (lambda f: f.update(labels=7), "no base64"),
        (lambda f: f.update(knobs=[1]), "knobs"),
        (lambda f: f.update(knobs={"saturation": "1"}), "saturation '1'"),
        (lambda f: f.update(knobs={"saturation": True}), "saturation True"),
        (lambda f: f.update(knobs={"saturation": float("nan")}), "saturation nan"),
        (lambda f: f.update(knobs={"saturation": -1}), "saturation -1"),
        (lambda f: f.update(sample=1), "below 1"),
        (lambda f: f.update(sample=-0.1), "sample -0.1"),
        (lambda f: f.update(hints={}), "hints"),
        (lambda f: f.update(hints=[3]), "hint 3"),
        (lambda f: f.update(hints=[f["hints"][0]] * 501), "at most 500"),
        (lambda f: f["hints"][0].update(color="red"), "color 'red'"),
        (lambda f: f["hints"][0].update(row=1), "below 1"),
        (lambda f: f["hints"][0].update(reach=0), "reach 0"),
        (lambda f: f["hints"][0].pop("column"), "column None"),
    ],
)
def test_a_wrong_field_is_named(photo, change, words):
    fields = json.loads(project_of(photo, FakeColorizer(), edits()).to_json())
    change(fields)
    with pytest.raises(ValueError, match=words):
        Project.from_json(json.dumps(fields).encode())


@pytest.mark.parametrize("data", [b"", b"\xff", b"[1]", b"[" * 100_000, b" " * ((4 << 20) + 1)])
def test_what_is_no_project_is_refused(data):
    with pytest.raises(ValueError, match="project of"):
        Project.from_json(data)


# The command line -----------------------------------------------------------------------------------------------------


def command(tmp_path, photo, project, *more):
    (tmp_path / "photo.png").write_bytes(photo)
    (tmp_path / "project.json").write_bytes(project)
    return colorize.main(
        [
            str(tmp_path / "photo.png"),
            "-o",
            str(tmp_path / "out.png"),
            "--project",
            str(tmp_path / "project.json"),
            *more,
        ]
    )


def some_project(photo, colorizer):
    labels = np.ones((55, 73), "uint8")  # what 90 x 120 shrinks to at size 64
    labels[20:40, 30:] = 2
    return Project.of(photo, 120, 90, colorizer, Edits(labels, (HINT,), {"saturation": 0.5}, 0.1))


def test_the_command_writes_what_the_edits_say(tmp_path, photo, colorizer):
    project = some_project(photo, colorizer)
    assert command(tmp_path, photo, project.to_json()) == 0
    done = colorize_photo(
        photo,
        lambda gray: project.edits_for(colorizer, gray.shape).chroma(colorizer, gray),
        64,
        Options(agent=agent(colorizer)),
    )
    assert hashlib.sha256((tmp_path / "out.png").read_bytes()).digest() == hashlib.sha256(done.data).digest()
    sea, tree = np.asarray(Image.open(tmp_path / "out.png"))[[50, 5], 100].astype(int)
    assert sea[2] > sea[1] and tree[1] > tree[2]


def test_the_command_refuses_another_photo(tmp_path, photo, colorizer, capsys):
    assert command(tmp_path, photo + b"\0", some_project(photo, colorizer).to_json()) == 1
    assert "the project is another photo's" in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()


def test_the_command_says_that_the_model_is_another(tmp_path, photo, colorizer, capsys):
    project = replace(some_project(photo, colorizer), version="6")
    assert command(tmp_path, photo, project.to_json()) == 0
    assert "note: the project was made with model fake 6" in capsys.readouterr().err


@pytest.mark.parametrize("more", [("--saturation", "1"), ("--samples", "2"), ("--fade-unsure",), ("--all-pages",)])
def test_the_command_refuses_what_a_project_decides(tmp_path, photo, colorizer, capsys, more):
    assert command(tmp_path, photo, some_project(photo, colorizer).to_json(), *more) == 2
    assert "project" in capsys.readouterr().err
