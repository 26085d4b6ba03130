"""The share of anomalous rows in a window."""

from __future__ import annotations

import math

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.tiles.anomaly import AnomalyTile

METRIC = "anomaly_ratio"
Z = 1.959963984540054
"""Two-sided 95 % point of the normal law."""


def anomaly_ratio(baseline: AnomalyTile | None, window: AnomalyTile | None) -> Measurement:
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
    >>> found = anomaly_ratio(clean, odd).value
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.05, 0.034, 0.073)
    """
    return Measurement(METRIC, AlertKind.ANOMALY, None, None, _value(baseline, window))


def _value(baseline: AnomalyTile | None, window: AnomalyTile | None) -> Value:
    if baseline is None:
        return Value(
            None,
            status=Status.UNDEFINED,
            reason="the baseline has no anomaly model: too few rows or no scorable feature",
        )
    if window is None or not window.scored:
        return Value(None, n_baseline=baseline.scored, status=Status.NO_DATA, reason="no row of the window was scored")
    low, high = wilson(window.anomalous, window.scored)
    return Value(window.anomalous / window.scored, low, high, n_baseline=baseline.scored, n_window=window.scored)


def wilson(k: int, n: int) -> tuple[float, float]:
    """Wilson's score interval of a share, at 95 %."""
    share, spread = k / n, Z * Z / n
    centre = (share + spread / 2) / (1 + spread)
    half = math.sqrt(share * (1 - share) * spread + spread * spread / 4) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)
