"""What a baseline freezes so that performance can be estimated without labels: curves, regions and a loss model.

Values only: `monitor.metrics.estimation` fits them, `monitor.tiles.profile` counts by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from monitor.tiles.numeric import SCORE_CELLS
from monitor.tiles.wire import Reader, raw

Floats = npt.NDArray[np.float64]
Method = Literal["identity", "platt", "beta", "isotonic"]
ClassMethod = Literal["identity", "temperature", "one_against_rest"]

FACTORS_MAX = SCORE_CELLS
"""A curve has at most one independent part a cell."""
TREES_MAX = 400
DEPTH_MAX = 6
BINS_MAX = 64
FEATURES_MAX = 64
CLASSES_MAX = 20
"""Classes of which each has curves of its own: the tile of a window grows with their square."""
CLASS_CELLS = 128
"""Cells of the probability of one class of several, even on the logit: rare classes have next to nothing but small ones."""
CLASS_LOGIT_MAX = 10.0
"""Logit from which on all are in the outermost cell: 1 in 22,000."""
FOLDS = 10
"""Parts of the baseline, in the order of its rows, of which each is left out of one curve (jackknife)."""


@dataclass(frozen=True, slots=True)
class Curve:
    """P(positive | score) by fine cell, and the factors of its covariance: cov(values) = factors @ factors.T."""

    method: Method
    values: Floats
    factors: Floats
    labelled: int
    """Rows of the baseline it was fitted on."""
    held_out: Mapping[str, float] = field(default_factory=dict)
    """Log loss on held-out rows, by the methods that were tried."""
    low: float = 0.0
    high: float = 1.0
    """Ends of the scores that the baseline has labels for."""

    def to_plain(self) -> list[object]:
        return [
            self.method,
            raw(self.values),
            self.factors.shape[1],
            raw(self.factors),
            self.labelled,
            dict(self.held_out),
            self.low,
            self.high,
        ]

    @classmethod
    def from_plain(cls, document: object, where: str) -> Curve:
        reader = Reader(document, where)
        method = reader.text()
        if method not in get_args(Method):
            raise ValueError(f"{where}[0]: found {method!r}, expected one of {', '.join(get_args(Method))}")
        values, rank = reader.reals(SCORE_CELLS), reader.count()
        if rank > FACTORS_MAX:
            raise ValueError(f"{where}[2]: found {rank} factors, expected at most {FACTORS_MAX}")
        curve = cls(
            cast("Method", method),
            values,
            reader.reals(SCORE_CELLS, rank),
            reader.count(),
            reader.mapping(_real),
            reader.real(),
            reader.real(),
        )
        reader.done()
        return curve


@dataclass(frozen=True, slots=True)
class Binning:
    """How one column becomes bins: 0 for a row without a usable value, else 1 + the number of cuts below it; or, of

    categories, the bin of each frozen one (`bins`), 0 for every other.
    """

    column: str
    cuts: Floats
    categories: tuple[str, ...] = ()
    bins: tuple[int, ...] = ()

    def to_plain(self) -> list[object]:
        return [self.column, raw(self.cuts), list(self.categories), list(self.bins)]

    @classmethod
    def from_plain(cls, document: object, where: str) -> Binning:
        reader = Reader(document, where)
        column, cuts, categories = reader.text(), reader.reals(-1), reader.texts()
        bins = Reader(reader.item(), f"{where}[3]")
        binning = cls(column, cuts, categories, tuple(bins.count() for _ in categories))
        bins.done()
        reader.done()
        return binning


@dataclass(frozen=True, slots=True)
class Trees:
    """Boosted symmetric trees: every node of a level asks the same question, so a leaf is a number of `depth` bits.

    `asks` int64 [trees, depth, 2]: position of a binning, and the bin up to which the answer is no. `leaves` f64
    [trees, 2^depth, targets]: what each adds to `start` [targets].
    """

    binnings: tuple[Binning, ...]
    asks: npt.NDArray[np.int64]
    leaves: Floats
    start: Floats

    @property
    def depth(self) -> int:
        return int(self.asks.shape[1])

    def to_plain(self) -> list[object]:
        trees, depth, _ = self.asks.shape
        return [
            [b.to_plain() for b in self.binnings],
            trees,
            depth,
            self.leaves.shape[2],
            raw(self.asks),
            raw(self.leaves),
            raw(self.start),
        ]

    @classmethod
    def from_plain(cls, document: object, where: str) -> Trees:
        reader = Reader(document, where)
        own = reader.item()
        if not isinstance(own, list) or len(own) > FEATURES_MAX:
            raise ValueError(f"{where}[0]: expected a list of at most {FEATURES_MAX} binnings")
        binnings = tuple(Binning.from_plain(b, f"{where}[0][{i}]") for i, b in enumerate(own))
        trees, depth, targets = reader.count(), reader.count(), reader.count()
        if trees > TREES_MAX or depth > DEPTH_MAX or targets > TARGETS_MAX:
            raise ValueError(f"{where}: found {trees} trees of depth {depth}, expected at most {TREES_MAX}")
        found = cls(
            binnings,
            reader.counts(trees, depth, 2),
            reader.reals(trees, 2**depth, targets),
            reader.reals(targets),
        )
        reader.done()
        if trees and depth and int(found.asks[:, :, 0].max()) >= len(binnings):
            raise ValueError(f"{where}[4]: a tree asks for a binning that is not there")
        return found


TARGETS_MAX = CLASSES_MAX
"""Regions of several classes have a target for each."""


@dataclass(frozen=True, slots=True)
class LossModel:
    """What |e| and e² are expected to be of a row: trees for both, and how sure the baseline is of their mean.

    `absolute_error` and `square_error` are the standard errors of the baseline's mean loss beyond what the trees
    explain; `kurtosis` is E e⁴ / E (E[e² | row])².
    """

    trees: Trees
    absolute_error: float
    square_error: float
    kurtosis: float
    labelled: int

    def to_plain(self) -> list[object]:
        return [self.trees.to_plain(), self.absolute_error, self.square_error, self.kurtosis, self.labelled]

    @classmethod
    def from_plain(cls, document: object, where: str) -> LossModel:
        reader = Reader(document, where)
        model = cls(
            Trees.from_plain(reader.item(), f"{where}[0]"),
            reader.real(),
            reader.real(),
            reader.real(),
            reader.count(),
        )
        reader.done()
        return model


def class_edges() -> Floats:
    """Inner edges of the cells of a class's probability, ascending."""
    logits = np.linspace(-CLASS_LOGIT_MAX, CLASS_LOGIT_MAX, CLASS_CELLS + 1)[1:-1]
    found: Floats = 1.0 / (1.0 + np.exp(-logits))
    return found


@dataclass(frozen=True, slots=True)
class ClassRegions:
    """Where the same probabilities mean different things: the leaves of one tree. `moves` f64 [1 + FOLDS, regions, 1 + k]: the power and
    the logarithm of the factor of each class that turn the weights of the curves into those of a region; `labels` i64 [regions].
    """

    tree: Trees
    moves: Floats
    labels: npt.NDArray[np.int64]

    def to_plain(self) -> list[object]:
        return [self.tree.to_plain(), raw(self.moves), raw(self.labels)]

    @classmethod
    def from_plain(cls, document: object, where: str, k: int) -> ClassRegions:
        reader = Reader(document, where)
        tree = Trees.from_plain(reader.item(), f"{where}[0]")
        if len(tree.asks) != 1:
            raise ValueError(f"{where}[0]: found {len(tree.asks)} trees, expected 1")
        regions = 1 << tree.depth
        found = cls(tree, reader.reals(1 + FOLDS, regions, 1 + k), reader.counts(regions))
        reader.done()
        if not np.isfinite(found.moves).all():
            raise ValueError(f"{where}[1]: found an infinite move")
        return found


@dataclass(frozen=True, slots=True)
class ClassCurves:
    """Weights of several classes by their probability. `curves` f64 [1 + FOLDS, k, CLASS_CELLS]: fitted on all labelled rows, and
    without each fold; the weights of a row divided by their sum are the probabilities of its label. `ranking` f64 [k, k]: how what the labels do to the ROC AUC of two classes hangs together.
    """

    classes: tuple[str, ...]
    method: ClassMethod
    curves: Floats
    ranking: Floats
    labels: npt.NDArray[np.int64]
    """Labelled rows of each class."""
    regions: ClassRegions | None = None

    @property
    def labelled(self) -> int:
        return int(self.labels.sum())

    def expected(
        self, cells: npt.NDArray[np.int64], fold: int = 0, region: npt.NDArray[np.int64] | None = None
    ) -> Floats:
        """What the label of each row will be, from the cells of its probabilities [n, k] and, where given, its region: adds up to 1."""
        found: Floats = self.curves[fold][np.arange(len(self.classes)), cells]
        if region is not None and self.regions is not None:
            moves = self.regions.moves[fold][region]
            np.log(found, out=found)
            found *= moves[:, :1]
            found += moves[:, 1:]
            found -= found.max(axis=1, keepdims=True)
            np.exp(found, out=found)
        found /= found.sum(axis=1, keepdims=True)
        return found

    def to_plain(self) -> list[object]:
        plain: list[object] = [list(self.classes), self.method, raw(self.curves), raw(self.ranking), raw(self.labels)]
        return plain if self.regions is None else [*plain, self.regions.to_plain()]

    @classmethod
    def from_plain(cls, document: object, where: str) -> ClassCurves:
        reader = Reader(document, where)
        classes, method = reader.texts(), reader.text()
        k = len(classes)
        if k > CLASSES_MAX or method not in get_args(ClassMethod):
            raise ValueError(f"{where}: found {k} classes and {method!r:.40}, expected at most {CLASSES_MAX}")
        curves = reader.reals(1 + FOLDS, k, CLASS_CELLS)
        if k and not (curves.min() > 0.0 and curves.max() < np.inf):
            raise ValueError(f"{where}[2]: found a weight that is not positive")
        found = cls(classes, cast("ClassMethod", method), curves, reader.reals(k, k), reader.counts(k))
        if reader.has_more:
            found = replace(found, regions=ClassRegions.from_plain(reader.item(), f"{where}[5]", k))
        reader.done()
        return found


@dataclass(frozen=True, slots=True)
class Estimator:
    """All that is frozen. `groups`: by column, the curve of each group (None: too few labels of its own)."""

    curve: Curve | None = None
    groups: Mapping[str, tuple[Curve | None, ...]] = field(default_factory=dict)
    regions: Trees | None = None
    """One tree whose leaves are regions in which the same score means different things."""
    loss: LossModel | None = None
    classes: ClassCurves | None = None

    def to_plain(self) -> list[object]:
        return [
            None if self.curve is None else self.curve.to_plain(),
            {name: [None if c is None else c.to_plain() for c in curves] for name, curves in self.groups.items()},
            None if self.regions is None else self.regions.to_plain(),
            None if self.loss is None else self.loss.to_plain(),
            None if self.classes is None else self.classes.to_plain(),
        ]

    @classmethod
    def from_plain(cls, document: object, where: str) -> Estimator:
        reader = Reader(document, where)
        found = cls(
            reader.maybe(Curve.from_plain),
            reader.mapping(_curves),
            reader.maybe(Trees.from_plain),
            reader.maybe(LossModel.from_plain),
            reader.maybe(ClassCurves.from_plain),
        )
        reader.done()
        return found


def _curves(document: object, where: str) -> tuple[Curve | None, ...]:
    if not isinstance(document, list):
        raise ValueError(f"{where}: expected a list of curves")
    reader = Reader(document, where)
    return tuple(reader.maybe(Curve.from_plain) for _ in document)


def _real(document: object, where: str) -> float:
    return Reader([document], where).real()
