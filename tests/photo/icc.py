"""ICC profiles made for the tests from published numbers (ICC.1:2001), and what they mean, in closed form."""

import struct

import numpy as np

# Columns: red, green, blue in XYZ, adapted to D50.
COLORANTS = {
    "sRGB": np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]),
    "Adobe RGB": np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]]),
    "Display P3": np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]),
    "ProPhoto": np.array([[0.79767, 0.13519, 0.03134], [0.28804, 0.71188, 0.00009], [0.0, 0.0, 0.82491]]),
}
GAMMAS = {"Adobe RGB": 2.19921875, "ProPhoto": 1.8}


def to_light(name, value):
    """Values in [0, 1] of an RGB space -> linear light."""
    if name in GAMMAS:
        return value ** GAMMAS[name]
    return np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)


def srgb_from_light(light):
    light = np.clip(light, 0, 1)
    return np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, light * 12.92)


def to_srgb(name, rgb):
    """RGB [..., 3] in [0, 1] of a named space -> sRGB."""
    matrix = np.linalg.inv(COLORANTS["sRGB"]) @ COLORANTS[name]
    return srgb_from_light(to_light(name, rgb) @ matrix.T)


def rgb_profile(name) -> bytes:
    curve = gamma_curve(GAMMAS[name]) if name in GAMMAS else table_curve(to_light(name, np.linspace(0, 1, 1024)))
    tags = [(key, xyz(column)) for key, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), COLORANTS[name].T, strict=True)]
    return profile(b"RGB ", b"XYZ ", [*tags, (b"rTRC", curve), (b"gTRC", curve), (b"bTRC", curve)])


def gray_profile(curve: bytes) -> bytes:
    return profile(b"GRAY", b"XYZ ", [(b"kTRC", curve)])


def dot_gain(value, gain=0.2):
    """The light of a gray value printed with dot gain: a dot of half the area covers `gain` more."""
    ink = 1 - value
    covered = ink + gain * 4 * ink * (1 - ink)
    return 1 - covered


def cmyk_profile() -> bytes:
    """Inks to Lab by a table, with inks weaker than in theory: full black leaves L = 12."""
    grid = np.linspace(0, 1, 5)
    c, m, y, k = np.meshgrid(grid, grid, grid, grid, indexing="ij")
    light = (1 - 0.3 * c - 0.4 * m - 0.1 * y) * (1 - 0.88 * k)
    lab = np.stack([100 * light, 60 * (m - c) * (1 - k), 60 * (y - (c + m) / 2) * (1 - k)], -1).reshape(-1, 3)
    numbers = np.stack([lab[:, 0] * 652.8, (lab[:, 1] + 128) * 256, (lab[:, 2] + 128) * 256], -1)
    identity = struct.pack(">9i", *(65536 * np.eye(3, dtype=int)).ravel())
    table = b"mft2" + bytes(4) + bytes([4, 3, 5, 0]) + identity + struct.pack(">HH", 2, 2)
    table += struct.pack(">8H", *[0, 65535] * 4) + numbers.round().astype(">u2").tobytes()
    table += struct.pack(">6H", *[0, 65535] * 3)
    return profile(b"CMYK", b"Lab ", [(b"A2B0", table), (b"A2B1", table)], device=b"prtr")


def gamma_curve(gamma) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


def table_curve(light) -> bytes:
    numbers = np.rint(np.asarray(light) * 65535).astype(">u2")
    return b"curv" + bytes(4) + struct.pack(">I", len(numbers)) + numbers.tobytes()


def xyz(values) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


def profile(space: bytes, connection: bytes, tags, device=b"mntr") -> bytes:
    """A version 2 profile of these tags and the ones that every profile has."""
    text = b"made for a test\0"
    tags = [
        (b"desc", b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78)),
        (b"cprt", b"text" + bytes(4) + text),
        (b"wtpt", xyz((0.9642, 1.0, 0.8249))),
        *tags,
    ]
    place = 128 + 4 + 12 * len(tags)
    listing, body = struct.pack(">I", len(tags)), b""
    for name, data in tags:
        data += bytes(-len(data) % 4)
        listing += struct.pack(">4sII", name, place + len(body), len(data))
        body += data
    header = struct.pack(
        ">I4sI4s4s4s12s4s", place + len(body), b"test", 0x02400000, device, space, connection, bytes(12), b"acsp"
    )
    header += bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + listing + body
