"""The compiled inner loops of profiling. Compiled on first call, ahead of use through `compile_ahead`, and cached on disk.

Which cell holds x? The number of edges below x. A look-up table answers nearly at once: any non-decreasing key of x cuts
the line into cells of which each remembers how many edges lie in the cells before it; only the few edges that share x's
cell are left to compare, mostly one, by a branch-free binary search. The key is x on an equal-width scale or, where the
edges crowd (durations, prices, returns), the leading bits of x, which are a logarithmic scale on both sides of zero.
Because the key never decreases in floating point either, the answer is exact, not approximate. The table is the frozen
edges' alone, so it is made once for a grid (`Lookup`), not for every window.

A column is taken in blocks that stay in the first cache: keys, range and squares of a block in the widest registers, then
its cells, then the counting, which no register is wide enough for. There four rows are worked on at a time, each with
counters of its own (the sums and counts of a cell's four lanes are one line of cache, each pair written at once), so that
rows of one cell do not wait for each other; the lanes are added in a fixed order. Row i of the finite values always belongs to lane i modulo 4 (of the squares, modulo 64). So sums
depend on the rows' order and on nothing else: no fused or re-ordered arithmetic, the same bits on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.tiles.compiled import compiled
from monitor.tiles.outcome_kernels import count_groups, count_scores

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Table = npt.NDArray[np.int16]

TABLE_CELLS = (1_024, 2_048, 4_096, 8_192)
"""Entries of the look-up table: the fewest that leave each at most one edge, 16 KiB of int16 at most: they share the first
cache with the counters."""
MAGNITUDE = (1 << 63) - 1
"""The bits of a double without its sign."""
SMALLEST_NORMAL = 1 << 52
"""Bits of the smallest normal double: what lies nearer to zero counts as zero for the scale."""
BLOCK_ROWS = 512
"""Rows of a block: 4 KiB, a multiple of all lanes."""
LANES = 4
WIDE_LANES = 64
LINE = np.uint64(2 * LANES)
ONE, TWO, THREE, FOUR, SIX = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4), np.uint64(6)
"""Steps of an index without a sign: a plain 1 would make it one with a sign again."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """How to find the cell of a value between frozen edges."""

    table: Table
    padded: Float64
    """The edges, and infinite ones behind them: as many as the search may look ahead."""
    low: float
    scale: float
    first: int
    shift: int
    """0: the key is of equal width (`low`, `scale`); else of the leading bits (`first`, `shift`)."""
    crowd: int
    """Most edges that share a key."""


def lookup_of(edges: Float64) -> Lookup:
    """The smallest table under which no two edges share a key, or else the one where the fewest do."""
    crowd, table, (low, scale, first, shift) = min(
        (_table_of(edges, size) for size in TABLE_CELLS), key=lambda made: max(made[0], 1)
    )
    padded = np.concatenate([edges, np.full(2 * crowd + 2, np.inf)])
    return Lookup(table, padded, low, scale, first, shift, crowd)


def _table_of(edges: Float64, size: int) -> tuple[int, Table, tuple[float, float, int, int]]:
    """(most edges that share a key, table, key) of the better key."""
    made = []
    for key in ((*_width_scale(edges, size), 0, 0), (0.0, 0.0, *_bits_scale(edges, size))):
        table = np.zeros(size, np.int16)
        made.append((_fill(edges, table, *key), table, key))
    return min(made, key=lambda one: one[0])


@compiled
def _by_width(x: Float64, low: float, scale: float, size: int, keys: npt.NDArray[np.int32]) -> None:
    """Keys of a block on the equal-width scale; of a NaN, any."""
    top = size - 1.0
    for i in range(x.size):
        key = (x[i] - low) * scale
        key = key if key > 0.0 else 0.0
        key = key if key < top else top
        keys[i] = np.int32(key)


@compiled
def _by_bits(bits: Int64, first: int, shift: int, size: int, keys: npt.NDArray[np.int32]) -> None:
    """Keys of a block on the scale that is logarithmic on both sides of zero."""
    half = np.int64(size // 2)
    for i in range(bits.size):
        magnitude = ((bits[i] & MAGNITUDE) >> shift) - first
        magnitude = magnitude if magnitude > 0 else 0
        magnitude = magnitude if magnitude < half - 1 else half - 1
        sign = bits[i] >> 63
        keys[i] = np.int32(half + ((magnitude ^ sign) - sign))


@compiled
def _width_scale(edges: Float64, size: int) -> tuple[float, float]:
    """(low, scale) of the equal-width key; scale 0 where the edges span nothing or more than a double can say."""
    if edges.size < 2:
        return 0.0, 0.0
    span = edges[-1] - edges[0]
    scale = (size - 2) / span if span > 0.0 else 0.0
    if not 0.0 < scale < 1e300 or not span < 1e300:
        return 0.0, 0.0
    return edges[0], scale


@compiled
def _bits_scale(edges: Float64, size: int) -> tuple[int, int]:
    """(first, shift) of the leading-bits key; shift 0 where fewer than two edges differ from zero."""
    least, most = np.int64(MAGNITUDE), np.int64(0)
    bits = edges.view(np.int64)
    for i in range(edges.size):
        magnitude = bits[i] & MAGNITUDE
        if magnitude >= SMALLEST_NORMAL:
            least, most = min(least, magnitude), max(most, magnitude)
    if most <= least:
        return 0, 0
    shift = 1
    while (most >> shift) - (least >> shift) > size // 2 - 3:
        shift += 1
    return int((least >> shift) - 1), shift


@compiled
def _fill(edges: Float64, table: Table, low: float, scale: float, first: int, shift: int) -> int:
    """Fill the table: entry c = edges whose key is below c. Returns the most edges that share a key."""
    table[:] = 0
    keys = np.empty(edges.size, np.int32)
    if shift > 0:
        _by_bits(edges.view(np.int64), first, shift, table.size, keys)
    else:
        _by_width(edges, low, scale, table.size, keys)
    for i in range(edges.size):
        table[keys[i]] += 1
    before = np.int64(0)
    most = np.int64(0)
    for c in range(table.size):
        here = np.int64(table[c])
        table[c] = before
        before += here
        most = max(most, here)
    return int(most)


@compiled
def _below(x: float, start: np.uint64, crowd: int, padded: Float64) -> np.uint64:
    """Edges below x, of which `start` are known to be, and at most `crowd` more may be."""
    cell = start
    s = np.uint64(1)
    while s * np.uint64(2) <= np.uint64(crowd):
        s *= np.uint64(2)
    while s > np.uint64(0):
        cell += s * np.uint64(x > padded[cell + s - np.uint64(1)])
        s >>= np.uint64(1)
    return cell


@compiled
def _of_two(x: float, start: np.uint64, padded: Float64) -> np.uint64:
    """How many of two edges are below x: a value that many rows share has an edge just below it and one at it."""
    return np.uint64(x > padded[start]) + np.uint64(x > padded[start + np.uint64(1)])


@compiled
def _find(
    x: Float64, keys: npt.NDArray[np.int32], table: Table, padded: Float64, crowd: int, cells: npt.NDArray[np.uint32]
) -> None:
    """Write the cell numbers of a block."""
    # An index without a sign needs no look at whether it counts from the end.
    if crowd <= 1:
        for k in range(x.size):
            i = np.uint64(k)
            start = np.uint64(table[np.uint64(keys[i])])
            cells[i] = np.uint32(start + np.uint64(x[i] > padded[start]))
    elif crowd == 2:
        for k in range(x.size):
            i = np.uint64(k)
            start = np.uint64(table[np.uint64(keys[i])])
            cells[i] = np.uint32(start + _of_two(x[i], start, padded))
    else:
        for k in range(x.size):
            i = np.uint64(k)
            cells[i] = np.uint32(_below(x[i], np.uint64(table[np.uint64(keys[i])]), crowd, padded))


@compiled
def _add(x: Float64, cells: npt.NDArray[np.uint32], lanes: Float64) -> None:
    """Add a block of a multiple of four values to the (sum, count) of their cells, each fourth one to a lane of its own."""
    for k in range(x.size // LANES):
        i = np.uint64(k * LANES)
        # Read before anything is written: so a sum and its count go through the registers together.
        x0, x1, x2, x3 = x[i], x[i + ONE], x[i + TWO], x[i + THREE]
        c0, c1 = np.uint64(cells[i]) * LINE, np.uint64(cells[i + ONE]) * LINE + TWO
        c2, c3 = np.uint64(cells[i + TWO]) * LINE + FOUR, np.uint64(cells[i + THREE]) * LINE + SIX
        _add_one(x0, c0, lanes)
        _add_one(x1, c1, lanes)
        _add_one(x2, c2, lanes)
        _add_one(x3, c3, lanes)


@compiled
def _add_one(x: float, at: np.uint64, lanes: Float64) -> None:
    total, count = lanes[at] + x, lanes[at + ONE] + 1.0
    lanes[at] = total
    lanes[at + ONE] = count


@compiled
def _squares(x: Float64, center: float, lanes: Float64) -> None:
    """Add (x - center)^2 of a block to as many lanes as let the compiler use the widest registers without re-ordering."""
    whole = x.size - x.size % WIDE_LANES
    for i in range(0, whole, WIDE_LANES):
        for lane in range(WIDE_LANES):
            offset = x[i + lane] - center
            lanes[lane] += offset * offset
    for i in range(whole, x.size):
        offset = x[i] - center
        lanes[i - whole] += offset * offset


@compiled
def _ends(x: Float64, least: Float64, most: Float64) -> None:
    """Lower `least` and raise `most`, in lanes."""
    whole = x.size - x.size % WIDE_LANES
    for i in range(0, whole, WIDE_LANES):
        for lane in range(WIDE_LANES):
            least[lane] = min(least[lane], x[i + lane])
            most[lane] = max(most[lane], x[i + lane])
    for i in range(whole, x.size):
        least[i - whole] = min(least[i - whole], x[i])
        most[i - whole] = max(most[i - whole], x[i])


@compiled
def _pass(
    x: Float64,
    table: Table,
    padded: Float64,
    low: float,
    scale: float,
    first: int,
    shift: int,
    crowd: int,
    center: float,
    counts: Int64,
    sums: Float64,
    cells: npt.NDArray[np.float32],
    middle: int,
) -> tuple[float, float, float]:
    """Add `x` to `counts` and `sums`; returns the sum of (x - center)^2, the least and the largest value."""
    n, used = x.size, counts.size
    lanes = np.zeros(2 * LANES * used)
    squares, least, most = np.zeros(WIDE_LANES), np.full(WIDE_LANES, np.inf), np.full(WIDE_LANES, -np.inf)
    keys, found = np.empty(BLOCK_ROWS, np.int32), np.empty(BLOCK_ROWS, np.uint32)
    bits = x.view(np.int64)
    write = cells.size == n
    for start in range(0, n, BLOCK_ROWS):
        end = min(start + BLOCK_ROWS, n)
        block = x[start:end]
        if shift > 0:
            _by_bits(bits[start:end], first, shift, table.size, keys)
        else:
            _by_width(block, low, scale, table.size, keys)
        _squares(block, center, squares)
        _ends(block, least, most)
        _find(block, keys, table, padded, crowd, found)
        _add(block, found, lanes)
        if write:
            for i in range(end - start):
                cells[start + i] = np.float32(np.int32(found[i])) - np.float32(middle)
    for i in range(n - n % LANES, n):  # the last rows stand in lane 0
        c = 2 * LANES * np.searchsorted(padded[: used - 1], x[i])
        lanes[c] += x[i]
        lanes[c + 1] += 1.0
    for cell in range(used):
        at = lanes[2 * LANES * cell : 2 * LANES * (cell + 1)]
        counts[cell] += np.int64((at[1] + at[3]) + (at[5] + at[7]))
        sums[cell] += (at[0] + at[2]) + (at[4] + at[6])
    total, lowest, highest = 0.0, np.inf, -np.inf
    for lane in range(WIDE_LANES):
        total += squares[lane]
        lowest, highest = min(lowest, least[lane]), max(highest, most[lane])
    return total, lowest, highest


def count_cells(
    x: Float64,
    lookup: Lookup,
    center: float,
    counts: Int64,
    sums: Float64,
    cells: npt.NDArray[np.float32],
    middle: int,
) -> tuple[float, float, float]:
    """Add the values `x` to `counts` and `sums` of the cells; returns the sum of (x - center)^2, the least and the largest.

    `cells`, where it has the length of x, receives the cell number of every row less `middle`. Where the sum of squares
    is not finite, x may hold what is not, and then nothing that was returned or added is to be used.
    """
    at = lookup
    found: tuple[float, float, float] = _pass(
        x, at.table, at.padded, at.low, at.scale, at.first, at.shift, at.crowd, center, counts, sums, cells, middle
    )
    return found


@compiled
def _count_codes(codes: npt.NDArray[np.signedinteger], low: int, lanes: Int64) -> int:
    """Count what is above `low` into `lanes`, four counters a code; returns how many codes were out of range."""
    known = np.uint64(lanes.size // LANES)
    outside = 0
    for i in range(codes.size):
        code = np.uint64(np.int64(codes[i]) - low)
        if code < known:
            lanes[code * np.uint64(LANES) + np.uint64(i & (LANES - 1))] += 1
        else:
            outside += 1
    return outside


def count_codes(codes: npt.NDArray[np.int32] | Int64, known: int, low: int = 0) -> Int64:
    """How many rows have each of `known` codes from `low` on. Raises ValueError where one has none of them."""
    lanes = np.zeros(known * LANES, np.int64)
    if outside := _count_codes(codes, low, lanes):
        raise ValueError(f"{outside} codes are outside {low} to {low + known - 1}")
    counts: Int64 = lanes.reshape(known, LANES).sum(axis=1)
    return counts


@compiled
def _look_up(values: Int64, low: int, table: Int64, found: Int64) -> None:
    for i in range(values.size):
        found[i] = table[np.uint64(values[i] - low)]


def look_up(values: Int64, low: int, table: Int64) -> Int64:
    """`table[values - low]`; every value has a place in the table."""
    found = np.empty(len(values), np.int64)
    _look_up(values, low, table, found)
    return found


def compile_ahead() -> None:
    """Compile the kernels, or load them from their cache: what a process does before its first window."""
    lookup = lookup_of(np.array([0.0, 1.0]))
    values = np.zeros(0)
    fixed = values.view()
    fixed.flags.writeable = False  # what lies in a file's buffers may not be written to, which is a type of its own
    for column in (values, fixed):
        count_cells(column, lookup, 0.0, np.zeros(3, np.int64), np.zeros(3), np.zeros(0, np.float32), 0)
    codes, whole = np.zeros(0, np.int32), np.zeros(0, np.int64)
    kept, kept_whole = codes.view(), whole.view()
    kept.flags.writeable = kept_whole.flags.writeable = False
    for numbered in (codes, kept, whole, kept_whole):
        count_codes(numbered, 1)
    for numbered in (whole, kept_whole):
        look_up(numbered, 0, np.zeros(1, np.int64))
    none, no = np.zeros(0, np.int64), np.zeros(0, np.bool_)
    count_scores(values, no, no, 0.0, np.zeros(1, np.int64), np.zeros(1, np.int64))
    count_groups(none, no, no, no, no, np.zeros((1, 6), np.int64))
