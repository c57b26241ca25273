"""Data sets made by an Apache Beam pipeline are those that one process makes. Skips where Beam is not installed."""

import subprocess
import sys
import types

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from tfcolor import datasets
from tfcolor.data.builders import coco_stuff

DIRECT = "runner=DirectRunner,direct_num_workers=1"


@pytest.fixture
def coco(tmp_path):
    """A COCO folder with nine photos to train with and one to validate."""
    for split, count in (("train2017", 9), ("val2017", 1)):
        for number in range(count):
            photo = tmp_path / "coco" / split / f"{number:012}.jpg"
            labels = tmp_path / "coco" / "stuffthingmaps" / split / f"{number:012}.png"
            for path, value in ((photo, 20 * number), (labels, number)):
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.full((20, 24), value, "uint8")).convert("RGB" if path is photo else "L").save(path)
    return tmp_path / "coco"


@pytest.fixture
def fruit(tmp_path):
    """Two class folders, with one file that is no photo."""
    for number in range(12):
        path = tmp_path / "fruit" / ("apple", "pear")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), 20 * number, "uint8")).save(path)
    (tmp_path / "fruit" / "pear" / "broken.jpg").write_bytes(b"no photo")
    return tmp_path / "fruit"


def records(folder, name):
    """{file's name: bytes} of a prepared data set's records, and its description's count of them."""
    builder = tfds.builder(name, data_dir=str(folder))
    sizes = {split: info.num_examples for split, info in builder.info.splits.items()}
    return {path.name: path.read_bytes() for path in sorted(builder.data_path.glob("*tfrecord*"))}, sizes


@pytest.mark.parametrize("name", ["coco_stuff", "fruits"])
def test_records_are_those_of_one_process(name, coco, fruit, tmp_path):
    pytest.importorskip("apache_beam", reason="pip install 'tfcolor[beam]'")
    manual = coco if name == "coco_stuff" else fruit
    for way, beam in (("alone", []), ("beam", ["--beam", DIRECT])):
        (tmp_path / way).mkdir()
        where = ["--data-dir", str(tmp_path / way), "--manual-dir", str(manual)]
        assert datasets.main(["prepare", name, "--debug", *where, *beam]) == 0
    assert records(tmp_path / "beam", name) == records(tmp_path / "alone", name)


def test_tfds_build_takes_beam_options(coco, tmp_path):
    for name in ("apache_beam", "mlcroissant"):
        pytest.importorskip(name, reason="pip install 'tfcolor[beam]'")
    command = ["build", coco_stuff.__file__, f"--data_dir={tmp_path}", f"--manual_dir={coco}"]
    run = "from tensorflow_datasets.scripts.cli import main; main.launch_cli()"
    options = f"--beam_pipeline_options={DIRECT}"
    done = subprocess.run([sys.executable, "-c", run, *command, options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert records(tmp_path, "coco_stuff")[1] == {"train": 9, "validation": 1}


def test_a_builder_asks_for_a_pipeline_only_where_beam_is_asked_for(coco, tmp_path, monkeypatch):
    """Without Beam installed: what the builder hands to TFDS, its pipeline being a list of what it is made of."""

    class Steps(list):
        def __or__(self, other):
            return Steps([*self, *other])

    class Beam:
        Create = staticmethod(lambda names: Steps([names]))
        Reshuffle = staticmethod(lambda: Steps(["reshuffle"]))
        FlatMap = staticmethod(lambda make: Steps([make]))

    monkeypatch.setattr(tfds.core, "lazy_imports", types.SimpleNamespace(apache_beam=Beam))
    builder = coco_stuff.CocoStuff(data_dir=tmp_path)
    alone = list(builder._generate_examples(coco / "train2017", coco / "stuffthingmaps/train2017"))
    builder.by_beam = True
    names, *_, make = builder._generate_examples(coco / "train2017", coco / "stuffthingmaps/train2017")
    assert [key for name in names for key, _ in make(name)] == [key for key, _ in alone]


@pytest.mark.parametrize(
    "options, said", [("runer=DirectRunner", "did you mean runner"), (DIRECT, "tfcolor\\[beam\\]")]
)
def test_what_is_wrong_with_beam_is_said(options, said, coco, tmp_path, monkeypatch):
    if "did you mean" in said:
        pytest.importorskip("apache_beam", reason="pip install 'tfcolor[beam]'")
    else:
        monkeypatch.setitem(sys.modules, "apache_beam.options.pipeline_options", None)
    with pytest.raises(ValueError, match=said):
        where = ["--data-dir", str(tmp_path), "--manual-dir", str(coco)]
        datasets.main(["prepare", "coco_stuff", "--debug", *where, "--beam", options])
    assert not (tmp_path / "coco_stuff").exists()
