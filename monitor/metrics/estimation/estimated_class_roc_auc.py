"""How well the probability of one class ranks its rows above all others, estimated without labels."""

from __future__ import annotations

from monitor.findings import Value
from monitor.metrics.estimation.class_rates import one
from monitor.metrics.estimation.forms import ClassEstimate
from monitor.tiles.class_scores import ClassSums
from monitor.tiles.estimator import ClassCurves


def estimated_class_roc_auc(at: int, sums: ClassSums, curves: ClassCurves) -> Value:
    """How well the probability of one class ranks its rows above all others, as the labels of a window will most likely say, told before they come.

    **What it tells.** Which class is ranked worst, whatever the threshold, told before labels come.

    **Formula.** Σ over cells of expected rows of the class × (expected others below + half of those within) / (P · N), on 128 cells even on the logit. q are the probabilities of a row's label, which add up to 1: the declared ones themselves, with one
    temperature and a bias for each class, or with a curve for each class, whichever predicts held-out rows of the baseline best.

    **Range.** 0 to 1; undefined with fewer than two expected rows of the class or of others.

    **How to read.** `feature` names the class. It needs `prediction: {class: …, probabilities: {a: p_a, b: p_b, …}}` of up to 20 classes
    and a baseline with labels. The interval bounds what the labels of these very rows will say: chance of the labels, and
    the spread of the curves when each tenth of the baseline is left out. `estimated_roc_auc` is the mean over the classes.

    **When it misleads.** As every estimate from scores: if the same rows now have other labels, it cannot know; `estimate_error`
    shows it once labels come. Beyond the baseline's support (`outside_support_ratio`) it gives no verdict.

    **Reference.** Confidence-based performance estimation, one against the rest: NannyML.

    >>> import numpy as np
    >>> from monitor.metrics.estimation.class_curves import fit, tile_of
    >>> from monitor.definitions import Label, MonitoredModel, Prediction
    >>> from monitor.tiles.rows import Column, Rows
    >>> p = np.tile([[0.8, 0.1, 0.1], [0.1, 0.7, 0.2], [0.2, 0.2, 0.6]], (200, 1))
    >>> label = np.array(["a", "b", "c"], object)[(np.arange(600) + (np.arange(600) % 10 < 2)) % 3]
    >>> at, one = np.arange(600), np.ones(600, np.int32)
    >>> columns = {name: Column(p[:, i]) for i, name in enumerate("abc")}
    >>> rows = Rows(at, at.astype(object), one - 1, one, columns, Column(label))
    >>> model = MonitoredModel("m", prediction=Prediction(probabilities={"a": "a", "b": "b", "c": "c"}), label=Label("y"))
    >>> curves = fit(rows, model)
    >>> round(estimated_class_roc_auc(0, tile_of(rows, curves, model).every, curves).value, 2)
    0.9
    """
    return one("roc_auc", at, sums, curves)


ESTIMATED_CLASS_ROC_AUC = ClassEstimate(
    name="estimated_class_roc_auc",
    prometheus="outrider_estimated_class_roc_auc",
    help="How well the probability of one class ranks its rows above all others, estimated without labels from calibrated probabilities.",
    of=estimated_class_roc_auc,
)
