"""Which windows there are: spans of event time for each kind of rule.

A tumbling window of a whole number of days begins at midnight of its zone, weeks on Monday; shorter ones are aligned
to the Unix epoch. A sliding window ends at each multiple of its step. Windows by rows and by session depend on the
rows themselves: they are cut from sorted event times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from monitor.definitions import WindowRule
from monitor.findings import Span

DAY_NS = 86_400 * 10**9
SESSION_ROWS_MAX = 1_000_000
"""A session that never pauses is cut here, so that a window always ends."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A window and the rows [first, last) of the sorted times that are in it."""

    span: Span
    first: int
    last: int


def depends_on_rows(rule: WindowRule) -> bool:
    """Whether the windows of this rule are known only from the rows (by count, by session)."""
    return rule.rows is not None or rule.session_gap_ns is not None


def spans_between(rule: WindowRule, first_ns: int, last_ns: int) -> Iterator[Span]:
    """Windows of a rule by time that hold any instant of [first_ns, last_ns], ascending by start."""
    if rule.sliding_ns is not None:
        step = rule.step_ns or rule.sliding_ns
        end = (first_ns // step + 1) * step
        while end - rule.sliding_ns <= last_ns:
            yield Span(end - rule.sliding_ns, end)
            end += step
        return
    every = rule.every_ns
    if every is None:
        raise ValueError("windows by rows or session are cut from rows, not from time")
    span = _tumbling(rule, every, first_ns)
    while span.start_ns is not None and span.end_ns is not None and span.start_ns <= last_ns:
        yield span
        span = _tumbling(rule, every, span.end_ns)


def _tumbling(rule: WindowRule, every: int, instant_ns: int) -> Span:
    if every % DAY_NS:
        start = instant_ns // every * every
        return Span(start, start + every)
    days = every // DAY_NS
    zone = ZoneInfo(rule.zone)
    today = datetime.fromtimestamp(instant_ns // 10**9, UTC).astimezone(zone).date()
    # 1969-12-29 is a Monday: weeks begin on Mondays, and every number of days has one fixed grid.
    origin = date(1969, 12, 29)
    first = origin + timedelta(days=(today - origin).days // days * days)
    return Span(_midnight_ns(first, zone), _midnight_ns(first + timedelta(days=days), zone))


def _midnight_ns(day: date, zone: ZoneInfo) -> int:
    """First instant of a local day: 23 or 25 hours apart where the clock is changed."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone)
    return int(local.timestamp()) * 10**9


def cut(rule: WindowRule, times_ns: npt.NDArray[np.int64]) -> list[Cut]:
    """Windows of sorted event times, ascending; the last may still be open. Every row is in one (sliding: in several)."""
    n = len(times_ns)
    if n == 0:
        return []
    if rule.rows is not None:
        edges = [*range(0, n, rule.rows), n]
        return [Cut(_span_of_rows(times_ns, a, b), a, b) for a, b in pairwise(edges)]
    if rule.session_gap_ns is not None:
        return _sessions(times_ns, rule.session_gap_ns)
    cuts = []
    for span in spans_between(rule, int(times_ns[0]), int(times_ns[-1])):
        first, last = np.searchsorted(times_ns, np.array([span.start_ns, span.end_ns], np.int64))
        if last > first or rule.sliding_ns is None:
            cuts.append(Cut(span, int(first), int(last)))
    return cuts


def _span_of_rows(times_ns: npt.NDArray[np.int64], first: int, last: int) -> Span:
    """From the first row to the first row of the next window (one past its own last row where there is none)."""
    end = int(times_ns[last]) if last < len(times_ns) else int(times_ns[last - 1]) + 1
    return Span(int(times_ns[first]), max(end, int(times_ns[first]) + 1))


def _sessions(times_ns: npt.NDArray[np.int64], gap_ns: int) -> list[Cut]:
    breaks = np.flatnonzero(np.diff(times_ns) > gap_ns) + 1
    edges = [0, *breaks.tolist(), len(times_ns)]
    cuts = []
    for start, end in pairwise(edges):
        for a in range(start, end, SESSION_ROWS_MAX):
            b = min(a + SESSION_ROWS_MAX, end)
            cuts.append(Cut(Span(int(times_ns[a]), int(times_ns[b - 1]) + 1), a, b))
    return cuts


def sessions_between(rule: WindowRule, times_ns: npt.NDArray[np.int64], known: Sequence[Span]) -> list[Span]:
    """Sessions of sorted times that are in none of the known windows (ascending); none reaches over a known one.

    >>> import numpy as np
    >>> rule = WindowRule(session_gap_ns=10)
    >>> [(s.start_ns, s.end_ns) for s in sessions_between(rule, np.array([1, 5, 14, 22, 28, 50]), [Span(4, 9), Span(20, 26)])]
    [(1, 2), (14, 15), (28, 29), (50, 51)]
    """
    starts, ends = (np.array([getattr(s, side) for s in known], np.int64) for side in ("start_ns", "end_ns"))
    before = np.searchsorted(starts, times_ns, side="right")
    outside = (before == 0) | (times_ns >= np.concatenate([[np.iinfo(np.int64).min], ends])[before])
    left, gap = times_ns[outside], before[outside]
    parts = np.split(left, np.flatnonzero(np.diff(gap)) + 1) if len(left) else []
    return [each.span for part in parts for each in cut(rule, part)]


def spread_ties(times_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Sorted times with every tie set one nanosecond after the row before it, so that a cut by rows has one place.

    >>> import numpy as np
    >>> spread_ties(np.array([5, 5, 5, 9])).tolist()
    [5, 6, 7, 9]
    """
    if len(times_ns) < 2 or np.all(np.diff(times_ns) > 0):
        return times_ns
    order = np.arange(len(times_ns))
    return (np.maximum.accumulate(times_ns - order) + order).astype(np.int64)
