"""Curves of logs made by hand: what is drawn, what is said, what is refused."""

import pytest
from PIL import Image

from tfcolor import curves


@pytest.fixture
def runs(tmp_path):
    for name, losses in (("one", (3, 1, 2)), ("two", (4, 3, 0.5))):
        (tmp_path / name).mkdir()
        rows = [f"{epoch},{loss}" for epoch, loss in enumerate(losses, 1)]
        (tmp_path / name / "log.csv").write_text("\n".join(["epoch,val_loss", *rows]) + "\n")
    return [str(tmp_path / "one"), str(tmp_path / "two")]


def test_draws_and_says_the_lowest(runs, tmp_path, capsys):
    assert curves.main([*runs, "-o", str(tmp_path / "c.png")]) == 0
    assert Image.open(tmp_path / "c.png").size[0] > 300
    said = capsys.readouterr().out
    assert "one: val_loss is lowest, 1, in epoch 2 of 3" in said and "two: val_loss is lowest, 0.5, in epoch 3" in said


def test_a_run_has_one_colour_in_all_panels(tmp_path, monkeypatch):
    """The second run alone has the second column."""
    import matplotlib.pyplot as plt

    figures = []
    monkeypatch.setattr(plt, "close", figures.append)
    logs = {"one": [{"epoch": "1", "a": "1"}], "two": [{"epoch": "1", "a": "2", "b": "3"}]}
    curves.draw(logs, ["a", "b"], tmp_path / "c.png")
    (_, two), (alone,) = ([line.get_color() for line in axis.lines] for axis in figures[0].axes)
    assert two == alone


def test_mistakes_are_named(runs, tmp_path):
    with pytest.raises(ValueError, match=r"no log\.csv"):
        curves.main([str(tmp_path), "-o", "c.png", "--debug"])
    with pytest.raises(ValueError, match="there are val_loss"):
        curves.main([*runs, "-o", str(tmp_path / "c.png"), "--column", "val_los", "--debug"])
    assert not (tmp_path / "c.png").exists()
