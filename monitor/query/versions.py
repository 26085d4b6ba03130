"""GET versions: A/B, canary and shadow, compared with a control in the same windows."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from litestar import Controller, get
from litestar.params import FromPath, FromQuery, QueryParameter

from monitor.alerts.paired import paired
from monitor.alerts.side_by_side import sample_ratio, service_differences
from monitor.definitions import MonitoredModel, WindowRule
from monitor.errors import Fault, InvalidInput, NotFound
from monitor.findings import Span, finding_document, rfc3339, transition_document
from monitor.jobs.compare_versions import Side, compare_versions, requests_of
from monitor.jobs.stored_records import stored_rows
from monitor.ports import Catalog, SegmentStore
from monitor.query.asked import Between
from monitor.query.models import model_of
from monitor.query.provided import TheCatalog, TheStore
from monitor.tiles.encoding import decode_baseline
from monitor.tiles.service import ServiceTile

PAIRED_WINDOWS_MAX = 288
"""Newest windows whose rows are read for pairs: a day of five minutes."""

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class VersionsController(Controller):
    """Versions side by side."""

    path = "/models/{model:str}/versions"
    tags = ("measurements",)

    @get("/", sync_to_thread=True, summary="Every version against a control, in the windows that both have")
    def versions(
        self,
        catalog: TheCatalog,
        store: TheStore,
        model: FromPath[str],
        between: Between,
        control: Annotated[
            str | None,
            QueryParameter(
                required=False,
                description="The version that the others are compared with; default: the declared champion.",
            ),
        ] = None,
        version: Annotated[
            str | None, QueryParameter(required=False, description="Only this one; default: all others.")
        ] = None,
        rule: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """One look at the merged windows: at most one false alarm in 1,000 answers. With pairs where requests were answered by both."""
        known = model_of(catalog, model).in_force()
        entry = catalog.baseline(model)
        if entry is None:
            raise NotFound("baseline of model", model)
        there, declared = catalog.versions(model), known.versions
        if control is None:
            if declared is None:
                raise InvalidInput(Fault("control", "nothing", "a version, or `versions` in the declaration"))
            control = declared.champion
        for name in (control, *([version] if version is not None else [])):
            if name not in there:
                raise NotFound("version", name)
        chosen = next((r for r in known.windows if rule in (None, r.name)), None)
        if chosen is None:
            raise NotFound("window rule", str(rule))
        others = [version] if version is not None else [v for v in there if v != control]
        if declared is not None and version is None and control == declared.champion:
            others = [v for v in declared.candidates if v in there]
        from_ns, to_ns = between.start_ns, between.end_ns
        sides = compare_versions(
            catalog, known, decode_baseline(entry.profile), control, others, chosen, from_ns, to_ns
        )
        return {
            "model": model,
            "control": control,
            "rule": chosen.name,
            "mode": declared.mode if declared else None,
            "sample_ratio": _sample_ratio(catalog, known, chosen, from_ns, to_ns),
            "items": [_item(catalog, store, known, control, side) for side in sides],
            "next": None,
        }


def _item(catalog: Catalog, store: SegmentStore, model: MonitoredModel, control: str, side: Side) -> dict[str, Any]:
    looked = side.looked
    return {
        "version": side.version or None,
        "status": side.status.value,
        "reason": None if side.spans else "no window has rows of both",
        "windows": len(side.spans),
        "start": rfc3339(side.spans[0].start_ns) if side.spans else None,
        "end": rfc3339(side.spans[-1].end_ns) if side.spans else None,
        "rows": side.rows,
        "control_rows": side.control_rows,
        "different": [transition_document(t) for t in looked.transitions] if looked else [],
        "findings": [finding_document(f) for f in looked.findings] if looked else [],
        "performance": [asdict(one) for one in side.performance],
        "service": _service(side),
        "paired": _paired(catalog, store, model, control, side) if side.spans else None,
    }


def _service(side: Side) -> dict[str, Any] | None:
    """Latency and refused exchanges of both, and their differences; null where no sidecar saw one of them."""
    here, there = side.service, side.control_service
    if here is None or there is None:
        return None
    return {
        "version": _of_service(here),
        "control": _of_service(there),
        "differences": [asdict(one) for one in service_differences(here, there)],
    }


def _of_service(tile: ServiceTile) -> dict[str, Any]:
    return {
        "exchanges": tile.exchanges,
        "failed": tile.failed,
        "error_ratio": tile.failed / tile.exchanges if tile.exchanges else None,
        "latency_seconds": {name: tile.quantile(share) for name, share in QUANTILES.items()},
    }


def _sample_ratio(
    catalog: Catalog, model: MonitoredModel, rule: WindowRule, start_ns: int | None, end_ns: int | None
) -> dict[str, Any] | None:
    """Whether requests were shared as the declaration says; null where it says nothing."""
    if model.versions is None or not model.versions.split:
        return None
    requests, are_exchanges = requests_of(catalog, model.model, model.versions.names, rule, start_ns, end_ns)
    return asdict(sample_ratio(requests, model.versions.split, "exchanges" if are_exchanges else "rows"))


def _paired(
    catalog: Catalog, store: SegmentStore, model: MonitoredModel, control: str, side: Side
) -> dict[str, Any] | None:
    newest = side.spans[-PAIRED_WINDOWS_MAX:]
    span = Span(newest[0].start_ns, newest[-1].end_ns)
    own, other = (stored_rows(catalog, store, model.model, v, span) for v in (side.version, control))
    pairs, differences = paired(own, other, model)
    return {"pairs": pairs, "differences": [asdict(one) for one in differences]} if pairs else None
