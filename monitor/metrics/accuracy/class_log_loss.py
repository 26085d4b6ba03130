"""Log loss of probabilities of several classes."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.accuracy.forecasts import ClassForecastMetric, mean_of
from monitor.tiles.forecast import LOG_LOSS, ClassForecastTile


def class_log_loss(tile: ClassForecastTile) -> Value:
    """Mean of -ln of the probability that a forecast gave the class that came true.

    **What it tells.** How good the probabilities are, where all of them matter and not only which is the largest.

    **Formula.** mean of -ln p(true class), p divided by its sum and at least 2.2e-16, as scikit-learn has it.

    **Range.** 0 upward; ln k for k classes that are all said to be equally likely.

    **How to read.** Against the baseline's own. It needs `prediction: {class: …, probabilities: {a: p_a, b: p_b, …}}`. Rows whose
    label is no declared class, or whose probabilities are 0.01 or more off 1 in sum, are left out and counted. The interval is the normal law's.

    **When it misleads.** One row that is certain and wrong costs 36: see `class_brier_score`, which is bounded.

    **Reference.** `sklearn.metrics.log_loss`.

    >>> import numpy as np
    >>> from monitor.definitions import Label, MonitoredModel, Prediction
    >>> from monitor.tiles.forecasting import forecast_of
    >>> from monitor.tiles.rows import Column, Rows
    >>> at, one = np.arange(4), np.ones(4, np.int32)
    >>> columns = {"a": Column(np.array([0.7, 0.2, 0.1, 0.5])), "b": Column(np.array([0.2, 0.5, 0.3, 0.3])), "c": Column(np.array([0.1, 0.3, 0.6, 0.2]))}
    >>> rows = Rows(at, at.astype(object), one - 1, one, columns, Column(np.array(["a", "b", "c", "b"], object)))
    >>> said = Prediction(class_="k", probabilities={"a": "a", "b": "b", "c": "c"})
    >>> tile = forecast_of(rows, MonitoredModel("m", prediction=said, label=Label("y")))
    >>> round(class_log_loss(tile).value, 4)
    0.6912
    """
    total, squares = tile.sums[LOG_LOSS].tolist()
    return mean_of(total, squares, tile.labelled)


CLASS_LOG_LOSS = ClassForecastMetric(
    name="class_log_loss",
    prometheus="outrider_class_log_loss",
    help="Log loss of the declared probabilities of several classes (0 upward).",
    of=class_log_loss,
)
