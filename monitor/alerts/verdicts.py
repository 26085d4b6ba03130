"""What the tests said of each subject, and the decision record that comes of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.alerts.budget import Plan
from monitor.alerts.effects import Effect
from monitor.alerts.evidence.rivals import AGAINST, SERVICE_TESTS
from monitor.alerts.evidence.trials import Subject
from monitor.alerts.thresholds import threshold_of
from monitor.alerts.tolerances import DISTRIBUTION_KINDS, RULES
from monitor.definitions import MonitoredModel
from monitor.findings import AlertKind, Finding, Measurement, Span, Status
from monitor.tiles.tileset import Baseline, TileSet

_SILENT = frozenset({Status.UNDEFINED, Status.NO_DATA, Status.ERROR})
_SHARED = "the window shares time with its baseline: rows may be compared with themselves"


@dataclass(frozen=True, slots=True)
class Merged:
    """What a trailing merge says of a subject."""

    metric: str
    windows: int
    rows: int
    effect: Effect
    limit: float | None
    """What the shown value went past, where it is beyond its tolerance."""


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
    merged: Merged | None = None
    """The shortest merge that shows what is said of it; None: the window by itself does."""

    def take(self, evidence: bool, beyond: bool, merged: Merged | None) -> None:
        """What one scale says; they come in ascending order."""
        graver = (evidence and beyond and not self.both) or (
            (evidence or beyond) and not (self.evidence or self.beyond)
        )
        if graver:
            self.merged = merged
        self.evidence |= evidence
        self.beyond |= beyond
        self.both |= evidence and beyond


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
    if verdict is None and m.metric in SERVICE_TESTS:
        verdict = verdicts.get((m.kind, m.metric, AGAINST))
    limit, origin, score, windows = None, None, None, 1
    if status not in _SILENT and value.value is not None and verdict is not None:
        limit, origin = threshold_of(m, plan, verdict.log_alpha, tiles, baseline, verdict.reference)
        windows = 1 if verdict.merged is None else verdict.merged.windows
        if not verdict.enough or status is Status.INSUFFICIENT_DATA:
            status = Status.INSUFFICIENT_DATA
            why = f"{value.n_window} rows are too few for a verdict" if reason is None else None
        else:
            status, score, why = _status(verdict), verdict.score, _reason(verdict)
        own = _SHARED if model.baseline.fixed and _meet(window, baseline) else None
        reason = "; ".join(filter(None, (reason, why, _over(verdict.merged, baseline), own))) or None
    return Finding.of(
        m,
        model=model.model,
        version=version,
        window=window,
        threshold=limit,
        threshold_origin=origin,
        status=status,
        reason=reason,
        score=score,
        windows=windows,
        revision=revision,
        baseline=baseline.id,
        code=code,
    )


def _meet(window: Span, baseline: Baseline) -> bool:
    """Whether they have time in common; of a baseline without times nobody knows."""
    if baseline.start_ns is None or baseline.end_ns is None:
        return False
    begins = window.start_ns is None or window.start_ns <= baseline.end_ns
    return begins and (window.end_ns is None or window.end_ns > baseline.start_ns)


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


def _over(merged: Merged | None, baseline: Baseline) -> str | None:
    """Of a status that the window by itself does not show: what shows it, with its value and counts."""
    if merged is None:
        return None
    value = f"{merged.metric.replace('_', ' ')} {merged.effect.shown:.3g}"
    if RULES.get(merged.metric) == "distance":
        value += f", at least {merged.effect.low:.3g}"
    if merged.limit is not None:
        value += f", limit {merged.limit:.3g}"
    clause = f" ({merged.effect.detail})" if merged.effect.detail else ""
    what = "exchanges" if merged.metric in SERVICE_TESTS else "rows"
    counts = f"{merged.rows:,} {what}" if what == "exchanges" else f"{merged.rows:,} rows against {baseline.rows:,}"
    return f"over the last {merged.windows} windows: {value}{clause}, {counts}; not in this window by itself"
