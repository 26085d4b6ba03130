"""Equal opportunity difference, estimated without labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.estimation.cbpe import DRAWS_MIN, FEW, Expected, recall, spread
from monitor.metrics.estimation.forms import against, group_curve, scored, without_group
from monitor.metrics.intervals import Z
from monitor.metrics.metric import Comparison, base_group, nothing
from monitor.tiles.scores import group_key


def estimated_equal_opportunity_difference(group: Expected, base: Expected) -> Value:
    """True positive rate of a group less that of the base group, that the labels will most likely give.

    **What it tells.** Whether those who deserve a positive answer get it alike in both groups, months before anybody knows
    who deserved it.

    **Formula.** Σ c over positive predictions / Σ c, of the group less that of the base group. Each group has a curve of
    its own: the whole's, moved on the logit by what the group's own baseline labels say.

    **Range.** -1 to 1; below 0 the group's positives are found less often.

    **How to read.** As `equal_opportunity_difference`, which takes its place when labels come. The interval has the
    chance of the labels and the uncertainty of both curves.

    **When it misleads.** A group whose meaning of a score has changed since the baseline. With under 100 baseline
    labels, or under 10 of either class, a group has no curve and the value no verdict.

    **Reference.** Chen, Kallus, Mao, Svacha and Udell 2019 (bounds of fairness under unobserved outcomes); Białek et al. 2024.

    >>> import numpy as np
    >>> rows, curve = np.zeros((1000, 2)), (np.arange(1000) + 0.5) / 1000
    >>> rows[800, 1], rows[300, 0] = 500, 500
    >>> base = Expected(rows, curve, np.zeros((1000, 0)), np.zeros((2, 10)))
    >>> group = Expected(rows[:, ::-1].copy(), curve, np.zeros((1000, 0)), np.zeros((2, 10)))
    >>> round(estimated_equal_opportunity_difference(group, base).value, 3)
    -0.454
    """
    n = int(group.n + base.n)
    parts = []
    for one, which in ((group, "the group"), (base, "the base group")):
        found = spread(recall, one)
        if isinstance(found, str):
            return nothing(Status.UNDEFINED, f"{which}: {found}", n_window=n)
        parts.append(found)
    here, there = parts
    half = Z * math.sqrt(here.variance + there.variance) + here.bound + there.bound
    value = here.value - there.value
    few = min(here.draws, there.draws) < DRAWS_MIN
    return Value(
        value,
        max(-1.0, value - half),
        min(1.0, value + half),
        n_window=n,
        status=Status.INSUFFICIENT_DATA if few else Status.OK,
        reason=FEW if few else f"true positive rate {here.value:.3f} against {there.value:.3f}",
    )


@dataclass(frozen=True, slots=True)
class GroupEstimate:
    """Compares every group of a column with its base group; the slice is `column=group`."""

    name: str
    prometheus: str
    help: str
    of: Callable[[Expected, Expected], Value]
    kind: AlertKind = AlertKind.FAIRNESS
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        curve, model, grids = scored(comparison), comparison.model, comparison.baseline.grids
        if curve is None:
            return
        for column in model.groups:
            tile = comparison.window.scores.get(group_key(column))
            groups = grids.groups.get(column, ())
            base = base_group(model, column, groups)
            if base not in groups:
                continue
            at = groups.index(base)
            if tile is None:
                missing = nothing(Status.NO_DATA, without_group(comparison, column), n_baseline=curve.labelled)
                yield from (
                    Measurement(self.name, self.kind, None, f"{column}={g}", missing) for g in groups if g != base
                )
                continue
            of_base = group_curve(comparison, column, at)
            for i, group in enumerate(groups):
                if i == at:
                    continue
                own = group_curve(comparison, column, i)
                value = self.of(Expected.of(tile.rows[i], own or curve), Expected.of(tile.rows[at], of_base or curve))
                labelled = (own.labelled if own else 0) + (of_base.labelled if of_base else 0)
                value = against(value, comparison, labelled)
                if (own is None or of_base is None) and value.value is not None:
                    reason = "the baseline has too few labels of a group for a curve of its own"
                    value = replace(value, status=Status.INSUFFICIENT_DATA, reason=reason)
                yield Measurement(self.name, self.kind, None, f"{column}={group}", value)


ESTIMATED_EQUAL_OPPORTUNITY_DIFFERENCE = GroupEstimate(
    name="estimated_equal_opportunity_difference",
    prometheus="outrider_fairness_estimated_equal_opportunity_difference",
    help="True positive rate, group less base group, estimated without labels (-1 to 1).",
    of=estimated_equal_opportunity_difference,
)
