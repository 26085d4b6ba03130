"""Timestamps as numbers: how old they are at the event, whether they lie ahead of it, and where in the week they stand.

A time is ISO 8601 (UTC where it names no zone) or an epoch number, whose unit its size tells: below 1e11 seconds, below 1e14
milliseconds, below 1e17 microseconds, else nanoseconds. Each value has its own unit, so that it means the same in every window.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from monitor.definitions import FeatureKind
from monitor.tiles.rows import Column, Rows
from monitor.tiles.tileset import Grid

Times = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

DESCRIPTORS = ("age", "future", "hour_of_week", "weekend")
CALENDAR = frozenset({"hour_of_week", "weekend"})
CALENDAR_SPREAD_S = 28 * 86_400.0
"""Spread of ages (the middle half of them) from which on hours and days are described. Values that stand nearer to their event
have the hour of the window they are in, and would differ from the baseline's in every one."""
TIME_CHARS_MAX = 40
"""Longest text that is read as a time."""
_EPOCH_UNITS = ((1e11, 10**9), (1e14, 10**6), (1e17, 10**3), (float("inf"), 1))
_QUARTER_NS = 900 * 10**9
"""Offsets of zones change at quarters of an hour."""
_HOUR_NS = 3_600 * 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_THURSDAY_HOURS = 72
"""Hours from Monday to the epoch's first, a Thursday."""
_SATURDAY_HOURS = 120


def is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def times(column: Column) -> tuple[Times, Bools]:
    """Unix nanoseconds of every row, and whether it has a time."""
    known = np.ones(len(column), np.bool_) if column.missing is None else ~column.missing
    if column.coding is not None:
        named, usable = _spelled([*column.coding.names, ""])
        return named[column.coding.codes], usable[column.coding.codes] & known
    values = column.values
    if values.ndim != 1 or values.dtype.kind not in "fiuO":
        return np.zeros(len(column), np.int64), np.zeros(len(column), np.bool_)
    found, usable = _spelled(values.tolist()) if values.dtype.kind == "O" else _epochs(values)
    return found, usable & known


def describe(column: Column, event_ns: Times, zone: str) -> dict[str, Column]:
    """The descriptors of the times that are there: rows without one have no entry. Empty of a column without times."""
    found, usable = times(column)
    if not usable.any():
        return {}
    found, event_ns = found[usable], event_ns[usable]
    # In seconds before they are taken from each other: the difference of two nanoseconds may be more than 64 bits hold.
    age = event_ns / 1e9 - found / 1e9
    near = np.abs(age) < _EXACT_S
    age[near] = (event_ns[near] - found[near]) / 1e9
    hour = (_local_hours(found, zone) + _THURSDAY_HOURS) % 168
    return {
        "age": Column(age),
        "future": Column(age < 0.0),
        "hour_of_week": Column(hour),
        "weekend": Column(hour >= _SATURDAY_HOURS),
    }


_EXACT_S = 2.0**32
"""Up to here whole nanoseconds are subtracted, exactly."""


def frozen_stamps(
    rows: Rows,
    zones: Mapping[str, str],
    numeric: Callable[[Column], Grid],
    names: Callable[[Column], Grid],
) -> dict[str, Grid]:
    """The grids of the descriptors of timestamps, by `feature.descriptor`."""
    grids: dict[str, Grid] = {}
    for name, zone in zones.items():
        found = describe(rows.columns[name], rows.time_ns, zone)
        if not found:
            continue
        low, high = np.quantile(found["age"].values.astype(np.float64), (0.25, 0.75))
        for k, own in found.items():
            if k not in CALENDAR or high - low >= CALENDAR_SPREAD_S:
                grids[f"{name}.{k}"] = names(own) if own.values.dtype.kind == "b" else numeric(own)
    return grids


def zones_of(rows: Rows, kinds: Mapping[str, FeatureKind], declared: Mapping[str, str | None]) -> dict[str, str]:
    """The zone of every timestamp that the rows have."""
    return {
        name: declared.get(name) or "UTC"
        for name, kind in kinds.items()
        if kind == "timestamp" and name in rows.columns
    }


def _spelled(values: list[object]) -> tuple[Times, Bools]:
    found, usable = np.zeros(len(values), np.int64), np.zeros(len(values), np.bool_)
    known: dict[str, int | None] = {}
    for i, value in enumerate(values):
        if isinstance(value, str) and 0 < len(value) <= TIME_CHARS_MAX:
            if value not in known:
                known[value] = _nanoseconds(value)
            read = known[value]
            if read is not None:
                found[i], usable[i] = read, True
    return found, usable


def _nanoseconds(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        try:
            number = np.array([float(text)])
        except ValueError:
            return None
        found, usable = _epochs(number)
        return int(found[0]) if usable[0] else None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    read = (moment - _EPOCH) // _MICROSECOND * 1_000
    return read if abs(read) < 2**63 else None


def _epochs(values: npt.NDArray[np.generic]) -> tuple[Times, Bools]:
    size = np.abs(values.astype(np.float64))
    unit = np.ones(len(values), np.int64)
    for limit, ns in reversed(_EPOCH_UNITS):
        unit[size < limit] = ns
    usable = np.isfinite(size) & (np.where(np.isfinite(size), size, 0.0) * unit < 2.0**63)
    if values.dtype.kind in "iu":
        return np.where(usable, values.astype(np.int64), 0) * unit, usable
    kept = np.where(usable, values, 0.0).astype(np.float64)
    whole = np.trunc(kept)
    return whole.astype(np.int64) * unit + np.rint((kept - whole) * unit).astype(np.int64), usable


def _local_hours(found: Times, zone: str) -> Times:
    """Whole hours since the epoch by a zone's clock."""
    if zone == "UTC":
        return found // _HOUR_NS
    quarters, index = np.unique(found // _QUARTER_NS, return_inverse=True)
    clock = ZoneInfo(zone)
    offsets = np.array([_offset_s(int(q), clock) for q in quarters], np.int64)
    return (found // 10**9 + offsets[index]) // 3_600


def _offset_s(quarter: int, clock: ZoneInfo) -> int:
    offset = (_EPOCH + timedelta(seconds=quarter * 900)).astimezone(clock).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
