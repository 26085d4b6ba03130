"""Which rows a reader asks for: a bin, a category, a fault, a group, a slice, a trace, the anomalous ones. Values in, rows out."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from collectors.records.categories import canonical_category
from monitor.definitions import ColumnRule
from monitor.errors import Fault, InvalidInput
from monitor.tiles.categorical import CategoricalGrid
from monitor.tiles.coding import MISSING, encode, numbers
from monitor.tiles.intersections import group_column
from monitor.tiles.numeric import NumericGrid
from monitor.tiles.quality import breaches
from monitor.tiles.rows import Column, Rows
from monitor.tiles.slices import members
from monitor.tiles.tileset import Grid

RowFault = Literal["missing", "new", "outside", "schema"]
"""What may be wrong with a value: none, a category or a number that the baseline has not, a breach of the declared schema."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Rows for which all of it holds; None asks for nothing. `above` is exclusive and `up_to` inclusive, as a bin of a tile is."""

    feature: str | None = None
    category: str | None = None
    above: float | None = None
    up_to: float | None = None
    fault: RowFault | None = None
    grid: Grid | None = None
    """The baseline's, of the feature: what `new` and `outside` are told by."""
    rule: ColumnRule | None = None
    """The declaration's, of the feature: what `schema` is told by."""
    group: tuple[str, str] | None = None
    where: str | None = None
    """The predicate of a slice."""
    trace: str | None = None
    ids: Collection[str] | None = None
    """Prediction ids; the others are left out."""

    def of(self, rows: Rows) -> Rows:
        """Those that the filter asks for, in their order."""
        keep = np.ones(len(rows), np.bool_)
        for mask in (self._by_feature(rows), self._by_group(rows), self._by_slice(rows), self._by_name(rows)):
            if mask is not None:
                keep &= mask
        return rows if keep.all() else rows.take(keep)

    @property
    def needs_feature(self) -> bool:
        return self.feature is not None and not (
            self.category is None and self.above is None and self.up_to is None and self.fault is None
        )

    def _by_feature(self, rows: Rows) -> Mask | None:
        if not self.needs_feature or self.feature is None or not len(rows):
            return None
        column = rows.columns.get(self.feature)
        if column is None:
            # A column that all of these rows lack is missing, and breaks a rule that it must be there.
            absent = self.fault == "missing" or (
                self.fault == "schema" and self.rule is not None and self.rule.not_null
            )
            return np.full(len(rows), absent)
        keep = np.ones(len(rows), np.bool_)
        if self.category is not None:
            keep &= _in_category(column, self.category)
        if self.above is not None or self.up_to is not None:
            keep &= _between(column, self.above, self.up_to)
        return keep if self.fault is None else keep & self._faulty(column)

    def _faulty(self, column: Column) -> Mask:
        n = len(column)
        if self.fault == "missing":
            return _missing(column, self.grid)
        if self.fault == "schema":
            broken = breaches(column, self.rule or ColumnRule(), n)
            return np.asarray(np.logical_or.reduce(list(broken.values())))
        if self.fault == "new" and isinstance(self.grid, CategoricalGrid):
            return np.asarray(encode(column, self.grid.categories, self.grid.folded).codes > len(self.grid.categories))
        if self.fault == "outside" and isinstance(self.grid, NumericGrid):
            values, unusable = numbers(column)
            beyond = (values < self.grid.low) | (values > self.grid.high)
            return beyond if unusable is None else beyond & ~unusable
        return np.zeros(n, np.bool_)

    def _by_group(self, rows: Rows) -> Mask | None:
        if self.group is None:
            return None
        column = group_column(rows, self.group[0])
        return np.zeros(len(rows), np.bool_) if column is None else _in_category(column, self.group[1])

    def _by_slice(self, rows: Rows) -> Mask | None:
        if self.where is None:
            return None
        inside = members(rows, self.where)
        return np.zeros(len(rows), np.bool_) if inside is None else inside

    def _by_name(self, rows: Rows) -> Mask | None:
        if self.trace is None and self.ids is None:
            return None
        keep = np.ones(len(rows), np.bool_)
        if self.trace is not None:
            keep &= np.zeros(len(rows), np.bool_) if rows.trace is None else rows.trace == self.trace
        if self.ids is not None:
            keep &= np.array([i in self.ids for i in rows.prediction_ids()], np.bool_)
        return keep


def _in_category(column: Column, category: str) -> Mask:
    name = canonical_category(category)
    return np.asarray(encode(column, () if name is None else (name,)).codes == 0)


def _between(column: Column, above: float | None, up_to: float | None) -> Mask:
    values, unusable = numbers(column)
    low, high = -math.inf if above is None else above, math.inf if up_to is None else up_to
    # No bin of a tile holds an infinity.
    inside = np.isfinite(values) & (values > low) & (values <= high)
    return inside if unusable is None else inside & ~unusable


def _missing(column: Column, grid: Grid | None) -> Mask:
    """As its tile counts it: without a usable value."""
    if column.values.ndim > 1:
        return np.zeros(len(column), np.bool_) if column.missing is None else column.missing
    if isinstance(grid, NumericGrid):
        values, unusable = numbers(column)
        odd = ~np.isfinite(values)
        return odd if unusable is None else odd | unusable
    return np.asarray(encode(column, ()).codes == MISSING)


def fault_of(text: str | None) -> RowFault | None:
    """Raises InvalidInput with what there is."""
    for known in get_args(RowFault):
        if text == known:
            found: RowFault = known
            return found
    if text is None:
        return None
    raise InvalidInput(Fault("fault", repr(text[:40]), "one of " + ", ".join(get_args(RowFault))))


def group_of(text: str | None) -> tuple[str, str] | None:
    """`COLUMN=GROUP`, as a slice of group metrics is called. Raises InvalidInput."""
    if text is None:
        return None
    column, equals, group = text.partition("=")
    if not equals or not column:
        raise InvalidInput(Fault("group", repr(text[:80]), "COLUMN=GROUP, such as SEX=2"))
    return column, group
