"""Accuracy of the three likeliest classes."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.accuracy.forecasts import ClassForecastMetric
from monitor.metrics.intervals import wilson
from monitor.tiles.forecast import ClassForecastTile

K = 3


def top_3_accuracy(tile: ClassForecastTile) -> Value:
    """Share of labelled rows whose true class is one of the three that the forecast calls likeliest.

    **What it tells.** Whether the right answer is on a short list.

    **Formula.** rows whose true class ranks 1 to 3 by its probability / rows. Of classes that are equally likely the first declared comes first.

    **Range.** 0 to 1; 1 always with three classes or fewer.

    **How to read.** Beside `accuracy`: a gap says what a second look could win. It needs declared `probabilities`. The interval is Wilson's.

    **When it misleads.** With few classes it says nothing.

    **Reference.** `sklearn.metrics.top_k_accuracy_score(k=3)`; Wilson 1927.

    >>> import numpy as np
    >>> from monitor.definitions import Label, MonitoredModel, Prediction
    >>> from monitor.tiles.forecasting import forecast_of
    >>> from monitor.tiles.rows import Column, Rows
    >>> at, one = np.arange(4), np.ones(4, np.int32)
    >>> columns = {"a": Column(np.array([0.7, 0.2, 0.1, 0.5])), "b": Column(np.array([0.2, 0.5, 0.3, 0.3])), "c": Column(np.array([0.1, 0.3, 0.6, 0.2]))}
    >>> rows = Rows(at, at.astype(object), one - 1, one, columns, Column(np.array(["a", "b", "c", "b"], object)))
    >>> said = Prediction(class_="k", probabilities={"a": "a", "b": "b", "c": "c"})
    >>> tile = forecast_of(rows, MonitoredModel("m", prediction=said, label=Label("y")))
    >>> top_3_accuracy(tile).value
    1.0
    """
    n = tile.labelled
    hits = int(tile.ranks[:K].sum())
    low, high = wilson(hits, n)
    return Value(hits / n, low, high, n_window=n)


TOP_3_ACCURACY = ClassForecastMetric(
    name="top_3_accuracy",
    prometheus="outrider_top_3_accuracy_ratio",
    help="Rows whose true class is among the three likeliest (0 to 1).",
    of=top_3_accuracy,
)
