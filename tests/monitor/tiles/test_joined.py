"""Predictions joined with labels and groups, against scikit-learn's counts and plain loops."""

import numpy as np
import pytest
from sklearn import metrics

from monitor.definitions import Label, MonitoredModel, Prediction
from monitor.tiles.freeze import freeze
from monitor.tiles.joined import score_cells
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome, RegressionOutcome
from monitor.tiles.profile import profile
from monitor.tiles.rows import Rows
from tests.monitor.tiles.samples import BINARY, rows

SCORED = MonitoredModel("m", prediction=Prediction(score="p"), label=Label("y", "yes"))
CLASSES = MonitoredModel("m", task="multiclass", prediction=Prediction(class_="said"), label=Label("y"))
VALUES = MonitoredModel("m", prediction=Prediction(value="v"), label=Label("y"))


def outcome(made: Rows, model: MonitoredModel) -> object:
    return profile(made, freeze(made, model), model).outcome


def test_confusion_and_losses_agree_with_scikit_learn() -> None:
    """Class by column, loss by score, late labels left out."""
    rng = np.random.default_rng(1)
    p = rng.random(800)
    y = (rng.random(800) < p).astype(int)
    late = rng.random(800) < 0.3
    said = (p > 0.6).astype(int)
    found = outcome(
        rows({"p": p, "yhat": said}, label=[None if unknown else int(v) for unknown, v in zip(late, y, strict=True)]),
        BINARY,
    )
    assert isinstance(found, BinaryOutcome)
    tn, fp, fn, tp = metrics.confusion_matrix(y[~late], said[~late]).ravel()
    assert (found.true_negatives, found.false_positives, found.false_negatives, found.true_positives) == (
        tn,
        fp,
        fn,
        tp,
    )
    assert found.scored == found.labelled == (~late).sum() and found.unlabelled == late.sum()
    assert found.log_loss_sum / found.scored == pytest.approx(metrics.log_loss(y[~late], p[~late]), rel=1e-12)
    assert found.brier_sum / found.scored == pytest.approx(metrics.brier_score_loss(y[~late], p[~late]), rel=1e-12)


def test_a_score_of_one_half_is_positive_where_no_class_is_given() -> None:
    """And the positive label is the declared one, whatever its type."""
    found = outcome(rows({"p": [0.5, 0.49, 0.9, 0.1]}, label=["yes", "yes", "no", "no"]), SCORED)
    assert isinstance(found, BinaryOutcome)
    assert (found.true_positives, found.false_negatives, found.false_positives, found.true_negatives) == (1, 1, 1, 1)


def test_rows_without_a_usable_prediction_are_counted() -> None:
    """NaN, null, and scores that are no probabilities."""
    found = outcome(rows({"p": [0.7, float("nan"), None, 1.5, -0.1, 0.2]}, label=["yes"] * 5 + [None]), SCORED)
    assert isinstance(found, BinaryOutcome)
    assert (found.scored, found.labelled, found.unusable, found.unlabelled) == (1, 1, 4, 1)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_a_certain_mistake_has_a_finite_loss(score: float) -> None:
    """Clipped as scikit-learn clips."""
    found = outcome(rows({"p": [score] * 2}, label=["no" if score else "yes"] * 2), SCORED)
    assert isinstance(found, BinaryOutcome)
    assert found.log_loss_sum == pytest.approx(2 * -np.log(np.finfo(float).eps))


def test_scores_lie_in_the_cell_that_is_written() -> None:
    """i/1000 <= s < (i+1)/1000, the last one closed."""
    assert score_cells(np.array([0.0, 0.001, 0.0009999, 0.29, 0.999, 1.0])).tolist() == [0, 1, 0, 290, 999, 999]


def test_classes_that_the_baseline_has_not_count_together() -> None:
    """And are right where prediction and label agree."""
    baseline = rows({"said": ["a", "b"] * 20}, label=["a", "b"] * 20)
    grids = freeze(baseline, CLASSES)
    window = rows({"said": ["a", "b", "new", "new", None]}, label=["a", "a", "new", "other", "a"])
    found = profile(window, grids, CLASSES).outcome
    assert isinstance(found, MulticlassOutcome)
    assert (found.correct, found.labelled, found.unusable) == (2, 4, 1)
    assert found.confusion.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 2]]


def test_errors_of_a_regression_agree_with_scikit_learn() -> None:
    """Sums over the rows where both are finite."""
    rng = np.random.default_rng(2)
    v, y = rng.normal(size=300), rng.normal(size=300)
    v[:5] = np.nan
    found = outcome(rows({"v": v}, label=[None] * 3 + list(y[3:])), VALUES)
    assert isinstance(found, RegressionOutcome)
    assert (found.labelled, found.unusable, found.unlabelled) == (295, 2, 3)
    assert found.square_sum / 295 == pytest.approx(metrics.mean_squared_error(y[5:], v[5:]))
    assert found.absolute_sum / 295 == pytest.approx(metrics.mean_absolute_error(y[5:], v[5:]))


def test_groups_count_rows_selections_and_confusion() -> None:
    """Against a loop over the rows."""
    rng = np.random.default_rng(3)
    n = 500
    sex = rng.choice(["F", "M", "X"], n).astype(object)
    said, y = rng.integers(0, 2, n), rng.integers(0, 2, n)
    late = rng.random(n) < 0.4
    baseline = rows({"p": rng.random(9), "yhat": [0, 1, 1] * 3, "sex": ["M"] * 6 + ["F"] * 3})
    window = rows(
        {"yhat": said, "sex": sex}, label=[None if unknown else int(v) for unknown, v in zip(late, y, strict=True)]
    )
    tile = profile(window, freeze(baseline, BINARY), BINARY).groups["sex"]
    assert tile.groups == ("M", "F") and tile.unseen == (sex == "X").sum() and tile.missing == 0
    for i, group in enumerate(tile.groups):
        own = sex == group
        known = own & ~late
        counts = [
            own.sum(),
            (own & (said == 1)).sum(),
            (known & (said == 1) & (y == 1)).sum(),
            (known & (said == 1) & (y == 0)).sum(),
            (known & (said == 0) & (y == 0)).sum(),
            (known & (said == 0) & (y == 1)).sum(),
        ]
        assert tile.counts[i].tolist() == counts


def test_a_model_without_label_or_prediction_has_no_outcome() -> None:
    """Nothing to compare."""
    assert outcome(rows({"x": [1.0, 2.0]}), MonitoredModel("m")) is None
    assert outcome(rows({"p": [0.1, 0.2]}), MonitoredModel("m", prediction=Prediction(score="p"))) is None
    assert outcome(rows({"x": [1.0]}), CLASSES) is None
    assert outcome(rows({"x": [1.0]}), VALUES) is None


@pytest.mark.parametrize("model", [SCORED, CLASSES, VALUES])
def test_before_labels_come_all_rows_are_unlabelled(model: MonitoredModel) -> None:
    """The outcome is there, with its counts at nothing."""
    found = outcome(rows({"p": [0.1, 0.2], "said": ["a", "b"], "v": [1.0, 2.0]}), model)
    assert isinstance(found, BinaryOutcome | MulticlassOutcome | RegressionOutcome)
    assert (found.labelled, found.unlabelled) == (0, 2)
