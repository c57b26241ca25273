"""How the documentation is built: sphinx-build -W docs docs/_build/html."""

import os
import re

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TFCOLOR_DOCS"] = "1"  # notebooks do work of smoke size

import tfcolor  # noqa: E402  (after the log level)
from tfcolor.measures import Measure, chroma, likeness, recognition  # noqa: E402

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
smartquotes = False  # -- is an option's
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


def find_sections(app, what, name, obj, options, lines):
    """What is indented outside of "Args:" and its kind is code; below "Returns:" or of a value stands text, no type."""
    section, code, found = "", False, []
    if what in ("data", "attribute", "property") and lines:
        lines[0] = ": " + lines[0]
    for line in lines:
        if line.strip() and not line.startswith(" "):
            section, code = line if line in ("Args:", "Attributes:", "Raises:", "Returns:") else "", False
        elif line.startswith("    ") and not section and not code and found and not found[-1]:
            code = True
            found += ["::", ""]
        elif line.startswith("    ") and found and found[-1] == "Returns:":
            line = "    : " + line.strip()
        found.append(line)
    lines[:] = found


def escape_prose(app, what, name, obj, options, lines):
    """Docstrings are prose with code in backticks: elsewhere *, | and a trailing _ are themselves, not markup."""
    code = False
    for number, line in enumerate(lines):
        code = line == "::" or (code and (not line or line.startswith(" ")))
        if code:
            continue
        if re.match(r"\s+\w+(, \w+)+: ", line):  # "name, version: of the model": napoleon wants one name
            names, colon, text = line.partition(":")
            line = names.replace(", ", "/") + colon + text
        parts = re.split(r"(`[^`]*`)", line)
        parts[::2] = [re.sub(r"([*|\\]|_(?!\w))", r"\\\1", part) for part in parts[::2]]
        parts[1::2] = [rf"\ {code}\ " for code in parts[1::2]]  # an empty word on either side: `Head`s is one, too
        lines[number] = "".join(parts)


def setup(app):
    for module in (chroma, likeness, recognition):  # a measure is documented as the function that it is made of
        for name, measure in list(vars(module).items()):
            if isinstance(measure, Measure):
                setattr(module, name, measure.statistic)
    app.connect("autodoc-process-docstring", find_sections, priority=300)
    app.connect("autodoc-process-docstring", escape_prose, priority=400)  # before napoleon, at 500
