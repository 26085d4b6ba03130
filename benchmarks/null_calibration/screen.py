"""Which looks could hold evidence: the tests' own formulas, compiled, with the last digits given away.

Judging a million looks through the product takes days. Nearly all of them are far from any limit, and that much is told
in half a microsecond. A look is *suspect* where some test might be within MARGIN of its limit; only suspects, and what
follows an open alert, are then judged by the product itself. So the screen decides nothing: it must only never miss, which
`tests/benchmarks` holds against the product's own p-values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

F = TypeVar("F", bound=Callable[..., Any])
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int32]

MARGIN = 0.1
"""Of log p: what differently rounded sums may differ by, many times over."""


def _compiled(function: F) -> F:
    return cast("F", njit(cache=True, nogil=True, error_model="numpy")(function))


@_compiled
def _random(state: npt.NDArray[np.uint64]) -> np.uint64:
    """SplitMix64."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@_compiled
def alias(shares: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Walker's alias table."""
    k = shares.size
    keep, other = np.ones(k), np.arange(k)
    scaled = shares * k / shares.sum()
    small, large = np.empty(k, np.int64), np.empty(k, np.int64)
    s = t = 0
    for i in range(k):
        if scaled[i] < 1.0:
            small[s] = i
            s += 1
        else:
            large[t] = i
            t += 1
    while s > 0 and t > 0:
        s -= 1
        i, j = small[s], large[t - 1]
        keep[i], other[i] = scaled[i], j
        scaled[j] -= 1.0 - scaled[i]
        if scaled[j] < 1.0:
            t -= 1
            small[s] = j
            s += 1
    return keep, other


@_compiled
def draw(shares: Floats, n: int, windows: int, seed: np.uint64, out: Counts) -> None:
    """Counts of `windows` independent windows of n rows, row by row: out[w, cell]."""
    keep, other = alias(shares)
    k = np.uint64(shares.size)
    state = np.array([seed], np.uint64)
    for w in range(windows):
        for _ in range(n):
            r = _random(state)
            cell = ((r >> np.uint64(32)) * k) >> np.uint64(32)
            if (r & np.uint64(0xFFFFFFFF)) * 2.3283064365386963e-10 >= keep[cell]:
                cell = np.uint64(other[cell])
            out[w, cell] += 1


@_compiled
def _log_ndtr(z: float) -> float:
    """Log of the normal tail, from above: what may be under it by a hundredth."""
    if z > 5.0:
        return -0.5 * z * z - math.log(z) - 0.9189385332046727 + math.log1p(-1 / (z * z) + 3 / (z * z * z * z))
    return math.log(0.5 * math.erfc(z * 0.7071067811865476))


_TERMS = 64
"""Of the tail's series, all positive: a sum broken off lies under the tail."""


@_compiled
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


@_compiled
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


@_compiled
def _score_least(here: Counts, there: Floats, scores: Floats, n: float, m: float, effect: float, reach: float) -> float:
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
    if z < reach:
        return 0.0
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


@_compiled
def suspects_of_number(
    windows: Counts,
    there: Floats,
    low: int,
    high: int,
    marks: npt.NDArray[np.int64],
    scales: npt.NDArray[np.int64],
    limits: Floats,
    missing_limits: Floats,
    shares: Floats,
    tests: int,
    effects: Floats,
    found: npt.NDArray[np.bool_],
) -> None:
    """Mark the windows at which some scale of a number is suspect. `marks` are the cells of the outer shares."""
    total_windows, width = windows.shape
    k = width - 2
    m = 0.0
    for c in range(k):
        m += there[c]
    rank, square = np.empty(k), np.empty(k)
    below = 0.0
    for c in range(k):
        rank[c] = (below + 0.5 * there[c]) / m - 0.5
        square[c] = rank[c] * rank[c]
        below += there[c]
    half = marks.size // 2
    here = np.zeros(width, np.int32)
    cumulated = np.zeros(k)
    cumulated_there = np.cumsum(there[:k])
    missing_there = there[k + 1]
    for s in range(scales.size):
        scale = scales[s]
        every = max(1, scale // 2)
        limit, missing, effect = limits[s], missing_limits[s] + MARGIN, effects[s]
        # A score whose z is under this cannot reach the limit.
        reach = math.sqrt(max(0.0, -2.0 * (limit + math.log(shares[1]) + MARGIN) - 16.0))
        for w in range(scale - 1, total_windows):
            if found[w] or (w + 1) % every:
                continue
            here[:] = 0
            for back in range(scale):
                here += windows[w - back]
            n = 0.0
            distance = 0.0
            for c in range(k):
                n += here[c]
                cumulated[c] = n
            if here[k + 1] > 0:
                log_p = _proportion_least(
                    here[k + 1], n + here[k + 1], missing_there, m + missing_there, effect, missing
                )
                if log_p <= missing:
                    found[w] = True
                    continue
            if n < 50:
                continue
            for c in range(k):
                distance = max(distance, abs(cumulated[c] / n - cumulated_there[c] / m))
            rows = n * m / (n + m) / effect
            if math.log(2.0) - 2.0 * rows * distance * distance - math.log(shares[0]) <= limit + MARGIN:
                found[w] = True
                continue
            if _score_least(here, there, rank, n, m, effect, reach) - math.log(shares[1]) <= limit + MARGIN:
                found[w] = True
                continue
            if _score_least(here, there, square, n, m, effect, reach) - math.log(shares[2]) <= limit + MARGIN:
                found[w] = True
                continue
            spent = limit + math.log(shares[3]) - math.log(tests) - math.log(2.0) + MARGIN
            for q in range(half):
                c = marks[q]
                if _proportion_least(cumulated[c], n, cumulated_there[c], m, effect, spent) <= spent:
                    found[w] = True
                c = marks[half + q]
                if _proportion_least(n - cumulated[c], n, m - cumulated_there[c], m, effect, spent) <= spent:
                    found[w] = True
            beneath = cumulated[low - 1] if low > 0 else 0.0
            over = n - cumulated[high - 1]
            if _proportion_least(beneath, n, 0.0, m, effect, spent) <= spent:
                found[w] = True
            if _proportion_least(over, n, 0.0, m, effect, spent) <= spent:
                found[w] = True


@_compiled
def suspects_of_name(
    windows: Counts,
    there: Floats,
    scales: npt.NDArray[np.int64],
    limits: Floats,
    missing_limits: Floats,
    unseen_limits: Floats,
    effects: Floats,
    found: npt.NDArray[np.bool_],
) -> None:
    """Mark the windows at which some scale of a categorical feature is suspect."""
    total_windows, width = windows.shape
    k = width - 1  # the unseen are one more category
    m = 0.0
    for c in range(k - 1):  # the baseline's unseen are rows that stand among the others too
        m += there[c]
    here = np.zeros(width, np.int32)
    for s in range(scales.size):
        scale = scales[s]
        every = max(1, scale // 2)
        limit, effect = limits[s], effects[s]
        missing, unseen = missing_limits[s] + MARGIN, unseen_limits[s] + MARGIN
        for w in range(scale - 1, total_windows):
            if found[w] or (w + 1) % every:
                continue
            here[:] = 0
            for back in range(scale):
                here += windows[w - back]
            n = 0.0
            for c in range(k):
                n += here[c]
            if here[k] > 0:
                log_p = _proportion_least(here[k], n + here[k], there[k], m + there[k], effect, missing)
                if log_p <= missing:
                    found[w] = True
                    continue
            if here[k - 1] > 0:
                log_p = _proportion_least(here[k - 1], n, there[k - 1], m, effect, unseen)
                if log_p <= unseen:
                    found[w] = True
                    continue
            if n < 50:
                continue
            used = 0
            for c in range(k):
                used += here[c] + there[c] > 0
            spent = limit - math.log(max(1, used)) - math.log(2.0) + MARGIN
            for c in range(k):
                pooled = here[c] + there[c]
                away = here[c] - pooled * n / (n + m)
                if away * away <= 3.0 * pooled * min(n, m) / (n + m):
                    continue  # less than two deviations: within any budget
                if _proportion_least(here[c], n, there[c], m, effect, spent) <= spent:
                    found[w] = True
                    break
