"""Forecasts from what was published."""

from __future__ import annotations

from dataclasses import replace

from monitor.exporters.trends import RECORDS_MAX, Trends
from monitor.findings import AlertKind, Finding, Span, Status
from monitor.ports import WindowEntry

MINUTE = 60 * 10**9


def window(number: int) -> WindowEntry:
    span = Span(number * MINUTE, (number + 1) * MINUTE)
    return WindowEntry("m", "1", "1m", span, 0, Status.OK, 100, span.end_ns or 0)


def finding(number: int, value: float, feature: str = "a") -> Finding:
    return Finding(
        model="m", version="1", slice=None, feature=feature, metric="js_distance", kind=AlertKind.DRIFT,
        window=window(number).span, value=value, low=None, high=None, n_baseline=1, n_window=1, n_missing=0,
        threshold=0.5, threshold_origin="default", status=Status.OK, reason=None, score=0.5,
    )  # fmt: skip


def taken(trends: Trends, number: int, *findings: Finding) -> Trends:
    return trends.then(window(number), {(f.kind, f.metric, f.feature, f.slice): f for f in findings})


def test_a_trend_is_a_time_to_breach() -> None:
    """0.01 a minute, 0.1 to go: ten minutes after the last window."""
    trends = Trends()
    for number in range(31):
        trends = taken(trends, number, finding(number, 0.1 + 0.01 * number), finding(number, 0.2, "b"))
    ((record, seconds),) = list(trends.breaches())
    assert record == (AlertKind.DRIFT, "js_distance", "a", None)
    assert abs(seconds - 600) < 1


def test_a_revision_takes_the_place_of_what_it_revises() -> None:
    """A window counts once."""
    trends = taken(taken(Trends(), 0, finding(0, 0.1)), 0, finding(0, 0.3))
    (run,) = trends.runs.values()
    assert run.values.tolist() == [0.3]


def test_an_earlier_window_finds_its_place() -> None:
    """Late rows revise a window that is no longer the last; the threshold in force is the last window's."""
    trends = taken(Trends(), 0, finding(0, 0.1))
    trends = taken(taken(trends, 2, finding(2, 0.3)), 1, replace(finding(1, 0.2), threshold=0.7))
    (run,) = trends.runs.values()
    assert run.ends_ns.tolist() == [MINUTE, 2 * MINUTE, 3 * MINUTE]
    assert (run.values.tolist(), run.threshold) == ([0.1, 0.2, 0.3], 0.5)


def test_what_is_kept_is_bounded() -> None:
    """In metrics, and in windows of each; a value that does not exist is none."""
    trends = taken(Trends(), 0, *(finding(0, 0.1, f"f{i}") for i in range(2 * RECORDS_MAX)))
    assert len(trends.runs) == RECORDS_MAX
    for number in range(1, 200):
        trends = taken(trends, number, finding(number, 0.1, "f0"), replace(finding(number, 0.0, "f1"), value=None))
    assert {record[2] for record in trends.runs} == {"f0"}
    assert all(len(run.values) <= 48 for run in trends.runs.values())
