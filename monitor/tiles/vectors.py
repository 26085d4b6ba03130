"""Vectors into tiles: what a baseline freezes of a column of embeddings, and the sums of its rows on that."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from monitor.definitions import FeatureKind, MonitoredModel
from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.rows import Column, Rows
from monitor.tiles.vector import VectorGrid, VectorTile

Floats = npt.NDArray[np.float64]

PRINCIPAL = 8
RANDOM = 8
"""Directions that know nothing of the baseline: what moves where the baseline hardly varied shows in them."""
FREQUENCIES = 32
EXPLAINED = 0.65
"""Share of the variance that the plane of a reconstruction explains, where PRINCIPAL directions can."""
LEARNING_ROWS = 1_024
"""Rows, evenly spaced, from which centre, directions and the kernel's width are learned: at most this, and a third.

The baseline's own tile leaves them out. Principal directions are those in which the learning rows happened to vary most
and their centre is nearest to themselves: counted with them, the baseline would differ from any window (in 256
dimensions surely so).
"""
BLOCK_ROWS = 4_096
"""Rows taken at a time, so that doubles of a large window never stand in memory all at once."""
ROWS_MIN = 6
"""Fewest usable vectors of a baseline: two to learn from, and twice as many to compare with."""
_LARGEST = float(np.finfo(np.float32).max)
_SEED = 20_07
"""Of the random directions and frequencies; they are stored with the baseline, so nothing rests on the generator."""


def frozen_vectors(
    rows: Rows, kinds: Mapping[str, FeatureKind], model: MonitoredModel, freeze: Callable[[Column], NumericGrid]
) -> dict[str, VectorGrid]:
    """The grids of all vector features that the rows have values of."""
    sizes = {feature.name: feature.size for feature in model.features}
    found = {
        name: vector_grid(rows.columns[name], freeze, sizes.get(name))
        for name, kind in kinds.items()
        if kind == "vector" and name in rows.columns
    }
    return {name: grid for name, grid in found.items() if grid is not None}


def baseline_tiles(
    rows: Rows, grids: Mapping[str, VectorGrid], count: Callable[[Column, NumericGrid], NumericTile]
) -> dict[str, VectorTile]:
    """The baseline's own tiles, of the rows that nothing was learned from."""
    columns = {name: rows.columns[name] for name in grids}
    return {name: vector_tile(held_out(own), grids[name], count) for name, own in columns.items()}


def held_out(column: Column) -> Column:
    """The rows that a grid of this column is not learned from."""
    return column.take(~_learning(_usable(column)[0]))


def _learning(usable: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which rows a grid is learned from."""
    rows = np.flatnonzero(usable)
    chosen = np.linspace(0, len(rows) - 1, min(LEARNING_ROWS, len(rows) // 3)).astype(np.int64)
    mask = np.zeros(len(usable), np.bool_)
    mask[rows[chosen]] = True
    return mask


def vector_grid(
    column: Column, freeze: Callable[[Column], NumericGrid], size: int | None = None, *, residual: bool = False
) -> VectorGrid | None:
    """None where fewer than ROWS_MIN rows have a usable vector of the declared size."""
    if column.values.ndim != 2 or (size is not None and column.values.shape[1] != size):
        return None
    usable = _usable(column)[0]
    if usable.sum() < ROWS_MIN or column.values.shape[1] < 1:
        return None
    learning = _learning(usable)
    values = column.values[usable & ~learning]
    sample = column.values[learning].astype(np.float64)
    center = sample.mean(axis=0)
    sample = sample - center
    rng = np.random.default_rng(_SEED)
    principal = _principal(sample)
    if residual:
        principal = _explaining(principal, sample)
    random = rng.standard_normal((RANDOM if len(center) > 1 else 0, len(center)))
    random /= np.linalg.norm(random, axis=1, keepdims=True)
    directions = np.concatenate([principal, random])
    frequencies = rng.standard_normal((FREQUENCIES, len(center))) / _width(sample)
    frequencies[::2] *= 2.0  # half of them belong to a kernel half as wide, which sees finer changes
    along, waves = _projected(values, center, directions, frequencies, len(principal) if residual else 0)
    return VectorGrid(
        center=center,
        directions=directions,
        principal=len(principal),
        frequencies=frequencies,
        covariance=np.atleast_2d(np.cov(waves.T)),
        cells=tuple(freeze(Column(np.ascontiguousarray(values))) for values in along.T),
        residual=residual,
    )


def vector_tile(column: Column, grid: VectorGrid, count: Callable[[Column, NumericGrid], NumericTile]) -> VectorTile:
    """The sums of a column's usable rows."""
    usable, missing = _usable(column)
    if column.values.ndim != 2 or column.values.shape[1] != grid.size:
        empty = VectorTile.empty(grid)
        absent = int(missing.sum())
        return VectorTile(
            0, empty.sums, 0.0, empty.waves, empty.numbers, missing=absent, mismatched=len(column) - absent
        )
    values = column.values[usable]
    residual = grid.principal if grid.residual else 0
    along, waves = _projected(values, grid.center, grid.directions, grid.frequencies, residual)
    absent = int(missing.sum())
    return VectorTile(
        n=len(values),
        sums=sum((part.sum(axis=0) for part in _centred(values, grid.center)), np.zeros(grid.size)),
        square_sum=float(np.square(along[:, len(grid.directions)]).sum()),
        waves=waves.sum(axis=0),
        numbers=tuple(
            count(Column(np.ascontiguousarray(own)), cells) for own, cells in zip(along.T, grid.cells, strict=True)
        ),
        missing=absent,
        unusable=len(column) - absent - len(values),
    )


def cells_along(column: Column, grid: VectorGrid) -> npt.NDArray[np.int32]:
    """Number of each row's cell along the first principal direction, negative where it has none."""
    usable, _ = _usable(column)
    codes = np.full(len(column), -1, np.int32)
    if column.values.ndim == 2 and column.values.shape[1] == grid.size:
        values = column.values[usable]
        places = np.concatenate([part @ grid.directions[0] for part in _centred(values, grid.center)] or [np.zeros(0)])
        codes[usable] = np.searchsorted(grid.cells[0].edges, places, side="left")
    return codes


def _usable(column: Column) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Rows with a vector of finite coordinates, and rows without any."""
    missing = np.zeros(len(column), np.bool_) if column.missing is None else column.missing
    if column.values.ndim != 2 or column.values.dtype.kind not in "fiub":
        return np.zeros(len(column), np.bool_), missing
    return np.isfinite(column.values).all(axis=1) & ~missing, missing


def _centred(values: npt.NDArray[np.generic], center: Floats) -> list[Floats]:
    blocks = range(0, len(values), BLOCK_ROWS)
    return [values[at : at + BLOCK_ROWS].astype(np.float64) - center for at in blocks]


def _projected(
    values: npt.NDArray[np.generic], center: Floats, directions: Floats, frequencies: Floats, residual: int = 0
) -> tuple[Floats, Floats]:
    """Each row along the directions and its distance from the centre [n, k + 1]; its Fourier features [n, 2f].

    With `residual`, one column more: its distance from the plane of that many first directions.

    Places along a direction are rounded to single precision: a product of matrices adds in an order that depends on
    how many rows stand together, and that must not carry a row over an edge.
    """
    last = len(directions)
    along = np.zeros((len(values), last + 1 + bool(residual)))
    waves = np.zeros((len(values), 2 * len(frequencies)))
    for i in range(0, len(values), BLOCK_ROWS):
        part = values[i : i + BLOCK_ROWS].astype(np.float64) - center
        rows = slice(i, i + len(part))
        along[rows, :last] = part @ directions.T
        squares = np.square(part).sum(axis=1)
        along[rows, last] = np.sqrt(squares)
        if residual:
            inside = np.square(along[rows, :residual]).sum(axis=1)
            along[rows, last + 1] = np.sqrt(np.maximum(squares - inside, 0.0))
        phase = part @ frequencies.T
        waves[rows] = np.concatenate([np.cos(phase), np.sin(phase)], axis=1) / np.sqrt(len(frequencies))
    return np.clip(along, -_LARGEST, _LARGEST).astype(np.float32).astype(np.float64), waves


def _principal(sample: Floats) -> Floats:
    """The directions along which the sample varies most, at most PRINCIPAL."""
    most = min(PRINCIPAL, *sample.shape)
    if sample.shape[1] <= len(sample):
        _, vectors = np.linalg.eigh(sample.T @ sample)
        return np.ascontiguousarray(vectors[:, ::-1][:, :most].T)
    weights, vectors = np.linalg.eigh(sample @ sample.T)
    found = sample.T @ vectors[:, ::-1][:, :most]
    lengths = np.linalg.norm(found, axis=0)
    kept = lengths > 1e-9 * max(1.0, float(np.sqrt(max(weights[-1], 0.0))))
    return np.ascontiguousarray((found[:, kept] / lengths[kept]).T)


def _explaining(principal: Floats, sample: Floats) -> Floats:
    """The fewest principal directions that explain EXPLAINED of the variance, and never all there are."""
    shares = np.square(sample @ principal.T).sum(axis=0) / max(float(np.square(sample).sum()), 1e-300)
    needed = int(np.searchsorted(np.cumsum(shares), EXPLAINED)) + 1
    return principal[: max(1, min(needed, sample.shape[1] - 1, len(principal)))]


def _width(sample: Floats) -> float:
    """Median distance of two rows: of each row and the one half the sample away, so that neighbours in time do not count."""
    half = len(sample) // 2
    distance = float(np.median(np.linalg.norm(sample[:half] - sample[half : 2 * half], axis=1)))
    return distance if distance > 0 else 1.0
