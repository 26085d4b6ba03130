"""Recorded predictions through the same windows, tiles, metrics and alerts, in event time, without a server."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from heapq import merge

import numpy as np

from monitor.alerts.causes.cause import HISTORY_MAX
from monitor.definitions import MonitoredModel, WindowRule
from monitor.errors import Fault, InvalidInput
from monitor.findings import Alert, AlertKind, Span
from monitor.jobs.find_cause import Records, with_causes
from monitor.jobs.look import INPUT_KINDS, Looked, Moved, Subject, Track, plan_for, take_look
from monitor.jobs.moving_baseline import Past, labels_of
from monitor.jobs.profile_window import Explainer, Profiled, profile_window, with_label_column, with_labels
from monitor.jobs.rivals import champion_of, held_against
from monitor.jobs.second_opinion import Opinion
from monitor.jobs.shared_alerts import Alerts, shown
from monitor.jobs.stored_windows import start_of
from monitor.ports import Labels
from monitor.tiles.encoding import decode_tileset, encode_tileset
from monitor.tiles.rows import Rows
from monitor.tiles.tileset import Baseline, TileSet
from monitor.windows.spans import Cut, cut, spread_ties
from monitor.windows.trailing import SCALE_MAX

EMPTY_WINDOWS_MAX = 3
"""Windows without rows that are told in a row, as live: a file with a hole of a year is not a million windows."""


@dataclass(frozen=True, slots=True)
class Step:
    """One window of the backfill."""

    rule: WindowRule
    span: Span
    profiled: Profiled
    looked: Looked
    states: tuple[Alerts, Alerts]
    """Where the alerts of this rule stand after it: its own, and the groups' with labels."""


def backfill(
    rows: Rows,
    labels: Labels | None,
    model: MonitoredModel,
    baseline: Baseline,
    *,
    version: str = "",
    explainer: Explainer | None = None,
    baseline_rows: Rows | None = None,
    opinion: Opinion | None = None,
    code: str | None = None,
    against: Rows | None = None,
) -> Iterator[Step]:
    """Every window of every rule in the order of their ends; a last, partial window is judged with the rows it has.

    Several rules move one alert, as live: what one has told another does not tell again. `against`: rows of the version
    that the declaration's baseline names, or of the champion that this version is held against.

    The kinds of the model are resolved. Labels are taken to be there when their window closes. With `baseline_rows`
    an alert's cause says more: slices and impacts.
    """
    rows = rows.in_canonical_order()
    rows = replace(rows, time_ns=spread_ties(rows.time_ns))
    looks = [
        _in_turn(
            _rule(rows, labels, model, baseline, rule, version, explainer, baseline_rows, opinion, code, against),
            number,
        )
        for number, rule in enumerate(model.windows)
    ]
    known: dict[AlertKind, Alert] = {}
    states: dict[int, tuple[Alerts, Alerts]] = {}
    for _, number, step in merge(*looks, key=lambda look: look[:2]):
        others = [alerts for other, pair in states.items() if other != number for alerts in pair]
        looked = shown(step.looked, known, others)
        known |= {alert.kind: alert for alert in looked.alerts}
        states[number] = step.states
        yield replace(step, looked=looked)


def _in_turn(steps: Iterator[Step], number: int) -> Iterator[tuple[int, int, Step]]:
    """The steps of one rule with when each is due."""
    for step in steps:
        yield (step.span.end_ns or 0) + step.rule.lateness_ns, number, step


def _rule(
    rows: Rows,
    labels: Labels | None,
    model: MonitoredModel,
    baseline: Baseline,
    rule: WindowRule,
    version: str,
    explainer: Explainer | None,
    baseline_rows: Rows | None,
    opinion: Opinion | None,
    code: str | None,
    against: Rows | None,
) -> Iterator[Step]:
    if baseline_rows is not None:
        baseline_rows = with_label_column(baseline_rows, model)
    history: deque[tuple[Span, TileSet]] = deque(maxlen=HISTORY_MAX)

    def between(span: Span) -> Rows:
        first, last = np.searchsorted(rows.time_ns, [span.start_ns or 0, span.end_ns or 0])
        part = rows.take(slice(int(first), int(last)))
        return part if finder is None else with_labels(part, finder.of(part))

    records = Records(lambda: tuple(history), between, lambda: baseline_rows)
    track = Track()
    subject = Subject(model, version, baseline, rule.name, code)
    first_ns = int(rows.time_ns[0]) if len(rows) else 0
    finder = LabelFinder(labels) if labels is not None else None
    taken = 0
    other = {} if against is None else windows_of(against, rule, model, baseline, finder)
    is_candidate = champion_of(model, version) is not None
    past = Kept.of(model, rule, version, other)
    for part in told(cut(rule, rows.time_ns)):
        window = rows.take(slice(part.first, part.last))
        own = finder.of(window) if finder is not None else None
        profiled = profile_window(window, own, baseline, model, explainer, opinion=opinion)
        if is_candidate:
            profiled = replace(profiled, tiles=held_against(profiled.tiles, other.get(part.span)))
        taken += len(window)
        elapsed = (part.span.end_ns or 0) - first_ns
        plan = plan_for(model, baseline, rule, taken / max(elapsed, 1))
        kinds = frozenset(AlertKind) if profiled.labelled else INPUT_KINDS
        if profiled.tiles.rows:
            history.append((part.span, profiled.tiles))
        compared = past.moved(part.span, baseline) if past is not None else None
        share = profiled.labelled / max(profiled.tiles.rows, 1)
        labels_at = past.moved_labels(part.span, baseline, share) if past is not None and profiled.labelled else None
        track, looked = take_look(
            track,
            subject,
            part.span,
            profiled.tiles,
            plan=plan,
            kinds=kinds,
            compared=compared,
            compared_labels=labels_at,
            others=profiled.others,
        )
        if past is not None and profiled.tiles.rows:
            past.note(part.span, profiled.tiles, looked, share)
        track, looked = with_causes(track, looked, part.span, subject, records)
        late: Alerts = {} if track.late is None else {track.late.kind: track.late}
        yield Step(rule, part.span, profiled, looked, (track.alerts, late))


@dataclass(frozen=True, slots=True)
class Kept:
    """The windows behind, or of the version that these are compared with, where the baseline moves: as a catalog keeps them."""

    past: Past
    tiles: dict[Span, bytes]
    others: tuple[Span, ...] | None
    """Windows of the other version, ascending; None where windows are compared with the past of their own."""
    labels: Past | None
    """The windows with labels, where they are compared with the past of their own."""

    @classmethod
    def of(cls, model: MonitoredModel, rule: WindowRule, version: str, other: dict[Span, bytes]) -> Kept | None:
        if model.baseline.fixed or model.baseline.version == version:
            return None
        moves = model.baseline.version is None
        tiles: dict[Span, bytes] = {} if moves else other
        past = Past(model.baseline, rule, lambda span: decode_tileset(tiles[span]))
        if not moves:
            return cls(past, tiles, tuple(sorted(other)), None)
        labels = Past(model.baseline, rule, lambda span: labels_of(decode_tileset(tiles[span])), shares={})
        return cls(past, tiles, None, labels)

    def moved(self, span: Span, baseline: Baseline) -> Callable[[int], Moved]:
        if self.others is None:
            return self.past.moved(span, baseline)
        until = bisect_right(self.others, span.start_ns or 0, key=start_of)
        return self.past.moved(span, baseline, self.others[max(0, until - 2 * SCALE_MAX) : until])

    def moved_labels(self, span: Span, baseline: Baseline, share: float) -> Callable[[int], Moved] | None:
        return None if self.labels is None else self.labels.moved(span, baseline, share=share)

    def note(self, span: Span, tiles: TileSet, looked: Looked, share: float) -> None:
        self.past.note(span, looked.findings)
        if self.labels is not None and share:
            self.labels.note(span, looked.findings, share=share)
        if self.others is not None:
            return
        self.tiles[span] = encode_tileset(tiles)
        kept = {*self.past.own, *(self.labels.own if self.labels is not None else ())}
        for gone in self.tiles.keys() - kept if len(self.tiles) > len(kept) else ():
            del self.tiles[gone]


def windows_of(
    rows: Rows, rule: WindowRule, model: MonitoredModel, baseline: Baseline, finder: LabelFinder | None
) -> dict[Span, bytes]:
    """The tiles of each window with rows."""
    rows = rows.in_canonical_order()
    rows = replace(rows, time_ns=spread_ties(rows.time_ns))
    parts = ((part.span, rows.take(slice(part.first, part.last))) for part in told(cut(rule, rows.time_ns)))
    return {
        span: encode_tileset(
            profile_window(window, None if finder is None else finder.of(window), baseline, model).tiles
        )
        for span, window in parts
        if len(window)
    }


def told(cuts: list[Cut]) -> Iterator[Cut]:
    """The windows to look at: all with rows, and at most EMPTY_WINDOWS_MAX without in a row."""
    empty = 0
    for part in cuts:
        empty = empty + 1 if part.first == part.last else 0
        if empty <= EMPTY_WINDOWS_MAX:
            yield part


class LabelFinder:
    """Labels of a window's rows, without going through all labels for each window."""

    def __init__(self, labels: Labels) -> None:
        self._value = dict(zip(labels.id.tolist(), labels.value.tolist(), strict=True))

    def of(self, rows: Rows) -> Labels:
        found = [
            (i, self._value[i], t) for i, t in zip(rows.prediction_ids(), rows.time_ns, strict=True) if i in self._value
        ]
        ids, values = np.empty(len(found), dtype=object), np.empty(len(found), dtype=object)
        ids[:], values[:] = [f[0] for f in found], [f[1] for f in found]
        return Labels(ids, values, np.array([f[2] for f in found], np.int64))


def split_baseline(rows: Rows) -> tuple[Rows, Rows]:
    """Where no baseline is given: the first fifth of the rows is it, the rest is measured against it."""
    rows = rows.in_canonical_order()
    if len(rows) < SPLIT_ROWS_MIN:
        raise InvalidInput(Fault("rows", str(len(rows)), f"at least {SPLIT_ROWS_MIN} rows, or a baseline"))
    edge = len(rows) // 5
    return rows.take(slice(0, edge)), rows.take(slice(edge, len(rows)))


SPLIT_ROWS_MIN = 10 * SCALE_MAX
"""Rows from which a first fifth is worth being a baseline."""
