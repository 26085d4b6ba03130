"""GET slices and forecasts: where a window is worst, and what will cross its threshold when."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from litestar import Controller, get
from litestar.params import FromPath, FromQuery, QueryParameter

from monitor.alerts.causes.asked import searched
from monitor.alerts.causes.search import FAMILY_LEVEL
from monitor.alerts.forecast import WINDOWS_MAX, Point, forecast
from monitor.errors import Fault, InvalidInput, NotFound
from monitor.findings import Finding, Forecast, Span, rfc3339, span_of, time_ns, window_document
from monitor.jobs.stored_records import stored_baseline, stored_rows
from monitor.ports import Catalog, FindingQuery
from monitor.query.asked import From, ThePage, To
from monitor.query.models import model_of
from monitor.query.provided import TheCatalog, TheStore
from monitor.tiles.encoding import decode_baseline

FINDINGS_MAX = 200_000
"""Decision records that forecasts are made from: 48 windows of 4,000."""


class CausesController(Controller):
    """What is behind an alert, and what may come."""

    path = "/models/{model:str}"
    tags = ("measurements",)

    @get("/slices", sync_to_thread=True, summary="Parts of the population where a window moved most, best first")
    def slices(
        self,
        catalog: TheCatalog,
        store: TheStore,
        model: FromPath[str],
        page: ThePage,
        by: Annotated[
            str, QueryParameter(description="performance, prediction, share, or the name of a feature.")
        ] = "performance",
        window: Annotated[
            str | None, QueryParameter(required=False, description="Start of a window, in place of from and to.")
        ] = None,
        start: From = None,
        end: To = None,
        version: FromQuery[str | None] = None,
        rule: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """All parts of one and of two columns share the level: the chance of any false one is at most 5 %."""
        known = model_of(catalog, model)
        entry = catalog.baseline(model)
        own = stored_baseline(catalog, store, model)
        if entry is None or own is None:
            raise NotFound("baseline of model", model)
        span = span_of(start, end) if window is None else _window(catalog, model, version, rule, window)
        rows = stored_rows(catalog, store, model, version, span)
        found = searched(by, rows, own, decode_baseline(entry.profile), known.in_force())
        answer = page.of_all([asdict(one) for one in found.slices])
        return answer | {
            "by": by,
            "window": window_document(span),
            "rows": len(rows),
            "candidates": found.candidates,
            "level": FAMILY_LEVEL,
        }

    @get("/forecasts", sync_to_thread=True, summary="When trending metrics will cross their thresholds, soonest first")
    def forecasts(
        self,
        catalog: TheCatalog,
        store: TheStore,
        model: FromPath[str],
        page: ThePage,
        end: To = None,
        version: FromQuery[str | None] = None,
        rule: FromQuery[str | None] = None,
        slice: FromQuery[str | None] = None,
        metric: FromQuery[str | None] = None,
        feature: FromQuery[str | None] = None,
        kind: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """From the last 48 windows (before `to`) of the newest window's version and rule, unless others are asked for."""
        model_of(catalog, model)
        end_ns = time_ns(end, "to")
        newest = catalog.windows(model, version=version, rule=rule, end_ns=end_ns, limit=1, newest_first=True)
        if not newest:
            return page.of_all([])
        version, rule = newest[0].version, newest[0].rule
        windows = catalog.windows(
            model, version=version, rule=rule, end_ns=end_ns, limit=WINDOWS_MAX, newest_first=True
        )
        start_ns = windows[-1].span.start_ns
        last_ns = (windows[0].span.start_ns or 0) + 1
        segments = catalog.segments("measurements", model, version, start_ns, last_ns)
        query = FindingQuery(
            start_ns, last_ns, None, slice or None, metric, feature, FINDINGS_MAX, kind=kind, rule=rule,
            whole=slice == "",
        )  # fmt: skip
        series: dict[tuple[str, str, str | None, str | None], list[Finding]] = {}
        for finding in store.find_findings(segments, query):
            if finding.value is not None and finding.threshold is not None:
                series.setdefault((finding.kind, finding.metric, finding.feature, finding.slice), []).append(finding)
        items = [forecast_item(found, forecast([point(f) for f in found])) for found in series.values()]
        items.sort(key=lambda i: (i["at"] is None, i["at"] or "", i["metric"], i["feature"] or "", i["slice"] or ""))
        return page.of_all(items)


def point(finding: Finding) -> Point:
    """A judged value as a point of its series."""
    return Point(finding.window.end_ns or 0, finding.value or 0.0, finding.threshold or 0.0)


def forecast_item(found: list[Finding], told: Forecast) -> dict[str, Any]:
    last = max(found, key=lambda f: f.window.end_ns or 0)
    seconds = None if told.at_ns is None else (told.at_ns - (last.window.end_ns or 0)) / 1e9
    return {
        "model": last.model,
        "version": last.version,
        "kind": last.kind.value,
        "metric": last.metric,
        "feature": last.feature,
        "slice": last.slice,
        "window": window_document(last.window),
        "value": last.value,
        "threshold": told.threshold,
        "at": rfc3339(told.at_ns),
        "low": rfc3339(told.low_ns),
        "high": rfc3339(told.high_ns),
        "seconds": seconds,
        "slope_per_hour": told.slope_per_hour,
        "windows": told.windows,
        "status": "ok" if told.reason is None else "undefined",
        "reason": told.reason,
    }


def _window(catalog: Catalog, model: str, version: str | None, rule: str | None, start: str) -> Span:
    start_ns = time_ns(start, "window") or 0
    found = catalog.windows(model, version=version, rule=rule, start_ns=start_ns, end_ns=start_ns + 1, limit=1)
    if not found:
        raise InvalidInput(Fault("window", start[:40], "the start of a window of this model"))
    return found[0].span
