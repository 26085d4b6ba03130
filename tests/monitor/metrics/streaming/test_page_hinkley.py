"""Page-Hinkley over windows: its terms, its run length, what it finds, and River's sum over the same terms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from river import drift

from monitor.metrics.streaming.page_hinkley import ALLOWANCE, THRESHOLD, last_change, residuals
from tests.monitor.metrics.streaming.streams import bernoulli, points_of

ROWS = 200


def test_terms_of_a_steady_stream_are_standard_normal() -> None:
    """Mean, variance and dependence of neighbours over 200 streams of 128 windows: each within five standard errors."""
    rng = np.random.default_rng(1)
    z = np.array([residuals(points_of(bernoulli(rng, np.full(128, 0.3), ROWS)), 1.0) for _ in range(200)])
    n = z.size
    assert abs(z.mean()) < 5 / math.sqrt(n)
    assert abs(z.var() - 1) < 5 * math.sqrt(2 / n)
    assert abs((z[:, 1:] * z[:, :-1]).mean()) < 5 / math.sqrt(n)


def test_false_changes_are_as_rare_as_the_run_length_says() -> None:
    """Siegmund's approximation gives one in about 70,000 terms for both sides: of 40 streams of 10,000 normal terms about 6
    are told (17 or more come in one of 10,000 runs), and with the threshold at 4 the counts agree with the same formula."""
    assert _false(np.random.default_rng(2), THRESHOLD, 400_000) <= 17
    expected = 400_000 / _run_length(4.0)
    assert _false(np.random.default_rng(3), 4.0, 400_000) == pytest.approx(expected, rel=0.15)
    assert _run_length(THRESHOLD) == pytest.approx(70_000, rel=0.05)


def _run_length(threshold: float) -> float:
    """Siegmund 1985: of both sides together."""
    b = threshold + 1.166
    one = (math.exp(2 * ALLOWANCE * b) - 1 - 2 * ALLOWANCE * b) / (2 * ALLOWANCE**2)
    return one / 2


def _false(rng: np.random.Generator, threshold: float, terms: int) -> int:
    """Changes told of normal terms, the sums beginning anew after each."""
    sums, told = [0.0, 0.0], 0
    for z in rng.standard_normal(terms).tolist():
        sums = [max(0.0, sums[0] + z - ALLOWANCE), max(0.0, sums[1] - z - ALLOWANCE)]
        if max(sums) > threshold:
            sums, told = [0.0, 0.0], told + 1
    return told


def test_streams_of_a_window_history_are_quiet() -> None:
    """Of 400 streams of 128 windows about one is told (7 or more come in one of 1,000 runs)."""
    rng = np.random.default_rng(4)
    assert (
        sum(last_change(points_of(bernoulli(rng, np.full(128, 0.3), ROWS)), 1.0) is not None for _ in range(400)) <= 6
    )


def test_a_step_is_found_where_it_was() -> None:
    """A rise and a fall."""
    rng = np.random.default_rng(5)
    for step in (0.1, -0.1):
        for _ in range(20):
            at = int(rng.integers(30, 90))
            found = last_change(points_of(bernoulli(rng, np.where(np.arange(128) < at, 0.4, 0.4 + step), ROWS)), 1.0)
            assert found is not None
            assert abs(found.at - at) <= 8
            assert found.size == pytest.approx(step, abs=0.03)


def test_the_last_of_two_is_told() -> None:
    """There and back."""
    levels = np.repeat([0.3, 0.5, 0.3], [40, 40, 40])
    found = last_change(points_of(bernoulli(np.random.default_rng(6), levels, ROWS)), 1.0)
    assert found is not None
    assert abs(found.at - 80) <= 2
    assert found.size == pytest.approx(-0.2, abs=0.03)


def test_river_finds_the_step_in_the_same_terms() -> None:
    """River's PageHinkley in both modes, with no forgetting, over z: it tells within ten windows of the step, as ours does."""
    rng = np.random.default_rng(7)
    at = 60
    rows = bernoulli(rng, np.where(np.arange(128) < at, 0.3, 0.42), ROWS)
    z = residuals(points_of(rows), 1.0)
    theirs = drift.PageHinkley(min_instances=1, delta=ALLOWANCE, threshold=THRESHOLD, alpha=1.0, mode="both")
    told = []
    for i, term in enumerate(z, start=1):
        theirs.update(term)
        if theirs.drift_detected:
            told.append(i)
    found = last_change(points_of(rows), 1.0)
    assert found is not None
    assert told and at <= told[0] <= at + 10
    assert abs(found.at - at) <= 3


def test_a_constant_stream_has_no_change() -> None:
    """Until it is another constant."""
    windows = np.full((50, 10), 0.5)
    assert last_change(points_of(windows), 1.0) is None
    windows[30:] = 0.75
    found = last_change(points_of(windows), 1.0)
    assert found is not None
    assert (found.at, found.size) == (30, pytest.approx(0.25))
