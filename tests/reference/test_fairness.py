"""Group metrics against plain shares, the published COMPAS figures, and the zero conventions of other tools."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from monitor.definitions import Label, MonitoredModel, Prediction
from monitor.findings import Status, Value
from monitor.metrics.bias.equal_opportunity_difference import equal_opportunity_difference
from monitor.metrics.bias.impact_ratio import impact_ratio
from monitor.metrics.bias.parity_difference import parity_difference
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.profile import profile
from tests.monitor.tiles.samples import rows

MODEL = MonitoredModel("m", task="binary", prediction=Prediction(class_="yhat"), label=Label("y"), groups=("sex",))
GroupMetric = Callable[[Sequence[int], Sequence[int]], Value]
NOBODY = [0, 0, 0, 0, 0, 0]


def test_values_are_the_shares_of_the_rows() -> None:
    """Group less base group, the base being the baseline's largest, at many prefixes."""
    rng = np.random.default_rng(1)
    n = 2_000
    sex = rng.choice(["F", "M"], n, p=[0.4, 0.6])
    said = (rng.random(n) < np.where(sex == "F", 0.2, 0.5)).astype(int)
    y = rng.integers(0, 2, n)
    made = rows({"sex": list(sex), "yhat": said}, label=y)
    baseline = build_baseline(made, MODEL, time_ordered=True)
    for m in (30, 100, 500, 2_000):
        part = made.take(slice(0, m))
        found = {(x.metric, x.slice): x.value for x in measure(baseline, profile(part, baseline.grids, MODEL), MODEL)}
        f, b = sex[:m] == "F", sex[:m] == "M"
        rate_f, rate_m = said[:m][f].mean(), said[:m][b].mean()
        tpr_f, tpr_m = said[:m][f & (y[:m] == 1)].mean(), said[:m][b & (y[:m] == 1)].mean()
        assert found["parity_difference", "sex=F"].value == pytest.approx(rate_f - rate_m, abs=1e-12)
        assert found["impact_ratio", "sex=F"].value == pytest.approx(rate_f / rate_m, rel=1e-12)
        assert found["equal_opportunity_difference", "sex=F"].value == pytest.approx(tpr_f - tpr_m, abs=1e-12)


def test_a_declared_base_group_is_the_base() -> None:
    """Whatever is larger; one that the baseline has not makes all undefined."""
    made = rows({"sex": ["F", "M", "M"] * 10, "yhat": [1, 0, 1] * 10}, label=[0, 1, 1] * 10)
    for base, slices in (("F", {"sex=M"}), ("X", {"sex=F", "sex=M"})):
        model = MonitoredModel(
            "m",
            task="binary",
            prediction=MODEL.prediction,
            label=MODEL.label,
            groups=("sex",),
            base_groups={"sex": base},
        )
        baseline = build_baseline(made, model, time_ordered=True)
        found = {x.slice: x.value for x in measure(baseline, baseline.tiles, model) if x.metric == "parity_difference"}
        assert found.keys() == slices
        assert all((value.status is Status.UNDEFINED) == (base == "X") for value in found.values())


@pytest.mark.parametrize("metric", [parity_difference, impact_ratio, equal_opportunity_difference])
@pytest.mark.parametrize(("group", "base"), [([10, 5, 3, 2, 3, 2], NOBODY), (NOBODY, [10, 5, 3, 2, 3, 2])])
def test_a_group_without_rows_is_undefined(metric: GroupMetric, group: Sequence[int], base: Sequence[int]) -> None:
    """Not 0, not infinite, and the counts are in the reason."""
    found = metric(group, base)
    assert (
        (found.value, found.status) == (None, Status.UNDEFINED) and " of " in (found.reason or "")
    ) or "against" in (found.reason or "")


@pytest.mark.parametrize("metric", [parity_difference, impact_ratio, equal_opportunity_difference])
def test_two_groups_without_rows_have_no_data(metric: GroupMetric) -> None:
    """Nothing came."""
    assert metric(NOBODY, NOBODY).status is Status.NO_DATA


def test_nobody_selected_in_the_base_group_is_no_infinite_ratio() -> None:
    """And nobody in the group is a ratio of 0, with an interval."""
    none, some = [40, 0, 0, 0, 40, 0], [40, 10, 5, 5, 25, 5]
    assert impact_ratio(some, none).status is Status.UNDEFINED
    found = impact_ratio(none, some)
    assert found.value == 0.0 and found.low == 0.0 and found.high is not None and 0.0 < found.high < 1.0


@pytest.mark.parametrize("metric", [parity_difference, impact_ratio])
def test_intervals_cover_the_true_gap(metric: GroupMetric) -> None:
    """In at least 93 % of 500 samples of 60 and 200 rows."""
    rng = np.random.default_rng(2)
    true = {parity_difference: -0.2, impact_ratio: 0.5}[metric]
    covered = 0
    for _ in range(500):
        found = metric([60, int(rng.binomial(60, 0.2)), 0, 0, 0, 0], [200, int(rng.binomial(200, 0.4)), 0, 0, 0, 0])
        assert found.low is not None and found.high is not None
        covered += found.low <= true <= found.high
    assert covered >= 465


@pytest.mark.data
def test_compas_gives_the_published_figures(shared_data: Path) -> None:
    """ProPublica's two-year file: false positive and negative rates of Black and white defendants."""
    frame = pd.read_csv(shared_data / "compas" / "compas-scores-two-years.csv.gz")
    model = MonitoredModel(
        "compas", task="binary", prediction=Prediction(class_="high"), label=Label("two_year_recid"), groups=("race",)
    )
    made = rows(
        {"race": list(frame["race"]), "high": (frame["decile_score"] >= 5).to_numpy().astype(int)},
        label=frame["two_year_recid"].to_numpy(),
    )
    tile = profile(made, build_baseline(made, model, time_ordered=False).grids, model).groups["race"]
    black, white = (tile.counts[tile.groups.index(name)] for name in ("African-American", "Caucasian"))
    assert black.tolist() == [3696, 805 + 1369, 1369, 805, 990, 532]
    assert white.tolist() == [2454, 349 + 505, 505, 349, 1139, 461]
    found = equal_opportunity_difference(black.tolist(), white.tolist())
    assert found.value == pytest.approx((1 - 0.2799) - (1 - 0.4772), abs=1e-4)
