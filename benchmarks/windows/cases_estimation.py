"""Performance without labels: scores, decisions and groups into estimated accuracy, F1, precision, recall and ROC AUC of
each of four groups and of all rows; Outrider's way, and what plain NumPy would do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from data import ESTIMATED_GROUPS

from monitor.definitions import Feature, Label, MonitoredModel, Prediction
from monitor.metrics.estimation import freeze
from monitor.metrics.metric import Comparison
from monitor.metrics.registry import METRICS
from monitor.tiles.baseline import build_baseline
from monitor.tiles.rows import Column, Rows
from monitor.tiles.tileset import Baseline, TileSet

MODEL = MonitoredModel(
    "benchmark",
    task="binary",
    features=(Feature("x", "numeric"),),
    prediction=Prediction(score="p", class_="yhat"),
    label=Label("y"),
    groups=("g",),
)
NAMES = ("accuracy", "f1", "precision", "recall", "roc_auc")


def rows_of(columns: dict[str, np.ndarray], *, labelled: bool) -> Rows:
    n = len(columns["p"])
    ids = np.empty(n, object)
    order = np.arange(n, dtype=np.int64)
    found = {name: Column(values) for name, values in columns.items() if name != "y"}
    label = Column(columns["y"]) if labelled else None
    return Rows(order, ids, np.zeros(n, np.int32), np.ones(n, np.int32), found, label)


def ours(before: dict[str, np.ndarray], now: dict[str, np.ndarray]) -> Callable[[], object]:
    rows = rows_of(before, labelled=True)
    plain = build_baseline(rows, MODEL, time_ordered=False)
    estimator = freeze.fit(rows, plain.grids, MODEL)
    tiles = freeze.with_estimates(plain.tiles, rows, estimator, plain.grids, MODEL)
    baseline = Baseline(plain.id, plain.rows, plain.grids, tiles, estimator=estimator)
    names = {f"estimated_{name}" for name in NAMES} | {"estimated_equal_opportunity_difference"}
    metrics = [metric for metric in METRICS if metric.name in names]
    window = rows_of(now, labelled=False)

    def run() -> object:
        counted = freeze.with_estimates(TileSet(len(window)), window, estimator, plain.grids, MODEL)
        comparison = Comparison(baseline, counted, MODEL)
        return [measurement for metric in metrics for measurement in metric.measure(comparison)]

    return run


def numpy_way(now: dict[str, np.ndarray]) -> Callable[[], object]:
    """The same counts without curve, cells or intervals: what a loop over groups would do, without ROC AUC."""
    p, said, group = now["p"], now["yhat"].astype(bool), now["g"]

    def run() -> object:
        found = []
        for which in (None, *range(ESTIMATED_GROUPS)):
            inside = slice(None) if which is None else group == which
            c, chosen = p[inside], said[inside]
            true, positives, selected = c[chosen].sum(), c.sum(), chosen.sum()
            negatives = len(c) - positives
            found.append((true / positives, true / selected, (true + negatives - (selected - true)) / len(c)))
        return found

    return run
