"""The statistic of an alert's first line, window by window, for its change point."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from monitor.findings import AlertKind, FeatureScore
from monitor.metrics.slices import SLICED_KINDS
from monitor.metrics.streaming.changepoint import Change, change_of_counts, change_of_means
from monitor.tiles.categorical import CategoricalTile
from monitor.tiles.group import FALSE_NEGATIVES, ROWS, SELECTED, TRUE_POSITIVES
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome, Outcome, RegressionOutcome
from monitor.tiles.pairs import PairsTile
from monitor.tiles.tileset import Baseline, FeatureTile, TileSet

Counts = npt.NDArray[np.int64]

CATEGORIES_MAX = 20
PAIR_ROWS_MIN = 10


def change_of(
    kind: AlertKind, line: FeatureScore, windows: Sequence[TileSet], baseline: Baseline, effect: float
) -> Change | None:
    """Where the line's statistic changed; None where its tiles do not tell (or a window has nothing of it)."""
    own = baseline.tiles
    if line.slice is not None and kind in SLICED_KINDS:
        own = own.slices.get(line.slice, TileSet(0))
        windows = [tiles.slices.get(line.slice, TileSet(0)) for tiles in windows]
    if line.metric == "correlation_distance":
        return _of_pair(line.feature, windows, own, effect)
    if line.metric == "association_distance":
        return _of_table(line.feature, windows, baseline, effect)
    if line.metric in ("log_loss", "rmse", "mae"):
        return _of_loss(windows, own, effect)
    there = _counts(kind, line, own, baseline)
    here = [_counts(kind, line, tiles, baseline) for tiles in windows]
    if there is None or not any(c is not None for c in here):
        return None
    empty = np.zeros_like(there)
    return change_of_counts(np.array([empty if c is None else c for c in here]), there, effect)


def _counts(kind: AlertKind, line: FeatureScore, tiles: TileSet, baseline: Baseline) -> Counts | None:
    if kind is AlertKind.PERFORMANCE:
        return _decisions(tiles.outcome)
    if kind is AlertKind.ANOMALY:
        tile = tiles.anomaly
        return None if tile is None else np.array([tile.anomalous, tile.scored - tile.anomalous])
    if kind is AlertKind.FAIRNESS:
        return _of_group(line, tiles)
    return _of_column(line, tiles, baseline)


def _of_column(line: FeatureScore, tiles: TileSet, baseline: Baseline) -> Counts | None:
    tile_of = {**tiles.label, **tiles.prediction, **tiles.described, **tiles.features}.get(line.feature)
    if tile_of is None:
        return None
    if line.metric == "missing_ratio":
        return np.array([tile_of.n_missing, tile_of.n])
    if line.metric == "unseen_ratio" and isinstance(tile_of, CategoricalTile):
        return np.array([tile_of.unseen, tile_of.n - tile_of.unseen])
    return cells_of(line.feature, tile_of, baseline)


def cells_of(feature: str, tile: FeatureTile, baseline: Baseline) -> Counts:
    """Deciles of a number; the largest categories of a name, the rest and the new."""
    if isinstance(tile, CategoricalTile):
        head, rest = tile.counts[:CATEGORIES_MAX], int(tile.counts[CATEGORIES_MAX:].sum())
        return np.array([*head.tolist(), rest, tile.unseen])
    grids = baseline.grids
    grid = {**grids.label, **grids.prediction, **grids.described, **grids.features}.get(feature)
    if not isinstance(grid, NumericGrid) or not isinstance(tile, NumericTile):
        return np.array([tile.n])
    starts = np.array([0, *(i + 1 for i in grid.decile_edges)])
    return np.asarray(np.add.reduceat(tile.counts, starts), np.int64)


def _decisions(outcome: Outcome | None) -> Counts | None:
    if isinstance(outcome, BinaryOutcome):
        wrong = outcome.false_positives + outcome.false_negatives
        return np.array([wrong, outcome.true_positives + outcome.true_negatives])
    if isinstance(outcome, MulticlassOutcome):
        right = int(np.trace(outcome.confusion[:-1, :-1]))
        return np.array([int(outcome.confusion.sum()) - right, right])
    return None


def _of_group(line: FeatureScore, tiles: TileSet) -> Counts | None:
    column, _, group = (line.slice or line.feature).partition("=")
    tile = tiles.groups.get(column)
    if tile is None or group not in tile.groups:
        return None
    own = tile.counts[tile.groups.index(group)]
    if line.metric == "equal_opportunity_difference":
        return np.array([own[TRUE_POSITIVES], own[FALSE_NEGATIVES]])
    return np.array([own[SELECTED], own[ROWS] - own[SELECTED]])


def _of_loss(windows: Sequence[TileSet], own: TileSet, effect: float) -> Change | None:
    there = _loss(own.outcome)
    here = [_loss(tiles.outcome) for tiles in windows]
    if there is None or not any(here):
        return None
    mean, variance, rows = there
    means = np.array([mean if one is None else one[0] for one in here])
    # A window without labels says nothing: its variance is without end.
    variances = np.array([1e300 if one is None else effect * max(one[1], variance) / one[2] for one in here])
    return change_of_means(means, variances, mean, effect * variance / rows)


def _loss(outcome: Outcome | None) -> tuple[float, float, int] | None:
    """Mean and variance of a row's loss (log loss, squared error), and the rows."""
    if isinstance(outcome, BinaryOutcome) and outcome.scored:
        total, squares, n = outcome.log_loss_sum, outcome.log_loss_square_sum, outcome.scored
    elif isinstance(outcome, RegressionOutcome) and outcome.labelled:
        total, squares, n = outcome.square_sum, outcome.fourth_sum, outcome.labelled
    else:
        return None
    return total / n, max(squares / n - (total / n) ** 2, 1e-12), n


def _of_pair(pair: str, windows: Sequence[TileSet], own: TileSet, effect: float) -> Change | None:
    there = _fisher(pair, own.pairs)
    here = [_fisher(pair, tiles.pairs) for tiles in windows]
    if there is None or not any(here):
        return None
    means = np.array([there[0] if one is None else one[0] for one in here])
    variances = np.array([1e300 if one is None else effect / one[1] for one in here])
    return change_of_means(means, variances, there[0], effect / there[1])


def _of_table(pair: str, windows: Sequence[TileSet], baseline: Baseline, effect: float) -> Change | None:
    """The cells of the pair's table."""
    own, names = baseline.tiles.tables, [binning.column for binning in baseline.grids.tables]
    pairs = [] if own is None else [f"{names[i]}~{names[j]}" for i, j in own.pairs]
    if own is None or pair not in pairs or not any(tiles.tables is not None for tiles in windows):
        return None
    at = pairs.index(pair)
    there = own.tables()[at].ravel()
    here = [np.zeros_like(there) if one.tables is None else one.tables.tables()[at].ravel() for one in windows]
    return change_of_counts(np.array(here), there, effect)


def _fisher(pair: str, tile: PairsTile | None) -> tuple[float, float] | None:
    """Fisher's z of a pair's correlation, and the rows it rests on."""
    if tile is None:
        return None
    names = [(a, b) for i, a in enumerate(tile.features) for b in tile.features[i + 1 :] if f"{a}~{b}" == pair]
    if not names:
        return None
    i, j = (tile.features.index(name) for name in names[0])
    n = float(tile.n[i, j])
    if n < PAIR_ROWS_MIN:
        return None
    x, y = tile.sums[i, j] / n, tile.sums[j, i] / n
    vx, vy = tile.squares[i, j] / n - x * x, tile.squares[j, i] / n - y * y
    if vx <= 0 or vy <= 0:
        return None
    r = float(np.clip((tile.products[i, j] / n - x * y) / math.sqrt(vx * vy), -0.999, 0.999))
    return math.atanh(r), n
