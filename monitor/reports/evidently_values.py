"""Metrics and presets of Evidently as measurements of a window. A plain function of its arguments, for a process pool."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from collectors.records.categories import canonical_category
from monitor.definitions import MonitoredModel
from monitor.definitions.evidently import NEED_LABELS, OF_COLUMNS, OF_NUMBERS, PRESETS
from monitor.findings import Measurement, Status, Value
from monitor.metrics.foreign import FOREIGN, kind_of, unsaid
from monitor.metrics.metric import nothing
from monitor.reports.evidently_frames import (
    ROWS_MAX,
    Frame,
    Kind,
    has_values,
    inert,
    names_of,
    numbers_of,
    quiet,
    shared_columns,
    values_of,
    without_value,
)
from monitor.tiles.rows import Column, Rows
from monitor.tiles.sample import sample

QUANTILES = (0.25, 0.5, 0.75)
_REASON_CHARS = 200
_TARGET, _CLASS, _SCORE = "target", "class", "score"


def values(
    reference: Rows, current: Rows, model: MonitoredModel, names: Sequence[str], window_rows: int | None = None
) -> list[Measurement]:
    """What each of the named metrics and presets says of a window beside its baseline, once each; what it cannot say has its reason.

    At most ROWS_MAX rows of each side enter, chosen by their prediction ids; the window may be a sample already, of `window_rows`.
    Rows carry their labels in `label`.
    """
    of_rows = [name for name in names if name not in NEED_LABELS]
    of_labels = [name for name in names if name in NEED_LABELS]
    before, after = sample(reference, ROWS_MAX), sample(current, ROWS_MAX)
    found = [*_of_columns(before, after, model, of_rows), *_of_labels(after, model, of_labels)]
    of = max(window_rows or 0, len(current))
    if len(after) < of:
        found = [_with_reason(m, f"a sample of {len(after):,} of {of:,} rows") for m in found]
    ranged = {metric for check in model.checks.values() for metric in check.tolerance}
    found = [_as_sure(m) if m.metric in ranged else m for m in found]
    return list({(m.metric, m.feature): m for m in found}.values())


def _with_reason(m: Measurement, reason: str) -> Measurement:
    told = reason if m.value.reason is None else f"{m.value.reason}; {reason}"
    return replace(m, value=replace(m.value, reason=told))


def _as_sure(m: Measurement) -> Measurement:
    """Where a range is declared: Evidently knows no interval, so the value is held against the range as it is."""
    return replace(m, value=replace(m.value, low=m.value.value, high=m.value.value))


def _of_columns(before: Rows, after: Rows, model: MonitoredModel, names: Sequence[str]) -> list[Measurement]:
    if not names:
        return []
    if not len(before) or not len(after):
        side = "window" if len(before) else "baseline"
        return unsaid(names, Status.NO_DATA, f"the {side} has no rows")
    kinds = shared_columns(before, after, model)
    sides = values_of(before, after, kinds)
    empty = [name for name in kinds if not all(has_values(side[name]) for side in sides)]
    kinds = {name: kind for name, kind in kinds.items() if name not in empty}
    if not kinds:
        return unsaid(names, Status.NO_DATA, "no column has values on both sides")
    with quiet():
        definition = _library("evidently").DataDefinition(
            numerical_columns=[inert(name) for name, kind in kinds.items() if kind == "numeric"],
            categorical_columns=[inert(name) for name, kind in kinds.items() if kind == "categorical"],
        )
        current, reference = (_dataset({inert(n): side[n] for n in kinds}, definition) for side in sides)
        known = {inert(name): name for name in kinds}
        missing: dict[str | None, int] = {name: _missing(sides[0], name) for name in kinds}
        return _run(names, kinds, _Sides(current, reference, known, missing, len(before), len(after)))


def _of_labels(after: Rows, model: MonitoredModel, names: Sequence[str]) -> list[Measurement]:
    if not names:
        return []
    rows, absent = _labelled(after)
    label = rows.label
    if model.label is None or label is None or not len(rows):
        reason = "no label has come yet" if len(after) else "the window has no rows"
        return unsaid(names, Status.NO_DATA, reason, n_missing=absent)
    with quiet():
        made = _regression(rows, label, model) if model.prediction.value else _classification(rows, label, model)
        if made is None:
            return unsaid(names, Status.NO_DATA, "the rows have no column of the prediction", n_window=len(rows))
        return _run(names, {}, _Sides(made, None, {}, {None: absent}, 0, len(rows)))


def _regression(rows: Rows, label: Column, model: MonitoredModel) -> Any | None:
    said = rows.columns.get(model.prediction.value or "")
    if said is None:
        return None
    library = _library("evidently")
    form = library.Regression(target=_TARGET, prediction=_CLASS)
    definition = library.DataDefinition(numerical_columns=[_TARGET, _CLASS], regression=[form])
    return _dataset({_TARGET: numbers_of(label), _CLASS: numbers_of(said)}, definition)


def _classification(rows: Rows, label: Column, model: MonitoredModel) -> Any | None:
    """Of two classes with the score where there is one, else by the classes alone."""
    frame: Frame = {_TARGET: names_of(label)}
    said = {}
    names, score = rows.columns.get(model.prediction.class_ or ""), rows.columns.get(model.prediction.score or "")
    binary = model.task == "binary" or (model.task is None and model.prediction.score is not None)
    if names is not None:
        frame[_CLASS], said["prediction_labels"] = names_of(names), _CLASS
    if score is not None and binary:
        frame[_SCORE], said["prediction_probas"] = numbers_of(score), _SCORE
    if not said:
        return None
    library = _library("evidently")
    if binary and model.label is not None:
        positive = canonical_category(model.label.positive)
        form = library.BinaryClassification(target=_TARGET, pos_label=positive, **said)
    else:
        form = library.MulticlassClassification(target=_TARGET, **said)
    definition = library.DataDefinition(
        numerical_columns=[name for name in (_SCORE,) if name in frame],
        categorical_columns=[name for name in (_TARGET, _CLASS) if name in frame],
        classification=[form],
    )
    return _dataset(frame, definition)


@dataclass(frozen=True, slots=True)
class _Sides:
    """What a report is made of, and what is known of it: inert names → names, missing values by feature, rows."""

    current: Any
    reference: Any
    known: Mapping[str, str]
    missing: Mapping[str | None, int]
    n_baseline: int
    n_window: int


def _run(names: Sequence[str], kinds: Mapping[str, Kind], sides: _Sides) -> list[Measurement]:
    """All in one report; where that fails, each by itself, so that one costs no other its value."""
    try:
        return _reported([one for name in names for one in _made(name, kinds)], sides)
    except Exception:  # noqa: BLE001  another library, which may fail in any way: asked again one by one
        found = []
        for name in names:
            try:
                found += _reported(_made(name, kinds), sides)
            except Exception as error:  # noqa: BLE001  the reason is told
                reason = f"Evidently failed: {type(error).__name__}: {error}"[:_REASON_CHARS]
                found += unsaid([name], Status.UNDEFINED, reason, n_baseline=sides.n_baseline, n_window=sides.n_window)
        return found


def _made(name: str, kinds: Mapping[str, Kind]) -> list[Any]:
    if name in PRESETS:
        return [getattr(_library("evidently.presets"), name)()]
    metric = getattr(_library("evidently.metrics"), name)
    if name not in OF_COLUMNS:
        return [metric()]
    columns = [inert(column) for column, kind in kinds.items() if name not in OF_NUMBERS or kind == "numeric"]
    if name == "QuantileValue":
        return [metric(column=column, quantile=quantile) for column in columns for quantile in QUANTILES]
    return [metric(column=column) for column in columns]


def _reported(metrics: Sequence[Any], sides: _Sides) -> list[Measurement]:
    if not metrics:
        return []
    snapshot = _library("evidently").Report(list(metrics)).run(sides.current, sides.reference)
    found = []
    for one in snapshot.dict()["metrics"]:
        config, value = one["config"], one["value"]
        name = str(config["type"]).rsplit(":", 1)[-1]
        column = config.get("column")
        feature = None if column is None else sides.known.get(column, column)
        form = f"QuantileValue({config['quantile']:g})" if name == "QuantileValue" else name
        reason = f"{config['method']}; Evidently's threshold {config['threshold']:g}" if name == "ValueDrift" else None
        for metric in FOREIGN.get(form, ()):
            told = _value(_part(value, metric.part), reason, sides, feature)
            found.append(Measurement(metric.name, kind_of(name), feature, None, told))
    return found


def _value(found: object, reason: str | None, sides: _Sides, feature: str | None) -> Value:
    missing = sides.missing.get(feature, 0)
    if isinstance(found, int | float) and math.isfinite(found):
        return Value(
            float(found), n_baseline=sides.n_baseline, n_window=sides.n_window, n_missing=missing, reason=reason
        )
    reason = f"Evidently gives {found!r}"[:_REASON_CHARS]
    counts = {"n_baseline": sides.n_baseline, "n_window": sides.n_window, "n_missing": missing}
    return nothing(Status.UNDEFINED, reason, **counts)


def _part(value: Any, part: str | None) -> object:
    if part is None or not isinstance(value, Mapping):
        return value
    return len(value.get("counts", value)) if part == "len" else value.get(part)


def load() -> None:
    """Import all that is needed here and of the report: seconds, which the first to be asked need not wait for."""
    with quiet():
        for name in ("pandas", "evidently", "evidently.presets", "evidently.metrics"):
            _library(name)


def _library(name: str) -> Any:
    """A module of Evidently's, imported where its telemetry is off, and nowhere else."""
    return importlib.import_module(name)


def _dataset(frame: Frame, definition: Any) -> Any:
    import pandas as pd  # noqa: PLC0415  (a second of start-up, for those who ask)

    return _library("evidently").Dataset.from_pandas(pd.DataFrame(frame), data_definition=definition)


def _missing(side: Frame, name: str) -> int:
    return int(np.count_nonzero(without_value(side[name])))


def _labelled(rows: Rows) -> tuple[Rows, int]:
    """The rows whose label has come, and how many have none."""
    label: Column | None = rows.label
    if label is None:
        return rows.take(slice(0, 0)), len(rows)
    there = np.ones(len(rows), np.bool_) if label.missing is None else ~label.missing
    return rows.take(there), int(len(rows) - there.sum())
