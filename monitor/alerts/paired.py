"""Two versions that answered the same requests (a shadow): each prediction with its pair, so that what the requests were is no noise.

Disagreement of the classes, the difference of the scores or values, and, with labels, which of the two is right more often:
of the pairs where one is right and the other is wrong, each is as likely under equal accuracy (McNemar, exact).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from monitor.alerts.effects import Z, wilson
from monitor.definitions import MonitoredModel
from monitor.tiles.coding import numbers
from monitor.tiles.rows import Column, Rows

PAIRS_MIN = 20
"""Fewer pairs say nothing of a mean."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Difference:
    """A number of the pairs with its 95 % interval, and the two-sided p-value that it is nothing where there is a test."""

    metric: str
    value: float
    low: float
    high: float
    n: int
    p: float | None = None


def paired(version: Rows, control: Rows, model: MonitoredModel) -> tuple[int, tuple[Difference, ...]]:
    """How many predictions have a pair, and what the pairs say. Tied by trace and row, or by prediction id."""
    here, there = pairs(version, control)
    version, control = version.take(here), control.take(there)
    if len(here) < PAIRS_MIN:
        return len(here), ()
    outputs = model.prediction
    found = [
        _disagreement(version, control, outputs.class_),
        _mean_difference("score_difference", version, control, outputs.score),
        _mean_difference("value_difference", version, control, outputs.value),
        _right(version, control, outputs.class_),
        _closer(version, control, outputs.value),
    ]
    return len(here), tuple(one for one in found if one is not None)


def pairs(version: Rows, control: Rows) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Places of the predictions of one request in both. A name that stands twice on a side ties nothing."""
    known = _places(control)
    found = [(i, j) for name, i in _places(version).items() if i >= 0 and (j := known.get(name, -1)) >= 0]
    both = np.array(found, np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _places(rows: Rows) -> dict[tuple[str, int] | str, int]:
    traces = [None] * len(rows) if rows.trace is None else rows.trace.tolist()
    places: dict[tuple[str, int] | str, int] = {}
    for i, (name, trace, row) in enumerate(zip(rows.prediction_ids(), traces, rows.row.tolist(), strict=True)):
        key: tuple[str, int] | str = name if trace is None else (trace, row)
        places[key] = -1 if key in places else i
    return places


def _known(*columns: Column) -> Mask:
    there = np.ones(len(columns[0]), np.bool_)
    for column in columns:
        there &= ~column.missing if column.missing is not None else True
    return there


def _same(one: Column, other: Column) -> Mask:
    return np.array([str(a) == str(b) for a, b in zip(one.values.tolist(), other.values.tolist(), strict=True)], bool)


def _disagreement(version: Rows, control: Rows, name: str | None) -> Difference | None:
    if name is None or name not in version.columns or name not in control.columns:
        return None
    own, other = version.columns[name], control.columns[name]
    there = _known(own, other)
    n, k = int(there.sum()), int((there & ~_same(own, other)).sum())
    if n < PAIRS_MIN:
        return None
    low, high = wilson(k, n)
    return Difference("class_disagreement", k / n, low, high, n)


def _mean_difference(metric: str, version: Rows, control: Rows, name: str | None) -> Difference | None:
    if name is None or name not in version.columns or name not in control.columns:
        return None
    own, other = version.columns[name], control.columns[name]
    return _mean(metric, (numbers(own)[0] - numbers(other)[0])[_known(own, other)])


def _mean(metric: str, away: npt.NDArray[np.float64]) -> Difference | None:
    away = away[np.isfinite(away)]
    if len(away) < PAIRS_MIN:
        return None
    mean, error = float(away.mean()), float(away.std(ddof=1)) / len(away) ** 0.5
    p = (1.0 if mean == 0 else 0.0) if error == 0 else float(2 * stats.t.sf(abs(mean) / error, len(away) - 1))
    half = float(stats.t.isf(0.025, len(away) - 1)) * error
    return Difference(metric, mean, mean - half, mean + half, len(away), p)


def _right(version: Rows, control: Rows, name: str | None) -> Difference | None:
    """Accuracy of the version less the control's."""
    label = version.label if version.label is not None else control.label
    if label is None or name is None or name not in version.columns or name not in control.columns:
        return None
    own, other = version.columns[name], control.columns[name]
    there = _known(own, other, label)
    n = int(there.sum())
    if n < PAIRS_MIN:
        return None
    first, second = _same(own, label)[there], _same(other, label)[there]
    better, worse = int((first & ~second).sum()), int((~first & second).sum())
    value = (better - worse) / n
    half = Z * max(0.0, (better + worse) / n - value**2) ** 0.5 / n**0.5
    p = float(stats.binomtest(better, better + worse).pvalue) if better + worse else 1.0
    return Difference("accuracy_difference", value, max(-1.0, value - half), min(1.0, value + half), n, p)


def _closer(version: Rows, control: Rows, name: str | None) -> Difference | None:
    """Absolute error of the version less the control's: below zero the version is better."""
    label = version.label if version.label is not None else control.label
    if label is None or name is None or name not in version.columns or name not in control.columns:
        return None
    own, other = version.columns[name], control.columns[name]
    truth = numbers(label)[0]
    away = np.abs(numbers(own)[0] - truth) - np.abs(numbers(other)[0] - truth)
    return _mean("absolute_error_difference", away[_known(own, other, label)])
