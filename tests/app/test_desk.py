"""The photos on the editor's desk: who finds them, for how long, and how often the network runs for them."""

import io

import numpy as np
import pytest
from PIL import Image
from stand_in import FakeColorizer

from tfcolor.app.desk import IDLE, LOOKS, RESTING, Desk, Full, Gone, Superseded, view_of
from tfcolor.photo import PhotoError
from tfcolor.project import Edits, Hint


def png(gray):
    file = io.BytesIO()
    Image.fromarray(gray).save(file, "PNG")
    return file.getvalue()


HALVES = np.full((90, 120), 60, "uint8")
HALVES[:, 60:] = 190


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def desk(clock):
    return Desk(FakeColorizer(), most=2, now=clock)


@pytest.fixture
def one(desk):
    return desk.put(png(HALVES))[1]


def test_a_photo_is_found_by_its_key_alone(desk):
    keys = [desk.put(png(HALVES))[0] for _ in range(2)]
    assert keys[0] != keys[1] and min(map(len, keys)) >= 20
    assert desk.get(keys[0]) is not desk.get(keys[1])
    desk.drop(keys[0])
    for key in (keys[0], "", "x"):
        with pytest.raises(Gone):
            desk.get(key)
    desk.get(keys[1])


def test_what_is_no_photo_never_comes_onto_the_desk(desk):
    with pytest.raises(PhotoError):
        desk.put(b"no photo")
    assert not desk._photos


def test_idle_photos_leave(desk, clock):
    key, _ = desk.put(png(HALVES))
    clock.now = IDLE - 1
    desk.get(key)
    clock.now += IDLE + 1
    with pytest.raises(Gone):
        desk.get(key)


def test_a_full_desk_refuses_until_somebody_rests(desk, clock):
    first, _ = desk.put(png(HALVES))
    clock.now = 1
    second, _ = desk.put(png(HALVES))
    with pytest.raises(Full):
        desk.put(png(HALVES))
    clock.now = RESTING + 0.5  # the first has rested long enough, the second has not
    third, _ = desk.put(png(HALVES))
    with pytest.raises(Gone):
        desk.get(first)
    assert desk.get(second) and desk.get(third)


def test_knobs_hints_and_samples_do_not_run_the_network_again(desk, one):
    labels = one.labels
    for edits in (
        Edits(labels),
        Edits(labels, knobs={"saturation": 0.5}),
        Edits(labels, (Hint(0.5, 0.25, "#a05020", 0.5),)),
        Edits(labels, sample=0.5),
    ):
        np.testing.assert_array_equal(desk.color(one, edits), edits.chroma(FakeColorizer(), one.small))
    assert desk.colorizer.runs == 1
    desk.color(one, Edits(np.zeros_like(labels)))
    assert desk.colorizer.runs == 2


def test_only_the_newest_edits_are_coloured(desk, one):
    desk.color(one, Edits(), 5)
    with pytest.raises(Superseded):
        desk.color(one, Edits(), 4)
    desk.color(one, Edits(), 6)


def test_a_photo_of_one_gray_stays_gray(desk):
    _, flat = desk.put(png(np.full((20, 30), 100, "uint8")))
    assert not desk.color(flat, Edits()).any() and desk.colorizer.runs == 0


def test_what_looks_alike_ends_at_the_edge(desk, one):
    region = desk.alike(one, 0.5, 0.25, 0.1)
    height, width = one.small.shape
    assert region[:, : width // 2 - 2].all() and not region[:, width // 2 + 2 :].any()


def test_other_colourings_differ_and_come_again(desk, one):
    looks = desk.looks(one, lambda share: Edits(one.labels, sample=share), seed=3)
    assert len({data for _, data in looks}) == len({share for share, _ in looks}) == LOOKS
    assert looks == desk.looks(one, lambda share: Edits(one.labels, sample=share), seed=3)


def test_the_result_is_of_full_size_and_holds_the_edits(desk, one):
    labels = np.full_like(one.labels, 2)  # water, blue everywhere
    done = desk.result(one, desk.project(one, Edits(labels)))
    pixels = np.asarray(Image.open(io.BytesIO(done.data))).astype(int)
    assert pixels.shape == (90, 120, 3)
    assert (pixels[..., 2] > pixels[..., 0]).all()


def test_a_view_is_no_larger_than_it_was_asked_for():
    _, one = Desk(FakeColorizer()).put(png(np.tile(np.arange(200, dtype="uint8"), (50, 4))))
    assert Image.open(io.BytesIO(view_of(one, 400))).size[0] in range(396, 401)
