"""Which past windows a window, or a merge of them, is compared with where the baseline moves. Pure.

The past comes in *stretches*, each as long as the merge it stands for: the same hours a week ago, two weeks ago, …, or
the time before it cut into equal parts. How much stretches differ from each other says how much the merge may.
No stretch shares a window with the merge. Weeks and days are those of a zone's clock, so an hour that a clock change
repeats or leaves out is compared with the same hour by the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from monitor.definitions import BaselineRule
from monitor.findings import Span

Stretch = tuple[tuple[Span, ...], ...]
"""Blocks of windows that stay the same from look to look, so that each need be merged once."""

TRAILING_BLOCKS = 16
"""Blocks of a trailing baseline: it moves on by a sixteenth of its length, and a look merges that many."""
CLOCK_CHANGE_NS = 3_600 * 10**9
"""Where clocks were turned, the same hour some weeks ago is an hour more away."""
_PERIOD_DAYS = {"hour_of_day": 1, "day_of_week": 7, "hour_of_week": 7}


def stretches(
    rule: BaselineRule, zone: str, merge: Sequence[Span], past: Sequence[Span], reach_ns: int
) -> list[Stretch]:
    """The stretches for the windows of a merge (ascending) among past windows (ascending), newest first.

    `reach_ns`: how far before the merge they begin. `past` are windows before the last of the merge, or, for another version, that version's of any time.
    """
    if rule.version is not None:
        known = set(past)
        return [(tuple(merge),)] if all(span in known for span in merge) else []
    first_ns = _start(merge[0])
    before = [p for p in past if (p.end_ns or 0) <= first_ns]
    if rule.season is None:
        return _trailing(rule.reach_ns, merge, before, reach_ns)
    oldest_ns = first_ns - reach_ns - CLOCK_CHANGE_NS
    return _seasonal(rule.season, ZoneInfo(rule.zone or zone), merge, [p for p in before if _start(p) >= oldest_ns])


def _trailing(length_ns: int, merge: Sequence[Span], before: Sequence[Span], reach_ns: int) -> list[Stretch]:
    longest = max((s.end_ns or 0) - _start(s) for s in merge)
    step = max(length_ns // TRAILING_BLOCKS, longest, 1)
    # The block that the merge begins in goes on growing: it joins when it is whole.
    newest = _start(merge[0]) // step
    blocks: dict[int, list[Span]] = {}
    for span in before:
        if newest - reach_ns // step <= (number := _start(span) // step) < newest:
            blocks.setdefault(number, []).append(span)
    each = max(1, -(-((merge[-1].end_ns or 0) - _start(merge[0])) // step))
    whole = [tuple(blocks[number]) for number in sorted(blocks, reverse=True)]
    return [tuple(whole[i : i + each]) for i in range(0, len(whole) - each + 1, each)]


def _seasonal(season: str, zone: ZoneInfo, merge: Sequence[Span], before: Sequence[Span]) -> list[Stretch]:
    own: dict[int, list[date]] = {}
    for span in merge:
        slot, day = _slot(season, span, zone)
        own.setdefault(slot, []).append(day)
    period = _PERIOD_DAYS[season]
    found: dict[int, list[Span]] = {}
    each = -(-((_slot(season, merge[-1], zone)[1] - _slot(season, merge[0], zone)[1]).days + 1) // period)
    for span in before:
        slot, day = _slot(season, span, zone)
        lags = [(now - day).days // period for now in own.get(slot, ()) if now > day]
        if lags:
            found.setdefault((min(lags) - 1) // each, []).append(span)
    return [(tuple(found[lag]),) for lag in sorted(found)]


def _slot(season: str, span: Span, zone: ZoneInfo) -> tuple[int, date]:
    """Number of the window's place in its season, and the local day on which that hour or day began."""
    local = datetime.fromtimestamp(_start(span) // 10**9, UTC).astimezone(zone)
    hour = 0 if season == "day_of_week" else local.hour
    return hour + (24 * local.weekday() if _PERIOD_DAYS[season] == 7 else 0), local.date()


def _start(span: Span) -> int:
    return span.start_ns or 0
