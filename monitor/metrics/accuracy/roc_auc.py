"""The area under the ROC curve."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from monitor.findings import Measurement, Status, Value
from monitor.metrics.accuracy.forecasts import ClassForecastMetric
from monitor.metrics.intervals import Z
from monitor.metrics.metric import Comparison, PerformanceMetric, nothing
from monitor.tiles.forecast import ClassForecastTile
from monitor.tiles.joined import classes_of
from monitor.tiles.outcome import BinaryOutcome
from monitor.tiles.task import task_of


def roc_auc(outcome: BinaryOutcome) -> Value:
    """Probability that a random positive row has a higher score than a random negative one, ties counted half.

    **What it tells.** How well the score ranks, whatever the threshold.

    **Formula.** Σ over score cells of positives × (negatives below + negatives within / 2) / (P · N), on 1,000 equal
    cells of [0, 1]. Two rows of one cell count as tied: the exact value is within half the share of such pairs, by
    which the interval is widened. For several classes with declared `probabilities` the plain mean of the areas of each
    class against all others, on 128 cells even on the logit.

    **Range.** 0 to 1; 0.5 is a coin.

    **How to read.** Against the baseline's own. It does not move with the share of positives. The interval is
    DeLong's, on the logit scale; where all is ranked right or wrong it is Hanley and McNeil's.

    **When it misleads.** It says nothing of calibration (`log_loss` does), and little of the few highest scores that
    an action may depend on. With one class only it is undefined. Scores crowded into a few thousandths (very rare
    positives) tie: the interval says how much that matters.

    **Reference.** `sklearn.metrics.roc_auc_score`; Hanley and McNeil 1982; DeLong et al. 1988.

    >>> import numpy as np
    >>> from dataclasses import replace
    >>> tile = BinaryOutcome.empty()
    >>> positives, negatives = tile.positives.copy(), tile.negatives.copy()
    >>> positives[[300, 800, 900]], negatives[[100, 400]] = 1, 1
    >>> round(roc_auc(replace(tile, positives=positives, negatives=negatives, scored=5)).value, 4)
    0.8333
    """
    positives, negatives = outcome.positives, outcome.negatives
    p, n = int(positives.sum()), int(negatives.sum())
    if not p + n:
        return nothing(Status.NO_DATA, "no labelled row has a score on [0, 1]")
    if not p or not n:
        which = "positive" if p else "negative"
        return nothing(Status.UNDEFINED, f"all {p + n} labels are {which}", n_window=p + n)
    beaten = (np.cumsum(negatives) - negatives / 2.0) / n
    beating = (p - np.cumsum(positives) + positives / 2.0) / p
    value = float(positives @ beaten) / p
    tied = float(positives @ (negatives / n)) / p / 2.0
    variance = _spread(positives, beaten, value, p) / p + _spread(negatives, beating, value, n) / n
    nearest = 0.5 / (min(p, n) + 1.0)
    inner = min(max(value, nearest), 1.0 - nearest)
    if variance <= 0.0 or inner != value:
        variance = max(variance, _hanley_mcneil(inner, p, n))
    slope = inner * (1.0 - inner)
    half = Z * math.sqrt(variance) / slope
    logit = math.log(inner / (1.0 - inner))
    low, high = (1.0 / (1.0 + math.exp(-max(-700.0, min(700.0, end)))) for end in (logit - half, logit + half))
    return Value(value, max(0.0, min(low, value) - tied), min(1.0, max(high, value) + tied), n_window=p + n)


def _spread(
    counts: np.ndarray[tuple[int], np.dtype[np.int64]],
    places: np.ndarray[tuple[int], np.dtype[np.float64]],
    mean: float,
    n: int,
) -> float:
    """Variance of the placements of one class among the other's."""
    return float(counts @ np.square(places - mean)) / (n - 1) if n > 1 else 0.0


def _hanley_mcneil(area: float, p: int, n: int) -> float:
    q1, q2 = area / (2.0 - area), 2.0 * area * area / (1.0 + area)
    square = area * area
    return (area * (1.0 - area) + (p - 1) * (q1 - square) + (n - 1) * (q2 - square)) / (p * n)


def roc_auc_macro(tile: ClassForecastTile) -> Value:
    """The mean of the areas of each class against all others, over those that both have rows; the page of `roc_auc` tells how.

    How the classes' areas hang together is not known: their intervals are averaged, as if they moved together.
    """
    areas = [roc_auc(replace(BinaryOutcome.empty(), positives=own[:, 1], negatives=own[:, 0])) for own in tile.ranking]
    held = [(a.value, a.low, a.high) for a in areas if a.value is not None and a.low is not None and a.high is not None]
    if not held:
        return nothing(Status.UNDEFINED, "all labels are of one class", n_window=tile.labelled)
    value, low, high = np.mean(held, axis=0).tolist()
    return Value(value, low, high, n_window=tile.labelled)


@dataclass(frozen=True, slots=True)
class AreaMetric(PerformanceMetric):
    """Of the score, and of the declared probabilities of several classes."""

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        model = comparison.model
        if task_of(model, classes_of(comparison.baseline.grids, model)) == "multiclass":
            several = ClassForecastMetric(self.name, self.prometheus, self.help, roc_auc_macro)
            yield from several.measure(comparison)
        else:
            yield from PerformanceMetric.measure(self, comparison)


ROC_AUC = AreaMetric(
    name="roc_auc",
    prometheus="outrider_roc_auc",
    help="Area under the ROC curve of the score (0.5: no better than chance; several classes: mean of each against the rest).",
    binary=roc_auc,
)
