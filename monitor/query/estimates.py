"""GET estimates: what was expected before labels came beside what they said; GET label-delays: how long they took."""

from __future__ import annotations

from typing import Any

from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from monitor.findings import Finding, Status, rfc3339, window_document
from monitor.metrics.intervals import wilson
from monitor.ports import FindingQuery, WindowEntry
from monitor.query.asked import Between, ThePage
from monitor.query.models import model_of
from monitor.query.provided import TheCatalog, TheStore
from monitor.tiles.delays import NEGATIVE, OTHER, POSITIVE, SECOND_NS, DelayTile, delay_edges, delay_quantile
from monitor.tiles.encoding import decode_tileset

WINDOWS_MAX = 1_000
"""Windows whose delays are added up: their tiles are read one by one."""


UNDATED_REASON = "their predictions were recorded elsewhere and sent later: when the labels were known is not"
"""Why labels are in no distribution of delays."""


class EstimatesController(Controller):
    """How estimates without labels have done, and how late labels are."""

    path = "/models/{model:str}"
    tags = ("measurements",)

    @get("/estimates", sync_to_thread=True, summary="Estimates beside the truth, with their coverage")
    def estimates(
        self,
        catalog: TheCatalog,
        store: TheStore,
        model: FromPath[str],
        between: Between,
        page: ThePage,
        version: FromQuery[str | None] = None,
        rule: FromQuery[str | None] = None,
        metric: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """One item per window and metric whose labels came; `coverage` counts those of this page that have a verdict."""
        model_of(catalog, model)
        segments = catalog.segments("measurements", model, version, between.start_ns, between.end_ns)
        query = FindingQuery(
            between.start_ns,
            between.end_ns,
            version or None,
            None,
            "estimate_error",
            metric,
            page.limit + 1,
            page.offset,
            rule=rule,
        )
        found = store.find_findings(segments, query)
        shown = found[: page.limit]
        answer = page.answer([_item(finding) for finding in shown], more=len(found) > page.limit)
        return {**answer, "coverage": _coverage(shown)}

    @get("/label-delays", sync_to_thread=True, summary="How long after their prediction labels came")
    def delays(
        self,
        catalog: TheCatalog,
        model: FromPath[str],
        between: Between,
        version: FromQuery[str | None] = None,
        rule: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """Counts by half octaves of seconds, apart for negative, positive and other labels; `items` are the windows, newest first.

        A quantile is the cell it lies in, `above` and `up_to` so many seconds. `expected`: labels there will be, where it is known.
        A label that says when it was known counts by that. `labelled` are those with a delay; `undated` are in no count, and `undated_reason` says why.
        """
        entry = model_of(catalog, model)
        known = entry.in_force()
        windows = catalog.windows(
            model,
            version=version,
            rule=rule or known.windows[0].name,
            start_ns=between.start_ns,
            end_ns=between.end_ns,
            limit=WINDOWS_MAX,
            newest_first=True,
        )
        total = DelayTile.empty()
        items = []
        for window in windows:
            data = catalog.tiles(model, window.version, window.rule, window.span) if window.labelled else None
            own = None if data is None else decode_tileset(data).delays
            total = total if own is None else total.merge(own)
            items.append(_delayed(window, own))
        complete_ns = known.estimation.labels_complete_after_ns
        return {
            "windows": len(windows),
            "from": rfc3339(windows[-1].span.start_ns) if windows else None,
            "rows": sum(window.n_window for window in windows),
            "labelled": int(total.shown.sum()),
            "undated": total.undated,
            "undated_reason": UNDATED_REASON if total.undated else None,
            "corrected_windows": sum(item["expected"] is not None for item in items),
            "labels_complete_after_seconds": None if complete_ns is None else complete_ns / SECOND_NS,
            "median": _quantile(total, 0.5),
            "p90": _quantile(total, 0.9),
            "seconds": [0.0, *delay_edges().tolist()],
            "negative": total.shown[NEGATIVE].tolist(),
            "positive": total.shown[POSITIVE].tolist(),
            "other": total.shown[OTHER].tolist(),
            "items": items,
            "next": None,
        }


def _delayed(window: WindowEntry, tile: DelayTile | None) -> dict[str, Any]:
    return {
        "window": window_document(window.span),
        "version": window.version or None,
        "n_window": window.n_window,
        "labelled": window.labelled,
        "undated": 0 if tile is None else tile.undated,
        "expected": float(tile.expected.sum()) if tile is not None and tile.corrected else None,
        "median": None if tile is None else _quantile(tile, 0.5),
        "p90": None if tile is None else _quantile(tile, 0.9),
    }


def _quantile(tile: DelayTile, share: float) -> dict[str, float | None] | None:
    found = delay_quantile(tile.shown.sum(axis=0), share)
    return None if found is None else {"above": found[0], "up_to": found[1]}


def _item(finding: Finding) -> dict[str, Any]:
    return {
        "window": window_document(finding.window),
        "version": finding.version,
        "metric": finding.feature,
        "error": finding.value,
        "low": finding.low,
        "high": finding.high,
        "inside": _inside(finding),
        "n_window": finding.n_window,
        "status": finding.status.value,
        "reason": finding.reason,
        "revision": finding.revision,
    }


def _inside(finding: Finding) -> bool | None:
    """Whether the truth lay within the interval; null where there was no estimate to hold against it."""
    if finding.value is None or finding.low is None or finding.high is None:
        return None
    return finding.low <= 0.0 <= finding.high


def _coverage(findings: list[Finding]) -> dict[str, Any]:
    judged = [inside for f in findings if f.status is Status.OK and (inside := _inside(f)) is not None]
    if not judged:
        return {"judged": 0, "inside": 0, "share": None, "low": None, "high": None}
    low, high = wilson(sum(judged), len(judged))
    return {"judged": len(judged), "inside": sum(judged), "share": sum(judged) / len(judged), "low": low, "high": high}
