"""The share of right answers, estimated without labels."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.estimation.cbpe import Expected, estimate
from monitor.metrics.estimation.forms import ScoreEstimate


def estimated_accuracy(expected: Expected) -> Value:
    """The share of right answers that the labels of a window will most likely give, told before they come.

    **What it tells.** How often the model is right, as far as its own scores can tell. For several classes the score is how sure the model is of the class it says.

    **Formula.** (TP + TN) / n at the expected counts: TP = Σ c over rows taken for positive, TN = Σ (1 - c) over the others. E is over labels drawn with probability c(s), c being the baseline's calibration curve
    (the score itself, Platt, beta or isotonic, whichever predicts held-out rows best), on 1,000 cells of the score. Several classes with declared `probabilities` and no score: the expected share of right rows, q of the class that was said.

    **Range.** 0 to 1.

    **How to read.** Beside the realised value (`accuracy`) and the baseline's own. The interval bounds what the labels of these very rows will
    say: chance of the labels, uncertainty of the curve, and the width of a score cell.

    **When it misleads.** Concept drift: if the same rows now have other labels, no estimate from scores can know. It then
    differs from the realised value, which `estimate_error` shows once labels come. Beyond the baseline's support
    (`outside_support_ratio`) it gives no verdict.

    **Reference.** Confidence-based performance estimation: NannyML; Białek et al. 2024 (arXiv 2401.08348).

    >>> import numpy as np
    >>> rows, curve = np.zeros((1000, 2)), (np.arange(1000) + 0.5) / 1000
    >>> rows[900, 1], rows[200, 0] = 600, 400
    >>> found = estimated_accuracy(Expected(rows, curve, np.zeros((1000, 0)), np.zeros((2, 10))))
    >>> round(found.value, 3)
    0.86
    """
    return estimate("accuracy", expected)


ESTIMATED_ACCURACY = ScoreEstimate(
    name="estimated_accuracy",
    prometheus="outrider_estimated_accuracy_ratio",
    help="Accuracy estimated without labels from calibrated scores.",
    of=estimated_accuracy,
    by_classes="accuracy",
    multiclass=True,
    groups=True,
)
