"""The photos that are being worked on: in memory, for a while, each known only to whoever has its key."""

import hashlib
import io
import math
import secrets
import threading
import time
from collections import OrderedDict

import numpy as np
from PIL import Image

from tfcolor import photo
from tfcolor.color import hints
from tfcolor.photo.colorizing import output_format
from tfcolor.photo.label_maps import NO_LABEL
from tfcolor.photo.opening import open_photo
from tfcolor.photo.reading import read_page
from tfcolor.project import Project, agent

PHOTOS, IDLE, RESTING = 8, 1800.0, 120.0  # on the desk at a time; seconds until one leaves, or may be put aside
VIEW_SIDE = 1600  # pixels of the longer side of what a screen gets
OUTPUTS, WEIGHTS = 4, 64  # of the network and of hints, kept for each photo
LOOKS, THUMBNAIL = 6, 176  # other colourings at a time; sqrt(height * width) of their pictures
FLAT = np.zeros((1, 1, 2), "float32")


class Gone(LookupError):
    """No photo of that key is on the desk, or no longer."""


class Full(RuntimeError):
    """The desk is full of photos that somebody is working on."""


class Superseded(RuntimeError):
    """Newer edits of the same photo have come."""


class DeskPhoto:
    """A photo on the desk.

    Attributes:
        data, sha256: its file.
        width, height: in pixels, upright.
        small: uint8 [h, w], its gray as the network sees it.
        view: uint8 [H, W], its gray for the screen.
        format: what its result is written in, a `photo.formats.Format`.
        labels: uint8 [h, w], what the network sees in it, 255 all over where it makes no maps itself; None where the
            model takes none.
        newest: the highest sequence number of edits that were asked for.
        used: when it was last asked for, in seconds of the desk's clock.
    """

    def __init__(self, data, colorizer, limits):
        opened = open_photo(data, limits)
        gray = read_page(opened, 0, limits).gray
        self.data, self.sha256 = data, hashlib.sha256(data).hexdigest()
        self.height, self.width = gray.shape
        self.small = photo.shrink(gray, colorizer.size)
        self.view = photo.shrink(gray, _size_of_side(gray.shape, VIEW_SIDE))
        self.format = output_format(opened.format, photo.Options())
        self.labels = None
        self.newest, self.used = 0, 0.0
        self._outputs, self._weights = OrderedDict(), OrderedDict()

    def output(self, colorizer):
        """`colorizer.colour_output`, with the last few answers kept."""

        def colour_output(gray, labels=None):
            key = None if labels is None else labels.tobytes()
            more = () if labels is None else (labels,)
            return _kept(self._outputs, OUTPUTS, key, lambda: colorizer.colour_output(gray, *more))

        return colour_output

    def weight(self, gray, point, reach):
        """`hints.spread`, with the last answers kept."""
        return _kept(self._weights, WEIGHTS, (point, reach), lambda: hints.spread(gray, point, reach))


class Desk:
    """All photos that are worked on with one model.

    Attributes:
        colorizer: the model, a `Colorizer`. One photo at a time is computed.
        limits: of photos, a `photo.Limits`.
        reads_labels: whether the model takes a label map.
    """

    def __init__(self, colorizer, limits=None, most=PHOTOS, now=time.monotonic):
        self.colorizer, self.limits = colorizer, limits or photo.Limits()
        self.reads_labels = bool(getattr(colorizer, "reads_labels", False))
        self._most, self._now = most, now
        self._photos = OrderedDict()  # least lately used first
        self._lock, self._busy, self._results = threading.Lock(), threading.Lock(), threading.Lock()

    def put(self, data):
        """A photo's file onto the desk.

        Returns:
            (key, DeskPhoto): the key is a secret of whoever put it there.

        Raises:
            PhotoError: it cannot be read.
            Full: there is no room; nothing was read.
        """
        self._make_room()
        with self._results:  # one large decoding at a time
            new = DeskPhoto(data, self.colorizer, self.limits)
        if self.reads_labels:
            new.labels = np.full(new.small.shape, NO_LABEL, "uint8")
            if self.colorizer.segments:
                with self._busy:
                    new.labels = np.asarray(self.colorizer.segment(new.small[None])[0], "uint8")
        key = secrets.token_urlsafe(16)
        with self._lock:
            self._make_room_locked()
            new.used = self._now()
            self._photos[key] = new
        return key, new

    def get(self, key):
        """The DeskPhoto of a key; `Gone` without one."""
        with self._lock:
            self._drop_idle()
            if key not in self._photos:
                raise Gone(key)
            self._photos.move_to_end(key)
            self._photos[key].used = self._now()
            return self._photos[key]

    def drop(self, key):
        """A photo off the desk, if it is there."""
        with self._lock:
            self._photos.pop(key, None)

    def color(self, one, edits, sequence=None):
        """The chroma of a photo on the desk, for the screen; see `Edits.chroma`.

        Raises:
            Superseded: `sequence` is not its newest any more, before or while it waited for its turn.
            ValueError: as `Edits.chroma`.
        """
        if sequence is not None:
            with self._lock:
                one.newest = max(one.newest, sequence)
        with self._busy:
            if sequence is not None and sequence < one.newest:
                raise Superseded(sequence)
            if one.small.min() == one.small.max():
                return FLAT  # as `photo.colorize_photo`: a photo of one gray stays as it is
            return edits.chroma(self.colorizer, one.small, one.output(self.colorizer), one.weight)

    def alike(self, one, row, column, contrast):
        """The pixels that can be reached from a place without crossing an edge: bool [h, w].

        Args:
            row, column: shares of the photo, in [0, 1).
            contrast: see `hints.spread`.
        """
        height, width = one.small.shape
        point = int(row * height), int(column * width)
        return hints.spread(one.small / np.float32(255), point, math.inf, contrast) > 0.5

    def looks(self, one, edits_of, seed):
        """Other colourings of a photo: [(share, JPEG), ...]; `edits_of(share)` is what one is made from."""
        start = np.random.default_rng(seed).random()
        gray = photo.shrink(one.view, THUMBNAIL)
        found = []
        for number in range(LOOKS):
            share = round((start + number / LOOKS) % 1.0, 4) % 1.0
            chroma = self.color(one, edits_of(share))
            found.append((share, jpeg(photo.merge(gray, chroma, one.small.shape))))
        return found

    def project(self, one, edits):
        """The project of a photo on the desk and its edits."""
        return Project.of(one.data, one.width, one.height, self.colorizer, edits)

    def result(self, one, project):
        """The photo in colour at full size, a `photo.Result`: what `tfcolor colorize --project` makes as well."""

        def chroma(gray):
            edits = project.edits_for(self.colorizer, gray.shape)
            with self._busy:
                return edits.chroma(self.colorizer, gray)

        options = photo.Options(agent=agent(self.colorizer), limits=self.limits)
        with self._results:
            return photo.colorize_photo(one.data, chroma, self.colorizer.size, options)

    def _make_room(self):
        with self._lock:
            self._make_room_locked()

    def _make_room_locked(self):
        self._drop_idle()
        if len(self._photos) >= self._most:
            key, oldest = next(iter(self._photos.items()))
            if self._now() - oldest.used < RESTING:
                raise Full
            del self._photos[key]

    def _drop_idle(self):
        for key in [key for key, one in self._photos.items() if self._now() - one.used > IDLE]:
            del self._photos[key]


def jpeg(array, quality=88):
    """uint8 [H, W] or [H, W, 3] -> the bytes of a JPEG."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, "JPEG", quality=quality, subsampling="4:4:4")
    return file.getvalue()


def view_of(one, side):
    """A photo for a screen: a JPEG of its gray whose longer side is at most `side`."""
    return jpeg(photo.shrink(one.view, _size_of_side(one.view.shape, side)), 92)


def _size_of_side(shape, side):
    """The `size` of `photo.shrink` that leaves the longer side at `side` pixels."""
    return max(1, math.floor(side * math.sqrt(min(shape) / max(shape))))


def _kept(answers, most, key, compute):
    """answers[key], computed where it is not there; the `most` lately used are kept."""
    if key not in answers:
        answers[key] = compute()
    answers.move_to_end(key)
    while len(answers) > most:
        answers.popitem(last=False)
    return answers[key]
