"""How well a classifier tells the window's rows from the baseline's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.estimation import trees
from monitor.metrics.intervals import Z
from monitor.metrics.metric import Comparison, nothing
from monitor.tiles.binning import Bytes
from monitor.tiles.categorical import CategoricalGrid
from monitor.tiles.estimator import BINS_MAX, Trees
from monitor.tiles.sampled import SampledTile

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

FOLDS = 5
ROWS_MIN = 25
"""Fewest rows on either side: five a fold."""
TREES = 40
DEPTH = 4
CROSS_FITTED = 2.0
"""Factor on the variance of independent folds: each pair of folds is compared twice, once in either direction, so a chance
difference between them counts in both."""
NAMED_MAX = 3
"""Features named in the reason."""
NAMED_FROM = 0.01
NAMED_SHARE = 0.1
"""What the AUC must lose without a feature for it to be named: this much, and this share of what it loses without the first."""
_SEED = 16_10


@dataclass(frozen=True, slots=True)
class Fold:
    """One fifth of the rows, held out: which they are, what the classifier of the others says of them, and itself."""

    held_out: Index
    scores: Floats
    bins: Bytes
    grown: Trees


def domain_classifier_auc(
    before: SampledTile, now: SampledTile, names: Sequence[str], categorical: Sequence[bool]
) -> Value:
    """Area under the ROC curve of a classifier that tells the window's rows from the baseline's.

    **What it tells.** Whether whole rows look as they did, whatever the change: of one feature, of two that no longer
    hang together, of a region that is new. Where it is beyond chance, the reason names the features it is told by.

    **Formula.** A bounded sample of both sides (1,000 rows of the window, 2,000 of the baseline, by the hash of their ids)
    is cut into 5 folds. Boosted trees learn from four of them which side a row is of and score the fifth; the value is the
    mean over folds of the share of pairs (one row of each side, held out) in which the window's row scores higher, ties
    half. A feature is named with what this share loses when its held-out values are shuffled.

    **Range.** 0 to 1; 0.5 is chance, 1 tells every row.

    **How to read.** 0.55 is a small change (a shift of one feature by a quarter of its standard deviation), 0.65 one that
    NannyML alerts on by default. The interval is DeLong's of each fold, with twice the variance: folds share their
    learning rows, so a chance difference of two of them counts in both.

    **When it misleads.** Rows that depend on each other (the same customer, the same minute) tell their window by that
    alone, so it is evidence of nothing by itself: it alerts only where a limit is declared. A feature that is an
    identifier, a counter or a time separates everything: leave it out of the features. Of two copies of one feature
    neither is missed when shuffled, and neither may be named.

    **Reference.** Lopez-Paz and Oquab 2017 (ICLR, arXiv 1610.06545); DeLong et al. 1988 (Biometrics 44, 837). NannyML's
    domain classifier; Deepchecks' multivariate drift is twice this less 1.

    >>> rng = np.random.default_rng(0)
    >>> def sample(x):
    ...     return SampledTile(1_000, len(x), np.arange(len(x)), x.astype(np.uint8))
    >>> there = rng.integers(1, 40, (1000, 3))
    >>> here = np.column_stack([there[:, 0], there[:, 1], (there[:, 2] + there[:, 0]) // 2])
    >>> found = domain_classifier_auc(sample(there), sample(here), "abc", [False] * 3)
    >>> found.low > 0.6, found.reason.split(" (")[0]
    (True, 'told apart by c')
    """
    if min(before.n, now.n) < ROWS_MIN:
        few = f"{before.n} rows of the baseline, {now.n} of the window, {ROWS_MIN} needed"
        return nothing(Status.UNDEFINED, few, n_baseline=before.n, n_window=now.n)
    bins = np.concatenate([before.bins, now.bins]).T
    recent = np.arange(bins.shape[1]) >= before.n
    folds = cross_fitted(bins, recent, categorical)
    auc, variance = _together([_auc(fold.scores, recent[fold.held_out]) for fold in folds])
    half = Z * math.sqrt(CROSS_FITTED * variance)
    low, high = max(0.0, auc - half), min(1.0, auc + half)
    reason = _told_by(folds, recent, names, auc) if low > _CHANCE else None
    return Value(auc, low, high, n_baseline=before.n, n_window=now.n, reason=reason)


_CHANCE = 0.5


def cross_fitted(bins: Bytes, recent: npt.NDArray[np.bool_], categorical: Sequence[bool]) -> list[Fold]:
    """Every row scored by trees that have not seen it. Rows of each side take turns over the folds."""
    fold_of = np.concatenate([np.arange(int((recent == side).sum())) % FOLDS for side in (False, True)])
    rng = np.random.default_rng(_SEED)
    found = []
    for k in range(FOLDS):
        learning, held_out = np.flatnonzero(fold_of != k), np.flatnonzero(fold_of == k)
        own = _ordered(bins, learning, recent, categorical)
        targets = recent[learning].astype(np.float64)[:, None]
        first = _first_questions(own[:, learning], rng)
        grown = trees.grow(own[:, learning], targets, trees=TREES, depth=DEPTH, first=first)
        tested = np.ascontiguousarray(own[:, held_out])
        found.append(Fold(held_out, trees.predict(list(tested), grown, len(held_out))[:, 0], tested, grown))
    return found


def _ordered(bins: Bytes, learning: Index, recent: npt.NDArray[np.bool_], categorical: Sequence[bool]) -> Bytes:
    """Categories in the order of the share that the window has of them among the learning rows."""
    found = np.ascontiguousarray(bins)
    for i in np.flatnonzero(np.asarray(categorical, np.bool_)):
        own = bins[i, learning]
        rows = np.bincount(own, minlength=BINS_MAX)
        shares = np.bincount(own, recent[learning], BINS_MAX) / (rows + trees.ROWS_A_LEAF)
        place = np.empty(BINS_MAX, np.uint8)
        place[np.argsort(shares, kind="stable")] = np.arange(BINS_MAX)
        found = found.copy() if found is bins else found
        found[i] = place[bins[i]]
    return found


def _first_questions(bins: Bytes, rng: np.random.Generator) -> list[tuple[int, int] | None]:
    """Of every second tree, drawn: a feature, and the bin of one of its rows."""
    features, rows = rng.integers(0, len(bins), TREES), rng.integers(0, bins.shape[1], TREES)
    return [None if i % 2 else (int(f), int(bins[f, r])) for i, (f, r) in enumerate(zip(features, rows, strict=True))]


def _auc(scores: Floats, recent: npt.NDArray[np.bool_]) -> tuple[float, float, int]:
    """Mann and Whitney's share, DeLong's variance of it, and the number of pairs."""
    here, there = scores[recent], scores[~recent]
    m, n = len(here), len(there)
    ranks = stats.rankdata(np.concatenate([here, there]))
    # Of each row: the share of the other side that it stands on the right side of.
    of_here = (ranks[:m] - stats.rankdata(here)) / n
    of_there = 1.0 - (ranks[m:] - stats.rankdata(there)) / m
    variance = of_here.var(ddof=1) / m + of_there.var(ddof=1) / n
    return float(of_here.mean()), float(variance), m * n


def _together(parts: Sequence[tuple[float, float, int]]) -> tuple[float, float]:
    """Folds weighted by their pairs."""
    auc, variance, pairs = (np.array(column, np.float64) for column in zip(*parts, strict=True))
    weights = pairs / pairs.sum()
    return float(weights @ auc), float(weights**2 @ variance)


def _told_by(folds: Sequence[Fold], recent: npt.NDArray[np.bool_], names: Sequence[str], auc: float) -> str | None:
    """The features without which the AUC falls most."""
    rng = np.random.default_rng(_SEED)
    falls = []
    used = sorted({int(f) for fold in folds for f in np.unique(fold.grown.asks[:, :, 0])})
    for feature in used:
        parts = []
        for fold in folds:
            shuffled = list(fold.bins)
            shuffled[feature] = rng.permutation(fold.bins[feature])
            scores = trees.predict(shuffled, fold.grown, len(fold.held_out))[:, 0]
            parts.append(_auc(scores, recent[fold.held_out]))
        falls.append((auc - _together(parts)[0], names[feature]))
    falls.sort(key=lambda pair: (-pair[0], pair[1]))
    least = max(NAMED_FROM, NAMED_SHARE * falls[0][0]) if falls else NAMED_FROM
    named = [(fall, name) for fall, name in falls if fall >= least][:NAMED_MAX]
    if not named:
        return None
    return "told apart by " + ", ".join(f"{name} ({fall:.2f} of the AUC)" for fall, name in named)


@dataclass(frozen=True, slots=True)
class SampleMetric:
    """Compares samples of whole rows. It has no `feature`."""

    name: str
    prometheus: str
    help: str
    kind: AlertKind = AlertKind.DRIFT
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        grids, before, now = comparison.baseline.grids, comparison.baseline.tiles.sampled, comparison.window.sampled
        if not grids.sampled:
            reason = (
                "the baseline holds no sample of rows: set it again, with features that vary and this metric declared"
            )
            value = nothing(Status.NO_DATA, reason)
        elif before is None:
            return
        elif now is None or not now.rows:
            value = nothing(Status.NO_DATA, "the window has no rows", n_baseline=before.n)
        else:
            categorical = [isinstance(grids.features[name], CategoricalGrid) for name in grids.sampled]
            value = domain_classifier_auc(before, now, grids.sampled, categorical)
        yield Measurement(self.name, self.kind, None, None, value)


DOMAIN_CLASSIFIER_AUC = SampleMetric(
    name="domain_classifier_auc",
    prometheus="outrider_drift_domain_classifier_auc",
    help="Area under the ROC curve of boosted trees that tell the window's rows from the baseline's (0.5 = chance).",
)
