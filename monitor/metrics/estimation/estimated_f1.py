"""The F1 score, estimated without labels."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.estimation.cbpe import Expected, estimate
from monitor.metrics.estimation.forms import ScoreEstimate


def estimated_f1(expected: Expected) -> Value:
    """The F1 score that the labels of a window will most likely give, told before they come.

    **What it tells.** How well positives are found, as far as the scores can tell.

    **Formula.** 2 TP / (positive predictions + Σ c), TP = Σ c over positive predictions. E is over labels drawn with probability c(s), c being the baseline's calibration curve
    (the score itself, Platt, beta or isotonic, whichever predicts held-out rows best), on 1,000 cells of the score. For several classes with declared `probabilities`: the plain mean over the classes that occur, each against all others, from q: the probabilities of a row's label, which add up to 1 (themselves, with one temperature and a bias each, or with a curve for each class, whichever predicts held-out rows best).

    **Range.** 0 to 1; undefined with fewer than two expected positives.

    **How to read.** Beside the realised value (`f1`) and the baseline's own. The interval bounds what the labels of these very rows will
    say: chance of the labels, uncertainty of the curve, and the width of a score cell.

    **When it misleads.** Concept drift: if the same rows now have other labels, no estimate from scores can know. It then
    differs from the realised value, which `estimate_error` shows once labels come. Beyond the baseline's support
    (`outside_support_ratio`) it gives no verdict.

    **Reference.** Confidence-based performance estimation: NannyML; Białek et al. 2024 (arXiv 2401.08348).

    >>> import numpy as np
    >>> rows, curve = np.zeros((1000, 2)), (np.arange(1000) + 0.5) / 1000
    >>> rows[900, 1], rows[200, 0] = 600, 400
    >>> found = estimated_f1(Expected(rows, curve, np.zeros((1000, 0)), np.zeros((2, 10))))
    >>> round(found.value, 3)
    0.885
    """
    return estimate("f1", expected)


ESTIMATED_F1 = ScoreEstimate(
    name="estimated_f1",
    prometheus="outrider_estimated_f1_ratio",
    help="F1 estimated without labels from calibrated scores.",
    of=estimated_f1,
    by_classes="f1",
)
