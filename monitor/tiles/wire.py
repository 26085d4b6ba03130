"""Reading tiles from foreign bytes: every value is checked for type, sign and size, and a fault names its place.

A tile is a list of plain values (whole numbers, doubles, texts, raw little-endian arrays) in the order its class
writes them; `Reader` takes them one by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")

ROWS_MAX = 1 << 53
"""Largest count read: beyond it a double could not hold it exactly."""
ARRAY_BYTES_MAX = 64 * 1024 * 1024
"""Largest array read: the co-moments of 64 features are 32 KiB, the confusion of 1,000 classes 8 MiB."""
TEXT_CHARS_MAX = 1 << 20
ITEMS_MAX = 200_000
"""Most entries of one list or mapping: the folded categories of a grid with room to spare."""


class Reader:
    """Takes the values of one list in order. Raises ValueError with the place of the first that does not fit."""

    def __init__(self, document: object, where: str) -> None:
        if not isinstance(document, list):
            raise ValueError(f"{where}: found {_shown(document)}, expected a list")
        self.where = where
        self._values = document
        self._taken = 0

    def _next(self) -> tuple[Any, str]:
        where = f"{self.where}[{self._taken}]"
        if self._taken >= len(self._values):
            raise ValueError(f"{where}: found the end, expected a value")
        self._taken += 1
        return self._values[self._taken - 1], where

    @property
    def has_more(self) -> bool:
        return self._taken < len(self._values)

    def done(self) -> None:
        """Nothing may be left: a longer list was written by another version."""
        if self._taken < len(self._values):
            raise ValueError(f"{self.where}: found {len(self._values)} values, expected {self._taken}")

    def item(self) -> object:
        """Whatever comes next, for a reader of its own."""
        return self._next()[0]

    def count(self) -> int:
        return count(*self._next())

    def whole(self) -> int:
        value, where = self._next()
        if type(value) is not int:
            raise ValueError(f"{where}: found {_shown(value)}, expected a whole number")
        return value

    def real(self) -> float:
        """A double, infinite ones included; NaN is refused."""
        value, where = self._next()
        if type(value) is not float or math.isnan(value):
            raise ValueError(f"{where}: found {_shown(value)}, expected a number")
        return value

    def flag(self) -> bool:
        value, where = self._next()
        if type(value) is not bool:
            raise ValueError(f"{where}: found {_shown(value)}, expected true or false")
        return value

    def text(self) -> str:
        value, where = self._next()
        return _text(value, where)

    def texts(self) -> tuple[str, ...]:
        value, where = self._next()
        if not isinstance(value, list) or len(value) > ITEMS_MAX:
            raise ValueError(f"{where}: found {_shown(value)}, expected a list of at most {ITEMS_MAX} texts")
        return tuple(_text(item, f"{where}[{i}]") for i, item in enumerate(value))

    def maybe(self, read: Callable[[object, str], T]) -> T | None:
        value, where = self._next()
        return None if value is None else read(value, where)

    def mapping(self, read: Callable[[object, str], T]) -> dict[str, T]:
        value, where = self._next()
        if not isinstance(value, Mapping) or len(value) > ITEMS_MAX:
            raise ValueError(f"{where}: found {_shown(value)}, expected a mapping of at most {ITEMS_MAX} entries")
        return {_text(key, where): read(item, f"{where}.{key}") for key, item in value.items()}

    def raw(self, size_max: int) -> bytes:
        value, where = self._next()
        if not isinstance(value, bytes) or len(value) > size_max:
            raise ValueError(f"{where}: found {_shown(value)}, expected at most {size_max} bytes")
        return value

    def counts(self, *shape: int) -> npt.NDArray[np.int64]:
        """An int64 array of counts; -1 in the shape stands for any length."""
        found = self._array(np.dtype("<i8"), shape).astype(np.int64)
        if (found < 0).any():
            raise ValueError(f"{self.where}[{self._taken - 1}]: found a negative count")
        return found

    def wholes(self, *shape: int) -> npt.NDArray[np.int64]:
        return self._array(np.dtype("<i8"), shape).astype(np.int64)

    def reals(self, *shape: int) -> npt.NDArray[np.float64]:
        found = self._array(np.dtype("<f8"), shape).astype(np.float64)
        if np.isnan(found).any():
            raise ValueError(f"{self.where}[{self._taken - 1}]: found NaN, expected numbers")
        return found

    def _array(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
        data = self.raw(ARRAY_BYTES_MAX)
        items, rest = divmod(len(data), dtype.itemsize)
        known = math.prod(length for length in shape if length >= 0)
        if rest or (items % known if -1 in shape and known else items != known if -1 not in shape else items):
            raise ValueError(f"{self.where}[{self._taken - 1}]: found {len(data)} bytes, expected shape {shape}")
        return np.frombuffer(data, dtype).reshape(shape)


def raw(values: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> bytes:
    """Little-endian bytes of an array, row-major."""
    return np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()


def count(value: object, where: str) -> int:
    """A count, as the value of a mapping."""
    if type(value) is not int or not 0 <= value <= ROWS_MAX:
        raise ValueError(f"{where}: found {_shown(value)}, expected a count")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or len(value) > TEXT_CHARS_MAX:
        raise ValueError(f"{where}: found {_shown(value)}, expected a text of at most {TEXT_CHARS_MAX} characters")
    return value


def _shown(value: object) -> str:
    text = f"{len(value)} bytes" if isinstance(value, bytes) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
