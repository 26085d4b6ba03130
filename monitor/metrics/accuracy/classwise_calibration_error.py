"""Calibration error of the probability of every class."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.accuracy.binned_calibration import calibration_error
from monitor.metrics.accuracy.forecasts import ClassForecastMetric
from monitor.tiles.forecast import ClassForecastTile


def classwise_calibration_error(tile: ClassForecastTile) -> Value:
    """How far the probability of every class and what came true are apart, freed of what chance adds.

    **What it tells.** Whether 0.7 means that 70 in 100 come true.

    **Formula.** Σ over classes and ten bins of equal width (rows in the bin / rows / classes) · |share of the class - mean probability of it|; less what
    calibrated probabilities would have by chance, as `expected_calibration_error` does it.

    **Range.** 0 (calibrated) to 1.

    **How to read.** It needs declared `probabilities`. The interval goes down by all that chance can have added, so its lower end is 0 where it explains the error.

    **When it misleads.** Errors of both signs within a bin cancel; with many classes most probabilities are near 0 and so is the mean.

    **Reference.** Kull et al. 2019 (classwise ECE); Bröcker 2012 (the bias).

    >>> import numpy as np
    >>> from monitor.definitions import Label, MonitoredModel, Prediction
    >>> from monitor.tiles.forecasting import forecast_of
    >>> from monitor.tiles.rows import Column, Rows
    >>> at, one = np.arange(4), np.ones(4, np.int32)
    >>> columns = {"a": Column(np.array([0.7, 0.2, 0.1, 0.5])), "b": Column(np.array([0.2, 0.5, 0.3, 0.3])), "c": Column(np.array([0.1, 0.3, 0.6, 0.2]))}
    >>> rows = Rows(at, at.astype(object), one - 1, one, columns, Column(np.array(["a", "b", "c", "b"], object)))
    >>> said = Prediction(class_="k", probabilities={"a": "a", "b": "b", "c": "c"})
    >>> tile = forecast_of(rows, MonitoredModel("m", prediction=said, label=Label("y")))
    >>> found = classwise_calibration_error(tile)
    >>> 0.0 <= found.low <= found.value <= found.high <= 1.0
    True
    """
    return calibration_error(tile.bins[:-1], tile.labelled)


CLASSWISE_CALIBRATION_ERROR = ClassForecastMetric(
    name="classwise_calibration_error",
    prometheus="outrider_classwise_calibration_error",
    help="Mean gap of probability and share over bins of every class (0 to 1).",
    of=classwise_calibration_error,
)
