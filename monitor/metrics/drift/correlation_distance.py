"""The change of the correlation of two features."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from monitor.findings import Status, Value
from monitor.metrics.intervals import Z
from monitor.metrics.metric import PairMetric, nothing
from monitor.tiles.pairs import PairsTile

RANK_INFLATION = 1.06
"""Factor on Fisher's variance for a correlation of ranks (Fieller, Hartley and Pearson 1957)."""
ROWS_MIN = 5
"""Fewest complete rows of a pair: below it Fisher's variance 1/(n - 3) says nothing."""

Matrix = npt.NDArray[np.float64]


def correlation_distance(before: PairsTile, now: PairsTile) -> Iterator[tuple[str, Value]]:
    """Absolute change of the rank correlation of every pair of numeric features; the feature's name is `a~b`.

    **What it tells.** Whether two features still hang together as they did: drift that no single feature shows, such
    as columns that were swapped or joined wrongly.

    **Formula.** |r - r'|, r the Pearson correlation of the numbers of the cells between 260 baseline quantiles, which
    is a rank correlation on the baseline's scale: no outlier moves it. Only rows where both values are finite count.

    **Range.** 0 to 2.

    **How to read.** 0.2 is a correlation that fell from 0.5 to 0.3. The interval combines Fisher's intervals of both
    correlations (Zou 2007), their variance times 1.06 for ranks; it reaches 0 wherever chance explains the change.

    **When it misleads.** A shift of one feature beyond the baseline's range squeezes its ranks and with them every
    correlation: look at the features' own drift first. Relations that rise and fall again have no correlation to lose.

    **Reference.** Fisher 1921; Zou 2007 (Psychological Methods 12, 399).

    >>> import numpy as np
    >>> def tile(a, b):
    ...     x = np.array([a, b])
    ...     n, one = np.full((2, 2), x.shape[1]), np.ones_like(x)
    ...     return PairsTile(("a", "b"), n, x @ one.T, (x * x) @ one.T, x @ x.T)
    >>> up = tile([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 6, 5])
    >>> down = tile([1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 1, 2])
    >>> [(pair, round(value.value, 3)) for pair, value in correlation_distance(up, down)]
    [('a~b', 1.886)]
    """
    pairs = np.triu_indices(len(before.features), 1)
    n, m = before.n[pairs], now.n[pairs]
    r_before, r_now = correlations(before)[pairs], correlations(now)[pairs]
    low, high = _difference_interval(r_before, n, r_now, m)
    distances, ends = np.abs(r_before - r_now), np.sort(np.abs(np.stack([low, high])), axis=0)
    lows = np.where((low <= 0.0) & (high >= 0.0), 0.0, ends[0])
    whole = int(now.n.max(initial=0))
    rows = zip(*pairs, n.tolist(), m.tolist(), distances.tolist(), lows.tolist(), ends[1].tolist(), strict=True)
    for i, j, n_before, n_now, distance, lowest, highest in rows:
        name = f"{before.features[i]}~{before.features[j]}"
        if min(n_before, n_now) < ROWS_MIN:
            reason = f"{n_before} complete rows in the baseline, {n_now} in the window, {ROWS_MIN} needed"
            status = Status.UNDEFINED if n_now else Status.NO_DATA
            yield name, nothing(status, reason, n_baseline=n_before, n_window=n_now, n_missing=whole - n_now)
        elif distance != distance:  # noqa: PLR0124  NaN: a variance is 0
            reason = "one of the two features is constant"
            yield name, nothing(Status.UNDEFINED, reason, n_baseline=n_before, n_window=n_now, n_missing=whole - n_now)
        else:
            yield name, Value(distance, min(lowest, distance), max(highest, distance), n_before, n_now, whole - n_now)


def correlations(tile: PairsTile) -> Matrix:
    """Pearson correlations of the cell numbers; NaN where a feature is constant or has no rows."""
    n = tile.n.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = n * tile.products - tile.sums * tile.sums.T.astype(np.float64)
        variance = n * tile.squares - tile.sums * tile.sums.astype(np.float64)
        found = covariance / np.sqrt(variance * variance.T)
    found[(variance <= 0.0) | (variance.T <= 0.0)] = np.nan
    return np.clip(found, -1.0, 1.0)


def _difference_interval(
    r: Matrix, n: npt.NDArray[np.int64], s: Matrix, m: npt.NDArray[np.int64]
) -> tuple[Matrix, Matrix]:
    (r_low, r_high), (s_low, s_high) = _fisher(r, n), _fisher(s, m)
    difference = r - s
    return difference - np.hypot(r - r_low, s_high - s), difference + np.hypot(r_high - r, s - s_low)


def _fisher(r: Matrix, n: npt.NDArray[np.int64]) -> tuple[Matrix, Matrix]:
    z = np.arctanh(np.clip(r, -1.0 + 1e-15, 1.0 - 1e-15))
    half = Z * np.sqrt(RANK_INFLATION / np.maximum(n - 3.0, 0.25))
    return np.tanh(z - half), np.tanh(z + half)


CORRELATION_DISTANCE = PairMetric(
    name="correlation_distance",
    prometheus="outrider_drift_correlation_distance",
    help="Absolute change of the rank correlation of two features (0 to 2).",
    of=correlation_distance,
)
