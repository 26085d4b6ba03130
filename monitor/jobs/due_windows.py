"""Which windows of a rule are due: when their end plus the allowed lateness has passed, unless what they hold is still to come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from monitor.definitions import WindowRule
from monitor.findings import Span
from monitor.ports import Segment, SegmentStore
from monitor.windows.spans import cut, depends_on_rows, spans_between

EMPTY_WINDOWS_MAX = 3
"""Windows without rows that are told in a row: enough for `no data` to be seen, and a quiet night costs nothing."""
CATCH_UP_NS = 5 * 10**9
"""A sender that brought old rows within this time may bring more: windows beyond what it has brought wait for it."""
START_GRACE_NS = 10 * 10**9
"""After a start, windows that ended before it and have no rows wait this long for sidecars that find us again."""
NEXT_ROW_NS = 2 * 10**9
"""A window by rows ends where the next row begins. A full one waits this long for it, then ends with its own last row:
so its span says the same whenever it is looked at, and rows that come late still fall into a window."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Until `until_ns` no window is due, and rows from `open_ns` on are in none that is closed."""

    until_ns: int
    open_ns: int


@dataclass(slots=True)
class DueWindows:
    """Of one place. Remembers when it was first asked, and whether it was last held up."""

    rule: WindowRule
    store: SegmentStore
    patient: bool
    opened_ns: int | None = None
    """When this process first looked here."""
    caught_up: bool = True
    """Whether the last pass took windows by the clock, not by what a sender that is catching up has brought."""

    def spans(
        self, segments: Sequence[Segment], closed_ns: int | None, empty: int, now_ns: int, most: int
    ) -> list[Span]:
        """The first `most` that are due, ascending, after those closed; `empty` of these were the last ones without rows."""
        rule = self.rule
        until_ns = self._told_until(segments, now_ns)
        self.caught_up = until_ns == now_ns - rule.lateness_ns
        if depends_on_rows(rule):
            return self._by_rows(segments, closed_ns, until_ns)[:most]
        first_ns = closed_ns if closed_ns is not None else min((s.start_ns for s in segments), default=None)
        if first_ns is None or first_ns > until_ns:
            return []
        due = self._by_time(segments, first_ns, closed_ns, until_ns, self._silent_until(now_ns), empty)
        return list(islice(due, most))

    def _told_until(self, segments: Sequence[Segment], now_ns: int) -> int:
        """Up to where windows are due: by the clock, or up to what a sender that is catching up has brought."""
        until_ns = now_ns - self.rule.lateness_ns
        if not self.patient:
            return until_ns
        late_ns = self.rule.lateness_ns + (self.rule.every_ns or self.rule.step_ns or 0)
        old = [s.end_ns for s in segments if now_ns - s.created_ns < CATCH_UP_NS and s.created_ns - s.end_ns > late_ns]
        return min(until_ns, max(old)) if old else until_ns

    def _silent_until(self, now_ns: int) -> int | None:
        """Right after a start: before this instant a window without rows is not yet taken for one without traffic."""
        if self.opened_ns is None:
            self.opened_ns = now_ns
        return self.opened_ns if self.patient and now_ns - self.opened_ns < START_GRACE_NS else None

    def _by_time(
        self,
        segments: Sequence[Segment],
        first_ns: int,
        closed_ns: int | None,
        until_ns: int,
        silent_until_ns: int | None,
        empty: int,
    ) -> Iterator[Span]:
        spans = spans_between(self.rule, first_ns, until_ns)
        while (span := next(spans, None)) is not None:
            start, end = span.start_ns or 0, span.end_ns or 0
            if end > until_ns:
                return
            if closed_ns is not None and end <= closed_ns:
                continue
            has_rows = any(meets(s, span) for s in segments)
            if not has_rows and empty >= EMPTY_WINDOWS_MAX:
                # A row of long ago, of a clock gone wrong, may lie millions of windows before the next.
                following = min((s.start_ns for s in segments if s.start_ns >= start), default=None)
                if following is None or following > until_ns:
                    return
                spans = spans_between(self.rule, following, until_ns)
                empty = 0
                continue
            if not has_rows and silent_until_ns is not None and end <= silent_until_ns:
                return
            empty = 0 if has_rows else empty + 1
            yield span

    def _by_rows(self, segments: Sequence[Segment], closed_ns: int | None, until_ns: int) -> list[Span]:
        rule = self.rule
        if not segments:
            return []
        times = np.sort(self.store.read_rows(segments, closed_ns, until_ns, columns=()).time_ns)
        cuts = cut(rule, times)
        if rule.rows is not None:
            full = [c.span for c in cuts if c.last - c.first == rule.rows]
            if full and full[-1].end_ns == times[-1] + 1 and times[-1] + NEXT_ROW_NS > until_ns:
                full.pop()
            if full and closed_ns is not None:
                full[0] = replace(full[0], start_ns=closed_ns)
            return full
        return [c.span for c in cuts if (c.span.end_ns or 0) + (rule.session_gap_ns or 0) <= until_ns]

    def rest(self, now_ns: int) -> Rest | None:
        """How long passes after this one have nothing to do; None where nobody can say."""
        rule, until_ns = self.rule, now_ns - self.rule.lateness_ns
        waits = not self.caught_up or self._silent_until(now_ns) is not None
        if waits or depends_on_rows(rule):
            return None
        first = min(spans_between(rule, until_ns, until_ns), key=lambda span: span.end_ns or 0)
        end_ns = first.end_ns or 0
        before_ns = first.start_ns or 0 if rule.sliding_ns is None else end_ns - (rule.step_ns or rule.sliding_ns)
        return Rest(end_ns + rule.lateness_ns, before_ns)


def meets(segment: Segment, span: Span) -> bool:
    return segment.start_ns < (span.end_ns or 0) and segment.end_ns >= (span.start_ns or 0)
