"""One look: measurements become findings, families give their evidence. Pure and fast: effects are only computed for what stands out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from monitor.alerts.allowed import UNTESTED_SHARE, Limits
from monitor.alerts.budget import Plan
from monitor.alerts.effects import Effect, Z
from monitor.alerts.evidence import FAMILIES
from monitor.alerts.evidence.distribution import ROWS_MIN
from monitor.alerts.evidence.rivals import SERVICE_TESTS
from monitor.alerts.evidence.slices import with_slices
from monitor.alerts.evidence.trials import Look, Subject, Trials
from monitor.alerts.kind_evidence import Hit, KindEvidence, summed, violated
from monitor.alerts.tails import units
from monitor.alerts.tolerances import DISTRIBUTION_KINDS, RULES
from monitor.alerts.verdicts import Key, Merged, Verdict, finding_of
from monitor.definitions import BaselineRule, MonitoredModel
from monitor.findings import AlertKind, Finding, Measurement, Span
from monitor.metrics.registry import NEED_LABELS
from monitor.metrics.slices import SLICED_KINDS
from monitor.tiles.tileset import Baseline, TileSet

LABEL_KINDS = frozenset({AlertKind.PERFORMANCE, AlertKind.LABEL_DRIFT})
"""Families that read labels, which come later than their windows."""
MOVING_KINDS = frozenset({AlertKind.DRIFT, AlertKind.PREDICTION_DRIFT})
"""Families that compare what rows look like: with a baseline that moves, where one is declared."""
MOVING_LABELS = frozenset({AlertKind.LABEL_DRIFT})
"""The same of labels, which are compared with those of windows that have theirs."""
CLEAR_SCORE = 0.9
"""Below this share of the limit a look is quiet (hysteresis)."""
MERGE_ROWS_MAX = 4
"""Rows of a merge, in times the baseline's. Tests count the baseline's own uncertainty, so larger merges stay honest; but
beyond this four fifths of it is the baseline's, and more rows of the stream tell next to nothing."""
ALONE_LEVEL = 0.05
"""Level, over all subjects of a metric together, from which an effect alone is worth saying."""


Moving = Mapping[AlertKind, Mapping[int, Baseline]]


@dataclass(frozen=True, slots=True)
class Judgement:
    """One finding per measurement, in their order, and the evidence of each family that had data."""

    findings: tuple[Finding, ...]
    evidence: Mapping[AlertKind, KindEvidence]
    late: KindEvidence | None = None
    """Of fairness: what its metrics that need labels say. They are looked at when labels come and have a life of their own."""


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
    moving: Moving | None = None,
    code: str | None = None,
) -> Judgement:
    """Judge one window; every record says by which `code`.

    `trailing` holds the merges that are due (scale → the last `scale` base windows, this one included);
    `trailing_labelled` those of the windows whose labels are in, for LABEL_KINDS, where they lag behind. `families`
    limits what is looked at (labels came: the families that read them). `moving`: of a kind, scale → what it is
    compared with in place of the baseline, as far as there is one.
    """
    verdicts: dict[Key, Verdict] = {}
    others = _beyond_declared(plan, measurements)
    looks = _looks(model, tiles, trailing, baseline, plan)
    later = trailing if trailing_labelled is None else trailing_labelled
    labelled = looks if trailing_labelled is None else _looks(model, tiles, trailing_labelled, baseline, plan)
    evidence = {}
    late: KindEvidence | None = None
    for kind in FAMILIES:
        if kind in plan.shares and (families is None or kind in families):
            limits = Limits.of(plan, kind, model, baseline)
            own_looks, own = labelled if kind in LABEL_KINDS else looks, (moving or {}).get(kind)
            if own is not None:
                merges = later if kind in LABEL_KINDS else trailing
                own_looks = _looks(model, tiles, merges, baseline, plan, own)
            against = baseline if own is None else own.get(1, baseline)
            scale_max = max(s for s in plan.scales if s == 1 or s * tiles.rows <= MERGE_ROWS_MAX * against.rows)
            found = _family(kind, own_looks, plan, limits, measurements, verdicts, others, scale_max)
            if found is not None:
                evidence[kind] = found
            if kind is AlertKind.FAIRNESS:
                late = _family(kind, labelled, plan, limits, measurements, verdicts, others, scale_max, late=True)
    findings = tuple(
        finding_of(m, verdicts, model, version, window, revision, tiles, _against(m, baseline, moving), plan, code)
        for m in measurements
    )
    return Judgement(findings, evidence, late)


def _against(m: Measurement, baseline: Baseline, moving: Moving | None) -> Baseline:
    return (moving or {}).get(m.kind, {}).get(1, baseline)


def moving_kinds(rule: BaselineRule) -> frozenset[AlertKind]:
    """What is compared with a past that moves. Another version's labels are those of other rows: they stay out of it."""
    if rule.fixed:
        return frozenset()
    return MOVING_KINDS if rule.version is not None else MOVING_KINDS | MOVING_LABELS


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
    verdicts: dict[Key, Verdict],
    others: AbstractSet[Key],
    scale_max: int,
    *,
    late: bool = False,
) -> KindEvidence | None:
    """One family at every scale: its verdicts, and its evidence. None where it has nothing to test.

    Fairness is two: what needs no label, and, `late`, what does.
    """
    if kind is AlertKind.FAIRNESS:
        measurements = [m for m in measurements if m.kind is kind and (m.metric in NEED_LABELS) is late]
    hits: list[Hit] = []
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
        enough = any(trial.enough.any() for trial, _ in tested)
        if scale == 1:
            judged, beside = _interval_hits(plan, kind, limits, measurements, verdicts, look.effect)
            found += beside
            enough |= judged
        tried |= bool(tested or found) or enough
        if enough or any(h.tolerance is None for h in found):
            quiet[scale] = not any(h.beyond or h.score >= CLEAR_SCORE for h in found)
        hits += found
    return summed(kind, hits, quiet, scale_max) if tried else None


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
    verdicts: dict[Key, Verdict],
    kind: AlertKind,
    others: AbstractSet[Key],
) -> list[Hit]:
    """Write every subject's verdict; return those whose p-value is small enough to ask for the effect."""
    scores = units(trial.log_p) / units(log_alpha)
    if scale == 1:
        rows_of = zip(trial.subjects, scores.tolist(), trial.enough.tolist(), trial.reference.tolist(), strict=True)
        for subject, score, enough, reference in rows_of:
            verdicts[kind, trial.metric, subject] = Verdict(score, enough, log_alpha, reference)
    tolerance = _tolerance(plan, kind, trial.metric)
    found = []
    level_alone = math.log(ALONE_LEVEL / len(trial.subjects))
    for i in np.flatnonzero(trial.log_p <= max(level_alone, log_alpha)):
        subject, score, effect = trial.subjects[i], float(scores[i]), trial.gauge(int(i))
        key = (kind, trial.metric, subject)
        beyond = (tolerance is not None and effect.low > tolerance) or (scale == 1 and key in others)
        reference = float(trial.reference[i])
        part = window.slices.get(subject.slice or "", window) if kind in SLICED_KINDS else window
        counted = _exchanges(part) if trial.metric in SERVICE_TESTS else part.rows
        hit = Hit(kind, trial.metric, subject, scale, score, effect, beyond, reference, tolerance or 0.0, counted)
        verdict = verdicts.setdefault(key, Verdict(score, False, log_alpha))
        verdict.score = max(verdict.score, score)
        verdict.take(score >= 1, beyond, None if scale == 1 else _merged(hit, tolerance))
        found.append(hit)
    return found


def _merged(hit: Hit, tolerance: float | None) -> Merged:
    limit = violated(hit) if tolerance is not None and hit.beyond else None
    return Merged(hit.metric, hit.scale, hit.rows, hit.effect, limit)


def _exchanges(tiles: TileSet) -> int:
    return 0 if tiles.service is None else tiles.service.exchanges


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


def _beyond_declared(plan: Plan, measurements: Sequence[Measurement]) -> set[Key]:
    """Distribution tests whose feature has such a metric with its lower end beyond the declared tolerance."""
    if not plan.declared:
        return set()
    found = set()
    for m in measurements:
        limit = _others(plan, m.kind).get(m.metric)
        low, high = m.value.low, m.value.high
        # A signed metric is beyond its limit on either side.
        if limit is not None and low is not None and high is not None and (low > limit or high < -limit):
            found.add((m.kind, "js_distance", Subject(m.feature, m.slice)))
    return found


def _interval_hits(
    plan: Plan,
    kind: AlertKind,
    limits: Limits,
    measurements: Sequence[Measurement],
    verdicts: dict[Key, Verdict],
    design: float,
) -> tuple[bool, list[Hit]]:
    """Metrics judged by their intervals: the effect is the distance from what is allowed, the evidence a normal tail.

    With it, whether any had the rows for a verdict.
    """
    judged = [
        (m, allowed)
        for m in measurements
        if m.kind is kind and m.value.value is not None and (allowed := limits.of_measurement(m)) is not None
    ]
    log_alpha = plan.log_alpha(kind, 1) + math.log(UNTESTED_SHARE / max(1, len(judged)))
    found, enough = [], False
    for m, allowed in judged:
        value, low, high = m.value.value, m.value.low, m.value.high
        if value is None or low is None or high is None:
            continue
        key = (kind, m.metric, Subject(m.feature, m.slice))
        verdict = verdicts[key] = Verdict(0.0, m.value.n_window >= ROWS_MIN, log_alpha, allowed.center)
        enough |= verdict.enough
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
        found.append(Hit(kind, m.metric, key[2], 1, score, effect, gap > 0, edge, None, m.value.n_window))
    return enough, found
