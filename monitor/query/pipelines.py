"""GET pipeline: the models that feed one, what passed them, and which changed first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from monitor.errors import NotFound
from monitor.findings import UpstreamAlert, rfc3339, upstream_document
from monitor.jobs.pipelines import Passage, components, fed_by, order_of_changes, passage
from monitor.query.asked import Between
from monitor.query.models import model_of
from monitor.query.paging import Page
from monitor.query.provided import TheCatalog, TheStore

WINDOWS_MAX, WINDOWS_DEFAULT = 48, 12
"""Windows of an answer: of each the rows of every component are read."""


class PipelinesController(Controller):
    """Models tied by trace."""

    path = "/models/{model:str}/pipeline"
    tags = ("models",)

    @get(
        "/",
        sync_to_thread=True,
        summary="The models that feed this one: requests that passed all, and who changed first",
    )
    def pipeline(
        self,
        catalog: TheCatalog,
        store: TheStore,
        model: FromPath[str],
        between: Between,
        rule: FromQuery[str | None] = None,
        limit: FromQuery[int | None] = None,
    ) -> dict[str, Any]:
        """`items` are the newest windows, oldest first. `changes` are the open alerts of all components, by when they began."""
        known = model_of(catalog, model).in_force()
        chosen = next((r for r in known.windows if rule in (None, r.name)), None)
        if chosen is None:
            raise NotFound("window rule", str(rule))
        page = Page.of(limit, None, most=WINDOWS_MAX, default=WINDOWS_DEFAULT)
        found = components(catalog, model)
        windows = catalog.windows(
            model,
            rule=chosen.name,
            start_ns=between.start_ns,
            end_ns=between.end_ns,
            limit=8 * page.limit,
            newest_first=True,
        )
        spans = list(dict.fromkeys(w.span for w in windows if w.n_window))[: page.limit]
        changes = order_of_changes(catalog, found)
        return {
            "model": model,
            "rule": chosen.name,
            "components": [asdict(one) for one in found],
            "feeds": fed_by(catalog, model),
            "changes": [upstream_document(one) for one in changes],
            "first": upstream_document(changes[0]) if changes else None,
            "first_is_sure": _is_sure(changes),
            "items": [
                _item(passage(catalog, store, found, span)) for span in sorted(spans, key=lambda s: s.start_ns or 0)
            ],
            "next": None,
        }


def _is_sure(changes: Sequence[UpstreamAlert]) -> bool:
    """Whether the interval of the first ends before that of any other model's change begins."""
    rest = [c.since.low_ns for c in changes if c.model != changes[0].model]
    return bool(rest) and changes[0].since.high_ns < min(rest)


def _item(one: Passage) -> dict[str, Any]:
    return {
        "start": rfc3339(one.span.start_ns),
        "end": rfc3339(one.span.end_ns),
        "requests": one.requests,
        "passed": one.passed,
        "share": one.share,
        "low": one.low,
        "high": one.high,
        "reason": one.reason,
        "seconds": {"p50": one.p50, "p95": one.p95},
        "components": [
            {
                "model": stage.model,
                "reached": stage.reached,
                "answered": stage.answered,
                "failed": stage.failed,
                "seconds": {"p50": stage.p50, "p95": stage.p95},
            }
            for stage in one.stages
        ],
    }
