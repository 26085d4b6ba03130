"""The form of a metric that compares whole matrices of correlations, and the law of their difference.

Correlations are of all rows (the tile of pairs). How much they vary by chance depends on the shape of the joint distribution:
rare values, heavy tails and common causes make it several times what normal theory says. So the law is taken from the rows
themselves, of which both sides keep a sample: a correlation varies as the mean of z z' - r (z² + z'²) / 2 does over rows (its
influence function; Browne 1984), and the covariance of these over the sampled rows is that of the correlations of all pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.drift.correlation_distance import correlations
from monitor.metrics.metric import Comparison, nothing
from monitor.tiles.categorical import CategoricalGrid
from monitor.tiles.pairs import PairsTile
from monitor.tiles.sampled import SampledTile

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

FEATURES_MAX = 32
"""Numeric features that enter, in declared order: 496 pairs, whose covariance is a matrix of 2 MB."""
ROWS_MIN = 50
"""Fewest complete rows of a pair that enters: the law is that of many rows."""
_R_MAX = 0.999_999


@dataclass(frozen=True, slots=True)
class Change:
    """The pairs of features that both sides can tell of: positions `i` < `j` in `names`, correlations `r` before and `s` now, rows
    `n` and `m`, and the covariance of the differences where nothing changed."""

    names: tuple[str, ...]
    i: Index
    j: Index
    r: Floats
    s: Floats
    n: npt.NDArray[np.int64]
    m: npt.NDArray[np.int64]
    law: Floats


@dataclass(frozen=True, slots=True)
class MatrixMetric:
    """Compares how all numeric features hang together, at once. It has no `feature`."""

    name: str
    prometheus: str
    help: str
    of: Callable[[Change], Value]
    kind: AlertKind = AlertKind.DRIFT
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        yield Measurement(self.name, self.kind, None, None, self._value(comparison))

    def _value(self, comparison: Comparison) -> Value:
        tiles, now = comparison.baseline.tiles, comparison.window
        if tiles.pairs is None:
            reason = "the baseline has fewer than two numeric features"
            if any(isinstance(grid, CategoricalGrid) for grid in comparison.baseline.grids.features.values()):
                reason += "; how categories hang together is told by association_distance, pair by pair"
            return nothing(Status.NO_DATA, reason, n_baseline=comparison.baseline.rows, n_window=now.rows)
        if tiles.sampled is None:
            return nothing(
                Status.NO_DATA, "the baseline holds no sample of rows: set it again, with this metric declared"
            )
        if now.pairs is None or now.sampled is None or not now.rows:
            return nothing(Status.NO_DATA, "the window has no rows", n_baseline=comparison.baseline.rows)
        found = change(tiles.pairs, now.pairs, (tiles.sampled, now.sampled), comparison.baseline.grids.sampled)
        if found is None:
            reason = f"no two features that vary have {ROWS_MIN} complete rows on both sides"
            return nothing(Status.UNDEFINED, reason, n_baseline=comparison.baseline.rows, n_window=now.rows)
        return self.of(found)


def change(
    before: PairsTile, now: PairsTile, samples: tuple[SampledTile, SampledTile], sampled: tuple[str, ...]
) -> Change | None:
    """None where no pair has rows and varies on both sides."""
    at = [k for k, name in enumerate(before.features) if name in sampled][:FEATURES_MAX]
    names = tuple(before.features[k] for k in at)
    square = np.ix_(at, at)
    there, here = correlations(before)[square], correlations(now)[square]
    i, j = np.triu_indices(len(at), 1)
    n, m = before.n[square][i, j], now.n[square][i, j]
    bins = np.concatenate([one.bins[:, [sampled.index(name) for name in names]] for one in samples])
    unit, present = _units(bins)
    varies = np.square(unit).sum(axis=0) > 0
    known = (np.minimum(n, m) >= ROWS_MIN) & np.isfinite(there[i, j]) & np.isfinite(here[i, j]) & varies[i] & varies[j]
    if not known.any():
        return None
    i, j, n, m = i[known], j[known], n[known], m[known]
    r, s = (np.clip(one[i, j], -_R_MAX, _R_MAX) for one in (there, here))
    spread = np.sqrt(1.0 / n + 1.0 / m)
    return Change(names, i, j, r, s, n, m, _of_one_row(unit, present, i, j) * np.outer(spread, spread))


def _units(bins: npt.NDArray[np.uint8]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Bins in units of their spread about their mean, 0 where a row has none; and where it has one."""
    present = bins > 0
    rows = np.maximum(present.sum(axis=0), 1)
    values = bins.astype(np.float64)
    away = np.where(present, values - values.sum(axis=0) / rows, 0.0)
    spread = np.sqrt(np.square(away).sum(axis=0) / rows)
    return np.divide(away, spread, out=np.zeros_like(away), where=spread > 0), present


def _of_one_row(unit: Floats, present: npt.NDArray[np.bool_], i: Index, j: Index) -> Floats:
    """Covariance of the influences of a row on the correlations of all pairs."""
    both = present[:, i] & present[:, j]
    rows = np.maximum(both.sum(axis=0), 1)
    products = np.where(both, unit[:, i] * unit[:, j], 0.0)
    r = products.sum(axis=0) / rows
    influence = np.where(both, products - r * (np.square(unit[:, i]) + np.square(unit[:, j])) / 2.0, 0.0)
    return np.asarray(influence.T @ influence / np.sqrt(np.outer(rows, rows)))
