"""Tile of what rows are as rows: how they keep to the declared schema, which come twice, and when none came.

Duplicates are counted through a sketch: of all distinct rows (by a 63-bit hash of their features) those with the
`HASHES_MAX` least hashes, each with how often it came. Up to so many distinct rows that is all of them; of more it is a
fair sample with exact multiplicities, and a merge of sketches is the sketch of all rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.definitions import ColumnRule, FeatureKind, MonitoredModel
from monitor.tiles.coding import MISSING, encode, numbers
from monitor.tiles.rows import Column, Rows
from monitor.tiles.wire import Reader, raw

HASHES_MAX = 1_024
"""Distinct rows that a sketch keeps: 16 kB, and a share of duplicates of 1 % is known to a third of itself."""
RULE_COUNTS = ("rows", "violating", "type", "range", "values", "null")
ROW_METRIC, ID_METRIC, GAP_METRIC = "duplicate_row_ratio", "duplicate_id_ratio", "longest_gap_seconds"
"""Metrics that ask for a sketch of the rows, of the ids, for the times."""

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Sketch:
    """`hashes` int64, ascending and unique, not negative; `counts` int64, how many rows have each; `rows` all that were seen."""

    hashes: Ints
    counts: Ints
    rows: int = 0

    @property
    def exact(self) -> bool:
        """Whether every distinct row is kept."""
        return len(self.hashes) < HASHES_MAX

    @classmethod
    def of(cls, hashes: Words) -> Sketch:
        distinct, counts = np.unique((hashes >> np.uint64(1)).astype(np.int64), return_counts=True)
        return cls(distinct[:HASHES_MAX], counts[:HASHES_MAX].astype(np.int64), len(hashes))

    def merge(self, other: Sketch) -> Sketch:
        hashes, place = np.unique(np.concatenate([self.hashes, other.hashes]), return_inverse=True)
        counts = np.zeros(len(hashes), np.int64)
        np.add.at(counts, place, np.concatenate([self.counts, other.counts]))
        return Sketch(hashes[:HASHES_MAX], counts[:HASHES_MAX], self.rows + other.rows)

    def to_plain(self) -> list[object]:
        return [raw(self.hashes), raw(self.counts), self.rows]

    @classmethod
    def from_plain(cls, document: object, where: str) -> Sketch:
        reader = Reader(document, where)
        hashes = reader.counts(-1)
        if len(hashes) > HASHES_MAX or not (np.diff(hashes) > 0).all():
            raise ValueError(f"{where}[0]: expected at most {HASHES_MAX} ascending hashes")
        sketch = cls(hashes, reader.counts(len(hashes)), reader.count())
        reader.done()
        return sketch


@dataclass(frozen=True, slots=True)
class Times:
    """First and last event time, and the longest time between two rows. Merges of spans that do not overlap are exact."""

    first_ns: int
    last_ns: int
    gap_ns: int = 0

    def merge(self, other: Times) -> Times:
        before, after = sorted((self, other), key=lambda times: times.first_ns)
        between = max(0, after.first_ns - before.last_ns)
        last = max(before.last_ns, after.last_ns)
        return Times(before.first_ns, last, max(before.gap_ns, after.gap_ns, between))

    def to_plain(self) -> list[object]:
        return [self.first_ns, self.last_ns, self.gap_ns]

    @classmethod
    def from_plain(cls, document: object, where: str) -> Times:
        reader = Reader(document, where)
        times = cls(reader.whole(), reader.whole(), reader.count())
        reader.done()
        return times


@dataclass(frozen=True, slots=True)
class QualityTile:
    """`rules`: column → int64 [6], by RULE_COUNTS. The rest is None where nothing asks for it, or no row came."""

    rules: Mapping[str, Ints] = field(default_factory=dict)
    duplicates: Sketch | None = None
    ids: Sketch | None = None
    times: Times | None = None

    def merge(self, other: QualityTile) -> QualityTile:
        names = dict.fromkeys([*self.rules, *other.rules])
        none = np.zeros(len(RULE_COUNTS), np.int64)
        return QualityTile(
            {name: self.rules.get(name, none) + other.rules.get(name, none) for name in names},
            _merged(self.duplicates, other.duplicates),
            _merged(self.ids, other.ids),
            _merged(self.times, other.times),
        )

    def to_plain(self) -> list[object]:
        return [
            {name: raw(counts) for name, counts in sorted(self.rules.items())},
            None if self.duplicates is None else self.duplicates.to_plain(),
            None if self.ids is None else self.ids.to_plain(),
            None if self.times is None else self.times.to_plain(),
        ]

    @classmethod
    def from_plain(cls, document: object, where: str) -> QualityTile:
        reader = Reader(document, where)
        tile = cls(
            reader.mapping(lambda item, at: Reader([item], at).counts(len(RULE_COUNTS))),
            reader.maybe(Sketch.from_plain),
            reader.maybe(Sketch.from_plain),
            reader.maybe(Times.from_plain),
        )
        reader.done()
        return tile


def _merged(one: Any, other: Any) -> Any:
    """Of two tiles of a kind, either of which may be None."""
    return other if one is None else one if other is None else one.merge(other)


def quality_of(rows: Rows, kinds: Mapping[str, FeatureKind], model: MonitoredModel) -> QualityTile | None:
    """What the declaration asks for of some rows in canonical order; None where it asks for nothing."""
    of_rows, of_ids, of_times = (model.asks_for(name) for name in (ROW_METRIC, ID_METRIC, GAP_METRIC))
    if not (model.schema or of_rows or of_ids or of_times):
        return None
    times = Times(int(rows.time_ns[0]), int(rows.time_ns[-1])) if of_times and len(rows) else None
    if times is not None and len(rows) > 1:
        times = Times(times.first_ns, times.last_ns, int(np.diff(rows.time_ns).max()))
    return QualityTile(
        {name: kept(rows.columns.get(name), rule, len(rows)) for name, rule in model.schema.items()},
        Sketch.of(_row_hashes(rows, kinds)) if of_rows else None,
        Sketch.of(np.array([_text_hash(i) for i in rows.prediction_ids()], np.uint64)) if of_ids else None,
        times,
    )


def kept(column: Column | None, rule: ColumnRule, rows: int) -> Ints:
    """How the rows of a column keep to a rule, by RULE_COUNTS. A column that is not there is null in every row."""
    found = breaches(column, rule, rows)
    either = np.logical_or.reduce(list(found.values()))
    return np.array([rows, either.sum(), *(found[part].sum() for part in RULE_COUNTS[2:])], np.int64)


def breaches(column: Column | None, rule: ColumnRule, rows: int) -> Mapping[str, npt.NDArray[np.bool_]]:
    """Of each part of a rule, as RULE_COUNTS names them, the rows that break it."""
    faults = {part: np.zeros(rows, np.bool_) for part in RULE_COUNTS[2:]}
    if column is None:
        faults["null"] |= rule.not_null
        return faults
    codes, absent = _codes(column, rule)
    if rule.not_null:
        faults["null"] = absent
    if column.values.ndim == 1:
        if rule.type is not None:
            faults["type"] = ~absent & ~_is_of(column, rule)
        if rule.minimum is not None or rule.maximum is not None:
            values, unusable = numbers(column)
            outside = ~absent if unusable is None else ~absent & ~unusable
            low, high = rule.minimum, rule.maximum
            faults["range"] = outside & (
                (values < (-np.inf if low is None else low)) | (values > (np.inf if high is None else high))
            )
        if rule.values is not None:
            faults["values"] = codes >= len(rule.values)
    return faults


def _codes(column: Column, rule: ColumnRule) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Of each row: the position of its value among the allowed ones (beyond them where it is none), and whether it has none."""
    values, missing = column.values, column.missing
    if values.ndim > 1 or (values.dtype.kind in "fiub" and rule.values is None):
        absent = np.isnan(values) if values.dtype.kind == "f" and values.ndim == 1 else np.zeros(len(values), np.bool_)
        return np.zeros(len(values), np.int64), absent if missing is None else absent | missing
    codes = encode(column, rule.values or ()).codes
    return codes, codes == MISSING


def _is_of(column: Column, rule: ColumnRule) -> npt.NDArray[np.bool_]:
    """Rows whose value is of the rule's type; what a row without a value is does not matter."""
    if rule.type == "text":
        return np.full(len(column), column.values.dtype.kind == "O")
    if rule.type == "boolean":
        return np.asarray(encode(column, ("false", "true", "0", "1")).codes < 4)
    values, unusable = numbers(column)
    found = np.ones(len(column), np.bool_) if unusable is None else ~unusable
    return found & (np.isfinite(values) & (np.trunc(values) == values)) if rule.type == "whole" else found


def _row_hashes(rows: Rows, kinds: Mapping[str, FeatureKind]) -> Words:
    """A hash of each row's features: equal rows have equal hashes, whatever type carried a number."""
    found = np.zeros(len(rows), np.uint64)
    for name in sorted(kinds):
        column = rows.columns.get(name)
        if column is not None:
            found = _mixed(found ^ _column_hashes(column) ^ np.uint64(_text_hash(name)))
    return found


def _column_hashes(column: Column) -> Words:
    values = column.values
    if values.ndim > 1:
        words = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
        odd = _mixed(np.arange(1, words.shape[1] + 1, dtype=np.uint64)) | np.uint64(1)
        found = (words * odd).sum(axis=1, dtype=np.uint64)
    elif values.dtype.kind in "fiub":
        # Zero has two signs and NaN many bits: one of each.
        plain = values.astype(np.float64) + 0.0
        found = np.where(np.isnan(plain), np.nan, plain).view(np.uint64)
    else:
        coded = encode(column, ())
        names = np.array([0, *(_text_hash(name) for name in coded.unseen)], np.uint64)
        return _mixed(names[np.maximum(coded.codes, 0)])
    if column.missing is not None:
        found = np.where(column.missing, np.uint64(1), found)
    return _mixed(found)


def _mixed(words: Words) -> Words:
    """Every bit of the result hangs on every bit of the word (splitmix64's finaliser)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(words ^ (words >> np.uint64(31)))


def _text_hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
