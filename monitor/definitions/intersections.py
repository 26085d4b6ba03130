"""Group columns of a declaration: names, and lists of names whose intersections are groups."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.definitions.reading import Reader
from monitor.definitions.sections import GROUPS_MAX

AND = " & "
"""Between the columns of an intersection, and between the values of one of its groups."""
COLUMNS_MAX = 3
"""Columns of one intersection: of more, hardly a group has rows."""


def read_groups(reader: Reader, value: object, where: str) -> tuple[str, ...]:
    names = []
    for i, item in enumerate(reader.sequence(value, where, GROUPS_MAX)):
        place = f"{where}[{i}]"
        if isinstance(item, str) or not isinstance(item, Sequence):
            names.append(reader.text(item, place))
            continue
        parts = reader.names(item, place, COLUMNS_MAX)
        if len(item) < 2:
            reader.fault(place, item, f"a column, or a list of 2 to {COLUMNS_MAX}")
        names.append(AND.join(parts))
    for name in {n for n in names if names.count(n) > 1}:
        reader.fault(where, f"{name!r} twice", "each name once")
    return tuple(names)
