"""Lift of the highest scores."""

from __future__ import annotations

from monitor.findings import Status, Value
from monitor.metrics.accuracy.gains import gain_at
from monitor.metrics.metric import PerformanceMetric, nothing
from monitor.tiles.outcome import BinaryOutcome

SHARE = 0.1


def lift_at_10_percent(outcome: BinaryOutcome) -> Value:
    """How many times as many positives the tenth of rows with the highest scores has as a tenth taken at random.

    **What it tells.** What a campaign or a review that reaches a tenth of the rows gains from the model.

    **Formula.** (share of all positives that are among the tenth with the highest scores) / 0.1. Where a cell of the score
    lies across the border, its rows count in proportion.

    **Range.** 0 to 10; 1 is chance.

    **How to read.** The reason tells the gain: the share of positives that the tenth holds. The interval is Wilson's of
    that gain, of the positives; what the cell at the border leaves open is added.

    **When it misleads.** With more than a tenth of positives 10 cannot be reached: the most is 1 / (their share). Tied
    scores are shared out, where a real campaign would draw.

    **Reference.** Ling and Li 1998; Wilson 1927.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> positives, negatives = np.zeros(1000, np.int64), np.zeros(1000, np.int64)
    >>> positives[[300, 900]], negatives[[100, 900]] = [20, 30], [130, 20]
    >>> found = lift_at_10_percent(replace(BinaryOutcome.empty(), positives=positives, negatives=negatives, scored=200))
    >>> round(found.value, 2), found.reason
    (2.4, '24 % of 50 positives among the highest tenth')
    """
    n, positives = int((outcome.positives + outcome.negatives).sum()), int(outcome.positives.sum())
    if not n:
        return nothing(Status.NO_DATA, "no labelled row has a score on [0, 1]")
    found = gain_at(outcome, SHARE)
    if found is None:
        return nothing(Status.UNDEFINED, f"{positives} positives in {n} rows: no lift to speak of", n_window=n)
    reason = f"{100 * found.gain:.0f} % of {positives:,} positives among the highest tenth"
    return Value(found.lift, found.low / SHARE, found.high / SHARE, n_window=n, reason=reason)


LIFT_AT_10_PERCENT = PerformanceMetric(
    name="lift_at_10_percent",
    prometheus="outrider_lift_at_10_percent",
    help="Positives in the highest tenth of scores, as a multiple of chance.",
    binary=lift_at_10_percent,
)
