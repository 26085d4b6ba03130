"""GET evidently/windows: what Evidently said of each window, which of them wait for it, and why some have no value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from litestar import Controller, get
from litestar.params import FromPath, FromQuery, QueryParameter

from monitor.definitions.evidently import NAMES
from monitor.findings import Finding, Span, finding_document, rfc3339, time_ns
from monitor.metrics.foreign import FOREIGN_METRICS, whole_name
from monitor.ports import Catalog, FindingQuery, OwedOpinion, SegmentStore, WindowEntry
from monitor.query.asked import Between
from monitor.query.models import model_of
from monitor.query.provided import TheCatalog, TheStore

WINDOWS_MAX = 60
"""As many as the model's page has columns: the newest of the span."""
RECORDS_MAX = 5_000
"""Of one window: a hundred columns by all that is measured of a column, and as much again."""
OWED_LISTED_MAX = 10_000
"""As many as are ever owed."""
METRICS = tuple({*(metric.name for metric in FOREIGN_METRICS), *map(whole_name, NAMES)})


class EvidentlyWindowsController(Controller):
    """What Evidently said of windows, as it is stored."""

    path = "/models/{model:str}/evidently/windows"
    tags = ("measurements",)

    @get("/", sync_to_thread=True, summary="What Evidently said of each window, and which wait for it")
    def windows(
        self,
        catalog: TheCatalog,
        store: TheStore,
        model: FromPath[str],
        between: Between,
        version: FromQuery[str | None] = None,
        rule: FromQuery[str | None] = None,
        feature: Annotated[
            str | None, QueryParameter(required=False, description="Of this column too, over the windows.")
        ] = None,
        at: Annotated[
            str | None, QueryParameter(required=False, description="Start of a window whose records are given whole.")
        ] = None,
    ) -> dict[str, Any]:
        """The newest windows of the span, ascending; without `version` and `rule` those of the newest window."""
        entry, at_ns = model_of(catalog, model), time_ns(at, "at")
        newest = catalog.windows(
            model,
            version=version,
            rule=rule,
            start_ns=between.start_ns,
            end_ns=between.end_ns,
            limit=WINDOWS_MAX,
            newest_first=True,
        )
        windows = [w for w in newest if (w.version, w.rule) == (newest[0].version, newest[0].rule)][::-1]
        owed = {_key(one): one for one in catalog.owed_opinions(model, OWED_LISTED_MAX)}
        said = Said(catalog, store, windows)
        of_windows = said.of_each()
        return {
            "asked": list(entry.declaration.evidently),
            "version": (windows[-1].version or None) if windows else None,
            "rule": windows[-1].rule if windows else None,
            "owed": len(owed),
            "windows": [_window(w, of_windows[i], owed.get(_key(w))) for i, w in enumerate(windows)],
            "series": [
                *_series(of_windows, lambda f: f.feature is None),
                *(_series(said.of_each(feature), lambda _: True) if feature else ()),
            ],
            "records": [] if at_ns is None else [finding_document(f) for f in said.records(at_ns)],
        }


class Said:
    """What is stored of some windows of one version and rule."""

    def __init__(self, catalog: Catalog, store: SegmentStore, windows: Sequence[WindowEntry]) -> None:
        self._catalog, self._store, self._windows = catalog, store, windows

    def of_each(self, feature: str | None = None) -> list[dict[str, Finding]]:
        """Of each window and metric one record: one with a value, where there is any."""
        if not self._windows:
            return []
        first, last = self._windows[0].span.start_ns or 0, (self._windows[-1].span.start_ns or 0) + 1
        spans = [Span(w.span.start_ns, (w.span.start_ns or 0) + 1) for w in self._windows]
        found: list[dict[str, Finding]] = [{} for _ in self._windows]
        query = self._query(first, last, feature)
        for at, finding in self._store.worst_findings(self._segments(first, last), query, spans, "metric"):
            found[at][finding.metric] = finding
        return [_without_superseded(one) for one in found]

    def records(self, start_ns: int) -> list[Finding]:
        found = self._store.find_findings(
            self._segments(start_ns, start_ns + 1), self._query(start_ns, start_ns + 1, None)
        )
        newest = max((f.revision for f in found if f.value is not None), default=-1)
        return [f for f in found if f.value is not None or f.feature is not None or f.revision >= newest]

    def _segments(self, start_ns: int, end_ns: int) -> list[Any]:
        if not self._windows:
            return []
        one = self._windows[0]
        return list(self._catalog.segments("measurements", one.model, one.version, start_ns, end_ns))

    def _query(self, start_ns: int, end_ns: int, feature: str | None) -> FindingQuery:
        rule = self._windows[0].rule if self._windows else None
        return FindingQuery(
            start_ns, end_ns, feature=feature, rule=rule, metrics=METRICS, whole=True, limit=RECORDS_MAX
        )


def _without_superseded(found: Mapping[str, Finding]) -> dict[str, Finding]:
    """Why there was no value is told as long as no later revision of the window has brought one."""
    newest = max((f.revision for f in found.values() if f.value is not None), default=-1)
    return {name: f for name, f in found.items() if f.value is not None or f.revision >= newest}


def _key(one: WindowEntry | OwedOpinion) -> tuple[str, str, Span]:
    return one.version, one.rule, one.span


def _window(window: WindowEntry, found: Mapping[str, Finding], owed: OwedOpinion | None) -> dict[str, Any]:
    with_value = [f for f in found.values() if f.value is not None]
    reason: str | None
    if owed is not None:
        what = "its labels" if with_value else "it"
        state, reason = "waiting", f"closed, and Evidently has yet to be asked about {what}"
    elif with_value:
        state, reason = "answered", next((f.reason for f in found.values() if f.value is None), None)
    elif found:
        first = next(iter(found.values()))
        state, reason = str(first.status), first.reason
    else:
        state, reason = "not_asked", _why_not(window)
    return {
        "start": rfc3339(window.span.start_ns),
        "end": rfc3339(window.span.end_ns),
        "n_window": window.n_window,
        "revision": window.revision,
        "state": state,
        "reason": reason,
        "metrics": len(with_value),
        "since": None if owed is None else rfc3339(owed.owed_ns),
    }


def _why_not(window: WindowEntry) -> str:
    if window.baseline is None:
        return "there was no baseline to compare it with when it closed"
    return "the declaration did not ask when it closed" if window.n_window else "it has no rows"


def _series(found: Sequence[Mapping[str, Finding]], wanted: Any) -> list[dict[str, Any]]:
    """A line for each metric, with one cell a window, null where nothing is said."""
    names = dict.fromkeys(name for one in found for name, f in one.items() if wanted(f) and f.value is not None)
    lines = []
    for name in names:
        cells = [one.get(name) for one in found]
        feature = next(f.feature for f in cells if f is not None)
        lines.append({"metric": name, "feature": feature, "cells": [None if f is None else _cell(f) for f in cells]})
    return lines


def _cell(finding: Finding) -> dict[str, Any]:
    limit = list(finding.threshold) if isinstance(finding.threshold, tuple) else finding.threshold
    return {
        "metric": finding.metric,
        "value": finding.value,
        "threshold": limit,
        "status": finding.status.value,
        "n_window": finding.n_window,
        "n_baseline": finding.n_baseline,
        "n_missing": finding.n_missing,
        "reason": finding.reason,
    }
