"""ADWIN over windows: what it keeps, how seldom it is wrong, and that it is the algorithm that River has over rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from river import drift

from monitor.metrics.streaming.adwin import DELTA, bound, last_change, window_start
from tests.monitor.metrics.streaming.streams import bernoulli, points_of

ROWS = 200


def test_a_stream_that_does_not_change_is_kept_whole() -> None:
    """Of 400 streams of 128 windows at most 5 drop something: each does with a chance of 128 * 0.002 at the very most, and
    the bound is far from tight (5 or more of 400 at 0.2 % each come in one of 1,000 runs)."""
    rng = np.random.default_rng(1)
    assert sum(window_start(points_of(bernoulli(rng, np.full(128, 0.3), ROWS)), 1.0) > 0 for _ in range(400)) <= 5


def test_dependent_rows_are_no_change_once_their_effect_is_counted() -> None:
    """Windows whose level wanders by as much as their rows' own error: the variance is twice that of independent rows."""
    rng = np.random.default_rng(2)
    error = math.sqrt(0.21 / ROWS)
    found = 0
    for _ in range(100):
        levels = np.clip(0.3 + rng.normal(0, error, 128), 0, 1)
        found += window_start(points_of(bernoulli(rng, levels, ROWS)), 2.0) > 0
    assert found <= 2


def test_a_step_is_found_where_it_was() -> None:
    """The interval of 95 % holds the first window that is different in 90 of 100 streams or more (a fair one has under 88 in
    one of 500 runs), and the size is the step's."""
    rng = np.random.default_rng(3)
    held, sizes = 0, []
    for _ in range(100):
        at = int(rng.integers(30, 90))
        points = points_of(bernoulli(rng, np.where(np.arange(128) < at, 0.3, 0.4), ROWS))
        found = last_change(points, 1.0)
        assert found is not None
        held += found.low <= at <= found.high
        sizes.append(found.size)
        assert abs(found.at - at) <= 8
    assert held >= 88
    assert np.mean(sizes) == pytest.approx(0.1, abs=0.01)


def test_of_two_changes_the_last_is_told() -> None:
    """From 0.3 to 0.6 and back to 0.45: what is told is the way back."""
    levels = np.repeat([0.3, 0.6, 0.45], [50, 40, 30])
    found = last_change(points_of(bernoulli(np.random.default_rng(4), levels, ROWS)), 1.0)
    assert found is not None
    assert abs(found.at - 90) <= 2
    assert found.before == pytest.approx(0.6, abs=0.03)
    assert found.after == pytest.approx(0.45, abs=0.03)


def test_no_window_and_one_window_have_no_change() -> None:
    """Nothing to cut."""
    one = points_of(np.zeros((1, 10)))
    assert (window_start([], 1.0), window_start(one, 1.0), last_change(one, 1.0)) == (0, 0, None)


def test_a_constant_that_becomes_another_constant_is_a_change() -> None:
    """Without any variance within a window only the range bounds it."""
    levels = np.repeat([0.2, 0.8], [20, 20])
    found = last_change(points_of(np.repeat(levels[:, None], 500, 1)), 1.0)
    assert found is not None
    assert (found.at, found.low, found.high) == (20, 20, 20)


def test_the_bound_is_the_published_one() -> None:
    """Bifet and Gavaldà 2007, formula 3.1, written out for one cut."""
    n0, n1, v = 700.0, 300.0, 0.2
    m = 1 / (1 / n0 + 1 / n1)
    log = math.log(2 / DELTA)
    expected = math.sqrt(2 / m * v * log) + 2 / (3 * m) * log
    assert bound(np.array([n0]), np.array([n1]), v, 1.0, DELTA)[0] == pytest.approx(expected)


def test_river_over_rows_keeps_about_what_ours_keeps_over_windows() -> None:
    """Steps of 0.15: both drop what came before; River's window ends within 12 windows' rows of ours, its mean within 0.02."""
    rng = np.random.default_rng(5)
    for _ in range(10):
        at = int(rng.integers(40, 80))
        rows = bernoulli(rng, np.where(np.arange(128) < at, 0.25, 0.40), ROWS)
        theirs = drift.ADWIN(delta=DELTA)
        detections = 0
        for x in rows.ravel():
            theirs.update(float(x))
            detections += theirs.drift_detected
        points = points_of(rows)
        start = window_start(points, 1.0)
        assert detections >= 1 and start > 0
        assert abs((128 - start) - theirs.width / ROWS) <= 12
        assert float(np.mean([p.mean for p in points[start:]])) == pytest.approx(theirs.estimation, abs=0.02)


def test_where_nothing_changes_neither_says_so() -> None:
    """Ten streams, River and ours."""
    rng = np.random.default_rng(6)
    for _ in range(10):
        rows = bernoulli(rng, np.full(128, 0.25), ROWS)
        theirs = drift.ADWIN(delta=DELTA)
        detections = 0
        for x in rows.ravel():
            theirs.update(float(x))
            detections += theirs.drift_detected
        assert (detections, window_start(points_of(rows), 1.0)) == (0, 0)
