"""How large a divergence of two samples of one population is by chance, and the interval that follows for it.

A divergence is a sum over cells of a function of the two shares that grows with them alike (twice the shares, twice the
term). Near equality all such sums are multiples of the chi-square statistic; where cells hold few rows they are not, and
the law of those cells is computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from monitor.metrics.drift.cells import Counts
from monitor.metrics.intervals import Z, noncentrality_interval

Floats = npt.NDArray[np.float64]
Shares = npt.NDArray[np.floating[Any]]
CellTerm = Callable[[Floats, Floats], Floats]
"""What a cell with share p in the baseline and q in the window adds."""

SPARSE_ROWS = 16
"""Rows expected in a cell, on the side with fewer, below which its part of the null law is computed, not taken as known."""
LAW_TERMS = 96
"""Terms of that computation: 20 standard deviations above SPARSE_ROWS expected rows."""
LAWS_KEPT = 16
"""Laws whose cells are remembered: the columns of a window, and windows of as many rows, share one."""
CELLS_KEPT = 4_096
"""Cells of a law that are remembered, by their rows: half a megabyte of each law."""


def divergence_interval(
    divergence: float, b: Counts, w: Counts, term: CellTerm, curvature: float
) -> tuple[float, float]:
    """95 % interval of a divergence between populations of whose samples it is `divergence`.

    `curvature` times nm/(n + m) times the divergence is chi-square under no drift; that law is matched in mean and
    variance where cells are sparse.
    """
    n, m, cells = int(b.sum()), int(w.sum()), len(b)
    if cells < 2:
        return 0.0, 0.0
    scale = curvature * n * m / (n + m)
    mean, variance = _null_moments(b + w, m / (n + m), term, curvature)
    # One degree of freedom is lost to the fixed total, spread over the cells.
    mean, variance = mean * (cells - 1) / cells, variance * (cells - 1) / cells
    # As many rows on both sides, each alone in its cell: whichever side they fall to, the divergence is the same.
    stretch, df = (variance / (2.0 * mean), 2.0 * mean * mean / variance) if variance > 0.0 else (1.0, cells - 1.0)
    low, high = noncentrality_interval(scale * divergence / stretch, df)
    return low * stretch / scale, high * stretch / scale


def cautious_interval(divergence: float, b: Counts, w: Counts, term: CellTerm, curvature: float) -> tuple[float, float]:
    """`divergence_interval` of a divergence whose every column and window has a law of its own: as if no cell were sparse, and
    where that leaves chance out, no higher a lower end than the law gives. Chance explains most windows at once."""
    n, m, cells = int(b.sum()), int(w.sum()), len(b)
    if cells < 2:
        return 0.0, 0.0
    scale = curvature * n * m / (n + m)
    low, high = (end / scale for end in noncentrality_interval(scale * divergence, cells - 1.0))
    return (min(low, divergence_interval(divergence, b, w, term, curvature)[0]) if low > 0.0 else 0.0), high


@dataclass(frozen=True, slots=True)
class Homogeneity:
    """What a cell adds to the chi-square statistic of two samples, times (n + m)/(nm); the window has `share` of all rows."""

    share: float

    def __call__(self, p: Floats, q: Floats) -> Floats:
        middle = (1.0 - self.share) * p + self.share * q
        return np.divide(np.square(q - p), middle, out=np.zeros_like(middle), where=middle > 0.0)


SMOOTHING = 0.5
"""Rows that PSI and Kullback-Leibler add to every cell of both sides: without, one empty cell makes them infinite."""


@dataclass(frozen=True, slots=True)
class Smoothed:
    """The null law's view of a term of smoothed shares: n rows of the baseline and m of the window in so many cells.

    It takes a cell's shares times n + m, as `_Law` has them, and gives its term times that: with smoothing a term does not
    grow with its shares alike.
    """

    term: CellTerm
    n: int
    m: int
    cells: int

    def __call__(self, p: Floats, q: Floats) -> Floats:
        total, added = self.n + self.m, SMOOTHING * self.cells
        own = ((p * (rows / total) + SMOOTHING) / (rows + added) for p, rows in ((p, self.n), (q, self.m)))
        return total * self.term(*own)


def smoothed(b: Counts, w: Counts) -> tuple[Floats, Floats]:
    """The shares of both sides, half a row added to every cell."""
    return (b + SMOOTHING) / (b.sum() + SMOOTHING * len(b)), (w + SMOOTHING) / (w.sum() + SMOOTHING * len(b))


def delta_half(by_p: Shares, p: Shares, n: int, by_q: Shares, q: Shares, m: int) -> float:
    """Half the 95 % interval of a function of two samples' shares, from its derivatives (delta method)."""
    variance = (float(q @ by_q**2) - float(q @ by_q) ** 2) / m + (float(p @ by_p**2) - float(p @ by_p) ** 2) / n
    return Z * math.sqrt(max(0.0, variance))


def _null_moments(together: Counts, share: float, term: CellTerm, curvature: float) -> tuple[float, float]:
    """Mean and variance, under no drift, of the sum of the cells' terms, scaled to chi-square.

    A cell of t rows has Binomial(t, share) of them in the window. With many on either side its term is chi-square with
    one degree (mean 1, variance 2), non-central by what smoothing makes of equal shares; where fewer than SPARSE_ROWS are
    expected, both are summed over the binomial law.
    """
    few = min(share, 1.0 - share)
    sparse = together * few < SPARSE_ROWS
    rows_of = together[~sparse].astype(np.float64)
    smooths = isinstance(term, Smoothed)  # of other terms equal shares are nothing
    shift = curvature * few * (1.0 - few) * float(term(rows_of, rows_of).sum()) if smooths else 0.0
    full = float(len(rows_of))
    mean, variance = full + shift, 2.0 * full + 4.0 * shift
    if not sparse.any():
        return mean, variance
    rows, times = np.unique(together[sparse], return_counts=True)
    means, variances = _law(share, term, curvature).moments(rows.tolist())
    return mean + float(times @ means), variance + float(times @ variances)


@dataclass(frozen=True, slots=True)
class _Law:
    """Mean and variance of a sparse cell's term, by its rows on both sides together."""

    share: float
    term: CellTerm
    curvature: float
    _known: dict[int, tuple[float, float]] = field(default_factory=dict)

    def moments(self, rows: list[int]) -> tuple[Floats, Floats]:
        """(means, variances) of cells of so many rows; what is new is computed, and remembered while there is room."""
        found = {t: moments for t in rows if (moments := self._known.get(t)) is not None}
        if len(found) < len(rows):
            new = [t for t in rows if t not in found]
            computed = dict(zip(new, self._computed(np.array(new, np.float64)), strict=True))
            found |= computed
            if len(self._known) + len(computed) <= CELLS_KEPT:
                self._known.update(computed)
        means, variances = np.array([found[t] for t in rows]).T
        return means, variances

    def _computed(self, rows: Floats) -> list[tuple[float, float]]:
        """As many terms for each, so that what is found of one does not hang on the others."""
        share, few, total = self.share, min(self.share, 1.0 - self.share), rows[:, None]
        on_few = np.arange(LAW_TERMS + 1, dtype=np.float64)[None, :]
        rest = np.maximum(total - on_few, 0.0)
        log_law = gammaln(total + 1.0) - gammaln(on_few + 1.0) - gammaln(rest + 1.0)
        law = np.where(on_few <= total, np.exp(log_law + on_few * math.log(few) + rest * math.log1p(-few)), 0.0)
        # The cell's shares on both sides, up to the common factor that nm/(n + m) takes away.
        p, q = rest / (1.0 - few), on_few / few
        terms = self.curvature * few * (1.0 - few) * (self.term(p, q) if share <= 0.5 else self.term(q, p))
        means = (law * terms).sum(axis=1)
        variances = (law * (terms - means[:, None]) ** 2).sum(axis=1)
        return list(zip(means.tolist(), variances.tolist(), strict=True))


_law = lru_cache(LAWS_KEPT)(_Law)
