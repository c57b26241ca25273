"""Frozen classifiers: a Keras file, a TFLite file, the judge of ../shared where it is, and wrong ones."""

import pathlib

import numpy as np
import pytest

from tfcolor.classifiers import open_classifier

JUDGE = pathlib.Path(__file__).parents[2] / "shared" / "weights" / "mobilenet_edgetpu_224_1.0_uint8.tflite"


@pytest.fixture(scope="module")
def brightest():
    """A network of three answers: how red, how green, how blue the photo is, 16 x 16 in 0-255."""
    keras = pytest.importorskip("keras")
    inputs = keras.Input((16, 16, 3))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))


@pytest.fixture(scope="module")
def photos():
    photos = np.random.default_rng(0).integers(0, 60, (3, 40, 40, 3)).astype("uint8")
    for index, channel in enumerate((2, 0, 1)):
        photos[index, ..., channel] += 150
    return photos


def names(folder, *lines):
    path = folder / "labels.txt"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("file", ["net.keras", "net.h5"])
def test_a_keras_file(brightest, photos, tmp_path, file):
    brightest.save(tmp_path / file)
    classify, classes = open_classifier(str(tmp_path / file))
    assert classes == 3
    assert classify(photos).tolist() == [2, 0, 1]


def test_the_background_is_no_class(brightest, photos, tmp_path):
    brightest.save(tmp_path / "net.keras")
    classify, classes = open_classifier(str(tmp_path / "net.keras"), names(tmp_path, "background", "green", "blue"))
    assert classes == 2
    photos = photos.copy()
    photos[1, ..., 2] += 20  # red wins, but is the background here: blue is next
    assert classify(photos).tolist() == [1, 1, 0]


def test_a_tflite_file(brightest, photos, tmp_path):
    tf = pytest.importorskip("tensorflow")
    (tmp_path / "net.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(brightest).convert())
    classify, classes = open_classifier(str(tmp_path / "net.tflite"), names(tmp_path, "red", "green", "blue"))
    assert classes == 3
    assert classify(photos).tolist() == [2, 0, 1]
    with pytest.raises(ValueError, match="does not name its classes"):
        open_classifier(str(tmp_path / "net.tflite"))


def test_the_judge_takes_photos_as_bytes():
    if not JUDGE.is_file():
        pytest.skip(f"{JUDGE} is not here")
    classify, classes = open_classifier(str(JUDGE), str(JUDGE.with_name("imagenet_labels.txt")))
    assert classes == 1000
    skimage_data = pytest.importorskip("skimage.data")
    assert classify(skimage_data.coffee()[None, :, 100:500]).tolist() in ([967], [504])  # espresso, coffee mug


@pytest.mark.parametrize(
    "spec, words",
    [
        ("ResNet", "neither a Keras application"),
        ("resnet", "neither a Keras application"),
        ("nowhere.keras", "nowhere.keras: no such file"),
    ],
)
def test_unknown_classifiers_are_refused_in_words(spec, words):
    with pytest.raises(ValueError, match=words):
        open_classifier(spec)


def test_labels_that_are_not_its_own_are_refused(brightest, tmp_path):
    brightest.save(tmp_path / "net.keras")
    with pytest.raises(ValueError, match="has 2 names, classifier .* 3 answers"):
        open_classifier(str(tmp_path / "net.keras"), names(tmp_path, "red", "green"))


def test_a_keras_application_is_fed_as_it_was_trained(monkeypatch):
    keras = pytest.importorskip("keras")
    seen = []

    def network(weights):
        assert weights == "imagenet"
        model = lambda inputs, training: seen.append(inputs) or np.eye(1000, dtype="float32")[[7]]  # noqa: E731
        model.input_shape = (None, 32, 32, 3)
        return model

    monkeypatch.setattr(keras.applications.mobilenet_v2, "MobileNetV2", network)
    classify, classes = open_classifier("MobileNetV2")
    assert classes == 1000
    assert classify(np.full((1, 40, 40, 3), 255, "uint8")).tolist() == [7]
    assert seen[0].shape == (1, 32, 32, 3) and seen[0].max() == seen[0].min() == 1.0  # MobileNetV2 takes [-1, 1]
