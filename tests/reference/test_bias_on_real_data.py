"""The published figures of the data sets that fairness is argued on, through the tiles; and what their sizes allow to say."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from monitor.definitions import Label, MonitoredModel, Prediction
from monitor.findings import Value
from monitor.metrics.bias.detectable_opportunity_difference import detectable_opportunity_difference
from monitor.metrics.bias.detectable_parity_difference import detectable_parity_difference
from monitor.metrics.bias.parity_difference import parity_difference
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from tests.monitor.tiles.samples import rows

Found = dict[tuple[str, str | None], Value]


def measured(column: str, groups: pd.Series, label: pd.Series, said: np.ndarray, base: str) -> Found:
    """Every metric of a table whose model said `said`."""
    model = MonitoredModel(
        "m",
        task="binary",
        prediction=Prediction(class_="said"),
        label=Label("y"),
        groups=(column,),
        base_groups={column: base},
        metrics="all",
    )
    made = rows({column: list(groups.astype(str)), "said": said.astype(int)}, label=label.to_numpy().astype(int))
    baseline = build_baseline(made, model, time_ordered=False)
    return {(m.metric, m.slice): m.value for m in measure(baseline, baseline.tiles, model)}


@pytest.mark.data
def test_adult_incomes_differ_by_sex_as_published(shared_data: Path) -> None:
    """0.1093 of women and 0.3038 of men: a difference of -0.1945, a ratio of 0.360, far beyond chance in 48,842 rows."""
    frame = pd.read_parquet(shared_data / "adult_census" / "adults.parquet")
    rich = frame["class"].astype(str).str.strip() == ">50K"
    found = measured("sex", frame["sex"].astype(str).str.strip(), rich, rich.to_numpy(), "Male")
    gap = found["label_parity_difference", "sex=Female"]
    assert gap.value == pytest.approx(-0.1945, abs=1e-4) and gap.high is not None and gap.high < -0.18
    # A model that is right of everybody passes the data's own disparity on.
    assert found["parity_difference", "sex=Female"].value == gap.value
    assert found["impact_ratio", "sex=Female"].value == pytest.approx(0.360, abs=5e-4)
    assert found["equal_opportunity_difference", "sex=Female"].value == 0.0


@pytest.mark.data
def test_german_credit_is_too_small_to_call(shared_data: Path) -> None:
    """0.648 of women and 0.723 of men are good: -0.075, ratio 0.897. A third of the rows would not show it."""
    frame = pd.read_csv(shared_data / "german_credit" / "german_data_credit.csv.gz")
    good = frame["class-label"] == 1
    found = measured("sex", frame["sex"], good, good.to_numpy(), "male")
    assert found["label_parity_difference", "sex=female"].value == pytest.approx(-0.075, abs=5e-4)
    assert found["impact_ratio", "sex=female"].value == pytest.approx(0.897, abs=5e-4)
    least = found["detectable_parity_difference", "sex=female"].value
    assert least is not None and 0.075 < least < 0.1
    third = frame.index % 3 == 0
    part = measured("sex", frame["sex"][third], good[third], good[third].to_numpy(), "male")
    gap = part["label_parity_difference", "sex=female"]
    assert gap.low is not None and gap.high is not None and gap.low < 0.0 < gap.high


@pytest.mark.data
def test_bank_customers_accept_by_marriage_as_published(shared_data: Path) -> None:
    """0.101 of the married, 0.150 of the single."""
    frame = pd.read_csv(shared_data / "bank_marketing" / "bank-full.csv.gz")
    yes = frame["y"] == "yes"
    found = measured("marital", frame["marital"], yes, yes.to_numpy(), "married")
    assert found["label_parity_difference", "marital=single"].value == pytest.approx(0.150 - 0.101, abs=1e-3)
    assert found["impact_ratio", "marital=single"].value == pytest.approx(0.150 / 0.101, abs=0.02)


@pytest.mark.data
def test_a_model_that_refuses_everybody_is_fair_and_useless(shared_data: Path) -> None:
    """Credit default: both published gaps are 0.0, at an accuracy of 0.78 and a balanced accuracy of 0.5."""
    frame = pd.read_csv(shared_data / "credit_default_taiwan" / "credit-card-clients.csv.gz")
    default = frame["default payment"] == 1
    found = measured("SEX", frame["SEX"], default, np.zeros(len(frame)), "2")
    assert found["label_parity_difference", "SEX=1"].value == pytest.approx(0.242 - 0.208, abs=1e-3)
    assert found["parity_difference", "SEX=1"].value == found["odds_difference", "SEX=1"].value == 0.0
    assert found["accuracy", None].value == pytest.approx(0.7788, abs=1e-4)
    assert found["balanced_accuracy", None].value == 0.5 and found["mcc", None].value in (None, 0.0)


@pytest.mark.parametrize(("n", "m"), [(100, 400), (1_000, 300), (60, 60)])
def test_the_least_gap_is_seen_in_four_windows_of_five(n: int, m: int) -> None:
    """Newcombe's interval leaves 0 out in 75 to 86 % of 1,000 windows with just that gap: the formula is the normal law's."""
    rng = np.random.default_rng(n)
    share = 0.3
    least = detectable_parity_difference([n, round(share * n), 0, 0, 0, 0], [m, round(share * m), 0, 0, 0, 0]).value
    assert least is not None
    # The gap is laid about the common share, as the formula takes it.
    p, q = share - least * m / (n + m), share + least * n / (n + m)
    seen = 0
    for _ in range(1_000):
        found = parity_difference([n, int(rng.binomial(n, p)), 0, 0, 0, 0], [m, int(rng.binomial(m, q)), 0, 0, 0, 0])
        assert found.low is not None and found.high is not None
        seen += found.low > 0.0 or found.high < 0.0
    assert 720 <= seen <= 880


def test_nothing_can_be_seen_of_no_rows() -> None:
    """Which is told, and is no gap of any size."""
    nobody, some = [0] * 6, [50, 20, 15, 5, 25, 5]
    for metric in (detectable_parity_difference, detectable_opportunity_difference):
        assert metric(nobody, nobody).value is None and metric(nobody, some).value is None
        assert "0" in (metric(nobody, some).reason or "")
