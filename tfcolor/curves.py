"""The verb `curves`: the logs of several trainings in one picture."""

import csv
import io
import pathlib
import sys

from tfcolor.command import Parser, verb
from tfcolor.report import write


@verb("curves")
def main(argv):
    """Runs `tfcolor curves`; returns the exit code."""
    options = _parser().parse_args(argv)
    columns = options.column or ["val_loss"]
    logs = {pathlib.Path(run).name: read_log(run) for run in options.runs}
    draw(logs, columns, options.output)
    for column in columns:
        for name, rows in logs.items():
            if column in rows[0]:
                best = min(rows, key=lambda row: float(row[column]))
                print(f"{name}: {column} is lowest, {float(best[column]):.5g}, in epoch {best['epoch']} of {len(rows)}")
    return 0


def read_log(run):
    """A run folder -> the rows of its log.csv, a list of dicts of strings.

    Raises:
        ValueError: no run folder, or one whose first epoch is not done.
    """
    path = pathlib.Path(run) / "log.csv"
    if not path.is_file():
        raise ValueError(f"{run!r}: no log.csv in it; give run folders of `tfcolor train` with an epoch done")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def draw(logs, columns, output):
    """Writes a picture with a panel for each column, a line for each log, over epochs.

    Args:
        logs: {name: rows of a log}.
        columns: names of columns that at least one of the logs has; the others are left out of that panel.
        output: file to write; its ending says the format.

    Raises:
        ValueError: no log has a column of that name; lists those there are.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    there = sorted({name for rows in logs.values() for name in rows[0]} - {"epoch"})
    for column in columns:
        if column not in there:
            raise ValueError(f"no log has a column {column!r}; there are {', '.join(there)}")
    figure, axes = plt.subplots(1, len(columns), figsize=(5 * len(columns), 3.6), squeeze=False, layout="constrained")
    for axis, column in zip(axes[0], columns, strict=True):
        for index, (name, rows) in enumerate(logs.items()):  # a run has one colour in all panels
            if column in rows[0]:
                epochs = [int(row["epoch"]) for row in rows]
                axis.plot(epochs, [float(row[column]) for row in rows], marker=".", label=name, color=f"C{index}")
        axis.set(title=column, xlabel="epoch")
        axis.grid(alpha=0.3)
        axis.legend()
    picture = io.BytesIO()
    figure.savefig(picture, dpi=110, format=pathlib.Path(output).suffix[1:] or "png")
    plt.close(figure)
    write(output, picture.getvalue())


def _parser():
    parser = Parser("tfcolor curves", description="Draws the logs of trainings over their epochs.")
    parser.add_argument("runs", nargs="+", help="run folders of `tfcolor train`")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="picture to write, such as curves.png")
    parser.add_argument("--column", action="append", help="of log.csv, again for another panel (default: val_loss)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
