"""The share of anomalous rows in a window."""

from __future__ import annotations

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.intervals import wilson
from monitor.metrics.metric import WindowMetric, nothing
from monitor.tiles.anomaly import AnomalyTile


def anomaly_ratio(baseline: AnomalyTile | None, window: AnomalyTile | None) -> Value:
    """Share of a window's rows that are rarer than nearly every baseline row.

    **What it tells.** How many rows the model was not built for: each lies further out in the baseline's tails, over
    all its features together, than all but `anomaly_rate` of the baseline's rows. Drift metrics compare
    distributions; this one counts single odd rows, which no distribution shows.

    **Formula.** (rows with conformal p <= a) / (rows scored), a = the model's `anomaly_rate` (0.001), or
    1 / (calibration rows + 1) where the baseline is too small to resolve that.

    **Range.** 0 to 1. On rows like the baseline's it is about a, whatever the window's size.

    **How to read.** Compare with the share of the baseline itself, given as `n_baseline` rows in its own tile: 0.02 at
    a = 0.001 means twenty times as many odd rows as there should be. The interval is Wilson's at 95 %.

    **When it misleads.** It sees each feature alone: an impossible combination of ordinary values is not rare to it.
    Rows that come in bursts (one broken client) are not independent, so the interval is too narrow. A feature that is
    missing from the whole window is left out and counted by `missing_ratio`. A baseline with anomalies in it makes
    them normal.

    **Reference.** Li et al. 2022, ECOD (IEEE TKDE); Bates et al. 2023, Testing for outliers with conformal p-values
    (arXiv 2104.08279); Wilson 1927.

    >>> import numpy as np
    >>> clean = AnomalyTile(1000, 1, 0, np.zeros(64, np.int64))
    >>> odd = AnomalyTile(500, 25, 20, np.zeros(64, np.int64))
    >>> found = anomaly_ratio(clean, odd)
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.05, 0.034, 0.073)
    """
    if baseline is None:
        return nothing(Status.UNDEFINED, "the baseline has no anomaly model: too few rows or no scorable feature")
    if window is None or not window.scored:
        return nothing(Status.NO_DATA, "no row of the window was scored", n_baseline=baseline.scored)
    low, high = wilson(window.anomalous, window.scored)
    share = window.anomalous / window.scored
    return Value(share, low, high, n_baseline=baseline.scored, n_window=window.scored)


ANOMALY_RATIO = WindowMetric(
    name="anomaly_ratio",
    prometheus="outrider_anomaly_ratio",
    help="Share of rows that are rarer than nearly every baseline row.",
    kind=AlertKind.ANOMALY,
    of=lambda baseline, window: [
        Measurement("anomaly_ratio", AlertKind.ANOMALY, None, None, anomaly_ratio(baseline.anomaly, window.anomaly))
    ],
)
