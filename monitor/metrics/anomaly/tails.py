"""The frozen tails of one feature: from a value to how surprising it is among the baseline's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.tiles.categorical import CATEGORIES_MAX
from monitor.tiles.coding import MISSING, counts_by_name, encode, numbers
from monitor.tiles.rows import Column

TAIL_STEPS = 100
"""Order statistics of each tail that are kept one by one, and steps per e-fold of tail probability beyond: neighbours
differ by at most 1 % in tail probability, and both tails of 500,000 rows fit in 2,048 knots."""

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NumericTail:
    """`surprise[2i + 1]` is U on knots[i], `surprise[2i]` U between knots[i - 1] and knots[i], both ends open."""

    knots: F64
    surprise: F64
    missing: float

    @classmethod
    def of(cls, column: Column) -> NumericTail:
        """Freeze the tails of a column's values."""
        values = _plain(column)
        n = len(values)
        ordered = np.sort(values[~np.isnan(values)])
        present = len(ordered)
        knots = np.unique(ordered[_tail_ranks(present)]) if present else np.zeros(0)
        at_most = np.searchsorted(ordered, knots, side="right")
        under = np.searchsorted(ordered, knots, side="left")
        left, right = np.empty(2 * len(knots) + 1), np.empty(2 * len(knots) + 1)
        left[1::2], right[1::2] = at_most, present - under
        # Between two knots the larger tail of the open interval: a contribution is never overstated.
        left[0::2] = np.concatenate([under, [present]])
        right[0::2] = np.concatenate([[present], present - at_most])
        return cls(knots, _surprise(np.minimum(left, right), n), float(_surprise(n - present, n)))

    def surprises(self, column: Column) -> F64:
        """U of each value."""
        values = _plain(column)
        after = np.searchsorted(self.knots, values, side="right")
        if not len(self.knots):
            return np.where(np.isnan(values), self.missing, self.surprise[0])
        on_knot = (after > 0) & (self.knots[after - 1] == values)
        return np.where(np.isnan(values), self.missing, self.surprise[2 * after - on_knot])


@dataclass(frozen=True, slots=True)
class CategoricalTail:
    """U of each category, of every other one, and of a missing one."""

    surprise: Mapping[str, float]
    other: float
    missing: float

    @classmethod
    def of(cls, column: Column) -> CategoricalTail:
        """Freeze the rarity of a column's categories; beyond CATEGORIES_MAX the rarer ones count as one."""
        counts = list(counts_by_name(column).items())
        kept, rarer = counts[:CATEGORIES_MAX], sum(count for _, count in counts[CATEGORIES_MAX:])
        n = len(column)
        missing = n - rarer - sum(count for _, count in kept)
        sizes = np.array([count for _, count in kept] + [rarer, missing], np.int64)
        ordered = np.sort(sizes)
        cumulated = np.concatenate([[0], np.cumsum(ordered)])
        # The rows whose category is at most as frequent as this one: the tail probability of its own rarity.
        surprise = _surprise(cumulated[np.searchsorted(ordered, sizes, side="right")], n)
        by_name = {name: float(u) for (name, _), u in zip(kept, surprise[:-2], strict=True)}
        return cls(by_name, float(surprise[-2]), float(surprise[-1]))

    def surprises(self, column: Column) -> F64:
        """U of each value."""
        table = np.array([*self.surprise.values(), self.other, self.missing], np.float64)
        other = len(self.surprise)
        codes = encode(column, tuple(self.surprise)).codes
        return table[np.where(codes == MISSING, other + 1, np.minimum(codes, other))]


Tail = NumericTail | CategoricalTail


def _plain(column: Column) -> F64:
    """The column's numbers, NaN where it has none."""
    values, missing = numbers(column)
    return values if missing is None else np.where(missing, np.nan, values)


def _surprise(count: npt.ArrayLike, n: int) -> F64:
    return -np.log((np.asarray(count, np.float64) + 1.0) / (n + 1.0))


def _tail_ranks(n: int) -> npt.NDArray[np.int64]:
    """Ranks of the kept order statistics: every one of a small n and of the outer tails, then in geometric steps."""
    half = (n + 1) // 2
    steps = np.arange(max(0, int(np.ceil(TAIL_STEPS * np.log(half / TAIL_STEPS))) + 1))
    distances = np.concatenate([np.arange(TAIL_STEPS), TAIL_STEPS * np.exp(steps / TAIL_STEPS), [half - 1]])
    lower = np.unique(np.minimum(distances.astype(np.int64), half - 1))
    return np.unique(np.concatenate([lower, n - 1 - lower]))
