"""What a declaration would have told of the windows that are stored, before it is saved: their tiles judged anew, no row is read."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.definitions import MonitoredModel, WindowRule
from monitor.errors import Fault, InvalidInput
from monitor.findings import AlertKind, AlertStatus, Finding, Span, Status, Transition
from monitor.jobs.look import INPUT_KINDS, Subject, Track, plan_for, take_look
from monitor.jobs.stored_past import stored_labels, stored_past, windows_of_other
from monitor.jobs.track import Place
from monitor.ports import Catalog
from monitor.tiles.encoding import decode_tileset
from monitor.tiles.tileset import Baseline

WINDOWS_MAX = 5_000
"""Windows of a preview: each costs as much as a look at it when it closed."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one version's windows of one rule would have told."""

    version: str
    rule: str
    spans: tuple[Span, ...]
    transitions: tuple[Transition, ...]
    open: tuple[AlertKind, ...]
    """Alerts that would be open after the last of them."""
    critical: int
    """Findings, of `judged` that had a verdict."""
    judged: int


_VERDICTS = frozenset({Status.OK, Status.WARNING, Status.CRITICAL})


def preview(
    catalog: Catalog, proposed: MonitoredModel, in_force: MonitoredModel, baseline: Baseline, windows: int
) -> list[Told]:
    """The last windows of every version under each rule, on the grids that they were counted in.

    Raises InvalidInput where what is stored cannot tell: another rule has other windows, other slices or groups other tiles.
    """
    check_stored(proposed, in_force)
    model = proposed.with_features(in_force.features)
    places = [Place(model.model, version, rule) for version in catalog.versions(model.model) for rule in model.windows]
    return [_told(catalog, place, model, baseline, windows) for place in places]


def check_stored(proposed: MonitoredModel, in_force: MonitoredModel) -> None:
    """Whether the windows that are stored can tell what a declaration would have told."""
    rules = {rule.name: rule for rule in in_force.windows}
    kinds = {f.name: f.kind for f in in_force.features}
    faults = [
        Fault(f"windows[{i}]", rule.name, "a rule that has stored windows: " + ", ".join(rules))
        for i, rule in enumerate(proposed.windows)
        if rule.name not in rules or rule.zone != rules[rule.name].zone
    ]
    faults += [
        Fault(
            f"features.{f.name}", f.kind or "nothing", f"{kinds.get(f.name) or 'nothing'}, as the baseline was frozen"
        )
        for f in proposed.features
        if f.name not in kinds or f.kind not in (None, kinds[f.name])
    ]
    faults += [
        Fault(key, "another one", "the one in force: another must be counted anew, from rows (`outrider backfill`)")
        for key, differs in (
            ("model", proposed.model != in_force.model),
            ("prediction", proposed.prediction != in_force.prediction),
            ("label", proposed.label != in_force.label),
            ("groups", proposed.groups != in_force.groups),
            ("strata", proposed.strata != in_force.strata),
            ("slices", proposed.slices != in_force.slices),
        )
        if differs
    ]
    if faults:
        raise InvalidInput(faults)


def _told(catalog: Catalog, place: Place, model: MonitoredModel, baseline: Baseline, windows: int) -> Told:
    rule = place.rule
    newest = catalog.windows(place.model, version=place.version, rule=rule.name, limit=windows, newest_first=True)
    stored = sorted((w for w in newest if w.baseline == baseline.id), key=lambda w: w.span.start_ns or 0)
    moves = not model.baseline.fixed and model.baseline.version != place.version
    past = stored_past(catalog, place, model.baseline, baseline, stored[0].span) if moves and stored else None
    labels = None
    if moves and stored and model.baseline.version is None:
        labels = stored_labels(catalog, place, model.baseline, baseline, stored[0].span)
    for one in (past, labels):
        if one is not None:
            one.alarmed.clear()  # those of the declaration in force
    track, subject = Track(), Subject(model, place.version, baseline, place.rule.name)
    transitions: list[Transition] = []
    findings: list[Finding] = []
    rows = 0
    for window in stored:
        data = catalog.tiles(place.model, place.version, rule.name, window.span)
        if data is None:
            continue
        tiles, span = decode_tileset(data), window.span
        rows += tiles.rows
        plan = plan_for(model, baseline, rule, _rate(rule, rows, stored[0].span, span))
        kinds = frozenset(AlertKind) if window.labelled else INPUT_KINDS
        others = windows_of_other(catalog, place, model.baseline, baseline, span) if past is not None else None
        compared = past.moved(span, baseline, others) if past is not None else None
        share = window.labelled / max(tiles.rows, 1)
        compared_labels = labels.moved(span, baseline, share=share) if labels is not None and window.labelled else None
        track, looked = take_look(
            track, subject, span, tiles, plan=plan, kinds=kinds, compared=compared, compared_labels=compared_labels
        )
        if past is not None and tiles.rows:
            past.note(span, looked.findings)
        if labels is not None and window.labelled:
            labels.note(span, looked.findings, share=share)
        transitions += looked.transitions
        findings += looked.findings
    standing = (*track.alerts.values(), track.late)
    return Told(
        place.version,
        rule.name,
        tuple(w.span for w in stored),
        tuple(transitions),
        tuple(sorted({alert.kind for alert in standing if alert is not None and alert.state is AlertStatus.FIRING})),
        sum(f.status is Status.CRITICAL for f in findings),
        sum(f.status in _VERDICTS for f in findings),
    )


def _rate(rule: WindowRule, rows: int, first: Span, last: Span) -> float | None:
    """Rows a nanosecond so far: the budget of windows by rows needs it."""
    return None if rule.rows is None else rows / max((last.end_ns or 0) - (first.start_ns or 0), 1)
