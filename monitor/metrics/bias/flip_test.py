"""The flip test."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.intervals import Z
from monitor.metrics.metric import Comparison, base_group, nothing
from monitor.tiles.flips import NEIGHBOURS


def flip_test(rows: int, refused: int, accepted: int) -> Value:
    """How much more often a group's rows are refused where the base group's nearest rows are accepted than the other way.

    **What it tells.** Whether people of a group would have had another answer as their like in the base group, which group rates, equal
    or not, do not say.

    **Formula.** (F+ - F-) / n. Of n rows of the group, F+ are refused while the majority of the 5 nearest rows of the base group in
    the same window is accepted, F- accepted while theirs is refused. Near is by all features but the group's own: numbers by their place among the
    baseline's cells, from 0 to 1, two categories apart by 1. At most 1,000 rows of either side, chosen by their ids.

    **Range.** -1 to 1; 0 is that flips cancel, above 0 the group fares worse than its like.

    **How to read.** Both kinds of flips are given as the reason: many that cancel are a model that is unfair to persons and fair to
    groups. The interval is that of paired shares, after Bonett and Price. With two groups it is SageMaker Clarify's FT as documented (its library has the opposite sign), which takes distances of the plain values, so that
    the feature with the largest numbers decides; ours does not depend on units.

    **When it misleads.** Where the groups hardly overlap, the nearest row is not near. The interval tells of the group's rows only,
    not of those that stand in for their counterparts. Features that stand for the group (a postcode) make its like be few.

    **Reference.** Black, Yeom and Fredrikson 2020; Bonett and Price 2012; SageMaker Clarify, post-training bias metrics (FT).

    >>> found = flip_test(200, 30, 10)
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.1, 0.038, 0.16)
    """
    if not rows:
        return nothing(Status.INSUFFICIENT_DATA, f"no row could be held against {NEIGHBOURS} of the base group")
    value = (refused - accepted) / rows
    more, less = (refused + 1) / (rows + 2), (accepted + 1) / (rows + 2)
    half = Z * math.sqrt(max(0.0, more + less - (more - less) ** 2) / (rows + 2))
    low, high = max(-1.0, more - less - half), min(1.0, more - less + half)
    reason = f"of {rows} rows {refused} are refused and {accepted} accepted otherwise than their nearest"
    return Value(value, min(low, value), max(high, value), n_window=rows, reason=reason)


@dataclass(frozen=True, slots=True)
class FlipMetric:
    """Holds every group against its base group. The slice is `column=group`."""

    name: str
    prometheus: str
    help: str
    kind: AlertKind = AlertKind.FAIRNESS
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        model = comparison.model
        for column, groups in comparison.baseline.grids.groups.items():
            base = base_group(model, column, groups)
            for group in groups:
                if group != base:
                    yield Measurement(
                        self.name, self.kind, None, f"{column}={group}", _value(comparison, column, group)
                    )


def _value(comparison: Comparison, column: str, group: str) -> Value:
    now = comparison.window.flips.get(column)
    if now is None or not comparison.window.rows:
        return nothing(
            Status.NO_DATA, f"the window's rows have no column {column!r} or no answer that is positive or not"
        )
    rows, refused, accepted = now.counts[now.groups.index(group)].tolist()
    before = comparison.baseline.tiles.flips.get(column)
    known = 0 if before is None else int(before.counts[before.groups.index(group), 0])
    found = flip_test(rows, refused, accepted)
    reason = f"{column}={group}, {now.base} rows of the base group: {found.reason}"
    return replace(found, n_baseline=known, reason=reason)


FLIP_TEST = FlipMetric(
    name="flip_test",
    prometheus="outrider_fairness_flip_test",
    help="Rows refused where their like of the base group are accepted less the other way, of all (-1 to 1).",
)
