"""Ratios of what was true to what was said, and their difference between two groups."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monitor.findings import Status, Value
from monitor.metrics.bias.rates import labelled_rows, unlabelled
from monitor.metrics.intervals import Z
from monitor.metrics.metric import nothing

Parts = tuple[int, int, int]
"""Of a group: rows that are both true and said, true alone, said alone."""


def ratio_difference(group: Sequence[int], base: Sequence[int], parts: Sequence[Parts], what: tuple[str, str]) -> Value:
    """(true / said) of a group less that of the base group; `parts` of group and base, `what` names true and said.

    The interval of each ratio is that of its logarithm (delta method on the three counts, with half a row in those that
    are alone, so that a perfect table is not certain); both are put together as Zou and Donner do.
    """
    missing = unlabelled(group, base)
    if isinstance(missing, Value):
        return missing
    n = labelled_rows(group) + labelled_rows(base)
    told = [f"{both + true} {what[0]} to {both + said} {what[1]}" for both, true, said in parts]
    reason = ", ".join(told)
    if any(both + said == 0 for both, _, said in parts):
        return nothing(Status.UNDEFINED, reason + ": a ratio to nothing is undefined", n_window=n, n_missing=missing)
    (ratio, low, high), (ratio_base, low_base, high_base) = (_ratio(*counts) for counts in parts)
    value = ratio - ratio_base
    return Value(
        value,
        value - math.hypot(ratio - low, high_base - ratio_base),
        value + math.hypot(high - ratio, ratio_base - low_base),
        n_window=n,
        n_missing=missing,
        reason=reason,
    )


def _ratio(both: int, true: int, said: int) -> tuple[float, float, float]:
    """(both + true) / (both + said) with its ends."""
    ratio = (both + true) / (both + said)
    t, s = both + true + 0.5, both + said + 0.5
    variance = both * (1.0 / t - 1.0 / s) ** 2 + (true + 0.5) / t**2 + (said + 0.5) / s**2
    wide = math.exp(Z * math.sqrt(variance))
    return ratio, min(ratio, t / s / wide), max(ratio, t / s * wide)
