"""Random gray: what old film and old prints do to a photo, as an augmentation of the network's input."""

from keras import ops, random

from tfcolor.color.constants import LUMA
from tfcolor.color.spaces import rgb_to_gray

BLUE_SENSITIVE = (0.0, 0.2, 0.8)  # emulsions before about 1920: white skies, black lips


def random_gray(rgb, seed, probability=0.5, place=(0, 1)):
    """RGB [N, H, W, 3] in [0, 1] -> gray [N, H, W, 1] in [0, 1], each photo its own way.

    Each with `probability`: luma weights times exp(N(0, .5)) per channel, normalised (a blue-sensitive emulsion
    in a tenth of so many); a gamma in [.8, 1.25]; black and white points moved by up to 8 %; blur of sigma up to 1
    pixel; noise of sigma up to .03.

    Args:
        seed: a `keras.random.SeedGenerator`.
        probability: of each change; 0 gives BT.601 luma.
        place: (which part these photos are of a batch, how many equal parts it has): each photo gets what it would get
            in the whole batch. The first is an integer or a scalar tensor.
    """
    if probability == 0:
        return rgb_to_gray(rgb)
    count = ops.shape(rgb)[0]
    part, parts = place

    def own(numbers):
        return numbers if parts == 1 else numbers[part * count : (part + 1) * count]

    def one_each(low, high):
        return own(random.uniform((parts * count, 1, 1, 1), low, high, seed=seed))

    def sometimes(changed, unchanged):
        return ops.where(one_each(0.0, 1.0) < probability, changed, unchanged)

    luma = ops.reshape(ops.convert_to_tensor(LUMA, "float32"), (1, 1, 1, 3))
    blue = ops.reshape(ops.convert_to_tensor(BLUE_SENSITIVE, "float32"), (1, 1, 1, 3))
    weights = luma * ops.exp(0.5 * own(random.normal((parts * count, 1, 1, 3), seed=seed)))
    weights = sometimes(weights / ops.sum(weights, axis=-1, keepdims=True), luma)
    weights = ops.where(one_each(0.0, 1.0) < 0.05 * 2 * probability, blue, weights)
    gray = ops.sum(rgb * weights, axis=-1, keepdims=True)

    gamma = ops.exp(one_each(-0.2231, 0.2231))  # log .8, log 1.25
    gray = sometimes(ops.power(ops.maximum(gray, 1e-4), gamma), gray)
    black, white = one_each(-0.08, 0.08), 1.0 + one_each(-0.08, 0.08)
    gray = sometimes((gray - black) / (white - black), gray)
    gray = sometimes(_blur(gray, one_each(0.1, 1.0)), gray)
    noise = own(random.normal((parts * count, *ops.shape(gray)[1:]), seed=seed)) * one_each(0.0, 0.03)
    return ops.clip(sometimes(gray + noise, gray), 0.0, 1.0)


def _blur(gray, sigma):
    """Gaussian blur of five taps a side, its own sigma [N, 1, 1, 1] for each photo."""
    near, far = ops.exp(-0.5 / ops.square(sigma)), ops.exp(-2.0 / ops.square(sigma))
    total = 1.0 + 2.0 * near + 2.0 * far
    padded = ops.pad(gray, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="symmetric")
    height, width = ops.shape(gray)[1], ops.shape(gray)[2]
    rows = [padded[:, i : i + height] for i in range(5)]
    vertical = (rows[2] + near * (rows[1] + rows[3]) + far * (rows[0] + rows[4])) / total
    columns = [vertical[:, :, i : i + width] for i in range(5)]
    return (columns[2] + near * (columns[1] + columns[3]) + far * (columns[0] + columns[4])) / total
