"""How the labels of two groups differ: what is measured of the data before any model, with an interval that holds jointly.

The rates of positive labels lie together in the box of their two Wilson intervals at 97.5 % each, so any function of
them lies between its least and greatest value on that box. The functions here are 0 where the rates are equal and grow
as the rates part, so corners and the diagonal are all there is to look at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product

from monitor.findings import Status, Value
from monitor.metrics.bias.rates import Z_OF_TWO, labelled_rows, unlabelled
from monitor.metrics.intervals import wilson
from monitor.metrics.metric import nothing
from monitor.tiles.group import FALSE_NEGATIVES, TRUE_POSITIVES

Distance = Callable[[float, float], float]
"""Of the rates of positive labels of group and base group."""


def positive_labels(counts: Sequence[int]) -> tuple[int, int]:
    """The labelled rows of a group that are positive, and all of them."""
    return counts[TRUE_POSITIVES] + counts[FALSE_NEGATIVES], labelled_rows(counts)


def label_distance(group: Sequence[int], base: Sequence[int], distance: Distance) -> Value:
    missing = unlabelled(group, base)
    if isinstance(missing, Value):
        return missing
    (x, n), (x_base, n_base) = positive_labels(group), positive_labels(base)
    reason = f"{x} of {n} labels positive, {x_base} of {n_base}"
    if not n or not n_base:
        reason += ": a rate of no rows is undefined"
        return nothing(Status.UNDEFINED, reason, n_window=n + n_base, n_missing=missing)
    value = distance(x / n, x_base / n_base)
    if not math.isfinite(value):
        reason += ": infinite, for the group has none of what the base group has"
        return nothing(Status.UNDEFINED, reason, n_window=n + n_base, n_missing=missing)
    ends, ends_base = wilson(x, n, Z_OF_TWO), wilson(x_base, n_base, Z_OF_TWO)
    apart = ends[1] < ends_base[0] or ends_base[1] < ends[0]
    corners = [distance(p, q) for p, q in product(ends, ends_base)]
    low = min(value, *corners) if apart else 0.0
    return Value(value, max(0.0, low), max(value, *corners), n_window=n + n_base, n_missing=missing, reason=reason)
