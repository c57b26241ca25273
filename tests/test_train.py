"""A training: interrupted at any moment it ends in the very same weights; what it writes; what it refuses."""

import contextlib
import csv
import os
import pathlib
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_encoder  # noqa: F401  (registers itself)

from tfcolor import train
from tfcolor.color.ab_bins import CENTRES
from tfcolor.color.spaces import rgb_to_gray
from tfcolor.colorizer import Colorizer
from tfcolor.recipe import Recipe, read_recipe, variants
from tfcolor.tasks import System, find_task
from tfcolor.trainer import BEST, LAST, STATE, Trainer, load_run, of_task

FEW = ["--task", "multitask", "--smoke", "--set", "epochs=3", "--set", "random_gray=0.5", "--set", "epoch_steps=3"]


def weights(folder):
    with np.load(folder / STATE) as state:
        return {name: state[name] for name in state.files if name != "progress"}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    train.main([*FEW, "--workdir", str(folder)])
    return folder


def test_run_folder_has_everything(undisturbed):
    for name in ("recipe.json", "classes.json", "log.csv", "samples.png", BEST, LAST, STATE):
        assert (undisturbed / name).is_file(), name
    assert list((undisturbed / "tensorboard").iterdir())
    assert not list(undisturbed.glob(".writing-*"))
    rows = list(csv.DictReader((undisturbed / "log.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[-1]["val_regression"]) > 0


def test_tensorboard_shows_the_pictures_and_the_numbers(undisturbed):
    (file,) = (undisturbed / "tensorboard").iterdir()
    shown = {}
    for event in tf.compat.v1.train.summary_iterator(str(file)):
        for value in event.summary.value:
            shown.setdefault(value.tag, {})[event.step] = tf.make_ndarray(value.tensor)
    pictures = shown["gray | prediction | truth | mask"]
    assert list(pictures) == [1, 2, 3]
    last = tf.io.decode_png(pictures[3][2])  # after width and height
    np.testing.assert_array_equal(last, tf.io.decode_png((undisturbed / "samples.png").read_bytes()))
    rows = list(csv.DictReader((undisturbed / "log.csv").open()))
    assert shown["val_loss"][2] == pytest.approx(float(rows[1]["val_loss"]))


def test_a_run_folder_keeps_the_names_of_the_scenes(tmp_path, eager):
    five = np.tile(np.arange(5, dtype="uint16"), (1, 1))
    who = {"classes": ["attic", "bar", "cliff"], "teacher": "t", "digest": "0", "preprocessing": "raw"}
    (tmp_path / "synthetic.labels").mkdir()
    path = tmp_path / "synthetic.labels" / "pseudo-scenes-train-t.npz"
    np.savez(path, names=np.array(["x"]), indices=five, weights=np.full((1, 5), 0.2, "float32"), **who)
    labels = ["--set", f"labels_dir={tmp_path}"]
    assert train.main(["--task", "class_reg_soft", "--smoke", *labels, "--workdir", str(tmp_path / "run")]) == 0
    guides = Colorizer.load(str(tmp_path / "run"))
    named = dict(guides.scenes(np.zeros((40, 50), "uint8")))
    assert named.keys() == {"attic", "bar", "cliff"} and sum(named.values()) == pytest.approx(1)


@pytest.mark.slow
def test_killed_and_resumed_ends_in_the_same_weights(undisturbed, tmp_path):
    """kill -9 as soon as the first epoch is written, so on the way through the second."""
    command = [sys.executable, "-m", "tfcolor.train", *FEW, "--workdir", str(tmp_path / "run")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (tmp_path / "run" / STATE).exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(list(csv.DictReader((tmp_path / "run" / "log.csv").open()))) < 3  # it was killed on the way
    train.main([*FEW, "--workdir", str(tmp_path / "run")])
    ours, theirs = weights(tmp_path / "run"), weights(undisturbed)
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    log, reference = ((f / "log.csv").read_text().splitlines() for f in (tmp_path / "run", undisturbed))
    assert [row.split(",")[3:] for row in log] == [row.split(",")[3:] for row in reference]


@pytest.mark.parametrize(
    "splits, named", [(("train", "validation", "test"), "test"), (("train", "validation"), "validation")]
)
def test_the_next_command_names_a_split_that_there_is(splits, named, tmp_path, eager, capsys):
    for split in splits:
        (tmp_path / "photos" / split).mkdir(parents=True)
        for number in range(8):
            photo = np.full((40, 40, 3), (30 * number, 90, 20), "uint8")
            tf.io.write_file(str(tmp_path / "photos" / split / f"{number}.png"), tf.io.encode_png(photo))
    data = ["--set", f"data=folder:{tmp_path}/photos"]
    assert train.main(["--task", "yuv", "--smoke", *data, "--workdir", str(tmp_path / "run")]) == 0
    assert f"--data folder:{tmp_path}/photos --split {named};" in capsys.readouterr().out


def test_finished_training_asked_again_does_nothing(undisturbed, capsys):
    before = (undisturbed / STATE).stat().st_mtime_ns
    assert train.main([*FEW, "--workdir", str(undisturbed)]) == 0
    assert (undisturbed / STATE).stat().st_mtime_ns == before
    assert "tfcolor evaluate" in capsys.readouterr().out


def test_a_run_folder_of_an_older_version_goes_on(undisturbed):
    """Its recipe.json lacks a field that Recipe has got since."""
    path = undisturbed / "recipe.json"
    text = path.read_text()
    path.write_text("".join(line for line in text.splitlines(True) if "labels_dir" not in line))
    assert train.main([*FEW, "--debug", "--workdir", str(undisturbed)]) == 0
    path.write_text(text)


def test_another_recipe_does_not_take_over_a_run_folder(undisturbed):
    with pytest.raises(ValueError, match="another recipe"):
        train.main([*FEW, "--set", "seed=5", "--debug", "--workdir", str(undisturbed)])


def test_early_stop(tmp_path, eager):
    # A rate of zero never gets better than its first epoch.
    settings = ["epochs=9", "early_stop=2", "learning_rate=0.0", "weight_decay=0.0", "freeze_batchnorm=True"]
    settings += ["encoder=tiny", "encoder_options={}"]
    sets = [word for setting in settings for word in ("--set", setting)]
    train.main(["--task", "yuv", "--smoke", *sets, "--workdir", str(tmp_path)])
    assert len((tmp_path / "log.csv").read_text().splitlines()) - 1 < 9


def test_precise_batchnorm_is_of_the_last_batches_under_the_last_weights():
    """Against NumPy over the features of both batches together: of a first layer, of one deep down, of the decoder."""
    fields = {"encoder": "tiny", "encoder_weights": "none", "encoder_share": 1.0, "batch": 4}
    trainer = Trainer(Recipe(task="yuv", freeze_batchnorm=False, precise_batchnorm=2, warmup=0, **fields), 3)
    random, model = np.random.default_rng(0), trainer.system.model
    images = [random.integers(0, 80 * (number + 1), (4, 64, 64, 3), "uint8") for number in range(3)]
    trainer._train_epoch([{"image": image} for image in images])

    layers = [model.get_layer(name) for name in ("tiny_2_bn", "tiny_16_bn", "up_2_bn")]
    statistics = [[np.array(value) for value in (layer.moving_mean, layer.moving_variance)] for layer in layers]
    inputs = keras.Model(model.inputs, [layer.input for layer in layers])
    seen = [inputs(rgb_to_gray(image.astype("float32") / 255), training=True) for image in images[1:]]
    for layer, (mean, variance), features in zip(layers, statistics, zip(*seen, strict=True), strict=True):
        features = np.concatenate(features).reshape(-1, len(mean))
        np.testing.assert_allclose(mean, features.mean(axis=0), rtol=1e-3, atol=1e-4, err_msg=layer.name)
        np.testing.assert_allclose(variance, features.var(axis=0), rtol=1e-3, atol=1e-4, err_msg=layer.name)
        assert layer.momentum > 0.9


class Stopped(Exception):
    pass


def test_the_mean_of_the_last_epochs_is_kept_and_survives_an_interruption(tmp_path, eager):
    """Against NumPy: of the weights as they were after epochs 2, 3 and 4, at a rate that stays what it is."""
    recipe = Recipe(task="yuv", encoder="tiny", encoder_weights="none", batch=2, epochs=4, average=3, warmup=0)
    random = np.random.default_rng(0)
    batches = [{"image": random.integers(0, 256, (2, 32, 32, 3), "uint8")} for _ in range(4)]

    def run(name, stop=None):
        """-> (trainer, its own weights before each epoch and after all, the rows of its log)."""
        (tmp_path / name).mkdir(exist_ok=True)
        trainer, own, rows = Trainer(recipe, 1, tmp_path / name), [], []
        trainer.resume()

        def training(epoch):
            own.append(trainer.system.model.get_weights())
            if epoch == stop:
                raise Stopped
            return batches[epoch : epoch + 1]

        with contextlib.suppress(Stopped):
            rows = trainer.fit(training, lambda: batches[:1])
        return trainer, [*own, trainer.system.model.get_weights()], rows

    whole, own, rows = run("whole")
    assert run("interrupted", stop=3)[2] == []
    resumed, resumed_own, _ = run("interrupted")
    for theirs, ours in zip(resumed_own[-1], own[-1], strict=True):
        np.testing.assert_array_equal(theirs, ours)
    means = [np.mean(weights, axis=0) for weights in zip(*own[2:], strict=True)]
    assert len(own) == 5 and any(np.any(mean != last) for mean, last in zip(means, own[-1], strict=True))
    for name, weights in (("whole", LAST), ("whole", BEST), ("interrupted", LAST)):
        resumed.system.model.load_weights(tmp_path / name / weights)
        for kept, mean in zip(resumed.system.model.get_weights(), means, strict=True):
            np.testing.assert_allclose(kept, mean, rtol=1e-4, atol=1e-6, err_msg=f"{name} {weights}")
    assert rows[-1]["val_loss"] == pytest.approx(float(resumed.validate(batches[0])["loss"]), rel=1e-4)
    assert rows[-1]["val_loss"] != pytest.approx(float(whole.validate(batches[0])["loss"]), rel=1e-4)
    assert [float(optimizer.learning_rate) for optimizer, _ in whole.optimizers] == pytest.approx([1e-3, 0.15e-3])


@pytest.mark.slow
def test_mixed_precision_trains_and_loads(tmp_path):
    train.main(["--task", "yuv", "--smoke", "--set", "precision=mixed_bfloat16", "--workdir", str(tmp_path)])
    system = load_run(tmp_path)
    assert system.model.trainable_variables[0].dtype == "float32"


@pytest.mark.slow
def test_an_encoder_of_share_0_keeps_its_weights(undisturbed, tmp_path):
    share = ["--set", f"start={undisturbed}", "--set", "encoder_share=0.0", "--set", "epochs=1"]
    train.main([*FEW, *share, "--workdir", str(tmp_path)])
    (kept, learnt), (old, before) = (load_run(folder, LAST).split_variables() for folder in (tmp_path, undisturbed))
    for variable, expected in zip(kept, old, strict=True):
        np.testing.assert_array_equal(variable, expected, err_msg=variable.path)
    assert any((np.asarray(new) != np.asarray(old)).any() for new, old in zip(learnt, before, strict=True))


def test_start_takes_the_layers_that_fit(undisturbed, capsys):
    """Into a network with other heads and a layer more: by name, whatever the order of the layers."""
    fields = {"encoder_weights": "none", "encoder_options": {"alpha": 0.35}, "start": str(undisturbed)}
    widths = {"widths": [512, 256, 128, 32]}  # the last block is another
    ours = Trainer(Recipe(task="yuv", network_options=widths, **fields), 1).system.model
    theirs = {variable.path: variable for variable in load_run(undisturbed).model.variables}
    fitting = [variable for variable in ours.variables if variable.shape == theirs[variable.path].shape]
    assert {v.path for v in ours.variables} - {v.path for v in fitting} >= {"up_2/kernel", "regression/kernel"}
    for variable in fitting:
        np.testing.assert_array_equal(variable, theirs[variable.path], err_msg=variable.path)
    assert "variables are those of" in capsys.readouterr().err


@pytest.mark.slow
def test_a_setting_that_was_wrong_does_not_hold_the_run_folder(tmp_path, eager):
    command = ["--task", "yuv", "--smoke", "--workdir", str(tmp_path / "run")]
    with pytest.raises(ValueError, match="there are mobilenet_v2"):
        train.main([*command, "--set", "encoder=resnet", "--debug"])
    assert train.main(command) == 0


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--task", "mulitask"], "there are yuv"),
        (["--task", "yuv", "--set", "epoch=1"], "did you mean epochs"),
        (["--task", "yuv", "--smoke", "--set", "batch=65"], "fewer than a batch"),
        (["--task", "yuv", "--set", "data=nothing_of_the_sort"], "no data set"),
        (["--task", "yuv", "--smoke", "--set", "start=nowhere"], "no model 'nowhere'"),
        (["--recipe", "nowhere.py"], "no such file"),
    ],
)
def test_mistakes_are_named(arguments, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        train.main([*arguments, "--debug", "--workdir", str(tmp_path / "run")])
    assert not (tmp_path / "run" / STATE).exists()


def test_a_part_of_a_task_colours_as_the_whole():
    """At any vividness: the part's distribution counts as learnt with rebalancing, as the whole's."""
    recipe = Recipe("class_reg_soft", encoder="tiny", encoder_weights="none", **find_task("class_reg_soft").defaults)
    random = np.random.default_rng(0)
    prior = np.exp(CENTRES[:, 0] / 20)  # red is common
    whole = System(recipe, prior=prior / prior.sum())
    for weight in whole.model.weights:
        weight.assign(random.normal(0, 0.1, weight.shape) if weight.path.startswith("ab_bins") else weight)
    part = of_task(whole, "classification_rebalanced")
    gray = random.random((1, 32, 32, 1)).astype("float32")
    assert list(part.outputs(gray)) == ["ab_bins"] and list(part.recipe.loss_weights) == []
    colours = []
    for vividness in (0.0, 1.0, None):
        colours += [s.chroma(s.outputs(gray), gray, vividness=vividness) for s in (part, whole)]
        np.testing.assert_allclose(colours[-2], colours[-1], atol=1e-6)
    assert np.abs(colours[0] - colours[2]).max() > 0.01  # so another vividness would show
    with pytest.raises(ValueError, match="no part of class_reg_soft; there are .*classification_rebalanced"):
        of_task(whole, "classification")  # another default of `rebalance`


def test_load_run_names_what_is_no_run_folder(tmp_path):
    with pytest.raises(ValueError, match=r"no recipe\.json"):
        load_run(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_smoke_training_takes_another_encoder(tmp_path, eager):
    """It shrinks MobileNetV2, and nothing else has that option."""
    settings = ["encoder=vgg16", "network_options={'widths': [8, 8, 8, 8, 8]}", "encoder_share=0"]
    arguments = [word for setting in settings for word in ("--set", setting)]
    assert train.main(["--task", "yuv", "--smoke", "--workdir", str(tmp_path), *arguments]) == 0
    assert "vgg16" in (tmp_path / "recipe.json").read_text()


def _smoke_recipes():
    """Every recipe of train/ as --smoke changes it; those that differ by their data alone are one."""
    distinct = {}
    for path in sorted((pathlib.Path(__file__).parents[1] / "train").glob("*.py")):
        for variant in variants(path):
            name = str(path) if variant == "recipe" else f"{path}:{variant}"
            recipe = read_recipe(name)[0].changed([*train.SMOKE, "serving_size=32", "warmup=1"])
            distinct.setdefault(recipe.to_json(), name)
    return list(distinct.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", _smoke_recipes(), ids=lambda name: pathlib.Path(name).name)
def test_every_recipe_trains(name, tmp_path, eager):
    assert train.main(["--recipe", name, "--smoke", "--workdir", str(tmp_path)]) == 0
    assert (tmp_path / LAST).is_file()
