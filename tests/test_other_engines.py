"""The two programs of docs/how-to/million-scans.md as they stand, on Beam's direct runner and Spark's local mode."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PHOTO = ROOT / "docs" / "images" / "chelsea_gray.jpg"


def program(heading):
    """The Python below a heading of the page."""
    below = (ROOT / "docs/how-to/million-scans.md").read_text("utf-8").split(f"## {heading}\n")[1]
    return re.search(r"```python\n(.*?)```", below, re.DOTALL)[1]


def run_in(tmp_path, code):
    """Run a program with folders in place of its buckets: (SOURCE, TARGET). A good and a broken photo are in SOURCE."""
    source, target = tmp_path / "scans", tmp_path / "coloured"
    source.mkdir()
    shutil.copy(PHOTO, source / "good.jpg")
    (source / "bad.jpg").write_bytes(b"nothing")
    code = re.sub(r"s3a?://scans", str(source), code)
    code = re.sub(r"s3a?://coloured", str(target), code)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYSPARK_PYTHON": sys.executable}
    file = tmp_path / "program.py"
    file.write_text(code)
    done = subprocess.run([sys.executable, file], env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    return source, target


@pytest.fixture
def expected():
    import tfcolor
    from tfcolor.photo import colorize_photo

    colorizer = tfcolor.load()
    return colorize_photo(PHOTO.read_bytes(), colorizer.chroma, colorizer.size).data


@pytest.mark.slow
def test_beam(tmp_path, expected):
    pytest.importorskip("apache_beam", reason="no Beam: pip install apache-beam")
    _, target = run_in(tmp_path, program("The same in Apache Beam"))
    assert (target / "good.jpg").read_bytes() == expected
    lines = "".join(part.read_text() for part in target.glob("report*.txt")).splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == ["bad.jpg", "good.jpg"]
    assert "good.jpg: colored" in lines


@pytest.mark.slow
def test_spark(tmp_path, expected):
    pytest.importorskip("pyspark", reason="no Spark: pip install pyspark")
    parquet = pytest.importorskip("pyarrow.parquet", reason="no Arrow: pip install pyarrow")
    _, target = run_in(tmp_path, program("The same in Spark"))
    rows = {os.path.basename(row["input"]): row for row in parquet.read_table(target / "colored").to_pylist()}
    assert rows["good.jpg"]["data"] == expected and rows["good.jpg"]["outcome"] == "colored"
    assert rows["bad.jpg"]["outcome"] == "failed" and rows["bad.jpg"]["error"].startswith("not a photo")
