"""Since when: the estimate, and how often its interval holds the truth."""

import numpy as np

from monitor.metrics.streaming.changepoint import Change, change_of_counts, change_of_means


def stream(rng: np.random.Generator, at: int, windows: int, n: int, move: float) -> np.ndarray:
    """Windows over four cells whose first gains `move` from window `at` on."""
    before = np.array([0.25, 0.25, 0.25, 0.25])
    after = before + np.array([move, -move / 3, -move / 3, -move / 3])
    return np.array([rng.multinomial(n, before if i < at else after) for i in range(windows)])


def test_a_plain_step_is_found_to_the_window() -> None:
    """Of 40 windows the 25th is the first of another kind."""
    rng = np.random.default_rng(1)
    found = change_of_counts(stream(rng, 25, 40, 500, 0.2), np.array([1250] * 4))
    assert found == Change(25, 25, 25)


def test_the_interval_of_a_faint_step_holds_it() -> None:
    """A step that one window does not show: 95 % intervals hold it in at least 88 of 100 streams (0.5 % would fail)."""
    rng = np.random.default_rng(2)
    held, widths = 0, []
    for _ in range(100):
        at = int(rng.integers(10, 50))
        found = change_of_counts(stream(rng, at, 60, 100, 0.1), np.array([2500] * 4))
        assert found is not None
        held += found.low <= at <= found.high
        widths.append(found.high - found.low + 1)
    assert held >= 88
    assert 2 <= np.median(widths) <= 20


def test_dependent_rows_widen_the_interval() -> None:
    """A design effect of 8 makes a row an eighth of one."""
    rng = np.random.default_rng(3)
    counts = stream(rng, 20, 40, 100, 0.12)
    alone, dependent = (change_of_counts(counts, np.array([2500] * 4), effect) for effect in (1.0, 8.0))
    assert alone is not None and dependent is not None
    assert dependent.high - dependent.low > alone.high - alone.low


def test_a_stream_that_was_always_different_changed_at_its_start() -> None:
    """The baseline stands before the first window."""
    rng = np.random.default_rng(4)
    found = change_of_counts(stream(rng, 0, 20, 300, 0.2), np.array([1250] * 4))
    assert found is not None and (found.at, found.low) == (0, 0)


def test_means_have_change_points_too() -> None:
    """A loss that grows by one standard error of a window's mean, three times over."""
    rng = np.random.default_rng(5)
    means = 1.0 + 0.1 * rng.normal(size=40)
    means[28:] += 0.3
    found = change_of_means(means, np.full(40, 0.01), 1.0, 0.0001)
    assert found is not None
    assert found.low <= 28 <= found.high
    assert abs(found.at - 28) <= 2


def test_nothing_has_no_change() -> None:
    """Windows without rows."""
    assert change_of_counts(np.zeros((3, 2), np.int64), np.array([5, 5])) is None
    assert change_of_means(np.zeros(0), np.zeros(0), 1.0, 1.0) is None
