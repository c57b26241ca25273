"""The verb `export`: a run folder -> a SavedModel with its signatures and a model card."""

import json
import pathlib
import shutil
import sys

from tfcolor.command import Parser, verb
from tfcolor.quiet import import_tensorflow


@verb("export")
def main(argv):
    """Runs `tfcolor export`; returns the exit code."""
    options = _parser().parse_args(argv)
    import_tensorflow()
    knobs = {name: getattr(options, name) for name in ("temperature", "vividness", "saturation")}
    folder = export(
        options.workdir,
        options.output,
        {k: v for k, v in knobs.items() if v is not None},
        options.size,
        options.weights,
    )
    print(f"{folder}. Next: tfcolor colorize PHOTO -o OUT.png --model {options.output}")
    return 0


def export(workdir, output, knobs=None, size=None, weights=None):
    """Writes the next version of a model.

    Args:
        workdir: a training's run folder.
        output: folder of the model, such as saved_models/NAME; the version is the next integer in it.
        knobs: {knob: default} of the decoding, where they differ from the head's own.
        size: sqrt(h * w) of what the network sees; None: the recipe's.
        weights: file in the run folder; None: the best on validation, else the last.

    Returns:
        The folder written, output/VERSION; it is there whole or not at all.
    """
    import tensorflow as tf

    from tfcolor.colorizer import CARD, model_card
    from tfcolor.serving import ServingModule
    from tfcolor.trainer import load_run

    system = load_run(workdir, weights)
    module = ServingModule(system, size or system.recipe.serving_size, knobs, half=True)
    output = pathlib.Path(output)
    versions = [int(path.name) for path in output.glob("*") if path.name.isdigit()]
    version = max(versions, default=0) + 1
    unfinished = output / f".writing-{version}"
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        tf.saved_model.save(module, str(unfinished), signatures=module.signatures())
        card = model_card(module, output.name, version)
        (unfinished / CARD).parent.mkdir(exist_ok=True)
        (unfinished / CARD).write_text(json.dumps(card, indent=2) + "\n", "utf-8")
        if not (output / "README.md").exists():
            (output / "README.md").write_text(_readme(card, system.recipe), "utf-8")
        unfinished.rename(output / str(version))
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return output / str(version)


def _readme(card, recipe):
    """A model card to be filled in: what is known from the training stands in it."""
    knobs = ", ".join(f"{name} {value:g}" for name, value in card["knobs"].items())
    return f"""# {card["name"]}

| | |
|---|---|
| task | {recipe.task} |
| trained on | {recipe.data} |
| encoder | {recipe.encoder} |
| crops while training | {recipe.size} px |
| the network sees photos at | sqrt(h * w) <= {card["size"]} px |
| decoding | {knobs} |
| segmentation classes | {", ".join(card["classes"] or ["none"])} |

Signatures: `saved_model_cli show --dir {card["version"]} --all`.

## Measured

Not yet: `tfcolor evaluate` prints the table that belongs here.

## What goes wrong

Not yet looked at.
"""


def _parser():
    parser = Parser("tfcolor export", description="Writes a SavedModel from a run folder.")
    parser.add_argument("workdir", help="run folder of a training")
    parser.add_argument("-o", "--output", required=True, help="folder of the model, such as saved_models/NAME")
    parser.add_argument("--size", type=int, help="sqrt(h * w) of what the network sees (default: the recipe's)")
    parser.add_argument(
        "--weights", metavar="FILE", help="in the run folder, such as last.weights.h5 (default: the best)"
    )
    for knob in ("temperature", "vividness", "saturation"):
        parser.add_argument(f"--{knob}", type=float, help="default of the decoding")
    return parser


if __name__ == "__main__":
    sys.exit(main())
