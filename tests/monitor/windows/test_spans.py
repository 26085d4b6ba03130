"""Windows: every row is in exactly the windows it belongs to, whatever the rule, the zone and the clock change."""

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from monitor.definitions import MonitoredModel, WindowRule
from monitor.windows.spans import DAY_NS, cut, spans_between, spread_ties

HOUR = 3_600 * 10**9


def rule(**form: object) -> WindowRule:
    return MonitoredModel.from_document({"model": "m", "windows": [form]}).windows[0]


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp()) * 10**9


@pytest.mark.parametrize("form", [{"every": "5m"}, {"every": "1d"}, {"rows": 7}, {"session_gap": "40s"}])
def test_every_row_is_in_one_window(form: dict[str, object]) -> None:
    """Tumbling, by count and by session: the cuts partition the rows, in order."""
    rng = np.random.default_rng(1)
    times = np.sort(rng.integers(10**18, 10**18 + 3 * HOUR, 500))
    cuts = cut(rule(**form), times)
    assert cuts[0].first == 0
    assert cuts[-1].last == len(times)
    assert all(a.last == b.first for a, b in pairwise(cuts))
    for part in cuts:
        assert all(part.span.start_ns <= t < part.span.end_ns for t in times[part.first : part.last])


def test_a_row_is_in_as_many_sliding_windows_as_steps_fit() -> None:
    """30 minutes every 5 minutes: each row is in exactly six."""
    times = np.sort(np.random.default_rng(2).integers(10**18, 10**18 + HOUR, 100))
    cuts = cut(rule(sliding="30m", step="5m"), times)
    for i in range(len(times)):
        assert sum(part.first <= i < part.last for part in cuts) == 6


def test_a_boundary_belongs_to_the_window_it_opens() -> None:
    """Windows are half-open: the end is the next one's start."""
    start = 10**18 // (300 * 10**9) * 300 * 10**9
    cuts = cut(rule(every="5m"), np.array([start, start + 300 * 10**9 - 1, start + 300 * 10**9]))
    assert [part.last - part.first for part in cuts] == [2, 1]


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_calendar_day_follows_its_zone(day: str, hours: int) -> None:
    """In Paris a day has 23 hours in spring and 25 in autumn when the clocks change."""
    noon = ns(f"{day}T12:00:00+00:00")
    (span,) = spans_between(rule(every="1d", zone="Europe/Paris"), noon, noon)
    assert span.end_ns - span.start_ns == hours * HOUR


def test_a_week_begins_on_monday() -> None:
    """Seven-day windows are aligned to Mondays of their zone."""
    (span,) = spans_between(rule(every="1w"), ns("2026-11-21T10:00:00+00:00"), ns("2026-11-21T10:00:00+00:00"))
    assert span.start_ns == ns("2026-11-16T00:00:00+00:00")
    assert span.end_ns - span.start_ns == 7 * DAY_NS


def test_a_leap_day_is_a_day() -> None:
    """29 February has its own window."""
    spans = list(spans_between(rule(every="1d"), ns("2028-02-28T00:00:00+00:00"), ns("2028-03-01T00:00:00+00:00")))
    assert len(spans) == 3


def test_empty_windows_between_rows_are_there() -> None:
    """A hole in the traffic is a window without rows, not a missing one."""
    times = np.array([0, 20 * 60 * 10**9], np.int64)
    assert [p.last - p.first for p in cut(rule(every="5m"), times)] == [1, 0, 0, 0, 1]


def test_ties_get_one_place() -> None:
    """Rows of one instant keep their order and become one nanosecond apart, so a cut by rows is a cut by time."""
    times = spread_ties(np.array([5, 5, 5, 6, 100, 100]))
    assert times.tolist() == [5, 6, 7, 8, 100, 101]
