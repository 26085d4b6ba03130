"""A deterministic sample of rows: which predictions are explained, which rows stand for many."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from monitor.tiles.rows import Rows

_MIX = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: spreads consecutive numbers (Knuth, TAOCP 6.4)."""


def sample(rows: Rows, size: int | None) -> Rows:
    """`size` rows chosen by their prediction ids alone (all where None), in canonical order.

    A prediction's place in the choice depends on its id only: a revision of the window chooses the same ones again,
    and late rows displace few.
    """
    if size is None or len(rows) <= size:
        return rows
    return rows.take(least(keys_of(rows), size))


def least(keys: npt.NDArray[np.uint64], size: int) -> npt.NDArray[np.int64]:
    """Where the `size` least keys stand, ascending; of equal ones the first."""
    if len(keys) <= size:
        return np.arange(len(keys))
    limit = np.partition(keys, size - 1)[size - 1]
    below = np.flatnonzero(keys < limit)
    return np.sort(np.concatenate([below, np.flatnonzero(keys == limit)[: size - len(below)]]))


def keys_of(rows: Rows) -> npt.NDArray[np.uint64]:
    """A number of each row, from its prediction's id alone."""
    # Without a step of Python's own for each row: a window asks for all of them.
    ids = np.fromiter(map(zlib.crc32, map(str.encode, map(str, rows.id.tolist()))), np.uint64, len(rows))
    keys = (ids + (rows.row.astype(np.uint64) << np.uint64(32))) * _MIX
    keys ^= keys >> np.uint64(29)
    return keys * _MIX
