"""The editor over HTTP: what it answers, and what it refuses."""

import io
import json
import threading

import numpy as np
import pytest
from PIL import Image
from stand_in import FakeColorizer

pytest.importorskip("fastapi", reason="the editor's extra is not here: pip install 'tfcolor[app]'")
pytest.importorskip("httpx", reason="httpx, which the test client needs, is not here: pip install 'tfcolor[test]'")

from fastapi.testclient import TestClient  # noqa: E402

from tfcolor import app as editor  # noqa: E402
from tfcolor.app.desk import Desk  # noqa: E402
from tfcolor.app.server import STATIC, create_app  # noqa: E402
from tfcolor.photo import Limits  # noqa: E402

MOST = 100_000
CHELSEA = (STATIC / "examples" / "chelsea.jpg").read_bytes()


@pytest.fixture(scope="module")
def client():
    desk = Desk(FakeColorizer(), Limits(max_pixels=1_000_000), most=50)
    with TestClient(create_app(desk, MOST), base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture(scope="module")
def photo(client):
    return client.post("api/photos", content=CHELSEA).json()


def body(photo, fields=(), labels=None):
    """A request's body with edits, and a map of one label."""
    octets = b"" if labels is None else bytes([labels]) * (photo["small"][0] * photo["small"][1])
    return json.dumps({"sequence": 1, "seed": 0, **dict(fields)}).encode() + b"\n" + octets


def png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def refused(answer, status, *words):
    assert answer.status_code == status, answer.text
    line = "{wrong}: {remedy}".format(**answer.json())
    assert all(word in line for word in words), line


def test_the_page_and_all_that_it_names_are_there(client):
    page = client.get("/")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    for path in STATIC.glob("*.*"):
        assert client.get(f"static/{path.name}").content == path.read_bytes()
    assert 'src="/' not in page.text and 'href="/' not in page.text and "://" not in page.text


def test_the_model_is_told(client):
    model = client.get("api/model").json()
    assert model["knobs"] == [{"name": "saturation", "value": 1.0, "from": 0, "to": 2}]
    assert [one["name"] for one in model["classes"]] == ["sky", "tree", "water"]
    assert model["limits"] == {"bytes": MOST, "pixels": 1_000_000} and "chelsea" in model["examples"]


def test_a_photo_is_told(client, photo):
    assert (photo["width"], photo["height"], photo["ending"]) == (451, 300, ".jpg")
    labels = client.get(f"api/photos/{photo['key']}/labels").content
    assert len(labels) == photo["small"][0] * photo["small"][1] and set(labels) == {0, 1}
    assert client.get(f"api/photos/{photo['key']}/view?side=200").headers["content-type"] == "image/jpeg"


def test_colour_follows_the_labels(client, photo):
    answer = client.post(f"api/photos/{photo['key']}/color", content=body(photo, labels=2))
    shape = json.loads(answer.headers["x-color"])["shape"]
    chroma = np.frombuffer(answer.content, "<i2").reshape(*shape, 2) / 32767
    np.testing.assert_allclose(chroma, np.broadcast_to(FakeColorizer.colors[2], chroma.shape), atol=1e-4)


def test_edits_of_yesterday_are_not_coloured(client, photo):
    path = f"api/photos/{photo['key']}/color"
    assert client.post(path, content=body(photo, {"sequence": 9})).status_code == 200
    refused(client.post(path, content=body(photo, {"sequence": 8})), 409, "newer edits")


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "reload the page"),
        (b"[]\n", "reload the page"),
        (b"{}\n", "sequence None"),
        (b'{"sequence": 99}\n123', "a label map of 3 pixels"),
        (b'{"sequence": 99, "hints": 3}\n', "hints 3"),
        (b'{"sequence": 99, "knobs": {"speed": 1}}\n', "speed"),
    ],
)
def test_wrong_edits_are_named(client, photo, content, words):
    refused(client.post(f"api/photos/{photo['key']}/color", content=content), 400, words)


def test_a_label_that_is_none_is_named(client, photo):
    refused(client.post(f"api/photos/{photo['key']}/color", content=body(photo, labels=3)), 400, "above 2")


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg/>", CHELSEA[:3000]])
def test_what_is_no_photo_is_refused(client, data):
    refused(client.post("api/photos", content=data), 415)


def test_a_file_that_is_too_large_is_refused_by_its_header_and_by_its_octets(client):
    refused(client.post("api/photos", content=b"\0" * (MOST + 1)), 413, "100,000 bytes", "--max-bytes")
    refused(client.post("api/photos", content=iter([b"\0" * MOST, b"\0"])), 413, "100,000 bytes")


def test_too_many_pixels_are_refused(client):
    refused(client.post("api/photos", content=png(Image.new("1", (2000, 1000)))), 415, "pixels")


def test_nobody_finds_anothers_photo(client, photo):
    refused(client.get("api/photos/another/labels"), 404, "left the desk")
    assert client.get("api/photos").status_code == 405
    mine = client.post("api/photos", content=CHELSEA).json()["key"]
    assert mine != photo["key"]
    client.post(f"api/photos/{mine}/leave")
    refused(client.post(f"api/photos/{mine}/result", content=body(photo)), 404, "open it again")


def test_other_hosts_and_other_sites_are_refused(client):
    refused(client.get("/", headers={"host": "evil.example"}), 403, "evil.example")
    for headers in (
        {"origin": "http://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        refused(client.post("api/photos", content=CHELSEA, headers=headers), 403, "another site")
    assert client.post("api/photos", content=CHELSEA, headers={"origin": "http://127.0.0.1"}).status_code == 200
    assert client.get("/", headers={"host": "localhost:8418"}).status_code == 200


def test_a_project_comes_back(client, photo):
    path = f"api/photos/{photo['key']}"
    hint = {"row": 0.5, "column": 0.25, "color": "#a05020", "reach": 0.5}
    saved = client.post(f"{path}/project", content=body(photo, {"hints": [hint], "sample": 0.25}, labels=1))
    opened = client.post(f"{path}/open", content=saved.content)
    assert set(opened.content) == {1}
    assert json.loads(opened.headers["x-edits"]) == {"hints": [hint], "knobs": {}, "sample": 0.25, "note": ""}
    gray = Image.new("L", (40, 30))
    gray.putpixel((3, 3), 9)
    other = client.post("api/photos", content=png(gray)).json()
    refused(client.post(f"api/photos/{other['key']}/open", content=saved.content), 415, "another photo's", "451 x 300")
    refused(client.post(f"{path}/open", content=b"{}"), 400, "not a project")


def test_a_label_map_goes_out_and_comes_in(client, photo):
    path = f"api/photos/{photo['key']}"
    out = client.post(f"{path}/labels.png", content=body(photo, labels=2)).content
    assert set(client.post(f"{path}/labels/import", content=out).content) == {2}
    assert client.post(f"{path}/labels/import", content=b"no png").status_code in (400, 415)


def test_other_colourings_come_as_pictures(client, photo):
    looks = client.post(f"api/photos/{photo['key']}/looks", content=body(photo, labels=1)).json()["looks"]
    assert len(looks) == 6 and all(0 <= look["share"] < 1 for look in looks)


def test_the_editor_listens_on_this_machine_alone_unless_told(monkeypatch):
    monkeypatch.setattr("tfcolor.colorizer.Colorizer.load", lambda name: FakeColorizer())
    for host, loopback in (("127.0.0.1", True), ("0.0.0.0", False)):
        one = editor.Editor(host=host, port=0)
        assert one.loopback is loopback and one.url.startswith("http://127.0.0.1:")
        port = int(one.url.rsplit(":")[-1].strip("/"))
        one._socket.listen()
        with pytest.raises(ValueError, match="another --port"):
            editor.Editor(host=host, port=port)
        one._socket.close()


def test_what_other_colourings_import_is_there_before_somebody_asks(monkeypatch):
    fake, prepared = FakeColorizer(), threading.Event()
    fake.prepare = prepared.set
    monkeypatch.setattr("tfcolor.colorizer.Colorizer.load", lambda name: fake)
    running = editor.Editor(port=0).start()
    assert prepared.wait(5)
    running.stop()


def test_without_the_extra_there_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert editor.main([]) == 2
    assert "pip install 'tfcolor[app]'" in capsys.readouterr().err
