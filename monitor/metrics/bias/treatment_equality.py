"""Treatment equality."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monitor.findings import Status, Value
from monitor.metrics.bias.rates import unlabelled
from monitor.metrics.intervals import wilson
from monitor.metrics.metric import GroupMetric, nothing
from monitor.tiles.group import FALSE_NEGATIVES, FALSE_POSITIVES


def treatment_equality(group: Sequence[int], base: Sequence[int]) -> Value:
    """False negatives for each false positive in a group, less those in the base group.

    **What it tells.** Whether the model errs in the same direction in both groups, however often it errs.

    **Formula.** FN / FP of the group - FN / FP of the base group, over labelled rows.

    **Range.** Any number; 0 is equality, above 0 the group's errors are denials more often.

    **How to read.** Both counts are given as the reason. The interval puts those of the two ratios together; each is
    that of FN / (FN + FP), Wilson's, as odds. SageMaker Clarify's TE has the same sign, the base group being its
    advantaged facet.

    **When it misleads.** Ratios of few errors are wild: the interval says how much. Groups with equal error rates have
    unequal ratios where their shares of positives differ. A group without false positives makes it undefined, never
    infinite.

    **Reference.** Berk et al. 2021; Zou and Donner 2008.

    >>> found = treatment_equality([100, 0, 30, 20, 30, 20], [100, 0, 45, 10, 40, 5])
    >>> round(found.value, 2), round(found.low, 2), round(found.high, 2)
    (0.5, -0.51, 1.4)
    """
    missing = unlabelled(group, base)
    if isinstance(missing, Value):
        return missing
    denied, granted = group[FALSE_NEGATIVES], group[FALSE_POSITIVES]
    denied_base, granted_base = base[FALSE_NEGATIVES], base[FALSE_POSITIVES]
    errors = denied + granted + denied_base + granted_base
    reason = f"{denied} false negatives to {granted} false positives, {denied_base} to {granted_base}"
    if not granted or not granted_base:
        reason += ": a ratio to nothing is undefined"
        return nothing(Status.UNDEFINED, reason, n_window=errors, n_missing=missing)
    ratio, ratio_base = denied / granted, denied_base / granted_base
    (low, high), (low_base, high_base) = _odds(denied, granted), _odds(denied_base, granted_base)
    value = ratio - ratio_base
    return Value(
        value,
        value - math.hypot(ratio - low, high_base - ratio_base),
        value + math.hypot(high - ratio, ratio_base - low_base),
        n_window=errors,
        n_missing=missing,
        reason=reason,
    )


def _odds(denied: int, granted: int) -> tuple[float, float]:
    """Interval of denied / granted, of which there is at least one."""
    low, high = (share / (1.0 - share) for share in wilson(denied, denied + granted))
    # Rounding must not move an end past the ratio itself.
    return min(low, denied / granted), max(high, denied / granted)


TREATMENT_EQUALITY = GroupMetric(
    name="treatment_equality",
    prometheus="outrider_fairness_treatment_equality",
    help="False negatives for each false positive, group less base group (0: equality).",
    of=treatment_equality,
    needs_labels=True,
)
