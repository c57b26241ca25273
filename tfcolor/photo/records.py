"""One photo of many: read, coloured, written, and what a report says of it; where it lies is not known here."""

import hashlib
import os
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tfcolor.photo import formats
from tfcolor.photo.colorizing import Options, colorize_photo
from tfcolor.photo.errors import PhotoError
from tfcolor.photo.formats import Format

EXISTS, FAILED = "exists", "failed"  # outcomes beside those of `colorize_photo`


@dataclass(frozen=True)
class Task:
    """One photo: where its bytes come from and go to, and what both are called."""

    source: str
    target: str
    read: Callable[[], bytes]
    write: Callable[[bytes], None]


def do_photo(task: Task, color: Callable[[Task, bytes], dict], hashes: bool) -> dict:
    """Do one photo; its line of the report. Whatever is wrong with it stays here, a closed pipe apart.

    Args:
        task: the photo.
        color: colours and writes it; what the line says of that: as `color_photo`.
        hashes: whether it has the SHA-256 of the photo.
    """
    record = {"input": task.source, "output": None, "outcome": FAILED, "warnings": [], "seconds": 0.0}
    started = time.perf_counter()
    try:
        data = task.read()
        if hashes:
            record["input_sha256"] = hashlib.sha256(data).hexdigest()
        record |= color(task, data)
        record["stages"] = {stage: round(seconds, 4) for stage, seconds in record["stages"].items()}
    except BrokenPipeError:
        raise
    except PhotoError as error:
        record |= {"outcome": FAILED, "error": str(error), "traceback": traceback.format_exc()}
    except Exception as error:
        said = " ".join(str(error).split())
        line = f"{type(error).__name__}, {said}: this is a fault in tfcolor, please report it (--debug shows where)"
        record |= {"outcome": FAILED, "error": line, "traceback": traceback.format_exc()}
    record["seconds"] = round(time.perf_counter() - started, 4)
    return record


def color_photo(task: Task, data: bytes, *, predict: Callable, size: int, options: Options, hashes: bool) -> dict:
    """Colour a photo's bytes by `colorize_photo` and write them; what its line of the report says of that."""
    result = colorize_photo(data, predict, size, options)
    said = {"warnings": list(result.warnings), "outcome": result.outcome, "stages": dict(result.seconds)}
    if result.data is not None:
        check_name(task.target, result.format)
        began = time.perf_counter()
        task.write(result.data)
        said["stages"]["write"] = time.perf_counter() - began
        said["output"] = task.target
        if hashes:
            said["output_sha256"] = hashlib.sha256(result.data).hexdigest()
    return said


def check_name(target: str, written: Format) -> None:
    """Refuse to write a format under another one's ending.

    Raises:
        PhotoError: the ending is another format's.
    """
    kind = formats.BY_ENDING.get(Path(target).suffix.lower(), written)
    if kind is not written:
        raise PhotoError(f"its pages need a {written.name}, {shown(target)} is none", f"-o NAME{written.endings[0]}")


def shown(name) -> str:
    """A file's name as one line of printable characters: others are escaped, bytes that are no text too."""
    text = os.fspath(name)
    return "".join(
        f"\\x{ord(c) - 0xDC00:02x}" if 0xDC80 <= ord(c) <= 0xDCFF else c if c.isprintable() else repr(c)[1:-1]
        for c in text
    )
