"""The command `tfcolor VERB ...`, the same as `python -m tfcolor.VERB ...`."""

import difflib
import importlib
import sys

from tfcolor import __version__
from tfcolor.command import WRONG_COMMAND, verb

VERBS = {
    "colorize": "photos, as files or folders, to photos in colour",
    "app": "the editor in the browser: a photo's colours by hand",
    "train": "data to a trained network",
    "curves": "the logs of trainings in one picture",
    "evaluate": "how good a model is, in numbers and pictures",
    "export": "a trained network to a SavedModel",
    "datasets": "what data there is, how to get more, what it looks like",
}

HELP = "\n".join(
    [
        "usage: tfcolor VERB ...",
        "",
        "Colours gray photos, and trains the networks that do.",
        "",
        *(f"  {name:10} {summary}" for name, summary in VERBS.items()),
        "",
        "tfcolor VERB --help says more; tfcolor --version says which tfcolor this is.",
    ]
)


@verb("")
def main(argv):
    """Runs `tfcolor`; returns the exit code. Imports only the verb that is asked for."""
    first, *rest = argv or [""]
    if first in VERBS:
        return importlib.import_module(f"tfcolor.{first}").main(rest)
    if first == "--version":
        print(f"tfcolor {__version__}")
    elif first in ("-h", "--help"):
        print(HELP)
    elif not first:
        print(HELP, file=sys.stderr)
        return WRONG_COMMAND
    else:
        near = difflib.get_close_matches(first.strip("-"), VERBS, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(VERBS)}"
        raise ValueError(f"no verb {first!r}: {hint} (--help shows how)")
    return 0
