"""Differences between two groups of shares of their labelled rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monitor.findings import Status, Value
from monitor.metrics.intervals import Z, newcombe
from monitor.metrics.metric import nothing
from monitor.tiles.group import FALSE_NEGATIVES, FALSE_POSITIVES, ROWS, TRUE_NEGATIVES, TRUE_POSITIVES

Counts = Sequence[int]
Share = Callable[[Counts], tuple[int, int]]
"""The rows of a group that count, and those of which they are a share."""

Z_OF_TWO = 2.241402727604945
"""Two-sided 97.5 % point of the normal law: two such intervals hold together at 95 %."""


def true_positive_rate(counts: Counts) -> tuple[int, int]:
    return counts[TRUE_POSITIVES], counts[TRUE_POSITIVES] + counts[FALSE_NEGATIVES]


def false_positive_rate(counts: Counts) -> tuple[int, int]:
    return counts[FALSE_POSITIVES], counts[FALSE_POSITIVES] + counts[TRUE_NEGATIVES]


def predictive_value(counts: Counts) -> tuple[int, int]:
    return counts[TRUE_POSITIVES], counts[TRUE_POSITIVES] + counts[FALSE_POSITIVES]


def accuracy(counts: Counts) -> tuple[int, int]:
    return counts[TRUE_POSITIVES] + counts[TRUE_NEGATIVES], labelled_rows(counts)


def labelled_rows(counts: Counts) -> int:
    return sum(counts[TRUE_POSITIVES : FALSE_NEGATIVES + 1])


def unlabelled(group: Counts, base: Counts) -> Value | int:
    """How many rows of both groups have no label yet, or why there is nothing to compare."""
    labelled = labelled_rows(group) + labelled_rows(base)
    missing = group[ROWS] + base[ROWS] - labelled
    if not labelled:
        return nothing(Status.NO_DATA, "no label of either group has come yet", n_missing=missing)
    return missing


def difference(group: Counts, base: Counts, share: Share, what: str) -> Value:
    """The share in the group less that in the base group, with Newcombe's interval; `what` names the share in the reason."""
    missing = unlabelled(group, base)
    if isinstance(missing, Value):
        return missing
    (x, n), (x_base, n_base) = share(group), share(base)
    reason = f"{x} of {n} {what}, {x_base} of {n_base}"
    if not n or not n_base:
        reason += ": a rate of no rows is undefined"
        labelled = labelled_rows(group) + labelled_rows(base)
        return nothing(Status.UNDEFINED, reason, n_window=labelled, n_missing=missing)
    low, high = newcombe(x, n, x_base, n_base)
    return Value(x / n - x_base / n_base, low, high, n_window=n + n_base, n_missing=missing, reason=reason)


@dataclass(frozen=True, slots=True)
class Gap:
    """A difference of shares with its interval."""

    value: float
    low: float
    high: float


def odds_gaps(group: Counts, base: Counts, z: float = Z) -> tuple[Gap, Gap, int] | Value:
    """The differences of true and of false positive rates, each with its interval at z, and the rows without a label."""
    missing = unlabelled(group, base)
    if isinstance(missing, Value):
        return missing
    gaps = []
    for share, what in ((true_positive_rate, "positive"), (false_positive_rate, "negative")):
        (x, n), (x_base, n_base) = share(group), share(base)
        if not n or not n_base:
            reason = f"{n} labels are {what}, {n_base} in the base group: a rate of no rows is undefined"
            labelled = labelled_rows(group) + labelled_rows(base)
            return nothing(Status.UNDEFINED, reason, n_window=labelled, n_missing=missing)
        gaps.append(Gap(x / n - x_base / n_base, *newcombe(x, n, x_base, n_base, z)))
    return gaps[0], gaps[1], missing


def told(true_positives: Gap, false_positives: Gap) -> str:
    return f"true positive rate {true_positives.value:+.3f}, false positive rate {false_positives.value:+.3f}"
