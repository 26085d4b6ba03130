"""Counts of windows drawn by their law without drawing the rows.

Independent rows fall into cells as a multinomial. Poisson counts of mean λ·share per cell are, given their sum N, a
multinomial of N rows; the n - N rows that are missing are added one by one. λ lies so far under n that N is rarely more
than n; where it is, all n rows of that window are drawn one by one. As that is decided by N alone, the law is exact. A
cell has the same mean in every window, so its Poisson counts come from one alias table: a draw costs nanoseconds.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from benchmarks.null_calibration.compiled import compiled

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int32]

SHORT = 2.0
"""Windows of fewer rows than this many times the cells are drawn row by row: tables would cost more."""
_DEVIATIONS = 3.0
"""By which λ lies under n: one window in 700 has too many rows at first."""
_STEP = np.uint64(0x9E3779B97F4A7C15)
_TOGETHER = 16
"""Cells that fill one line of the processor's cache."""
_NEGLIGIBLE = 1e-18
"""Relative to the likeliest count: where a Poisson table ends."""


def windows_of(rng: np.random.Generator, shares: Floats, n: int, windows: int) -> Counts:
    """Counts of independent windows of n rows, by cell."""
    counts = np.zeros((windows, len(shares)), np.int32)
    _draw(shares / shares.sum(), n, np.uint64(rng.integers(2**63)), counts)
    return counts


@compiled
def _mixed(state: np.uint64) -> np.uint64:
    """SplitMix64, whose state goes on by `_STEP`."""
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@compiled
def _alias(shares: Floats) -> npt.NDArray[np.uint64]:
    """Walker's alias table: of each cell in 32 bits the share of its draws that stay, and in 32 where the others go."""
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
    table = np.empty(k, np.uint64)
    for i in range(k):
        stays = np.uint64(min(keep[i] * 4294967296.0, 4294967295.0))
        table[i] = (stays << np.uint64(32)) | np.uint64(i if keep[i] >= 1.0 else other[i])
    return table


@compiled
def _from_alias(table: npt.NDArray[np.uint64], r: np.uint64) -> np.uint64:
    """The cell that a random number says."""
    low = np.uint64(0xFFFFFFFF)
    cell = ((r >> np.uint64(32)) * np.uint64(table.size)) >> np.uint64(32)
    entry = table[cell]
    return cell if (r & low) < (entry >> np.uint64(32)) else entry & low


@compiled
def _poisson(mean: float) -> tuple[np.int64, Floats]:
    """The least count of the table, and the shares of the counts from there on."""
    mode = np.int64(mean)
    wide = np.int64(10.0 * math.sqrt(mean) + 40.0)
    low, high = max(np.int64(0), mode - wide), mode + wide
    shares = np.zeros(high - low + 1)
    shares[mode - low] = 1.0
    first, last = mode, mode
    while first > low and shares[first - low] > _NEGLIGIBLE:
        shares[first - 1 - low] = shares[first - low] * first / mean
        first -= 1
    while last < high and shares[last - low] > _NEGLIGIBLE:
        shares[last + 1 - low] = shares[last - low] * mean / (last + 1)
        last += 1
    return first, shares[first - low : last - low + 1].copy()


@compiled
def _draw(shares: Floats, n: int, seed: np.uint64, out: Counts) -> None:
    windows, cells = out.shape
    table = _alias(shares)
    rest = np.full(windows, n, np.int32)
    state = seed
    if n >= SHORT * cells:
        mean = n - _DEVIATIONS * math.sqrt(n)
        some = np.zeros((_TOGETHER, windows), np.int32)
        for start in range(0, cells, _TOGETHER):
            number = min(_TOGETHER, cells - start)
            for i in range(number):
                if shares[start + i] <= 0.0:
                    some[i] = 0
                    continue
                first, counts = _poisson(mean * shares[start + i])
                own = _alias(counts)
                for w in range(windows):
                    state += _STEP
                    some[i, w] = first + np.int64(_from_alias(own, _mixed(state)))
                rest -= some[i]
            for w in range(windows):
                for i in range(number):
                    out[w, start + i] = some[i, w]
    for w in range(windows):
        if rest[w] < 0:
            out[w, :] = 0
            rest[w] = n
        for _ in range(rest[w]):
            state += _STEP
            out[w, _from_alias(table, _mixed(state))] += 1
