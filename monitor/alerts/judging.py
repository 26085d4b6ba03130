"""One look: measurements become findings, families give their evidence. Pure and fast: effects are only computed for what stands out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import special

from monitor.alerts.allowed import UNTESTED_SHARE, Limits
from monitor.alerts.budget import Plan
from monitor.alerts.effects import Effect, Z
from monitor.alerts.evidence import FAMILIES
from monitor.alerts.evidence.distribution import ROWS_MIN
from monitor.alerts.evidence.slices import with_slices
from monitor.alerts.evidence.trials import Look, Subject, Trials
from monitor.alerts.tails import units
from monitor.alerts.thresholds import threshold_of
from monitor.alerts.tolerances import DISTRIBUTION_KINDS, RULES, level, severity
from monitor.definitions import MonitoredModel
from monitor.findings import AlertKind, FeatureScore, Finding, Measurement, Span, Status
from monitor.metrics.registry import NEED_LABELS
from monitor.metrics.slices import SLICED_KINDS
from monitor.tiles.tileset import Baseline, TileSet

LABEL_KINDS = frozenset({AlertKind.PERFORMANCE, AlertKind.LABEL_DRIFT})
"""Families that read labels, which come later than their windows."""
MOVING_KINDS = frozenset({AlertKind.DRIFT, AlertKind.PREDICTION_DRIFT})
"""Families that compare what rows look like: with a baseline that moves, where one is declared."""
CLEAR_SCORE = 0.9
"""Below this share of the limit a look is quiet (hysteresis)."""
MERGE_ROWS_MAX = 4
"""Rows of a merge, in times the baseline's. Tests count the baseline's own uncertainty, so larger merges stay honest; but
beyond this four fifths of it is the baseline's, and more rows of the stream tell next to nothing."""
RANKED_MAX = 50
"""Features named with an alert; more would not be read."""
_ALONE_LEVEL = 0.05
"""Level, over all subjects of a metric together, from which an effect alone is worth saying."""
_SILENT = frozenset({Status.UNDEFINED, Status.NO_DATA, Status.ERROR})


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
    effect_low: float | None = None
    effect_high: float | None = None
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
class Judgement:
    """One finding per measurement, in their order, and the evidence of each family that had data."""

    findings: tuple[Finding, ...]
    evidence: Mapping[AlertKind, KindEvidence]
    late: KindEvidence | None = None
    """Of fairness: what its metrics that need labels say. They are looked at when labels come and have a life of their own."""


@dataclass(frozen=True, slots=True)
class _Hit:
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


@dataclass(slots=True)
class _Verdict:
    """What the scales said so far of one subject, for its findings."""

    score: float
    enough: bool
    log_alpha: float
    reference: float | None = None
    evidence: bool = False
    beyond: bool = False
    both: bool = False


_Key = tuple[AlertKind, str, Subject]


def judge(
    *,
    model: MonitoredModel,
    version: str | None,
    window: Span,
    revision: int = 0,
    tiles: TileSet,
    trailing: Mapping[int, TileSet],
    baseline: Baseline,
    plan: Plan,
    measurements: Sequence[Measurement],
    families: AbstractSet[AlertKind] | None = None,
    trailing_labelled: Mapping[int, TileSet] | None = None,
    moving: Mapping[int, Baseline] | None = None,
) -> Judgement:
    """Judge one window.

    `trailing` holds the merges that are due (scale → the last `scale` base windows, this one included);
    `trailing_labelled` those of the windows whose labels are in, for LABEL_KINDS, where they lag behind. `families`
    limits what is looked at (labels came: the families that read them). `moving`: scale → what MOVING_KINDS are
    compared with in place of the baseline, as far as there is one.
    """
    verdicts: dict[_Key, _Verdict] = {}
    others = _beyond_declared(plan, measurements)
    looks = _looks(model, tiles, trailing, baseline, plan)
    labelled = looks if trailing_labelled is None else _looks(model, tiles, trailing_labelled, baseline, plan)
    moved = looks if moving is None else _looks(model, tiles, trailing, baseline, plan, moving)
    evidence = {}
    late: KindEvidence | None = None
    for kind in FAMILIES:
        if kind in plan.shares and (families is None or kind in families):
            limits = Limits.of(plan, kind, model, baseline)
            own_looks = labelled if kind in LABEL_KINDS else moved if kind in MOVING_KINDS else looks
            against = baseline if moving is None or kind not in MOVING_KINDS else moving.get(1, baseline)
            scale_max = max(s for s in plan.scales if s == 1 or s * tiles.rows <= MERGE_ROWS_MAX * against.rows)
            found = _family(kind, own_looks, plan, limits, measurements, verdicts, others, scale_max)
            if found is not None:
                evidence[kind] = found
            if kind is AlertKind.FAIRNESS:
                late = _family(kind, labelled, plan, limits, measurements, verdicts, others, scale_max, late=True)
    findings = tuple(
        _finding(m, verdicts, model, version, window, revision, tiles, _against(m, baseline, moving), plan)
        for m in measurements
    )
    return Judgement(findings, evidence, late)


def _against(m: Measurement, baseline: Baseline, moving: Mapping[int, Baseline] | None) -> Baseline:
    return baseline if moving is None or m.kind not in MOVING_KINDS else moving.get(1, baseline)


def _looks(
    model: MonitoredModel,
    tiles: TileSet,
    trailing: Mapping[int, TileSet],
    baseline: Baseline,
    plan: Plan,
    moving: Mapping[int, Baseline] | None = None,
) -> list[tuple[int, Look]]:
    """The window and its merges, as far as they are not many times the baseline, and there is one."""
    looks = []
    for scale, merged in sorted({**trailing, 1: tiles}.items()):
        own = baseline if moving is None else moving.get(scale)
        if scale in plan.scales and own is not None and (scale == 1 or merged.rows <= MERGE_ROWS_MAX * own.rows):
            looks.append((scale, _look(model, merged if scale == 1 else _within(merged, own), own, plan)))
    return looks


def _within(merged: TileSet, baseline: Baseline) -> TileSet:
    """A merge without the slices of which the baseline has fewer rows than the merge."""
    own = baseline.tiles.slices
    slices = {n: part for n, part in merged.slices.items() if n in own and part.rows <= own[n].rows}
    return replace(merged, slices=slices)


def _family(
    kind: AlertKind,
    looks: Sequence[tuple[int, Look]],
    plan: Plan,
    limits: Limits,
    measurements: Sequence[Measurement],
    verdicts: dict[_Key, _Verdict],
    others: AbstractSet[_Key],
    scale_max: int,
    *,
    late: bool = False,
) -> KindEvidence | None:
    """One family at every scale: its verdicts, and its evidence. None where it has nothing to test.

    Fairness is two: what needs no label, and, `late`, what does.
    """
    if kind is AlertKind.FAIRNESS:
        measurements = [m for m in measurements if m.kind is kind and (m.metric in NEED_LABELS) is late]
    hits: list[_Hit] = []
    quiet: dict[int, bool] = {}
    tried = False
    for scale, look in looks:
        trials = with_slices(FAMILIES[kind], look) if kind in SLICED_KINDS else FAMILIES[kind](look)
        if kind is AlertKind.FAIRNESS:
            trials = [trial for trial in trials if (trial.metric in NEED_LABELS) is late]
        tested = list(_tested(plan, kind, scale, trials, UNTESTED_SHARE if scale == 1 and limits.declared else 1.0))
        found = [
            hit
            for trial, spent in tested
            for hit in _stand_outs(plan, trial, spent, scale, look.window, verdicts, kind, others)
        ]
        if scale == 1:
            found += _interval_hits(plan, kind, limits, measurements, verdicts, look.effect)
        tried |= bool(tested or found)
        if any(trial.enough.any() for trial, _ in tested) or any(h.tolerance is None for h in found):
            quiet[scale] = not any(h.beyond or h.score >= CLEAR_SCORE for h in found)
        hits += found
    return _summed(kind, hits, quiet, scale_max) if tried else None


def _look(model: MonitoredModel, tiles: TileSet, baseline: Baseline, plan: Plan) -> Look:
    return Look(
        window=tiles,
        baseline=baseline,
        effect=plan.effect(baseline, tiles.rows),
        base_groups=model.base_groups,
        expected_anomalies=model.anomaly_rate,
    )


def _tested(
    plan: Plan, kind: AlertKind, scale: int, trials: Sequence[Trials], share: float
) -> Iterator[tuple[Trials, float]]:
    """The tests with the log of what each may spend. A metric with a declared range is judged by that range alone."""
    log_alpha = plan.log_alpha(kind, scale) + math.log(share)
    for trial in trials:
        if not isinstance(plan.declared.get((kind, trial.metric)), tuple):
            yield trial, log_alpha + math.log(trial.weight / max(1, len(trial.subjects)))


def _stand_outs(
    plan: Plan,
    trial: Trials,
    log_alpha: float,
    scale: int,
    window: TileSet,
    verdicts: dict[_Key, _Verdict],
    kind: AlertKind,
    others: AbstractSet[_Key],
) -> list[_Hit]:
    """Write every subject's verdict; return those whose p-value is small enough to ask for the effect."""
    scores = units(trial.log_p) / units(log_alpha)
    if scale == 1:
        rows_of = zip(trial.subjects, scores.tolist(), trial.enough.tolist(), trial.reference.tolist(), strict=True)
        for subject, score, enough, reference in rows_of:
            verdicts[kind, trial.metric, subject] = _Verdict(score, enough, log_alpha, reference)
    tolerance = _tolerance(plan, kind, trial.metric)
    found = []
    level_alone = math.log(_ALONE_LEVEL / len(trial.subjects))
    for i in np.flatnonzero(trial.log_p <= max(level_alone, log_alpha)):
        subject, score, effect = trial.subjects[i], float(scores[i]), trial.gauge(int(i))
        key = (kind, trial.metric, subject)
        beyond = (tolerance is not None and effect.low > tolerance) or (scale == 1 and key in others)
        verdict = verdicts.setdefault(key, _Verdict(score, False, log_alpha))
        verdict.score = max(verdict.score, score)
        verdict.evidence |= score >= 1
        verdict.beyond |= beyond
        verdict.both |= beyond and score >= 1
        reference = float(trial.reference[i])
        part = window.slices.get(subject.slice or "", window) if kind in SLICED_KINDS else window
        found.append(
            _Hit(kind, trial.metric, subject, scale, score, effect, beyond, reference, tolerance or 0.0, part.rows)
        )
    return found


def _tolerance(plan: Plan, kind: AlertKind, metric: str) -> float | None:
    """The number the effect may reach. None where another declared metric of the distribution takes its place."""
    if (kind, metric) not in plan.declared and metric == "js_distance" and _others(plan, kind):
        return None
    found = plan.tolerance(kind, metric)
    return None if found is None or isinstance(found[0], tuple) else found[0]


def _others(plan: Plan, kind: AlertKind) -> dict[str, float]:
    """Declared tolerances of distribution metrics that have no test of their own (psi, wasserstein, …)."""
    if kind not in DISTRIBUTION_KINDS:
        return {}
    return {m: t for m, t in plan.declared_for(kind).items() if m not in RULES and not isinstance(t, tuple)}


def _beyond_declared(plan: Plan, measurements: Sequence[Measurement]) -> set[_Key]:
    """Distribution tests whose feature has such a metric with its lower end beyond the declared tolerance."""
    if not plan.declared:
        return set()
    found = set()
    for m in measurements:
        limit = _others(plan, m.kind).get(m.metric)
        if limit is not None and m.value.low is not None and m.value.low > limit:
            found.add((m.kind, "js_distance", Subject(m.feature, m.slice)))
    return found


def _interval_hits(
    plan: Plan,
    kind: AlertKind,
    limits: Limits,
    measurements: Sequence[Measurement],
    verdicts: dict[_Key, _Verdict],
    design: float,
) -> list[_Hit]:
    """Metrics judged by their intervals: the effect is the distance from what is allowed, the evidence a normal tail."""
    judged = [
        (m, allowed)
        for m in measurements
        if m.kind is kind and m.value.value is not None and (allowed := limits.of_measurement(m)) is not None
    ]
    log_alpha = plan.log_alpha(kind, 1) + math.log(UNTESTED_SHARE / max(1, len(judged)))
    found = []
    for m, allowed in judged:
        value, low, high = m.value.value, m.value.low, m.value.high
        if value is None or low is None or high is None:
            continue
        key = (kind, m.metric, Subject(m.feature, m.slice))
        verdict = verdicts[key] = _Verdict(0.0, m.value.n_window >= ROWS_MIN, log_alpha, allowed.center)
        away, side = max((allowed.least - value, -1.0), (value - allowed.most, 1.0))
        if away <= 0 or not verdict.enough:
            continue
        error = max(math.hypot((high - low) / (2 * Z) * math.sqrt(design), allowed.error), 1e-12)
        score = float(units(special.log_ndtr(-away / error)) / units(log_alpha))
        beyond = low - allowed.most if side > 0 else allowed.least - high
        gap = max(0.0, min(beyond, away - Z * error))
        verdict.score, verdict.evidence, verdict.beyond = score, score >= 1, gap > 0
        verdict.both = verdict.evidence and verdict.beyond
        edge = allowed.most if side > 0 else allowed.least
        detail = f"{value:.3g}, allowed {allowed.least:.3g} to {allowed.most:.3g}"
        effect = Effect(away, gap, away + Z * error, value, detail)
        found.append(_Hit(kind, m.metric, key[2], 1, score, effect, gap > 0, edge, None, m.value.n_window))
    return found


def _finding(
    m: Measurement,
    verdicts: Mapping[_Key, _Verdict],
    model: MonitoredModel,
    version: str | None,
    window: Span,
    revision: int,
    tiles: TileSet,
    baseline: Baseline,
    plan: Plan,
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
    )


def _status(verdict: _Verdict) -> Status:
    if verdict.both:
        return Status.CRITICAL
    return Status.WARNING if verdict.evidence or verdict.beyond else Status.OK


def _reason(verdict: _Verdict) -> str | None:
    if verdict.both or not (verdict.evidence or verdict.beyond):
        return None
    return (
        "evidence, but within tolerance"
        if verdict.evidence
        else "beyond tolerance, but within the alarm budget's chance"
    )


def _summed(kind: AlertKind, hits: Sequence[_Hit], quiet: Mapping[int, bool], scale_max: int) -> KindEvidence:
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
        FeatureScore(_name(h), h.metric, h.score, h.effect.value, h.effect.detail, h.subject.slice) for h in ranked
    ]
    return replace(
        result,
        value=top.effect.shown,
        threshold=_violated(top),
        metric=top.metric,
        effect_low=top.effect.low,
        effect_high=top.effect.high,
        severity_low=severity(worst.metric, worst.effect.low),
        severity_high=severity(worst.metric, worst.effect.high),
        severity_sure=severity(worst.metric, 2 * worst.effect.low - worst.effect.value),
        strength=_strength(alarming, 1.0),
        strength_sure=_strength(alarming, 3.0),
        scale=top.scale,
        features=tuple(shown[:RANKED_MAX]),
        summary=_sentence(top, sum(h.beyond for h in ranked) - 1),
    )


def _strength(alarming: Sequence[_Hit], deviations: float) -> float:
    return max(((h.score - deviations * _SCORE_NOISE) / math.sqrt(h.scale) for h in alarming), default=0.0)


_SCORE_NOISE = 0.19
"""Standard deviation of a score: at most 1/2 in units of the normalised distance, over limits of about 2.6."""


def _ranked(evident: Sequence[_Hit]) -> list[_Hit]:
    """One line a subject, worst first: evidence with effect before evidence alone, then by score.

    A subject's numbers are those of the shortest merge that shows it: the freshest.
    """
    by_subject: dict[tuple[str, Subject], list[_Hit]] = {}
    for hit in evident:
        by_subject.setdefault((hit.metric, hit.subject), []).append(hit)
    best = []
    for own in by_subject.values():
        freshest = min(own, key=lambda h: (not h.beyond, h.scale))
        best.append(replace(freshest, score=max(h.score for h in own if h.beyond == freshest.beyond)))
    told = [h for h in best if not _echoes(h, best)]
    return sorted(told, key=lambda h: (not h.beyond, -h.score, _name(h), h.metric, h.subject.slice or ""))


def _echoes(hit: _Hit, best: Sequence[_Hit]) -> bool:
    """A slice that moved as the whole did says nothing new: it is told where its effect is surely larger."""
    if hit.subject.slice is None or hit.kind not in SLICED_KINDS:
        return False
    whole = Subject(hit.subject.feature)
    return any(
        h.subject == whole and h.metric == hit.metric and h.beyond and hit.effect.low <= h.effect.high for h in best
    )


def _name(hit: _Hit) -> str:
    """What ranks: a feature, a group, or, for the whole model and for a slice of it, the metric itself."""
    group = None if hit.kind in SLICED_KINDS else hit.subject.slice
    return hit.subject.feature or group or hit.metric


def _violated(hit: _Hit) -> float:
    """The limit that the shown value went past."""
    if hit.tolerance is None:
        return hit.reference
    limit = level(hit.metric, hit.reference, hit.tolerance)
    if not isinstance(limit, tuple):
        return limit
    return limit[1] if hit.effect.shown > hit.reference else limit[0]


def _sentence(top: _Hit, more: int) -> str:
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
    return f"{clause}{size}, {top.rows:,} rows{where}{others}"
