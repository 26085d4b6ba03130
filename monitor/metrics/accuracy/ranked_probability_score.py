"""Ranked probability score."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.accuracy.forecasts import ClassForecastMetric, mean_of
from monitor.tiles.forecast import RANKED, ClassForecastTile


def ranked_probability_score(tile: ClassForecastTile) -> Value:
    """Mean squared distance of cumulated probabilities from what came true: a miss by one class costs less than by three.

    **What it tells.** How good the probabilities of *ordered* classes are (ratings, stages, bands).

    **Formula.** mean of Σ over the first k - 1 classes of (F - [the true class is at most this one])² / (k - 1), F the sum of the
    probabilities up to a class, in the order in which the declaration lists them.

    **Range.** 0 to 1.

    **How to read.** Against the baseline's own. It needs declared `probabilities`, in their order. The interval is the normal law's.

    **When it misleads.** Of classes without an order it depends on the order of the list and means nothing.

    **Reference.** Epstein 1969; Murphy 1971. Without the division it is `properscoring`'s and `scoringrules`' form.

    >>> import numpy as np
    >>> from monitor.definitions import Label, MonitoredModel, Prediction
    >>> from monitor.tiles.forecasting import forecast_of
    >>> from monitor.tiles.rows import Column, Rows
    >>> at, one = np.arange(4), np.ones(4, np.int32)
    >>> columns = {"a": Column(np.array([0.7, 0.2, 0.1, 0.5])), "b": Column(np.array([0.2, 0.5, 0.3, 0.3])), "c": Column(np.array([0.1, 0.3, 0.6, 0.2]))}
    >>> rows = Rows(at, at.astype(object), one - 1, one, columns, Column(np.array(["a", "b", "c", "b"], object)))
    >>> said = Prediction(class_="k", probabilities={"a": "a", "b": "b", "c": "c"})
    >>> tile = forecast_of(rows, MonitoredModel("m", prediction=said, label=Label("y")))
    >>> round(ranked_probability_score(tile).value, 4)
    0.0862
    """
    total, squares = tile.sums[RANKED].tolist()
    return mean_of(total, squares, tile.labelled, 1.0)


RANKED_PROBABILITY_SCORE = ClassForecastMetric(
    name="ranked_probability_score",
    prometheus="outrider_ranked_probability_score",
    help="Ranked probability score of ordered classes (0 to 1).",
    of=ranked_probability_score,
)
