"""Areas under the ROC curves of several classes, each against all others, expected from cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.tiles.class_scores import COARSE_CELLS, EXPECTED, ROWS, SPREAD, ClassSums
from monitor.tiles.estimator import CLASS_CELLS, CLASS_LOGIT_MAX, ClassCurves

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

POSITIVES_MIN = 2.0
"""Expected rows of a class, and rows of others, for an area."""
SLOPE_MAX = 2.0
"""Steepest curve, on the logit, that the bound of ties within a cell allows for."""
WITHIN = float(np.tanh(SLOPE_MAX * 2.0 * CLASS_LOGIT_MAX / CLASS_CELLS / 4.0)) / 2.0
"""How far the area within a cell may be from a half: positives and negatives differ there by a ratio of at most e^(slope · width)."""


@dataclass(frozen=True, slots=True)
class Areas:
    """By class: the area (NaN where too few rows of either side are expected), its derivative by a row's label [k, cells], the
    variance of the labels, the fourth power of their steps, what ties within cells may hide, and the areas by fold [F, k]."""

    value: Floats
    slope: Floats
    variance: Floats
    fourth: Floats
    hidden: Floats
    folds: Floats


def areas(sums: ClassSums) -> Areas:
    p = sums.cells[:, :, EXPECTED]
    n = sums.cells[:, :, ROWS] - p
    value, slope = _area(p, n)
    spread = sums.cells[:, :, SPREAD]
    both = np.maximum(p.sum(axis=1) * n.sum(axis=1), 1e-300)
    coarse = sums.cells[:, :, ROWS].reshape(len(p), COARSE_CELLS, -1).sum(axis=2)
    folds = np.stack([_area(own, coarse - own)[0] for own in sums.folds])
    return Areas(
        value,
        slope,
        (spread * slope**2).sum(axis=1),
        (spread * slope**4).sum(axis=1),
        (p * n).sum(axis=1) / both * WITHIN,
        folds,
    )


def realised(positives: Ints, rows: Floats) -> Floats:
    """The areas that labels gave, on the same cells."""
    own = np.asarray(positives, np.float64)
    return _area(own, rows - own)[0]


def ranking_of(cells: Ints, curves: ClassCurves) -> Floats:
    """Correlation of what the labels of these rows do to the areas of two classes: Σ over rows of slopes times cov(label is c, is d)."""
    q = curves.expected(cells)
    k = q.shape[1]
    p: Floats = np.stack([np.bincount(cells[:, c], q[:, c], CLASS_CELLS) for c in range(k)]).astype(np.float64)
    rows = np.stack([np.bincount(cells[:, c], minlength=CLASS_CELLS) for c in range(k)])
    slope = _area(p, np.asarray(rows - p, np.float64))[1]
    d = slope[np.arange(k), cells] * q
    covariance = np.diag((slope[np.arange(k), cells] * d).sum(axis=0)) - np.einsum("ni,nj->ij", d, d)
    scale = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    found: Floats = np.clip(covariance / np.outer(scale, scale), -1.0, 1.0)
    np.fill_diagonal(found, 1.0)
    return found


def _area(p: Floats, n: Floats) -> tuple[Floats, Floats]:
    ps, ns = p.sum(axis=1), n.sum(axis=1)
    enough = (ps >= POSITIVES_MIN) & (ns >= POSITIVES_MIN)
    with np.errstate(divide="ignore", invalid="ignore"):
        beaten = np.cumsum(n, axis=1) - n / 2.0
        beating = ps[:, None] - np.cumsum(p, axis=1) + p / 2.0
        value = np.where(enough, (p * beaten).sum(axis=1) / (ps * ns), np.nan)
        slope = (beaten - beating) / (ps * ns)[:, None] - (value * (ns - ps) / (ps * ns))[:, None]
    return value, np.where(enough[:, None], slope, 0.0)
