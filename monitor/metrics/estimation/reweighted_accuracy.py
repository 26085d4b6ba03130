"""The share of right answers, estimated without labels for rows that lie elsewhere than the baseline's."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.estimation.cbpe import Expected, estimate
from monitor.metrics.estimation.forms import ScoreEstimate


def reweighted_accuracy(expected: Expected) -> Value:
    """The share of right answers for rows that lie elsewhere than the baseline's that the labels of a window will most likely give, told before they come.

    **What it tells.** How often the model is right, as far as its own scores can tell. For several classes the score is how sure the model is of the class it says.

    **Formula.** (TP + TN) / n at the expected counts: TP = Σ c over rows taken for positive, TN = Σ (1 - c) over the others. As `estimated_*`, with the curve learned anew from the baseline's rows weighted
    by w = q(region) / p(region), the ratio of the window's and the baseline's shares of regions in which the same score
    means different things (leaves of a tree on what the curve leaves unexplained). For several classes with declared `probabilities`:
    as `estimated_accuracy`, each row with the weights that the labels of its region teach (one power and a factor for each class, pulled to
    those of all rows): where every region has its own, weighting regions changes none of them.

    **Range.** 0 to 1.

    **How to read.** Beside the realised value (`accuracy`) and the baseline's own. The interval bounds what the labels of these very rows will
    say: chance of the labels, uncertainty of the curve, and the width of a score cell.

    **When it misleads.** Concept drift: if the same rows now have other labels, no estimate from scores can know. It then
    differs from the realised value, which `estimate_error` shows once labels come. Beyond the baseline's support
    (`outside_support_ratio`) it gives no verdict.

    **Reference.** Białek, Kivimäki, Kuberski and Perrakis 2024, arXiv 2401.08348 (PAPE).

    >>> import numpy as np
    >>> rows, curve = np.zeros((1000, 2)), (np.arange(1000) + 0.5) / 1000
    >>> rows[900, 1], rows[200, 0] = 600, 400
    >>> found = reweighted_accuracy(Expected(rows, curve, np.zeros((1000, 0)), np.zeros((2, 10))))
    >>> round(found.value, 3)
    0.86
    """
    return estimate("accuracy", expected)


REWEIGHTED_ACCURACY = ScoreEstimate(
    name="reweighted_accuracy",
    prometheus="outrider_reweighted_accuracy_ratio",
    help="Accuracy estimated without labels, calibrated where the window lies (PAPE).",
    of=reweighted_accuracy,
    by_classes="accuracy",
    multiclass=True,
    reweighted=True,
)
