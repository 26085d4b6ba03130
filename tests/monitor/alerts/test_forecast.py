"""Time to breach: when, how surely, and why not."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.alerts.forecast import WINDOWS_MAX, WINDOWS_MIN, Point, forecast, may_trend

MINUTE = 60 * 10**9


def points(values: list[float] | np.ndarray, threshold: float | tuple[float, float] = 1.0) -> list[Point]:
    return [Point((i + 1) * MINUTE, float(v), threshold) for i, v in enumerate(values)]


def test_a_straight_line_crosses_where_it_does() -> None:
    """To the second."""
    found = forecast(points([0.1 + 0.01 * i for i in range(30)]))
    assert found.reason is None and found.at_ns is not None
    assert abs(found.at_ns - 91 * MINUTE) < 1e9
    assert found.slope_per_hour == pytest.approx(0.6)


def test_one_wild_window_in_five_changes_little() -> None:
    """The slope is a median."""
    values = np.array([0.1 + 0.01 * i for i in range(30)])
    values[::5] = 5.0
    found = forecast(points(values))
    assert found.at_ns is not None
    assert abs(found.at_ns - 91 * MINUTE) < 20 * MINUTE


def test_it_falls_to_a_lower_limit_too() -> None:
    """Accuracy with a range: the end that lies ahead."""
    rng = np.random.default_rng(1)
    found = forecast(points(0.9 - 0.004 * np.arange(30) + rng.normal(0, 0.004, 30), (0.7, 1.0)))
    assert found.threshold == 0.7
    assert found.at_ns is not None and found.low_ns is not None
    assert found.low_ns <= found.at_ns
    assert abs(found.at_ns - 51 * MINUTE) < 6 * MINUTE


@pytest.mark.parametrize(
    ("values", "threshold", "reason"),
    [
        ([0.5] * (WINDOWS_MIN - 1), 1.0, "a trend needs 12"),
        ([0.5, 0.6] * 10, 1.0, "no trend"),
        ([0.5] * 20, 1.0, "no trend"),
        ([0.9 - 0.01 * i for i in range(20)], 1.0, "moves away"),
        ([1.1 + 0.01 * i for i in range(20)], (0.0, 1.0), "already beyond"),
        ([0.1 + 0.0001 * i for i in range(20)], 1.0, "not within 4 times"),
    ],
)
def test_why_there_is_none(values: list[float], threshold: float, reason: str) -> None:
    """Undefined has a reason."""
    found = forecast(points(values, threshold))
    assert found.at_ns is None
    assert reason in (found.reason or "")


def test_noise_is_rarely_a_trend() -> None:
    """At 1 % two-sided, half of it towards the limit: of 400 streams at most 10 (mean 2; fails once in 20,000)."""
    rng = np.random.default_rng(2)
    assert sum(forecast(points(rng.normal(0.5, 0.1, 48), 0.9)).at_ns is not None for _ in range(400)) <= 10


def test_dependent_noise_is_rarely_a_trend() -> None:
    """AR(1) of 0.6: at most 24 of 400 (a test that takes neighbours for independent finds over 60)."""
    rng = np.random.default_rng(3)
    told = 0
    for _ in range(400):
        noise = rng.normal(size=48)
        for i in range(1, 48):
            noise[i] += 0.6 * noise[i - 1]
        told += forecast(points(0.5 + 0.05 * noise, 0.9)).at_ns is not None
    assert told <= 24


def test_the_interval_holds_the_crossing() -> None:
    """A noisy line that crosses within the horizon: in at least 170 of 200 streams (the level is 95 %)."""
    rng = np.random.default_rng(4)
    held = told = 0
    for _ in range(200):
        found = forecast(points(0.3 + 0.008 * np.arange(40) + rng.normal(0, 0.03, 40)))
        if found.at_ns is None or found.low_ns is None:
            continue
        told += 1
        truth = (0.7 / 0.008 + 1) * MINUTE
        held += found.low_ns <= truth and (found.high_ns is None or truth <= found.high_ns)
    assert told >= 190
    assert held >= 0.9 * told


def test_what_counting_rules_out_has_no_forecast() -> None:
    """Of 2,000 runs with and without trends, ties and gaps: none that is ruled out has a trend, and most without are."""
    rng = np.random.default_rng(7)
    ruled_out, still = 0, 0
    for _ in range(2_000):
        n, moves = int(rng.integers(1, WINDOWS_MAX + 1)), rng.random() < 0.5
        values = rng.normal(size=n) + moves * rng.normal() * np.arange(n) / 5.0
        values = np.round(values, int(rng.integers(0, 4)))
        ends_ns = np.cumsum(rng.integers(1, 4, n)) * MINUTE
        run = [Point(int(at), float(v), 1e9) for at, v in zip(ends_ns, values, strict=True)]
        reason = forecast(run).reason or ""
        if may_trend(values[None, :])[0]:
            still += not moves
        else:
            assert "a trend needs" in reason or "no trend" in reason
            ruled_out += not moves
    assert still < ruled_out / 10
