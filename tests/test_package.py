"""The package as it is installed: what setup.cfg says of it, and a wheel used from another folder."""

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PHOTO = ROOT / "docs" / "images" / "chelsea_gray.jpg"

# Where a distribution is not called as what one imports from it.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "absl": "absl-py",
    "ai_edge_litert": "ai-edge-litert",
    "apache_beam": "apache-beam",
    "grpc": "grpcio",
    "keras_cv": "keras-cv",
    "pillow_heif": "pillow-heif",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "tensorflow_datasets": "tensorflow-datasets",
    "tensorflow_serving": "tensorflow-serving-api",
    "yaml": "pyyaml",
}


@pytest.fixture(scope="module")
def setup_cfg():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", "utf-8")
    return parser


def names(requirements):
    """Requirements, one a line -> the set of their distributions."""
    return {re.split(r"[<>=!~;\[ ]", line)[0] for line in requirements.split("\n") if line}


def imports(folder):
    """The distributions that the files of a folder import, the standard library's and its own left out."""
    found, own = set(), {"tfcolor", "tests"} | {path.stem for path in folder.rglob("*")}
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add(node.module.split(".")[0])
    return {DISTRIBUTIONS.get(name, name) for name in found - sys.stdlib_module_names - own}


def test_every_folder_is_packaged(setup_cfg):
    folders = {".".join(path.parent.relative_to(ROOT).parts) for path in ROOT.glob("tfcolor/**/__init__.py")}
    packages = set(setup_cfg["options"]["packages"].split())
    assert packages == folders | {"tfcolor.saved_models"}


def test_every_import_is_declared(setup_cfg):
    required = names(setup_cfg["options"]["install_requires"])
    extras = {extra: names(lines) for extra, lines in setup_cfg["options.extras_require"].items()}
    # The backend of whoever sets KERAS_BACKEND=jax; what is there in a notebook, and in one of Colab.
    by_choice = {"jax", "IPython", "google"}
    by_extra = set().union(*(extras[extra] for extra in ("app", "beam", "heic", "litert", "onnx", "ray")))
    assert imports(ROOT / "tfcolor") - required - by_choice <= by_extra
    skipping = extras["beam"] | extras["ray"] | extras["serving"]  # their tests skip where they are not
    assert imports(ROOT / "tests") - required <= extras["test"] | skipping


def test_the_wheel_carries_the_default_model(setup_cfg):
    from tfcolor.colorizer import DEFAULT_MODEL

    assert setup_cfg["options.package_data"]["tfcolor.saved_models"].split() == [f"{DEFAULT_MODEL}/**"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A scratch environment with tfcolor installed from its wheel: the folder of its commands.

    The wheel is built from a copy, since a build leaves files in the source tree. What tfcolor needs is found in the
    environment that runs the tests, through a .pth file; tfcolor itself is not, being ahead of it.
    """
    folder = tmp_path_factory.mktemp("package")
    source = folder / "source"
    source.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("tfcolor", "saved_models"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))

    def pip(*arguments):
        command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
        done = run(command, folder)
        assert done.returncode == 0, done.stdout + done.stderr

    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, source)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    python = folder / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    packages = [
        subprocess.check_output(
            [which, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        ).strip()
        for which in (python, sys.executable)
    ]
    Path(packages[0], "dependencies.pth").write_text(packages[1] + "\n")
    pip("--python", python, "install", "--no-deps", "--no-index", next(folder.glob("*.whl")))
    return python


def run(command, folder):
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run([*map(str, command)], cwd=folder, env=env, capture_output=True, text=True)


def test_the_wheel_is_what_is_imported(installed, tmp_path):
    done = run([installed, "-c", "import tfcolor; print(tfcolor.__file__)"], tmp_path)
    assert done.stdout.startswith(str(installed.parents[1])), done.stdout + done.stderr


def test_the_command_is_installed(installed, tmp_path):
    import tfcolor

    assert run([installed.parent / "tfcolor", "--version"], tmp_path).stdout == f"tfcolor {tfcolor.__version__}\n"


def test_the_installed_package_colours_a_photo_by_its_default_model(installed, tmp_path):
    from PIL import Image, ImageChops

    done = run([installed.parent / "tfcolor", "colorize", PHOTO, "-o", "out.png"], tmp_path)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "out.png") as out, Image.open(PHOTO) as photo:
        assert out.size == photo.size
        red, green, blue = out.convert("RGB").split()
    assert ImageChops.difference(red, blue).getextrema()[1] > 10  # that is colour
