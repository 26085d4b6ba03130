"""The kind of a user's column, from all of its values: cells of CSV, or whatever types Parquet and JSON carry."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collectors.records.categories import canonical_category
from monitor.segments.columns import all_missing, from_arrow
from monitor.tiles.rows import Column

ABSENT = ("NA", "N/A", "#N/A", "null", "NULL", "None", "nil")
"""Spellings of a missing number. Among texts they stay what they are: NA is Namibia."""
_BOOLEANS = pa.array(["true", "false", "True", "False", "TRUE", "FALSE"])
_NAME_NOT_NUMBER = r"^[+-]?0[0-9xX]"
"""007 is a name, as for canonical categories, and Arrow would read 0x1F."""


def column_of_texts(array: Any) -> Column:
    """A column of CSV: booleans, whole numbers, numbers, else texts; all of it missing where every cell is empty."""
    if array.null_count == len(array):
        return all_missing(len(array))
    if pc.all(pc.is_in(array.drop_null(), value_set=_BOOLEANS)).as_py():
        return from_arrow(pc.cast(pc.utf8_lower(array), pa.bool_()))
    numbers = _numbers(array)
    if numbers is None:
        absent = pc.is_in(array, value_set=pa.array(ABSENT))
        if pc.any(absent).as_py():
            present = pc.if_else(absent, pa.scalar(None, pa.string()), array)
            if present.null_count == len(array):
                return all_missing(len(array))
            numbers = _numbers(present)
    return from_arrow(numbers if numbers is not None else array.dictionary_encode())


def numbers_of_texts(array: Any) -> Column | None:
    """A column of CSV whose every cell spells a number (or none); None where one does not."""
    numbers = _numbers(array)
    return None if numbers is None else from_arrow(numbers)


def _numbers(array: Any) -> Any | None:
    for kind in (pa.int64(), pa.float64()):
        try:
            numbers = pc.cast(array, kind)
        except pa.ArrowInvalid:
            continue
        return None if pc.any(pc.match_substring_regex(array, _NAME_NOT_NUMBER)).as_py() else numbers
    return None


def column_of_values(array: Any) -> Column:
    """A typed column: instants as whole nanoseconds, decimals as numbers, lists of one length as vectors."""
    kind = array.type
    if pa.types.is_dictionary(kind) and not pa.types.is_string(kind.value_type):
        return column_of_values(pc.cast(array, kind.value_type))
    if pa.types.is_null(kind) or array.null_count == len(array):
        return all_missing(len(array))
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind):
        return from_arrow(array)
    for is_kind, plain in _PLAIN:
        if is_kind(kind):
            return from_arrow(plain(array))
    return _vector(array) or _spelled(array)


def _nanoseconds(array: Any) -> Any:
    # A date far outside 1677 to 2262 has no nanoseconds; its seconds keep the order.
    return pc.cast(_cast(array, pa.timestamp("ns"), pa.timestamp("s")), pa.int64())


_PLAIN: tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...] = (
    (pa.types.is_boolean, lambda array: array),
    (pa.types.is_uint64, lambda array: _cast(array, pa.int64(), pa.float64())),
    (pa.types.is_integer, lambda array: pc.cast(array, pa.int64())),
    (pa.types.is_floating, lambda array: pc.cast(array, pa.float64())),
    (pa.types.is_decimal, lambda array: pc.cast(array, pa.float64())),
    (pa.types.is_timestamp, _nanoseconds),
    (pa.types.is_date, _nanoseconds),
    (pa.types.is_duration, lambda array: pc.cast(array, pa.int64())),
)
"""What becomes a number or boolean, and how; the first that fits."""


def texts_of(array: Any) -> list[str | None]:
    """Prediction ids as texts: as they are spelled, numbers in the form of categories."""
    if pa.types.is_dictionary(array.type):
        array = pc.cast(array, array.type.value_type)
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        texts: list[str | None] = array.to_pylist()
        return texts
    return [canonical_category(value) for value in array.to_pylist()]


def _cast(array: Any, kind: Any, otherwise: Any) -> Any:
    try:
        return pc.cast(array, kind)
    except pa.ArrowInvalid:
        # A number above 2^53 or a fraction of a second gives up its last digits.
        return pc.cast(array, otherwise, safe=False)


def _vector(array: Any) -> Column | None:
    """None where the lists are not numbers of one length."""
    if not (
        pa.types.is_list(array.type) or pa.types.is_large_list(array.type) or pa.types.is_fixed_size_list(array.type)
    ):
        return None
    kind = array.type.value_type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return None
    lengths = pc.unique(pc.list_value_length(array.drop_null()))
    flat = pc.list_flatten(array.drop_null())
    if len(lengths) != 1 or lengths[0].as_py() == 0 or flat.null_count:
        return None
    missing = array.is_null().to_numpy()
    values = np.zeros((len(array), lengths[0].as_py()), np.float32)
    values[~missing] = flat.to_numpy().reshape(-1, values.shape[1])
    return Column(values, missing if missing.any() else None)


def _spelled(array: Any) -> Column:
    """What has no kind of its own is text: as JSON, or in its usual spelling."""
    texts = [value if value is None else _text(value) for value in array.to_pylist()]
    return from_arrow(pa.chunked_array([pa.array(texts, pa.string()).dictionary_encode()]))


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, dict | list):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)
