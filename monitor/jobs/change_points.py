"""Change points along the stored windows of a version, whether or not the declaration asks for them in every window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from monitor.alerts.calibration import effect_for
from monitor.findings import Since, Span
from monitor.jobs.track import stream_of
from monitor.metrics.streaming import adwin, page_hinkley
from monitor.metrics.streaming.located import Located
from monitor.ports import Catalog
from monitor.tiles.encoding import decode_tileset
from monitor.tiles.stream import POINTS_MAX, Point
from monitor.tiles.tileset import Baseline

Of = Literal["score", "error"]
Method = Literal["adwin", "page_hinkley"]
METHODS: Mapping[Method, Callable[[Sequence[Point], float], Located | None]] = {
    "adwin": adwin.last_change,
    "page_hinkley": page_hinkley.last_change,
}


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """What one method says of one stream; `since` None where nothing changed."""

    of: Of
    method: Method
    windows: int
    rows: int
    since: Since | None = None
    before: float | None = None
    after: float | None = None
    low: float | None = None
    """Of the difference: its 95 % interval, the place taken as known."""
    high: float | None = None
    points: tuple[tuple[int, float, int], ...] = ()
    """Of each window its start, its mean and its rows."""


def change_points(
    catalog: Catalog, model: str, version: str, rule: str, baseline: Baseline, end_ns: int | None = None
) -> list[ChangePoint]:
    """By each method of scores and of errors, along the newest windows that begin before `end_ns`."""
    found = catalog.windows(model, version=version, rule=rule, end_ns=end_ns, limit=2 * POINTS_MAX, newest_first=True)
    windows = [w for w in found if w.n_window and w.baseline == baseline.id][:POINTS_MAX]
    stored = ((w, catalog.tiles(model, version, rule, w.span)) for w in windows[::-1])
    stream = stream_of(((w, decode_tileset(data)) for w, data in stored if data is not None), baseline)
    return [*_found("score", stream.scores, baseline), *_found("error", stream.errors, baseline)]


def _found(of: Of, points: tuple[Point, ...], baseline: Baseline) -> list[ChangePoint]:
    if not points:
        return []
    rows = sum(p.n for p in points)
    effects = baseline.design_effects
    effect = 1.0 if effects is None else effect_for(effects, points[-1].n)
    shown = tuple((_start(p.span), p.mean, p.n) for p in points)
    answers = []
    for method, last in METHODS.items():
        found = last(points, effect)
        if found is None:
            answers.append(ChangePoint(of, method, len(points), rows, points=shown))
            continue
        at, low, high = (_start(points[i].span) for i in (found.at, found.low, found.high))
        size = found.size
        since = Since(at, low, high)
        answers.append(
            ChangePoint(
                of,
                method,
                len(points),
                rows,
                since,
                found.before,
                found.after,
                size - found.half,
                size + found.half,
                shown,
            )
        )
    return answers


def _start(span: Span) -> int:
    return span.start_ns or 0
