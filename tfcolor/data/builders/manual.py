"""What the builders share: folders that a person has filled, Beam, and the list of mask classes beside the records."""

import pathlib

import tensorflow_datasets as tfds


class ManyPhotos(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A builder whose photos are independent of each other: in one process, or in a Beam pipeline of many.

    Attributes:
        by_beam: whether it is preparing with a Beam runner or Beam options, those of TFDS's `DownloadConfig`.
    """

    by_beam = False

    def download_and_prepare(self, *, download_config=None, **options):
        """As TFDS's."""
        self.by_beam = bool(download_config and (download_config.beam_runner or download_config.beam_options))
        super().download_and_prepare(download_config=download_config, **options)

    def examples(self, names, make):
        """What `_generate_examples` answers.

        Args:
            names: of the photos.
            make: function of a name -> a list of none or one (key, example); what it holds travels to Beam's workers.
        """
        if not self.by_beam:
            return (example for name in names for example in make(name))
        beam = tfds.core.lazy_imports.apache_beam
        # Names lie side by side in the order of their folder: shuffled, so that all workers get to read.
        return beam.Create(names) | beam.Reshuffle() | beam.FlatMap(make)


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
