"""Features with two values and rare categories: SciPy's Fisher test at random prefixes, and rates under no change."""

import math

import numpy as np
import pytest
from scipy import stats

from monitor.alerts.budget import Plan
from monitor.alerts.judging import judge
from monitor.definitions import Check, MonitoredModel
from monitor.findings import AlertKind, Span, Status, Value
from monitor.metrics.p_values import fisher_p
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.profile import profile
from monitor.tiles.rows import Rows
from monitor.tiles.tileset import Baseline
from tests.monitor.tiles.samples import rows

MODEL = MonitoredModel("m", metrics=("share_difference", "rare_log_odds"))


def values(window: Rows, baseline: Baseline, metric: str) -> dict[str | None, Value]:
    found = measure(baseline, profile(window, baseline.grids, MODEL), MODEL)
    return {m.feature: m.value for m in found if m.metric == metric}


@pytest.mark.parametrize("seed", range(20))
def test_p_is_scipys_fisher(seed: int) -> None:
    """Tables of all sizes, empty cells and lopsided margins among them."""
    rng = np.random.default_rng(seed)
    for _ in range(20):
        n, m = (int(10 ** rng.uniform(0, 4)) for _ in range(2))
        share = 10 ** rng.uniform(-4, 0)
        k, j = int(rng.binomial(n, share)), int(rng.binomial(m, min(1.0, share * rng.uniform(0.5, 2))))
        expected = stats.fisher_exact([[k, n - k], [j, m - j]])[1]
        assert fisher_p(k, n, j, m) == pytest.approx(expected, rel=1e-6, abs=1e-250), (k, n, j, m)


@pytest.mark.parametrize("seed", range(5))
def test_the_difference_and_its_p_at_random_prefixes(seed: int) -> None:
    """Of booleans with holes, as counted by hand."""
    rng = np.random.default_rng(seed)
    before = [None if r < 0.1 else bool(r < 0.3) for r in rng.random(int(rng.integers(40, 900)))]
    now = [None if r < 0.1 else bool(r < 0.4) for r in rng.random(int(rng.integers(5, 300)))]
    baseline = build_baseline(rows({"flag": before}), MODEL, time_ordered=False)
    found = values(rows({"flag": now}), baseline, "share_difference")["flag"]
    k, n = sum(v is True for v in now), sum(v is not None for v in now)
    j, m = sum(v is True for v in before), sum(v is not None for v in before)
    assert found.value == pytest.approx(k / n - j / m, abs=1e-12)
    assert found.low is not None and found.high is not None and found.low <= k / n - j / m <= found.high
    p = stats.fisher_exact([[k, n - k], [j, m - j]])[1]
    assert f"p = {p:.2g}" in (found.reason or "") and (found.n_window, found.n_missing) == (n, len(now) - n)


@pytest.mark.parametrize("seed", range(5))
def test_the_odds_are_those_of_the_table(seed: int) -> None:
    """The named category's log odds ratio with a half in every count, and SciPy's p times the categories."""
    rng = np.random.default_rng(seed)
    names = np.array(["a", "b", "c", "d"], object)
    before, now = rng.choice(names, 3_000, p=[0.6, 0.3, 0.09, 0.01]), rng.choice(names, 500, p=[0.6, 0.28, 0.09, 0.03])
    baseline = build_baseline(rows({"kind": before}), MODEL, time_ordered=False)
    found = values(rows({"kind": now}), baseline, "rare_log_odds")["kind"]
    tables = {c: [[(now == c).sum(), (now != c).sum()], [(before == c).sum(), (before != c).sum()]] for c in names}
    p = {c: stats.fisher_exact(table)[1] for c, table in tables.items()}
    most = min(p, key=lambda c: p[c])
    (k, rest), (j, others) = tables[most]
    assert found.value == pytest.approx(math.log((k + 0.5) * (others + 0.5) / (j + 0.5) / (rest + 0.5)), rel=1e-9)
    assert (found.reason or "").startswith(f"{most}: ") and f"p = {min(1, 4 * p[most]):.2g} over 4" in (
        found.reason or ""
    )


def test_a_rare_category_that_doubled_is_named_where_distances_see_nothing() -> None:
    """0.5 % became 1.2 %: the distance stays under its tolerance."""
    names = np.array(["sale", "return", "fraud"], object)
    rng = np.random.default_rng(30)
    baseline = build_baseline(
        rows({"kind": rng.choice(names, 50_000, p=[0.9, 0.095, 0.005])}), MODEL, time_ordered=False
    )
    window = profile(rows({"kind": rng.choice(names, 5_000, p=[0.893, 0.095, 0.012])}), baseline.grids, MODEL)
    found = {m.metric: m.value for m in measure(baseline, window, MODEL)}
    odds = found["rare_log_odds"]
    assert odds.low is not None and odds.low > 0.2 and (odds.reason or "").startswith("fraud")
    assert found["js_distance"].value is not None and found["js_distance"].value < 0.05


def test_intervals_hold_no_change_as_often_as_stated() -> None:
    """Of 400 null windows the interval of either leaves 0 out at most 33 times (5 % is the claim).

    Of a true rate of 5 %, one draw in 300 has more, and both are conservative here (binomial).
    """
    rng = np.random.default_rng(31)
    names = np.array([f"c{i}" for i in range(8)], object)
    shares = np.array([0.5, 0.2, 0.15, 0.1, 0.03, 0.01, 0.007, 0.003])
    outside = {"share_difference": 0, "rare_log_odds": 0}
    for _ in range(8):
        columns = {"kind": rng.choice(names, 2_000, p=shares), "flag": rng.random(2_000) < 0.2}
        baseline = build_baseline(rows(columns), MODEL, time_ordered=False)
        for _ in range(50):
            window = rows({"kind": rng.choice(names, 150, p=shares), "flag": rng.random(150) < 0.2})
            for metric, feature in (("share_difference", "flag"), ("rare_log_odds", "kind")):
                found = values(window, baseline, metric)[feature]
                assert found.low is not None and found.high is not None
                outside[metric] += not found.low <= 0 <= found.high
    assert max(outside.values()) <= 33, outside


def test_only_two_values_have_a_share() -> None:
    """Not three, not numbers; a boolean of which the baseline had one value does; a constant has no odds."""
    columns = {"three": list("abc") * 100, "x": np.random.default_rng(32).normal(size=300), "flag": [False] * 300}
    baseline = build_baseline(rows(columns), MODEL, time_ordered=False)
    window = rows({"three": list("abc") * 20, "x": np.zeros(60), "flag": [True] * 20 + [False] * 40})
    found = values(window, baseline, "share_difference")
    assert set(found) == {"flag"}
    assert found["flag"].value == pytest.approx(1 / 3) and "other than false: 33.3 %" in (found["flag"].reason or "")
    constant = values(rows({"three": ["a"] * 9, "flag": [False] * 9}), baseline, "rare_log_odds")["flag"]
    assert constant.status is Status.UNDEFINED
    for window in (rows({"flag": [None] * 9}), rows({"other": [1] * 9}), rows({"flag": np.zeros(0, bool)})):
        assert values(window, baseline, "share_difference")["flag"].value is None
    one = values(rows({"three": ["a"], "flag": [True]}), baseline, "share_difference")["flag"]
    assert one.value == 1.0 and one.low is not None and one.low < 0.5


def test_a_million_categories_have_odds() -> None:
    """A thousand are told apart, and a hundred thousand known ones from new ones."""
    ids = np.arange(1_000_000)
    model = MonitoredModel.from_document(
        {"model": "m", "features": {"id": "categorical"}, "metrics": ["rare_log_odds", "share_difference"]}
    )
    baseline = build_baseline(rows({"id": ids}), model, time_ordered=False)
    found = measure(baseline, profile(rows({"id": ids[:500]}), baseline.grids, model), model)
    assert {
        m.metric for m in found if m.metric in ("rare_log_odds", "share_difference") and m.value.value is not None
    } == {"rare_log_odds"}


@pytest.mark.parametrize("now", [0.35, 0.05])
def test_a_declared_difference_is_a_limit_on_either_side(now: float) -> None:
    """More or less than the baseline's: both are beyond."""
    model = MonitoredModel("m", checks={"drift": Check(tolerance={"share_difference": 0.05})})
    rng = np.random.default_rng(33)
    baseline = build_baseline(rows({"flag": rng.random(5_000) < 0.2}), model, time_ordered=False)
    tiles = profile(rows({"flag": rng.random(1_000) < now}), baseline.grids, model)
    found = judge(
        model=model,
        version=None,
        window=Span(None, None),
        tiles=tiles,
        trailing={1: tiles},
        baseline=baseline,
        plan=Plan.for_compare(model, frozenset({AlertKind.DRIFT})),
        measurements=measure(baseline, tiles, model),
    )
    assert found.evidence[AlertKind.DRIFT].fired
