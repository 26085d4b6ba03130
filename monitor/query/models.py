"""GET models, windows, gaps: what is watched and what was seen of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from monitor.alerts.spending import spending
from monitor.definitions import MONTH_NS
from monitor.errors import NotFound
from monitor.findings import Alert, AlertStatus, held_document, rfc3339
from monitor.ports import Catalog, ModelEntry, WindowEntry
from monitor.query.asked import Between, ThePage
from monitor.query.provided import TheCatalog, TheClock
from monitor.tiles.encoding import decode_tileset

RECENT_WINDOWS = 30
"""Windows in a model's line of the list: half a screen's width."""
VERSIONS_BESIDE_MAX = 4
"""Of versions that run side by side so many are in the line: a champion and the usual candidates."""
_RANK = ("critical", "error", "warning", "no_data", "undefined", "insufficient_data", "ok")
"""Statuses from worst to best, for `models by worst state`."""


def model_of(catalog: Catalog, name: str) -> ModelEntry:
    entry = catalog.model(name)
    if entry is None:
        raise NotFound("model", name)
    return entry


def window_item(window: WindowEntry) -> dict[str, Any]:
    return {
        "version": window.version or None,
        "rule": window.rule,
        "start": rfc3339(window.span.start_ns),
        "end": rfc3339(window.span.end_ns),
        "n_window": window.n_window,
        "revision": window.revision,
        "status": window.status.value,
        "reason": window.reason,
        "seen": window.seen,
        "captured": window.captured,
        "sampled_out": window.sampled_out,
        "dropped": window.dropped,
        "undecodable": window.undecodable,
        "labelled": window.labelled,
        "baseline": window.baseline,
        "code": window.code,
    }


BUDGET_WINDOWS_MAX = 20_000
"""Windows that are counted for the spent budget: more than two versions' month of five minutes."""
SLICED_WINDOWS_MAX = 500
"""Windows of a page with `slice`: of each the tiles are read."""


def _sliced(catalog: Catalog, window: WindowEntry, name: str) -> dict[str, Any]:
    data = catalog.tiles(window.model, window.version, window.rule, window.span)
    part = decode_tileset(data).slices.get(name) if data else None
    return window_item(window) | {"n_window": None if part is None else part.rows, "slice": name}


def _recent(catalog: Catalog, last: WindowEntry, versions: int) -> list[WindowEntry]:
    """The newest windows of the newest one's rule, in order of time: of versions side by side the worst, with the rows of all."""
    most = RECENT_WINDOWS * min(versions, VERSIONS_BESIDE_MAX)
    found = catalog.windows(last.model, rule=last.rule, limit=max(most, RECENT_WINDOWS), newest_first=True)
    beside: dict[tuple[int | None, int | None], list[WindowEntry]] = {}
    for window in found:
        beside.setdefault((window.span.start_ns, window.span.end_ns), []).append(window)
    # The oldest may have been cut between two versions; a version that nobody asks any more says nothing of the others.
    newest = [_together(windows) for windows in list(beside.values())[:RECENT_WINDOWS]]
    return newest[::-1]


def _together(windows: Sequence[WindowEntry]) -> WindowEntry:
    worst = min(windows, key=lambda w: (not w.n_window, _RANK.index(w.status)))
    return replace(worst, n_window=sum(w.n_window for w in windows), labelled=sum(w.labelled for w in windows))


def _since_ns(recent: Sequence[WindowEntry], firing: Sequence[Alert]) -> int | None:
    """When the state of the model began: its oldest open alert, or the first of the last windows that say the same."""
    opened = [a.since_ns for a in firing if a.since_ns is not None]
    if opened:
        return min(opened)
    since_ns = None
    for window in reversed(recent):
        if window.status != recent[-1].status:
            break
        since_ns = window.span.start_ns
    return since_ns


def _alert_item(alert: Alert) -> dict[str, Any]:
    return {
        "fingerprint": alert.fingerprint,
        "kind": alert.kind.value,
        "version": alert.version,
        "since": rfc3339(alert.since_ns),
        "summary": alert.summary,
        "acknowledged_by": alert.acknowledged_by,
        "held": held_document(alert.held),
    }


def _ahead(catalog: Catalog, model: str, now_ns: int) -> dict[str, Any] | None:
    """Of whole segments: what lies ahead by less than one of them is a matter of seconds."""
    found = [s for s in catalog.segments("predictions", model, start_ns=now_ns) if s.start_ns > now_ns]
    return {"rows": sum(s.rows for s in found), "until": rfc3339(max(s.end_ns for s in found))} if found else None


def _alarm_budget(catalog: Catalog, entry: ModelEntry) -> dict[str, Any]:
    """What the looks of the last 30 days before the newest window's end could have raised at most."""
    last = catalog.windows(entry.name, limit=1, newest_first=True)
    since_ns = (last[0].span.end_ns or 0) - MONTH_NS if last else 0
    windows = catalog.windows(entry.name, start_ns=since_ns, limit=BUDGET_WINDOWS_MAX, newest_first=True)
    told = [
        t
        for t in catalog.transitions(model=entry.name)  # the newest thousand, many times any budget
        if t.state == AlertStatus.FIRING and (t.window.end_ns or 0) >= since_ns
    ]
    found = spending(entry.in_force(), [(w.rule, w.span) for w in windows if w.n_window], len(told))
    return {"false_alarms_per_month": found.budget, "spent_30d": found.spent, "told_30d": found.told}


class ModelsController(Controller):
    """What is watched."""

    path = "/models"
    tags = ("models",)

    @get("/", sync_to_thread=True, summary="Models by worst state")
    def models(self, catalog: TheCatalog, page: ThePage) -> dict[str, Any]:
        open_alerts: dict[str, list[Alert]] = {}
        for alert in catalog.alerts():
            if alert.state == AlertStatus.FIRING:
                open_alerts.setdefault(alert.model, []).append(alert)
        items = [self._item(catalog, entry, open_alerts.get(entry.name, [])) for entry in catalog.models()]
        items.sort(key=lambda m: (not m["firing"], _RANK.index(m["status"]), m["model"]))
        return page.of_all(items)

    @staticmethod
    def _item(catalog: Catalog, entry: ModelEntry, firing: list[Alert]) -> dict[str, Any]:
        versions = catalog.versions(entry.name)
        last = catalog.windows(entry.name, limit=1, newest_first=True)
        recent = _recent(catalog, last[0], len(versions)) if last else []
        baseline = catalog.baseline(entry.name)
        return {
            "model": entry.name,
            "declared": entry.declared,
            "owner": entry.declaration.owner,
            "task": entry.declaration.task,
            "versions": [v or None for v in versions],
            "status": last[0].status.value if last else "no_data",
            "firing": sorted(a.kind.value for a in firing),
            "alerts": [_alert_item(a) for a in sorted(firing, key=lambda a: (a.since_ns or 0, a.kind))],
            "since": rfc3339(_since_ns(recent, firing)),
            "last_window": window_item(last[0]) if last else None,
            "recent": [
                {
                    "start": rfc3339(w.span.start_ns),
                    "end": rfc3339(w.span.end_ns),
                    "status": w.status.value,
                    "n_window": w.n_window,
                    "labelled": w.labelled,
                }
                for w in recent
            ],
            "baseline": {"id": baseline.id, "rows": baseline.rows, "created": rfc3339(baseline.created_ns)}
            if baseline
            else None,
        }

    @get("/{model:str}", sync_to_thread=True, summary="One model's declaration and state")
    def model(self, catalog: TheCatalog, clock: TheClock, model: FromPath[str]) -> dict[str, Any]:
        """`ahead`: rows whose time is yet to come by the monitor's clock, which are in no window until then, and the latest of them."""
        entry = model_of(catalog, model)
        firing = [a for a in catalog.alerts(model) if a.state == AlertStatus.FIRING]
        proposal = entry.proposal.to_document() if entry.proposal else None
        return self._item(catalog, entry, firing) | {
            "declaration": entry.declaration.to_document(),
            "proposal": proposal,
            "alarm_budget": _alarm_budget(catalog, entry),
            "ahead": _ahead(catalog, model, clock()),
        }

    @get("/{model:str}/windows", sync_to_thread=True, summary="Windows, latest revisions")
    def windows(
        self,
        catalog: TheCatalog,
        model: FromPath[str],
        between: Between,
        page: ThePage,
        version: FromQuery[str | None] = None,
        rule: FromQuery[str | None] = None,
        newest_first: FromQuery[bool] = False,
        slice: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """With `slice`, `n_window` is the rows in it, null where they are not known."""
        model_of(catalog, model)
        if slice:
            page = page.at_most(SLICED_WINDOWS_MAX)
        found = catalog.windows(
            model,
            version=version,
            rule=rule,
            start_ns=between.start_ns,
            end_ns=between.end_ns,
            limit=page.reach,
            newest_first=newest_first,
        )
        items = [_sliced(catalog, w, slice) if slice else window_item(w) for w in page.cut(found)]
        return page.answer(items, more=page.is_followed(found))

    @get("/{model:str}/gaps", sync_to_thread=True, summary="Known holes in what was seen")
    def gaps(
        self,
        catalog: TheCatalog,
        model: FromPath[str],
        between: Between,
        page: ThePage,
    ) -> dict[str, Any]:
        model_of(catalog, model)
        entries = catalog.gaps(model, between.start_ns, between.end_ns)
        items = [
            {
                "start": rfc3339(entry.gap.start_ns),
                "end": rfc3339(entry.gap.end_ns),
                "connections": entry.gap.connections,
                "bytes": entry.gap.bytes,
                "exchanges_estimated": entry.gap.exchanges_estimated,
                "reason": entry.gap.reason,
                "sidecar": entry.sidecar,
            }
            for entry in entries
        ]
        return page.of_all(items)
