"""GET efficiency: what the predictions of a window took of devices and energy, and what they cost."""

from __future__ import annotations

from typing import Any

from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from monitor.definitions import MonitoredModel
from monitor.findings import rfc3339
from monitor.jobs.attribution import Efficiency
from monitor.jobs.efficiency import cost_of, efficiency_of
from monitor.ports import WindowEntry
from monitor.query.asked import Between, ThePage
from monitor.query.models import model_of
from monitor.query.provided import TheCatalog

WINDOWS_MAX = 300
"""Of one page: of each the samples are read and joined."""


def efficiency_item(model: MonitoredModel, window: WindowEntry, found: Efficiency) -> dict[str, Any]:
    """`state` is `known`, `partly` (some intervals are not), or `unknown` with a reason; what is unknown is null."""
    is_known = found.known_seconds > 0
    cost = cost_of(model, found)
    per_prediction = cost / found.predictions if cost is not None and found.predictions else None
    return {
        "version": window.version or None,
        "rule": window.rule,
        "start": rfc3339(window.span.start_ns),
        "end": rfc3339(window.span.end_ns),
        "n_window": window.n_window,
        "state": "unknown" if not is_known else "partly" if found.unknown_seconds else "known",
        "reason": found.reason,
        "known_seconds": found.known_seconds,
        "unknown_seconds": dict(found.unknown_seconds),
        "rules": list(found.rules),
        "sharing_told": found.sharing_told if is_known else None,
        "energy_from": None if not is_known else "power" if found.from_power else "counter",
        "joules": found.joules if is_known else None,
        "idle_joules": found.idle_joules if is_known else None,
        "gpu_seconds": found.device_seconds if is_known else None,
        "predictions": found.predictions if is_known else None,
        "joules_per_prediction": found.joules_per_prediction if is_known else None,
        "cost": cost,
        "cost_per_prediction": per_prediction,
        "currency": model.cost.currency if model.cost else None,
        "devices": list(found.devices),
        "utilization": found.utilization,
        "watts": found.watts,
        "throttled": list(found.throttled),
        "xids": list(found.xids),
        "server": {
            "requests": found.requests,
            "failed": found.failed,
            "busy_seconds": found.busy_seconds,
            "queue_seconds": found.queue_seconds,
            "tokens_in": found.tokens_in,
            "tokens_out": found.tokens_out,
        },
    }


class EfficiencyController(Controller):
    """Energy and cost."""

    path = "/models/{model:str}/efficiency"
    tags = ("models",)

    @get("/", sync_to_thread=True, summary="Energy and cost of windows")
    def efficiency(
        self,
        catalog: TheCatalog,
        model: FromPath[str],
        between: Between,
        page: ThePage,
        version: FromQuery[str | None] = None,
        rule: FromQuery[str | None] = None,
        newest_first: FromQuery[bool] = False,
    ) -> dict[str, Any]:
        """One item a window and version, as `windows` has them."""
        entry, page = model_of(catalog, model), page.at_most(WINDOWS_MAX)
        windows = catalog.windows(
            model,
            version=version,
            rule=rule,
            start_ns=between.start_ns,
            end_ns=between.end_ns,
            limit=page.reach,
            newest_first=newest_first,
        )
        shown = page.cut(windows)
        items = [
            efficiency_item(entry.declaration, window, found)
            for window, found in zip(shown, efficiency_of(catalog, shown), strict=True)
        ]
        return page.answer(items, more=page.is_followed(windows))
