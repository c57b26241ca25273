"""docs/how-to/serving.md: a server takes its requests, TensorFlow Serving's own messages its versions and labels."""

import pathlib
import re
import shutil
import subprocess

import load
import numpy as np
import pytest
import tensorflow as tf

for extra in ("kserve", "tensorflow_serving"):
    pytest.importorskip(extra, reason=f"no {extra}: pip install 'tfcolor[serving]'")

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "how-to" / "serving.md").read_text("utf-8")


def blocks(language, word):
    """The page's code of that language that has the word in it."""
    return [code for code in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if word in code]


@pytest.fixture(scope="module")
def server(stirred_model, tmp_path_factory):
    with load.served(stirred_model[1], tmp_path_factory.mktemp("server") / "log") as server:
        yield server


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """The photos that the page speaks of, in the folder where its code runs."""
    (tmp_path / "old.jpg").write_bytes(load.photo(80, 60))
    (tmp_path / "older.png").write_bytes(load.photo(50, 70, "PNG"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def here(code, server):
    return code.replace("localhost:8501", f"127.0.0.1:{server[0]}").replace("localhost:8500", f"127.0.0.1:{server[1]}")


@pytest.fixture(scope="module")
def expected(stirred_model):
    """A function: what the SavedModel itself answers to a file."""
    loaded = tf.saved_model.load(str(stirred_model[1]))

    def answer(file):
        files = tf.constant([file.read_bytes()])
        return loaded.signatures["serving_default"](image_bytes=files)["colorized_bytes"].numpy()[0]

    return answer


@pytest.mark.parametrize(
    "word, outputs",
    [
        ("requests.post", {"coloured-old.jpg": "old.jpg", "coloured-older.jpg": "older.png"}),
        ("grpc.insecure_channel", {"coloured.jpg": "old.jpg"}),
    ],
)
def test_python_requests_of_the_page(server, expected, photos, word, outputs):
    (code,) = blocks("python", word)
    exec(compile(here(code, server), "serving.md", "exec"), {})
    for output, photo in outputs.items():
        assert (photos / output).read_bytes() == expected(photos / photo)


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("base64")), reason="no curl or base64 here")
def test_curl_of_the_page(server, expected, photos):
    (code,) = blocks("bash", "curl")
    subprocess.run(["bash", "-eo", "pipefail", "-c", here(code, server)], check=True)
    assert (photos / "coloured.jpg").read_bytes() == expected(photos / "old.jpg")


def test_an_error_of_the_page_is_what_is_answered(server):
    case = next(case for case in load.cases() if "second of three" in case[0])
    status, answer = load.ask(server[0], "POST", *case[1:3])
    (said,) = re.findall(r"`(image_bytes\[1\][^`]*)`", PAGE)
    assert status == 400 and said in answer.decode()


def test_two_versions_with_labels_are_as_tensorflow_serving_reads_them():
    text_format = pytest.importorskip("google.protobuf.text_format")
    messages = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    (models,) = blocks("text", "model_config_list")
    (config,) = text_format.Parse(models, messages.ModelServerConfig()).model_config_list.config
    assert list(config.model_version_policy.specific.versions) == [1, 2]
    assert dict(config.version_labels) == {"stable": 1, "canary": 2}


def test_good_and_hostile_requests_at_once(server):
    requests = 4 * len(load.cases())
    result = load.load(server[0], server[2], requests, clients=8)
    assert not result["wrong"]
    assert sum(result["counts"].values()) == requests and set(result["counts"]) == {200, 400, 404}
    assert np.ptp(result["memory"][1:]) < 100  # MB
