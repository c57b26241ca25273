"""Colour spaces in `keras.ops`: RGB, gray, YUV and CIE Lab, and the merge of a gray photo with predicted chroma.

Everywhere: channels last, float32, RGB is gamma-encoded sRGB in [0, 1]. All functions run on any Keras backend, on the
device, with finite gradients (black included).
"""

from keras import ops

from tfcolor.color.constants import (
    AB_SCALE,
    D65_WHITE,
    LAB_INVERSE_KNEE,
    LAB_KNEE,
    LAB_OFFSET,
    LAB_SLOPE,
    LUMA,
    RGB_TO_XYZ,
    RGB_TO_YUV,
    SRGB_GAMMA,
    SRGB_KNEE,
    SRGB_LINEAR_KNEE,
    SRGB_OFFSET,
    SRGB_SLOPE,
    XYZ_TO_RGB,
    YUV_TO_RGB,
)


def from_uint8(image):
    """uint8 [...] in 0-255 -> float32 [...] in [0, 1]."""
    return ops.cast(image, "float32") / 255.0


def to_uint8(image):
    """float [...] in [0, 1] -> uint8 [...], clipped and rounded; the inverse of `from_uint8` on all 256 values."""
    return ops.cast(ops.round(ops.clip(image, 0.0, 1.0) * 255.0), "uint8")


def rgb_to_gray(rgb):
    """RGB [..., 3] -> BT.601 luma [..., 1] in [0, 1]: the only thing of a photo that a network sees."""
    return ops.matmul(rgb, _matrix((LUMA,)))


def rgb_to_yuv(rgb):
    """RGB [..., 3] -> BT.601 YUV [..., 3]: Y in [0, 1], U within +-.436, V within +-.615 (as `tf.image.rgb_to_yuv`)."""
    return ops.matmul(rgb, _matrix(RGB_TO_YUV))


def yuv_to_rgb(yuv):
    """YUV [..., 3] -> RGB [..., 3], not clipped: chroma beyond the gamut gives values outside [0, 1]."""
    return ops.matmul(yuv, _matrix(YUV_TO_RGB))


def rgb_to_lab(rgb):
    """RGB [..., 3] -> CIE 1976 Lab [..., 3] (D65, 2 degrees): L in [0, 100], a in [-86.2, 98.3], b in [-108, 94.5]."""
    xyz = ops.matmul(_to_linear(rgb), _matrix(RGB_TO_XYZ)) / _row(D65_WHITE)
    # Both branches of a `where` are differentiated, so the root never sees the values that the other branch serves.
    f = ops.where(
        xyz > LAB_KNEE,
        _power(ops.maximum(xyz, LAB_KNEE), 1.0 / 3.0),
        LAB_SLOPE * xyz + LAB_OFFSET,
    )
    x, y, z = ops.split(f, 3, axis=-1)
    return ops.concatenate([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], axis=-1)


def lab_to_rgb(lab):
    """Lab [..., 3] -> RGB [..., 3], not clipped above 1; below 0 the transfer function's line goes on."""
    lightness, a, b = ops.split(lab, 3, axis=-1)
    y = (lightness + 16.0) / 116.0
    f = ops.concatenate([y + a / 500.0, y, ops.maximum(y - b / 200.0, 0.0)], axis=-1)
    xyz = ops.where(f > LAB_INVERSE_KNEE, f * f * f, (f - LAB_OFFSET) / LAB_SLOPE) * _row(D65_WHITE)
    return _to_gamma(ops.matmul(xyz, _matrix(XYZ_TO_RGB)))


def merge_yuv(gray, uv):
    """A gray photo and chroma -> RGB inside the gamut, with the photo's own Y.

    Args:
        gray: luma [..., 1] in [0, 1].
        uv: chroma [..., 2] in YUV's units.

    Returns:
        RGB [..., 3] in [0, 1]. Where a colour leaves the gamut its chroma is scaled towards 0, so hue and Y stay.
    """
    gray = ops.clip(gray, 0.0, 1.0)
    offset = ops.matmul(uv, ops.transpose(ops.convert_to_tensor(YUV_TO_RGB, dtype=uv.dtype)[:, 1:]))
    return ops.clip(gray + offset * _room(gray, offset), 0.0, 1.0)


def merge_lab(gray, ab, bisections=10):
    """A gray photo and chroma -> RGB inside the gamut, with the L that the gray has.

    Args:
        gray: luma [..., 1] in [0, 1].
        ab: chroma [..., 2] in Lab's units.
        bisections: steps of the search for the largest share of the chroma that stays inside (2 ** -10 is left).

    Returns:
        RGB [..., 3] in [0, 1].
    """
    lightness = rgb_to_lab(ops.repeat(ops.clip(gray, 0.0, 1.0), 3, axis=-1))[..., :1]

    def rgb_at(share):
        return lab_to_rgb(ops.concatenate([lightness, ab * share], axis=-1))

    def inside(rgb):
        return ops.all(ops.logical_and(rgb >= -2e-4, rgb <= 1.0 + 2e-4), axis=-1, keepdims=True)

    low, high = ops.zeros_like(lightness), ops.ones_like(lightness)
    whole = inside(rgb_at(high))
    for _ in range(bisections):
        middle = (low + high) / 2.0
        fits = inside(rgb_at(middle))
        low, high = ops.where(fits, middle, low), ops.where(fits, high, middle)
    return ops.clip(rgb_at(ops.where(whole, ops.ones_like(low), low)), 0.0, 1.0)


def ab_to_network(ab):
    """Lab's ab [..., 2] -> the numbers that networks predict, within about [-1, 1]."""
    return ab / AB_SCALE


def network_to_ab(values):
    """The inverse of `ab_to_network`."""
    return values * AB_SCALE


def _room(gray, offset):
    """The largest factor in [0, 1] by which `offset` [..., 3] can be added to `gray` [..., 1] inside [0, 1]."""
    limit = ops.where(offset > 0.0, 1.0 - gray, gray)
    factor = limit / ops.maximum(ops.abs(offset), 1e-6)
    return ops.minimum(ops.min(factor, axis=-1, keepdims=True), 1.0)


def _to_linear(rgb):
    above = _power((ops.maximum(rgb, SRGB_KNEE) + SRGB_OFFSET) / (1.0 + SRGB_OFFSET), SRGB_GAMMA)
    return ops.where(rgb > SRGB_KNEE, above, rgb / SRGB_SLOPE)


def _to_gamma(linear):
    root = _power(ops.maximum(linear, SRGB_LINEAR_KNEE), 1.0 / SRGB_GAMMA)
    return ops.where(linear > SRGB_LINEAR_KNEE, (1.0 + SRGB_OFFSET) * root - SRGB_OFFSET, linear * SRGB_SLOPE)


def _power(x, exponent):
    """x ** exponent for x > 0, in half the time of `ops.power` on CPUs and as exact."""
    return ops.exp(exponent * ops.log(x))


def _matrix(rows):
    """Rows of outputs -> a float32 matrix to multiply colours [..., inputs] with from the right."""
    return ops.transpose(ops.convert_to_tensor(rows, dtype="float32"))


def _row(values):
    return ops.convert_to_tensor(values, dtype="float32")
