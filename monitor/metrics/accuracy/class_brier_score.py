"""Brier score of several classes."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.accuracy.forecasts import ClassForecastMetric, mean_of
from monitor.tiles.forecast import BRIER, ClassForecastTile


def class_brier_score(tile: ClassForecastTile) -> Value:
    """Mean squared distance of the probabilities of all classes from what came true.

    **What it tells.** How good the probabilities are; bounded, so that no row decides alone.

    **Formula.** mean of Σ over classes of (p - [the class is true])², as Brier had it: for two classes twice `brier_score`.

    **Range.** 0 to 2.

    **How to read.** Against the baseline's own. It needs declared `probabilities`. The interval is the normal law's.

    **When it misleads.** A forecast of the shares of the classes alone has a good score where one of them is frequent.

    **Reference.** Brier 1950; `sklearn.metrics.brier_score_loss(scale_by_half=False)`.

    >>> import numpy as np
    >>> from monitor.definitions import Label, MonitoredModel, Prediction
    >>> from monitor.tiles.forecasting import forecast_of
    >>> from monitor.tiles.rows import Column, Rows
    >>> at, one = np.arange(4), np.ones(4, np.int32)
    >>> columns = {"a": Column(np.array([0.7, 0.2, 0.1, 0.5])), "b": Column(np.array([0.2, 0.5, 0.3, 0.3])), "c": Column(np.array([0.1, 0.3, 0.6, 0.2]))}
    >>> rows = Rows(at, at.astype(object), one - 1, one, columns, Column(np.array(["a", "b", "c", "b"], object)))
    >>> said = Prediction(class_="k", probabilities={"a": "a", "b": "b", "c": "c"})
    >>> tile = forecast_of(rows, MonitoredModel("m", prediction=said, label=Label("y")))
    >>> round(class_brier_score(tile).value, 4)
    0.39
    """
    total, squares = tile.sums[BRIER].tolist()
    return mean_of(total, squares, tile.labelled, 2.0)


CLASS_BRIER_SCORE = ClassForecastMetric(
    name="class_brier_score",
    prometheus="outrider_class_brier_score",
    help="Brier score of the declared probabilities of several classes (0 to 2).",
    of=class_brier_score,
)
