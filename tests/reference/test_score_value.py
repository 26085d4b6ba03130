"""Gini, KS of scores, lift and cost against SciPy, scikit-learn and plain sums over rows."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from monitor.definitions import CostMatrix, Label, MonitoredModel, Prediction
from monitor.errors import InvalidInput
from monitor.findings import Status
from monitor.metrics.accuracy.business_cost import business_cost
from monitor.metrics.accuracy.gini import gini
from monitor.metrics.accuracy.lift_at_10_percent import lift_at_10_percent
from monitor.metrics.accuracy.score_ks import score_ks
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.outcome import BinaryOutcome
from monitor.tiles.profile import profile
from tests.monitor.tiles.samples import rows
from tests.reference.test_performance import PREFIXES, binary, drawn, held

COSTS = CostMatrix(true_positive=-50.0, false_positive=5.0, false_negative=100.0, currency="EUR")


def lift(p: np.ndarray, y: np.ndarray) -> float:
    """Of rows in the order of their scores; the last of the tenth counts in part."""
    order, top = np.argsort(-p), 0.1 * len(p)
    whole = int(top)
    found = y[order[:whole]].sum() + (top - whole) * y[order[whole]]
    return float(found / y.sum() / 0.1)


@pytest.mark.parametrize("seed", range(3))
def test_they_are_the_second_sources(seed: int) -> None:
    """At every prefix: within what a cell of the score hides, which the interval holds."""
    p, y = drawn(np.random.default_rng(seed), PREFIXES[-1])
    for n in PREFIXES:
        s, t = p[:n], y[:n]
        outcome = binary(s, t)
        if 0 < t.sum() < n:
            assert held(gini(outcome), n) == pytest.approx(2 * metrics.roc_auc_score(t, s) - 1, abs=0.01)
            true = stats.ks_2samp(s[t == 1], s[t == 0]).statistic
            found = score_ks(outcome)
            assert true - 0.12 / np.sqrt(n) - 0.02 <= held(found, n) <= true + 1e-12
            assert found.high is not None and found.high >= true - 1e-12
        if n >= 10 and t.any():
            found = lift_at_10_percent(outcome)
            assert held(found, n) == pytest.approx(lift(s, t), abs=0.05 + 5 / n)
            assert found.low is not None and found.high is not None and found.low <= lift(s, t) <= found.high
        said = s >= 0.5
        costs = np.where(t == 1, np.where(said, -50.0, 100.0), np.where(said, 5.0, 0.0))
        assert held(business_cost(outcome, COSTS), n) == pytest.approx(costs.mean())


@pytest.mark.parametrize("n", [200, 1_000])
def test_intervals_cover_the_populations_value(n: int) -> None:
    """In at least 91 % of 300 windows; the KS is biased upward by its choice of a threshold, which costs its lower end."""
    rng = np.random.default_rng(n)
    p, y = drawn(rng, 400_000)
    said = p >= 0.5
    wanted = {
        score_ks: float(stats.ks_2samp(p[y == 1], p[y == 0]).statistic),
        lift_at_10_percent: lift(p, y),
        gini: 2 * metrics.roc_auc_score(y, p) - 1,
    }
    cost = float(np.where(y == 1, np.where(said, -50.0, 100.0), np.where(said, 5.0, 0.0)).mean())
    covered = dict.fromkeys([*(f.__name__ for f in wanted), "cost"], 0)
    for _ in range(300):
        outcome = binary(*drawn(rng, n))
        for metric, true in wanted.items():
            found = metric(outcome)
            covered[metric.__name__] += (
                found.low is not None and found.high is not None and found.low <= true <= found.high
            )
        found = business_cost(outcome, COSTS)
        covered["cost"] += found.low is not None and found.high is not None and found.low <= cost <= found.high
    assert min(covered.values()) >= 273, covered


def test_one_class_or_no_label_has_a_reason() -> None:
    """Never a number."""
    empty = BinaryOutcome.empty()
    for metric in (gini, score_ks, lift_at_10_percent):
        assert metric(empty).status is Status.NO_DATA
        assert metric(binary(np.linspace(0.1, 0.9, 30), np.zeros(30, int))).status is Status.UNDEFINED
    assert business_cost(empty, COSTS).status is Status.NO_DATA


def test_a_declared_cost_matrix_is_measured() -> None:
    """Without being asked for by name; it reads back from what it writes."""
    document = {
        "model": "m",
        "cost_matrix": {"true_positive": -50, "false_positive": 5, "false_negative": 100, "currency": "EUR"},
    }
    read = MonitoredModel.from_document(document)
    assert read.cost_matrix == COSTS and MonitoredModel.from_document(read.to_document()) == read
    model = MonitoredModel("m", task="binary", prediction=Prediction(score="p"), label=Label("y"), cost_matrix=COSTS)
    made = rows({"p": [0.9, 0.8, 0.1, 0.2] * 10}, label=[1, 0, 0, 1] * 10)
    baseline = build_baseline(made, model, time_ordered=False)
    found = {m.metric: m.value for m in measure(baseline, profile(made, baseline.grids, model), model)}
    assert found["business_cost"].value == (-50 + 5 + 100) / 4 and "EUR" in (found["business_cost"].reason or "")


@pytest.mark.parametrize(
    ("section", "place"),
    [({}, "cost_matrix"), ({"false_positive": "dear"}, "cost_matrix.false_positive"), ({"hit": 1}, "cost_matrix.hit")],
)
def test_faults_have_their_place(section: object, place: str) -> None:
    """As everywhere in a declaration."""
    with pytest.raises(InvalidInput) as caught:
        MonitoredModel.from_document({"model": "m", "cost_matrix": section})
    assert place in [fault.where for fault in caught.value.faults]
