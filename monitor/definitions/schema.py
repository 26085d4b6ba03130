"""The section `schema`: what every row of a column has to keep to, whatever the baseline holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from collectors.records.categories import canonical_category
from monitor.definitions.reading import Reader
from monitor.definitions.sections import FEATURES_MAX

ColumnType = Literal["number", "whole", "boolean", "text"]
VALUES_MAX = 1_000
"""Allowed values of one column: as many as a baseline freezes categories."""
BOUND_MAX = 1e300
"""Largest `min` or `max`: sums and differences of two stay finite."""
_KEYS = ("type", "min", "max", "values", "not_null")


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """What is None, or False, is not asked. `values` are in canonical form: 17, 17.0 and "17" are one."""

    type: ColumnType | None = None
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] | None = None
    not_null: bool = False


def read_schema(reader: Reader, value: object, where: str) -> dict[str, ColumnRule]:
    if not isinstance(value, Mapping):
        reader.fault(where, value, "a mapping of column to what its values keep to")
        return {}
    if len(value) > FEATURES_MAX:
        reader.fault(where, f"{len(value)} columns", f"at most {FEATURES_MAX}")
        return {}
    return {str(name): _rule(reader, rule, f"{where}.{name}") for name, rule in value.items()}


def _rule(reader: Reader, value: object, where: str) -> ColumnRule:
    found = reader.mapping(value, where, _KEYS)
    least, most = (
        None if found.get(key) is None else reader.number(found[key], f"{where}.{key}", -BOUND_MAX, BOUND_MAX)
        for key in ("min", "max")
    )
    if least is not None and most is not None and least > most:
        reader.fault(where, f"min {least:g}, max {most:g}", "min <= max")
    not_null = found.get("not_null", False)
    if not isinstance(not_null, bool):
        reader.fault(f"{where}.not_null", not_null, "true or false")
        not_null = False
    kind = found.get("type")
    return ColumnRule(
        type=None if kind is None else cast("ColumnType", reader.one_of(kind, f"{where}.type", get_args(ColumnType))),
        minimum=least,
        maximum=most,
        values=None if found.get("values") is None else _values(reader, found["values"], f"{where}.values"),
        not_null=not_null,
    )


def _values(reader: Reader, value: object, where: str) -> tuple[str, ...]:
    names = []
    for i, item in enumerate(reader.sequence(value, where, VALUES_MAX)):
        name = canonical_category(item) if isinstance(item, str | int | float) else None
        if name is None:
            reader.fault(f"{where}[{i}]", item, "a text, a number, true or false")
        else:
            names.append(name)
    return tuple(dict.fromkeys(names))


def write_schema(schema: Mapping[str, ColumnRule]) -> Mapping[str, Any]:
    """The section under its key; nothing where there is no rule."""
    return {"schema": {name: _written(rule) for name, rule in schema.items()}} if schema else {}


def _written(rule: ColumnRule) -> dict[str, Any]:
    document: dict[str, Any] = {
        "type": rule.type,
        "min": rule.minimum,
        "max": rule.maximum,
        "values": None if rule.values is None else list(rule.values),
        "not_null": rule.not_null or None,
    }
    return {key: value for key, value in document.items() if value is not None}
