"""The verb `evaluate`, with small stand-ins for models and data; no network runs."""

import json
import subprocess
import sys
import types

import numpy as np
import pytest
import scipy.ndimage
from PIL import Image

from tfcolor import evaluate, measures
from tfcolor.color.constants import LUMA
from tfcolor.data.labels import NAMES

CLASSES = ["pet", "background", "border"]
SIZE = 24


def colourful(generator, height=30, width=40):
    """A smooth random picture: uint8 [height, width, 3]."""
    smooth = scipy.ndimage.gaussian_filter(generator.random((height, width, 3)), (5, 5, 0))
    return np.rint(255 * (smooth - smooth.min()) / np.ptp(smooth)).astype("uint8")


class FakeSource:
    """Seven photos, the third of them gray; each with a mask and a label."""

    def __init__(self, seed=0, masks=True):
        generator = np.random.default_rng(seed)
        self.size = 7
        self.info = types.SimpleNamespace(name="fake", classes=CLASSES if masks else None, labels=["dark", "light"])
        self.examples = []
        for index in range(self.size):
            image = colourful(generator, 30 + index)
            if index == 2:
                image = np.repeat(image[..., :1], 3, axis=-1)
            mask = generator.choice([0, 1, 2, 255], (*image.shape[:2], 1)).astype("uint8")
            self.examples.append(
                {"image": image, "label": index % 2, "name": b"%d" % index} | ({"mask": mask} if masks else {})
            )

    @property
    def dataset(self):
        return types.SimpleNamespace(as_numpy_iterator=lambda: iter(self.examples))


class FakeModel:
    """Answers each photo with `share` of its true chroma, at half its size, and with its mask, borders as pet."""

    name, version, size, classes = "fake", "3", SIZE, CLASSES
    colour_head, segmentation_head, distribution = "uv", "mask", {}
    knobs = {"saturation": 1.0}
    segments, reads_labels = True, False

    def __init__(self, share, source):
        self.share = share
        self.truths = {photo.gray.tobytes(): photo for photo in evaluate.Photos(source, SIZE, None, True)}
        self.batches = []

    def predict(self, gray):
        assert gray.dtype == np.uint8 and gray.shape[1:] == (SIZE, SIZE)
        self.batches.append(len(gray))
        photos = [self.truths[one.tobytes()] for one in gray]
        uv = np.stack([photo.truth.yuv[::2, ::2, 1:] for photo in photos])
        outputs = {"uv": (self.share * uv).astype("float32")}
        if photos[0].mask is not None:
            labels = np.stack([np.where(photo.mask >= 2, 0, photo.mask) for photo in photos])
            outputs["mask"] = np.eye(3, dtype="float32")[labels]
        return outputs

    def decode(self, output, gray, saturation=1.0):
        return output * saturation

    def looks(self, output, gray, reference, guide, saturation=1.0):
        """Twice the chroma by quantiles, nearly the photo's own by energy; the reference is the photo itself."""
        truth = self.truths[gray.tobytes()].truth
        np.testing.assert_array_equal(reference, truth.rgb)
        return [2 * output * saturation if guide == "quantiles" else 0.95 * truth.yuv[..., 1:]]


class ReadingModel(FakeModel):
    """As `FakeModel`, but pixel by pixel, and gray where its label map is not the true one; its own is another's."""

    segmentation_head, reads_labels = None, True

    def segment(self, gray):
        masks = [self.truths[one.tobytes()].mask for one in gray]
        return np.stack([np.where(mask >= 2, 0, mask) for mask in masks]).astype("uint8")

    def predict(self, gray, labels):
        photos = [self.truths[one.tobytes()] for one in gray]
        believed = labels == np.stack([photo.mask for photo in photos])
        uv = np.stack([photo.truth.yuv[..., 1:] for photo in photos])
        return {"uv": (self.share * uv * believed[..., None]).astype("float32")}

    def chroma(self, gray, labels, saturation=1.0):
        return saturation * self.predict(gray[None], labels[None])["uv"][0]


@pytest.fixture
def fakes(monkeypatch):
    """`open_source` and `Colorizer.load` give stand-ins; the dict counts what was opened."""
    source = FakeSource()
    opened = {"sources": [], "models": {}}

    def open_source(name, split, *, data_dir=None):
        opened["sources"].append((name, split))
        if name == "nothing" or split not in ("train", "test"):
            raise ValueError(f"{name}: no split {split!r}; it has train, test")
        return source if split == "test" else FakeSource(seed=1)

    def load(name):
        if not name.startswith("share"):
            raise ValueError(f"no model {name!r}; installed here: none")
        kind = ReadingModel if name.startswith("shareread") else FakeModel
        opened["models"][name] = kind(float(name.removeprefix("share").removeprefix("read")), source)
        return opened["models"][name]

    monkeypatch.setattr(evaluate, "import_tensorflow", lambda: None)
    monkeypatch.setattr(evaluate, "RESAMPLES", 100)
    monkeypatch.setitem(sys.modules, "tfcolor.data.sources", types.SimpleNamespace(open_source=open_source))
    monkeypatch.setitem(
        sys.modules, "tfcolor.colorizer", types.SimpleNamespace(Colorizer=types.SimpleNamespace(load=load))
    )
    return source, opened


def run(*arguments):
    return evaluate.main([*map(str, arguments), "--data", "fake", "--split", "test"])


def run_json(folder, *arguments):
    assert run(*arguments, "--json", folder / "out.json") == 0
    return json.loads((folder / "out.json").read_text())


def test_json_has_the_rows_and_the_protocol(fakes, tmp_path, capsys):
    result = run_json(tmp_path, "share0.5")
    assert set(result) == {"protocol", "rows"}
    assert list(result["rows"]) == ["model", "gray", "random", "truth"]
    names = {measure.name for measure in measures.PHOTO_MEASURES} | {"miou", "miou_no_border"}
    for row in result["rows"].values():
        assert set(row) == names
        assert all(set(entry) == {"mean", "low", "high"} for entry in row.values())
    protocol = result["protocol"]
    assert (protocol["photos"], protocol["left_out"], protocol["size"]) == (6, 1, SIZE)
    assert protocol["random"] == "chroma of fake train"
    assert protocol["models"]["model"]["decoding"] == {"saturation": 1.0}
    assert sum(fakes[1]["models"]["share0.5"].batches) == 6  # each photo went through the network once

    printed = capsys.readouterr().out
    assert printed.startswith(
        "fake test; 6 photos; 1 without colour left out; 24 x 24 (stretched, Lanczos; masks nearest)"
    )
    psnr = result["rows"]["model"]["psnr"]
    assert f"{psnr['mean']:.2f} [{psnr['low']:.2f}, {psnr['high']:.2f}]" in printed


def test_numbers_are_those_of_the_definition(fakes, tmp_path):
    source, _ = fakes
    rows = run_json(tmp_path, "share0")["rows"]
    photos = [example["image"] for index, example in enumerate(source.examples) if index != 2]
    truths = [np.asarray(Image.fromarray(image).resize((SIZE, SIZE), Image.Resampling.LANCZOS)) for image in photos]
    grays = [np.repeat(np.rint(truth @ LUMA)[..., None], 3, axis=-1).astype("uint8") for truth in truths]
    for name in ("psnr", "ssim", "delta_e", "colorfulness"):
        expected = np.mean([getattr(measures, name)(*pair) for pair in zip(grays, truths, strict=True)])
        assert rows["gray"][name]["mean"] == pytest.approx(expected), name
    pooled = measures.rmse_ab(np.concatenate(grays), np.concatenate(truths))
    assert rows["gray"]["rmse_ab"]["mean"] == pytest.approx(pooled)
    # A model without any chroma is the gray row.
    for name, entry in rows["gray"].items():
        assert name.startswith("miou") or rows["model"][name] == entry, name


def test_truth_is_perfect_and_what_is_infinite_is_null(fakes, tmp_path):
    rows = run_json(tmp_path, "share1")["rows"]
    nothing = {"mean": None, "low": None, "high": None}
    assert rows["truth"]["psnr"] == nothing
    assert rows["truth"]["ssim"]["mean"] == pytest.approx(1)
    assert rows["truth"]["rmse_ab"]["mean"] == 0
    assert rows["gray"]["miou"] == nothing
    assert rows["model"]["psnr"]["mean"] > rows["gray"]["psnr"]["mean"] + 5  # half-size true chroma is nearly the truth
    assert rows["random"]["psnr"]["mean"] < rows["gray"]["psnr"]["mean"]
    assert rows["random"]["colorfulness"]["mean"] > 10


def test_every_row_but_truth_keeps_the_gray(fakes):
    source, _ = fakes
    photos = evaluate.Photos(source, SIZE)
    evaluation = evaluate.Evaluation({"model": FakeModel(2.5, source)}, {}, np.stack([p.truth.rgb for p in photos]))
    batch = list(photos)
    for photo, (pictures, _) in zip(batch, evaluation.color(batch), strict=True):
        assert set(pictures) == {"model", "gray", "random", "truth"}
        for row, picture in pictures.items():
            np.testing.assert_array_equal(evaluate.to_gray(picture.rgb), photo.gray, err_msg=row)


def test_random_chroma_is_never_a_photos_own(fakes):
    photos = list(evaluate.Photos(fakes[0], SIZE))
    for number, photo in enumerate(photos):
        other = photos[number - 1].truth.rgb
        evaluation = evaluate.Evaluation({}, {}, np.stack([photo.truth.rgb, other]))
        ((pictures, _),) = evaluation.color([photo], number)
        alone = evaluate.Evaluation({}, {}, other[None])
        ((expected, _),) = alone.color([photo])
        np.testing.assert_array_equal(pictures["random"].rgb, expected["random"].rgb)


def test_label_maps_count_only_with_the_same_classes(fakes, tmp_path):
    source, opened = fakes
    rows = run_json(tmp_path, "share0")["rows"]
    masks = [photo.mask for photo in evaluate.Photos(source, SIZE)]
    mask = np.concatenate(masks)
    predicted = np.where(mask >= 2, 0, mask)
    assert rows["model"]["miou"]["mean"] == pytest.approx(measures.miou(3)(predicted, mask))
    assert rows["model"]["miou"]["mean"] == pytest.approx(
        ((mask == 0).sum() / ((mask == 0) | (mask == 2)).sum() + 1) / 3
    )
    assert rows["model"]["miou_no_border"]["mean"] == 1

    source.info.classes = ["cat", "background", "border"]
    assert "miou" not in run_json(tmp_path, "share0")["rows"]["model"]


def test_models_that_read_label_maps_are_given_the_true_one_their_own_or_none(fakes, tmp_path, capsys):
    rows, said = {}, {}
    for kind in ("true", "predicted", "none"):
        rows[kind] = run_json(tmp_path, "shareread1", "--map", kind)["rows"]["model"]
        said[kind] = capsys.readouterr().out
    errors = [rows[kind]["rmse_ab"]["mean"] for kind in ("true", "predicted", "none")]
    assert errors[0] < 0.01 < errors[1] < errors[2]
    assert rows["true"]["miou"] == rows["none"]["miou"] and rows["true"]["miou"]["mean"] > 0.3
    assert "model given the true label map;" in said["true"] and "model given no label map;" in said["none"]
    result = run_json(tmp_path, "shareread1", "share0.5")
    assert result["rows"]["shareread1"] == rows["predicted"]
    assert result["protocol"]["maps"] == {"shareread1": "predicted"}


def test_relabelled_regions_are_a_table_of_their_own(fakes, tmp_path, capsys):
    """The stand-in goes gray where a label is not the true one, and stays as it was elsewhere."""
    assert run("shareread1", "--map", "true", "--edits", "3", "--markdown", tmp_path / "out.md") == 0
    text = (tmp_path / "out.md").read_text()
    assert "edit_inside" in text and "| edit_outside |" in text and "edit_outside" in capsys.readouterr().out
    edits = run_json(tmp_path, "shareread1", "--map", "true", "--edits", "3")["edits"]["model"]
    assert edits["edit_inside"]["mean"] > 5 and edits["edit_outside"]["mean"] == 0


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["share1", "--map", "none"], "for models that read label maps, and none of these does"),
        (["share1", "--edits", "3"], "for models that read label maps"),
        (["shareread1", "--map", "none", "--edits", "3"], "--map true or predicted"),
    ],
)
def test_maps_that_make_no_sense_are_named(fakes, capsys, arguments, words):
    assert run(*arguments) == 2
    assert words in capsys.readouterr().err


def test_a_true_map_has_to_be_in_the_models_classes(fakes, capsys):
    fakes[0].info.classes = ["cat", "background", "border"]
    assert run("shareread1", "--map", "true") == 2
    assert "reads pet, background, border; fake has the classes cat" in capsys.readouterr().err


def test_masks_in_the_merged_labels(fakes, tmp_path, monkeypatch):
    """For a model that knows those: what the source calls "face" is "skin"."""
    source, _ = fakes
    source.info.name, source.info.classes, source.info.labels = "msrc", ["face", "grass", "void"], None
    monkeypatch.setattr(FakeModel, "classes", NAMES)
    photos = evaluate.Photos(source, SIZE, merged=True)
    assert photos.classes == NAMES and photos.merged
    for photo, plain in zip(photos, evaluate.Photos(source, SIZE), strict=True):
        for index, name in enumerate(("skin", "grass", None)):
            assert set(photo.mask[plain.mask == index]) == {NAMES.index(name) if name else 255}
    protocol = run_json(tmp_path, "share1")["protocol"]
    assert protocol["labels"] == "merged"


def test_several_models_are_rows_by_name(fakes, tmp_path):
    result = run_json(tmp_path, "share0.2", "share0.9", "--markdown", tmp_path / "out.md", "--limit", 5)
    assert list(result["rows"]) == ["share0.2", "share0.9", "gray", "random", "truth"]
    assert result["rows"]["share0.9"]["psnr"]["mean"] > result["rows"]["share0.2"]["psnr"]["mean"]
    assert (result["protocol"]["photos"], result["protocol"]["limit"]) == (4, 5)
    lines = (tmp_path / "out.md").read_text().splitlines()
    assert lines[2] == "|  | better | share0.2 | share0.9 | gray | random | truth |"
    assert lines[3] == "|---|---|---|---|---|---|---|"
    assert lines[4].startswith("| psnr [dB] | higher | ") and lines[4].endswith(" | - |")


def test_row_names():
    assert evaluate.row_names(["runs/a/"]) == ["model"]
    assert evaluate.row_names(["runs/a/", "runs/b"]) == ["a", "b"]
    assert evaluate.row_names(["x/a", "y/a", "b"]) == ["x/a", "y/a", "b"]
    assert evaluate.row_names(["runs/gray", "b"]) == ["runs/gray", "b"]


def test_knobs_reach_the_decoding(fakes, tmp_path):
    result = run_json(tmp_path, "share1", "--saturation", 0)
    assert result["rows"]["model"]["psnr"] == result["rows"]["gray"]["psnr"]
    assert result["protocol"]["models"]["model"]["decoding"] == {"saturation": 0.0}


def test_with_its_own_histogram_given_a_model_has_rows_of_their_own(fakes, tmp_path, monkeypatch):
    monkeypatch.setattr(FakeModel, "distribution", {"head": "AbBins"})
    plain = run_json(tmp_path, "share0.4", "share0.8")["rows"]
    result = run_json(tmp_path, "share0.4", "share0.8", "--own-histogram")
    rows = result["rows"]
    models = [f"share0.{n}{guide}" for n in (4, 8) for guide in ("", "+quantiles", "+energy")]
    assert list(rows) == [*models, "gray", "random", "truth"]
    for row in plain:
        assert rows[row] == plain[row]
    for name in ("psnr", "rmse_ab", "colorfulness"):  # twice .4 is .8
        assert rows["share0.4+quantiles"][name]["mean"] == pytest.approx(plain["share0.8"][name]["mean"], rel=1e-3)
    assert rows["share0.4+energy"]["psnr"]["mean"] > rows["share0.4+quantiles"]["psnr"]["mean"]
    assert rows["share0.4+energy"]["miou"]["mean"] is None
    assert sum(fakes[1]["models"]["share0.4"].batches) == 6  # once each, with the histogram given or not
    assert run("share0.4", "--own-histogram", "--sheet", tmp_path / "sheet.png") == 0
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.width == 5 * SIZE

    monkeypatch.setattr(FakeModel, "distribution", None)
    assert list(run_json(tmp_path, "share0.4", "--own-histogram")["rows"])[:2] == ["model", "model+quantiles"]


def test_a_model_that_only_segments_stands_beside_one_that_colours(fakes, tmp_path, monkeypatch):
    source, opened = fakes
    loaded = sys.modules["tfcolor.colorizer"].Colorizer.load

    def load(name):
        if name != "outlines":
            return loaded(name)
        model = FakeModel(0, source)
        model.colour_head = None
        return model

    monkeypatch.setattr(sys.modules["tfcolor.colorizer"].Colorizer, "load", load)
    pictures = ("--histograms", tmp_path / "h.png", "--sheet", tmp_path / "s.png")
    result = run_json(tmp_path, "outlines", "share0.4", *pictures)
    assert list(result["rows"]) == ["outlines", "share0.4", "gray", "random", "truth"]
    assert result["rows"]["outlines"]["miou"] == result["rows"]["share0.4"]["miou"]
    assert result["rows"]["outlines"]["psnr"]["mean"] is None
    with Image.open(tmp_path / "s.png") as image:
        assert image.width == 3 * SIZE

    # Alone there is no colour to measure, so a photo without colour counts as well.
    alone = run_json(tmp_path, "outlines")
    assert list(alone["rows"]) == ["model"] and list(alone["rows"]["model"]) == ["miou", "miou_no_border"]
    assert (alone["protocol"]["photos"], alone["protocol"]["random"]) == (7, None)


def test_the_same_command_gives_the_same_numbers(fakes, tmp_path):
    assert run_json(tmp_path, "share0.7") == run_json(tmp_path, "share0.7")


def test_a_prior_weighs_the_bins_as_zhang_does(fakes, tmp_path):
    source, _ = fakes
    prior = np.random.default_rng(3).dirichlet(np.ones(313))
    np.save(tmp_path / "prior.npy", prior)
    result = run_json(tmp_path, "share0.5", "--prior", tmp_path / "prior.npy")
    assert result["protocol"]["auc_rebalanced"] == {"prior": str(tmp_path / "prior.npy")}
    truths = [photo.truth.rgb for photo in evaluate.Photos(source, SIZE)]
    grays = [np.repeat(evaluate.to_gray(truth)[..., None], 3, axis=-1) for truth in truths]
    expected = measures.auc_by_prior(prior)(np.concatenate(grays), np.concatenate(truths))
    assert result["rows"]["gray"]["auc_rebalanced"]["mean"] == pytest.approx(expected)


def test_the_sheet_shows_best_median_and_worst(fakes, tmp_path):
    source, _ = fakes
    paths = tmp_path / "sheet.png", tmp_path / "histograms.png"
    assert run("share0.5", "share1", "--sheet", paths[0], "--histograms", paths[1]) == 0
    with Image.open(paths[0]) as image:
        sheet = np.asarray(image)
    # All six photos are among the three best, median and worst; columns gray, two models, truth; a caption under each.
    assert sheet.shape == (18 + 6 * (SIZE + 18), 4 * SIZE, 3)
    shown = [sheet[18 + row * 42 : 18 + row * 42 + SIZE, 3 * SIZE :] for row in range(6)]
    photos = list(evaluate.Photos(source, SIZE))
    gains = [
        measures.psnr(picture["model"], photo.truth) - measures.psnr(picture["gray"], photo.truth)
        for photo, (picture, _) in zip(
            photos,
            evaluate.Evaluation({"model": FakeModel(0.5, source)}, {}, photos[0].truth.rgb[None]).color(photos),
            strict=True,
        )
    ]
    for picture, index in zip(shown, np.argsort(gains)[::-1], strict=True):
        np.testing.assert_array_equal(picture, photos[index].truth.rgb)
    with Image.open(paths[1]) as image:
        assert image.size == (1100, 400) and np.asarray(image).std() > 10
    assert run("share0.5", "--sheet", paths[0], "--sheet-photos", 3) == 0  # one of each
    with Image.open(paths[0]) as image:
        sheet = np.asarray(image)
    assert sheet.shape == (18 + 3 * (SIZE + 18), 3 * SIZE, 3)
    for row, index in enumerate(np.argsort(gains)[::-1][[0, 2, 5]]):
        np.testing.assert_array_equal(sheet[18 + row * 42 :][:SIZE, 2 * SIZE :], photos[index].truth.rgb)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["histograms.png", "sheet.png"]


def test_best_median_worst():
    groups = evaluate.report.best_median_worst(np.arange(20.0))
    assert groups == dict(
        zip([19, 18, 17, 11, 10, 9, 2, 1, 0], ["best"] * 3 + ["median"] * 3 + ["worst"] * 3, strict=True)
    )
    assert list(groups)[:3] == [19, 18, 17]
    assert evaluate.report.best_median_worst([5.0]) == {0: "best"}
    assert list(evaluate.report.best_median_worst(np.arange(48.0), each=16)) == list(range(47, -1, -1))


def test_many_photos_of_a_sheet_stand_in_blocks():
    dice = np.random.default_rng(0)
    photos = [([dice.integers(0, 256, (8, 8, 3)).astype("uint8")] * 2, ["", ""]) for _ in range(25)]
    sheet = np.asarray(evaluate.report.sheet(["a", "b"], photos))
    assert sheet.shape == (18 + 9 * (8 + 18), 3 * 2 * 8, 3)  # 25 in three blocks of nine rows at most
    for number, (pictures, _) in enumerate(photos):
        block, row = divmod(number, 9)
        top = 18 + row * 26
        np.testing.assert_array_equal(sheet[top : top + 8, block * 16 : block * 16 + 8], pictures[0])


def test_long_titles_of_a_sheet_keep_their_ends():
    from PIL import ImageFont

    font = ImageFont.load_default(12)
    shown = evaluate.report._fitting("objectives_photos_regression", 100, font)
    assert shown.startswith("...") and shown.endswith("regression") and font.getlength(shown) <= 100
    assert evaluate.report._fitting("objectives", 2, font) == "..."  # narrower than the dots: no end to look for
    assert evaluate.report._fitting("gray", 100, font) == "gray"


def test_random_chroma_falls_back_to_other_photos(fakes, tmp_path, monkeypatch):
    real = sys.modules["tfcolor.data.sources"].open_source

    def open_source(name, split, *, data_dir=None):
        if split == "train" and name == "fake":
            raise ValueError("no split 'train'")
        return real(name, split, data_dir=data_dir)

    monkeypatch.setattr(sys.modules["tfcolor.data.sources"], "open_source", open_source)
    assert run_json(tmp_path, "share0")["protocol"]["random"] == "chroma of photos train"


def test_a_classifier_judges_every_row(fakes, tmp_path, monkeypatch):
    source, _ = fakes
    photos = list(evaluate.Photos(source, SIZE))
    labels = {photo.truth.rgb.tobytes(): photo.label for photo in photos}

    def classify(batch):  # right on every truth, on no gray, and on a colouring where it is truly class 0
        found = {photo.gray.tobytes(): photo.label for photo in photos}
        answers = []
        for rgb in batch:
            label = found[evaluate.to_gray(rgb).tobytes()]
            gray = (rgb[..., 0] == rgb[..., 2]).all()
            answers.append(labels.get(rgb.tobytes(), 1 - label if gray else 0))
        return np.array(answers)

    opened = types.SimpleNamespace(open_classifier=lambda spec, names: (classify, 2))
    monkeypatch.setitem(sys.modules, "tfcolor.classifiers", opened)
    result = run_json(tmp_path, "share0.5", "--classifier", "judge.tflite")
    top1 = {row: entries["classifier_top1"]["mean"] for row, entries in result["rows"].items()}
    zeros = np.mean([photo.label == 0 for photo in photos])
    assert 0 < zeros < 1
    assert top1 == {"model": pytest.approx(zeros), "gray": 0, "random": pytest.approx(zeros), "truth": 1}
    assert result["rows"]["model"]["recovered"]["mean"] == pytest.approx(zeros)

    opened.open_classifier = lambda spec, names: (classify, 1000)
    assert run("share0.5", "--classifier", "judge.tflite") == 2


BAD = [
    ([], "the following arguments are required: MODEL"),
    (["share1", "--size", "0"], "argument --size: '0' is not a whole number from 11 to 4096"),
    (["share1", "--size", "1e3"], "'1e3' is not a whole number"),
    (["share1", "--limit", "-1"], "argument --limit: '-1' is not a whole number of at least 1"),
    (["share1", "--vividness", "nan"], "argument --vividness: 'nan' is not a number of at least 0"),
    (["share1", "--colour", "1"], "unrecognized arguments: --colour 1"),
    (["share1", "share1"], "a model is named twice in share1 share1"),
    (["share1", "--json", "nowhere/out.json"], "--json nowhere/out.json: there is no folder nowhere"),
    (["share1", "--sheet", "out.jpg"], "--sheet out.jpg: a picture's name ends in .png"),
    (["share1", "--markdown", "."], "--markdown .: is a folder"),
    (["share1", "--prior", "none.npy"], "--prior none.npy: no such file"),
    (["share1", "--labels", __file__], "--labels names the answers of a --classifier"),
]


@pytest.mark.parametrize("arguments, words", BAD)
def test_wrong_commands_are_one_line_and_open_nothing(fakes, capsys, arguments, words):
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert words in error and error.startswith("tfcolor evaluate: ") and error.count("\n") == 1
    assert fakes[1] == {"sources": [], "models": {}}


@pytest.mark.parametrize("arguments, words", [
    (["share1", "--data", "fake", "--split", "dev"], "fake: no split 'dev'; it has train, test"),
    (["nobody", "--data", "fake", "--split", "test"], "no model 'nobody'; installed here: none"),
    (["share1", "--data", "fake", "--split", "test", "--classifier", "ResNet"], "neither a Keras application"),
    (["share1", "--data", "fake", "--split", "test", "--prior", __file__], "not a .npy file of numbers"),
])  # fmt: skip
def test_what_is_not_there_is_one_line(fakes, capsys, arguments, words):
    assert evaluate.main(arguments) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_photos_without_colour_alone_are_no_test(fakes, capsys):
    source, _ = fakes
    source.examples = source.examples[2:3]
    source.size = 1
    assert run("share1") == 2
    assert "not one of the 1 photos has colour" in capsys.readouterr().err


def test_help_and_wrong_commands_answer_without_tensorflow():
    code = (
        "import sys\n"
        "from tfcolor.evaluate import main\n"
        "assert main(['model', '--data', 'x', '--split', 'test', '--size', 'large']) == 2\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "--vividness V" in done.stdout
    assert done.stderr == (
        "tfcolor evaluate: argument --size: 'large' is not a whole number from 11 to 4096 (--help shows how)\n"
    )


def test_what_is_measured_is_what_colorize_gives():
    """A real `Colorizer` around functions of ours: the row of the table is the picture that `colorize` returns."""
    tf = pytest.importorskip("tensorflow")
    from tfcolor.colorizer import Colorizer

    uv = colourful(np.random.default_rng(4), 5, 5)[None, ..., :2] / 255.0 - 0.5  # stride 5: reaches beyond 24 pixels
    functions = {
        "predict": lambda gray: {"uv": tf.constant(np.repeat(uv, len(gray), axis=0), "float32")},
        "decode": lambda output, gray, saturation: {"chroma": output * saturation},
    }
    card = {"name": "ours", "version": "1", "size": 2 * SIZE, "knobs": {"saturation": 0.8}, "classes": None}
    colorizer = Colorizer(functions, card | {"colour_head": "uv", "segmentation_head": None})
    photo = next(iter(evaluate.Photos(FakeSource(), SIZE)))
    evaluation = evaluate.Evaluation({"model": colorizer}, {}, photo.truth.rgb[None])
    ((pictures, _),) = evaluation.color([photo])
    np.testing.assert_array_equal(pictures["model"].rgb, colorizer.colorize(photo.truth.rgb))
    assert measures.colorfulness(pictures["model"], photo.truth) > 5
