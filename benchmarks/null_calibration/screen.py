"""Which looks could hold evidence: the tests' own formulas, compiled, with the last digits given away.

Judging a million looks through the product takes days. Nearly all of them are far from any limit, and that much is told
in a third of a microsecond. A look is *suspect* where some test might be within MARGIN of its limit; only suspects, and
what follows an open alert, are then judged by the product itself. So the screen decides nothing: it must only never
miss, which `tests/benchmarks` holds against the product's own p-values.

Every test is asked in steps: a bound of a few multiplications first, the test's own formula only where that is passed.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from benchmarks.null_calibration.compiled import compiled, regrouped

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.uint8]

MARGIN = 0.1
"""Of log p: what differently rounded sums may differ by, many times over."""
DISTRIBUTION, MISSING, UNSEEN = 1, 2, 4
"""Bits of what a look might hold, and, by their order, the rows of `limits`."""
_ROWS_MIN = 50


@compiled
def _log_ndtr(z: float) -> float:
    """Log of the normal tail, from above: what may be under it by a hundredth."""
    if z > 5.0:
        return -0.5 * z * z - math.log(z) - 0.9189385332046727 + math.log1p(-1 / (z * z) + 3 / (z * z * z * z))
    return math.log(0.5 * math.erfc(z * 0.7071067811865476))


_TERMS = 64
"""Of the tail's series, all positive: a sum broken off lies under the tail."""


@compiled
def _tail_least(a: float, b: float, x: float) -> float:
    """A number under the log of the incomplete beta function I_x(a, b)."""
    term, total = 1.0, 1.0
    for i in range(_TERMS):
        term *= (a + b + i) / (a + 1.0 + i) * x
        total += term
        if term < 1e-4 * total:
            break
    front = math.lgamma(a + b) - math.lgamma(a + 1.0) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return front + math.log(total)


@compiled
def _proportion_least(k: float, n: float, j: float, m: float, effect: float, limit: float) -> float:
    """A number under log p of either tail of `proportion_log_p` for one side: Chernoff's bound less what it may give
    away, and where that is within the limit the tail's own series."""
    k, n, j, m = k / effect, n / effect, j / effect, m / effect
    total, hits = n + m, k + j
    rest = total - hits
    if total <= 0 or hits <= 0 or rest <= 0 or n <= 0 or m <= 0:
        return 0.0
    sample = min(n, m)
    if min(hits, rest) <= sample:
        size = min(hits, rest)
        seen = k if hits <= rest else n - k
        p = n / total
    else:
        size = sample
        seen = k if n <= m else j
        p = hits / total
    rate = min(max(seen / size, 0.0), 1.0)
    kl = 0.0
    if rate > 0:
        kl += rate * math.log(rate / p)
    if rate < 1:
        kl += (1 - rate) * math.log((1 - rate) / (1 - p))
    loose = -size * kl - 0.5 * math.log(8.0 * size + 8.0) - 1.0
    if loose > limit:
        return loose
    if rate > p:
        return max(loose, _tail_least(max(seen, 1e-12), max(size - seen + 1.0, 1e-12), p))
    return max(loose, _tail_least(max(size - seen, 1e-12), max(seen + 1.0, 1e-12), 1.0 - p))


@compiled
def _score_least(here: Counts, there: Floats, scores: Floats, n: float, m: float, effect: float) -> float:
    """`score_log_p` of the difference of mean scores, two-sided."""
    a = b = 0.0
    for c in range(scores.size):
        a += here[c] * scores[c]
        b += there[c] * scores[c]
    difference = a / n - b / m
    center = (a + b) / (n + m)
    second = 0.0
    for c in range(scores.size):
        away = scores[c] - center
        second += (here[c] + there[c]) * away * away
    second /= n + m
    total = n + m
    n, m = n / effect, m / effect
    variance = second * (1 / n + 1 / m)
    if variance <= 0.0:
        return 0.0
    deviation = abs(difference)
    z = deviation / math.sqrt(variance)
    third = fourth = 0.0
    least, most = scores[0], scores[0]
    for c in range(scores.size):
        away = scores[c] - center
        weight = (here[c] + there[c]) * away * away * away
        third += weight
        fourth += weight * away
        least, most = min(least, scores[c]), max(most, scores[c])
    third, fourth = third / total, fourth / total - 3.0 * second * second
    side = 1.0 if difference > 0 else -1.0
    third = max(0.0, third * (1 / (n * n) - 1 / (m * m)) * side)
    fourth = max(0.0, fourth * (1 / (n * n * n) + 1 / (m * m * m)))
    heavier = (third / variance**1.5 + fourth / variance**2 * z / 4.0) * z / 3.0
    bound = max(most - center, center - least) / min(n, m)
    bounded = 1.0 + bound * deviation / variance / 3.0
    return math.log(2.0) + _log_ndtr(z / math.sqrt(min(1.0 + heavier, bounded)))


@regrouped
def _halved(blocks: Counts) -> Counts:
    """Neighbours together: blocks twice as long."""
    out = np.empty((blocks.shape[0] // 2, blocks.shape[1]), np.int32)
    for i in range(out.shape[0]):
        for c in range(out.shape[1]):
            out[i, c] = blocks[2 * i, c] + blocks[2 * i + 1, c]
    return out


@compiled
def _spent(limit: float, loss: float) -> float:
    """Squared deviation, in variances, under which Chernoff's bound less its loss cannot reach the limit."""
    return max(0.0, -limit - loss)


@compiled
def _loss(rows: float) -> float:
    """What `_proportion_least` may give away of Chernoff's bound, at most, with so many rows on the smaller side."""
    return 0.5 * math.log(8.0 * rows + 8.0) + 1.0


@compiled
def _scale(n: float, m: float, hits: float, rest: float) -> float:
    """Of (k·total - hits·n)²: its variance in the smallest of the four margins, which is the one that is tested."""
    return min(n, m) * min(hits, rest) * min(max(n, m), max(hits, rest))


@compiled
def _share_is_near(k: float, n: float, j: float, m: float, effect: float, limit: float, calm: float) -> bool:
    """Whether the test of two shares might be within the limit. The relative entropy of a share is at most its squared
    deviation over the variance (chi-squared divergence), so what deviates less than `calm` is far from it."""
    hits, total = k + j, n + m
    away = k * total - hits * n
    scale = _scale(n, m, hits, total - hits)
    if away * away <= calm * effect * scale:
        return False
    return _proportion_least(k, n, j, m, effect, limit) <= limit


@regrouped
def _of_number(
    here: Counts,
    there: Floats,
    ranks: Floats,
    at: Indices,
    shares: Floats,
    tests: int,
    limits: Floats,
    effect: float,
    cumulated: Floats,
) -> int:
    """Bits of one look at a number. `ranks` are rank, its square and fourth power, and the cumulated shares of the
    baseline; `at` the first cell of the range, the one after its last, and the cells of the outer shares, low ones first."""
    k = here.size - 2
    m = ranks[4, 0]
    rows = 0
    for c in range(k):
        rows += here[c]
        cumulated[c] = rows
    n = np.float64(rows)
    found = 0
    missing = limits[1] + MARGIN
    if here[k + 1] > 0 and _share_is_near(
        here[k + 1],
        n + here[k + 1],
        there[k + 1],
        m + there[k + 1],
        effect,
        missing,
        _spent(missing, _loss(min(n + here[k + 1], m + there[k + 1]) / effect)),
    ):
        found = MISSING
    if n < _ROWS_MIN:
        return found
    limit = limits[0] + MARGIN
    first = second = fourth = distance = 0.0
    for c in range(k):
        count = np.float64(here[c])
        first += count * ranks[0, c]
        second += count * ranks[1, c]
        fourth += count * ranks[2, c]
        distance = max(distance, abs(cumulated[c] - n * ranks[3, c]))
    distance /= n
    effective = n * m / (n + m) / effect
    if math.log(2.0) - 2.0 * effective * distance * distance - math.log(shares[0]) <= limit:
        return found | DISTRIBUTION
    for view in range(2):
        mean, square = (first, second) if view == 0 else (second, fourth)
        own, own_square = ranks[4, 1 + view], ranks[4, 2 + view]
        spent = limit + math.log(shares[1 + view])
        difference = mean / n - own / m
        center = (mean + own) / (n + m)
        variance = max(0.0, (square + own_square) / (n + m) - center * center) / effective
        if difference * difference <= _reach_squared(spent) * variance:
            continue
        if _score_least(here, there, ranks[view, :k], n, m, effect) <= spent:
            return found | DISTRIBUTION
    spent = limit + math.log(shares[3]) - math.log(tests) - math.log(2.0)
    calm = _spent(spent, _loss(min(n, m) / effect))
    half = (at.size - 2) // 2
    for q in range(2, at.size):
        c = at[q]
        here_out, there_out = cumulated[c], ranks[3, c] * m
        if q >= 2 + half:
            here_out, there_out = n - here_out, m - there_out
        if _share_is_near(here_out, n, there_out, m, effect, spent, calm):
            return found | DISTRIBUTION
    beneath = cumulated[at[0] - 1] if at[0] > 0 else 0.0
    over = n - cumulated[at[1] - 1]
    if beneath > 0 and _share_is_near(beneath, n, 0.0, m, effect, spent, calm):
        return found | DISTRIBUTION
    if over > 0 and _share_is_near(over, n, 0.0, m, effect, spent, calm):
        return found | DISTRIBUTION
    return found


@compiled
def _reach_squared(limit: float) -> float:
    """The squared z under which a score's log p is over the limit: log 2Φ(-z) >= -z²/2 - log(z + 1) - 0.23 (Mill's
    ratio), and the heavier tails only lie above it."""
    tight = -2.0 * limit - 5.0
    return max(0.0, tight if tight <= 64.0 else -2.0 * limit - 16.0)


@compiled
def ranks_of(there: Floats) -> Floats:
    """What every look at a number needs of the baseline: rank, square, fourth power, cumulated share; sums at the end."""
    k = there.size - 2
    out = np.zeros((5, max(k, 4)))
    m = there[:k].sum()
    below = 0.0
    for c in range(k):
        rank = (below + 0.5 * there[c]) / m - 0.5
        below += there[c]
        out[0, c], out[1, c], out[2, c], out[3, c] = rank, rank * rank, rank**4, below / m
        out[4, 0] = m
    for c in range(k):
        for power in range(3):
            out[4, 1 + power] += there[c] * out[power, c]
    return out


@regrouped
def _of_name(here: Counts, there: Floats, limits: Floats, effect: float) -> int:
    """Bits of one look at a categorical feature."""
    k = here.size - 1  # the unseen are one more category
    rows = used = 0
    m = 0.0
    for c in range(k):
        rows += here[c]
        m += there[c]
        used += 1 if here[c] + there[c] > 0 else 0
    m -= there[k - 1]  # the baseline's unseen are rows that stand among the others too
    n = np.float64(rows)
    found = 0
    missing, unseen = limits[1] + MARGIN, limits[2] + MARGIN
    loss = _loss((n + here[k]) / effect)
    if here[k] > 0 and _share_is_near(
        here[k], n + here[k], there[k], m + there[k], effect, missing, _spent(missing, loss)
    ):
        found |= MISSING
    if here[k - 1] > 0 and _share_is_near(here[k - 1], n, there[k - 1], m, effect, unseen, _spent(unseen, loss)):
        found |= UNSEEN
    if n < _ROWS_MIN:
        return found
    spent = limits[0] - math.log(max(1, used)) - math.log(2.0) + MARGIN
    calm = _spent(spent, _loss(min(n, m) / effect)) * effect
    total = n + m
    furthest = -1.0
    for c in range(k):
        pooled = here[c] + there[c]
        away = here[c] * total - pooled * n
        furthest = max(furthest, away * away - calm * _scale(n, m, pooled, total - pooled))
    if furthest > 0.0:
        for c in range(k):
            if _share_is_near(here[c], n, there[c], m, effect, spent, calm / effect):
                return found | DISTRIBUTION
    return found


@compiled
def _first(scale: int) -> int:
    return 0 if scale == 1 else 1


@compiled
def looks_at_number(
    windows: Counts,
    there: Floats,
    at: Indices,
    shares: Floats,
    tests: int,
    scales: Indices,
    limits: Floats,
    effects: Floats,
    found: Flags,
) -> None:
    """Set the bits of every window at some of whose merges a number might hold evidence. `limits` by test and scale."""
    ranks = ranks_of(there)
    cumulated = np.zeros(windows.shape[1])
    blocks, here = windows, np.zeros(windows.shape[1], np.int32)
    for s in range(scales.size):
        every = max(1, scales[s] // 2)
        if scales[s] > 2:
            blocks = _halved(blocks)
        for block in range(_first(scales[s]), blocks.shape[0]):
            here[:] = blocks[block]
            if scales[s] > 1:
                here += blocks[block - 1]
            bits = _of_number(here, there, ranks, at, shares, tests, limits[:, s], effects[s], cumulated)
            found[(block + 1) * every - 1] |= bits


@compiled
def looks_at_name(
    windows: Counts, there: Floats, scales: Indices, limits: Floats, effects: Floats, found: Flags
) -> None:
    """The same of a categorical feature."""
    blocks, here = windows, np.zeros(windows.shape[1], np.int32)
    for s in range(scales.size):
        every = max(1, scales[s] // 2)
        if scales[s] > 2:
            blocks = _halved(blocks)
        for block in range(_first(scales[s]), blocks.shape[0]):
            here[:] = blocks[block]
            if scales[s] > 1:
                here += blocks[block - 1]
            found[(block + 1) * every - 1] |= _of_name(here, there, limits[:, s], effects[s])


@compiled
def _is_due(scale: int, index: int) -> bool:
    return index + 1 >= scale and (index + 1) % max(1, scale // 2) == 0


@compiled
def look_at_number(
    windows: Counts,
    there: Floats,
    at: Indices,
    shares: Floats,
    tests: int,
    scales: Indices,
    limits: Floats,
    effects: Floats,
    index: int,
    wanted: int,
    found: Flags,
) -> None:
    """Bits by scale of the merges that end with one window; `wanted` without DISTRIBUTION asks for the others alone."""
    ranks = ranks_of(there)
    cumulated, here = np.zeros(windows.shape[1]), np.zeros(windows.shape[1], np.int32)
    taken = 0
    for s in range(scales.size):
        if not _is_due(scales[s], index):
            continue
        while taken < scales[s]:
            here += windows[index - taken]
            taken += 1
        if wanted & DISTRIBUTION or here[here.size - 1] > 0:
            found[s] = _of_number(here, there, ranks, at, shares, tests, limits[:, s], effects[s], cumulated)


@compiled
def look_at_name(
    windows: Counts,
    there: Floats,
    scales: Indices,
    limits: Floats,
    effects: Floats,
    index: int,
    wanted: int,
    found: Flags,
) -> None:
    """The same of a categorical feature."""
    here = np.zeros(windows.shape[1], np.int32)
    taken = 0
    for s in range(scales.size):
        if not _is_due(scales[s], index):
            continue
        while taken < scales[s]:
            here += windows[index - taken]
            taken += 1
        if wanted & DISTRIBUTION or here[here.size - 1] + here[here.size - 2] > 0:
            found[s] = _of_name(here, there, limits[:, s], effects[s])
