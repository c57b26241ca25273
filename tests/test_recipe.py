"""Recipes: changed by --set, kept as JSON, read from files, and every mistake named."""

import pathlib
import re

import pytest

from tfcolor.recipe import Recipe, read_recipe, variants

RECIPES = sorted((pathlib.Path(__file__).parents[1] / "train").glob("*.py"))


def test_json_brings_back_the_same_recipe():
    recipe = Recipe(task="yuv", crop_area=(0.5, 0.9), loss_weights={"regression": 2.0})
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_set_reaches_every_kind_of_field():
    original = Recipe()
    recipe = original.changed(
        ["epochs=3", "data=synthetic", "crop_area=(.5, 1)", "head_options.regression.loss=huber", "learning_rate=1"]
    )
    assert (recipe.epochs, recipe.data, recipe.crop_area) == (3, "synthetic", (0.5, 1))
    assert recipe.head_options == {"regression": {"loss": "huber"}}
    assert recipe.learning_rate == 1.0
    assert original == Recipe() and Recipe().head_options == {}  # the original is as it was


@pytest.mark.parametrize(
    "setting, said",
    [
        ("epoch=3", "did you mean epochs"),
        ("epochs", "key=value"),
        ("epochs=many", "wants int"),
        ("epochs=0", "from 1 up"),
        ("early_stop=-1", "from 0 up"),
        ("average=151", "at most the 150 epochs"),
        ("size=100", "multiple of 32"),
        ("crop_area=(0, 1)", "crop_area"),
        ("labels=mine", "'merged'"),
        ("random_labels=2", "a probability"),
        ("crop_aspect=(2, 1)", "crop_aspect"),
        ("rotation=-5", "degrees"),
        ("precision=half", "mixed_bfloat16"),
        ("seed.sub=1", "no dictionary"),
    ],
)
def test_mistakes_are_named(setting, said):
    with pytest.raises(ValueError, match=said):
        Recipe().changed([setting])


def test_what_is_averaged_does_not_stop_early():
    with pytest.raises(ValueError, match="choose one"):
        Recipe().changed(["average=2", "early_stop=3"])


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_reads_and_has_its_run_card(path):
    for variant in variants(path):
        recipe, name = read_recipe(path if variant == "recipe" else f"{path}:{variant}")
        assert recipe.task and name == path.stem + ("" if variant == "recipe" else f"_{variant}")
    assert variants(path)
    card = re.search(r"Run card: (\S+\.md)", path.read_text("utf-8"))
    assert card and path.with_name(card[1]).is_file()


def test_recipe_files_that_are_not(tmp_path):
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match="function recipe"):
        read_recipe(tmp_path / "empty.py")
    with pytest.raises(ValueError, match=r"no such file; there are .*empty\.py"):
        read_recipe(tmp_path / "other.py")
    (tmp_path / "two.py").write_text(
        "from tfcolor.recipe import Recipe\n\ndef one():\n    return Recipe()\n\ndef other():\n    return 3\n"
    )
    assert read_recipe(f"{tmp_path / 'two.py'}:one") == (Recipe(), "two_one")
    with pytest.raises(ValueError, match=r"the file holds .*two\.py:one, .*two\.py:other"):
        read_recipe(tmp_path / "two.py")
    with pytest.raises(ValueError, match="returns a int"):
        read_recipe(f"{tmp_path / 'two.py'}:other")


def test_a_number_is_not_reached_into():
    with pytest.raises(ValueError, match="no dictionary"):
        Recipe().changed(["loss_weights.regression=3", "loss_weights.regression.x=3"])
