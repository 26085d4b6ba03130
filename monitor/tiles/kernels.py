"""The compiled inner loops of profiling. Compiled on first call, ahead of use through `compile_ahead`, and cached on disk.

Which cell holds x? The number of edges below x. A look-up table answers nearly at once: any non-decreasing key of x cuts
the line into cells of which each remembers how many edges lie in the cells before it; only the few edges that share x's
cell are left to compare, mostly one, by a branch-free binary search. The key is x on an equal-width scale or, where the
edges crowd (durations, prices, returns), the leading bits of x, which are a logarithmic scale on both sides of zero.
Because the key never decreases in floating point either, the answer is exact, not approximate. The table is the frozen
edges' alone, so it is made once for a grid (`Lookup`), not for every window.

A column is taken in blocks that stay in the first cache: keys, range and squares of a block in the widest registers, then
cells and counting, which no register is wide enough for, while the next block is on its way from memory. There the cells
of eight rows are found, and then counted: a counter that is read before it is known where the last one was written costs
more than all the rest. Four rows in a row have counters of their own (the sums and counts of a cell's four lanes are one
line of cache, each pair written at once), so that rows of one cell do not wait for each other; the lanes are added in a
fixed order. Row i of the finite values always belongs to lane i modulo 4 (of the squares, modulo 64). So sums depend on
the rows' order and on nothing else: no fused or re-ordered arithmetic, the same bits on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.tiles.compiled import compiled
from monitor.tiles.outcome_kernels import count_groups, count_scores
from monitor.tiles.wide import END_LANES, SQUARE_LANES, add_pair, ask_for, moments

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint16]

TABLE_CELLS = (1_024, 2_048, 4_096, 8_192)
"""Entries of the look-up table: the fewest that leave each at most one edge, 16 KiB at most: they share the first
cache with the counters."""
MAGNITUDE = (1 << 63) - 1
"""The bits of a double without its sign."""
SMALLEST_NORMAL = 1 << 52
"""Bits of the smallest normal double: what lies nearer to zero counts as zero for the scale."""
BLOCK_ROWS = 512
"""Rows of a block: 4 KiB, a multiple of all lanes."""
AHEAD_ROWS = np.uint64(2 * BLOCK_ROWS)
"""How far ahead of the counting memory is asked for: the block after the next, which takes longer to come than to count."""
LANES = 4
STEP_ROWS = 8
"""Rows whose cells are found before they are counted: a line of cache."""
LINE = np.uint64(2 * LANES)
ONE, TWO, FOUR, SIX = np.uint64(1), np.uint64(2), np.uint64(4), np.uint64(6)
THREE, FIVE, SEVEN = np.uint64(3), np.uint64(5), np.uint64(7)
"""Steps of an index without a sign: a plain 1 would make it one with a sign again."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """How to find the cell of a value between frozen edges."""

    table: Keys
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


def _table_of(edges: Float64, size: int) -> tuple[int, Keys, tuple[float, float, int, int]]:
    """(most edges that share a key, table, key) of the better key."""
    made = []
    for key in ((*_width_scale(edges, size), 0, 0), (0.0, 0.0, *_bits_scale(edges, size))):
        table = np.zeros(size, np.uint16)
        made.append((_fill(edges, table, *key), table, key))
    return min(made, key=lambda one: one[0])


@compiled
def _by_width(x: Float64, low: float, scale: float, size: int, keys: Keys) -> None:
    """Keys of a block on the equal-width scale; of a NaN, any."""
    top = size - 1.0
    for i in range(x.size):
        key = (x[i] - low) * scale
        key = key if key > 0.0 else 0.0
        key = key if key < top else top
        keys[i] = np.uint16(np.int32(key))


@compiled
def _by_bits(bits: Int64, first: int, shift: int, size: int, keys: Keys) -> None:
    """Keys of a block on the scale that is logarithmic on both sides of zero."""
    half = np.int64(size // 2)
    for i in range(bits.size):
        magnitude = ((bits[i] & MAGNITUDE) >> shift) - first
        magnitude = magnitude if magnitude > 0 else 0
        magnitude = magnitude if magnitude < half - 1 else half - 1
        sign = bits[i] >> 63
        keys[i] = np.uint16(half + ((magnitude ^ sign) - sign))


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
def _fill(edges: Float64, table: Keys, low: float, scale: float, first: int, shift: int) -> int:
    """Fill the table: entry c = edges whose key is below c. Returns the most edges that share a key."""
    table[:] = 0
    keys = np.empty(edges.size, np.uint16)
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
def _find(x: Float64, keys: Keys, table: Keys, padded: Float64, crowd: int) -> None:
    """Write the cell numbers of a block in place of its keys."""
    # An index without a sign needs no look at whether it counts from the end.
    if crowd <= 1:
        for k in range(x.size):
            i = np.uint64(k)
            keys[i] = np.uint16(_of_one(x, i, keys, table, padded))
    elif crowd == 2:
        for k in range(x.size):
            i = np.uint64(k)
            start = np.uint64(table[np.uint64(keys[i])])
            keys[i] = np.uint16(start + _of_two(x[i], start, padded))
    else:
        for k in range(x.size):
            i = np.uint64(k)
            keys[i] = np.uint16(_below(x[i], np.uint64(table[np.uint64(keys[i])]), crowd, padded))


@compiled
def _of_one(x: Float64, i: np.uint64, keys: Keys, table: Keys, padded: Float64) -> np.uint64:
    """The cell of row i where no two edges share a key. A NaN may get the one behind the last."""
    start = np.uint64(table[np.uint64(keys[i])])
    return start + np.uint64(not (x[i] <= padded[start]))  # what is not ordered is one instruction less than `>`


@compiled
def _count(x: Float64, keys: Keys, table: Keys, padded: Float64, lanes: Float64) -> None:
    """Find the cells of a block, of which no two edges share a key, and add its values to their (sum, count)."""
    whole = x.size - x.size % STEP_ROWS
    for k in range(0, whole, STEP_ROWS):
        i = np.uint64(k)
        ask_for(x, i + AHEAD_ROWS)
        c0, c1 = _of_one(x, i, keys, table, padded), _of_one(x, i + ONE, keys, table, padded)
        c2, c3 = _of_one(x, i + TWO, keys, table, padded), _of_one(x, i + THREE, keys, table, padded)
        c4, c5 = _of_one(x, i + FOUR, keys, table, padded), _of_one(x, i + FIVE, keys, table, padded)
        c6, c7 = _of_one(x, i + SIX, keys, table, padded), _of_one(x, i + SEVEN, keys, table, padded)
        _add_four(x, i, c0, c1, c2, c3, lanes)
        _add_four(x, i + FOUR, c4, c5, c6, c7, lanes)
    _find(x[whole:], keys[whole:], table, padded, 1)
    _add(x[whole:], keys[whole:], lanes)


@compiled
def _add(x: Float64, cells: Keys, lanes: Float64) -> None:
    """Add a block to the (sum, count) of its rows' cells; behind the last whole four, to lane 0."""
    whole = x.size - x.size % LANES
    for k in range(0, whole, LANES):
        i = np.uint64(k)
        c0, c1, c2, c3 = cells[i], cells[i + ONE], cells[i + TWO], cells[i + THREE]
        ask_for(x, i + AHEAD_ROWS)
        _add_four(x, i, np.uint64(c0), np.uint64(c1), np.uint64(c2), np.uint64(c3), lanes)
    for k in range(whole, x.size):
        add_pair(lanes, np.uint64(cells[k]) * LINE, x[k])


@compiled
def _add_four(
    x: Float64, i: np.uint64, c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, lanes: Float64
) -> None:
    """Add four rows to their cells, each to a lane of its own."""
    add_pair(lanes, c0 * LINE, x[i])
    add_pair(lanes, c1 * LINE + TWO, x[i + ONE])
    add_pair(lanes, c2 * LINE + FOUR, x[i + TWO])
    add_pair(lanes, c3 * LINE + SIX, x[i + THREE])


@compiled
def _range_and_squares(x: Float64, center: float, squares: Float64, least: Float64, most: Float64) -> None:
    """Add (x - center)^2 of a block to `squares`, lower `least` and raise `most`, all in lanes."""
    whole = x.size - x.size % SQUARE_LANES
    for k in range(0, whole, SQUARE_LANES):
        moments(x, np.uint64(k), center, squares, least, most)
    for i in range(whole, x.size):
        offset = x[i] - center
        squares[i - whole] += offset * offset
        least[0], most[0] = min(least[0], x[i]), max(most[0], x[i])


@compiled
def _pass(
    x: Float64,
    table: Keys,
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
    lanes = np.zeros(2 * LANES * (used + 1))  # a place behind the last for what is no number
    squares, least, most = np.zeros(SQUARE_LANES), np.full(END_LANES, np.inf), np.full(END_LANES, -np.inf)
    keys = np.empty(BLOCK_ROWS, np.uint16)
    bits = x.view(np.int64)
    write = cells.size == n
    for start in range(0, n, BLOCK_ROWS):
        end = min(start + BLOCK_ROWS, n)
        block, own = x[start:end], keys[: end - start]
        if shift > 0:
            _by_bits(bits[start:end], first, shift, table.size, own)
        else:
            _by_width(block, low, scale, table.size, own)
        _range_and_squares(block, center, squares, least, most)
        if crowd <= 1 and not write:
            _count(block, own, table, padded, lanes)
            continue
        _find(block, own, table, padded, crowd)
        _add(block, own, lanes)
        if write:
            for i in range(end - start):
                cells[start + i] = np.float32(np.int32(own[i])) - np.float32(middle)
    for cell in range(used + 1):
        at = lanes[2 * LANES * cell : 2 * LANES * (cell + 1)]
        counts[min(cell, used - 1)] += np.int64((at[1] + at[3]) + (at[5] + at[7]))
        sums[min(cell, used - 1)] += (at[0] + at[2]) + (at[4] + at[6])
    total, lowest, highest = 0.0, np.inf, -np.inf
    for lane in range(SQUARE_LANES):
        total += squares[lane]
    for lane in range(END_LANES):
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
