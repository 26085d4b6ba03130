"""The metrics of groups against AIF360 itself, with the sign map of docs/fairness.md: on random rows, and on the data sets it is known by."""

import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from monitor.definitions import Label, MonitoredModel, Prediction
from monitor.findings import Value
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from tests.monitor.tiles.samples import rows

SIGNS: dict[str, tuple[str, int]] = {
    "statistical_parity_difference": ("parity_difference", 1),
    "disparate_impact": ("impact_ratio", 1),
    "equal_opportunity_difference": ("equal_opportunity_difference", 1),
    "false_positive_rate_difference": ("false_positive_rate_difference", 1),
    "equalized_odds_difference": ("odds_difference", 1),
    "average_odds_difference": ("average_odds_difference", 1),
    "false_discovery_rate_difference": ("predictive_parity_difference", -1),
    "false_omission_rate_difference": ("negative_predictive_value_difference", -1),
    "error_rate_difference": ("accuracy_difference", -1),
    "generalized_entropy_index": ("generalized_entropy", 1),
}
"""AIF360's name of a metric of predictions → ours, and the sign between them."""


@pytest.fixture(scope="module")
def theirs() -> Iterator[Callable[[np.ndarray, np.ndarray, np.ndarray], dict[str, float]]]:
    """AIF360's figures of (in the group, label, prediction); it warns of extras that are not installed."""
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from aif360.datasets import BinaryLabelDataset  # noqa: PLC0415  (its import warns)
        from aif360.metrics import BinaryLabelDatasetMetric, ClassificationMetric  # noqa: PLC0415
    logging.root.setLevel(level)

    def of(group: np.ndarray, label: np.ndarray, said: np.ndarray) -> dict[str, float]:
        def dataset(outcome: np.ndarray) -> Any:
            frame = pd.DataFrame({"group": group.astype(float), "y": outcome.astype(float)})
            return BinaryLabelDataset(df=frame, label_names=["y"], protected_attribute_names=["group"])

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sides = {"unprivileged_groups": [{"group": 1.0}], "privileged_groups": [{"group": 0.0}]}
            found = ClassificationMetric(dataset(label), dataset(said), **sides)
            told = {name: float(getattr(found, name)()) for name in SIGNS}
            return told | {
                "mean_difference": float(BinaryLabelDatasetMetric(dataset(label), **sides).mean_difference())
            }

    yield of


def ours(column: str, group: np.ndarray, label: np.ndarray, said: np.ndarray) -> dict[str, Value]:
    """Every metric of the group against the rest."""
    model = MonitoredModel(
        "m",
        task="binary",
        prediction=Prediction(class_="said"),
        label=Label("y"),
        groups=(column,),
        base_groups={column: "base"},
        metrics=(*(name for name, _ in SIGNS.values()), "label_parity_difference"),
    )
    named = np.where(group, "group", "base").astype(object)
    made = rows({column: list(named), "said": said.astype(int)}, label=label.astype(int))
    baseline = build_baseline(made, model, time_ordered=False)
    return {m.metric: m.value for m in measure(baseline, baseline.tiles, model) if m.slice == f"{column}=group"}


def same(found: dict[str, Value], told: dict[str, float]) -> None:
    for name, (own, sign) in SIGNS.items():
        assert found[own].value == pytest.approx(sign * told[name], abs=1e-12), name
    assert found["label_parity_difference"].value == pytest.approx(told["mean_difference"], abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_on_random_rows_at_many_prefixes(theirs, seed) -> None:
    """A model that favours the base group, from sixty rows on."""
    rng = np.random.default_rng(seed)
    group, label = rng.random(3_000) < 0.35, rng.random(3_000) < 0.4
    said = rng.random(3_000) < 0.25 + 0.4 * label + 0.15 * ~group
    for n in (60, 150, 1_000, 3_000):
        same(ours("sex", group[:n], label[:n], said[:n]), theirs(group[:n], label[:n], said[:n]))


def table(shared: Path, name: str) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """(rows, in the group, positive label) of one of the data sets."""
    if name == "adult":
        frame = pd.read_parquet(shared / "adult_census" / "adults.parquet")
        text = {column: frame[column].astype(str).str.strip() for column in ("sex", "class")}
        return frame, (text["sex"] == "Female").to_numpy(), (text["class"] == ">50K").to_numpy()
    if name == "compas":
        frame = pd.read_csv(shared / "compas" / "compas-scores-two-years.csv.gz")
        frame = frame[frame["race"].isin(["African-American", "Caucasian"])]
        return frame, (frame["race"] == "African-American").to_numpy(), (frame["two_year_recid"] == 0).to_numpy()
    if name == "german":
        frame = pd.read_csv(shared / "german_credit" / "german_data_credit.csv.gz")
        return frame, (frame["age"] <= 25).to_numpy(), (frame["class-label"] == 1).to_numpy()
    frame = pd.read_csv(shared / "bank_marketing" / "bank-full.csv.gz")
    return frame, (frame["marital"] == "single").to_numpy(), (frame["y"] == "yes").to_numpy()


FEATURES = {
    "adult": ["age", "education-num", "hours-per-week", "capital-gain"],
    "compas": ["age", "priors_count", "decile_score"],
    "german": ["duration", "credit-amount", "age", "installment-rate"],
    "bank": ["age", "balance", "duration", "campaign", "previous"],
}


@pytest.mark.data
@pytest.mark.parametrize("name", FEATURES)
def test_on_the_data_sets_fairness_is_argued_on(theirs, shared_data: Path, name: str) -> None:
    """A logistic model of a few numbers, asked at the share of positives that the labels have."""
    frame, group, label = table(shared_data, name)
    numbers = frame[FEATURES[name]].to_numpy(np.float64)
    numbers = (numbers - numbers.mean(0)) / numbers.std(0)
    score = LogisticRegression(max_iter=1_000).fit(numbers, label).predict_proba(numbers)[:, 1]
    said = score >= np.quantile(score, 1 - label.mean())
    same(ours("protected", group, label, said), theirs(group, label, said))
