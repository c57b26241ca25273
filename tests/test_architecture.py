"""The import order of docs/architecture.md, read from the sources: lower floors know nothing of higher ones."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tfcolor"

# The first part of a module's name below tfcolor -> its floor. A new file or folder gets a floor here.
FLOORS = {
    name: floor
    for floor, names in {
        1: ["color", "command", "quiet", "replicas"],
        2: ["measures", "photo"],
        3: ["heads", "models", "data"],
        4: [
            *("classifiers", "colorizer", "litert", "looks", "pictures", "project", "recipe", "relabelling", "report"),
            *("scans", "serving", "tasks", "trainer", "views", "workers"),
        ],
        5: ["train", "evaluate", "export", "colorize", "datasets", "curves", "app"],
        6: ["cli", "__main__", "__init__"],
    }.items()
    for name in names
}

# Pure arithmetic and layers run on any Keras backend; files and measures run without Keras at all.
TENSORFLOW = {"tensorflow", "tensorflow_datasets", "keras_cv"}
FORBIDDEN = {
    "color": TENSORFLOW,
    "heads": TENSORFLOW,
    "models": TENSORFLOW,
    "measures": TENSORFLOW | {"keras"},
    "photo": TENSORFLOW | {"keras"},
}


def modules():
    """All modules of the package: {"tfcolor.color.spaces": path}."""
    return {
        ".".join(["tfcolor", *path.relative_to(PACKAGE).with_suffix("").parts]): path for path in PACKAGE.rglob("*.py")
    }


def imported(source, known):
    """A module's source -> the names it imports, those within functions too; what it takes from a package in full."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import hides what it reaches for"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                is_module = name in known or f"{name}.__init__" in known
                found.add(name if is_module or node.module == "tfcolor" else node.module)
    return found


def violations(name, source, known):
    """The imports of one module that the order does not allow, in words."""
    part = name.split(".")[1]
    wrong = []
    for other in sorted(imported(source, known)):
        top, _, rest = other.partition(".")
        if top in FORBIDDEN.get(part, ()):
            wrong.append(f"{name} imports {other}: {part} does without")
        if top != "tfcolor" or not rest or rest == "__version__":
            continue
        target = rest.split(".")[0]
        target = "colorizer" if target in ("Colorizer", "load") else target
        if target == part or name == "tfcolor.__init__" and target == "colorizer":
            continue
        # Floor 4 is one group of files; elsewhere a folder, or a verb, knows none of its neighbours.
        highest = FLOORS[part] if FLOORS[part] == 4 else FLOORS[part] - 1
        if part == "__main__":
            highest = FLOORS["cli"]
        if FLOORS[target] > highest:
            wrong.append(f"{name} (floor {FLOORS[part]}) imports {other} (floor {FLOORS[target]})")
        if part in ("photo", "measures") and target == "color" and other != "tfcolor.color.constants":
            wrong.append(f"{name} imports {other}: of color only constants, the rest needs Keras")
    return wrong


def test_every_module_has_a_floor():
    missing = sorted({name.split(".")[1] for name in modules()} - set(FLOORS))
    assert not missing, f"give {missing} a floor in FLOORS, and a line in docs/architecture.md"


def test_imports_keep_the_order():
    known = modules()
    wrong = [line for name, path in known.items() for line in violations(name, path.read_text("utf-8"), known)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "name, source",
    [
        ("tfcolor.color.spaces", "import tensorflow as tf"),
        ("tfcolor.color.spaces", "from tfcolor.heads import head"),
        ("tfcolor.heads.head", "def f():\n    from tfcolor.models.unet import unet"),
        ("tfcolor.heads.head", "from tfcolor import load"),
        ("tfcolor.models.unet", "import tfcolor.tasks"),
        ("tfcolor.models.unet", "import tensorflow.keras as keras"),
        ("tfcolor.measures.picture", "from keras import ops"),
        ("tfcolor.photo.reading", "from tfcolor.color import spaces"),
        ("tfcolor.photo.reading", "from tfcolor.measures import psnr"),
        ("tfcolor.tasks", "from tfcolor.train import main"),
        ("tfcolor.train", "from tfcolor.export import export"),
        ("tfcolor.train", "from tfcolor import cli"),
    ],
)
def test_a_wrong_import_is_seen(name, source):
    assert violations(name, source, modules())


@pytest.mark.parametrize(
    "name, source",
    [
        ("tfcolor.color.spaces", "from keras import ops\nfrom tfcolor.color.constants import LUMA"),
        ("tfcolor.photo.reading", "from tfcolor.color.constants import LUMA\nfrom tfcolor.photo import png"),
        ("tfcolor.trainer", "import tensorflow\nfrom tfcolor import __version__\nfrom tfcolor.tasks import System"),
        ("tfcolor.cli", "from tfcolor import train"),
    ],
)
def test_a_right_import_passes(name, source):
    assert not violations(name, source, modules())


def test_relative_imports_are_refused():
    with pytest.raises(AssertionError, match="relative import"):
        violations("tfcolor.heads.head", "from . import head", modules())


def test_importing_the_light_parts_imports_neither_tensorflow_nor_keras():
    names = ["tfcolor", "tfcolor.cli", "tfcolor.color.constants", "tfcolor.photo", "tfcolor.measures"]
    code = f"import sys, {', '.join(names)}\nprint(sorted({{'tensorflow', 'keras'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert done.stdout == "[]\n", done.stdout + done.stderr
