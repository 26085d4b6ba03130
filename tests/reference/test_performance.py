"""Performance metrics against scikit-learn at many prefixes of random data, and their intervals against simulation."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics

from monitor.definitions import Label, MonitoredModel, Prediction
from monitor.findings import Status, Value
from monitor.metrics.accuracy.accuracy import accuracy
from monitor.metrics.accuracy.f1 import f1, f1_macro
from monitor.metrics.accuracy.log_loss import log_loss
from monitor.metrics.accuracy.mae import mae
from monitor.metrics.accuracy.rmse import rmse
from monitor.metrics.accuracy.roc_auc import roc_auc
from monitor.tiles.freeze import freeze
from monitor.tiles.outcome import BinaryOutcome, MulticlassOutcome, RegressionOutcome
from monitor.tiles.profile import profile
from tests.monitor.tiles.samples import rows

PREFIXES = [2, 3, 5, 10, 30, 100, 300, 1_000, 3_000]
BINARY = MonitoredModel("m", task="binary", prediction=Prediction(score="p", class_="c"), label=Label("y"))
CLASSES = MonitoredModel("m", task="multiclass", prediction=Prediction(class_="c"), label=Label("y"))
VALUES = MonitoredModel("m", prediction=Prediction(value="v"), label=Label("y"))


def binary(p: np.ndarray, y: np.ndarray, threshold: float = 0.5) -> BinaryOutcome:
    made = rows({"p": p, "c": (p >= threshold).astype(int)}, label=y)
    found = profile(made, freeze(made, BINARY), BINARY).outcome
    assert isinstance(found, BinaryOutcome)
    return found


def held(value: Value, n: int | None = None) -> float:
    assert value.value is not None and value.low is not None and value.high is not None, value.reason
    assert value.low <= value.value <= value.high
    assert n is None or value.n_window == n
    return value.value


def drawn(rng: np.random.Generator, n: int, sharp: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated scores and their labels, at least one of each class first."""
    p = 1 / (1 + np.exp(-sharp * rng.normal(size=n)))
    y = (rng.random(n) < p).astype(int)
    y[:2] = 0, 1
    return p, y


@pytest.mark.parametrize("seed", range(5))
def test_binary_metrics_are_scikit_learns(seed: int) -> None:
    """Exactly, but for the area under the curve: within the ties that its cells make, which its interval holds."""
    p, y = drawn(np.random.default_rng(seed), PREFIXES[-1])
    for n in PREFIXES:
        outcome, s, t = binary(p[:n], y[:n]), p[:n], y[:n]
        assert held(accuracy(outcome), n) == pytest.approx(metrics.accuracy_score(t, s >= 0.5))
        assert held(log_loss(outcome), n) == pytest.approx(metrics.log_loss(t, s), rel=1e-9)
        assert held(f1(outcome), n) == pytest.approx(metrics.f1_score(t, s >= 0.5))
        found, true = roc_auc(outcome), metrics.roc_auc_score(t, s)
        assert held(found, n) == pytest.approx(true, abs=0.005)
        assert found.low is not None and found.high is not None and found.low <= true <= found.high


@pytest.mark.parametrize("seed", range(3))
def test_class_metrics_are_scikit_learns(seed: int) -> None:
    """Accuracy and macro F1 over the classes that occur."""
    rng = np.random.default_rng(seed)
    y = rng.choice(list("abcd"), PREFIXES[-1], p=[0.5, 0.3, 0.15, 0.05])
    c = np.where(rng.random(len(y)) < 0.7, y, rng.choice(list("abcd"), len(y)))
    baseline = rows({"c": list("abcd") * 5}, label=list("abcd") * 5)
    grids = freeze(baseline, CLASSES)
    for n in PREFIXES:
        outcome = profile(rows({"c": list(c[:n])}, label=list(y[:n])), grids, CLASSES).outcome
        assert isinstance(outcome, MulticlassOutcome)
        assert held(accuracy(outcome), n) == pytest.approx(metrics.accuracy_score(y[:n], c[:n]))
        assert held(f1_macro(outcome), n) == pytest.approx(metrics.f1_score(y[:n], c[:n], average="macro"))


@pytest.mark.parametrize("seed", range(3))
def test_regression_metrics_are_scikit_learns(seed: int) -> None:
    """To nine digits."""
    rng = np.random.default_rng(seed)
    y = rng.normal(10, 3, PREFIXES[-1])
    v = y + rng.standard_t(4, len(y))
    for n in PREFIXES:
        made = rows({"v": v[:n]}, label=y[:n])
        outcome = profile(made, freeze(made, VALUES), VALUES).outcome
        assert isinstance(outcome, RegressionOutcome)
        assert held(mae(outcome), n) == pytest.approx(metrics.mean_absolute_error(y[:n], v[:n]), rel=1e-9)
        assert held(rmse(outcome), n) == pytest.approx(metrics.root_mean_squared_error(y[:n], v[:n]), rel=1e-9)


def test_rare_positives_with_crowded_scores_are_said_to_be_tied() -> None:
    """All scores below a thousandth: the area is not known from cells, and the interval says so."""
    rng = np.random.default_rng(1)
    p = rng.random(2_000) * 1e-3
    y = (rng.random(2_000) < 300 * p).astype(int)
    found, true = roc_auc(binary(p, y)), metrics.roc_auc_score(y, p)
    assert found.low is not None and found.high is not None
    assert found.low <= true <= found.high and found.high - found.low > 0.5


@pytest.mark.parametrize(
    ("p", "y", "value"), [([0.1, 0.9], [0, 1], 1.0), ([0.9, 0.1], [0, 1], 0.0), ([0.5, 0.5], [0, 1], 0.5)]
)
def test_a_perfect_ranking_of_few_rows_is_uncertain(p: list[float], y: list[int], value: float) -> None:
    """The interval does not shrink to a point."""
    found = roc_auc(binary(np.array(p * 5), np.array(y * 5)))
    assert held(found) == value and found.low is not None and found.high is not None and found.high - found.low > 0.05


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_alone_has_no_ranking(label: int) -> None:
    """Undefined with its reason, where others crash; the other metrics go on."""
    outcome = binary(np.array([0.2, 0.7, 0.4]), np.full(3, label))
    found = roc_auc(outcome)
    assert (found.value, found.status) == (None, Status.UNDEFINED) and "labels are" in (found.reason or "")
    held(accuracy(outcome))
    held(log_loss(outcome))


def test_no_positive_anywhere_has_no_f1() -> None:
    """Undefined, not 0."""
    found = f1(binary(np.array([0.2, 0.1]), np.array([0, 0])))
    assert (found.value, found.status) == (None, Status.UNDEFINED)


@pytest.mark.parametrize("metric", [rmse, mae])
def test_one_row_has_no_interval(metric: Callable[[RegressionOutcome], Value]) -> None:
    """So it has no value either."""
    assert (
        metric(RegressionOutcome(labelled=1, absolute_sum=1.0, square_sum=1.0, fourth_sum=1.0)).status
        is Status.UNDEFINED
    )
    assert metric(RegressionOutcome()).status is Status.NO_DATA


def test_errors_beyond_a_double_are_undefined() -> None:
    """Never infinite."""
    outcome = RegressionOutcome(labelled=2, absolute_sum=1e200, square_sum=np.inf, fourth_sum=np.inf)
    assert rmse(outcome).status is Status.UNDEFINED and mae(outcome).status is Status.UNDEFINED


@pytest.mark.parametrize("n", [100, 1_000])
@pytest.mark.parametrize("metric", [accuracy, f1, roc_auc, log_loss])
def test_intervals_cover_the_populations_value(metric: Callable[[BinaryOutcome], Value], n: int) -> None:
    """In 92 to 99.5 % of 300 samples."""
    rng = np.random.default_rng(n)
    true = held(metric(binary(*drawn(rng, 200_000))))
    covered = 0
    for _ in range(300):
        found = metric(binary(*drawn(rng, n)))
        assert found.low is not None and found.high is not None
        covered += found.low <= true <= found.high
    assert 276 <= covered <= 300


def test_intervals_of_the_macro_average_cover_its_value() -> None:
    """In at least 92 % of 200 samples of 300 rows."""
    rng = np.random.default_rng(9)
    law = np.array([[0.4, 0.1, 0.0], [0.05, 0.25, 0.05], [0.02, 0.03, 0.1]])

    def outcome(n: int) -> MulticlassOutcome:
        confusion = np.zeros((4, 4), np.int64)
        confusion[:3, :3] = rng.multinomial(n, law.ravel()).reshape(3, 3)
        return MulticlassOutcome(confusion, correct=int(np.trace(confusion)))

    true = held(f1_macro(outcome(10**7)))
    found = [f1_macro(outcome(300)) for _ in range(200)]
    assert sum(f.low <= true <= f.high for f in found if f.low is not None and f.high is not None) >= 184
