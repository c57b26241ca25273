"""From what a command names to what is to be done: which files are photos, and the name that each will have."""

import itertools
import os
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tfcolor.photo import formats
from tfcolor.photo.colorizing import Options, output_format
from tfcolor.photo.errors import PhotoError
from tfcolor.photo.files import read_file
from tfcolor.photo.formats import Format
from tfcolor.photo.opening import open_photo

LONGEST_NAME = 255  # bytes, of all common file systems


@dataclass(frozen=True)
class Job:
    """A photo, where its coloured copy goes, and what it is called in messages."""

    source: Path
    target: Path
    name: str


@dataclass
class Found:
    """What a command names.

    `photos`: each with the place below OUT that mirrors its own. `others`: how many files were passed by.
    `unreadable`: folders that cannot be listed.
    """

    photos: list[tuple[Path, Path]] = field(default_factory=list)
    others: int = 0
    unreadable: list[Path] = field(default_factory=list)


def find(inputs: Iterable[Path], out: Path) -> Found:
    """All photos that the inputs name, folders walked. A file that is named is a photo, whatever it holds."""
    inputs = list(dict.fromkeys(Path(os.path.abspath(one)) for one in inputs))
    several = sum(one.is_dir() for one in inputs) > 1
    found = Found()
    for one in inputs:
        if not one.is_dir():
            found.photos.append((one, Path(one.name)))
            continue
        base = Path(one.name) if several else Path()
        for path in walk(one, out, found.unreadable):
            if is_photo(path):
                found.photos.append((path, base / path.relative_to(one)))
            else:
                found.others += 1
    found.photos = list(dict(found.photos).items())
    return found


def walk(folder: Path, out: Path, unreadable: list[Path]) -> Iterator[Path]:
    """The files below a folder, by name; not hidden ones, not those in OUT; links to files, but not to folders."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        unreadable.append(folder)
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            if not _same(path, out):
                yield from walk(path, out, unreadable)
        elif not entry.is_dir():
            yield path


def _same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def is_photo(path: Path, read: Callable = read_file) -> bool:
    """By a photo's ending or a photo's first bytes."""
    if path.suffix.lower() in formats.BY_ENDING:
        return True
    return recognise_file(path, read) is not None


def recognise_file(path: Path, read: Callable = read_file) -> Format | None:
    """The format of a file, None where it shows none or cannot be read."""
    try:
        return formats.recognise(read(path, 0, at_most=formats.HEAD_SIZE))
    except PhotoError:
        return None


def plan(photos: list[tuple[Path, Path]], out: Path, options: Options) -> list[Job]:
    """A name below OUT for each photo, none twice: its own, with the ending of the format that it is written in.

    Where two photos would become one, the one whose ending changes gets its new ending behind the old one
    (`a.gif.png`), and if that is taken too, a number. The same photos always get the same names.
    """
    endings = [ending_for(source, options) for source, _ in photos]
    chosen = name_outputs([place for _, place in photos], endings, file_system_key(out))
    return [Job(source, out / place, str(source)) for (source, _), place in zip(photos, chosen, strict=True)]


def name_outputs(originals: list[Path], endings: list[str], key: Callable = lambda path: path) -> list[Path]:
    """`plan` for names alone, whatever store they are of.

    Args:
        originals: the photos' places.
        endings: what `ending_for` says of each.
        key: two places that it gives the same are one file.
    """
    places = [_with_ending(*one) for one in zip(originals, endings, strict=True)]
    taken: set = set()
    chosen: dict[int, Path] = {}
    unchanged_first = sorted(range(len(places)), key=lambda i: places[i] != originals[i])
    for i in unchanged_first:
        original, place = originals[i], places[i]
        candidates = itertools.chain(
            [place, _named(original.parent, original.name, place.suffix)],
            (_named(place.parent, f"{place.stem}-{number}", place.suffix) for number in itertools.count(2)),
        )
        chosen[i] = next(candidate for candidate in candidates if key(candidate) not in taken)
        taken.add(key(chosen[i]))
    return [chosen[i] for i in range(len(places))]


def ending_for(source: Path, options: Options, read: Callable = read_file) -> str:
    """The ending of the copy of a photo; of what cannot be read, its own. `read`: as `files.read_file`."""
    kind = recognise_file(source, read)
    if kind is None:
        return source.suffix
    target = output_format(kind, options)
    if options.all_pages and target is not formats.TIFF and _has_pages(source, options, read):
        target = formats.TIFF
    keeps = source.suffix.lower() in target.endings and source.suffix.lower() not in formats.NEVER_WRITTEN
    return source.suffix if keeps else target.endings[0]


def _has_pages(source: Path, options: Options, read: Callable) -> bool:
    try:
        return open_photo(read(source, options.limits.file_bytes), options.limits).pages > 1
    except PhotoError:
        return False


def _with_ending(place: Path, ending: str) -> Path:
    if place.suffix == ending:
        return place
    stem = place.stem if place.suffix.lower() in formats.BY_ENDING else place.name
    return _named(place.parent, stem, ending)


def _named(parent: Path, stem: str, ending: str) -> Path:
    """A path whose name is no longer than file systems allow; a shortened one ends in a checksum of the whole."""
    raw = os.fsencode(stem)
    room = LONGEST_NAME - len(os.fsencode(ending))
    if len(raw) > room:
        checksum = f"-{zlib.crc32(raw):08x}"
        stem = os.fsdecode(raw[: room - len(checksum)]) + checksum
    return parent / (stem + ending)


def file_system_key(folder: Path):
    """A key that two paths share if they are one file below a folder, where it ignores case and Unicode's forms."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    swapped = folder.with_name(folder.name.swapcase()) if folder.name else folder
    if swapped != folder and _same(folder, swapped):
        return lambda path: unicodedata.normalize("NFC", str(path)).casefold()
    return lambda path: path
