"""Rows in memory: plain columns of one span of predictions, in canonical order. What tiles are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
UNTIMED = -1


@dataclass(frozen=True, slots=True)
class Coding:
    """The values of a column of texts as positions in its distinct ones: what a dictionary-encoded file knows already.

    `codes` int32 [n]; a missing row has the position behind the last name. A name need not occur.
    """

    codes: npt.NDArray[np.int32]
    names: tuple[str, ...]
    _texts: list[npt.NDArray[np.object_]] = field(default_factory=list, init=False, repr=False, compare=False)
    """What `texts` made: at most one."""

    def texts(self) -> npt.NDArray[np.object_]:
        """The text of every row, made at the first use: most of what reads texts counts them, and needs none."""
        if not self._texts:
            self._texts.append(np.array([*self.names, ""], object).take(self.codes))
        return self._texts[0]


@dataclass(frozen=True, slots=True)
class Column:
    """`values`: float64, int64 or bool of shape [n]; object of str; or float32 of shape [n, k] for a vector.

    `missing` marks nulls (their value is unspecified); None when there are none. NaN is not missing.
    """

    given: Array | None
    """The values as they were handed over; None where `coding` alone tells them."""
    missing: npt.NDArray[np.bool_] | None = None
    coding: Coding | None = None
    """Of texts, where it is known: the same values, quicker to count."""

    def __post_init__(self) -> None:
        if self.given is None and self.coding is None:
            raise ValueError("a column has values or their coding")

    @property
    def values(self) -> Array:
        if self.given is not None:
            return self.given
        assert self.coding is not None  # noqa: S101  (one of the two is there)
        return self.coding.texts()

    def __len__(self) -> int:
        return len(self.values) if self.coding is None else len(self.coding.codes)

    def take(self, index: npt.NDArray[np.int64] | npt.NDArray[np.bool_] | slice) -> Column:
        coding = None if self.coding is None else Coding(self.coding.codes[index], self.coding.names)
        given = None if self.given is None else self.given[index]
        return Column(given, None if self.missing is None else self.missing[index], coding)


@dataclass(frozen=True, slots=True)
class Rows:
    """n predictions. `columns` holds features and outputs by name, `label` the joined ground truth (missing = none yet).

    Canonical order is (time_ns, id, row): the same rows give the same tiles to the bit, in whatever order they came.
    """

    time_ns: npt.NDArray[np.int64]
    id: npt.NDArray[np.object_]
    """Prediction id of the exchange; with `row` it names one prediction."""
    row: npt.NDArray[np.int32]
    """Row within the exchange."""
    of: npt.NDArray[np.int32]
    """Rows of the exchange."""
    columns: Mapping[str, Column] = field(default_factory=dict)
    label: Column | None = None
    inclusion: npt.NDArray[np.float64] | None = None
    trace: npt.NDArray[np.object_] | None = None
    """W3C trace id of the exchange (32 hexadecimal digits), None where it had none."""
    duration_ns: npt.NDArray[np.int64] | None = None
    """How long the exchange took; UNTIMED where nobody measured it."""

    def __len__(self) -> int:
        return len(self.time_ns)

    def prediction_ids(self) -> list[str]:
        """`id` where the exchange has one row, else `id/row`."""
        return [i if n == 1 else f"{i}/{r}" for i, r, n in zip(self.id, self.row, self.of, strict=True)]

    def take(self, index: npt.NDArray[np.int64] | npt.NDArray[np.bool_] | slice) -> Rows:
        return Rows(
            time_ns=self.time_ns[index],
            id=self.id[index],
            row=self.row[index],
            of=self.of[index],
            columns={name: column.take(index) for name, column in self.columns.items()},
            label=None if self.label is None else self.label.take(index),
            inclusion=None if self.inclusion is None else self.inclusion[index],
            trace=None if self.trace is None else self.trace[index],
            duration_ns=None if self.duration_ns is None else self.duration_ns[index],
        )

    def in_canonical_order(self) -> Rows:
        if len(self) < 2:
            return self
        step = np.diff(self.time_ns)
        if np.all(step > 0) or (np.all(step >= 0) and self._ties_in_order(np.flatnonzero(step == 0))):
            return self
        return self.take(np.lexsort((self.row, self.id.astype(str), self.time_ns)))

    def _ties_in_order(self, first: npt.NDArray[np.int64]) -> bool:
        """Whether the rows after `first`, of the same time, follow them by (id, row)."""
        ids, rows = self.id[first], self.row[first]
        next_ids, next_rows = self.id[first + 1], self.row[first + 1]
        return bool(np.all((ids < next_ids) | ((ids == next_ids) & (rows <= next_rows))))
