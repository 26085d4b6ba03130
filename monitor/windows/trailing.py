"""Trailing merges: at each look, the merge of the last 2, 4, 8, … 64 windows, from a pyramid of blocks.

Level j holds the last two complete blocks of 2^j windows; scale 2^(j+1) is due every 2^j windows and is their merge.
So a window costs about four merges, however many scales there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

SCALE_MAX = 64
"""Longest trailing merge, in windows (reference: small and slow shifts show where one window cannot show them)."""
LEVELS = SCALE_MAX.bit_length() - 1


@dataclass(frozen=True, slots=True)
class Pyramid(Generic[T]):
    """`looks`: windows taken in since the start; `levels[j]`: the last at most two blocks of 2^j windows."""

    looks: int = 0
    levels: tuple[tuple[T, ...], ...] = ((),) * LEVELS


def extend(pyramid: Pyramid[T], tile: T, merge: Callable[[Sequence[T]], T]) -> tuple[Pyramid[T], dict[int, T]]:
    """Take in one window; returns the pyramid after it and the scales due now, scale 1 always.

    >>> p, sums = Pyramid(), []
    >>> for value in range(1, 9):
    ...     p, due = extend(p, value, sum)
    ...     sums.append(due)
    >>> sums[3], sums[7]
    ({1: 4, 2: 7, 4: 10}, {1: 8, 2: 15, 4: 26, 8: 36})
    """
    looks = pyramid.looks + 1
    levels = list(pyramid.levels)
    due: dict[int, T] = {1: tile}
    block = tile
    for level in range(LEVELS):
        levels[level] = (*levels[level], block)[-2:]
        if len(levels[level]) < 2:
            break
        pair = merge(levels[level])
        due[2 ** (level + 1)] = pair
        if looks % 2 ** (level + 1):
            break
        block = pair
    return Pyramid(looks, tuple(levels)), due
