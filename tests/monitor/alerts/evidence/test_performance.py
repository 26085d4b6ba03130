"""Performance on labelled rows."""

import numpy as np
import pytest

from monitor.findings import AlertKind
from monitor.tiles.numeric import SCORE_CELLS
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome, RegressionOutcome
from monitor.tiles.tileset import Baseline, Grids, TileSet
from tests.monitor.alerts.evidence.looks import SURE, seen


def binary(rng, n, slope=2.0):
    z = rng.normal(size=n)
    p = 1 / (1 + np.exp(-2.0 * z))
    y = rng.random(n) < 1 / (1 + np.exp(-slope * z))
    cells = np.minimum((p * SCORE_CELLS).astype(int), SCORE_CELLS - 1)
    loss = -np.where(y, np.log(p), np.log1p(-p))
    yhat = p >= 0.5
    return BinaryOutcome(
        np.bincount(cells[y], minlength=SCORE_CELLS),
        np.bincount(cells[~y], minlength=SCORE_CELLS),
        float(loss.sum()),
        float((loss**2).sum()),
        0.0,
        n,
        int((y & yhat).sum()),
        int((~y & yhat).sum()),
        int((~y & ~yhat).sum()),
        int((y & ~yhat).sum()),
    )


def outcomes(window, baseline, rows=1_000):
    return TileSet(rows, outcome=window), Baseline("b", 10_000, Grids(), TileSet(10_000, outcome=baseline))


def test_a_model_that_got_worse_shows_on_every_metric():
    """Labels that no longer follow the score: AUC, log loss, accuracy and F1."""
    rng = np.random.default_rng(6)
    trials = seen(AlertKind.PERFORMANCE, *outcomes(binary(rng, 2_000, slope=0.5), binary(rng, 10_000)))
    assert set(trials) == {"roc_auc", "log_loss", "accuracy", "f1"}
    assert all(t.log_p[0] < SURE for t in trials.values())
    assert all(t.gauge(0).low > 0 for t in trials.values())


def test_a_model_that_got_better_is_no_evidence():
    """Only worse is tested."""
    rng = np.random.default_rng(7)
    trials = seen(AlertKind.PERFORMANCE, *outcomes(binary(rng, 2_000, slope=6.0), binary(rng, 10_000)))
    assert all(t.log_p[0] > np.log(0.4) for t in trials.values())


def test_performance_needs_labels_of_both_classes():
    """Thirty labels are too few for anything."""
    rng = np.random.default_rng(8)
    trials = seen(AlertKind.PERFORMANCE, *outcomes(binary(rng, 30), binary(rng, 10_000)))
    assert not any(t.enough.any() for t in trials.values())


def test_fewer_positives_alone_do_not_lower_f1():
    """The same hit and false-alarm rates at half the share of positives: F1 falls, and it is not the model."""
    nothing = np.zeros(SCORE_CELLS, np.int64)
    even = BinaryOutcome(
        nothing, nothing, true_positives=400, false_positives=100, true_negatives=400, false_negatives=100
    )
    rare = BinaryOutcome(
        nothing, nothing, true_positives=80, false_positives=180, true_negatives=720, false_negatives=20
    )
    f1 = seen(AlertKind.PERFORMANCE, *outcomes(rare, even))["f1"]
    assert f1.gauge(0).value == pytest.approx(0.0, abs=1e-12)
    assert f1.log_p[0] == pytest.approx(np.log(0.5))


def test_accuracy_of_many_classes_and_errors_of_numbers_are_tested():
    """The other tasks' tiles."""
    good = MulticlassOutcome(np.diag([900, 900, 900, 0]) + 30)
    bad = MulticlassOutcome(np.diag([100, 100, 100, 0]) + 30)
    assert seen(AlertKind.PERFORMANCE, *outcomes(bad, good))["accuracy"].log_p[0] < SURE
    rng = np.random.default_rng(9)

    def errors(e):
        return RegressionOutcome(len(e), e.sum(), np.abs(e).sum(), (e**2).sum(), (e**4).sum())

    trials = seen(AlertKind.PERFORMANCE, *outcomes(errors(rng.normal(size=500) * 1.5), errors(rng.normal(size=5_000))))
    assert set(trials) == {"rmse", "mae"}
    assert all(t.log_p[0] < SURE for t in trials.values())
    assert trials["rmse"].gauge(0).value == pytest.approx(0.5, abs=0.1)


def test_a_design_effect_weakens_every_family():
    """The same counts of dependent rows are less evidence."""
    rng = np.random.default_rng(10)
    window, baseline = outcomes(binary(rng, 2_000, slope=0.5), binary(rng, 10_000))
    plain, dependent = (seen(AlertKind.PERFORMANCE, window, baseline, effect) for effect in (1.0, 10.0))
    assert all(dependent[m].log_p[0] > 0.5 * plain[m].log_p[0] for m in plain)
    assert all(dependent[m].gauge(0).low < plain[m].gauge(0).low for m in plain)
