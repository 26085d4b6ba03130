"""The compiled inner loops of profiling. Compiled on first call, ahead of use through `compile_ahead`, and cached on disk.

Which cell holds x? The number of edges below x. For long columns a look-up table answers nearly at once: any
non-decreasing key of x cuts the line into cells of which each remembers how many edges lie in the cells before it; only
the few edges that share x's cell are left to compare, by a branch-free binary search. The key is x on an equal-width
scale or, where the edges crowd (durations, prices, returns), the leading bits of x, which are a logarithmic scale on
both sides of zero. Because the key never decreases in floating point either, the answer is exact, not approximate.

Four rows are worked on at a time, each with counters of its own, so that rows of one cell do not wait for each other;
the lanes are added in a fixed order. So sums depend on the rows' order and on nothing else: no fused or re-ordered
arithmetic, the same bits on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

F = TypeVar("F", bound=Callable[..., Any])
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

TABLE_CELLS = 8_192
"""Entries of the look-up table: 16 KiB of int16, which stay in the first cache beside the counters."""
MAGNITUDE = (1 << 63) - 1
"""The bits of a double without its sign."""
SMALLEST_NORMAL = 1 << 52
"""Bits of the smallest normal double: what lies nearer to zero counts as zero for the scale."""
TABLE_ROWS_MIN = 1_024
"""Shorter columns are searched without a table: building it costs as much as searching about this many rows."""
PADDING = 4_096
"""Infinite edges behind the last: a power of two above the number of edges, so that the search needs no bounds."""
LANES = 4
SQUARE_LANES = 64


def _compiled(function: F) -> F:
    """`function` compiled at its first call, with the machine code kept on disk beside the module."""
    return cast("F", njit(cache=True, nogil=True)(function))


@_compiled
def _by_width(x: float, low: float, scale: float) -> int:
    """Key of x on the equal-width scale."""
    return int(min(max((x - low) * scale, 0.0), TABLE_CELLS - 1.0))


@_compiled
def _by_bits(bits: int, first: int, shift: int) -> int:
    """Key of the double with these bits on the scale that is logarithmic on both sides of zero."""
    size = min(max(((bits & MAGNITUDE) >> shift) - first, 0), TABLE_CELLS // 2 - 1)
    return TABLE_CELLS // 2 + size if bits >= 0 else TABLE_CELLS // 2 - size


@_compiled
def _width_scale(edges: Float64) -> tuple[float, float]:
    """(low, scale) of the equal-width key; scale 0 where the edges span nothing or more than a double can say."""
    if edges.size < 2:
        return 0.0, 0.0
    span = edges[-1] - edges[0]
    scale = (TABLE_CELLS - 2) / span if span > 0.0 else 0.0
    if not 0.0 < scale < 1e300 or not span < 1e300:
        return 0.0, 0.0
    return edges[0], scale


@_compiled
def _bits_scale(edges: Float64) -> tuple[int, int]:
    """(first, shift) of the leading-bits key; shift 0 where fewer than two edges differ from zero."""
    least, most = np.int64(MAGNITUDE), np.int64(0)
    bits = edges.view(np.int64)
    for i in range(edges.size):
        size = bits[i] & MAGNITUDE
        if size >= SMALLEST_NORMAL:
            least, most = min(least, size), max(most, size)
    if most <= least:
        return 0, 0
    shift = 1
    while (most >> shift) - (least >> shift) > TABLE_CELLS // 2 - 3:
        shift += 1
    return int((least >> shift) - 1), shift


@_compiled
def _fill(edges: Float64, table: npt.NDArray[np.int16], key: tuple[float, float, int, int]) -> int:
    """Fill the table: entry c = edges whose key is below c. Returns the most edges that share a key."""
    low, scale, first, shift = key
    table[:] = 0
    bits = edges.view(np.int64)
    for i in range(edges.size):
        table[_by_bits(bits[i], first, shift) if shift > 0 else _by_width(edges[i], low, scale)] += 1
    before = np.int64(0)
    most = np.int64(0)
    for c in range(table.size):
        here = np.int64(table[c])
        table[c] = before
        before += here
        most = max(most, here)
    return int(most)


@_compiled
def _choose_key(edges: Float64, table: npt.NDArray[np.int16]) -> tuple[float, float, int, int, int]:
    """(low, scale, first, shift, step): the key under which the fewest edges share a cell; `step` starts the search."""
    low, scale = _width_scale(edges)
    first, shift = _bits_scale(edges)
    most = _fill(edges, table, (low, scale, 0, 0))
    if most > 1 and shift > 0:
        crowd = _fill(edges, table, (0.0, 0.0, first, shift))
        if crowd < most:
            return low, scale, first, shift, _first_step(crowd)
        most = _fill(edges, table, (low, scale, 0, 0))
    return low, scale, 0, 0, _first_step(most)


@_compiled
def _first_step(most: int) -> int:
    """The largest power of two that is at most `most`; 0 where there is nothing to search."""
    step = 1
    while step <= most:
        step *= 2
    return step // 2


@_compiled
def _below(x: float, start: np.uint64, step: int, padded: Float64) -> np.uint64:
    """Edges below x, of which `start` are known to be."""
    cell = start
    s = np.uint64(step)
    while s > np.uint64(0):
        cell += s * np.uint64(x > padded[cell + s - np.uint64(1)])
        s >>= np.uint64(1)
    return cell


@_compiled
def _count(
    x: Float64,
    key: tuple[float, float, int, int, int],
    table: npt.NDArray[np.int16],
    padded: Float64,
    lane_counts: Int64,
    lane_sums: Float64,
    cells: npt.NDArray[np.float32],
    middle: int,
) -> None:
    """Count the first 4 · (n // 4) values in their lanes, and write their cell numbers less `middle` where `cells` has room for them."""
    write = cells.size == x.size
    offset = np.float32(middle)
    low, scale, first, shift, step = key
    bits = x.view(np.int64)
    for i in range(0, x.size - 3, LANES):
        x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        if shift > 0:
            k0, k1 = _by_bits(bits[i], first, shift), _by_bits(bits[i + 1], first, shift)
            k2, k3 = _by_bits(bits[i + 2], first, shift), _by_bits(bits[i + 3], first, shift)
        else:
            k0, k1 = _by_width(x0, low, scale), _by_width(x1, low, scale)
            k2, k3 = _by_width(x2, low, scale), _by_width(x3, low, scale)
        c0, c1 = np.uint64(table[np.uint64(k0)]), np.uint64(table[np.uint64(k1)])
        c2, c3 = np.uint64(table[np.uint64(k2)]), np.uint64(table[np.uint64(k3)])
        if step == 1:
            c0 += np.uint64(x0 > padded[c0])
            c1 += np.uint64(x1 > padded[c1])
            c2 += np.uint64(x2 > padded[c2])
            c3 += np.uint64(x3 > padded[c3])
        else:
            c0, c1 = _below(x0, c0, step, padded), _below(x1, c1, step, padded)
            c2, c3 = _below(x2, c2, step, padded), _below(x3, c3, step, padded)
        lane_counts[0, c0] += 1
        lane_counts[1, c1] += 1
        lane_counts[2, c2] += 1
        lane_counts[3, c3] += 1
        lane_sums[0, c0] += x0
        lane_sums[1, c1] += x1
        lane_sums[2, c2] += x2
        lane_sums[3, c3] += x3
        if write:
            cells[i] = np.float32(c0) - offset
            cells[i + 1] = np.float32(c1) - offset
            cells[i + 2] = np.float32(c2) - offset
            cells[i + 3] = np.float32(c3) - offset


@_compiled
def count_cells(
    x: Float64,
    edges: Float64,
    center: float,
    counts: Int64,
    sums: Float64,
    cells: npt.NDArray[np.float32],
    middle: int,
) -> float:
    """Add the finite values `x` to `counts` and `sums` of the cells between `edges`; returns the sum of (x - center)^2.

    `cells`, where it has the length of x, receives the cell number of every row less `middle`.
    """
    n, k = x.size, edges.size
    padded = np.full(k + PADDING, np.inf)
    padded[:k] = edges
    table = np.zeros(TABLE_CELLS, np.int16)
    key = (0.0, 0.0, 0, 0, _first_step(k))
    if n >= TABLE_ROWS_MIN and k > 1:
        key = _choose_key(edges, table)
    lane_counts = np.zeros((LANES, k + 1), np.int64)
    lane_sums = np.zeros((LANES, k + 1), np.float64)
    _count(x, key, table, padded, lane_counts, lane_sums, cells, middle)
    for i in range(n - n % LANES, n):
        c = np.searchsorted(edges, x[i])
        lane_counts[0, c] += 1
        lane_sums[0, c] += x[i]
        if cells.size == n:
            cells[i] = c - middle
    for c in range(k + 1):
        counts[c] += lane_counts[0, c] + lane_counts[1, c] + lane_counts[2, c] + lane_counts[3, c]
        sums[c] += (lane_sums[0, c] + lane_sums[1, c]) + (lane_sums[2, c] + lane_sums[3, c])
    return _squares(x, center)


@_compiled
def _squares(x: Float64, center: float) -> float:
    """Sum of (x - center)^2, in as many lanes as let the compiler use the widest registers without re-ordering."""
    lanes = np.zeros(SQUARE_LANES)
    whole = x.size - x.size % SQUARE_LANES
    for i in range(0, whole, SQUARE_LANES):
        for lane in range(SQUARE_LANES):
            offset = x[i + lane] - center
            lanes[lane] += offset * offset
    for i in range(whole, x.size):
        offset = x[i] - center
        lanes[i - whole] += offset * offset
    total = 0.0
    for lane in range(SQUARE_LANES):
        total += lanes[lane]
    return total


def compile_ahead() -> None:
    """Compile the kernels, or load them from their cache: what a process does before its first window."""
    count_cells(np.zeros(0), np.zeros(1), 0.0, np.zeros(2, np.int64), np.zeros(2), np.zeros(0, np.float32), 0)
