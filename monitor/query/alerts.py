"""GET alerts and silences; acknowledge an alert, make or end a silence."""

from __future__ import annotations

import shlex
import uuid
from collections import Counter
from dataclasses import dataclass, replace
from typing import Annotated, Any

from litestar import Controller, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from monitor.alerts.judging import LABEL_KINDS
from monitor.definitions import MODEL_NAME
from monitor.errors import Fault, InvalidInput, NotFound
from monitor.findings import (
    Alert,
    AlertKind,
    AlertStatus,
    HeldFor,
    Transition,
    cause_document,
    exhibit_document,
    feature_document,
    held_document,
    rfc3339,
    time_ns,
    transition_document,
    upstream_document,
    window_document,
)
from monitor.jobs.pipelines import upstream_now
from monitor.ports import Catalog, Hold, Silence
from monitor.query.asked import Between, ThePage
from monitor.query.provided import TheCatalog, TheClock, TheUrl

HOLDS_COUNTED_MAX = 100_000
"""Newest holds that are counted: a thousand models with a hundred each."""
SILENCE_NS_MAX = 30 * 86_400 * 10**9
"""A silence ends within 30 days: one without end is a check switched off, and belongs in the declaration."""


@dataclass
class Acknowledgement:
    by: str
    note: str = ""


@dataclass
class NewSilence:
    """`model` or `kind` absent: any. `start` absent: now."""

    end: str
    creator: str
    comment: str
    model: str | None = None
    kind: str | None = None
    start: str | None = None


def alert_item(alert: Alert) -> dict[str, Any]:
    return {
        "fingerprint": alert.fingerprint,
        "model": alert.model,
        "version": alert.version,
        "kind": alert.kind.value,
        "state": alert.state.value,
        "since": rfc3339(alert.since_ns),
        "window": window_document(alert.window),
        "value": alert.value,
        "threshold": alert.threshold,
        "peak": alert.peak,
        "features": [feature_document(f) for f in alert.features],
        "summary": alert.summary,
        "acknowledged_by": alert.acknowledged_by,
        "held": held_document(alert.held),
        "cause": cause_document(alert.cause),
        "code": alert.code,
        "baseline": alert.baseline,
    }


class AlertsController(Controller):
    """What calls a person."""

    path = "/alerts"
    tags = ("alerts",)

    @get("/", sync_to_thread=True, summary="Alerts that are or were open, worst first")
    def alerts(
        self,
        catalog: TheCatalog,
        page: ThePage,
        model: FromQuery[str | None] = None,
        alert_state: Annotated[str | None, QueryParameter(name="state", required=False)] = None,
        kind: FromQuery[str | None] = None,
        slice: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        _one_of("state", alert_state, AlertStatus)
        _one_of("kind", kind, AlertKind)
        found = [
            a
            for a in catalog.alerts(model)
            if (a.since_ns is not None or a.state not in (AlertStatus.INACTIVE, AlertStatus.PENDING))
            and alert_state in (None, a.state.value)
            and kind in (None, a.kind.value)
            and (not slice or any(line.slice == slice for line in a.features))
        ]
        found.sort(key=lambda a: (a.state != AlertStatus.FIRING, -(a.since_ns or 0), a.fingerprint))
        ended = _ended(catalog, model)
        items = [alert_item(a) | {"ended": ended.get(a.fingerprint)} for a in found]
        return page.of_all(items)

    @get("/{fingerprint:str}", sync_to_thread=True, summary="One alert with its transitions")
    def alert(self, catalog: TheCatalog, url: TheUrl, fingerprint: FromPath[str]) -> dict[str, Any]:
        alert = _alert(catalog, fingerprint)
        transitions = catalog.transitions(fingerprint=fingerprint)
        return alert_item(alert) | {
            "exhibit": exhibit_document(alert.exhibit),
            "past_causes": [cause_document(cause) for cause in alert.past_causes],
            "recompute": _command(alert, url),
            "upstream": [upstream_document(one) for one in upstream_now(catalog, alert)],
            "transitions": [transition_document(t) | {"recompute": _command(t, url)} for t in transitions],
        }

    @post("/{fingerprint:str}/acknowledge", sync_to_thread=True, summary="Acknowledge: stops repeats, not the state")
    def acknowledge(
        self, catalog: TheCatalog, fingerprint: FromPath[str], data: JSONBody[Acknowledgement]
    ) -> dict[str, Any]:
        if not data.by.strip():
            raise InvalidInput(Fault("by", "nothing", "the name of a person or team"))
        alert = replace(_alert(catalog, fingerprint), acknowledged_by=data.by.strip()[:128])
        catalog.put_alert(alert)
        return alert_item(alert)


class HoldsController(Controller):
    """Of which alerts nobody was told for a time, and why."""

    path = "/holds"
    tags = ("alerts",)

    @get("/", sync_to_thread=True, summary="Times in which nobody was told of an open alert, newest first")
    def holds(
        self,
        catalog: TheCatalog,
        between: Between,
        page: ThePage,
        model: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        found = catalog.holds(model, between.start_ns, between.end_ns, page.reach)
        return page.answer([_hold_item(hold) for hold in page.cut(found)], more=page.is_followed(found))

    @get("/counts", sync_to_thread=True, summary="How often nobody was told of an open alert, by model and reason")
    def counts(
        self,
        catalog: TheCatalog,
        between: Between,
        page: ThePage,
    ) -> dict[str, Any]:
        """`open` go on; of the others `told` were told when it ended, `over` were over by then, `held` went on for another reason."""
        counts: dict[tuple[str, HeldFor], Counter[str]] = {}
        for hold in catalog.holds(None, between.start_ns, between.end_ns, HOLDS_COUNTED_MAX):
            counts.setdefault((hold.model, hold.reason), Counter())[hold.outcome or "open"] += 1
        items = [
            {"model": model, "reason": reason.value, "count": ended.total()}
            | {outcome: ended[outcome] for outcome in ("open", "told", "over", "held")}
            for (model, reason), ended in sorted(counts.items())
        ]
        return page.of_all(items)


class SilencesController(Controller):
    """What is muted, by whom, until when."""

    path = "/silences"
    tags = ("alerts",)

    @get("/", sync_to_thread=True, summary="Silences that have not ended")
    def silences(
        self,
        catalog: TheCatalog,
        clock: TheClock,
        page: ThePage,
    ) -> dict[str, Any]:
        return page.of_all([_silence_item(s) for s in catalog.silences(clock())])

    @post("/", sync_to_thread=True, summary="Silence alerts of a model or kind until an end")
    def silence(self, catalog: TheCatalog, clock: TheClock, data: JSONBody[NewSilence]) -> dict[str, Any]:
        silence = _checked(data, clock())
        catalog.put_silence(silence)
        return _silence_item(silence)

    @delete("/{silence_id:str}", sync_to_thread=True, summary="End a silence now")
    def end(self, catalog: TheCatalog, clock: TheClock, silence_id: FromPath[str]) -> None:
        now_ns = clock()
        found = next((s for s in catalog.silences(now_ns) if s.id == silence_id), None)
        if found is None:
            raise NotFound("silence", silence_id)
        catalog.put_silence(replace(found, end_ns=now_ns))


def _command(told: Alert | Transition, url: str) -> str | None:
    """What counts the windows that it rests on once more from their rows."""
    exhibit = told.exhibit
    if exhibit is None or exhibit.window.start_ns is None:
        return None
    words = ["outrider", "recompute", told.model, rfc3339(exhibit.window.start_ns) or "", "--rule", exhibit.rule]
    words += ["--version", told.version] if told.version else []
    windows = max((line.windows for line in told.features), default=1)
    words += ["--windows", str(windows)] if windows > 1 else []
    words += ["--labelled"] if windows > 1 and told.kind in LABEL_KINDS else []
    return shlex.join([*words, "--monitor", url])


def _ended(catalog: Catalog, model: str | None) -> dict[str, str | None]:
    """When alerts that are over ended, by fingerprint: the end of the window that resolved them."""
    ended: dict[str, str | None] = {}
    for transition in catalog.transitions(model=model):
        over = transition.state in (AlertStatus.RESOLVED, AlertStatus.CLOSED)
        ended[transition.fingerprint] = rfc3339(transition.window.end_ns) if over else None
    return ended


def _one_of(where: str, value: str | None, allowed: type[AlertStatus] | type[AlertKind]) -> None:
    """A filter that nothing can match is a mistake: an empty list would read as good news."""
    if value is not None and value not in list(allowed):
        raise InvalidInput(Fault(where, repr(value[:40]), "one of " + ", ".join(allowed)))


def _alert(catalog: Catalog, fingerprint: str) -> Alert:
    for alert in catalog.alerts():
        if alert.fingerprint == fingerprint:
            return alert
    raise NotFound("alert", fingerprint)


def _checked(data: NewSilence, now_ns: int) -> Silence:
    faults = []
    start_ns = time_ns(data.start, "start") or now_ns
    end_ns = time_ns(data.end, "end") or 0
    if not start_ns < end_ns <= start_ns + SILENCE_NS_MAX or end_ns <= now_ns:
        faults.append(Fault("end", data.end, "a time after now and the start, at most 30 days after it"))
    if data.kind is not None and data.kind not in list(AlertKind):
        faults.append(Fault("kind", repr(data.kind[:40]), "one of " + ", ".join(AlertKind)))
    if data.model is not None and not MODEL_NAME.fullmatch(data.model):
        faults.append(Fault("model", repr(data.model[:40]), "the name of a model"))
    if not data.creator.strip() or not data.comment.strip():
        faults.append(Fault("creator, comment", "nothing", "who silences, and why"))
    if faults:
        raise InvalidInput(faults)
    kind = AlertKind(data.kind) if data.kind else None
    return Silence(
        uuid.uuid4().hex, data.model, kind, start_ns, end_ns, data.creator.strip()[:128], data.comment.strip()[:1024]
    )


def _hold_item(hold: Hold) -> dict[str, Any]:
    return {
        "fingerprint": hold.fingerprint,
        "model": hold.model,
        "version": hold.version or None,
        "kind": hold.kind.value,
        "reason": hold.reason.value,
        "text": hold.text,
        "since": rfc3339(hold.since_ns),
        "until": rfc3339(hold.until_ns),
        "outcome": hold.outcome,
    }


def _silence_item(silence: Silence) -> dict[str, Any]:
    return {
        "id": silence.id,
        "model": silence.model,
        "kind": silence.kind.value if silence.kind else None,
        "start": rfc3339(silence.start_ns),
        "end": rfc3339(silence.end_ns),
        "creator": silence.creator,
        "comment": silence.comment,
    }
