"""The compiled count against NumPy's own search, on every shape of column that decides how it searches."""

import numpy as np
import pytest

from monitor.tiles.kernels import TABLE_CELLS, compile_ahead, count_cells, lookup_of

NONE = np.zeros(0, np.float32)


def shapes(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    normal = rng.normal(size=n)
    return {
        "normal": normal,
        "far from zero": normal + 1e9,
        "durations": np.exp(3 * normal),
        "returns": normal**3 / np.abs(rng.normal(size=n)),
        "negative": -np.exp(2 * normal),
        "half zero": np.maximum(normal, 0.0),
        "whole numbers": np.round(3 * normal),
        "constant": np.full(n, 7.0),
        "huge": normal * 1e307,
        "tiny": normal * 5e-324,
        "mostly one value": np.where(rng.random(n) < 0.99, 1.0, normal),
        "signed zeros": np.where(rng.random(n) < 0.5, -0.0, 0.0),
    }


@pytest.mark.parametrize("name", shapes(np.random.default_rng(0), 1))
@pytest.mark.parametrize("n", [0, 1, 3, 7, 1_023, 1_024, 20_001])
def test_it_counts_as_searchsorted_does(name: str, n: int) -> None:
    """Exactly, for either key, and whatever is left behind the last whole block or lane."""
    rng = np.random.default_rng(11)
    edges = np.unique(np.quantile(shapes(rng, 5_000)[name], np.arange(1, 260) / 260))
    x = shapes(rng, n)[name]
    counts, sums = np.zeros(len(edges) + 1, np.int64), np.zeros(len(edges) + 1)
    cells = np.zeros(n, np.float32)
    with np.errstate(over="ignore"):
        squares, least, most = count_cells(x, lookup_of(edges), 1.5, counts, sums, cells, 7)
        expected = np.searchsorted(edges, x)
        np.testing.assert_array_equal(cells, expected - 7.0)
        np.testing.assert_array_equal(counts, np.bincount(expected, minlength=len(edges) + 1))
        np.testing.assert_allclose(
            sums, np.bincount(expected, x, minlength=len(edges) + 1), rtol=1e-9, atol=1e-9 * np.abs(x).max(initial=0.0)
        )
        np.testing.assert_allclose(squares, np.square(x - 1.5).sum(), rtol=1e-9)
        assert (least, most) == (x.min(initial=np.inf), x.max(initial=-np.inf))


@pytest.mark.parametrize("edges", [np.zeros(0), np.array([0.0]), np.array([-1.0, np.nextafter(-1.0, 0.0)])])
def test_it_needs_no_edges_to_count(edges: np.ndarray) -> None:
    """None, one, or two neighbours."""
    x = np.random.default_rng(1).normal(size=3_000)
    counts, sums = np.zeros(len(edges) + 1, np.int64), np.zeros(len(edges) + 1)
    count_cells(x, lookup_of(edges), 0.0, counts, sums, NONE, 0)
    np.testing.assert_array_equal(counts, np.bincount(np.searchsorted(edges, x), minlength=len(edges) + 1))


def test_values_on_an_edge_belong_below_it() -> None:
    """Cell i holds e(i-1) < x <= e(i)."""
    edges = np.arange(1.0, 400.0)
    counts, sums = np.zeros(400, np.int64), np.zeros(400)
    count_cells(np.repeat(edges, 10), lookup_of(edges), 0.0, counts, sums, NONE, 0)
    np.testing.assert_array_equal(counts, [10] * 399 + [0])
    np.testing.assert_array_equal(sums, [10 * e for e in edges] + [0.0])


def test_it_adds_to_what_is_there() -> None:
    """Two calls count both columns."""
    edges, x = np.array([0.0]), np.array([-1.0, 2.0])
    counts, sums = np.zeros(2, np.int64), np.zeros(2)
    for _ in range(2):
        count_cells(x, lookup_of(edges), 0.0, counts, sums, NONE, 0)
    assert (counts.tolist(), sums.tolist()) == ([2, 2], [-2.0, 4.0])


def test_sums_are_those_of_the_lanes_in_their_fixed_order() -> None:
    """To the bit: row i of the column adds to lane i modulo 4, the last rows to the first, and the lanes are added in pairs."""
    x = np.random.default_rng(3).normal(size=5_003) * 10.0 ** np.random.default_rng(4).integers(-8, 8, 5_003)
    edges = np.unique(np.quantile(x, np.arange(1, 20) / 20))
    counts, sums = np.zeros(len(edges) + 1, np.int64), np.zeros(len(edges) + 1)
    squares, _, _ = count_cells(x, lookup_of(edges), 0.5, counts, sums, NONE, 0)
    lanes = np.zeros((4, len(edges) + 1))
    for i, value in enumerate(x.tolist()):
        lanes[i % 4 if i < 5_000 else 0, np.searchsorted(edges, value)] += value
    assert sums.tobytes() == ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])).tobytes()
    wide = np.zeros(64)
    for i, value in enumerate(x.tolist()):
        wide[i % 64] += (value - 0.5) * (value - 0.5)
    total = 0.0
    for lane in wide.tolist():
        total += lane
    assert squares == total


def test_the_table_of_even_edges_is_small() -> None:
    """A grid is kept with its table, so a table is no larger than its edges ask for."""
    assert len(lookup_of(np.linspace(0.0, 1.0, 260)).table) == TABLE_CELLS[0]
    assert len(lookup_of(np.exp(np.linspace(0.0, 20.0, 260))).table) <= TABLE_CELLS[1]


def test_values_that_are_not_finite_do_no_harm() -> None:
    """NaN and infinities are counted somewhere within bounds, and the sum of squares tells that they were there."""
    x = np.array([np.nan, np.inf, -np.inf, 1.0] * 300)
    x[::8] = np.copysign(np.nan, -1.0)
    for edges in (np.zeros(0), np.array([0.0]), np.linspace(0.0, 1.0, 50), np.exp(np.linspace(-20.0, 20.0, 50))):
        counts, sums = np.zeros(len(edges) + 1, np.int64), np.zeros(len(edges) + 1)
        squares, _, _ = count_cells(x, lookup_of(edges), 0.0, counts, sums, NONE, 0)
        assert counts.sum() == len(x)
        assert not np.isfinite(squares)


def test_compiling_ahead_is_harmless() -> None:
    """A process may ask for it before its first window, and again."""
    compile_ahead()
