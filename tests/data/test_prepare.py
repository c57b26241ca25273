"""Data sets that are not here yet: fetched where a server answers, three ways on where none does."""

import functools
import hashlib
import http.server
import io
import socket
import threading
import time
import urllib.error
import zipfile

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from tfcolor.data import prepare
from tfcolor.data.batches import Mixture
from tfcolor.data.sources import open_source


@functools.cache
def archive():
    """Three plain photos in a zip file, as bytes; the same each time, though the file says when it was made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for number in range(3):
            photo = io.BytesIO()
            Image.new("RGB", (20, 10 + number), (50 * number, 0, 0)).save(photo, "PNG")
            file.writestr(f"{number}.png", photo.getvalue())
    return buffer.getvalue()


@pytest.fixture
def server():
    """A server of one archive: (its address, the methods that it was asked with)."""
    content, asked = archive(), []

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            asked.append(self.command)
            self.send_response(200 if self.path == "/tiny.zip" else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()

        do_HEAD = answer

        def do_GET(self):
            self.answer()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()


class TinyDownload(tfds.core.GeneratorBasedBuilder):
    """A data set of one archive, which the tests say where to get."""

    VERSION = tfds.core.Version("1.0.0")
    url_infos = {}

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict({"image": tfds.features.Image()})
        )

    def _split_generators(self, dl_manager):
        folder = dl_manager.download_and_extract(next(iter(self.url_infos)))
        return {split: self._generate_examples(folder) for split in ("train", "test")}

    def _generate_examples(self, folder):
        for path in sorted(folder.glob("*.png")):
            yield path.name, {"image": str(path)}


class TinyPairs(TinyDownload):
    """The same as div2k has its photos: twice, small and large."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        pair = {"lr": tfds.features.Image(), "hr": tfds.features.Image()}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(pair))

    def _generate_examples(self, folder):
        for path in sorted(folder.glob("*.png")):
            yield path.name, {"lr": np.zeros((2, 2, 3), "uint8"), "hr": str(path)}


def at(url, digest=None):
    """What TFDS knows of an archive at a URL: its size, digest and name."""
    content = archive()
    checksum = digest or hashlib.sha256(content).hexdigest()
    info = tfds.core.download.checksums.UrlInfo(tfds.core.utils.Size(len(content)), checksum, "tiny.zip")
    return {url: info}


def test_a_data_set_that_a_server_has_is_fetched(server, tmp_path, monkeypatch, capsys):
    address, asked = server
    monkeypatch.setattr(TinyDownload, "url_infos", at(f"{address}/tiny.zip"))
    source = open_source("tiny_download", data_dir=tmp_path)
    assert sorted(e["image"].shape[0] for e in source.dataset.as_numpy_iterator()) == [10, 11, 12]
    assert f"tiny_download is not prepared in {tmp_path}: downloading 0 MB" in capsys.readouterr().err
    assert asked == ["HEAD", "GET"]
    # It is here now; and as it has no validation split, one photo of "train" is held out.
    assert Mixture("tiny_download", "validation", data_dir=tmp_path).size == 1
    assert asked == ["HEAD", "GET"] and "not prepared" not in capsys.readouterr().err


def test_of_pairs_of_photos_the_large_one_is_taken(server, tmp_path, monkeypatch):
    monkeypatch.setattr(TinyPairs, "url_infos", at(f"{server[0]}/tiny.zip"))
    source = open_source("tiny_pairs", data_dir=tmp_path)
    assert sorted(e["image"].shape[0] for e in source.dataset.as_numpy_iterator()) == [10, 11, 12]


@pytest.mark.parametrize("name", ["oxford_iiit_pet", "celeb_a", "places365_small", "div2k", "imagenet2012"])
def test_data_sets_of_tfds_that_are_known_to_work_have_photos(name, tmp_path):
    assert prepare.photo_feature(tfds.builder(name, data_dir=tmp_path)) in ("image", "hr")


def test_a_data_set_without_photos_is_refused_before_it_is_fetched(tmp_path, monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", lambda *args, **kwargs: pytest.fail("a server was asked"))
    with pytest.raises(ValueError, match=r"ag_news_subset: has no photos \(its features: .*description"):
        open_source("ag_news_subset", data_dir=tmp_path)


@pytest.mark.parametrize("path, digest", [("/none.zip", None), ("/tiny.zip", "0" * 64)])
def test_a_download_that_fails_says_three_ways_on(path, digest, server, tmp_path, monkeypatch):
    monkeypatch.setattr(TinyDownload, "url_infos", at(server[0] + path, digest))
    with pytest.raises(ValueError, match=r"--data-dir.*fetched elsewhere.*synthetic or folder:PATH"):
        open_source("tiny_download", data_dir=tmp_path)


def test_an_archive_fetched_elsewhere_is_taken_without_a_server(tmp_path, monkeypatch):
    monkeypatch.setattr(TinyDownload, "url_infos", at("http://127.0.0.1:9/tiny.zip"))
    (tmp_path / "downloads/manual").mkdir(parents=True)
    (tmp_path / "downloads/manual/tiny.zip").write_bytes(archive())
    assert open_source("tiny_download", data_dir=tmp_path).size == 3


def test_the_pets_where_nothing_answers_say_three_ways_on(tmp_path, monkeypatch):
    def offline(request, timeout):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    with pytest.raises(ValueError) as error:
        open_source("oxford_iiit_pet", data_dir=tmp_path)
    for part in (f"not prepared in {tmp_path}", "--data-dir DIR", "downloads/manual: ", "tar.gz", "folder:PATH"):
        assert part in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_servers_that_answer_and_that_do_not(server, monkeypatch):
    assert prepare._answers(f"{server[0]}/tiny.zip") and prepare._answers(f"{server[0]}/no-such-file")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert not prepare._answers(f"http://127.0.0.1:{free.getsockname()[1]}/")


def test_a_name_server_that_hangs_costs_seconds(monkeypatch):
    assert prepare.WAIT <= 5
    monkeypatch.setattr(prepare, "WAIT", 0.2)
    done = threading.Event()

    def hangs(request, timeout):
        done.wait(30)
        raise urllib.error.URLError("at last")

    monkeypatch.setattr("urllib.request.urlopen", hangs)
    started = time.monotonic()
    assert not prepare._answers("http://example.org")
    assert time.monotonic() - started < 10
    done.set()


def test_archives_fetched_by_hand_are_prepared_when_asked_for(tmp_path, capsys):
    for label, colour in (("apple", (200, 30, 30)), ("banana", (230, 220, 40))):
        (tmp_path / "downloads/manual/fruits" / label).mkdir(parents=True)
        for index in range(10):
            Image.new("RGB", (30, 20), colour).save(tmp_path / "downloads/manual/fruits" / label / f"{index}.png")
    source = open_source("fruits", data_dir=tmp_path)
    assert f"fruits is not prepared in {tmp_path}: preparing it" in capsys.readouterr().err
    assert source.info.labels == ["apple", "banana"] and sum(source.info.splits.values()) == 20
    for example in source.dataset.as_numpy_iterator():
        assert source.info.labels[example["label"]] == ("apple" if np.all(example["image"][0, 0] < 201) else "banana")


def test_what_to_fetch_by_hand_is_said(tmp_path, capsys):
    with pytest.raises(ValueError, match="coco_stuff: .*downloads/manual is empty or not there"):
        open_source("coco_stuff", data_dir=tmp_path)
    assert "http://images.cocodataset.org/zips/val2017.zip" in capsys.readouterr().err
