"""Files: read whole and never hanging, written whole or not at all."""

import errno
import itertools
import os
import re
import socket
import stat
import time
from pathlib import Path

from tfcolor.photo.errors import PhotoError

_HOST = re.sub(r"[^A-Za-z0-9.]", "_", socket.gethostname())[:64]
_PART = re.compile(r"\.tfcolor-([A-Za-z0-9._]*)-(\d+)-\d+\.part")
_unfinished: set[Path] = set()
_numbers = itertools.count()
FOREIGN_PART_AGE = 24 * 3600  # seconds after which what another machine left behind counts as left behind

_REMEDIES = {
    errno.ENOENT: "check the name",
    errno.EACCES: "chmod or another user",
    errno.ENOSPC: "free space, then the same command again does what is left",
    errno.EDQUOT: "free space, then the same command again does what is left",
    errno.EROFS: "a folder that can be written to",
    errno.ENAMETOOLONG: "a shorter name",
    errno.EEXIST: "another name, as a file has that of a folder",
    errno.ENOTDIR: "another name, as a file has that of a folder",
    errno.EISDIR: "another name, as a folder has that of the file",
}


def trouble(error: OSError, doing: str) -> PhotoError:
    """What the system says, as one line."""
    return PhotoError(f"cannot be {doing} ({error.strerror or error})", _REMEDIES.get(error.errno, "try again"))


def read_file(path: Path, largest: int, at_most: int | None = None) -> bytes:
    """The bytes of a plain file, or its first `at_most`.

    Raises:
        PhotoError: it is no plain file (a folder, a device, a pipe: never waited for), larger than `largest` bytes,
            or cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        if path.is_symlink() and not path.exists():
            raise PhotoError("a link to nothing", "mend or remove the link") from None
        raise trouble(error, "read") from None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise PhotoError(_kind(status.st_mode), "name photos, or a folder of photos")
        if at_most is None and status.st_size > largest:
            raise PhotoError(f"a file of {status.st_size:,} bytes, more than {largest:,}", "a larger --max-pixels")
        try:
            return file.read() if at_most is None else file.read(at_most)
        except OSError as error:
            raise trouble(error, "read") from None


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
    return next((name for test, name in kinds if test(mode)), "a device") + ", no photo"


def write_file(path: Path, data: bytes) -> None:
    """Write a file, or leave what was there: through a temporary file beside it, flushed to the disk and renamed.

    Missing folders are made. Whatever happens on the way, Ctrl-C included, the temporary file is removed; after
    kill -9 `remove_leftovers` finds it.

    Raises:
        PhotoError: it cannot be written.
    """
    part = path.parent / f".tfcolor-{_HOST}-{os.getpid()}-{next(_numbers)}.part"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _unfinished.add(part)
        try:
            with open(part, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        finally:
            _unfinished.discard(part)
    except OSError as error:
        raise trouble(error, "written") from None


def drop_unfinished() -> None:
    """Remove the temporary files of all writing that is under way, before an exit that does not wait for it."""
    for part in list(_unfinished):
        part.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> int:
    """Remove the temporary files that killed runs left in a folder; how many. To be called before writing anything."""
    removed = 0
    try:
        names = os.listdir(folder)
    except OSError:
        return 0
    for name in names:
        match = _PART.fullmatch(name)
        if match and _is_left_behind(folder / name, match[1], int(match[2])):
            (folder / name).unlink(missing_ok=True)
            removed += 1
    return removed


def _is_left_behind(part: Path, host: str, process: int) -> bool:
    if host != _HOST:
        try:
            return time.time() - part.stat().st_mtime > FOREIGN_PART_AGE
        except OSError:
            return False
    if process == os.getpid():
        return True  # of an earlier process with our number, as containers have
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
