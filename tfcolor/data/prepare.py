"""Data sets of TFDS that are not here yet: whether they can be had, getting them, and what to do where they cannot."""

import difflib
import pathlib
import sys
import textwrap
import threading
import urllib.error
import urllib.request

from tfcolor.quiet import import_tensorflow

PHOTOS = ("image", "hr")  # what data sets of TFDS call their photos; "hr" is div2k's at full resolution
WAIT = 4.0  # seconds that a server has to answer at all


def prepare(builder, folder, manual_dir=None, beam=""):
    """Downloads a data set, or takes archives fetched by hand, and writes its records; says so on standard error.

    Args:
        builder: a TFDS builder that is not prepared yet, made with `folder` as its data_dir.
        folder: where prepared data sets are.
        manual_dir: where archives fetched by hand are; None: downloads/manual in `folder`.
        beam: options of an Apache Beam pipeline that makes the records, such as "runner=DirectRunner,
            direct_num_workers=4,direct_running_mode=multi_processing"; "" makes them in this process.

    Raises:
        ValueError: it has no photos, or cannot be had, within seconds where no server answers; says the ways on. Or
            Beam is wanted and not installed, or its options are none that it knows.
    """
    photo_feature(builder)
    pipeline = _beam_options(beam) if beam else None
    manual = pathlib.Path(manual_dir or pathlib.Path(folder) / "downloads" / "manual").expanduser()
    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        if not manual.is_dir() or not any(manual.iterdir()):
            raise _by_hand(builder, manual, f"{manual} is empty or not there")
        size = 0  # not known
    else:
        size = _check_reachable(builder, folder, manual)
    doing = f"downloading {size / 1e6:,.0f} MB" if size else "preparing it"
    print(f"{builder.name} is not prepared in {folder}: {doing}", file=sys.stderr)
    import_tensorflow()
    import tensorflow as tf
    import tensorflow_datasets as tfds

    config = tfds.download.DownloadConfig(manual_dir=str(manual), try_download_gcs=False, beam_options=pipeline)
    try:
        builder.download_and_prepare(download_config=config)
    except (tfds.download.DownloadError, tfds.download.download_manager.NonMatchingChecksumError) as error:
        raise _ways_on(builder, folder, manual, str(error).splitlines()[0]) from error
    except (AssertionError, ValueError, FileNotFoundError, tf.errors.NotFoundError) as error:
        if not builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
            raise
        raise _by_hand(builder, manual, error) from error
    except OSError as error:
        if error.errno:  # the disk's own, such as a full one; what the network raises has none
            raise
        raise _ways_on(builder, folder, manual, str(error).splitlines()[0]) from error


def photo_feature(builder):
    """The name of a TFDS data set's photos among its features; ValueError where it has none."""
    features = builder.info.features or ()
    for name in PHOTOS:
        if name in features:
            return name
    raise ValueError(f"{builder.name}: has no photos (its features: {', '.join(features)}); choose another data set")


def _beam_options(text):
    """ "key=value,..." -> Beam's PipelineOptions."""
    try:
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise ValueError(f"--beam {text}: Apache Beam is not here ({error}); pip install 'tfcolor[beam]'") from error
    options = PipelineOptions([f"--{option.strip()}" for option in text.split(",")])
    known = options.get_all_options()
    for option in text.split(","):
        name = option.split("=")[0].strip()
        if name not in known:
            near = ", ".join(difflib.get_close_matches(name, known, 3))
            raise ValueError(
                f"--beam {text}: Beam has no option {name!r}" + (f"; did you mean {near}?" if near else "")
            )
    return options


def _check_reachable(builder, folder, manual):
    """How many bytes are left to download; an error within seconds where a download would fail after minutes."""
    archives = builder.url_infos or {}
    missing = {url: i.size for url, i in archives.items() if not (i.filename and (manual / i.filename).exists())}
    if missing and not _answers(next(iter(missing))):
        raise _ways_on(builder, folder, manual, f"{next(iter(missing))} cannot be reached")
    return sum(missing.values())


def _answers(url):
    """Whether a server answers within `WAIT` seconds, whatever it says: in a thread, as looking up names can hang."""
    answers = []

    def ask():
        try:
            urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=WAIT).close()
        except urllib.error.HTTPError:
            pass  # an answer all the same
        except OSError:
            return
        answers.append(True)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(WAIT)
    return bool(answers)


def _ways_on(builder, folder, manual, why):
    """The error of a data set that cannot be downloaded."""
    return ValueError(
        f"{builder.name} is not prepared in {folder}, and {why}. Three ways on: --data-dir DIR where it is prepared; "
        f"its archives, fetched elsewhere, in {manual}: {', '.join(builder.url_infos or ())}; or another data set, "
        "such as synthetic or folder:PATH"
    )


def _by_hand(builder, manual, why):
    """The error of a data set whose archives a person fetches; what to fetch is printed before it."""
    print(f"How to get {builder.name} into {manual} (or another folder, --manual-dir):", file=sys.stderr)
    print(textwrap.dedent(builder.MANUAL_DOWNLOAD_INSTRUCTIONS).strip(), file=sys.stderr)
    return ValueError(f"{builder.name}: {why}")
