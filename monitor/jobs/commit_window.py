"""A window that was judged, written: its record, tiles, findings and the alerts that moved, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.definitions import MonitoredModel
from monitor.findings import Finding, Span, Status
from monitor.jobs.context import Context
from monitor.jobs.look import Looked
from monitor.jobs.profile_window import Profiled
from monitor.jobs.shared_alerts import shown
from monitor.jobs.track import Place, other_alerts, shown_alerts
from monitor.ports import OwedOpinion, Segment, WindowEntry, WindowResult
from monitor.tiles.encoding import encode_tileset
from monitor.tiles.tileset import Baseline

_WRONG = (Status.CRITICAL, Status.ERROR, Status.WARNING)
"""From the worst."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One revision of a window. `kept`: the status that it had before, where only its labels were looked at."""

    span: Span
    revision: int
    rows: int
    profiled: Profiled | None
    looked: Looked | None
    kept: Status | None = None
    owes: OwedOpinion | None = None


def commit_window(
    context: Context,
    place: Place,
    judged: Judged,
    model: MonitoredModel,
    baseline: Baseline | None,
    memory: Mapping[str, bytes],
) -> None:
    """Store it, with what the judging keeps between looks (`memory`). Raises Stale where this revision is committed already."""
    now_ns = context.clock()
    span, profiled, looked = judged.span, judged.profiled, judged.looked
    findings = looked.findings if looked else ()
    ledger = context.catalog.ledger(place.model, place.version, span.start_ns or 0, span.end_ns or 0)
    entry = WindowEntry(
        model=place.model,
        version=place.version,
        rule=place.rule.name,
        span=span,
        revision=judged.revision,
        status=_status(looked, judged.rows, judged.kept),
        n_window=judged.rows,
        closed_ns=now_ns,
        labelled=profiled.labelled if profiled else 0,
        seen=ledger.seen,
        captured=ledger.captured,
        sampled_out=ledger.sampled_out,
        dropped=sum(ledger.dropped.values()),
        undecodable=sum(ledger.undecodable.values()),
        baseline=baseline.id if baseline else None,
        reason=_refused(profiled) or _caveat(baseline, span),
        code=context.code,
    )
    known, others = shown_alerts(context.catalog, place), other_alerts(context.catalog, place, model)
    told = shown(looked, known, others) if looked else None
    result = WindowResult(
        window=entry,
        tiles=encode_tileset(profiled.tiles) if profiled else b"",
        findings=findings,
        segments=_write(context, place, span, findings, _with_records(place, judged, model), now_ns),
        alerts=told.alerts if told else (),
        transitions=told.transitions if told else (),
        memory=memory,
        owes=judged.owes,
    )
    context.catalog.commit_window(result, model.receivers, now_ns)


def _with_records(place: Place, judged: Judged, model: MonitoredModel) -> Profiled | None:
    """Rows are recorded once: by the first rule, when its window closes or gets late rows, not when labels come."""
    return judged.profiled if judged.kept is None and place.rule == model.windows[0] else None


def _write(
    context: Context,
    place: Place,
    span: Span,
    findings: Sequence[Finding],
    profiled: Profiled | None,
    now_ns: int,
) -> tuple[Segment, ...]:
    store = context.store
    segments = []
    if findings:
        segments.append(store.write_findings(findings, place.rule.name, now_ns))
    if profiled is not None and profiled.anomalies:
        segments.append(store.write_records("anomalies", place.model, place.version, span, profiled.anomalies, now_ns))
    if profiled is not None and profiled.explanations:
        segments.append(
            store.write_records("explanations", place.model, place.version, span, profiled.explanations, now_ns)
        )
    return tuple(segments)


def _status(looked: Looked | None, rows: int, kept: Status | None) -> Status:
    """Of a relabelled window: the worse of what its inputs said and what its labels say.

    Of one without rows: what is wrong with the service; that nothing is wrong cannot be said of it.
    """
    if looked is None:
        return Status.NO_DATA
    if rows == 0:
        return looked.status if looked.status in _WRONG else Status.NO_DATA
    order = (*_WRONG, Status.OK)
    found = {looked.status, kept}
    return next((s for s in order if s in found), looked.status)


def _refused(profiled: Profiled | None) -> str | None:
    """Why a window that was asked something has no rows."""
    service = None if profiled is None or profiled.tiles.rows else profiled.tiles.service
    return None if service is None else f"no rows: all {service.failed:,} exchanges were refused"


def _caveat(baseline: Baseline | None, span: Span) -> str | None:
    """What a reader of the whole window must know."""
    if baseline is None:
        return "no baseline: set one with `outrider baseline`, from a file or from what was captured"
    start_ns, end_ns = baseline.start_ns, baseline.end_ns
    if start_ns is None or end_ns is None or start_ns >= (span.end_ns or 0) or end_ns < (span.start_ns or 0):
        return None
    return (
        "the baseline's rows are of this time too: the window is partly compared with itself, and drift shows too small"
    )
