"""Slices: named parts of the population that are measured and judged beside the whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from monitor.definitions.predicates import PredicateError, columns_of, parse
from monitor.definitions.reading import Reader
from monitor.errors import Fault

SLICES_MAX = 20
"""A slice costs as much of every window as the whole model, and has a series of its own for each of its metrics."""
SLICE_NAME_CHARS_MAX = 128
_SHORT = re.compile(r"([^=`]+)=([^=`']*)")


@dataclass(frozen=True, slots=True)
class Slice:
    """`where` is a predicate of `monitor.definitions.predicates` over features, groups and outputs."""

    name: str
    where: str


def read_slices(reader: Reader, value: object, where: str) -> tuple[Slice, ...]:
    """`SEX=2`, or `{name: young, where: "AGEP < 30 and SCHL >= 16"}`."""
    found = [_slice(reader, item, f"{where}[{i}]") for i, item in enumerate(reader.sequence(value, where, SLICES_MAX))]
    slices = tuple(one for one in found if one is not None)
    names = [one.name for one in slices]
    for name in dict.fromkeys(n for n in names if names.count(n) > 1):
        reader.fault(where, f"{name!r} twice", "each name once")
    return slices


def check_label(reader: Reader, slices: tuple[Slice, ...], label: str | None, where: str) -> None:
    """A slice is known when its prediction is made: a label, which comes later, cannot be part of it."""
    for i, one in enumerate(slices):
        if label is not None and label in columns_of(parse(one.where)):
            reader.fault(f"{where}[{i}]", f"the label {label!r}", "columns that are there with the prediction")


def write_slices(slices: tuple[Slice, ...]) -> list[dict[str, str]]:
    return [{"name": one.name, "where": one.where} for one in slices]


def _slice(reader: Reader, value: object, where: str) -> Slice | None:
    if isinstance(value, str):
        match = _SHORT.fullmatch(value)
        if match is None:
            reader.fault(where, value, "`column=value`, or a mapping with `name` and `where`")
            return None
        column, category = match[1].strip(), match[2].strip()
        return _checked(reader, f"{column}={category}", f"`{column}` = '{category}'", where)
    if not isinstance(value, Mapping):
        reader.fault(where, value, "`column=value`, or a mapping with `name` and `where`")
        return None
    found = reader.mapping(value, where, ("name", "where"))
    name = reader.text(found.get("name"), f"{where}.name")
    predicate = reader.text(found.get("where"), f"{where}.where")
    return _checked(reader, name, predicate, where, f"{where}.where") if name and predicate else None


def _checked(reader: Reader, name: str, predicate: str, where: str, place: str | None = None) -> Slice | None:
    if len(name) > SLICE_NAME_CHARS_MAX or not name.isprintable():
        reader.fault(f"{where}.name", name, f"a name of at most {SLICE_NAME_CHARS_MAX} printable characters")
        return None
    try:
        parse(predicate)
    except PredicateError as error:
        reader.faults.append(Fault(f"{place or where}, character {error.position}", error.found, error.expected))
        return None
    return Slice(name, predicate)
