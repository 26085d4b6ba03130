"""Rows of a window and of its baseline as Evidently takes them: bounded, inert, and with its telemetry off.

Evidently reports usage to its makers unless DO_NOT_TRACK is set (any value), iterative-telemetry, its messenger, unless
ITERATIVE_DO_NOT_TRACK is; both are set before the first import, which therefore happens only inside `quiet`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from monitor.definitions import MonitoredModel
from monitor.tiles.coding import MISSING, encode, numbers
from monitor.tiles.plain import TEXT_CHARS_MAX
from monitor.tiles.rows import Column, Rows

ROWS_MAX = 20_000
"""Rows of each side that enter the report: enough for its pictures, and a report takes seconds and about 250 MB."""
COLUMNS_MAX = 100
"""Columns of a report, the declared features first: each adds two interactive pictures to one page."""
CATEGORIES_MAX = 200
"""Categories of a column that are named, the baseline's most frequent; the others are shown as one."""
_OTHER = "(other)"

Kind = Literal["numeric", "categorical"]
Frame = dict[str, npt.NDArray[Any]]


@contextmanager
def quiet() -> Iterator[None]:
    """Where Evidently may be imported and run: nothing is sent, and what it warns of is its own."""
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["ITERATIVE_DO_NOT_TRACK"] = "1"
    # Divisions by an empty cell and deprecations inside Evidently are its own: it says what it could not compute.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def shared_columns(reference: Rows, current: Rows, model: MonitoredModel) -> dict[str, Kind]:
    """The columns to compare: declared features, then the prediction's columns."""
    kinds: dict[str, Kind] = {}
    for name in dict.fromkeys([*(f.name for f in model.features), *model.prediction.columns]):
        if name not in reference.columns or name not in current.columns or len(kinds) >= COLUMNS_MAX:
            continue
        kind = model.kind_of(name) or _guess(name, reference.columns[name], model)
        if kind in ("numeric", "categorical", "boolean"):
            kinds[name] = "numeric" if kind == "numeric" else "categorical"
    return kinds


def values_of(before: Rows, after: Rows, kinds: Mapping[str, Kind]) -> tuple[Frame, Frame]:
    """The columns of both sides, the window's first: numbers, or names of categories with None for a missing one."""
    sides: tuple[Frame, Frame] = ({}, {})
    for name, kind in kinds.items():
        known = _frequent(before.columns[name]) if kind == "categorical" else ()
        for side, rows in zip(sides, (after, before), strict=True):
            column = rows.columns[name]
            side[name] = numbers_of(column) if kind == "numeric" else names_of(column, known)
    return sides


def without_value(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where a frame's column has no value: not a finite number, or no category."""
    found: npt.NDArray[np.bool_] = ~np.isfinite(values) if values.dtype.kind == "f" else values == None  # noqa: E711  (by element)
    return found


def has_values(values: npt.NDArray[Any]) -> bool:
    return not without_value(values).all()


def _guess(name: str, column: Column, model: MonitoredModel) -> str | None:
    if name == model.prediction.class_:
        return "categorical"
    if column.values.ndim > 1:
        return None
    return "numeric" if column.values.dtype.kind in "iuf" else "categorical"


def numbers_of(column: Column) -> npt.NDArray[np.float64]:
    values, missing = numbers(column)
    values = values if missing is None else np.where(missing, np.nan, values)
    # Evidently's histograms refuse infinities; as missing they stay visible in its summary.
    return np.where(np.isfinite(values), values, np.nan)


def _frequent(column: Column) -> tuple[str, ...]:
    coded = encode(column, ())
    counts = np.bincount(coded.codes[coded.codes >= 1] - 1, minlength=len(coded.unseen))
    return tuple(coded.unseen[i] for i in np.argsort(-counts, kind="stable")[:CATEGORIES_MAX].tolist())


def names_of(column: Column, known: tuple[str, ...] | None = None) -> npt.NDArray[np.object_]:
    """Canonical categories as objects, None for a missing one; those that are not `known` (or rare) under one name."""
    known = _frequent(column) if known is None else known
    codes = encode(column, known).codes
    table = np.array([*map(inert, known), _OTHER, None], dtype=object)
    return table[np.where(codes == MISSING, len(known) + 1, np.minimum(codes, len(known)))]


def inert(text: str) -> str:
    """A text that cannot end the script that Evidently writes it into unescaped: `<` becomes `‹`, the length is bounded."""
    return text[:TEXT_CHARS_MAX].replace("<", "‹")
