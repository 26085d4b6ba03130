"""What the stored tiles of one window, or of several together, say: for pages that ask more than is recorded of every window.

A metric that was recorded is answered as its decision record; of the others the same function is asked of the same tiles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from monitor.definitions import MonitoredModel
from monitor.errors import Fault, InvalidInput, NotFound
from monitor.findings import WORST_FIRST, Finding, Measurement, Span, Status, finding_document, window_document
from monitor.metrics.metric import Comparison, Metric
from monitor.ports import Catalog, FindingQuery, SegmentStore, WindowEntry
from monitor.query.models import model_of
from monitor.query.sliced import tiles_of
from monitor.tiles.encoding import decode_baseline, decode_tileset
from monitor.tiles.merge import merge
from monitor.tiles.tileset import Baseline, TileSet

WINDOWS_MAX = 300
"""Windows that are put together: a day of five minutes. Their tiles are read one by one."""
FINDINGS_MAX = 100_000
"""Decision records of one window: more than 5,000 features have."""

_TOLD = (
    "value", "low", "high", "n_baseline", "n_window", "n_missing",
    "threshold", "threshold_origin", "status", "reason", "score", "windows",
)  # fmt: skip
"""Of a decision record: what an answer about a stretch says of each metric."""

Key = tuple[str, str | None, str | None]
"""Metric, feature and slice."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Successive windows of one version and rule, on the baseline in force; `tiles` are those of all their rows."""

    model: MonitoredModel
    baseline: Baseline
    windows: Sequence[WindowEntry]
    tiles: TileSet
    part: str | None
    """The declared slice whose rows they are."""

    @property
    def comparison(self) -> Comparison:
        return Comparison(self.baseline, self.tiles, self.model)

    def document(self) -> dict[str, Any]:
        """What every answer about a stretch begins with."""
        first, last = self.windows[0], self.windows[-1]
        return {
            "version": first.version or None,
            "rule": first.rule,
            "slice": self.part,
            "window": window_document(replace(first.span, end_ns=last.span.end_ns)),
            "windows": len(self.windows),
            "rows": self.tiles.rows,
            "n_baseline": self.baseline.tiles.rows,
            "revision": max(w.revision for w in self.windows),
        }


def stretch_of(
    catalog: Catalog,
    model: str,
    between: Span,
    version: str | None,
    rule: str | None,
    part: str | None = None,
) -> Stretch:
    """The windows that begin between two times, or the newest with rows. Raises NotFound where none has tiles on the baseline in force."""
    known = model_of(catalog, model).in_force()
    entry = catalog.baseline(model)
    if entry is None:
        raise NotFound("baseline of model", model)
    start_ns, end_ns = between.start_ns, between.end_ns
    newest = catalog.windows(
        model, version=version, rule=rule, start_ns=start_ns, end_ns=end_ns, limit=WINDOWS_MAX + 1, newest_first=True
    )
    asked = start_ns is not None or end_ns is not None
    own = next((w for w in newest if w.n_window or asked), None)
    chosen = [w for w in newest if own is not None and (w.version, w.rule) == (own.version, own.rule)]
    if asked and len(newest) > WINDOWS_MAX:
        raise InvalidInput(Fault("from, to", f"more than {WINDOWS_MAX} windows", "a shorter range"))
    if not asked and own is not None:
        chosen = [own]
    found: list[tuple[WindowEntry, TileSet]] = []
    for window in reversed(chosen):
        data = catalog.tiles(model, window.version, window.rule, window.span) if window.baseline == entry.id else None
        if data is not None:
            found.append((window, tiles_of(decode_tileset(data), part)))
    if not found:
        raise NotFound("window with tiles on the baseline in force, of model", model)
    baseline = decode_baseline(entry.profile)
    if part:
        if part not in baseline.grids.slices:
            raise NotFound("slice", part)
        baseline = replace(
            baseline, tiles=tiles_of(baseline.tiles, part), grids=baseline.grids.of_slices(), estimator=None
        )
    return Stretch(known, baseline, [w for w, _ in found], merge([tiles for _, tiles in found]), part or None)


def told(
    catalog: Catalog, store: SegmentStore, stretch: Stretch, metrics: Iterable[Metric]
) -> dict[Key, dict[str, Any]]:
    """Of each metric, feature and slice the decision record, with its limit and verdict; without one what the tiles say."""
    asked = tuple(metrics)
    found: dict[Key, dict[str, Any]] = {}
    for metric in asked:
        for measurement in metric.measure(stretch.comparison):
            found[(metric.name, measurement.feature, measurement.slice)] = _measured(measurement)
    if len(stretch.windows) == 1:
        for finding in _recorded(catalog, store, stretch):
            # Of a declared slice the record names it, and the tiles are its own.
            place = None if stretch.part else finding.slice
            key = (finding.metric, finding.feature, place)
            if key in found:
                found[key] = _judged(finding)
    return found


def _recorded(catalog: Catalog, store: SegmentStore, stretch: Stretch) -> list[Finding]:
    window = stretch.windows[0]
    start_ns = window.span.start_ns or 0
    segments = catalog.segments("measurements", window.model, window.version, start_ns, start_ns + 1)
    query = FindingQuery(
        start_ns, start_ns + 1, None, stretch.part, None, None, FINDINGS_MAX, rule=window.rule
    )  # fmt: skip
    return store.find_findings(segments, query)


def _measured(measurement: Measurement) -> dict[str, Any]:
    value = measurement.value
    return {
        "value": value.value,
        "low": value.low,
        "high": value.high,
        "n_baseline": value.n_baseline,
        "n_window": value.n_window,
        "n_missing": value.n_missing,
        "threshold": None,
        "threshold_origin": None,
        "status": value.status.value,
        "reason": value.reason,
        "score": None,
        "windows": None,
        "judged": False,
    }


def _judged(finding: Finding) -> dict[str, Any]:
    record = finding_document(finding)
    return {key: record[key] for key in _TOLD} | {"judged": True}


def badness(cells: Iterable[dict[str, Any]]) -> tuple[int, float]:
    """How bad the worst of some answers is, for lists that begin with the worst: by status, then by score, then by size."""
    ranks = [
        (WORST_FIRST.index(Status(c["status"])), -(c["score"] or 0.0), -abs(c["value"] or 0.0)) for c in cells
    ] or [(len(WORST_FIRST), 0.0, 0.0)]
    rank, score, size = min(ranks)
    return rank, score or size
