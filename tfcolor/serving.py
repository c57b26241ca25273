"""A system as functions on tensors: what is evaluated, exported and served is the same few `tf.function`s."""

import functools
import types

import keras
import tensorflow as tf
from keras import ops

from tfcolor.color import spaces
from tfcolor.models.label_stream import NO_LABEL
from tfcolor.recipe import check_knobs, check_views
from tfcolor.views import look

JPEG_QUALITY = 95
MAX_PIXELS = 50_000_000  # of a photo sent as a file; 12 million take 600 MB while they are coloured
# Nothing here asks tensors in Python: to convert the code, Keras's with it, would take longer than to trace it.
_function = functools.partial(tf.function, autograph=False)


class ServingModule(tf.Module):
    """The signatures of a colouriser; `tfcolor export` saves them, `Colorizer` calls them.

    serving_default: image_bytes string [N] (JPEG, PNG, BMP) -> colorized_bytes string [N] (JPEG, same size, upright).
    colorize: image uint8 [N, H, W, 3] -> colorized uint8 [N, H, W, 3].
    segment (where it segments): image uint8 [N, H, W, 3] -> segmentation uint8 [N, H, W].
    predict: gray uint8 [N, h, w] -> the heads' outputs, float32.
    decode: the colour head's output, gray and every knob (scalars) -> chroma float32 [N, h', w', 2], U and V.

    A system that reads labels colours by the map that its segmenter makes, without one by none; with a map given:
    colorize_with_map: image and labels uint8 [N, h, w] of any size, 255 where nothing is known -> as colorize.
    predict_with_map: gray and labels uint8 [N, h, w], of one size -> as predict.
    segment_gray (where it has a segmenter): gray uint8 [N, h, w] -> segmentation uint8 [N, h, w].

    Args:
        system: `tfcolor.tasks.System`.
        size: photos are shrunk, never enlarged, until sqrt(h * w) <= size before the network sees them.
        knobs: {knob: default} of the decoding; those not given are the head's own.
        half: keep kernels as float16, at half the size on disk; they are float32 again before anything is computed.
        segmenter: a system that makes the label maps, for one that reads them.
        views: of `tfcolor.views.look`; None: the recipe's. The segmenter has its own recipe's.

    Raises:
        ValueError: a knob that there is not; a view that is no scale; a segmenter for a system that reads no labels, or
            of other classes.
    """

    def __init__(self, system, size, knobs=None, half=False, segmenter=None, views=None):
        super().__init__(name="tfcolor")
        self.system, self.size, self.segmenter = system, size, segmenter
        self.views = system.recipe.views if views is None else tuple(views)
        check_views(self.views)
        head = system.colour_head
        unknown = set(knobs or {}) - {*head.knobs, "saturation"}
        if unknown:
            raise ValueError(
                f"{sorted(unknown)[0]!r} is no knob of this model; it has {', '.join([*head.knobs, 'saturation'])}"
            )
        check_knobs(knobs or {})
        self.knobs = {**head.knobs, "saturation": 1.0, **(knobs or {})}
        self.stored = _stored(system.model, half)
        if segmenter:
            _check_pair(system, segmenter)
            self.stored_of_segmenter = _stored(segmenter.model, half)
        self._shared = self._functions_once()

    def _functions_once(self):
        """What several signatures call, as functions: each stands once in a SavedModel, however many do.

        In a namespace, which tf.Module does not look into: it would save each once more, to be called from Python.
        """
        gray = tf.TensorSpec([None, None, None], tf.uint8)
        photos = tf.TensorSpec([None, None, None, 3], tf.uint8)
        maps = [gray] if self.system.reads_labels else []
        output = tf.TensorSpec([None, None, None, self._channels], tf.float32)
        knobs = dict.fromkeys(self.knobs, tf.TensorSpec([], tf.float32))
        return types.SimpleNamespace(
            network=_function(
                lambda *seen: _outputs(self.system, self.stored, self.views, *seen), input_signature=[gray, *maps]
            ),
            segmenter=_function(
                lambda gray: _outputs(self.segmenter, self.stored_of_segmenter, self.segmenter.recipe.views, gray),
                input_signature=[gray],
            ),
            decode=_function(self._decode, input_signature=[output, gray, knobs]),
            colorize=_function(self._colorize, input_signature=[photos, *maps]),
        )

    @property
    def _channels(self):
        """Of the colour head's output."""
        return self.system.model.output[self.system.colour_head.name].shape[-1]

    def signatures(self, only=None):
        """{signature: tf.function with its input signature}, of all or of those that `only` names."""
        photos = tf.TensorSpec([None, None, None, 3], tf.uint8, name="image")
        gray = tf.TensorSpec([None, None, None], tf.uint8, name="gray")
        output = tf.TensorSpec([None, None, None, self._channels], tf.float32, name="output")
        knobs = {name: tf.TensorSpec([], tf.float32, name=name) for name in self.knobs}

        def traced(function, *specs, **named):
            return lambda: _function(function).get_concrete_function(*specs, **named)

        functions = {
            "serving_default": traced(self.colorize_bytes, tf.TensorSpec([None], tf.string, name="image_bytes")),
            "colorize": traced(lambda image: {"colorized": self.colorize(image)}, photos),
            "predict": traced(self.predict, gray),
            "decode": traced(self.decode, output, gray, **knobs),
        }
        if self.segments:
            functions["segment"] = traced(lambda image: {"segmentation": self.segment(image)}, photos)
        if self.system.reads_labels:
            labels = tf.TensorSpec([None, None, None], tf.uint8, name="labels")
            functions["predict_with_map"] = traced(self.predict, gray, labels)
            functions["colorize_with_map"] = traced(
                lambda image, labels: {"colorized": self.colorize(image, labels)}, photos, labels
            )
        if self.segmenter:
            functions["segment_gray"] = traced(lambda gray: {"segmentation": self.label_map(gray)}, gray)
        return {name: function() for name, function in functions.items() if only is None or name in only}

    @property
    def segments(self):
        """Whether it makes label maps, by a head of its own or by its segmenter."""
        return bool(self.segmenter or self.system.segmentation_head)

    def predict(self, gray, labels=None):
        """gray, and labels where it reads them, uint8 [N, h, w] -> {head: output float32}."""
        if not self.system.reads_labels:
            return self._shared.network(gray)
        return self._shared.network(gray, self._own_map(gray) if labels is None else labels)

    def _own_map(self, gray):
        """gray uint8 [N, h, w] -> the labels by which it is coloured where none are given, uint8 [N, h, w]."""
        return self.label_map(gray) if self.segmenter else tf.fill(tf.shape(gray), tf.constant(NO_LABEL, tf.uint8))

    def label_map(self, gray):
        """gray uint8 [N, h, w] -> what the segmenter sees in it, uint8 [N, h, w]."""
        head = self.segmenter.segmentation_head
        return _likeliest(_covering(self._shared.segmenter(gray)[head.name], head.stride, gray))

    def decode(self, output, gray, saturation, **knobs):
        """The colour head's output, its gray uint8 [N, h, w] and scalar knobs -> {"chroma": U, V [N, h', w', 2]}."""
        return {"chroma": self._shared.decode(output, gray, {**knobs, "saturation": saturation})}

    def _decode(self, output, gray, knobs):
        knobs = dict(knobs)
        saturation = knobs.pop("saturation")
        gray = tf.expand_dims(tf.cast(gray, tf.float32), -1) / 255.0
        return saturation * self.system.chroma({self.system.colour_head.name: output}, gray, **knobs)

    def colorize(self, image, labels=None):
        """uint8 [N, H, W, 3] -> uint8 [N, H, W, 3]: the gray's own Y, chroma from the network, at full size.

        `labels`: for a system that reads them, uint8 [N, h, w] of any size; None as `predict`.
        """
        if not self.system.reads_labels:
            return self._shared.colorize(image)
        return self._shared.colorize(image, self._own_map(self._seen(image)) if labels is None else labels)

    def _colorize(self, image, labels=None):
        gray = spaces.rgb_to_gray(spaces.from_uint8(image))
        small = self._seen(image)
        if labels is not None:
            labels = _nearest(labels, tf.shape(small)[1:])
        output = self.predict(small, labels)[self.system.colour_head.name]
        uv = self.decode(output, small, **self.knobs)["chroma"]
        uv = _enlarged(uv, self.system.colour_head.stride, small, tf.shape(image)[1:3])
        return spaces.to_uint8(spaces.merge_yuv(gray, uv))

    def segment(self, image):
        """uint8 [N, H, W, 3] -> uint8 [N, H, W]: the likeliest class of each pixel."""
        small = self._seen(image)
        if self.segmenter:
            return _nearest(self.label_map(small), tf.shape(image)[1:3])
        head = self.system.segmentation_head
        scores = _enlarged(self.predict(small)[head.name], head.stride, small, tf.shape(image)[1:3])
        return _likeliest(scores)

    def _seen(self, image):
        """uint8 [N, H, W, 3] -> the gray that the network sees, uint8 [N, h, w]."""
        return spaces.to_uint8(_shrunk(spaces.rgb_to_gray(spaces.from_uint8(image)), self.size))[..., 0]

    def colorize_bytes(self, image_bytes):
        """string [N] of JPEG, PNG or BMP files -> string [N] of JPEG files of the same sizes, upright.

        Raises:
            tf.errors.InvalidArgumentError: one of them is no picture, damaged or too large; says which, by its index.
        """

        def one(numbered):
            image = _decoded(*numbered)
            return tf.io.encode_jpeg(self.colorize(image[None])[0], quality=JPEG_QUALITY, chroma_downsampling=False)

        # One after the other: a batch takes the memory of its largest photo.
        numbered = (tf.range(tf.size(image_bytes)), image_bytes)
        return {"colorized_bytes": tf.map_fn(one, numbered, parallel_iterations=1, fn_output_signature=tf.string)}


def restore(system, folder):
    """The weights of a SavedModel of ours, its folder, back into a system of the same recipe, as it was exported."""
    checkpoint = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    for index, variable in enumerate(system.model.variables):
        variable.assign(tf.cast(checkpoint.get_tensor(f"stored/{index}/.ATTRIBUTES/VARIABLE_VALUE"), variable.dtype))


def _stored(model, half):
    """What a SavedModel stores of a model's variables.

    Small variables stay as they are: a variance may be beyond float16's 65,504.
    """
    kinds = [tf.float16 if half and len(variable.shape) > 1 else variable.dtype for variable in model.variables]
    return [tf.Variable(tf.cast(v.value, kind)) for v, kind in zip(model.variables, kinds, strict=True)]


def _outputs(system, stored, views, gray, labels=None):
    """What a system answers with stored variables, gray and labels being uint8 [N, h, w]: {head: float32}."""
    variables = system.model.variables
    values = [tf.cast(value, variable.dtype) for value, variable in zip(stored, variables, strict=True)]
    with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
        gray = tf.expand_dims(tf.cast(gray, tf.float32), -1) / 255.0
        return look(system, gray, None if labels is None else tf.expand_dims(labels, -1), views)


def _check_pair(system, segmenter):
    """ValueError where a segmenter's maps are not what a system reads."""
    if not system.reads_labels:
        raise ValueError(f"task {system.recipe.task} reads no label maps: leave the segmenter out")
    if not segmenter.segmentation_head:
        raise ValueError(f"task {segmenter.recipe.task} does not segment: take a run of another one as the segmenter")
    if segmenter.classes != system.classes:
        theirs, ours = (", ".join(one.classes) for one in (segmenter, system))
        raise ValueError(f"the segmenter finds {theirs}, the colouriser knows {ours}: train both on the same labels")


def _covering(cells, stride, seen):
    """A head's answer [N, ceil(h / stride), ceil(w / stride), C] -> [N, h, w, C], bilinear, h, w those of `seen`.

    The last cells may reach beyond what was seen: that part is cut off.
    """
    seen = tf.shape(seen)[1:3]
    return tf.image.resize(cells, tf.shape(cells)[1:3] * stride)[:, : seen[0], : seen[1]]


def _enlarged(cells, stride, seen, size):
    """As `_covering`, at another size: [N, *size, C]."""
    return tf.image.resize(_covering(cells, stride, seen), size)


def _likeliest(scores):
    """[N, h, w, C] -> uint8 [N, h, w]. Keras's argmax, which `Segmentation.segment` takes, is beyond LiteRT."""
    return tf.cast(tf.argmax(scores, axis=-1), tf.uint8)


def _nearest(labels, size):
    """Label maps uint8 [N, h, w] -> [N, *size]."""
    return tf.image.resize(labels[..., None], size, method="nearest")[..., 0]


def _shrunk(gray, size):
    """gray [N, H, W, 1] -> the same or smaller, so that sqrt(h * w) <= size; antialiased."""
    shape = tf.cast(tf.shape(gray)[1:3], tf.float32)
    scale = tf.minimum(1.0, size / tf.sqrt(shape[0] * shape[1]))
    small = tf.maximum(tf.cast(tf.round(shape * scale), tf.int32), 1)
    return tf.cond(scale < 1.0, lambda: tf.image.resize(gray, small, antialias=True), lambda: ops.cast(gray, "float32"))


def _decoded(index, content):
    """The file at `index` of `image_bytes` -> its picture, uint8 [H, W, 3], turned upright."""
    nothing = tf.zeros([0, 0, 3], tf.uint8)

    def picture(content):
        image = tf.cond(
            tf.io.is_jpeg(content),
            # What TensorFlow takes by default is up to 10 levels off.
            lambda: tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE"),
            lambda: tf.io.decode_image(content, channels=3, expand_animations=False),
        )
        return tf.ensure_shape(image, [None, None, 3])

    def read(content):
        pixels = _claimed_pixels(content)
        allowed = (pixels > 0) & (pixels <= MAX_PIXELS)
        return pixels, tf.cond(allowed, lambda: picture(content), lambda: nothing)

    # A graph has no `except`. A data set has: where reading a file is an error, `failed` is what comes first.
    failed = tf.data.Dataset.from_tensors((tf.constant(0, tf.int64), nothing))
    file = tf.data.Dataset.from_tensors(content).map(read).ignore_errors().concatenate(failed).take(1)
    pixels, image = file.get_single_element()
    damaged = tf.strings.format("image_bytes[{}] is no JPEG, PNG or BMP, or it is damaged or cut short", index)
    large = f"image_bytes[{{}}] has {{}} pixels; {MAX_PIXELS} are allowed: send it smaller"
    large = tf.strings.format(large, (index, pixels))
    right = [tf.debugging.Assert(pixels > 0, [damaged]), tf.debugging.Assert(pixels <= MAX_PIXELS, [large])]
    with tf.control_dependencies(right):  # else the network may fail first, on `nothing`, with words of its own
        return _upright(tf.identity(image), _orientation(content))


def _claimed_pixels(content):
    """Height times width, int64, by a file's header: an error, or 0 or less, where it is of none of the formats.

    GIF is none of them: TensorFlow unpacks all frames to take the first, so that 0.5 MB became 540 MB.
    """

    def begins(magic):
        return tf.equal(tf.strings.substr(content, 0, len(magic)), magic)

    def sides(at, **order):
        return tf.io.decode_raw(tf.strings.substr(content, at, 8), tf.int32, **order)

    cases = [
        (begins(b"\xff\xd8\xff"), lambda: tf.image.extract_jpeg_shape(content)[:2]),
        (begins(b"\x89PNG\r\n\x1a\n"), lambda: sides(16, little_endian=False)),
        (begins(b"BM"), lambda: tf.abs(sides(18))),  # a height below 0 stands for rows from the top
    ]
    return tf.reduce_prod(tf.cast(tf.case(cases, default=lambda: tf.zeros([2], tf.int32)), tf.int64))


def _orientation(content):
    """The orientation in a JPEG's EXIF, int64 from 1 to 8; 1 where there is none (CIPA DC-008, TIFF 6.0).

    TensorFlow decodes the pixels alone, so the file's segments are walked through here.
    """
    data = tf.pad(tf.io.decode_raw(content, tf.uint8), [[0, 16]])
    size = tf.strings.length(content)

    def read(at, length, little=False):
        """The numbers of `length` bytes at the places `at`; zeros follow the file's end."""
        places = tf.minimum(at, tf.cast(size, tf.int64))[..., None] + tf.range(length, dtype=tf.int64)
        powers = tf.constant([256**power for power in range(length)], tf.int64)
        octets = tf.cast(tf.gather(data, places), tf.int64)
        return tf.reduce_sum(octets * tf.where(little, powers, powers[::-1]), axis=-1)

    def is_exif(at):
        return (read(at, 2) == 0xFFE1) & (read(at + 4, 6) == int.from_bytes(b"Exif\0\0", "big"))

    def goes_on(at):
        return (read(at, 1) == 0xFF) & (read(at, 2) != 0xFFDA) & ~is_exif(at)

    first = tf.constant(2, tf.int64)
    segment = tf.while_loop(goes_on, lambda at: [at + 2 + read(at + 2, 2)], [first], maximum_iterations=100)[0]
    header = segment + 10
    little = read(header, 1) == ord("I")
    directory = header + read(header + 4, 4, little)
    entries = directory + 2 + 12 * tf.range(read(directory, 2, little))
    values = tf.where(read(entries, 2, little) == 0x0112, read(entries + 8, 2, little), 0)
    orientation = tf.reduce_max(tf.concat([values, [1]], 0))
    return tf.where(is_exif(segment) & (orientation <= 8), orientation, 1)


def _upright(image, orientation):
    """[H, W, 3] turned and mirrored as EXIF's orientation, 1 to 8, asks for."""

    def where(orientations, turned, image):
        wanted = tf.reduce_any(orientation == tf.constant(orientations, tf.int64))
        return tf.cond(wanted, lambda: turned(image), lambda: image)

    image = where([5, 6, 7, 8], lambda image: tf.transpose(image, [1, 0, 2]), image)
    image = where([2, 3, 6, 7], lambda image: image[:, ::-1], image)
    return where([3, 4, 7, 8], lambda image: image[::-1], image)
