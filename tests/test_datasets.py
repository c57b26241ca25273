"""The verb `datasets`, through its main(): what it prints, writes and refuses."""

import pathlib
import subprocess
import sys
import urllib.error

import keras
import numpy as np
import pytest
import scipy.spatial
import scipy.stats
import skimage.color
import tensorflow as tf
from PIL import Image

from tfcolor import datasets
from tfcolor.color.ab_bins import BINS, CENTRES
from tfcolor.data import synthetic
from tfcolor.data.prior import prior_warnings
from tfcolor.data.sources import SourceInfo
from tfcolor.data.teachers import read_scenes
from tfcolor.measures.chroma import auc_by_prior


@pytest.fixture
def fruit_folder(tmp_path):
    """Ten plain photos of each of two fruits in class folders."""
    for label, colour in (("apple", (200, 30, 30)), ("banana", (230, 220, 40))):
        (tmp_path / "fruit" / label).mkdir(parents=True)
        for index in range(10):
            Image.new("RGB", (30, 20), colour).save(tmp_path / "fruit" / label / f"{index}.jpg")
    return tmp_path / "fruit"


# list and prepare ---------------------------------------------------------------------------------------------------


def test_prepare_then_list_then_show(fruit_folder, tmp_path, capsys):
    data = ["--data-dir", str(tmp_path / "data")]
    assert datasets.main(["prepare", "fruits", "--manual-dir", str(fruit_folder), *data]) == 0
    assert "Next: tfcolor datasets show fruits" in capsys.readouterr().out
    assert datasets.main(["prepare", "fruits", *data]) == 0
    assert "prepared already" in capsys.readouterr().out

    assert datasets.main(["list", *data]) == 0
    ready, to_be_had = capsys.readouterr().out.split("to be had by")
    fruits = next(line for line in ready.splitlines() if line.split()[:1] == ["fruits"])
    assert sum(int(word) for word in fruits.split() if word.isdigit()) == 20 and "labels (2)" in fruits
    assert "fruits " not in to_be_had and "coco_stuff" in to_be_had and "CC BY" in to_be_had

    sheet = tmp_path / "sheet.png"
    assert datasets.main(["show", "fruits", "--count", "4", "--size", "30", "-o", str(sheet), *data]) == 0
    with Image.open(sheet) as image:
        assert image.size == (8 + 2 * 38, 8 + 2 * (20 + 15 + 8) + 8)


def test_list_names_what_needs_no_download(tmp_path, capsys):
    assert datasets.main(["list", "--data-dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "synthetic" in out and all(name in out for name in datasets.KNOWN)


def test_prepare_says_what_to_put_where(tmp_path, capsys):
    data = ["--data-dir", str(tmp_path)]
    assert datasets.main(["prepare", "coco_stuff", *data]) == 2
    error = capsys.readouterr().err
    assert "http://images.cocodataset.org/zips/val2017.zip -> val2017/*.jpg\n" in error
    assert error.splitlines()[-1] == f"tfcolor datasets: coco_stuff: {tmp_path}/downloads/manual is empty or not there"
    (tmp_path / "manual/train2017").mkdir(parents=True)
    assert datasets.main(["prepare", "coco_stuff", "--manual-dir", str(tmp_path / "manual"), *data]) == 2
    assert "coco_stuff: no val2017, stuffthingmaps/train2017" in capsys.readouterr().err.splitlines()[-1]


def test_prepare_offline_names_three_ways_on(tmp_path, capsys, monkeypatch):
    timeouts = []

    def offline(request, timeout):
        timeouts.append(timeout)
        raise urllib.error.URLError("no route")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    assert datasets.main(["prepare", "oxford_iiit_pet", "--data-dir", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert max(timeouts) <= 5
    assert "cannot be reached" in error and "images.tar.gz" in error
    for way in ("--data-dir DIR", str(tmp_path / "downloads/manual"), "folder:PATH"):
        assert way in error


# show ---------------------------------------------------------------------------------------------------------------


def test_the_sheet_shows_photos_and_masks_in_the_palettes_colours():
    info = SourceInfo("made", {"train": 1}, classes=["left", "right"], labels=["thing"])
    photo = np.full((40, 60, 3), (10, 200, 100), "uint8")
    mask = np.zeros((40, 60, 1), "uint8")
    mask[:, 30:], mask[20:] = 1, 255
    sheet = np.asarray(datasets.contact_sheet([{"image": photo, "mask": mask, "label": 0, "name": b"a.jpg"}], info, 60))
    assert (sheet[8:48, 8:68] == photo).all()
    luma = 0.299 * 10 + 0.587 * 200 + 0.114 * 100
    over = sheet[8:48, 70:130].astype(float)
    for columns, index in ((slice(0, 30), 0), (slice(30, 60), 1)):
        expected = np.tile(0.4 * luma + 0.6 * info.palette[index], (20, 30, 1))
        np.testing.assert_allclose(over[:20, columns], expected, atol=1)
    np.testing.assert_allclose(over[20:], luma, atol=1)
    legend = sheet[63 + 8 :]
    for index in range(2):
        assert (legend == info.palette[index]).all(axis=-1).any()


def test_the_legend_states_classes_by_share_and_wraps():
    info = SourceInfo("made", {}, classes=[f"class {index}" for index in range(40)])
    mask = np.repeat(np.arange(40, dtype="uint8"), 40).reshape(40, 40, 1)
    mask[0] = 39
    lines = datasets._legend([{"mask": mask}], info.classes, 300, datasets.ImageFont.load_default(11))
    entries = [entry for line in lines for entry in line]
    assert entries[0][1:] == (39, "class 39 5.0 %") and len(entries) == 39
    assert len(lines) > 5 and all(left < 300 for left, _, _ in entries)


def test_show_writes_a_sheet_of_synthetic(tmp_path, capsys):
    assert datasets.main(["show", "synthetic", "--split", "test", "--count", "4", "-o", str(tmp_path / "s.png")]) == 0
    assert "4 of 16 photos" in capsys.readouterr().out
    with Image.open(tmp_path / "s.png") as image:
        assert image.width > 2 * 64


# prior --------------------------------------------------------------------------------------------------------------


def test_prior_is_the_mean_soft_encoding_of_the_pixels(tmp_path, capsys):
    output = tmp_path / "prior.npy"
    assert datasets.main(["prior", "synthetic", "--split", "test", "-o", str(output)]) == 0
    out, err = capsys.readouterr()
    assert "16 photos" in out and "only 16 photos" in err and "saturated" in err
    with Image.open(output.with_suffix(".png")) as image:
        assert len(np.unique(np.asarray(image).reshape(-1, 3), axis=0)) > 300

    images = np.stack([example["image"] for example in synthetic.examples("test")])
    ab = skimage.color.rgb2lab(images / 255)[..., 1:].reshape(-1, 2)
    distance, nearest = scipy.spatial.cKDTree(CENTRES).query(ab, k=5)
    weights = np.exp(-(distance**2) / 50)
    expected = np.bincount(nearest.ravel(), (weights / weights.sum(axis=1, keepdims=True)).ravel(), BINS) / len(ab)
    prior = np.load(output)
    assert prior.shape == (BINS,) and prior.sum() == pytest.approx(1)
    assert np.abs(prior - expected).sum() < 0.05  # the table rounds ab


def test_a_smoothed_prior_has_no_empty_bin(tmp_path, capsys):
    for name, options in (("as_counted", []), ("smooth", ["--smooth", "5"])):
        assert (
            datasets.main(["prior", "synthetic", "--split", "test", "-o", str(tmp_path / f"{name}.npy"), *options]) == 0
        )
    capsys.readouterr()
    as_counted, smooth = (np.load(tmp_path / f"{name}.npy") for name in ("as_counted", "smooth"))
    assert as_counted.min() == 0 < smooth.min() and smooth.sum() == pytest.approx(1)
    weights = scipy.stats.norm(scale=5).pdf(scipy.spatial.distance.cdist(CENTRES, CENTRES))
    np.testing.assert_allclose(smooth, weights / weights.sum(axis=0) @ as_counted, rtol=1e-6)
    auc_by_prior(smooth)  # takes it
    with pytest.raises(ValueError, match="as `tfcolor datasets prior --smooth 5` gives"):
        auc_by_prior(as_counted)
    assert datasets.main(["prior", "synthetic", "-o", str(tmp_path / "x.npy"), "--smooth", "-1"]) == 2
    assert "--smooth: '-1' is not a number of at least 0" in capsys.readouterr().err
    assert not (tmp_path / "x.npy").exists()


def test_gray_photos_count_nothing_in_a_prior(tmp_path, capsys):
    for index in range(4):
        Image.new("RGB", (20, 20), (90 + index,) * 3).save(tmp_path / f"{index}.png")
    source = f"folder:{tmp_path}"
    assert datasets.main(["prior", source, "-o", str(tmp_path / "p.npy")]) == 2
    assert "all 4 photos are gray" in capsys.readouterr().err
    Image.new("RGB", (20, 20), (200, 30, 30)).save(tmp_path / "red.png")
    assert datasets.main(["prior", source, "-o", str(tmp_path / "p.npy")]) == 0
    assert "4 of 5 photos are gray" in capsys.readouterr().err
    assert np.linalg.norm(np.load(tmp_path / "p.npy") @ CENTRES) > 60


def test_a_good_prior_gets_no_warning_and_a_bad_one_words():
    chroma = np.linalg.norm(CENTRES, axis=-1)
    good = np.exp(-chroma / 12)
    good /= good.sum()
    assert prior_warnings(good, 5000) == []
    assert "only 900 photos" in prior_warnings(good, 1000, gray=100)[0]
    assert "100 of 1000 photos are gray" in prior_warnings(good, 1000, gray=100)[1]
    assert "nearly gray" in prior_warnings(np.exp(-chroma) / np.exp(-chroma).sum(), 5000)[0]
    saturated = good.copy()
    saturated[np.flatnonzero((CENTRES == (60, 40)).all(axis=-1))] = 0.2
    assert "(60, 40) 20.0%" in prior_warnings(saturated, 5000)[0]
    few_colours = np.where(chroma < 60, good, 0)
    assert "bins are empty" in prior_warnings(few_colours / few_colours.sum(), 5000)[0]


# label --------------------------------------------------------------------------------------------------------------


def test_label_writes_scenes_into_the_cache(tmp_path, capsys):
    image = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(image)
    keras.Model(image, keras.layers.Dense(6, activation="softmax")(pooled)).save(tmp_path / "tiny.keras")
    (tmp_path / "names.txt").write_text("a\nb\nc\nd\ne\nf\n")
    teacher = ["--teacher", str(tmp_path / "tiny.keras"), "--names", str(tmp_path / "names.txt")]
    cache = ["--cache", str(tmp_path / "cache")]
    assert datasets.main(["label", "synthetic", "--split", "test", "--preprocessing", "unit", *teacher, *cache]) == 0
    path = tmp_path / "cache/synthetic.labels/pseudo-scenes-test-tiny.npz"
    assert str(path) in (out := capsys.readouterr().out) and "never to test on" in out
    assert len(read_scenes(path)["names"]) == 16


# segment ------------------------------------------------------------------------------------------------------------


def test_segment_makes_a_data_set_that_show_opens(tmp_path, capsys):
    """A teacher that names the strongest channel, on folders of red and of blue photos."""
    network = tf.function(lambda image: image * 4.0, input_signature=[tf.TensorSpec([1, 16, 16, 3])])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()])
    (tmp_path / "t.tflite").write_bytes(converter.convert())
    (tmp_path / "t.txt").write_text("red\ngreen\nblue\n")
    for folder, colour in (("a", (250, 20, 20)), ("b", (20, 20, 250))):
        (tmp_path / folder).mkdir()
        for number in range(2):
            Image.new("RGB", (20, 30), colour).save(tmp_path / folder / f"{number}.png")
    folders = [f"folder:{tmp_path}/a", f"folder:{tmp_path}/b"]
    teacher = ["--teacher", str(tmp_path / "t.tflite"), "--names", str(tmp_path / "t.txt")]
    made = str(tmp_path / "data/made")
    options = [*teacher, "--classes", "fire=red", "rest=*", "edge=", "-o", made]
    assert datasets.main(["segment", folders[1], *options]) == 2  # blue alone
    assert "t.tflite is sure of fire=red, rest=*, edge= in no photo" in capsys.readouterr().err
    assert list((tmp_path / "data").iterdir()) == []

    assert datasets.main(["segment", *folders, *options]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"{made}: 2 of 4 photos, pseudo masks by t.tflite: to train with, never to test on"
    assert len(out) == 2 and out[1].startswith(f"Next: tfcolor datasets show made --data-dir {tmp_path}/data ")
    data = ["--data-dir", str(tmp_path / "data")]
    assert datasets.main(["show", "made", *data, "-o", str(tmp_path / "s.png")]) == 0
    assert datasets.main(["list", *data]) == 0
    assert "masks of 3 classes" in capsys.readouterr().out
    assert datasets.main(["segment", *folders, *options]) == 2 and "is there already" in capsys.readouterr().err


# Errors and help ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--data-dir", "/no/such"], "'/no/such': no such folder"),
        (["prepare", "no_such_data"], "no data set 'no_such_data'"),
        (["show", "synthetic", "--split", "val", "-o", "x.png"], "no split 'val'"),
        (["show", "synthetic", "-o", "x.nonsense"], "nonsense"),
        (["show", "synthetic", "-o", "/no/such/x.png"], "/no/such/x.png"),
        (["show", "synthetic", "--maps", "/no/such", "-o", "x.png"], "/no/such is no folder of maps"),
        (["prior", "synthetic", "-o", "prior.txt"], "'prior.txt': give a .npy file"),
        (["prior", "synthetic", "-o", "/no/such/prior.npy"], "a folder that exists"),
        (["label", "synthetic", "--teacher", "/no/such.keras"], "'/no/such.keras': no such file"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert datasets.main(arguments) == 2
    error = capsys.readouterr().err.strip()
    assert message in error and error.startswith("tfcolor datasets: ") and "\n" not in error
    assert list(pathlib.Path().iterdir()) == []


def test_help_and_list_answer_without_tensorflow(tmp_path):
    code = (
        "import sys; from tfcolor import datasets; "
        f"assert datasets.main(['list', '--data-dir', {str(tmp_path)!r}]) == 0; "
        "assert not {'tensorflow', 'keras', 'tensorflow_datasets'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=pathlib.Path(__file__).parents[1])
