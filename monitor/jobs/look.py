"""One look: a window's tiles are measured, judged with its trailing merges, and move the alerts. Pure.

A *track* is what the looks of one (model, version, window rule) remember: the pyramid of trailing merges, the states of
the alerts, and what the first windows taught of dependence where the baseline cannot tell it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import partial

from monitor.alerts.budget import Plan, families_present, looks_per_month
from monitor.alerts.calibration import learn
from monitor.alerts.exhibits import exhibit_of
from monitor.alerts.judging import LABEL_KINDS, MOVING_KINDS, MOVING_LABELS, judge
from monitor.alerts.kind_evidence import KindEvidence
from monitor.alerts.lifecycle import advance, inactive, was_told
from monitor.definitions import MonitoredModel, WindowRule
from monitor.findings import WORST_FIRST, Alert, AlertKind, AlertStatus, Finding, Measurement, Span, Status, Transition
from monitor.metrics.registry import NEED_LABELS, STREAMING, measure
from monitor.tiles.merge import merge
from monitor.tiles.stream import Stream, error_point, score_point
from monitor.tiles.tileset import Baseline, DesignEffects, TileSet
from monitor.windows.trailing import Pyramid, extend

LEARNING_WINDOWS = 20
"""First windows from which dependence is learned where the baseline has no time order."""
INPUT_KINDS = frozenset(AlertKind) - LABEL_KINDS
"""Kinds looked at when their window closes; the others when its labels have come, in the order of the windows."""

_ALONG = frozenset(metric.name for metric in STREAMING)
_Step = tuple[Alert, Transition | None]
OPEN = frozenset({AlertStatus.FIRING, AlertStatus.NO_DATA})
"""States in which people have been told of an alert, and not yet of its end."""


@dataclass(frozen=True, slots=True)
class Track:
    """What the looks of one (model, version, rule) remember."""

    inputs: Pyramid[TileSet] = field(default_factory=Pyramid)
    outcomes: Pyramid[TileSet] = field(default_factory=Pyramid)
    alerts: Mapping[AlertKind, Alert] = field(default_factory=dict)
    late: Alert | None = None
    """Of the groups' alert the life that its metrics with labels have: people see whichever of the two is open."""
    first: tuple[TileSet, ...] = ()
    """The first windows, while dependence is learned from them."""
    learned: DesignEffects | None = None
    stream: Stream = field(default_factory=Stream)
    """The newest windows as points, where the declaration asks for change points along them."""

    def inputs_restarted(self, before: Track) -> bool:
        """Whether this look ended an alert, and with it the trailing merges of the inputs."""
        return self.inputs is not before.inputs and not self.inputs.levels[0]

    def outcomes_restarted(self, before: Track) -> bool:
        return self.outcomes is not before.outcomes and not self.outcomes.levels[0]


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look concluded. `alerts` are the new states of the kinds that were looked at."""

    findings: tuple[Finding, ...]
    transitions: tuple[Transition, ...]
    alerts: tuple[Alert, ...]

    @property
    def status(self) -> Status:
        """The worst of the findings."""
        found = {f.status for f in self.findings}
        return next((s for s in WORST_FIRST if s in found), Status.NO_DATA)


@dataclass(frozen=True, slots=True)
class Subject:
    """Of what and against what a look is taken."""

    model: MonitoredModel
    version: str
    baseline: Baseline
    rule: str = ""
    """Name of the window rule; none in a comparison of two files."""
    code: str | None = None
    """Version and build of the code that looks."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What the distributions of a merge are compared with where the baseline moves, or the reason why there is nothing."""

    baseline: Baseline | None
    reason: str | None


def plan_for(model: MonitoredModel, baseline: Baseline, rule: WindowRule, rows_per_ns: float | None) -> Plan:
    """The budget of one look under a window rule; one by rows needs the arrivals."""
    looks = looks_per_month(rule, rows_per_ns=rows_per_ns)
    return Plan.of(model, families_present(model, baseline), looks_per_month=looks)


def take_look(
    track: Track,
    subject: Subject,
    span: Span,
    tiles: TileSet,
    *,
    plan: Plan,
    revision: int = 0,
    kinds: frozenset[AlertKind] = frozenset(AlertKind),
    still: frozenset[AlertKind] = frozenset(),
    compared: Callable[[int], Moved] | None = None,
    compared_labels: Callable[[int], Moved] | None = None,
    others: Sequence[Measurement] = (),
) -> tuple[Track, Looked]:
    """Judge one window for the given kinds and move their alerts, but for those of the kinds that stay `still`.

    `compared` tells, where the baseline moves, what the merge of each scale is compared with, `compared_labels` the same of labels. `others` were measured elsewhere.
    Looks are taken in the order of the windows; kinds that need labels may be looked at later than the others.
    """
    moving = kinds - still
    track = _learned(track, subject.baseline, tiles, moving)
    baseline = subject.baseline
    if baseline.design_effects is None:
        baseline = replace(baseline, design_effects=track.learned)
    inputs, outcomes, trailing, later = _merged(track, tiles, moving)
    stream = replace(_extended(track.stream, moving, subject, span, tiles), effect=plan.effect(baseline, tiles.rows))
    measured = measure(baseline, tiles, subject.model, stream if moving else None)
    measurements = [m for m in measured if m.kind in kinds or _needs_no_label(m)]
    against: dict[AlertKind, dict[int, Baseline]] = {}
    for moves, at, merges in ((MOVING_KINDS, compared, trailing), (MOVING_LABELS, compared_labels, later)):
        if at is not None and kinds & moves:
            stood, reason = _stood(at, merges, track.learned)
            measurements = _measured_anew(measurements, moves, stood.get(1), reason, tiles, subject.model)
            against |= dict.fromkeys(moves, stood)
    measurements = [*measurements, *(m for m in others if m.kind in kinds)]
    judgement = judge(
        model=subject.model,
        version=subject.version or None,
        window=span,
        revision=revision,
        tiles=tiles,
        trailing=trailing,
        trailing_labelled=later,
        baseline=baseline,
        plan=plan,
        measurements=measurements,
        families=kinds,
        moving=against,
        code=subject.code,
    )

    shows = partial(_exhibited, subject, baseline, span)
    alerts = dict(track.alerts)
    transitions = []
    for kind in sorted(moving & (judgement.evidence.keys() | alerts.keys())):
        before = alerts.get(kind) or inactive(subject.model.model, subject.version or None, kind)
        moved_on = advance(before, judgement.evidence.get(kind), span)
        alerts[kind], transition = shows(*moved_on, later if kind in LABEL_KINDS else trailing, against)
        if transition is not None:
            transitions.append(transition)
    late, late_told = track.late, None
    if moving & LABEL_KINDS and _is_news(late, judgement.late, alerts.get(AlertKind.FAIRNESS), span):
        before = late or inactive(subject.model.model, subject.version or None, AlertKind.FAIRNESS)
        late, late_told = shows(*advance(before, judgement.late, span), later, against)
    resolved = {t.kind in LABEL_KINDS for t in transitions if t.state == AlertStatus.RESOLVED}
    if False in resolved:
        inputs = Pyramid(inputs.looks)
    if True in resolved or (late_told is not None and late_told.state == AlertStatus.RESOLVED):
        outcomes = Pyramid(outcomes.looks)
    after = replace(track, inputs=inputs, outcomes=outcomes, alerts=alerts, late=late, stream=stream)
    told, moved = _as_one(track, after, transitions, late_told, moving)
    return after, Looked(judgement.findings, told, moved)


def _merged(
    track: Track, tiles: TileSet, moving: AbstractSet[AlertKind]
) -> tuple[Pyramid[TileSet], Pyramid[TileSet], Mapping[int, TileSet], Mapping[int, TileSet]]:
    """The pyramids of inputs and of labelled windows with this one where it moves them, and the merges that end with it."""
    inputs, outcomes = track.inputs, track.outcomes
    trailing: Mapping[int, TileSet] = {1: tiles}
    later: Mapping[int, TileSet] = {1: tiles}
    if moving & LABEL_KINDS and (tiles.outcome is not None or tiles.label):
        outcomes, later = extend(outcomes, labelled_part(tiles), merge)
    if not moving & INPUT_KINDS:
        # Groups stand in both; what is measured again when labels come has these windows behind it.
        return inputs, outcomes, later, later
    inputs, trailing = extend(inputs, tiles, merge)
    return inputs, outcomes, trailing, later


def _stood(
    at: Callable[[int], Moved], scales: Iterable[int], learned: DesignEffects | None
) -> tuple[dict[int, Baseline], str | None]:
    """What merges of each scale are held against, where the past has that much; and why the window itself is not, if so."""
    found = {scale: at(scale) for scale in {1, *scales}}
    there = {
        scale: replace(one.baseline, design_effects=one.baseline.design_effects or learned)
        for scale, one in found.items()
        if one.baseline is not None
    }
    return there, found[1].reason


def _is_news(late: Alert | None, evidence: KindEvidence | None, own: Alert | None, span: Span) -> bool:
    """Whether labels move the groups' alert: over windows in which its other life has come and gone they are no news."""
    known = own is not None and was_told(own, span) and (late is None or late.state not in OPEN)
    return (evidence is not None or late is not None) and not known


def _exhibited(
    subject: Subject,
    baseline: Baseline,
    span: Span,
    alert: Alert,
    transition: Transition | None,
    merges: Mapping[int, TileSet],
    moved_at: Mapping[AlertKind, Mapping[int, Baseline]],
) -> _Step:
    """A step with the code and baseline it was decided by, and with what it rests on, where this look shows it."""
    if transition is not None:
        alert = replace(alert, code=subject.code, baseline=baseline.id)
        transition = replace(transition, code=subject.code, baseline=baseline.id)
    if alert.state is not AlertStatus.FIRING or alert.window != span:
        return alert, transition
    own = moved_at.get(alert.kind, {})
    exhibit = exhibit_of(alert.kind, alert.features, merges, lambda scale: own.get(scale, baseline), span, subject.rule)
    told = None if transition is None else replace(transition, exhibit=exhibit)
    return replace(alert, exhibit=exhibit), told


def _as_one(
    before: Track,
    after: Track,
    transitions: Sequence[Transition],
    late_told: Transition | None,
    moving: AbstractSet[AlertKind],
) -> tuple[tuple[Transition, ...], tuple[Alert, ...]]:
    """What people see: of the two lives of the groups' alert the one that is open, and what both found once."""
    own, late = after.alerts.get(AlertKind.FAIRNESS), after.late
    was_open = before.late is not None and before.late.state in OPEN
    told = [t for t in transitions if t.kind is not AlertKind.FAIRNESS or t.escalated or not was_open]
    own_open = own is not None and own.state in OPEN
    if late_told is not None and (late_told.escalated or not own_open):
        told.append(late_told)
    moved = {kind: after.alerts[kind] for kind in sorted(moving & after.alerts.keys())}
    if late is not None and not own_open:
        moved.pop(AlertKind.FAIRNESS, None)
        if late.state in OPEN or late_told is not None:
            moved[AlertKind.FAIRNESS] = late
        elif AlertKind.FAIRNESS in moving and own is not None:
            moved[AlertKind.FAIRNESS] = own
    return tuple(told), tuple(moved.values())


def _measured_anew(
    measurements: Sequence[Measurement],
    kinds: frozenset[AlertKind],
    moving: Baseline | None,
    reason: str | None,
    tiles: TileSet,
    model: MonitoredModel,
) -> list[Measurement]:
    """Distributions against the baseline that moves; where there is none yet, against the one that was set, without a verdict."""
    rest = [m for m in measurements if not _moves(m, kinds)]
    if moving is not None:
        return [*(m for m in measure(moving, tiles, model) if _moves(m, kinds)), *rest]
    return [_without_verdict(m, reason) if _moves(m, kinds) else m for m in measurements]


def _moves(m: Measurement, kinds: frozenset[AlertKind]) -> bool:
    """What looks along the stream is held against no baseline."""
    return m.kind in kinds and m.metric not in _ALONG


def _without_verdict(m: Measurement, reason: str | None) -> Measurement:
    if m.value.value is None:
        return m
    return replace(m, value=replace(m.value, status=Status.INSUFFICIENT_DATA, reason=reason))


def looks_along(model: MonitoredModel) -> bool:
    """Whether the declaration asks for change points."""
    return any(model.asks_for(name) for name in _ALONG)


def _extended(stream: Stream, moving: AbstractSet[AlertKind], subject: Subject, span: Span, tiles: TileSet) -> Stream:
    """The stream with this window, where it is asked for: scores when it closes, errors when its labels are looked at."""
    if not looks_along(subject.model):
        return stream
    if moving & INPUT_KINDS:
        stream = stream.with_score(score_point(span, tiles, subject.baseline.grids))
    if moving & LABEL_KINDS:
        stream = stream.with_error(error_point(span, tiles, subject.baseline.grids))
    return stream


def _needs_no_label(measurement: Measurement) -> bool:
    """An estimate of performance: said when the window closes, and again when its labels come."""
    return measurement.kind is AlertKind.PERFORMANCE and measurement.metric not in NEED_LABELS


def labelled_part(tiles: TileSet) -> TileSet:
    """What the merges of labelled windows hold: the inputs have merges of their own."""
    slices = {name: labelled_part(part) for name, part in tiles.slices.items()}
    return replace(tiles, features={}, pairs=None, tables=None, anomaly=None, slices=slices)


def _learned(track: Track, baseline: Baseline, tiles: TileSet, kinds: frozenset[AlertKind]) -> Track:
    """The track with what the first windows tell of dependence, where the baseline has no time order to tell it."""
    if baseline.design_effects is not None or len(track.first) >= LEARNING_WINDOWS or not (kinds & INPUT_KINDS):
        return track
    if not tiles.rows:
        return track
    first = (*track.first, tiles)
    return replace(track, first=first, learned=learn(first, baseline))
