"""Which rows are in a slice: a predicate evaluated on columns, row by row. Never raises on what a column holds.

A condition on a value that is missing is false; `not` turns it round. Numbers are compared as numbers (a text counts as
the number it spells), categories in their canonical form.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from collectors.records.categories import canonical_category
from monitor.definitions.predicates import (
    And,
    Comparison,
    Constant,
    Membership,
    Missing,
    Not,
    Or,
    Predicate,
    columns_of,
    parse,
)
from monitor.tiles.coding import MISSING, encode, numbers
from monitor.tiles.rows import Column, Rows

Mask = npt.NDArray[np.bool_]

_ORDERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def members(rows: Rows, where: str) -> Mask | None:
    """Which rows a predicate holds for; None where the rows lack one of its columns."""
    predicate = parse(where)
    if not all(name in rows.columns for name in columns_of(predicate)):
        return None
    return _holds(rows.columns, predicate)


def _holds(columns: Mapping[str, Column], predicate: Predicate) -> Mask:
    match predicate:
        case Comparison(name, order, value):
            return _compared(columns[name], order, value)
        case Membership(name, values):
            return _one_of(columns[name], values)
        case Missing(name):
            return np.asarray(encode(columns[name], ()).codes == MISSING)
        case Not(of):
            return ~_holds(columns, of)
        case And(parts):
            return np.asarray(np.logical_and.reduce([_holds(columns, part) for part in parts]))
        case Or(parts):
            return np.asarray(np.logical_or.reduce([_holds(columns, part) for part in parts]))
    assert_never(predicate)


def _compared(column: Column, order: str, value: Constant) -> Mask:
    if order == "=":
        return _one_of(column, (value,))
    if order == "!=":
        codes = encode(column, _names((value,))).codes
        return np.asarray((codes != 0) & (codes != MISSING))
    found, missing = numbers(column)
    with np.errstate(invalid="ignore"):
        holds = np.asarray(_ORDERS[order](found, value), np.bool_)
    return holds if missing is None else holds & ~missing


def _one_of(column: Column, values: tuple[Constant, ...]) -> Mask:
    names = _names(values)
    codes = encode(column, names).codes
    return np.asarray((codes >= 0) & (codes < len(names)))


def _names(values: tuple[Constant, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for value in values if (name := canonical_category(value)) is not None))
