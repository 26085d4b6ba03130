"""Rank agreement of feature attributions with the baseline."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.metric import WindowMetric, nothing
from monitor.tiles.attribution import AttributionTile
from monitor.tiles.tileset import TileSet

FEATURES_MIN = 3
"""Two features rank +1 or -1 and nothing between."""
DRAWS = 500
"""Draws of the interval; its ends are then known to about 1 % in probability."""
SEED = 16

F64 = npt.NDArray[np.float64]


def attribution_rank_correlation(baseline: AttributionTile | None, window: AttributionTile | None) -> Value:
    """Spearman correlation, over the features, of the mean |attribution| of the window and of the baseline.

    **What it tells.** Whether the model still leans on the same features. Inputs may drift without it, and a model may
    lean elsewhere while each input looks ordinary: a feature that broke upstream often shows here first.

    **Formula.** a_j = mean over the explained predictions of |phi_j|, for the baseline and for the window; the Pearson
    correlation of the two rank vectors, equal values taking their mean rank.

    **Range.** -1 to 1; 1 where the features rank alike.

    **How to read.** 1 is agreement. A fall to 0.8 is usually a swap among the unimportant; look at which features moved.
    The interval is the 95 % range of the value when each a_j is drawn again with its own standard error (a parametric
    bootstrap on the tiles, 500 draws, fixed seed). Noise can only spoil agreement, so the value itself may lie above
    the interval's upper end when few predictions were explained; the interval is then widened to hold it.

    **When it misleads.** Ranks ignore size and sign: a feature may double its weight and keep its place. Many
    near-zero features rank by chance. Attributions explain the model, not the world.

    **Reference.** Spearman 1904; attribution drift as in Nigenda et al. 2022 (SageMaker Model Monitor), which uses NDCG.

    >>> def tile(*means: float) -> AttributionTile:
    ...     a = 100 * np.array(means)
    ...     return AttributionTile(tuple("abc"), 100, a, a, np.square(np.array(means)) * 100)
    >>> attribution_rank_correlation(tile(3, 2, 1), tile(30, 10, 20)).value
    0.5
    """
    if baseline is None or not baseline.explained:
        return nothing(Status.UNDEFINED, "the baseline has no attributions")
    if window is None or not window.explained:
        return nothing(Status.NO_DATA, "no prediction of the window was explained", n_baseline=baseline.explained)
    n_baseline, n_window = baseline.explained, window.explained
    common = [name for name in baseline.features if name in window.features]
    if len(common) < FEATURES_MIN:
        reason = f"{len(common)} features in common, at least {FEATURES_MIN} are needed"
        return nothing(Status.UNDEFINED, reason, n_baseline=n_baseline, n_window=n_window)
    before, after = _means(baseline, common), _means(window, common)
    value = spearman(before[0], after[0])
    if value is None:
        reason = "every feature has the same mean attribution: there is no ranking"
        return nothing(Status.UNDEFINED, reason, n_baseline=n_baseline, n_window=n_window)
    low, high = _interval(before, after)
    return Value(value, min(low, value), max(high, value), n_baseline=n_baseline, n_window=n_window)


def spearman(a: F64, b: F64) -> float | None:
    """Rank correlation, None where one side is constant."""
    x, y = _ranks(a), _ranks(b)
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return None if scale == 0 else float(np.clip(x @ y / scale, -1.0, 1.0))


def _ranks(values: F64) -> F64:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def _means(tile: AttributionTile, names: list[str]) -> tuple[F64, F64]:
    """Mean |phi| of the named features, and the standard errors of the means."""
    at = [tile.features.index(name) for name in names]
    means = tile.absolute_sums[at] / tile.explained
    variance = np.maximum(tile.square_sums[at] / tile.explained - means**2, 0.0)
    return means, np.sqrt(variance / tile.explained)


def _interval(before: tuple[F64, F64], after: tuple[F64, F64]) -> tuple[float, float]:
    generator = np.random.default_rng(SEED)
    drawn = [spearman(np.abs(generator.normal(*before)), np.abs(generator.normal(*after))) for _ in range(DRAWS)]
    usable = [value for value in drawn if value is not None]
    low, high = np.quantile(usable, [0.025, 0.975]) if usable else (-1.0, 1.0)
    return float(low), float(high)


def _measured(baseline: TileSet, window: TileSet) -> list[Measurement]:
    """Nothing where predictions are not explained at all: a model without `explain` has no such measurement."""
    if baseline.attribution is None and window.attribution is None:
        return []
    value = attribution_rank_correlation(baseline.attribution, window.attribution)
    return [Measurement("attribution_rank_correlation", AlertKind.ATTRIBUTION, None, None, value)]


ATTRIBUTION_RANK_CORRELATION = WindowMetric(
    name="attribution_rank_correlation",
    prometheus="outrider_attribution_rank_correlation",
    help="Rank agreement of the features' mean absolute attributions with the baseline's (-1 to 1).",
    kind=AlertKind.ATTRIBUTION,
    of=_measured,
)
