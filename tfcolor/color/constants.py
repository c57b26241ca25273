"""The numbers behind the colour spaces, as plain Python: importable without Keras or TensorFlow.

Sources: ITU-R BT.601 (luma, YUV), IEC 61966-2-1 (sRGB), CIE 15 (Lab, D65 and the 2 degree observer).
"""

#: Luma of gamma-encoded RGB (BT.601): what a network sees, and the Y of a JPEG.
LUMA = (0.299, 0.587, 0.114)

#: Analogue YUV, the matrix of `tf.image.rgb_to_yuv`. Rows are the outputs Y, U, V; columns the inputs R, G, B.
RGB_TO_YUV = (
    LUMA,
    (-0.14714119, -0.28886916, 0.43601035),
    (0.61497538, -0.51496512, -0.10001026),
)
U_MAX = 0.436
V_MAX = 0.615

_B_FROM_U = (1 - LUMA[2]) / RGB_TO_YUV[1][2]
_R_FROM_V = (1 - LUMA[0]) / RGB_TO_YUV[2][0]
#: The exact inverse for chroma: B - Y = U / .49211..., R - Y = V / .87728...; G follows from Y. Rows are R, G, B.
YUV_TO_RGB = (
    (1.0, 0.0, _R_FROM_V),
    (1.0, -LUMA[2] * _B_FROM_U / LUMA[1], -LUMA[0] * _R_FROM_V / LUMA[1]),
    (1.0, _B_FROM_U, 0.0),
)

#: sRGB's transfer function: linear below the knee, a power above.
SRGB_KNEE = 0.04045
SRGB_LINEAR_KNEE = 0.0031308
SRGB_SLOPE = 12.92
SRGB_OFFSET = 0.055
SRGB_GAMMA = 2.4

#: Linear sRGB -> XYZ and back, with the digits of scikit-image, the reference of our tests. Rows are the outputs.
RGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
XYZ_TO_RGB = (
    (3.24048134, -1.53715152, -0.49853633),
    (-0.96925495, 1.87599000, 0.04155593),
    (0.05564664, -0.20404134, 1.05731107),
)
D65_WHITE = (0.95047, 1.0, 1.08883)  # XYZ, 2 degree observer

#: CIE Lab's f: a cube root above LAB_KNEE, a line below, as scikit-image writes it.
LAB_KNEE = 0.008856
LAB_SLOPE = 7.787
LAB_OFFSET = 16.0 / 116.0
LAB_INVERSE_KNEE = 0.2068966

#: Networks predict ab / AB_SCALE; sRGB's own a is in [-86.2, 98.3], its b in [-107.9, 94.5].
AB_SCALE = 110.0

AB_BIN_STEP = 10
#: The 313 cells of the ab plane that hold sRGB colours, on a grid of 10 (Zhang, Isola, Efros 2016): in each row a, the
#: first and the last b, every step of 10 between them taken. Read row by row this is the order of `pts_in_hull.npy`.
AB_BIN_RANGES = {
    -90: (50, 90),
    -80: (20, 90),
    -70: (0, 90),
    -60: (-20, 90),
    -50: (-30, 100),
    -40: (-40, 100),
    -30: (-50, 100),
    -20: (-50, 100),
    -10: (-60, 100),
    0: (-70, 100),
    10: (-80, 90),
    20: (-80, 90),
    30: (-90, 90),
    40: (-100, 90),
    50: (-100, 80),
    60: (-110, 80),
    70: (-110, 80),
    80: (-110, 70),
    90: (-110, 70),
    100: (-90, 0),
}
