"""What the tests said of each subject, and the decision record that comes of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.alerts.budget import Plan
from monitor.alerts.evidence.trials import Subject
from monitor.alerts.thresholds import threshold_of
from monitor.alerts.tolerances import DISTRIBUTION_KINDS
from monitor.definitions import MonitoredModel
from monitor.findings import AlertKind, Finding, Measurement, Span, Status
from monitor.tiles.tileset import Baseline, TileSet

_SILENT = frozenset({Status.UNDEFINED, Status.NO_DATA, Status.ERROR})


@dataclass(slots=True)
class Verdict:
    """What the scales said so far of one subject, for its findings."""

    score: float
    enough: bool
    log_alpha: float
    reference: float | None = None
    evidence: bool = False
    beyond: bool = False
    both: bool = False


Key = tuple[AlertKind, str, Subject]


def finding_of(
    m: Measurement,
    verdicts: Mapping[Key, Verdict],
    model: MonitoredModel,
    version: str | None,
    window: Span,
    revision: int,
    tiles: TileSet,
    baseline: Baseline,
    plan: Plan,
    code: str | None = None,
) -> Finding:
    value, status, reason = m.value, m.value.status, m.value.reason
    subject = Subject(m.feature, m.slice)
    verdict = verdicts.get((m.kind, m.metric, subject))
    if verdict is None and m.kind in DISTRIBUTION_KINDS:
        verdict = verdicts.get((m.kind, "js_distance", subject))
    limit, origin, score = None, None, None
    if status not in _SILENT and value.value is not None and verdict is not None:
        limit, origin = threshold_of(m, plan, verdict.log_alpha, tiles, baseline, verdict.reference)
        if not verdict.enough or status is Status.INSUFFICIENT_DATA:
            status = Status.INSUFFICIENT_DATA
            reason = reason or f"{value.n_window} rows are too few for a verdict"
        else:
            status, score, reason = _status(verdict), verdict.score, reason or _reason(verdict)
    return Finding(
        model=model.model,
        version=version,
        slice=m.slice,
        feature=m.feature,
        metric=m.metric,
        kind=m.kind,
        window=window,
        value=value.value,
        low=value.low,
        high=value.high,
        n_baseline=value.n_baseline,
        n_window=value.n_window,
        n_missing=value.n_missing,
        threshold=limit,
        threshold_origin=origin,
        status=status,
        reason=reason,
        score=score,
        revision=revision,
        baseline=baseline.id,
        code=code,
    )


def _status(verdict: Verdict) -> Status:
    if verdict.both:
        return Status.CRITICAL
    return Status.WARNING if verdict.evidence or verdict.beyond else Status.OK


def _reason(verdict: Verdict) -> str | None:
    if verdict.both or not (verdict.evidence or verdict.beyond):
        return None
    return (
        "evidence, but within tolerance"
        if verdict.evidence
        else "beyond tolerance, but within the alarm budget's chance"
    )
