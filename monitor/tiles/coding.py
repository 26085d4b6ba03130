"""From a column of any type to what tiles count: numbers, or codes of categories. Never raises on what a column holds.

Numbers: a text counts as the number it spells (`float` without digit separators); a text that spells none, a byte
string and any other object are missing. NaN and infinities stay what they are: the tile counts them by themselves.

Categories: every value takes its canonical form, so 17, 17.0 and "17" are one; NaN is missing; a value that has no
hash (a list, a mapping) is named by its text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from collectors.records.categories import canonical_category
from monitor.tiles.kernels import count_codes, look_up
from monitor.tiles.rows import Column

MISSING = -1
"""Code of a row without a value."""
DENSE_SPAN_MAX = 65_536
"""Widest range of whole numbers that is counted through a table (512 KiB of codes) rather than sorted."""

_PLAIN_TYPES = frozenset({str, int, float, bytes, type(None)})
"""Types whose equal values have the same canonical form, so that one look-up a distinct value is enough; bool is not
among them, because True equals 1 but is named `true`."""


@dataclass(frozen=True, slots=True)
class Coded:
    """`codes` int64 [n]: a position in the known categories, their number for a folded one, beyond it a new category

    (known + 1 + position in `unseen`), or MISSING.
    """

    codes: npt.NDArray[np.int64]
    unseen: tuple[str, ...]


def numbers(column: Column) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_] | None]:
    """(values float64 [n], missing mask or None)."""
    missing = column.missing
    if column.coding is not None:
        # A text that spells no number is missing; the missing rows' own place is behind the last.
        spelled, unspelled = numbers(Column(np.array([*column.coding.names, "nan"], object)))
        absent = None if unspelled is None else unspelled[column.coding.codes]
        joined = absent if missing is None else missing if absent is None else absent | missing
        return spelled[column.coding.codes], joined
    values = column.values
    if values.ndim > 1:  # a vector where a number is due
        return np.full(len(values), np.nan), np.ones(len(values), np.bool_)
    if values.dtype.kind in "fiub":
        return np.ascontiguousarray(values, np.float64), missing
    parsed = _Numbers()
    try:
        found = np.fromiter(map(parsed.__getitem__, values.tolist()), np.float64, len(values))
    except TypeError:  # a value without a hash
        found = np.fromiter((_number(value) for value in values.tolist()), np.float64, len(values))
    unparsed = np.isnan(found)
    suspects = np.flatnonzero(unparsed)
    unparsed[suspects] = [not _is_nan(values[i]) for i in suspects]
    return found, unparsed if missing is None else unparsed | missing


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows by code, the missing ones first: `counts[1 + code]`, of `Coded`'s codes."""

    counts: npt.NDArray[np.int64]
    unseen: tuple[str, ...]


def tally(column: Column, categories: Sequence[str], folded: frozenset[str] = frozenset()) -> Tally:
    """How many rows have each code. What repeats is counted first and named then: once a distinct value, not once a row."""
    if column.coding is not None:
        own = count_codes(column.coding.codes, len(column.coding.names) + 1)
        present = np.flatnonzero(own)
        known = (*column.coding.names, None)
        distinct: list[object] = [known[i] for i in present.tolist()]
    elif (low := _dense_from(column)) is not None:
        values = column.values
        whole = values.astype(np.int64, copy=False)
        own = count_codes(whole, int(whole.max()) - low + 1, low)
        present = np.flatnonzero(own)
        distinct = (present + low).astype(values.dtype).tolist()
    else:
        coded = encode(column, categories, folded)
        return Tally(np.bincount(coded.codes + 1, minlength=len(categories) + 2), coded.unseen)
    names = _Names(categories, folded)
    codes = names.table(distinct)
    counts = np.zeros(len(categories) + 2 + len(names.unseen), np.int64)
    np.add.at(counts, codes + 1, own[present])
    return Tally(counts, tuple(names.unseen))


def _dense_from(column: Column) -> int | None:
    """The least of whole numbers that span little; None where there are none, or others, or they span much."""
    values = column.values
    if values.ndim > 1 or values.dtype.kind not in "iub" or column.missing is not None or not len(values):
        return None
    low = int(values.min())
    return low if int(values.max()) - low < DENSE_SPAN_MAX else None


def encode(column: Column, categories: Sequence[str], folded: frozenset[str] = frozenset()) -> Coded:
    """Codes of a column against known categories."""
    names = _Names(categories, folded)
    if column.coding is not None:
        return _without_gaps(names.table((*column.coding.names, None))[column.coding.codes], names)
    values = column.values
    if values.ndim > 1:
        codes = np.full(len(values), MISSING, np.int64)
    elif values.dtype.kind == "b":
        codes = names.table([False, True])[values.astype(np.int64)]
    elif values.dtype.kind in "iu":
        codes = _encode_whole(values.astype(np.int64, copy=False), names)
    elif values.dtype.kind == "f":
        distinct, inverse = np.unique(values.astype(np.float64), return_inverse=True)
        codes = names.table(distinct.tolist())[inverse]
    else:
        codes = _encode_objects(values, names)
    if column.missing is None and values.dtype.kind != "b":
        return Coded(codes, tuple(names.unseen))  # every name is some row's
    if column.missing is not None:
        codes = np.where(column.missing, MISSING, codes)
    return _without_gaps(codes, names)


def _encode_whole(values: npt.NDArray[np.int64], names: _Names) -> npt.NDArray[np.int64]:
    if not len(values):
        return np.zeros(0, np.int64)
    low, high = int(values.min()), int(values.max())
    if high - low >= DENSE_SPAN_MAX:
        distinct, inverse = np.unique(values, return_inverse=True)
        return names.table(distinct.tolist())[inverse]
    present = np.flatnonzero(count_codes(values, high - low + 1, low))
    table = np.full(high - low + 1, MISSING, np.int64)
    table[present] = names.table((present + low).tolist())
    return look_up(values, low, table)


def _encode_objects(values: npt.NDArray[Any], names: _Names) -> npt.NDArray[np.int64]:
    plain = values.tolist()
    if not set(map(type, plain)) <= _PLAIN_TYPES:
        plain = [_plain(value) for value in plain]
    return np.fromiter(map(names.__getitem__, plain), np.int64, len(plain))


def _plain(value: object) -> str | None:
    """The canonical form, text of what has none (a list, an array)."""
    if isinstance(value, np.generic):
        value = value.item()
    return canonical_category(value if isinstance(value, bool | int | float | str | bytes | None) else str(value))


def _without_gaps(codes: npt.NDArray[np.int64], names: _Names) -> Coded:
    """Forget new categories that only masked rows held."""
    if not names.unseen:
        return Coded(codes, ())
    first = names.known + 1
    held = np.bincount(codes[codes >= first] - first, minlength=len(names.unseen)) > 0
    if held.all():
        return Coded(codes, tuple(names.unseen))
    renumbered = np.cumsum(held) - 1 + first
    codes = np.where(codes >= first, renumbered[np.maximum(codes - first, 0)], codes)
    return Coded(codes, tuple(name for name, kept in zip(names.unseen, held, strict=True) if kept))


class _Names(dict[Any, int]):
    """Raw value → code. A raw value met for the first time is brought to its canonical form once."""

    def __init__(self, categories: Sequence[str], folded: frozenset[str]) -> None:
        super().__init__(zip(categories, range(len(categories)), strict=True))
        self.known = len(categories)
        self.folded = folded
        self.unseen: list[str] = []
        self._canonical: dict[str, int] = dict(self)

    def __missing__(self, value: object) -> int:
        name = canonical_category(value)
        code = MISSING if name is None else self._code(name)
        if value == value:  # noqa: PLR0124  a NaN is never found again: remembering it would only grow
            self[value] = code
        return code

    def _code(self, name: str) -> int:
        found = self._canonical.get(name)
        if found is not None:
            return found
        if name in self.folded:
            return self.known
        code = self.known + 1 + len(self.unseen)
        self.unseen.append(name)
        self._canonical[name] = code
        return code

    def table(self, values: Sequence[object]) -> npt.NDArray[np.int64]:
        return np.array([self.__missing__(value) for value in values], np.int64)


class _Numbers(dict[Any, float]):
    """Raw value → number, NaN where it is none."""

    def __missing__(self, value: object) -> float:
        number = self[value] = _number(value)
        return number


def _number(value: object) -> float:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str) and "_" not in value:
        try:
            return float(value)
        except ValueError:
            return np.nan
    if isinstance(value, bool | int | float):
        try:
            return float(value)
        except OverflowError:
            return np.inf if value > 0 else -np.inf
    return np.nan


def _is_nan(value: object) -> bool:
    """Whether the value itself is, or spells, NaN."""
    if isinstance(value, str):
        return value.strip().lower().lstrip("+-") == "nan"
    return isinstance(value, float | np.floating) and value != value  # noqa: PLR0124  (only a NaN)


def counts_by_name(column: Column) -> Mapping[str, int]:
    """How often each category occurs, most frequent first, ties by name."""
    found = tally(column, ())
    pairs = sorted(zip(found.unseen, found.counts[2:].tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
    return dict(pairs)
