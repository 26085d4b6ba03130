"""Pairs of features of which one is a category: does what goes together still go together?

Each value of a category against all others, and each quarter of a number and what is below against what is above, makes a
two by two table in the window and one in the baseline. Both margins of both are given: how frequent each value was is the
features' own drift. What is left of the table of the window, when the sum of both is given too, has one law if the odds ratios
are equal, whatever they are (Zelen 1971): an exact test, also where cells are next to empty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

from monitor.alerts.effects import Effect
from monitor.alerts.evidence.trials import Look, Subject, Trials
from monitor.metrics.drift.association_distance import association_distance

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ROWS_MIN = 100
"""Complete rows of a pair for a verdict, as of a correlation."""
CANDIDATES = 3
"""Tables of a pair whose exact tail is computed: those that stand out most."""
Z_MIN = 2.5
"""Difference of two log odds ratios, in standard errors, under which it is no evidence whatever the budget."""
REACH = 9.0
"""Standard deviations about the mode that hold all but 1e-18 of a law whose logarithm is concave."""
STEPS = 96
"""Points of one sum; where a standard deviation is wide they are several counts apart, which a smooth law does not notice."""
BISECTIONS = 45


def association_tests(look: Look, weight: float) -> Sequence[Trials]:
    here, there, names = look.window.tables, look.baseline.tiles.tables, look.baseline.grids.tables
    if here is None or there is None or here.levels != there.levels or not there.pairs:
        return ()
    pairs, windows, baselines = there.pairs, here.tables(), there.tables()
    enough = np.array([min(a.sum(), b.sum()) >= ROWS_MIN for a, b in zip(windows, baselines, strict=True)])
    ways = [(there.ordered[i], there.ordered[j]) for i, j in pairs]
    splits = [_splits(*both) for both in zip(windows, ways, strict=True)]
    owner = np.repeat(np.arange(len(pairs)), [len(one) for one in splits])
    own = np.concatenate([_splits(*both) for both in zip(baselines, ways, strict=True)])
    cells, times = _candidates(np.concatenate(splits), own, owner, len(pairs))
    plain = cells[:, :, 0] >= 0.0
    log_p = np.zeros(plain.shape)
    log_p[plain] = odds_log_p(cells[plain, :4], cells[plain, 4:], look.effect)
    log_p = log_p.min(axis=1)
    log_p = np.where(enough & (times > 0), np.minimum(0.0, log_p + np.log(np.maximum(times, 1.0))), 0.0)

    def gauge(at: int) -> Effect:
        value = association_distance(baselines[at], windows[at], look.effect)
        i, j = pairs[at]
        told = _told(windows[at], baselines[at], (names[i].categories, names[j].categories))
        size = value.value or 0.0
        return Effect(size, value.low or 0.0, value.high or 2.0, size, told)

    return (
        Trials(
            metric="association_distance",
            subjects=tuple(Subject(f"{names[i].column}~{names[j].column}") for i, j in pairs),
            log_p=log_p,
            enough=enough,
            reference=np.zeros(len(pairs)),
            gauge=gauge,
            weight=weight,
        ),
    )


def _splits(table: Ints, ordered: tuple[bool, bool]) -> Ints:
    """Every two by two table that the table folds into: [(both, of the line, of the column, all)]."""
    lines, columns = (_indicators(levels, way) for levels, way in zip(table.shape, ordered, strict=True))
    both = (lines @ table @ columns.T).ravel()
    of_line = np.repeat(lines @ table.sum(axis=1), len(columns))
    of_column = np.tile(columns @ table.sum(axis=0), len(lines))
    return np.stack([both, of_line, of_column, np.full(len(both), table.sum())], axis=1)


def _indicators(levels: int, ordered: bool) -> Ints:
    """Which levels are on one side: those up to each but the last, or each by itself; of two one says all."""
    if ordered:
        return np.tri(levels, dtype=np.int64)[:-1]
    return np.eye(levels, dtype=np.int64)[: 1 if levels == 2 else levels]


def _candidates(here: Ints, there: Ints, owner: Ints, pairs: int) -> tuple[Floats, Floats]:
    """By pair the tables of window and baseline whose odds ratios differ most, [pairs, CANDIDATES, 8], and how many could be tested.

    Lines of -1 stand for none: what does not stand out at all needs no tail.
    """
    k, a, b, n = here.T.astype(np.float64)
    j, c, d, m = there.T.astype(np.float64)
    open_ = (a > 0) & (a < n) & (b > 0) & (b < n) & (c > 0) & (c < m) & (d > 0) & (d < m)
    cells = np.stack([k, n - a - b + k, j, m - c - d + j, a - k, b - k, c - j, d - j]) + 0.5
    signs = np.array([1.0, 1.0, -1.0, -1.0, -1.0, -1.0, 1.0, 1.0])
    z = np.where(open_, np.abs(signs @ np.log(cells)) / np.sqrt((1.0 / cells).sum(axis=0)), -1.0)
    order = np.lexsort((-z, owner))
    first = np.searchsorted(owner[order], np.arange(pairs))
    place = np.arange(len(order)) - first[owner[order]]
    kept = (place < CANDIDATES) & (z[order] >= Z_MIN)
    found = np.full((pairs, CANDIDATES, 8), -1.0)
    at = order[kept]
    found[owner[at], place[kept]] = np.concatenate([here[at], there[at]], axis=1)
    return found, np.bincount(owner, open_, pairs).astype(np.float64)


def odds_log_p(window: Floats, baseline: Floats, effect: float = 1.0) -> Floats:
    """Log of twice the smaller tail of Zelen's exact test that two tables, (both, of a, of b, all), have one odds ratio.

    Counts are divided by `effect`. Sums run over the counts that the margins allow, in steps where there are many.
    """
    k, a, b, n = np.moveaxis(np.asarray(window, np.float64) / effect, -1, 0)
    j, c, d, m = np.moveaxis(np.asarray(baseline, np.float64) / effect, -1, 0)
    total = k + j
    low = np.maximum(np.maximum(0.0, a + b - n), total - np.minimum(c, d))
    high = np.minimum(np.minimum(a, b), total - np.maximum(0.0, c + d - m))

    def log_weight(x: Floats) -> Floats:
        shape = (...,) + (None,) * (x.ndim - k.ndim)
        own = [np.asarray(v)[shape] for v in (a, b, n, c, d, m, total)]
        p, q, s, u, v, t, both = own
        y = both - x
        cells = (x, p - x, q - x, s - p - q + x, y, u - y, v - y, t - u - v + y)
        inside = np.min(np.broadcast_arrays(*cells), axis=0) > -1e-9
        found = -sum(special.gammaln(np.maximum(cell, 0.0) + 1.0) for cell in cells)
        return np.where(inside, found, -np.inf)

    left, right = low.copy(), high.copy()
    for _ in range(BISECTIONS):
        middle = (left + right) / 2.0
        rising = _slope(middle, a, b, n, c, d, m, total) > 0.0
        left, right = np.where(rising, middle, left), np.where(rising, right, middle)
    mode = (left + right) / 2.0
    spread = 1.0 / np.sqrt(np.maximum(_bend(mode, a, b, n, c, d, m, total), 1e-12))
    step = np.maximum(1.0, np.floor(2.0 * REACH * spread / STEPS))
    # Points lie on the lattice of the count that was seen.
    start = k + step * np.round((mode - k) / step)
    around = start[..., None] + step[..., None] * np.arange(-STEPS // 2, STEPS // 2 + 1)
    whole = special.logsumexp(log_weight(around), axis=-1) + np.log(step)
    tails = []
    for side in (1.0, -1.0):
        outward = k[..., None] + side * step[..., None] * np.arange(STEPS + 1)
        tail = special.logsumexp(log_weight(outward), axis=-1) + np.log(step)
        # On the near side of the mode a tail is half of everything or more.
        tails.append(np.where(side * (k - mode) < 0.0, 0.0, np.minimum(0.0, tail - whole)))
    free = (high - low > 1e-9) & (n > 0) & (m > 0)
    found: Floats = np.where(free, np.minimum(0.0, math.log(2.0) + np.minimum(*tails)), 0.0)
    return found


def _parts(x: Floats, *margins: Floats) -> tuple[tuple[Floats, float], ...]:
    """The eight counts, and the direction in which each goes with x."""
    a, b, n, c, d, m, total = margins
    y = total - x
    cells = (x, a - x, b - x, n - a - b + x, y, c - y, d - y, m - c - d + y)
    return tuple(zip(cells, (1.0, -1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0), strict=True))


def _slope(x: Floats, *margins: Floats) -> Floats:
    """Derivative of the logarithm of the weight."""
    found: Floats = np.sum(
        [-way * special.digamma(np.maximum(cell, 0.0) + 1.0) for cell, way in _parts(x, *margins)], 0
    )
    return found


def _bend(x: Floats, *margins: Floats) -> Floats:
    """How fast that derivative falls."""
    found: Floats = np.sum([special.polygamma(1, np.maximum(cell, 0.0) + 1.0) for cell, _ in _parts(x, *margins)], 0)
    return found


def _told(here: Ints, there: Ints, names: tuple[tuple[str, ...], tuple[str, ...]]) -> str:
    """The cell whose share of its line moved most, where the line has rows enough on both sides to speak of."""
    n, m = here.sum(axis=1, keepdims=True), there.sum(axis=1, keepdims=True)
    p, q = here / np.maximum(n, 1), there / np.maximum(m, 1)
    weight = np.sqrt(np.minimum(n, m))
    i, j = np.unravel_index(int(np.argmax(np.abs(p - q) * weight)), p.shape)
    line, column = (_level(own, int(at)) for own, at in zip(names, (i, j), strict=True))
    return f"{column} is {100 * p[i, j]:.1f} % of {line} against {100 * q[i, j]:.1f} %"


def _level(categories: tuple[str, ...], at: int) -> str:
    if not categories:
        return f"quarter {at + 1}"
    return categories[at] if len(categories[at]) <= 40 else categories[at][:37] + "..."
