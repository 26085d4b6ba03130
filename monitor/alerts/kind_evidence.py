"""What one look says of one kind of alert: the tests that stood out, ranked and said in a sentence. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from monitor.alerts.effects import Effect
from monitor.alerts.evidence.rivals import SERVICE_TESTS
from monitor.alerts.evidence.trials import Subject
from monitor.alerts.tolerances import level, severity
from monitor.findings import AlertKind, FeatureScore
from monitor.metrics.slices import SLICED_KINDS

RANKED_MAX = 50
"""Features named with an alert; more would not be read."""
_SCORE_NOISE = 0.19
"""Standard deviation of a score: at most 1/2 in units of the normalised distance, over limits of about 2.6."""


@dataclass(frozen=True, slots=True)
class KindEvidence:
    """What one look says of one kind of alert: all that its life cycle needs."""

    kind: AlertKind
    fired: bool
    """Evidence and effect together, at one scale."""
    evidence: bool
    """Some test passed its limit, with or without the effect."""
    insufficient: bool
    """Nothing had the rows for a verdict."""
    quiet: Mapping[int, bool] = field(default_factory=dict)
    """By scale looked at: every statistic under 0.9 of its limit and no effect beyond tolerance."""
    value: float | None = None
    """Of the metric that ranks first, with its threshold on the same scale."""
    threshold: float | None = None
    metric: str | None = None
    severity_low: float = 0.0
    """Interval of the largest effect in units of the metrics' default tolerances: what "twice as bad" compares."""
    severity_high: float = 0.0
    severity_sure: float = 0.0
    """Its lower end with twice the margin: what many looks in a row do not reach by luck."""
    strength: float = 0.0
    """How plainly one base window shows it: the largest score less its noise, over the square root of its scale."""
    strength_sure: float = 0.0
    """The same less three times the noise."""
    scale: int = 1
    """Base windows in the merge that ranks first."""
    scale_max: int = 1
    """Largest merge that this baseline allows."""
    features: tuple[FeatureScore, ...] = ()
    summary: str = ""

    @property
    def clear(self) -> bool:
        """Every scale looked at is quiet."""
        return bool(self.quiet) and all(self.quiet.values())


@dataclass(frozen=True, slots=True)
class Hit:
    """A test that stands out at one scale."""

    kind: AlertKind
    metric: str
    subject: Subject
    scale: int
    score: float
    effect: Effect
    beyond: bool
    reference: float
    tolerance: float | None
    """None: judged by a declared range, whose violated end is the reference."""
    rows: int
    """What was counted: rows, of the service exchanges."""


def summed(kind: AlertKind, hits: Sequence[Hit], quiet: Mapping[int, bool], scale_max: int) -> KindEvidence:
    evident = [h for h in hits if h.score >= 1]
    alarming = [h for h in evident if h.beyond]
    result = KindEvidence(
        kind=kind,
        fired=bool(alarming),
        evidence=bool(evident),
        insufficient=not quiet,
        quiet=dict(quiet),
        scale_max=scale_max,
    )
    if not evident:
        return result
    ranked = _ranked(evident)
    top = ranked[0]
    worst = max(alarming, key=lambda h: severity(h.metric, h.effect.low), default=top)
    shown = [
        FeatureScore(_name(h), h.metric, h.score, h.effect.value, h.effect.detail, h.subject.slice, h.scale)
        for h in ranked
    ]
    return replace(
        result,
        value=top.effect.shown,
        threshold=violated(top),
        metric=top.metric,
        severity_low=severity(worst.metric, worst.effect.low),
        severity_high=severity(worst.metric, worst.effect.high),
        severity_sure=severity(worst.metric, 2 * worst.effect.low - worst.effect.value),
        strength=_strength(alarming, 1.0),
        strength_sure=_strength(alarming, 3.0),
        scale=top.scale,
        features=tuple(shown[:RANKED_MAX]),
        summary=_sentence(top, sum(h.beyond for h in ranked) - 1),
    )


def _strength(alarming: Sequence[Hit], deviations: float) -> float:
    return max(((h.score - deviations * _SCORE_NOISE) / math.sqrt(h.scale) for h in alarming), default=0.0)


def _ranked(evident: Sequence[Hit]) -> list[Hit]:
    """One line a subject, worst first: evidence with effect before evidence alone, then by score.

    A subject's numbers are those of the shortest merge that shows it: the freshest.
    """
    by_subject: dict[tuple[str, Subject], list[Hit]] = {}
    for hit in evident:
        by_subject.setdefault((hit.metric, hit.subject), []).append(hit)
    best = []
    for own in by_subject.values():
        freshest = min(own, key=lambda h: (not h.beyond, h.scale))
        best.append(replace(freshest, score=max(h.score for h in own if h.beyond == freshest.beyond)))
    told = [h for h in best if not _echoes(h, best)]
    return sorted(told, key=lambda h: (not h.beyond, -h.score, _name(h), h.metric, h.subject.slice or ""))


def _echoes(hit: Hit, best: Sequence[Hit]) -> bool:
    """A slice that moved as the whole did says nothing new: it is told where its effect is surely larger."""
    if hit.subject.slice is None or hit.kind not in SLICED_KINDS:
        return False
    whole = Subject(hit.subject.feature)
    return any(
        h.subject == whole and h.metric == hit.metric and h.beyond and hit.effect.low <= h.effect.high for h in best
    )


def _name(hit: Hit) -> str:
    """What ranks: a feature, a group, or, for the whole model and for a slice of it, the metric itself."""
    group = None if hit.kind in SLICED_KINDS else hit.subject.slice
    return hit.subject.feature or group or hit.metric


def violated(hit: Hit) -> float:
    """The limit that the shown value went past."""
    if hit.tolerance is None:
        return hit.reference
    limit = level(hit.metric, hit.reference, hit.tolerance)
    if not isinstance(limit, tuple):
        return limit
    return limit[1] if hit.effect.shown > hit.reference else limit[0]


def _sentence(top: Hit, more: int) -> str:
    """The answer first, with its numbers."""
    clause, name = top.effect.detail, _name(top)
    sliced = top.subject.slice is not None and top.kind in SLICED_KINDS
    if top.subject.feature is None and (sliced or top.subject.slice is None):
        clause = f"{top.metric.replace('_', ' ')} {clause}"
    elif not clause.startswith(name):
        clause = f"{name}: {clause}"
    where = "" if top.scale == 1 else f" over {top.scale} windows"
    where = f" of {top.subject.slice}{where}" if sliced else where
    size = "" if top.metric != "js_distance" else f"; JS distance {top.effect.value:.2f}, at least {top.effect.low:.2f}"
    others = "" if more < 1 else f"; {more} more"
    what = "exchanges" if top.metric in SERVICE_TESTS else "rows"
    return f"{clause}{size}, {top.rows:,} {what}{where}{others}"
