"""Groups that are intersections of columns: people who are in this group of one and in that group of another.

A declaration names them as a list of columns, `[SEX, RAC1P]`; everywhere else they are one name, `SEX & RAC1P`, and their
groups are `1 & 2`. A row that has no value in one of the columns is in none of them.
"""

from __future__ import annotations

import numpy as np

from monitor.definitions.intersections import AND
from monitor.tiles.coding import MISSING, counts_by_name, encode
from monitor.tiles.rows import Coding, Column, Rows

INTERSECTION_ROWS_MIN = 50
"""Rows of the baseline that an intersection needs to be a group: fewer say nothing, and there are many such."""


def group_column(rows: Rows, name: str) -> Column | None:
    """The column of a group name; made of its parts where it is an intersection. None where the rows lack it."""
    if name in rows.columns:
        return rows.columns[name]
    parts = [rows.columns.get(part) for part in name.split(AND)]
    found = [part for part in parts if part is not None and part.values.ndim == 1]
    if len(found) < len(parts) or len(parts) < 2:
        return None
    codes, names = np.zeros(len(rows), np.int64), [""]
    missing = np.zeros(len(rows), np.bool_)
    for part in found:
        coded = encode(part, ())
        missing |= coded.codes == MISSING
        # Names that no grid knows begin behind the one of the folded.
        own = np.maximum(coded.codes - 1, 0)
        pairs, codes = np.unique(codes * max(1, len(coded.unseen)) + own, return_inverse=True)
        known = coded.unseen or ("",)
        names = [
            AND.join(filter(None, (names[pair // len(known)], known[pair % len(known)]))) for pair in pairs.tolist()
        ]
    values = np.array(names, object)[codes]
    coding = Coding(np.where(missing, len(names), codes).astype(np.int32), tuple(names))
    return Column(values, missing if missing.any() else None, coding)


def groups_in(rows: Rows, name: str, most: int) -> tuple[str, ...] | None:
    """The groups that a baseline freezes, the largest first; None where its rows lack the column."""
    column = group_column(rows, name)
    if column is None:
        return None
    counts = counts_by_name(column)
    floor = 1 if name in rows.columns else INTERSECTION_ROWS_MIN
    return tuple(group for group, n in counts.items() if n >= floor)[:most]
