"""Colour hints on drawn pictures: closed forms, SciPy's shortest paths, and no colour beyond an edge."""

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from tfcolor.color import hints
from tfcolor.color.hints import CONTRAST, apply, spread

LEFT, RIGHT = (20, 10), (20, 50)


@pytest.fixture(scope="module")
def halves():
    """float [40, 64]: .3 left of column 32, .8 right of it."""
    gray = np.full((40, 64), 0.3)
    gray[:, 32:] = 0.8
    return gray


def test_an_even_photo_is_coloured_as_a_gaussian():
    weight = spread(np.full((40, 64), 0.5), (12, 30), reach=7)
    y, x = np.mgrid[:40, :64]
    np.testing.assert_allclose(weight, np.exp(-((y - 12) ** 2 + (x - 30) ** 2) / (2 * 7**2)), atol=1e-6)
    assert weight.dtype == "float32"


@pytest.mark.parametrize("height", [0.05, 0.1, 0.2])
def test_an_edge_costs_its_height(height):
    """A third of it in each of three steps, as the mean over 3 x 3 pixels makes of it."""
    gray = np.full((40, 64), 0.4)
    gray[:, 32:] += height
    weight = spread(gray, LEFT, reach=np.inf, contrast=0.1)
    np.testing.assert_allclose(weight[:, :31], 1, atol=1e-5)
    np.testing.assert_allclose(weight[:, 33:], np.exp(-3 * (height / 3 / 0.1) ** 2), rtol=1e-4)


def test_a_hint_does_not_leak_over_an_edge(halves):
    chroma = np.zeros((40, 64, 2))
    colored = apply(chroma, [spread(halves, LEFT, np.inf)], [(0.2, -0.1)])
    np.testing.assert_allclose(colored[:, :31], np.broadcast_to([0.2, -0.1], (40, 31, 2)), atol=1e-4)
    assert np.abs(colored[:, 33:]).max() < 0.01 * 0.2


def test_each_region_takes_its_own_hint(halves):
    weights = [spread(halves, LEFT, np.inf), spread(halves, RIGHT, np.inf)]
    colored = apply(np.full((40, 64, 2), 0.1), weights, [(0.2, -0.1), (-0.3, 0.05)])
    np.testing.assert_allclose(colored[:, :31], np.broadcast_to([0.2, -0.1], (40, 31, 2)), atol=1e-4)
    np.testing.assert_allclose(colored[:, 33:], np.broadcast_to([-0.3, 0.05], (40, 31, 2)), atol=1e-4)


def test_a_colour_goes_round_what_is_in_its_way():
    """A wall with one gap: behind it the region is the same, and coloured through the gap."""
    gray = np.full((40, 64), 0.5)
    gray[:36, 30:34] = 1.0
    weight = spread(gray, LEFT, reach=np.inf)
    np.testing.assert_allclose(weight[:, 36:], 1, atol=1e-4)
    assert weight[:30, 31:33].max() < 0.02


@pytest.mark.parametrize("rounds, atol", [(hints.ROUNDS, 3e-3), (100, 1e-5)])
def test_costs_are_those_of_the_shortest_paths(rounds, atol, monkeypatch):
    """SciPy's over the same graph of pixels, on soft hills; paths of many bends want more rounds."""
    monkeypatch.setattr(hints, "ROUNDS", rounds)
    y, x = np.mgrid[:24, :32]
    gray = 0.5 + 0.3 * np.sin(x / 5) * np.cos(y / 4)
    smooth = sum(np.pad(gray, 1, "edge")[i : i + 24, j : j + 32] for i in range(3) for j in range(3)) / 9
    index = np.arange(gray.size).reshape(gray.shape)
    pairs = [(index[:, :-1], index[:, 1:]), (index[:-1], index[1:])]
    start, end = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
    steps = ((smooth.ravel()[start] - smooth.ravel()[end]) / CONTRAST) ** 2
    graph = coo_matrix((steps + 1e-12, (start, end)), (gray.size, gray.size))
    expected = np.exp(-dijkstra(graph.tocsr(), directed=False, indices=index[3, 4]).reshape(gray.shape))
    np.testing.assert_allclose(spread(gray, (3, 4), np.inf), expected, atol=atol)


def test_weights_are_shares_against_the_network():
    rng = np.random.default_rng(0)
    chroma, weight, color = rng.normal(size=(5, 6, 2)), rng.random((5, 6)), np.array([0.1, -0.2])
    expected = (1 - weight[..., None]) * chroma + weight[..., None] * color
    np.testing.assert_allclose(apply(chroma, [weight], [color]), expected, atol=1e-5)
    np.testing.assert_allclose(apply(chroma, [], []), chroma, atol=1e-6)


def test_a_hint_decides_at_its_own_point_whatever_others_say():
    gray, chroma = np.full((40, 64), 0.5), np.full((40, 64, 2), 0.3)
    points, colors = [(20, 10), (20, 13), (22, 50)], [(0.2, -0.1), (-0.3, 0.05), (0.0, 0.4)]
    colored = apply(chroma, [spread(gray, point, 20) for point in points], colors)
    for point, color in zip(points, colors, strict=True):
        np.testing.assert_allclose(colored[point], color, atol=1e-3)
    assert chroma[0, 0, 0] == 0.3  # what was given is left as it was


@pytest.mark.parametrize(
    "point, options, said",
    [
        ((40, 0), {"reach": 9}, "hint at row 40, column 0: the photo has 40 x 64 pixels"),
        ((-1, 0), {"reach": 9}, "row -1"),
        ((0, 0), {"reach": 0}, "reach 0; a number above 0"),
        ((0, 0), {"reach": float("nan")}, "reach nan"),
        ((0, 0), {"reach": 9, "contrast": -1}, "contrast -1"),
    ],
)
def test_what_no_hint_can_be(halves, point, options, said):
    with pytest.raises(ValueError, match=said):
        spread(halves, point, **options)
