"""Whether a column's data is broken rather than its population different: what a fault of the data looks like, with the evidence.

Checked in this order: the column is gone, empty, or newly missing; it is constant; its values are no numbers any more or
its categories are spelled anew; its unit changed (all deciles are the same multiple of the baseline's, or of its
Fahrenheit); many values are of categories that the baseline never saw. Whatever fits none is taken for a shift of the population.

It misleads where a population truly becomes constant or new (a campaign for one city), and where only a part of the rows
has the fault: a mixture of two units has no common multiple.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from monitor.alerts.effects import newcombe
from monitor.tiles.categorical import CategoricalGrid, CategoricalTile
from monitor.tiles.coding import numbers
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.quantiles import quantiles
from monitor.tiles.rows import Rows
from monitor.tiles.tileset import Baseline, FeatureTile, TileSet

Floats = npt.NDArray[np.float64]

SURGE = 0.01
"""Increase of a share (lower end of its interval) from which missing or new values are a fault: the tolerances' default."""
ROWS_MIN = 50
CONSTANT_SHARE_MAX = 0.5
"""Share of the baseline's commonest value above which a window of that value alone may well be another population."""
UNIT_FACTOR_MIN = 1.4
"""Smallest multiple that is taken for another unit: less is a shift."""
UNIT_SPREAD = 0.08
"""How far the deciles' multiples may lie from their median."""
RESPELLED_SHARE = 0.5
"""Share of new rows that must be known names spelled otherwise."""
UNITS: Mapping[str, float] = {
    "thousands": 1_000.0,
    "thousandths": 0.001,
    "hundreds (a percentage of a share)": 100.0,
    "hundredths (a share of a percentage)": 0.01,
    "pounds for kilograms": 2.20462,
    "kilograms for pounds": 0.453592,
    "centimetres for inches": 2.54,
    "inches for centimetres": 0.393701,
    "kilometres for miles": 1.60934,
    "miles for kilometres": 0.621371,
    "feet for metres": 3.28084,
    "metres for feet": 0.3048,
    "seconds for minutes": 60.0,
    "minutes for seconds": 1 / 60,
    "seconds for hours": 3_600.0,
}
_UNIT_ERROR = 0.05
"""How far a measured factor may lie from a unit's to be called by its name."""
_TENTHS = np.arange(1, 10) / 10


def fault_of(feature: str, baseline: Baseline, tiles: TileSet, rows: Rows | None) -> str | None:
    """The fault in a sentence; None where there is none. `rows` are those of the tiles, where units are to be told."""
    grid = baseline.grids.features.get(feature) or baseline.grids.prediction.get(feature)
    own = baseline.tiles.features.get(feature) or baseline.tiles.prediction.get(feature)
    here = tiles.features.get(feature) or tiles.prediction.get(feature)
    if own is None or grid is None:
        return None
    if here is None:
        return f"column {feature} is gone from the rows" if tiles.rows else None
    if tiles.rows < ROWS_MIN:
        return None
    if isinstance(grid, NumericGrid) and isinstance(here, NumericTile) and isinstance(own, NumericTile):
        return _no_values(feature, own, here) or _of_number(feature, grid, own, here, rows)
    if isinstance(grid, CategoricalGrid) and isinstance(here, CategoricalTile) and isinstance(own, CategoricalTile):
        return _no_values(feature, own, here) or _of_name(feature, grid, own, here)
    return None


def _surge(k: int, n: int, j: int, m: int) -> str | None:
    _, low, _ = newcombe(k, n, j, m)
    return f"{100 * k / n:.1f} % against {100 * j / max(m, 1):.1f} %" if low > SURGE else None


def _no_values(feature: str, own: FeatureTile, here: FeatureTile) -> str | None:
    if not here.n:
        return f"{feature} has no usable value in any row"
    told = _surge(here.n_missing, here.rows, own.n_missing, own.rows)
    return None if told is None else f"{feature} is missing or no value of its kind: {told}"


def _of_number(feature: str, grid: NumericGrid, own: NumericTile, here: NumericTile, rows: Rows | None) -> str | None:
    if here.minimum == here.maximum and own.counts.max() <= CONSTANT_SHARE_MAX * own.n:
        return f"{feature} is one value in every row"
    return None if rows is None else _unit(feature, grid, own, rows)


_NO_UNIT = 1e300
"""Numbers beyond it are measured in no unit, and their spread may be more than a double holds."""


def _unit(feature: str, grid: NumericGrid, own: NumericTile, rows: Rows) -> str | None:
    column = rows.columns.get(feature)
    if column is None or not len(grid.edges):
        return None
    there = _deciles(grid, own)
    if len(np.unique(there)) < len(_TENTHS):
        return None
    values, missing = numbers(column)
    usable = np.isfinite(values) if missing is None else np.isfinite(values) & ~missing
    if usable.sum() < ROWS_MIN:
        return None
    here = quantiles(values[usable], _TENTHS)
    if max(np.abs(here).max(), np.abs(there).max()) > _NO_UNIT:
        return None
    return _temperature(feature, here, there) or _scale(feature, here, there)


def _deciles(grid: NumericGrid, own: NumericTile) -> Floats:
    """Of the baseline: the first edges that have so many tenths of its rows at or below them."""
    below = np.cumsum(own.counts)[:-1] / max(1, own.n)
    return grid.edges[np.minimum(np.searchsorted(below, _TENTHS - 1e-9), len(below) - 1)]


def _temperature(feature: str, here: Floats, there: Floats) -> str | None:
    if _same(here, there):
        return None
    if _same(here, there * 1.8 + 32):
        return f"{feature} reads as Fahrenheit where it was Celsius"
    return f"{feature} reads as Celsius where it was Fahrenheit" if _same(here, (there - 32) / 1.8) else None


def _scale(feature: str, here: Floats, there: Floats) -> str | None:
    factor = _multiple(here, there)
    if factor is None:
        turned = _multiple(-here[::-1], there)
        sign = turned is not None and abs(turned - 1) <= UNIT_SPREAD
        return f"{feature} has the opposite sign" if sign and not _same(here, there) else None
    if 1 / UNIT_FACTOR_MIN < factor < UNIT_FACTOR_MIN:
        return None
    name = next((name for name, unit in UNITS.items() if abs(factor / unit - 1) < _UNIT_ERROR), None)
    return f"{feature} is {factor:.4g} times the baseline's at every decile" + (f": {name}" if name else "")


def _same(here: Floats, expected: Floats) -> bool:
    """All deciles within a fraction of the spread that is expected."""
    spread = float(np.ptp(expected))
    return spread > 0 and float(np.abs(here - expected).max()) < UNIT_SPREAD * spread


def _multiple(here: Floats, there: Floats) -> float | None:
    """The factor that all deciles share; None where they share none."""
    used = np.abs(there) > 0.05 * np.abs(there).max()
    if used.sum() < len(_TENTHS) // 2:
        return None
    ratios = here[used] / there[used]
    middle = float(np.median(ratios))
    if middle <= 0 or float(np.abs(ratios / middle - 1).max()) > UNIT_SPREAD:
        return None
    # A shift of numbers that are far from nought looks like a multiple: the spread must have grown by it too.
    growth = float(np.ptp(here)) / max(float(np.ptp(there)), 1e-300)
    return middle if abs(growth / middle - 1) < 2 * UNIT_SPREAD else None


def _of_name(feature: str, grid: CategoricalGrid, own: CategoricalTile, here: CategoricalTile) -> str | None:
    largest = int(np.argmax(here.counts))
    if (
        here.counts[largest] == here.n
        and own.counts.max() <= CONSTANT_SHARE_MAX * own.n
        and largest < len(grid.categories)
    ):
        return f"{feature} is {grid.categories[largest]!r} in every row"
    told = _surge(here.unseen, here.n, own.unseen, own.n)
    if told is None:
        return None
    plain = {_plain(category): category for category in grid.categories}
    respelled = {new: plain[_plain(new)] for new in here.unseen_names if _plain(new) in plain}
    if sum(here.unseen_names[new] for new in respelled) >= RESPELLED_SHARE * here.unseen:
        new, known = next(iter(respelled.items()))
        return f"{feature} spells its categories anew ({new[:40]!r} for {known[:40]!r}): {told}"
    return f"{feature} has categories that the baseline never saw: {told}"


def _plain(category: str) -> str:
    """A category without what changes when its spelling does."""
    text = "".join(c for c in category.casefold() if c.isalnum() or c == ".")
    return text.removesuffix(".0").lstrip("0") or "0"
