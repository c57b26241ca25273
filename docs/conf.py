"""How the documentation is built: sphinx-build -W docs docs/_build/html."""

import os
import re

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TFCOLOR_DOCS"] = "1"  # notebooks do work of smoke size

import tfcolor  # noqa: E402  (after the log level)

project = "tfcolor"
author = "the tfcolor developers"
copyright = f"2026, {author}"  # noqa: A001
version = release = tfcolor.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "images/CREDITS.md", "**/.ipynb_checkpoints"]
templates_path = ["_templates"]

html_theme = "furo"
html_title = f"tfcolor {release}"
html_static_path = []
copybutton_prompt_text = "$ "

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# Notebooks run when the documentation is built; an error in one is an error of the build.
nb_execution_mode = "force"
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_output_stderr = "remove"  # progress bars

autosummary_generate = True
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
default_role = "code"  # in docstrings `x` is code
suppress_warnings = ["ref.python"]  # a name that two modules have, such as an attribute `name`, links to either


def escape_prose(app, what, name, obj, options, lines):
    """Docstrings are prose with code in backticks: elsewhere *, | and a trailing _ are themselves, not markup."""
    for number, line in enumerate(lines):
        if re.match(r"\s+\w+(, \w+)+: ", line):  # "name, version: of the model": napoleon wants one name
            names, colon, text = line.partition(":")
            line = names.replace(", ", "/") + colon + text
        parts = re.split(r"(`[^`]*`)", line)
        parts[::2] = [re.sub(r"([*|\\]|_(?!\w))", r"\\\1", part) for part in parts[::2]]
        parts[1::2] = [rf"\ {code}\ " for code in parts[1::2]]  # an empty word on either side: `Head`s is one, too
        lines[number] = "".join(parts)


def setup(app):
    app.connect("autodoc-process-docstring", escape_prose, priority=400)  # before napoleon, at 500
