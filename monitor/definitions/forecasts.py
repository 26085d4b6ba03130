"""The parts of `prediction` that say how sure a model is: probabilities of its classes, quantiles of its value."""

from __future__ import annotations

from collections.abc import Mapping

from collectors.records.categories import canonical_category
from monitor.definitions.reading import Reader

CLASSES_MAX = 100
"""Classes with a probability of their own; each is a column of every row."""
LEVELS_MAX = 20


def read_probabilities(reader: Reader, value: object, where: str) -> dict[str, str]:
    """Class → the column of its probability, in the order that makes a ranked score of them."""
    if not isinstance(value, Mapping) or not 2 <= len(value) <= CLASSES_MAX:
        reader.fault(where, value, f"a mapping of 2 to {CLASSES_MAX} classes to their columns")
        return {}
    return {canonical_category(key) or "": reader.text(column, f"{where}.{key}") for key, column in value.items()}


def read_quantiles(reader: Reader, value: object, where: str) -> dict[float, str]:
    """Level → the column of its quantile, ascending."""
    if not isinstance(value, Mapping) or not 1 <= len(value) <= LEVELS_MAX:
        reader.fault(where, value, f"a mapping of 1 to {LEVELS_MAX} levels between 0 and 1 to their columns")
        return {}
    found = {}
    for key, column in value.items():
        try:
            level = float(key)
        except (TypeError, ValueError):
            level = -1.0
        if not 0.0 < level < 1.0:
            reader.fault(f"{where}.{key}", key, "a level between 0 and 1, such as 0.9")
            continue
        found[level] = reader.text(column, f"{where}.{key}")
    return dict(sorted(found.items()))
