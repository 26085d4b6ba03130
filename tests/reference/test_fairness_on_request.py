"""The group metrics that are measured on request: plain shares, SageMaker Clarify's and COMPAS's published figures."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from monitor.definitions import Label, MonitoredModel, Prediction
from monitor.findings import Status, Value
from monitor.metrics.bias.accuracy_difference import accuracy_difference
from monitor.metrics.bias.average_odds_difference import average_odds_difference
from monitor.metrics.bias.equal_opportunity_difference import equal_opportunity_difference
from monitor.metrics.bias.false_positive_rate_difference import false_positive_rate_difference
from monitor.metrics.bias.impact_ratio import impact_ratio
from monitor.metrics.bias.odds_difference import odds_difference
from monitor.metrics.bias.predictive_parity_difference import predictive_parity_difference
from monitor.metrics.bias.treatment_equality import treatment_equality
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.profile import profile
from tests.monitor.tiles.samples import rows

Metric = Callable[[Sequence[int], Sequence[int]], Value]
ON_REQUEST: dict[str, Metric] = {
    "odds_difference": odds_difference,
    "average_odds_difference": average_odds_difference,
    "false_positive_rate_difference": false_positive_rate_difference,
    "predictive_parity_difference": predictive_parity_difference,
    "accuracy_difference": accuracy_difference,
    "treatment_equality": treatment_equality,
}
MODEL = MonitoredModel(
    "m",
    task="binary",
    prediction=Prediction(class_="yhat"),
    label=Label("y"),
    groups=("sex",),
    metrics=tuple(ON_REQUEST),
)
NOBODY = [0, 0, 0, 0, 0, 0]
every = pytest.mark.parametrize("metric", ON_REQUEST.values(), ids=ON_REQUEST)


def expected(said: np.ndarray, y: np.ndarray) -> dict[str, float]:
    right, selected, positive = said == y, said == 1, y == 1
    return {
        "tpr": said[positive].mean(),
        "fpr": said[~positive].mean(),
        "ppv": y[selected].mean(),
        "accuracy": right.mean(),
        "ratio": (~selected & positive).sum() / (selected & ~positive).sum(),
    }


def test_values_are_the_shares_of_the_rows() -> None:
    """Group less base group at many prefixes, each within its interval."""
    rng = np.random.default_rng(1)
    n = 2_000
    sex = rng.choice(["F", "M"], n, p=[0.4, 0.6])
    y = rng.integers(0, 2, n)
    said = (rng.random(n) < 0.3 + 0.3 * y + 0.2 * (sex == "M")).astype(int)
    made = rows({"sex": list(sex), "yhat": said}, label=y)
    baseline = build_baseline(made, MODEL, time_ordered=True)
    for m in (50, 100, 500, 2_000):
        tiles = profile(made.take(slice(0, m)), baseline.grids, MODEL)
        found = {x.metric: x.value for x in measure(baseline, tiles, MODEL) if x.slice == "sex=F"}
        f, b = (expected(said[:m][sex[:m] == s], y[:m][sex[:m] == s]) for s in "FM")
        gaps = {key: f[key] - b[key] for key in f}
        wanted = {
            "odds_difference": max(abs(gaps["tpr"]), abs(gaps["fpr"])),
            "average_odds_difference": (gaps["tpr"] + gaps["fpr"]) / 2,
            "false_positive_rate_difference": gaps["fpr"],
            "predictive_parity_difference": gaps["ppv"],
            "accuracy_difference": gaps["accuracy"],
            "treatment_equality": gaps["ratio"],
        }
        for name, value in wanted.items():
            one = found[name]
            assert one.value == pytest.approx(value, abs=1e-12), name
            assert one.value is not None and one.low is not None and one.high is not None
            assert one.low <= one.value <= one.high


def test_clarifys_frame_of_twelve_rows_has_clarifys_figures() -> None:
    """DI 10/7, RD -2/3, SD 1/6, DAR -1/2, AD -13/35, TE -1/2, with the signs of the map in docs/fairness.md."""
    sex = np.array(list("MFFMFMFFMMFF"))
    y = np.array([0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0])
    said = np.array([1, 1, 1, 0, 0, 0, 1, 1, 0, 1, 0, 0])
    made = rows({"sex": list(sex), "yhat": said}, label=y)
    tile = profile(made, build_baseline(made, MODEL, time_ordered=False).grids, MODEL).groups["sex"]
    f, m = (tile.counts[tile.groups.index(name)].tolist() for name in "FM")
    assert impact_ratio(f, m).value == pytest.approx(10 / 7)
    assert equal_opportunity_difference(f, m).value == pytest.approx(2 / 3)
    assert false_positive_rate_difference(f, m).value == pytest.approx(-1 / 6)
    assert predictive_parity_difference(f, m).value == pytest.approx(1 / 2)
    assert accuracy_difference(f, m).value == pytest.approx(13 / 35)
    assert treatment_equality(f, m).value == pytest.approx(-1 / 2)


def test_the_published_figures_of_compas() -> None:
    """ProPublica's counts of Black and white defendants: FPR 44.85 and 23.45, FNR 27.99 and 47.72, PPV 0.63 and 0.59."""
    black, white = [3696, 2174, 1369, 805, 990, 532], [2454, 854, 505, 349, 1139, 461]
    assert false_positive_rate_difference(black, white).value == pytest.approx(0.4485 - 0.2345, abs=1e-4)
    assert predictive_parity_difference(black, white).value == pytest.approx(0.63 - 0.59, abs=0.01)
    assert odds_difference(black, white).value == pytest.approx(0.2140, abs=2e-4)
    assert average_odds_difference(black, white).value == pytest.approx((0.2140 + 0.4772 - 0.2799) / 2, abs=2e-4)
    assert treatment_equality(black, white).value == pytest.approx(532 / 805 - 461 / 349)
    # Unfair beyond chance by both error rates, and not by accuracy: that was the dispute.
    for metric in (odds_difference, average_odds_difference):
        low = metric(black, white).low
        assert low is not None and low > 0.1
    found = accuracy_difference(black, white)
    assert found.low is not None and found.high is not None and found.low > -0.06 and found.high < 0.02


@pytest.mark.data
def test_compas_rows_give_those_counts(shared_data: Path) -> None:
    """From the file itself, through the tiles."""
    frame = pd.read_csv(shared_data / "compas" / "compas-scores-two-years.csv.gz")
    model = MonitoredModel(
        "compas",
        task="binary",
        prediction=Prediction(class_="high"),
        label=Label("two_year_recid"),
        groups=("race",),
        base_groups={"race": "Caucasian"},
        metrics=tuple(ON_REQUEST),
    )
    made = rows(
        {"race": list(frame["race"]), "high": (frame["decile_score"] >= 5).to_numpy().astype(int)},
        label=frame["two_year_recid"].to_numpy(),
    )
    baseline = build_baseline(made, model, time_ordered=False)
    found = {
        x.metric: x.value.value for x in measure(baseline, baseline.tiles, model) if x.slice == "race=African-American"
    }
    assert found["false_positive_rate_difference"] == pytest.approx(0.4485 - 0.2345, abs=1e-4)
    assert found["odds_difference"] == pytest.approx(0.2140, abs=2e-4)


@every
def test_groups_without_a_label_have_no_data(metric: Metric) -> None:
    """Nothing came, or nothing yet."""
    assert metric(NOBODY, NOBODY).status is Status.NO_DATA
    found = metric([40, 20, 0, 0, 0, 0], [60, 30, 0, 0, 0, 0])
    assert found.status is Status.NO_DATA and found.n_missing == 100


@every
def test_a_rate_of_no_rows_is_undefined(metric: Metric) -> None:
    """Neither fair nor unfair, whichever side lacks them."""
    some = [50, 20, 15, 5, 25, 5]
    for group, base in ((NOBODY, some), (some, NOBODY)):
        found = metric(group, base)
        assert (found.value, found.status) == (None, Status.UNDEFINED) and found.reason


def test_a_group_without_negatives_or_errors_is_undefined_where_it_matters() -> None:
    """And measured where it does not."""
    only_positives, some = [20, 15, 15, 0, 0, 5], [50, 20, 15, 5, 25, 5]
    for metric in (odds_difference, average_odds_difference, false_positive_rate_difference, treatment_equality):
        assert metric(only_positives, some).status is Status.UNDEFINED
    assert accuracy_difference(only_positives, some).status is Status.OK


@every
def test_intervals_cover_the_true_gap(metric: Metric) -> None:
    """In at least 92 % of 500 samples of 200 and 400 rows."""
    rng = np.random.default_rng(2)
    laws = np.array([0.25, 0.15, 0.4, 0.2]), np.array([0.35, 0.1, 0.45, 0.1])
    large = [[10**7, 0, *(law * 10**7).astype(int).tolist()] for law in laws]
    true = metric(*large).value
    assert true is not None
    covered = 0
    for _ in range(500):
        drawn = [[n, 0, *rng.multinomial(n, law).tolist()] for n, law in zip((200, 400), laws, strict=True)]
        found = metric(*drawn)
        assert found.low is not None and found.high is not None
        covered += found.low <= true <= found.high
    assert covered >= 460


def test_equal_groups_have_no_odds_difference_beyond_chance() -> None:
    """The maximum is biased upward; its lower end is 0 in 95 of 100 samples."""
    rng = np.random.default_rng(3)
    law = np.array([0.3, 0.15, 0.4, 0.15])
    above = 0
    for _ in range(500):
        found = odds_difference(*([n, 0, *rng.multinomial(n, law).tolist()] for n in (100, 300)))
        above += (found.low or 0.0) > 0.0
    assert above <= 25 + 2 * np.sqrt(500 * 0.05 * 0.95)
