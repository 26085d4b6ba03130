"""Conditional demographic disparity: a group's share of the refused less its share of the accepted, stratum by stratum."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.intervals import newcombe
from monitor.metrics.metric import Comparison, base_group, nothing
from monitor.tiles.group import ROWS
from monitor.tiles.strata import StrataTile

Answers = Callable[[npt.NDArray[np.int64]], tuple[int, int]]
"""From the six counts of a group in a stratum: how many were refused, how many accepted."""


def disparity(group: Sequence[Sequence[int]], base: Sequence[Sequence[int]], answers: Answers) -> Value:
    """Of a group and its base group, by the counts of each stratum. Strata in which both have the same answer for all
    say nothing and are left out; how many rows they have is said."""
    counted = left_out = missing = 0
    total = down = up = 0.0
    strata = 0
    for own, other in zip(np.asarray(group, np.int64), np.asarray(base, np.int64), strict=True):
        (refused, accepted), (base_refused, base_accepted) = answers(own), answers(other)
        all_refused, all_accepted = refused + base_refused, accepted + base_accepted
        rows = all_refused + all_accepted
        missing += int(own[ROWS] + other[ROWS]) - rows
        if not all_refused or not all_accepted:
            left_out += rows
            continue
        value = refused / all_refused - accepted / all_accepted
        low, high = newcombe(refused, all_refused, accepted, all_accepted)
        strata, counted = strata + 1, counted + rows
        total += rows * value
        down, up = math.hypot(down, rows * (value - low)), math.hypot(up, rows * (high - value))
    if not counted:
        reason = f"in none of the strata is one refused and one accepted ({left_out} rows)"
        status = Status.UNDEFINED if left_out else Status.NO_DATA
        return nothing(status, reason if left_out else "no row of either group has an answer", n_missing=missing)
    reason = f"{strata} strata, {counted} rows"
    reason += f"; {left_out} more in strata where all have one answer" if left_out else ""
    value = total / counted
    low, high = max(-1.0, value - down / counted), min(1.0, value + up / counted)
    return Value(value, low, high, n_window=counted, n_missing=missing + left_out, reason=reason)


@dataclass(frozen=True, slots=True)
class StrataMetric:
    """Compares every group with its base group within the declared strata. The slice is `column=group`."""

    name: str
    prometheus: str
    help: str
    of: Callable[[Sequence[Sequence[int]], Sequence[Sequence[int]]], Value]
    kind: AlertKind = AlertKind.FAIRNESS
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        model, grids = comparison.model, comparison.baseline.grids
        for column, groups in grids.groups.items():
            base = base_group(model, column, groups)
            for group in groups:
                if group != base:
                    value = self._value(comparison, column, group, base)
                    yield Measurement(self.name, self.kind, None, f"{column}={group}", value)

    def _value(self, comparison: Comparison, column: str, group: str, base: str) -> Value:
        strata = comparison.model.strata
        if strata is None:
            return nothing(Status.NO_DATA, "the declaration names no `strata`")
        if strata not in comparison.baseline.grids.strata:
            return nothing(Status.NO_DATA, f"the baseline was set without the strata of {strata!r}: set it anew")
        before, now = comparison.baseline.tiles.strata.get(column), comparison.window.strata.get(column)
        if now is None:
            return nothing(
                Status.NO_DATA, f"the window's rows have no column {column!r} or {strata!r}, or no prediction"
            )
        if base not in now.groups:
            return nothing(Status.UNDEFINED, f"the base group {column}={base} is not in the baseline")
        found = self.of(_counts(now, group), _counts(now, base))
        known = 0 if before is None else sum(row[ROWS] for g in (group, base) for row in _counts(before, g))
        reason = f"{column}={group} against {column}={base} by {strata}: {found.reason}"
        return replace(found, n_baseline=known, reason=reason)


def _counts(tile: StrataTile, group: str) -> list[list[int]]:
    counts: list[list[int]] = tile.counts[tile.groups.index(group)].tolist()
    return counts
