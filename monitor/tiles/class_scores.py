"""Tile of probabilities of several classes: what the labels of its rows are expected to be, by what the model said.

Each row's probabilities are turned by the baseline's frozen curves (`estimator.ClassCurves`) into q, what its label will be, which
adds up to 1. All that averages over classes need of the rows are sums of q and of its products; how unsure the curves are is
told by the same sums once more for each of FOLDS curves that were fitted without a tenth of the baseline.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from monitor.tiles.estimator import CLASS_CELLS, CLASSES_MAX, DEPTH_MAX, FOLDS, ClassCurves, class_edges
from monitor.tiles.wire import Reader, raw

COARSE_CELLS = 32
"""Cells in which each fold's expected labels are kept: they tell a spread, not a value."""
BLOCK_ROWS = 65_536
"""Rows that are turned into q at once: 20 classes of them take 10 MiB."""
EXPECTED, SPREAD, ROWS = range(3)
REWEIGHTED_METRICS = frozenset({"reweighted_accuracy", "reweighted_f1", "reweighted_roc_auc"})
"""Metrics that read the sums by region: rows are counted so where a declaration names one of them."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClassSums:
    """Sums over some rows. `confusion` f64 [1 + FOLDS, k, k]: q by class and by the class that was said, with the curve and with
    those of the folds. `moments` f64 [2, k, k]: q qᵀ over all rows; and, of the rows that said j, q_j q in line j.
    `cells` f64 [k, CLASS_CELLS, 3]: q, q (1 - q) and rows by the class's own probability. `folds` f64 [FOLDS, k, COARSE_CELLS]: q.
    """

    rows: int
    confusion: Floats
    moments: Floats
    cells: Floats
    folds: Floats

    @classmethod
    def empty(cls, k: int) -> ClassSums:
        return cls(
            0,
            np.zeros((1 + FOLDS, k, k)),
            np.zeros((2, k, k)),
            np.zeros((k, CLASS_CELLS, 3)),
            np.zeros((FOLDS, k, COARSE_CELLS)),
        )

    def merge(self, other: ClassSums) -> ClassSums:
        return ClassSums(
            self.rows + other.rows,
            self.confusion + other.confusion,
            self.moments + other.moments,
            self.cells + other.cells,
            self.folds + other.folds,
        )

    def to_plain(self) -> list[object]:
        return [self.rows, raw(self.confusion), raw(self.moments), raw(self.cells), raw(self.folds)]

    @classmethod
    def from_plain(cls, document: object, where: str, k: int) -> ClassSums:
        reader = Reader(document, where)
        sums = cls(
            reader.count(),
            reader.reals(1 + FOLDS, k, k),
            reader.reals(2, k, k),
            reader.reals(k, CLASS_CELLS, 3),
            reader.reals(FOLDS, k, COARSE_CELLS),
        )
        reader.done()
        return sums


@dataclass(frozen=True, slots=True)
class RegionSums:
    """The same rows with q as it is in each one's region (`estimator.ClassRegions`): `every` and those `labelled`. `rows` i64 [regions]."""

    rows: Ints
    every: ClassSums
    labelled: ClassSums

    def merge(self, other: RegionSums) -> RegionSums:
        if len(self.rows) != len(other.rows):
            return other  # another baseline's
        return RegionSums(self.rows + other.rows, self.every.merge(other.every), self.labelled.merge(other.labelled))

    def to_plain(self) -> list[object]:
        return [len(self.rows), raw(self.rows), self.every.to_plain(), self.labelled.to_plain()]

    @classmethod
    def from_plain(cls, document: object, where: str, k: int) -> RegionSums:
        reader = Reader(document, where)
        regions = reader.count()
        if regions > 1 << DEPTH_MAX:
            raise ValueError(f"{where}[0]: found {regions} regions, expected at most {1 << DEPTH_MAX}")
        rows = reader.counts(regions)
        every = ClassSums.from_plain(reader.item(), f"{where}[2]", k)
        found = cls(rows, every, ClassSums.from_plain(reader.item(), f"{where}[3]", k))
        reader.done()
        return found


@dataclass(frozen=True, slots=True)
class ClassScoreTile:
    """`every` row with usable probabilities and a class; those `labelled`, and what their labels were: `truth` i64 [k, k], label ×
    prediction, and `positives` i64 [k, CLASS_CELLS], rows of the class by its probability. `regional` where a declaration asks for it."""

    classes: tuple[str, ...]
    every: ClassSums
    labelled: ClassSums
    truth: Ints
    positives: Ints
    regional: RegionSums | None = None

    @classmethod
    def empty(cls, classes: tuple[str, ...]) -> ClassScoreTile:
        k = len(classes)
        none = ClassSums.empty(k)
        return cls(classes, none, none, np.zeros((k, k), np.int64), np.zeros((k, CLASS_CELLS), np.int64))

    def merge(self, other: ClassScoreTile) -> ClassScoreTile:
        if self.classes != other.classes:
            return other  # another declaration: the newer tells of what is asked for now
        return ClassScoreTile(
            self.classes,
            self.every.merge(other.every),
            self.labelled.merge(other.labelled),
            self.truth + other.truth,
            self.positives + other.positives,
            self.regional.merge(other.regional)
            if self.regional and other.regional
            else self.regional or other.regional,
        )

    def to_plain(self) -> list[object]:
        plain: list[object] = [
            list(self.classes),
            self.every.to_plain(),
            self.labelled.to_plain(),
            raw(self.truth),
            raw(self.positives),
        ]
        return plain if self.regional is None else [*plain, self.regional.to_plain()]

    @classmethod
    def from_plain(cls, document: object, where: str) -> ClassScoreTile:
        reader = Reader(document, where)
        classes = reader.texts()
        k = len(classes)
        if k > CLASSES_MAX:
            raise ValueError(f"{where}[0]: found {k} classes, expected at most {CLASSES_MAX}")
        every = ClassSums.from_plain(reader.item(), f"{where}[1]", k)
        labelled = ClassSums.from_plain(reader.item(), f"{where}[2]", k)
        tile = cls(classes, every, labelled, reader.counts(k, k), reader.counts(k, CLASS_CELLS))
        if reader.has_more:
            tile = replace(tile, regional=RegionSums.from_plain(reader.item(), f"{where}[5]", k))
        reader.done()
        return tile


@dataclass(frozen=True, slots=True)
class ClassScored:
    """Rows with usable probabilities: the cell of each class's [n, k], the class that was said, and the true one (-1: no label);
    and where they stand among all rows."""

    cells: Ints
    said: Ints
    truth: Ints
    places: Ints


def class_cells(probabilities: Floats) -> Ints:
    """The cell of each probability, between edges that are even on the logit."""
    return np.searchsorted(class_edges(), probabilities, side="right").astype(np.int64)


def class_tile(scored: ClassScored, curves: ClassCurves, region: Ints | None = None) -> ClassScoreTile:
    """`region` of each of the rows, where they are to be counted by their regions too."""
    k = len(curves.classes)
    known = scored.truth >= 0
    cells, said, truth = scored.cells[known], scored.said[known], scored.truth[known]
    positives = np.stack([np.bincount(cells[truth == c, c], minlength=CLASS_CELLS) for c in range(k)])
    return ClassScoreTile(
        curves.classes,
        _sums(scored.cells, scored.said, curves),
        _sums(cells, said, curves),
        np.bincount(truth * k + said, minlength=k * k).reshape(k, k).astype(np.int64),
        positives.astype(np.int64),
        None
        if region is None or curves.regions is None
        else _regional(scored, curves, region, len(curves.regions.labels)),
    )


def _regional(scored: ClassScored, curves: ClassCurves, region: Ints, regions: int) -> RegionSums:
    known = scored.truth >= 0
    return RegionSums(
        np.bincount(region, minlength=regions).astype(np.int64),
        _sums(scored.cells, scored.said, curves, region),
        _sums(scored.cells[known], scored.said[known], curves, region[known]),
    )


def _sums(cells: Ints, said: Ints, curves: ClassCurves, region: Ints | None = None) -> ClassSums:
    found = ClassSums.empty(len(curves.classes))
    for start in range(0, len(said), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        own = None if region is None else region[block]
        found = found.merge(_block(cells[block], said[block], curves, own))
    return found


def _block(cells: Ints, said: Ints, curves: ClassCurves, region: Ints | None) -> ClassSums:
    sums = ClassSums.empty(len(curves.classes))
    k, n = len(curves.classes), len(said)
    at = np.arange(n)
    for fold in range(1 + FOLDS):
        q = curves.expected(cells, fold, region)
        for c in range(k):
            own = np.ascontiguousarray(q[:, c])
            sums.confusion[fold, c] = np.bincount(said, own, k)
            if fold:
                coarse = cells[:, c] // (CLASS_CELLS // COARSE_CELLS)
                sums.folds[fold - 1, c] = np.bincount(coarse, own, COARSE_CELLS)
                continue
            sums.cells[c, :, EXPECTED] = np.bincount(cells[:, c], own, CLASS_CELLS)
            sums.cells[c, :, SPREAD] = np.bincount(cells[:, c], own * (1.0 - own), CLASS_CELLS)
            sums.cells[c, :, ROWS] = np.bincount(cells[:, c], minlength=CLASS_CELLS)
            sums.moments[1, :, c] = np.bincount(said, q[at, said] * own, k)
        if not fold:
            sums.moments[0] = np.einsum("ni,nj->ij", q, q)  # not by BLAS, whose sums depend on its threads
    return ClassSums(n, sums.confusion, sums.moments, sums.cells, sums.folds)
