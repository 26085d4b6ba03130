"""What the model's answers cost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from monitor.definitions import CostMatrix
from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.accuracy.rates import NO_CLASS
from monitor.metrics.intervals import Z, wilson
from monitor.metrics.metric import Comparison, nothing
from monitor.tiles.joined import classes_of
from monitor.tiles.outcome import BinaryOutcome
from monitor.tiles.task import task_of


def business_cost(outcome: BinaryOutcome, costs: CostMatrix) -> Value:
    """Mean cost of a labelled prediction by the declared `cost_matrix`; below 0 it is a gain.

    **What it tells.** What the model's mistakes and hits are worth to those who use it, in their own unit.

    **Formula.** sum over the four outcomes of (share of labelled rows) x (its cost).

    **Range.** From the least to the greatest declared cost.

    **How to read.** Against the baseline's own, or against the cost of answering no to everything (the share of positives
    times the cost of a false negative). The interval is that of a mean of four values; its ends are no nearer than what a
    single row more of the dearest outcome would make them.

    **When it misleads.** Costs differ from row to row (a large loan, a small one); the matrix knows one for all. A threshold
    that was right for one share of positives is wrong for another.

    **Reference.** Elkan 2001.

    >>> from dataclasses import replace
    >>> tile = replace(BinaryOutcome.empty(), true_positives=20, false_positives=30, true_negatives=940, false_negatives=10)
    >>> found = business_cost(tile, CostMatrix(true_positive=-50.0, false_positive=5.0, false_negative=100.0))
    >>> round(found.value, 2), found.reason
    (0.15, '150 over 1,000 labelled rows')
    """
    counts = (outcome.true_positives, outcome.false_positives, outcome.true_negatives, outcome.false_negatives)
    n = sum(counts)
    if not n:
        return nothing(Status.NO_DATA, NO_CLASS)
    each = (costs.true_positive, costs.false_positive, costs.true_negative, costs.false_negative)
    total = sum(count * cost for count, cost in zip(counts, each, strict=True))
    mean = total / n
    variance = sum(count * (cost - mean) ** 2 for count, cost in zip(counts, each, strict=True)) / n
    half = Z * math.sqrt(variance / n)
    # Where an outcome did not occur, none of n says no more than that it has at most Wilson's upper share.
    unseen = wilson(0, n)[1]
    half = max(half, unseen * min(max(each) - mean, mean - min(each)))
    low, high = max(min(each), mean - half), min(max(each), mean + half)
    unit = f" {costs.currency}" if costs.currency else ""
    return Value(
        mean, min(low, mean), max(high, mean), n_window=n, reason=f"{total:,.6g}{unit} over {n:,} labelled rows"
    )


@dataclass(frozen=True, slots=True)
class BusinessCost:
    """Measured of a binary model that declares what its answers cost."""

    name: str = "business_cost"
    prometheus: str = "outrider_business_cost"
    help: str = "Mean cost of a labelled prediction by the declared cost matrix."
    kind: AlertKind = AlertKind.PERFORMANCE
    needs_labels: bool = True

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        model, grids, window = comparison.model, comparison.baseline.grids, comparison.window
        if model.cost_matrix is None or model.label is None or task_of(model, classes_of(grids, model)) != "binary":
            return
        before, now = comparison.baseline.tiles.outcome, window.outcome
        if not isinstance(now, BinaryOutcome) or now.unlabelled == window.rows:
            value = nothing(Status.NO_DATA, "no label has come yet" if window.rows else "the window has no rows")
        else:
            value = business_cost(now, model.cost_matrix)
        known = 0 if before is None else before.labelled
        value = replace(value, n_baseline=known, n_missing=window.rows - value.n_window)
        yield Measurement(self.name, self.kind, None, None, value)


BUSINESS_COST = BusinessCost()
