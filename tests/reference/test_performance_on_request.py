"""The performance metrics that are measured on request, against scikit-learn and simulation."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from monitor.findings import Status, Value
from monitor.metrics.accuracy.average_precision import average_precision
from monitor.metrics.accuracy.balanced_accuracy import balanced_accuracy
from monitor.metrics.accuracy.brier_score import brier_score
from monitor.metrics.accuracy.calibration_in_the_large import calibration_in_the_large
from monitor.metrics.accuracy.calibration_slope import calibration_slope
from monitor.metrics.accuracy.expected_calibration_error import expected_calibration_error
from monitor.metrics.accuracy.mcc import mcc
from monitor.metrics.accuracy.mean_error import mean_error
from monitor.metrics.accuracy.precision import precision, precision_macro
from monitor.metrics.accuracy.r2 import r2
from monitor.metrics.accuracy.recall import recall, recall_macro
from monitor.metrics.accuracy.specificity import specificity
from monitor.tiles.freeze import freeze
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome, RegressionOutcome
from monitor.tiles.profile import profile
from tests.monitor.tiles.samples import rows
from tests.reference.test_performance import CLASSES, PREFIXES, VALUES, binary, drawn, held

OfBinary = Callable[[BinaryOutcome], Value]
OF_CLASS: list[OfBinary] = [precision, recall, specificity, balanced_accuracy, mcc]
OF_SCORE: list[OfBinary] = [
    brier_score,
    average_precision,
    expected_calibration_error,
    calibration_slope,
    calibration_in_the_large,
]


@pytest.mark.parametrize("seed", range(5))
def test_binary_metrics_are_scikit_learns(seed: int) -> None:
    """Exactly where counts suffice; within what a cell of the score hides elsewhere, which the interval holds."""
    p, y = drawn(np.random.default_rng(seed), PREFIXES[-1])
    for n in PREFIXES:
        s, t = p[:n], y[:n]
        c, outcome = (s >= 0.5).astype(int), binary(s, t)
        if c.any():
            assert held(precision(outcome), n) == pytest.approx(metrics.precision_score(t, c))
        assert held(recall(outcome), n) == pytest.approx(metrics.recall_score(t, c))
        assert held(specificity(outcome), n) == pytest.approx(metrics.recall_score(t, c, pos_label=0))
        assert held(balanced_accuracy(outcome), n) == pytest.approx(metrics.balanced_accuracy_score(t, c))
        if 0 < c.sum() < n:
            assert held(mcc(outcome), n) == pytest.approx(metrics.matthews_corrcoef(t, c))
        assert held(brier_score(outcome), n) == pytest.approx(metrics.brier_score_loss(t, s), rel=1e-9)
        found, true = average_precision(outcome), metrics.average_precision_score(t, s)
        assert held(found, n) == pytest.approx(true, abs=0.01)
        assert found.low is not None and found.high is not None and found.low <= true <= found.high
        assert held(calibration_in_the_large(outcome), n) == pytest.approx(t.mean() - s.mean(), abs=5e-4)


@pytest.mark.parametrize("sharp", [0.5, 1.5, 3.0])
def test_calibration_slope_is_scikit_learns_regression(sharp: float) -> None:
    """Without penalty, on the scores themselves, from thirty rows on; less near where many lie beyond 0.001 and 0.999."""
    rel = 0.02 if sharp < 3 else 0.06
    rng = np.random.default_rng(int(sharp * 10))
    p, y = drawn(rng, PREFIXES[-1])
    p = 1 / (1 + (1 / p - 1) ** sharp)
    for n in (30, 100, 300, 1_000, 3_000):
        x = np.log(p[:n] / (1 - p[:n]))[:, None]
        true = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1_000).fit(x, y[:n]).coef_[0, 0]
        assert held(calibration_slope(binary(p[:n], y[:n])), n) == pytest.approx(true, rel=rel, abs=0.005)


@pytest.mark.parametrize("seed", range(3))
def test_class_metrics_are_scikit_learns(seed: int) -> None:
    """Macro averages over the classes that have a share at all, and Gorodkin's correlation."""
    rng = np.random.default_rng(seed)
    y = rng.choice(list("abcd"), PREFIXES[-1], p=[0.5, 0.3, 0.15, 0.05])
    c = np.where(rng.random(len(y)) < 0.7, y, rng.choice(list("abcd"), len(y)))
    grids = freeze(rows({"c": list("abcd") * 5}, label=list("abcd") * 5), CLASSES)
    for n in PREFIXES:
        outcome = profile(rows({"c": list(c[:n])}, label=list(y[:n])), grids, CLASSES).outcome
        assert isinstance(outcome, MulticlassOutcome)
        options = {"average": "macro", "zero_division": np.nan, "labels": list("abcd")}
        assert held(precision_macro(outcome), n) == pytest.approx(metrics.precision_score(y[:n], c[:n], **options))
        true = metrics.recall_score(y[:n], c[:n], **options)
        assert held(recall_macro(outcome), n) == held(balanced_accuracy(outcome), n) == pytest.approx(true)
        if len(set(y[:n])) > 1 and len(set(c[:n])) > 1:
            assert held(mcc(outcome), n) == pytest.approx(metrics.matthews_corrcoef(y[:n], c[:n]))


@pytest.mark.parametrize("seed", range(3))
def test_regression_metrics_are_scikit_learns(seed: int) -> None:
    """To nine digits."""
    rng = np.random.default_rng(seed)
    y = rng.normal(10, 3, PREFIXES[-1])
    v = y + 0.2 + rng.standard_t(4, len(y))
    for n in PREFIXES:
        made = rows({"v": v[:n]}, label=y[:n])
        outcome = profile(made, freeze(made, VALUES), VALUES).outcome
        assert isinstance(outcome, RegressionOutcome)
        assert held(mean_error(outcome), n) == pytest.approx((v[:n] - y[:n]).mean(), rel=1e-9)
        if n >= 3:
            assert held(r2(outcome), n) == pytest.approx(metrics.r2_score(y[:n], v[:n]), rel=1e-9)


def test_calibrated_scores_have_no_calibration_error() -> None:
    """Its mean over 300 samples is about a third of the plain one's, and its lower end is 0 in 95 of 100."""
    rng = np.random.default_rng(1)
    values, plain, above = [], [], 0
    for _ in range(300):
        p, y = drawn(rng, 500)
        found = expected_calibration_error(binary(p, y))
        values.append(held(found))
        above += (found.low or 0.0) > 0.0
        bins = np.array_split(np.argsort(p), 10)
        plain.append(sum(len(b) / 500 * abs(y[b].mean() - p[b].mean()) for b in bins))
    assert np.mean(values) < 0.35 * np.mean(plain)
    assert above <= 15


@pytest.mark.parametrize("off", [0.05, 0.15])
def test_the_calibration_error_is_what_the_scores_are_off(off: float) -> None:
    """On average and within the interval, where all scores are too high by the same amount."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(200):
        p = rng.uniform(off, 1, 1_000)
        found.append(expected_calibration_error(binary(p, (rng.random(1_000) < p - off).astype(int))))
    assert np.mean([held(f) for f in found]) == pytest.approx(off, rel=0.12)
    assert sum(f.low <= off <= f.high for f in found if f.low is not None and f.high is not None) >= 186


@pytest.mark.parametrize("n", [100, 1_000])
@pytest.mark.parametrize("metric", [*OF_CLASS, brier_score, calibration_slope, calibration_in_the_large])
def test_intervals_cover_the_populations_value(metric: OfBinary, n: int) -> None:
    """In 92 to 99.9 % of 300 samples."""
    rng = np.random.default_rng(n)
    true = held(metric(binary(*drawn(rng, 200_000))))
    found = [metric(binary(*drawn(rng, n))) for _ in range(300)]
    assert sum(f.low <= true <= f.high for f in found if f.low is not None and f.high is not None) >= 276


@pytest.mark.parametrize("n", [300, 1_000])
def test_the_interval_of_average_precision_covers_its_value(n: int) -> None:
    """In at least 92 % of 300 samples."""
    rng = np.random.default_rng(n)
    true = held(average_precision(binary(*drawn(rng, 200_000))))
    found = [average_precision(binary(*drawn(rng, n))) for _ in range(300)]
    assert sum(f.low <= true <= f.high for f in found if f.low is not None and f.high is not None) >= 276


@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_the_interval_of_r2_covers_its_value(noise: float) -> None:
    """In at least 93 % of 200 samples of normal labels and errors."""
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        y = rng.normal(100, 3, 300)
        e = rng.normal(0, noise, 300)
        tile = RegressionOutcome(
            labelled=300,
            square_sum=float((e**2).sum()),
            fourth_sum=float((e**4).sum()),
            label_sum=float(y.sum()),
            label_square_sum=float((y**2).sum()),
        )
        found = r2(tile)
        assert found.low is not None and found.high is not None
        covered += found.low <= 1 - noise**2 / 9 <= found.high
    assert covered >= 186


def test_intervals_of_macro_averages_and_of_the_correlation_cover() -> None:
    """In at least 92 % of 200 samples of 300 rows of three classes."""
    rng = np.random.default_rng(9)
    law = np.array([[0.4, 0.1, 0.0], [0.05, 0.25, 0.05], [0.02, 0.03, 0.1]])

    def outcome(n: int) -> MulticlassOutcome:
        confusion = np.zeros((4, 4), np.int64)
        confusion[:3, :3] = rng.multinomial(n, law.ravel()).reshape(3, 3)
        return MulticlassOutcome(confusion, correct=int(np.trace(confusion)))

    for metric in (precision_macro, recall_macro, mcc):
        true = held(metric(outcome(10**7)))
        found = [metric(outcome(300)) for _ in range(200)]
        covered = sum(f.low <= true <= f.high for f in found if f.low is not None and f.high is not None)
        assert covered >= 184, metric


def test_a_perfect_table_of_few_rows_is_uncertain() -> None:
    """The correlation is 1, its interval no point."""
    found = mcc(binary(np.array([0.1, 0.9] * 5), np.array([0, 1] * 5)))
    assert held(found) == 1.0 and found.low is not None and found.low < 0.95


@pytest.mark.parametrize("metric", [*OF_CLASS, *OF_SCORE])
def test_without_labels_there_is_no_data(metric: OfBinary) -> None:
    """Never 0."""
    found = metric(BinaryOutcome.empty())
    assert (found.value, found.status) == (None, Status.NO_DATA) and found.reason


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("metric", [recall, specificity, balanced_accuracy, mcc, average_precision, calibration_slope])
def test_one_class_alone_gives_a_value_or_a_reason(metric: OfBinary, label: int) -> None:
    """Shares of nothing are undefined."""
    found = metric(binary(np.array([0.2, 0.7, 0.4]), np.full(3, label)))
    if metric is (recall if label else specificity):
        held(found)
    else:
        assert (found.value, found.status) == (None, Status.UNDEFINED) and found.reason


def test_no_positive_prediction_has_no_precision() -> None:
    """Undefined, where others say 0."""
    found = precision(binary(np.array([0.2, 0.3]), np.array([0, 1])))
    assert found.status is Status.UNDEFINED


@pytest.mark.parametrize(
    ("p", "y"),
    [([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1]), ([0.1, 0.2, 0.8, 0.9], [1, 1, 0, 0]), ([0.3] * 4, [0, 1, 0, 1])],
)
def test_a_slope_without_end_is_undefined(p: list[float], y: list[int]) -> None:
    """Classes that the score separates, and scores that are all alike."""
    found = calibration_slope(binary(np.array(p), np.array(y)))
    assert (found.value, found.status) == (None, Status.UNDEFINED) and found.reason


def test_one_row_has_no_spread() -> None:
    """So no interval and no value."""
    outcome = binary(np.array([0.2]), np.array([0]))
    assert brier_score(outcome).status is calibration_in_the_large(outcome).status is Status.UNDEFINED
    assert mean_error(RegressionOutcome(labelled=1)).status is r2(RegressionOutcome(labelled=2)).status
    assert r2(RegressionOutcome(labelled=2)).status is Status.UNDEFINED
    assert mean_error(RegressionOutcome()).status is r2(RegressionOutcome()).status is Status.NO_DATA


def test_constant_labels_and_values_beyond_arithmetic_have_no_r2() -> None:
    """Undefined with a reason; errors beyond a double too."""
    constant = RegressionOutcome(labelled=5, square_sum=1.0, fourth_sum=1.0, label_sum=35.0, label_square_sum=245.0)
    assert r2(constant).status is Status.UNDEFINED
    wild = replace(constant, square_sum=np.inf, fourth_sum=np.inf, label_square_sum=np.inf)
    assert r2(wild).status is mean_error(wild).status is Status.UNDEFINED


def test_perfect_predictions_explain_everything() -> None:
    """Value and both ends are 1."""
    found = r2(RegressionOutcome(labelled=5, label_sum=15.0, label_square_sum=55.0))
    assert (found.low, found.value, found.high) == (1.0, 1.0, 1.0)
