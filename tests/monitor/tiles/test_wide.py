"""The steps that are written in the compiler's language, one by one."""

import numpy as np
from numba import njit

from monitor.tiles.wide import END_LANES, SQUARE_LANES, add_pair, ask_for, moments


def test_a_pair_is_a_sum_and_a_count() -> None:
    """Added in place, wherever it stands."""

    @njit
    def add(lanes: np.ndarray, x: float) -> None:
        add_pair(lanes, np.uint64(3), x)

    lanes = np.arange(6.0)
    add(lanes, 0.5)
    assert lanes.tolist() == [0.0, 1.0, 2.0, 3.5, 5.0, 5.0]


def test_what_is_asked_for_need_not_exist() -> None:
    """Far behind the end of an array."""

    @njit
    def ask(x: np.ndarray) -> float:
        ask_for(x, np.uint64(1 << 40))
        return float(x[0])

    assert ask(np.ones(1)) == 1.0


def test_moments_are_those_of_their_rows_alone() -> None:
    """From the given row on, each in its lane; what is NaN is no end."""

    @njit
    def one(x: np.ndarray, squares: np.ndarray, least: np.ndarray, most: np.ndarray) -> None:
        moments(x, np.uint64(5), 0.25, squares, least, most)

    x = np.random.default_rng(1).normal(size=5 + SQUARE_LANES + 3)
    x[[0, -1]] = 1e9, -1e9
    squares, least, most = np.ones(SQUARE_LANES), np.full(END_LANES, np.inf), np.full(END_LANES, -np.inf)
    one(x, squares, least, most)
    own = x[5 : 5 + SQUARE_LANES]
    np.testing.assert_array_equal(squares, 1.0 + (own - 0.25) * (own - 0.25))
    np.testing.assert_array_equal(least, own.reshape(-1, END_LANES).min(axis=0))
    np.testing.assert_array_equal(most, own.reshape(-1, END_LANES).max(axis=0))
    x[5] = np.nan
    one(x, squares, least, most)
    assert np.isnan(squares).tolist() == [True] + [False] * (SQUARE_LANES - 1)
    assert not np.isnan(least).any()
    assert not np.isnan(most).any()
