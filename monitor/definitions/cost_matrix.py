"""The section `cost_matrix`: what a right and a wrong answer of a binary model cost those who use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from monitor.definitions.reading import Reader

COST_MAX = 1e12


@dataclass(frozen=True, slots=True)
class CostMatrix:
    """Of one prediction, in `currency` or any unit; a negative cost is a gain. What is not declared costs nothing."""

    true_positive: float = 0.0
    false_positive: float = 0.0
    true_negative: float = 0.0
    false_negative: float = 0.0
    currency: str | None = None


_OUTCOMES = ("true_positive", "false_positive", "true_negative", "false_negative")


def read_cost_matrix(reader: Reader, value: object, where: str) -> CostMatrix:
    found = reader.mapping(value, where, (*_OUTCOMES, "currency"))
    costs = {
        key: reader.number(found[key], f"{where}.{key}", -COST_MAX, COST_MAX)
        for key in _OUTCOMES
        if found.get(key) is not None
    }
    if not costs:
        reader.fault(where, "no cost", "at least one of " + ", ".join(_OUTCOMES))
    currency = found.get("currency")
    return CostMatrix(**costs, currency=None if currency is None else reader.text(currency, f"{where}.currency"))


def write_cost_matrix(section: CostMatrix | None) -> Mapping[str, Any]:
    """The section under its key; nothing where there is none."""
    if section is None:
        return {}
    return {"cost_matrix": {key: value for key, value in asdict(section).items() if value is not None}}
