"""How much more than independent rows the stream varies: design effects, from the baseline's blocks or the first windows.

Rows that come one after another resemble each other, so a window of n rows says less than n independent ones. The
variance of the blocks' empirical distribution over F(1-F)/n is the factor; every test divides its counts by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import special

from monitor.tiles.tileset import Baseline, DesignEffects, FeatureTile, TileSet

Codes = npt.NDArray[np.int32]

BLOCK_ROWS_MIN = 16
"""Smallest block: below it an empirical distribution is too coarse to compare variances."""
BLOCKS_MIN = 10
"""Fewer blocks than this say nothing of a variance."""
LEARNING_WINDOWS_MIN = 3
"""Windows from which on the effect can be learned, where there are features enough for FREEDOM_MIN."""
FREEDOM_MIN = 5
"""Degrees of freedom (over windows and features) under which an upper bound would be all caution."""
STRETCHES_MIN = 4
"""Stretches of the past from which on it can be said how much they differ, and so what is out of the ordinary."""
_EDGES_MAX = 16
"""Points at which a distribution is looked at: more are near copies of their neighbours."""
_MIDDLE = (0.2, 0.8)
_CONFIDENCE = 0.10
"""Upper 90 % bound of the factor."""


def design_effects(codes: Mapping[str, Codes], *, block_rows_max: int | None = None) -> DesignEffects | None:
    """Effects at block sizes of 16, 32, 64, … rows, of a baseline in time order. None where it is too short.

    `codes` holds the cell number of every row by feature (negative: missing). Each effect is the upper 90 % bound of
    the average over features, raised to what single features surely exceed; at least 1; non-decreasing.
    """
    steps = {name: _steps(column) for name, column in codes.items()}
    usable = {name: step for name, step in steps.items() if step is not None}
    rows = min((len(step) for step in usable.values()), default=0)
    sizes, found = [], []
    size, best = BLOCK_ROWS_MIN, 1.0
    while rows // size >= BLOCKS_MIN and (block_rows_max is None or size <= block_rows_max):
        blocks = rows // size
        ratios = np.array([_block_ratio(step, size, blocks) for step in usable.values()])
        best = max(best, _bound(ratios, blocks - 1))
        sizes.append(size)
        found.append(best)
        size *= 2
    return DesignEffects(tuple(sizes), tuple(found)) if sizes else None


def calibrated(baseline: Baseline, codes: Mapping[str, Codes]) -> Baseline:
    """The baseline with its design effects, where its rows (whose codes these are) came in time order."""
    if not baseline.time_ordered:
        return baseline
    return replace(baseline, design_effects=design_effects(codes))


def effect_for(effects: DesignEffects, rows: float) -> float:
    """Effect for a sample of `rows`: that of the next larger block size, beyond the largest that one's."""
    index = int(np.searchsorted(effects.sizes, rows))
    return effects.effects[min(index, len(effects.effects) - 1)]


def learn(windows: Sequence[TileSet], baseline: Baseline) -> DesignEffects | None:
    """Learn the effect of one window's size from successive windows; None while they are too few to tell.

    The differences of neighbours are unmoved by a slow trend or a shift that was there from the start; a jump moves
    one of them, and the largest is left out.
    """
    tiles = [w for w in windows if w.rows > 0]
    if len(tiles) < LEARNING_WINDOWS_MIN:
        return None
    ratios = [
        ratio
        for name, own in baseline.tiles.features.items()
        if (ratio := _successive_ratio([w.features.get(name) for w in tiles], own)) is not None
    ]
    # Differences of neighbours overlap: k of them weigh as about 2k/3 independent ones.
    freedom = max(1, 2 * (len(tiles) - 2) // 3)
    if freedom * len(ratios) < FREEDOM_MIN:
        return None
    size = int(np.median([w.rows for w in tiles]))
    return DesignEffects((size,), (max(1.0, _bound(np.array(ratios), freedom)),))


INPUTS = ("features", "prediction")
"""Roles of a tile set whose columns come with the rows."""


def between(past: Sequence[TileSet], used: int, roles: Sequence[str] = INPUTS) -> DesignEffects | None:
    """The effect at the size of some stretches of the past (newest first), from what comparing each of them with the
    `used` before it would have found, in the columns of some roles; None where too few can tell.

    So a trend counts as what it is: a difference from the time before that is there all the time. Where one column surely
    varies more than the others do on average, it speaks for all: seasons and weather take hold of single columns.
    """
    tiles = [t for t in past if t.rows > 0]
    if len(tiles) < STRETCHES_MIN:
        return None
    names = {(role, name) for t in tiles for role in roles for name in getattr(t, role)}
    columns = [[getattr(t, role).get(name) for t in tiles] for role, name in sorted(names)]
    ratios = np.array([ratio for column in columns if (ratio := _repeated_ratio(column, used)) is not None])
    if not len(ratios):
        return None
    freedom = len(tiles) - 1 - min(used, len(tiles) // 2)
    freedom = max(freedom, 2)
    average, alone = _bounds(ratios, freedom)
    if alone > average:
        average = float(ratios.max()) * freedom / special.chdtri(freedom, 1 - _CONFIDENCE)
    return DesignEffects((int(np.median([t.rows for t in tiles])),), (max(1.0, average),))


def _bound(ratios: npt.NDArray[np.float64], freedom: int) -> float:
    """Upper 90 % bound of the mean ratio, or what one feature alone surely exceeds, whichever is larger."""
    if not len(ratios):
        return 1.0
    return max(_bounds(ratios, freedom))


def _bounds(ratios: npt.NDArray[np.float64], freedom: int) -> tuple[float, float]:
    """Upper bound of the mean ratio, and lower bound of the largest."""
    together = freedom * len(ratios)
    average = float(ratios.mean()) * together / special.chdtri(together, 1 - _CONFIDENCE)
    alone = float(ratios.max()) * freedom / special.chdtri(freedom, 0.05 / len(ratios))
    return float(average), float(alone)


def _steps(codes: Codes) -> npt.NDArray[np.bool_] | None:
    """Rows × points: whether the row lies at or below each of some middle points of the distribution."""
    known = codes[codes >= 0]
    if len(known) < BLOCK_ROWS_MIN * BLOCKS_MIN:
        return None
    shares = np.cumsum(np.bincount(known)) / len(known)
    points = np.flatnonzero((shares >= _MIDDLE[0]) & (shares <= _MIDDLE[1]))
    if not len(points):
        points = np.array([int(np.argmin(np.abs(shares - 0.5)))])
    if shares[points[0]] >= 1.0:
        if points[0] == 0:
            return None
        points = points - 1
    chosen = points[np.unique(np.linspace(0, len(points) - 1, _EDGES_MAX).astype(int))]
    if shares[chosen[0]] <= 0.0:
        return None
    return np.asarray(known[:, None] <= chosen[None, :])


def _block_ratio(step: npt.NDArray[np.bool_], size: int, blocks: int) -> float:
    counts = step[: blocks * size].reshape(blocks, size, -1).mean(1)
    share = counts.mean(0)
    variance = counts.var(0, ddof=1)
    expected = share * (1 - share) / size
    return float(variance.sum() / expected.sum()) if expected.sum() > 0 else 1.0


def _successive_ratio(tiles: Sequence[FeatureTile | None], own: FeatureTile) -> float | None:
    counts = [t.counts for t in tiles if t is not None and t.counts.shape == own.counts.shape and t.counts.sum() > 0]
    if len(counts) < LEARNING_WINDOWS_MIN:
        return None
    seen = _shares_at_points(counts)
    if seen is None:
        return None
    n, shares, F = seen  # noqa: N806  # the distribution function's usual letter
    squares = np.diff(shares, axis=0) ** 2
    expected = (1 / n[1:] + 1 / n[:-1])[:, None] * F * (1 - F)
    ratios = np.sort(squares.sum(1) / expected.sum(1))
    # What leaving out the largest takes from the mean, were they exponential (the harmonic number is its mean).
    left = 1 - float((1 / np.arange(1, len(ratios) + 1)).sum()) / len(ratios)
    return float(ratios[:-1].sum()) / len(ratios) / left


def _repeated_ratio(tiles: Sequence[FeatureTile | None], used: int) -> float | None:
    """Mean square of the differences of stretches from those before them, over that of independent rows."""
    counts = [t.counts for t in tiles if t is not None and t.counts.sum() > 0]
    if len(counts) < STRETCHES_MIN:
        return None
    seen = _shares_at_points(counts)
    if seen is None:
        return None
    n, shares, F = seen  # noqa: N806  # as above
    least = min(used, len(counts) // 2)
    found = []
    for k in range(len(counts) - least):
        before = slice(k + 1, k + 1 + used)
        m = n[before].sum()
        away = shares[k] - np.average(shares[before], axis=0, weights=n[before])
        found.append((away**2).sum() / ((1 / n[k] + 1 / m) * (F * (1 - F)).sum()))
    return float(np.mean(found))


def _shares_at_points(
    counts: Sequence[npt.NDArray[np.int64]],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """Rows of each tile, its distribution at some middle points of the common one, and that one there."""
    table = np.array(counts, np.float64)
    n = table.sum(1)
    shares = np.cumsum(table, 1) / n[:, None]
    mean = np.average(shares, axis=0, weights=n)
    points = np.flatnonzero((mean >= _MIDDLE[0]) & (mean <= _MIDDLE[1]))
    if not len(points):
        points = np.flatnonzero((mean > 0) & (mean < 1))
    if not len(points):
        return None
    chosen = points[np.unique(np.linspace(0, len(points) - 1, _EDGES_MAX).astype(int))]
    return n, shares[:, chosen], mean[chosen]
