"""Which past windows stand for the past: stretches as long as the merge, by the clock of a zone, never of the merge itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from monitor.definitions import BaselineRule, MonitoredModel, WindowRule
from monitor.findings import Span
from monitor.windows.past import stretches
from monitor.windows.spans import spans_between

HOUR = 3_600 * 10**9
DAY = 24 * HOUR
MONDAY = 1_800_259_200 * 10**9
"""2027-01-18, a Monday, 00:00 UTC."""


def rule(**section: Any) -> BaselineRule:
    return MonitoredModel.from_document({"model": "m", "baseline": section}).baseline


def windows(count: int, length: int = HOUR, start: int = MONDAY) -> list[Span]:
    return [Span(start + i * length, start + (i + 1) * length) for i in range(count)]


def flat(found: Any) -> list[Span]:
    return [span for stretch in found for block in stretch for span in block]


def local(span: Span, zone: str) -> datetime:
    return datetime.fromtimestamp((span.start_ns or 0) // 10**9, UTC).astimezone(ZoneInfo(zone))


def test_an_hour_of_the_week_is_compared_with_the_same_hour_of_the_weeks_before() -> None:
    """Newest first, as far back as the history goes."""
    past = windows(24 * 7 * 5)
    now = past[-1]
    found = stretches(rule(season="hour_of_week", history="3w"), "UTC", [now], past[:-1], 21 * DAY)
    assert [s.start_ns for s in flat(found)] == [(now.start_ns or 0) - k * 7 * DAY for k in (1, 2, 3)]
    assert [len(stretch) for stretch in found] == [1, 1, 1]


def test_a_merge_is_compared_with_the_same_hours_together() -> None:
    """Three hours now with the same three a day ago, two days ago, …, each three one stretch."""
    past = windows(24 * 5)
    found = stretches(rule(season="hour_of_day", history="4d"), "UTC", past[-3:], past[:-1], 4 * DAY)
    assert [len(flat([stretch])) for stretch in found] == [3, 3, 3, 3]
    assert flat(found[:1]) == past[-27:-24]


def test_the_time_before_moves_on_in_sixteenths() -> None:
    """16 hours in blocks of an hour, of windows of a quarter of one: complete blocks only, none of them of the merge."""
    past = windows(4 * 30, HOUR // 4)
    found = stretches(rule(trailing="16h"), "UTC", past[-2:], past[:-1], 16 * HOUR)
    assert {len(flat([stretch])) for stretch in found} == {4}
    assert max(s.end_ns or 0 for s in flat(found)) <= (past[-2].start_ns or 0)
    assert len(found) == 16
    again = stretches(rule(trailing="16h"), "UTC", past[-1:], past[:-1], 16 * HOUR)
    assert again == found


def test_another_version_is_compared_in_the_same_windows_or_not_at_all() -> None:
    """A window that the other version lacks would compare different times."""
    now = windows(3)
    assert flat(stretches(rule(version="v1"), "UTC", now, windows(9), 0)) == now
    assert stretches(rule(version="v1"), "UTC", now, windows(2), 0) == []


def test_clock_changes_keep_the_hour_of_the_clock() -> None:
    """Paris left summer time on 2026-10-25: 9 o'clock that day is compared with 9 o'clock, though 25 hours lie between."""
    start = int(datetime(2026, 10, 20, tzinfo=UTC).timestamp()) * 10**9
    past = windows(24 * 8, start=start)
    zone = "Europe/Paris"
    for at in range(24 * 6, 24 * 8):
        found = stretches(rule(season="hour_of_day", history="4d", zone=zone), "UTC", [past[at]], past[:at], 4 * DAY)
        assert {local(s, zone).hour for s in flat(found)} == {local(past[at], zone).hour}
    repeated = [s for s in past if local(s, zone).date().isoformat() == "2026-10-25" and local(s, zone).hour == 2]
    assert len(repeated) == 2
    next_day = next(s for s in past if s.start_ns == (repeated[1].start_ns or 0) + DAY)
    found = stretches(rule(season="hour_of_day", history="4d", zone=zone), "UTC", [next_day], past, 4 * DAY)
    assert set(flat(found)) >= set(repeated)
    assert found[0] == (tuple(repeated),)


def test_an_hour_that_is_left_out_has_no_past_and_harms_none() -> None:
    """On 2027-03-28 Paris has no 2 o'clock: the next day's is compared with the day before it."""
    start = int(datetime(2027, 3, 25, tzinfo=UTC).timestamp()) * 10**9
    past = windows(24 * 6, start=start)
    zone = "Europe/Paris"
    now = next(s for s in past if local(s, zone).isoformat().startswith("2027-03-29T02"))
    found = stretches(rule(season="hour_of_day", history="3d", zone=zone), "UTC", [now], past, 3 * DAY)
    assert [local(s, zone).day for s in flat(found)] == [27, 26]


def test_a_leap_day_is_a_day_like_others() -> None:
    """Weeks go on through 29 February 2028."""
    start = int(datetime(2028, 2, 14, tzinfo=UTC).timestamp()) * 10**9
    past = windows(22, DAY, start)
    found = stretches(rule(season="day_of_week", history="3w"), "UTC", [past[-1]], past[:-1], 21 * DAY)
    assert [local(s, "UTC").date().isoformat() for s in flat(found)] == ["2028-02-28", "2028-02-21", "2028-02-14"]


def test_calendar_weeks_of_a_zone_follow_one_another_through_a_clock_change() -> None:
    """Weeks in Paris of 169 and 167 hours are each compared with the weeks before."""
    weekly = WindowRule(every_ns=7 * DAY, zone="Europe/Paris")
    first = int(datetime(2026, 9, 1, tzinfo=UTC).timestamp()) * 10**9
    past = list(spans_between(weekly, first, first + 40 * 7 * DAY))
    assert {((s.end_ns or 0) - (s.start_ns or 0)) // HOUR for s in past} == {167, 168, 169}
    section = rule(season="hour_of_week", history="4w")
    for at in range(5, len(past)):
        found = flat(stretches(section, "Europe/Paris", [past[at]], past[:at], section.reach_ns))
        assert found == past[at - 4 : at][::-1]


@given(st.integers(1, 64), st.integers(70, 200), st.sampled_from(["trailing", "hour_of_day", "hour_of_week"]))
def test_no_stretch_shares_a_window_with_the_merge_or_another(scale: int, at: int, form: str) -> None:
    """Or luck would be compared with itself, or counted twice."""
    past = windows(at)
    section = rule(trailing="4d") if form == "trailing" else rule(season=form, history="4d")
    found = flat(stretches(section, "UTC", past[-scale:], past[:-1], section.reach_ns))
    assert len(found) == len(set(found))
    assert all((s.end_ns or 0) <= (past[-scale].start_ns or 0) for s in found)
