"""A share of some of the labelled rows, with its interval or the reason why there is none."""

from __future__ import annotations

from monitor.findings import Status, Value
from monitor.metrics.intervals import mean_of_shares, wilson
from monitor.metrics.metric import nothing

NO_CLASS = "no labelled row has a predicted class"


def rate(part: int, whole: int, labelled: int, empty: str) -> Value:
    """`part` of the `whole` rows that are concerned; `empty` says what there is none of. Wilson's interval."""
    if not labelled:
        return nothing(Status.NO_DATA, NO_CLASS)
    if not whole:
        return nothing(Status.UNDEFINED, empty, n_window=labelled)
    low, high = wilson(part, whole)
    return Value(part / whole, low, high, n_window=labelled)


def mean_rate(parts: list[int], wholes: list[int], labelled: int) -> Value:
    """Mean of the shares of the classes that have rows."""
    if not labelled:
        return nothing(Status.NO_DATA, NO_CLASS)
    mean, low, high = mean_of_shares([(x, n) for x, n in zip(parts, wholes, strict=True) if n])
    return Value(mean, low, high, n_window=labelled)
