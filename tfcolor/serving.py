"""A system as functions on tensors: what is evaluated, exported and served is the same few `tf.function`s."""

import keras
import tensorflow as tf
from keras import ops

from tfcolor.color import spaces

JPEG_QUALITY = 95


class ServingModule(tf.Module):
    """The signatures of a colouriser; `tfcolor export` saves them, `Colorizer` calls them.

    serving_default: image_bytes string [N] -> colorized_bytes string [N] (JPEG, original size).
    colorize: image uint8 [N, H, W, 3] -> colorized uint8 [N, H, W, 3].
    segment (where there is a segmentation head): image uint8 [N, H, W, 3] -> segmentation uint8 [N, H, W].
    predict: gray uint8 [N, h, w] -> the heads' outputs, float32.
    decode: the colour head's output, gray and every knob (scalars) -> chroma float32 [N, h', w', 2], U and V.

    Args:
        system: `tfcolor.tasks.System`.
        size: photos are shrunk, never enlarged, until sqrt(h * w) <= size before the network sees them.
        knobs: {knob: default} of the decoding; those not given are the head's own.
        half: keep kernels as float16, at half the size on disk; they are float32 again before anything is computed.
    """

    def __init__(self, system, size, knobs=None, half=False):
        super().__init__(name="tfcolor")
        self.system, self.size = system, size
        head = system.colour_head
        unknown = set(knobs or {}) - {*head.knobs, "saturation"}
        if unknown:
            raise ValueError(
                f"{sorted(unknown)[0]!r} is no knob of this model; it has {', '.join(head.knobs)}, saturation"
            )
        self.knobs = {**head.knobs, "saturation": 1.0, **(knobs or {})}
        # What a SavedModel stores. Small variables stay as they are: a variance may be beyond float16's 65,504.
        self.stored = []
        for variable in system.model.variables:
            shrunk = half and len(variable.shape) > 1
            self.stored.append(tf.Variable(tf.cast(variable.value, tf.float16 if shrunk else variable.dtype)))

    def signatures(self):
        """{signature: tf.function with its input signature}."""
        photos = tf.TensorSpec([None, None, None, 3], tf.uint8, name="image")
        gray = tf.TensorSpec([None, None, None], tf.uint8, name="gray")
        head = self.system.colour_head
        channels = self.system.model.output[head.name].shape[-1]
        output = tf.TensorSpec([None, None, None, channels], tf.float32, name="output")
        knobs = {name: tf.TensorSpec([], tf.float32, name=name) for name in self.knobs}
        functions = {
            "serving_default": self._function(
                self.colorize_bytes, tf.TensorSpec([None], tf.string, name="image_bytes")
            ),
            "colorize": self._function(lambda image: {"colorized": self.colorize(image)}, photos),
            "predict": self._function(self.predict, gray),
            "decode": self._function(self.decode, output, gray, **knobs),
        }
        if self.system.segmentation_head:
            functions["segment"] = self._function(lambda image: {"segmentation": self.segment(image)}, photos)
        return functions

    @staticmethod
    def _function(function, *specs, **named):
        return tf.function(function).get_concrete_function(*specs, **named)

    def predict(self, gray):
        """gray uint8 [N, h, w] -> {head: output float32}."""
        variables = self.system.model.variables
        values = [tf.cast(stored, variable.dtype) for stored, variable in zip(self.stored, variables, strict=True)]
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return dict(self.system.model(tf.cast(gray, tf.float32)[..., None] / 255.0, training=False))

    def decode(self, output, gray, saturation, **knobs):
        """The colour head's output, its gray uint8 [N, h, w] and scalar knobs -> {"chroma": U, V [N, h', w', 2]}."""
        gray = tf.cast(gray, tf.float32)[..., None] / 255.0
        chroma = self.system.chroma({self.system.colour_head.name: output}, gray, **knobs)
        return {"chroma": chroma * saturation}

    def colorize(self, image):
        """uint8 [N, H, W, 3] -> uint8 [N, H, W, 3]: the gray's own Y, chroma from the network, at full size."""
        gray = spaces.rgb_to_gray(spaces.from_uint8(image))
        small = spaces.to_uint8(_shrunk(gray, self.size))[..., 0]
        output = self.predict(small)[self.system.colour_head.name]
        uv = self.decode(output, small, **self.knobs)["chroma"]
        uv = _enlarged(uv, self.system.colour_head.stride, small, tf.shape(image)[1:3])
        return spaces.to_uint8(spaces.merge_yuv(gray, uv))

    def segment(self, image):
        """uint8 [N, H, W, 3] -> uint8 [N, H, W]: the likeliest class of each pixel."""
        gray = spaces.rgb_to_gray(spaces.from_uint8(image))
        small = spaces.to_uint8(_shrunk(gray, self.size))[..., 0]
        head = self.system.segmentation_head
        scores = _enlarged(self.predict(small)[head.name], head.stride, small, tf.shape(image)[1:3])
        return head.segment(scores)

    def colorize_bytes(self, image_bytes):
        """string [N] of JPEG, PNG, GIF or BMP files -> string [N] of JPEG files of the same sizes."""

        def one(content):
            image = tf.io.decode_image(content, channels=3, expand_animations=False)
            image.set_shape([None, None, 3])
            colored = self.colorize(image[None])[0]
            return tf.io.encode_jpeg(colored, quality=JPEG_QUALITY, chroma_downsampling=False)

        return {"colorized_bytes": tf.map_fn(one, image_bytes)}


def _enlarged(cells, stride, seen, size):
    """A head's answer [N, ceil(h / stride), ceil(w / stride), C] to what was seen [N, h, w] -> [N, *size, C], bilinear.

    The last cells may reach beyond what was seen: that part is cut off before the rest is stretched.
    """
    seen = tf.shape(seen)[1:3]
    covering = tf.image.resize(cells, tf.shape(cells)[1:3] * stride)[:, : seen[0], : seen[1]]
    return tf.image.resize(covering, size)


def _shrunk(gray, size):
    """gray [N, H, W, 1] -> the same or smaller, so that sqrt(h * w) <= size; antialiased."""
    shape = tf.cast(tf.shape(gray)[1:3], tf.float32)
    scale = tf.minimum(1.0, size / tf.sqrt(shape[0] * shape[1]))
    small = tf.maximum(tf.cast(tf.round(shape * scale), tf.int32), 1)
    return tf.cond(scale < 1.0, lambda: tf.image.resize(gray, small, antialias=True), lambda: ops.cast(gray, "float32"))
