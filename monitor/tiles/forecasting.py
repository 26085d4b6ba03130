"""From rows to the tiles of forecasts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from monitor.definitions import MonitoredModel
from monitor.tiles.class_scores import class_cells
from monitor.tiles.coding import MISSING, encode, numbers
from monitor.tiles.estimator import CLASS_CELLS
from monitor.tiles.forecast import BINS, BRIER, LOG_LOSS, RANKED, ClassForecastTile, ForecastTile, QuantileTile
from monitor.tiles.rows import Column, Rows

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SUM_ERROR_MAX = 0.01
"""By which probabilities may miss 1 in sum: rounded to two digits they do. They are divided by it."""
PROBABILITY_MIN = float(np.finfo(np.float64).eps)
"""Least probability in a log loss, as scikit-learn has it: certain and wrong costs 36, not infinity."""


def forecast_of(rows: Rows, model: MonitoredModel) -> ForecastTile | None:
    """None where the declaration names neither probabilities nor quantiles, or the rows lack one of their columns."""
    prediction = model.prediction
    names = tuple((prediction.probabilities or prediction.quantiles).values())
    if model.label is None or not names or any(name not in rows.columns for name in names):
        return None
    table = table_of(rows, names)
    if prediction.probabilities:
        return _of_classes(table, rows.label, tuple(prediction.probabilities))
    return _of_quantiles(table, rows.label, tuple(prediction.quantiles))


def table_of(rows: Rows, names: tuple[str, ...]) -> Floats:
    """Columns of numbers side by side; NaN where a row has none."""
    return np.stack([_plain(rows.columns[name]) for name in names], axis=1) if len(rows) else np.zeros((0, len(names)))


def add_up(table: Floats) -> Bools:
    """Rows whose probabilities are none too small or large, and miss 1 in sum by at most SUM_ERROR_MAX."""
    near: Bools = np.abs(table.sum(axis=1) - 1.0) <= SUM_ERROR_MAX
    return near & (table >= 0.0).all(axis=1) & (table <= 1.0).all(axis=1)


def _plain(column: Column) -> Floats:
    values, missing = numbers(column)
    return values if missing is None else np.where(missing, np.nan, values)


def _of_classes(table: Floats, label: Column | None, classes: tuple[str, ...]) -> ClassForecastTile:
    n, k = table.shape
    tile = ClassForecastTile.empty(classes)
    if label is None:
        return ClassForecastTile(classes, tile.sums, tile.ranks, tile.bins, tile.ranking, unlabelled=n)
    codes = encode(label, classes).codes
    labelled = codes != MISSING
    total = table.sum(axis=1)
    usable = labelled & (codes < k) & add_up(table)
    p, y = table[usable] / total[usable, None], codes[usable]
    m = len(y)
    true = np.zeros((m, k))
    true[np.arange(m), y] = 1.0
    own = p[np.arange(m), y]
    losses = np.stack(
        [
            -np.log(np.maximum(own, PROBABILITY_MIN)),
            np.square(p - true).sum(axis=1),
            np.square(np.cumsum(p - true, axis=1)[:, :-1]).sum(axis=1) / max(k - 1, 1),
        ]
    )
    sums = np.zeros((3, 2))
    for at in (LOG_LOSS, BRIER, RANKED):
        sums[at] = losses[at].sum(), np.square(losses[at]).sum()
    # Of classes that are equally likely the first declared comes first.
    before = (p > own[:, None]).sum(axis=1) + ((p == own[:, None]) & (np.arange(k) < y[:, None])).sum(axis=1)
    bins = np.stack([_binned(p[:, c], y == c) for c in range(k)] + [_likeliest(p, y)])
    unlabelled = int(n - labelled.sum())
    ranks = np.bincount(before, minlength=k)
    cells = class_cells(p)
    ranking = [np.bincount(cells[:, c] * 2 + (y == c), minlength=2 * CLASS_CELLS).reshape(-1, 2) for c in range(k)]
    return ClassForecastTile(
        classes, sums, ranks, bins, np.stack(ranking).astype(np.int64), unlabelled, int(labelled.sum()) - m
    )


def _likeliest(p: Floats, y: npt.NDArray[np.int64]) -> Floats:
    said = p.argmax(axis=1) if len(p) else np.zeros(0, np.int64)
    return _binned(p[np.arange(len(p)), said], said == y)


def _binned(p: Floats, hit: Bools) -> Floats:
    """Rows, sum of probabilities and hits by bin: (0, 0.1], …, the first closed."""
    at = np.clip(np.ceil(p * BINS).astype(np.int64) - 1, 0, BINS - 1)
    return np.stack([np.bincount(at, w, BINS) for w in (np.ones(len(p)), p, hit.astype(np.float64))], axis=1)


def _of_quantiles(table: Floats, label: Column | None, levels: tuple[float, ...]) -> QuantileTile:
    if label is None:
        return QuantileTile(levels, *_nothing(levels), unlabelled=len(table))
    truth = _plain(label)
    labelled = np.isfinite(truth)
    usable = labelled & np.isfinite(table).all(axis=1)
    q, y = table[usable], truth[usable, None]
    away = y - q
    tau = np.array(levels)
    loss = np.maximum(tau * away, (tau - 1.0) * away)
    return QuantileTile(
        levels,
        np.stack([loss.sum(axis=0), np.square(loss).sum(axis=0)], axis=1),
        (away <= 0.0).sum(axis=0).astype(np.int64),
        labelled=len(y),
        inside=int(((y[:, 0] >= q[:, 0]) & (y[:, 0] <= q[:, -1])).sum()),
        crossed=int((np.diff(q, axis=1) < 0.0).any(axis=1).sum()),
        unlabelled=int(len(table) - labelled.sum()),
        unusable=int(labelled.sum() - usable.sum()),
    )


def _nothing(levels: tuple[float, ...]) -> tuple[Floats, npt.NDArray[np.int64]]:
    return np.zeros((len(levels), 2)), np.zeros(len(levels), np.int64)
