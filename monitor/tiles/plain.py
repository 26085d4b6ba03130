"""A single value of a column, for a record that people read."""

from __future__ import annotations

import math

import numpy as np

from monitor.tiles.rows import Column

TEXT_CHARS_MAX = 200
"""Characters of a text that a record shows."""


def plain(column: Column, i: int) -> float | int | bool | str | None:
    """A value of a column as strict JSON can carry it: null where missing or NaN, text where infinite or long."""
    if column.missing is not None and column.missing[i]:
        return None
    value = column.values[i]
    if value is None:
        return None
    item = value.item() if isinstance(value, np.generic) else value
    if isinstance(item, float):
        if math.isnan(item):
            return None
        return item if math.isfinite(item) else ("Infinity" if item > 0 else "-Infinity")
    return item if isinstance(item, int | bool) else str(item)[:TEXT_CHARS_MAX]
