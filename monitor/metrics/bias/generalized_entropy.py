"""Generalized entropy index."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monitor.findings import Status, Value
from monitor.metrics.bias.rates import unlabelled
from monitor.metrics.intervals import Z, wilson
from monitor.metrics.metric import GroupMetric, nothing
from monitor.tiles.group import FALSE_NEGATIVES, FALSE_POSITIVES, TRUE_NEGATIVES, TRUE_POSITIVES


def generalized_entropy(group: Sequence[int], base: Sequence[int]) -> Value:
    """Inequality of what the model's errors give and take, over the rows of a group and its base group together.

    **What it tells.** Whether errors fall on some and spare others: each row's benefit is 2 where it was favoured wrongly, 0 where it was refused
    wrongly, 1 where the answer was right.

    **Formula.** (mean(b^2) / mean(b)^2 - 1) / 2 with b = prediction - label + 1: the generalized entropy index with alpha = 2.

    **Range.** 0 (all alike) upward.

    **How to read.** It is SageMaker Clarify's GE and AIF360's `generalized_entropy_index`. The interval is that of the delta method on the four
    counts; where no answer was wrong, Wilson's of the share of those refused wrongly.

    **When it misleads.** It counts how unequal, not to whom: it is the same when the groups are exchanged. A model that favours everybody is perfectly
    equal.

    **Reference.** Speicher et al. 2018; SageMaker Clarify, post-training bias metrics (GE).

    >>> round(generalized_entropy([100, 50, 30, 20, 30, 20], [100, 50, 40, 10, 45, 5]).value, 4)
    0.1306
    """
    missing = unlabelled(group, base)
    if isinstance(missing, Value):
        return missing
    counts = [a + b for a, b in zip(group[TRUE_POSITIVES:], base[TRUE_POSITIVES:], strict=True)]
    n = sum(counts)
    shares = dict(zip((TRUE_POSITIVES, FALSE_POSITIVES, TRUE_NEGATIVES, FALSE_NEGATIVES), counts, strict=True))
    parts = [
        (1.0, (shares[TRUE_POSITIVES] + shares[TRUE_NEGATIVES]) / n),
        (2.0, shares[FALSE_POSITIVES] / n),
        (0.0, shares[FALSE_NEGATIVES] / n),
    ]
    mean, square = sum(b * p for b, p in parts), sum(b * b * p for b, p in parts)
    if not mean:
        return nothing(
            Status.UNDEFINED, "every row was refused wrongly: no benefit to share", n_window=n, n_missing=missing
        )
    value = (square / mean**2 - 1.0) / 2.0
    slopes = [(b * b / mean**2 - 2.0 * square * b / mean**3) / 2.0 for b, _ in parts]
    center = sum(p * slope for slope, (_, p) in zip(slopes, parts, strict=True))
    variance = sum(p * (slope - center) ** 2 for slope, (_, p) in zip(slopes, parts, strict=True)) / n
    half = Z * math.sqrt(variance)
    if not (shares[FALSE_POSITIVES] or shares[FALSE_NEGATIVES]):
        # Of no error the delta method knows no spread: the end is the index where as many are refused wrongly as Wilson's allows for.
        _, most = wilson(0, n)
        half = most / (2.0 * (1.0 - most))
    reason = f"{shares[FALSE_POSITIVES]} favoured and {shares[FALSE_NEGATIVES]} refused wrongly"
    return Value(
        max(0.0, value), max(0.0, value - half), max(0.0, value) + half, n_window=n, n_missing=missing, reason=reason
    )


GENERALIZED_ENTROPY = GroupMetric(
    name="generalized_entropy",
    prometheus="outrider_fairness_generalized_entropy",
    help="Generalized entropy index of the benefits of group and base group (0: equal).",
    of=generalized_entropy,
    needs_labels=True,
)
