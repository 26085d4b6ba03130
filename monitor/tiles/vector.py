"""Tile of a vector (an embedding): its centroid, its random Fourier features, and counts along frozen directions.

No coordinate is kept of any row, and the size of a tile does not depend on the rows. The sums of Fourier features give
the maximum mean discrepancy, the counts along the baseline's principal directions and some random ones give distribution
functions, the sums of coordinates give the centroid: all three merge by addition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from monitor.tiles.numeric import NumericGrid, NumericTile
from monitor.tiles.wire import Reader, raw

Floats = npt.NDArray[np.float64]

T = TypeVar("T", NumericGrid, NumericTile)

SIZE_MAX = 65_536
"""Longest vector, as a declaration may say."""
DIRECTIONS_MAX = 32
FREQUENCIES_MAX = 128


@dataclass(frozen=True, slots=True)
class VectorGrid:
    """What the baseline freezes of a vector of `size` coordinates.

    `directions` f64 [k, size], unit vectors, the first `principal` of them the baseline's principal ones. `frequencies`
    f64 [f, size] of a Gaussian kernel; `covariance` f64 [2f, 2f] of the Fourier features of one row of the baseline.
    `cells` hold one numeric grid for each direction and a last one for the distance from the centre.
    """

    center: Floats
    directions: Floats
    principal: int
    frequencies: Floats
    covariance: Floats
    cells: tuple[NumericGrid, ...]
    residual: bool = False
    """One grid more: for the distance from the plane of the principal directions."""

    @property
    def size(self) -> int:
        return len(self.center)

    def to_plain(self) -> list[object]:
        return [
            self.size,
            len(self.directions),
            self.principal,
            len(self.frequencies),
            raw(self.center),
            raw(self.directions),
            raw(self.frequencies),
            raw(self.covariance),
            [grid.to_plain() for grid in self.cells],
            self.residual,
        ]

    @classmethod
    def from_plain(cls, document: object, where: str) -> VectorGrid:
        reader = Reader(document, where)
        size, directions, principal, frequencies = (reader.count() for _ in range(4))
        if not 1 <= size <= SIZE_MAX:
            raise ValueError(f"{where}[0]: found {size}, expected 1 to {SIZE_MAX} coordinates")
        if directions > DIRECTIONS_MAX or principal > directions or frequencies > FREQUENCIES_MAX:
            raise ValueError(
                f"{where}[1]: found {directions} directions, {principal} of them principal, {frequencies} frequencies"
            )
        grid = cls(
            reader.reals(size),
            reader.reals(directions, size),
            principal,
            reader.reals(frequencies, size),
            reader.reals(2 * frequencies, 2 * frequencies),
            _each(reader.item(), f"{where}[8]", NumericGrid),
            reader.flag(),
        )
        reader.done()
        if len(grid.cells) != directions + 1 + grid.residual:
            raise ValueError(
                f"{where}[8]: found {len(grid.cells)} grids of numbers, expected {directions + 1 + grid.residual}"
            )
        return grid


@dataclass(frozen=True, slots=True)
class VectorTile:
    """Sums over the n usable rows: `sums` f64 [size] of x - centre, `square_sum` of |x - centre|², `waves` f64 [2f] of the

    Fourier features. `numbers` count each direction and the distance. A row without a vector is missing, one with a NaN
    or infinite coordinate `unusable`, one of another length `mismatched`.
    """

    n: int
    sums: Floats
    square_sum: float
    waves: Floats
    numbers: tuple[NumericTile, ...]
    missing: int = 0
    unusable: int = 0
    mismatched: int = 0

    @property
    def n_missing(self) -> int:
        return self.missing + self.unusable + self.mismatched

    @property
    def rows(self) -> int:
        return self.n + self.n_missing

    @classmethod
    def empty(cls, grid: VectorGrid) -> VectorTile:
        waves = np.zeros(2 * len(grid.frequencies))
        return cls(0, np.zeros(grid.size), 0.0, waves, tuple(NumericTile.empty(cells) for cells in grid.cells))

    def merge(self, other: VectorTile) -> VectorTile:
        return VectorTile(
            self.n + other.n,
            self.sums + other.sums,
            self.square_sum + other.square_sum,
            self.waves + other.waves,
            tuple(one.merge(two) for one, two in zip(self.numbers, other.numbers, strict=True)),
            self.missing + other.missing,
            self.unusable + other.unusable,
            self.mismatched + other.mismatched,
        )

    def to_plain(self) -> list[object]:
        return [
            self.n,
            raw(self.sums),
            self.square_sum,
            raw(self.waves),
            [tile.to_plain() for tile in self.numbers],
            self.missing,
            self.unusable,
            self.mismatched,
        ]

    @classmethod
    def from_plain(cls, document: object, where: str) -> VectorTile:
        reader = Reader(document, where)
        n, sums = reader.count(), reader.reals(-1)
        if len(sums) > SIZE_MAX:
            raise ValueError(f"{where}[1]: found {len(sums)} coordinates, expected at most {SIZE_MAX}")
        square_sum, waves = reader.real(), reader.reals(-1)
        if len(waves) > 2 * FREQUENCIES_MAX:
            raise ValueError(f"{where}[3]: found {len(waves)} sums, expected at most {2 * FREQUENCIES_MAX}")
        numbers = _each(reader.item(), f"{where}[4]", NumericTile)
        tile = cls(n, sums, square_sum, waves, numbers, reader.count(), reader.count(), reader.count())
        reader.done()
        return tile


@dataclass(frozen=True, slots=True)
class JointGrid:
    """All columns of a row as one vector: `scores` f64 of each feature's cells, and the grid of the vectors they make."""

    scores: Mapping[str, Floats]
    grid: VectorGrid

    def to_plain(self) -> list[object]:
        return [{name: raw(scores) for name, scores in self.scores.items()}, self.grid.to_plain()]

    @classmethod
    def from_plain(cls, document: object, where: str) -> JointGrid:
        reader = Reader(document, where)
        joint = cls(reader.mapping(_reals), VectorGrid.from_plain(reader.item(), f"{where}[1]"))
        reader.done()
        if len(joint.scores) != joint.grid.size or not joint.grid.residual:
            raise ValueError(f"{where}: found {len(joint.scores)} features, expected {joint.grid.size} and a residual")
        return joint


def _reals(document: object, where: str) -> Floats:
    return Reader([document], where).reals(-1)


def _each(document: object, where: str, kind: type[T]) -> tuple[T, ...]:
    if not isinstance(document, list) or not len(document) <= DIRECTIONS_MAX + 2:
        raise ValueError(f"{where}: expected a list of at most {DIRECTIONS_MAX + 2}")
    return tuple(kind.from_plain(item, f"{where}[{i}]") for i, item in enumerate(document))
