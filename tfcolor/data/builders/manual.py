"""What the builders share: folders that a person has filled, and the list of mask classes beside the records."""

import pathlib


def manual_folder(builder, dl_manager, wanted=()):
    """The folder with a person's download: manual_dir/NAME where that is, manual_dir itself otherwise.

    Args:
        builder: the TFDS builder that is preparing.
        dl_manager: TFDS's download manager; its manual_dir is `--manual-dir` or DATA_DIR/downloads/manual.
        wanted: paths that must be in the folder.

    Raises:
        ValueError: something wanted is not there.
    """
    folder = pathlib.Path(dl_manager.manual_dir)
    folder = folder / builder.name if (folder / builder.name).is_dir() else folder
    missing = [path for path in wanted if not (folder / path).exists()]
    if missing:
        raise ValueError(f"no {', '.join(missing)} in {folder}")
    return folder


def write_class_names(builder, names):
    """Writes `segmentation_classes.txt` (lines "value name") into the folder that a builder is preparing."""
    lines = [f"{value} {name}\n" for value, name in enumerate(names)]
    (pathlib.Path(builder.data_dir) / "segmentation_classes.txt").write_text("".join(lines), "utf-8")
