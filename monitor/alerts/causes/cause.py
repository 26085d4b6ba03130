"""The cause of an alert in one record: its parts put together, and said in a sentence.

The verdict is read in this order. **data_fault**: a ranked column (of an alert that is not about inputs: any column) looks
broken (`faults.py`). **population_shift**: the inputs have moved, and where labels tell of a drop in performance, at
least half of it is what the moved inputs bring by themselves (`impact.py`). **relation_change**: the inputs are as in the baseline, or
do not explain the drop: the same inputs now mean something else, or another model answers. **undetermined**: the tiles cannot tell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitor.alerts.calibration import effect_for
from monitor.alerts.causes.attributes import Attribute, attributes_of
from monitor.alerts.causes.faults import fault_of
from monitor.alerts.causes.impact import impacts
from monitor.alerts.causes.numbers import Floats, absence_of, errors_of, place_of, positives_of, scores_of
from monitor.alerts.causes.refresh import NAMED_MAX
from monitor.alerts.causes.search import Searched, Side, moved_slices, worst_slices
from monitor.alerts.causes.series import cells_of, change_of
from monitor.alerts.effects import js_effect
from monitor.alerts.evidence.rivals import SERVICE_TESTS
from monitor.alerts.tolerances import DEFAULTS
from monitor.definitions import MonitoredModel
from monitor.findings import Alert, AlertKind, Cause, FeatureScore, Impact, Since, Span, Transition, Verdict, rfc3339
from monitor.metrics.slices import SLICED_KINDS
from monitor.tiles.merge import merge
from monitor.tiles.rows import Rows
from monitor.tiles.sample import sample
from monitor.tiles.tileset import Baseline, TileSet

HISTORY_MAX = 128
"""Windows, up to the one that fired, in which a change point is looked for."""
ROWS_MAX = 100_000
"""Rows of each side that are searched: a sample by id beyond it."""
EXAMPLES_MAX = 10
FAULTY_LINES_MAX = 5
"""Ranked lines that are looked at for a fault of the data."""
COLUMNS_MAX = 200
"""Columns that are looked at for one where the alert names none."""
EXPLAINED_SHARE = 0.5
"""Part of a drop in performance that moved inputs must explain to be its cause."""
_INPUT_KINDS = frozenset({AlertKind.DRIFT, AlertKind.QUALITY})


@dataclass(frozen=True, slots=True)
class Case:
    """An alert and what is known about it. `history` ascends and ends with the window that fired.

    `rows` are those since the change, with their labels; `baseline_rows` None where they are past their retention.
    """

    kind: AlertKind
    lines: Sequence[FeatureScore]
    model: MonitoredModel
    baseline: Baseline
    history: Sequence[tuple[Span, TileSet]]
    rows: Rows
    baseline_rows: Rows | None


def case_of(
    alert: Transition | Alert,
    model: MonitoredModel,
    baseline: Baseline,
    history: Sequence[tuple[Span, TileSet]],
    rows: Rows,
    baseline_rows: Rows | None,
) -> Case:
    kept = None if baseline_rows is None else sample(baseline_rows, ROWS_MAX)
    return Case(alert.kind, alert.features, model, baseline, history, sample(rows, ROWS_MAX), kept)


def since_of(
    kind: AlertKind, lines: Sequence[FeatureScore], history: Sequence[tuple[Span, TileSet]], baseline: Baseline
) -> Since | None:
    """When it began; None where the windows have no times or do not tell."""
    if not lines or not history or history[-1][0].end_ns is None:
        return None
    effect = _effect(baseline, int(np.median([tiles.rows for _, tiles in history])))
    found = change_of(kind, lines[0], [tiles for _, tiles in history], baseline, effect)
    if found is None:
        return None
    start = [span.start_ns or 0 for span, _ in history]
    return Since(start[found.at], start[found.low], start[found.high], from_the_first=found.low == 0)


def cause_of(case: Case) -> Cause:
    """The whole record."""
    since = since_of(case.kind, case.lines, case.history, case.baseline)
    changed = [tiles for span, tiles in case.history if since is None or (span.start_ns or 0) >= since.at_ns]
    tiles = merge(changed) if changed else TileSet(0)
    drifted = _drifted(case, tiles)
    fault = _fault(case, tiles)
    effect = _effect(case.baseline, len(case.rows))
    found, slices_of = _slices(case, tiles, effect)
    moved, impacts_of = _impacts(case, effect)
    verdict, feature, evidence = _of_service(case) or _verdict(case, fault, drifted, moved)
    declared = case.lines[0].slice if case.lines and case.kind in SLICED_KINDS else None
    part = declared or (found.slices[0].where if found.slices else None)
    cause = Cause(
        feature=feature,
        slice=part,
        verdict=verdict,
        evidence=evidence,
        since=since,
        slices=found.slices,
        slices_of=slices_of,
        candidates=found.candidates,
        impacts=moved,
        impacts_of=impacts_of,
        examples=_examples(case, feature),
        features=tuple(dict.fromkeys(line.feature for line in case.lines[:NAMED_MAX])),
    )
    return replace(cause, summary=_sentence(cause))


def _effect(baseline: Baseline, rows: int) -> float:
    return 1.0 if baseline.design_effects is None else effect_for(baseline.design_effects, max(rows, 1))


def _named(case: Case) -> list[str]:
    """Columns that the ranking names, pairs taken apart."""
    columns = case.baseline.grids.features.keys() | case.baseline.grids.prediction.keys()
    names = [name for line in case.lines[:FAULTY_LINES_MAX] for name in (line.feature, *line.feature.split("~"))]
    return [name for name in dict.fromkeys(names) if name in columns]


def _fault(case: Case, tiles: TileSet) -> tuple[str, str] | None:
    names = _named(case) if case.kind in _INPUT_KINDS else list(case.baseline.grids.features)[:COLUMNS_MAX]
    for name in names:
        told = fault_of(name, case.baseline, tiles, case.rows)
        if told is not None:
            return name, told
    return None


def _drifted(case: Case, tiles: TileSet) -> list[str]:
    """Inputs whose distance from the baseline is beyond the default tolerance, farthest first."""
    found = []
    for name, own in list(case.baseline.tiles.features.items())[:COLUMNS_MAX]:
        here = tiles.features.get(name)
        if here is None or type(here) is not type(own) or not here.n or not own.n:
            continue
        cells, own_cells = (cells_of(name, tile, case.baseline) for tile in (here, own))
        _, low, _ = js_effect(cells, own_cells, _effect(case.baseline, here.n))
        if low > DEFAULTS["js_distance"]:
            found.append((low, name))
    return [name for _, name in sorted(found, reverse=True)]


def _of_service(case: Case) -> tuple[Verdict, str | None, str] | None:
    """Of an alert that says nothing but that a candidate is slower or refuses more than the champion."""
    if not case.lines or any(line.metric not in SERVICE_TESTS for line in case.lines):
        return None
    told = f"the service, not the data: {case.lines[0].detail} of the champion in the same windows"
    return "undetermined", None, told


def _verdict(
    case: Case, fault: tuple[str, str] | None, drifted: Sequence[str], moved: Sequence[Impact]
) -> tuple[Verdict, str | None, str]:
    first = case.lines[0] if case.lines else None
    named = _named(case)
    feature = named[0] if named else None
    if fault is not None:
        return "data_fault", fault[0], fault[1]
    if case.kind is AlertKind.QUALITY:
        return "data_fault", feature, f"{first.feature}: {first.detail}" if first is not None else ""
    if case.kind is AlertKind.DRIFT:
        told = first.detail if first is not None and first.detail else "the inputs moved"
        return "population_shift", feature, f"the values are sound; {told}"
    if case.kind in (AlertKind.PERFORMANCE, AlertKind.PREDICTION_DRIFT, AlertKind.LABEL_DRIFT, AlertKind.FAIRNESS):
        return _of_outputs(case, drifted, moved)
    if drifted:
        return "population_shift", drifted[0], f"inputs moved too: {', '.join(drifted[:3])}"
    return "undetermined", feature, "no input moved beyond tolerance"


def _of_outputs(case: Case, drifted: Sequence[str], moved: Sequence[Impact]) -> tuple[Verdict, str | None, str]:
    if not drifted:
        return "relation_change", None, "every input is as in the baseline"
    feature = next((one.feature for one in moved if one.feature in drifted), drifted[0])
    impact = next((one for one in moved if one.feature == feature), None)
    if case.kind is AlertKind.PERFORMANCE and impact is not None and impact.within is not None:
        whole = impact.effect + impact.within
        share = impact.effect / whole if whole > 0 else 0.0
        if share < EXPLAINED_SHARE:
            told = f"the inputs moved ({feature} most), which explains {max(0.0, 100 * share):.0f} % of the change"
            return "relation_change", feature, told
        return (
            "population_shift",
            feature,
            f"{feature} moved, which explains {min(100.0, 100 * share):.0f} % of the change",
        )
    return "population_shift", feature, f"inputs moved: {', '.join(drifted[:3])}"


def _sides(
    case: Case, attributes: Sequence[Attribute], here: Floats | None, there: Floats | None
) -> tuple[Side, Side] | None:
    if case.baseline_rows is None or not len(case.rows):
        return None
    window = Side([one.codes(case.rows) for one in attributes], here)
    return window, Side([one.codes(case.baseline_rows) for one in attributes], there)


def _slices(case: Case, tiles: TileSet, effect: float) -> tuple[Searched, str]:
    """Where the alert's own number moved more than elsewhere."""
    named = _named(case)
    attributes = attributes_of(case.baseline, without=named[:1] if case.kind in _INPUT_KINDS else ())
    if case.baseline_rows is None:
        return Searched((), 0), ""
    here, there, what = _number(case, tiles, named[0] if named else None)
    sides = _sides(case, attributes, here, there)
    if sides is None:
        return Searched((), 0), what
    if here is None:
        return moved_slices(attributes, *sides, effect=effect), "share"
    worse = 1 if case.kind in (AlertKind.PERFORMANCE, AlertKind.QUALITY) else 0
    return worst_slices(attributes, *sides, effect=effect, worse=worse), what


def _number(case: Case, tiles: TileSet, feature: str | None) -> tuple[Floats | None, Floats | None, str]:
    grids, model, own = case.baseline.grids, case.model, case.baseline_rows
    assert own is not None  # noqa: S101  (asked by _slices)
    if case.kind is AlertKind.PERFORMANCE:
        return errors_of(case.rows, grids, model), errors_of(own, grids, model), "error"
    if case.kind is AlertKind.LABEL_DRIFT:
        return positives_of(case.rows, grids, model), positives_of(own, grids, model), "label"
    if case.kind in (AlertKind.PREDICTION_DRIFT, AlertKind.FAIRNESS):
        return scores_of(case.rows, grids, model), scores_of(own, grids, model), "score"
    if case.kind in _INPUT_KINDS and feature is not None and feature in case.rows.columns and feature in own.columns:
        grid, tile = grids.features.get(feature), case.baseline.tiles.features.get(feature)
        here = tiles.features.get(feature)
        if grid is not None and case.lines[0].metric == "missing_ratio":
            return (
                absence_of(case.rows.columns[feature], grid),
                absence_of(own.columns[feature], grid),
                f"{feature} missing",
            )
        if grid is not None and tile is not None and here is not None:
            return (
                place_of(case.rows.columns[feature], grid, tile, here),
                place_of(own.columns[feature], grid, tile, here),
                feature,
            )
    return None, None, "share"


def _impacts(case: Case, effect: float) -> tuple[tuple[Impact, ...], str]:
    own = case.baseline_rows
    if own is None:
        return (), ""
    grids, model = case.baseline.grids, case.model
    there, what = errors_of(own, grids, model), "error"
    here = errors_of(case.rows, grids, model)
    if there is None:
        there, here, what = scores_of(own, grids, model), scores_of(case.rows, grids, model), "score"
    attributes = attributes_of(case.baseline)
    sides = _sides(case, attributes, here, there)
    return ((), "") if sides is None or there is None else (impacts(attributes, *sides, effect=effect), what)


def _examples(case: Case, feature: str | None) -> tuple[str, ...]:
    """Rows of the feature's bin that gained most; of an alert about errors wrongly decided ones. Newest last."""
    rows = case.rows
    chosen = np.ones(len(rows), np.bool_)
    errors = errors_of(rows, case.baseline.grids, case.model) if case.kind is AlertKind.PERFORMANCE else None
    if errors is not None:
        chosen = np.nan_to_num(errors) > 0
    elif feature is not None:
        chosen = _gained(case, feature)
    at = np.flatnonzero(chosen)[-EXAMPLES_MAX:]
    return tuple(rows.take(at).prediction_ids())


def _gained(case: Case, feature: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    column, grid = case.rows.columns.get(feature), case.baseline.grids.features.get(feature)
    attribute = next((one for one in attributes_of(case.baseline) if one.column == feature), None)
    if column is None or grid is None:
        return np.ones(len(case.rows), np.bool_)
    absent = absence_of(column, grid) > 0
    own = case.baseline.tiles.features[feature]
    if attribute is None or absent.mean() > own.n_missing / max(own.rows, 1) + 0.01:
        return np.asarray(absent if absent.any() else np.ones(len(case.rows), np.bool_))
    codes = attribute.codes(case.rows) + 1
    here = np.bincount(codes, minlength=len(attribute.conditions) + 1) / max(len(codes), 1)
    there = np.zeros(len(here))
    if case.baseline_rows is not None and len(case.baseline_rows):
        own_codes = attribute.codes(case.baseline_rows) + 1
        there = np.bincount(own_codes, minlength=len(here)) / len(own_codes)
    return np.asarray(codes == int(np.argmax(here - there)))


_WORDS: dict[Verdict, str] = {
    "data_fault": "A fault of the data",
    "population_shift": "Another population",
    "relation_change": "The same inputs mean something else",
    "undetermined": "No cause in the inputs",
}
_SECONDS = re.compile(r"(\d\d:\d\d)(:00(?:\.0+)?)?Z$")


def _sentence(cause: Cause) -> str:
    """The record in a line."""
    parts = [f"{_WORDS[cause.verdict]}: {cause.evidence}"]
    if cause.slice is not None:
        parts.append(f"most where {cause.slice}" if cause.slices else f"in {cause.slice}")
    if cause.since is not None:
        parts.append(_spoken(cause.since))
    return "; ".join(parts)


def _spoken(since: Since) -> str:
    at, low, high = (_time(ns) for ns in (since.at_ns, since.low_ns, since.high_ns))
    around = "" if low == high else f" ({low} to {high})"
    return f"since {at}{around}" + (", the first window that is kept" if since.from_the_first and at == low else "")


def _time(ns: int) -> str:
    return _SECONDS.sub(r"\1Z", (rfc3339(ns) or "").replace("T", " "))
