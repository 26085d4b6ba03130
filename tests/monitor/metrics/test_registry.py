"""The list of metrics: the contract's names, and a measurement or a reason for everything that was asked."""

import inspect
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.definitions import Check, ColumnRule, CostMatrix, Feature, Label, MonitoredModel, Prediction
from monitor.errors import InvalidInput
from monitor.findings import AlertKind, Measurement, Status
from monitor.metrics.estimation import freeze
from monitor.metrics.registry import METRICS, SERVICE, STANDARD, STREAMING, check_names, enabled, measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.merge import merge
from monitor.tiles.profile import profile
from monitor.tiles.rows import Rows
from monitor.tiles.tileset import TileSet
from tests.monitor.tiles.samples import BINARY, mixed, rows

CONTRACT = {
    "ks_statistic": "outrider_drift_ks_statistic",
    "psi": "outrider_drift_psi",
    "js_distance": "outrider_drift_js_distance",
    "wasserstein_normalized": "outrider_drift_wasserstein_normalized",
    "chi2_statistic": "outrider_drift_chi2_statistic",
    "correlation_distance": "outrider_drift_correlation_distance",
    "missing_ratio": "outrider_missing_ratio",
    "unseen_ratio": "outrider_unseen_ratio",
    "anomaly_ratio": "outrider_anomaly_ratio",
    "accuracy": "outrider_accuracy_ratio",
    "f1": "outrider_f1_ratio",
    "roc_auc": "outrider_roc_auc",
    "log_loss": "outrider_log_loss",
    "rmse": "outrider_rmse",
    "mae": "outrider_mae",
    "parity_difference": "outrider_fairness_parity_difference",
    "impact_ratio": "outrider_fairness_impact_ratio",
    "equal_opportunity_difference": "outrider_fairness_equal_opportunity_difference",
}
DOCS = Path(__file__).parents[3] / "docs" / "metrics.md"
EVERYTHING = replace(
    BINARY,
    metrics="all",
    strata="colour",
    schema={"x": ColumnRule("number")},
    cost_matrix=CostMatrix(false_negative=1.0),
)
BASELINE_ROWS = mixed(np.random.default_rng(1), 3_000)
PLAIN = build_baseline(BASELINE_ROWS, EVERYTHING, time_ordered=True)
ESTIMATOR = freeze.fit(BASELINE_ROWS, PLAIN.grids, BINARY)
BASELINE = replace(
    PLAIN,
    estimator=ESTIMATOR,
    tiles=freeze.with_estimates(PLAIN.tiles, BASELINE_ROWS, ESTIMATOR, PLAIN.grids, BINARY),
)

OF_OTHER_TASKS = (
    "hamming_loss",
    "f1_micro",
    "f1_samples",
    "class_precision",
    "class_recall",
    "class_f1",
    "f1_weighted",
    "class_log_loss",
    "class_brier_score",
    "ranked_probability_score",
    "top_3_accuracy",
    "classwise_calibration_error",
    "top_label_calibration_error",
    "pinball_loss",
    "quantile_coverage",
    "interval_coverage",
    "ndcg",
    "mean_average_precision",
    "mean_reciprocal_rank",
    "precision_at_10",
    "estimated_class_precision",
    "estimated_class_recall",
    "estimated_class_f1",
    "estimated_class_roc_auc",
)
"""What a binary model has not."""


def profiled(window: Rows) -> TileSet:
    return freeze.with_estimates(profile(window, BASELINE.grids, EVERYTHING), window, ESTIMATOR, BASELINE.grids, BINARY)


def measured(
    window: Rows | TileSet, model: MonitoredModel = BINARY
) -> dict[tuple[str, str | None, str | None], Measurement]:
    tiles = window if isinstance(window, TileSet) else profiled(window)
    found = measure(BASELINE, tiles, model)
    by_name = {(m.metric, m.feature, m.slice): m for m in found}
    assert len(by_name) == len(found), "one measurement per metric, feature and slice"
    return by_name


def test_the_names_are_those_of_the_contract() -> None:
    """In JSON and in Prometheus; others may be more, each once."""
    names = {metric.name: metric.prometheus for metric in METRICS}
    assert len(names) == len(METRICS) == len(set(names.values()))
    assert CONTRACT.items() <= {metric.name: metric.prometheus for metric in STANDARD}.items()
    assert all(re.fullmatch(r"outrider_[a-z0-9_]+", name) for name in names.values())
    for metric in METRICS:
        area = {AlertKind.DRIFT: "drift_", AlertKind.FAIRNESS: "fairness_"}.get(metric.kind, "")
        assert metric.prometheus.startswith(f"outrider_{area}{metric.name}"), metric.name


def test_only_what_is_asked_for_is_measured() -> None:
    """The standard metrics always, others by their name, by a tolerance that needs them, or all."""
    asked = replace(BINARY, metrics=("mcc", "psi"), checks={"drift": Check(tolerance={"energy_distance": 0.2})})
    assert enabled(BINARY) == STANDARD
    assert {m.name for m in enabled(asked)} - {m.name for m in STANDARD} == {"mcc", "energy_distance"}
    assert len(enabled(asked)) == len(STANDARD) + 2
    assert enabled(replace(BINARY, metrics="all")) == METRICS
    window = mixed(np.random.default_rng(12), 100)
    standard = {m.name for m in STANDARD}
    assert {metric for metric, _, _ in measured(window)} <= standard
    assert {metric for metric, _, _ in measured(window, asked)} - standard == {"mcc", "energy_distance"}


def test_unknown_names_are_a_fault_with_the_known_ones() -> None:
    """Each with its place, all at once."""
    check_names(replace(BINARY, metrics="all"))
    check_names(replace(BINARY, metrics=("mcc",)))
    with pytest.raises(InvalidInput) as caught:
        check_names(replace(BINARY, metrics=("mc", "mcc", "energy")))
    first, second = caught.value.faults
    assert (first.where, first.found, second.where) == ("metrics[0]", "'mc'", "metrics[2]")
    assert "energy_distance" in first.expected and "all" in first.expected


def test_what_needs_labels_says_so() -> None:
    """Without labels it has no data, and what does not need them has."""
    window = replace(mixed(np.random.default_rng(13), 300), label=None)
    of_groups = {m.name: m.needs_labels for m in METRICS if m.kind is AlertKind.FAIRNESS}
    found = measured(window, EVERYTHING)
    for name, needs in of_groups.items():
        assert (found[name, None, "sex=F"].value.status is Status.NO_DATA) == needs, name
    guesses = ("estimated_", "reweighted_", "outside_support")
    assert all(
        metric.needs_labels != metric.name.startswith(guesses)
        for metric in METRICS
        if metric.kind is AlertKind.PERFORMANCE
    )


def test_every_metric_is_in_the_docs() -> None:
    """By both its names."""
    text = DOCS.read_text()
    assert [m.name for m in METRICS if f"`{m.name}`" not in text or f"`{m.prometheus}`" not in text] == []


def test_an_ordinary_window_is_measured_whole() -> None:
    """Every column, pair and group, each value within its interval."""
    found = measured(mixed(np.random.default_rng(2), 800), EVERYTHING)
    for (metric, feature, _), one in found.items():
        value = one.value
        if metric in ("anomaly_ratio", "attribution_rank_correlation", "reconstruction_error", "joint_mmd"):
            continue
        if feature in ("note.words", "note.sentence_words", "note.non_ascii"):  # the same of every note
            continue
        assert value.value is not None, (metric, feature, value.reason)
        assert value.low is not None and value.high is not None
        assert value.low <= value.value <= value.high and np.isfinite([value.low, value.high]).all(), (metric, feature)
        assert value.n_window > 0 and value.n_baseline > 0 and value.status is Status.OK
    assert {m for m, _, _ in found} >= {m.name for m in METRICS} - {
        *(
            "rmse",
            "mae",
            "estimated_rmse",
            "estimated_mae",
            "r2",
            "mean_error",
            "anomaly_ratio",
            "attribution_rank_correlation",
            *OF_OTHER_TASKS,
            *(metric.name for metric in (*STREAMING, *SERVICE)),
            "mmd",
            "projection_ks",
            "centroid_distance",
            "centroid_cosine_distance",
            *("freshness_seconds", "future_ratio"),  # of timestamps
        )
    }
    assert ("correlation_distance", "x~amount", None) in found
    assert ("parity_difference", None, "sex=F") in found and ("parity_difference", None, "sex=M") not in found


def test_kinds_follow_the_column() -> None:
    """The same drift metric is drift of a feature, of the prediction, of the label; holes are quality."""
    found = measured(mixed(np.random.default_rng(3), 500))
    assert found["js_distance", "x", None].kind is AlertKind.DRIFT
    assert found["js_distance", "p", None].kind is AlertKind.PREDICTION_DRIFT
    assert found["js_distance", "y", None].kind is AlertKind.LABEL_DRIFT
    assert found["missing_ratio", "p", None].kind is AlertKind.QUALITY
    assert ("missing_ratio", "y", None) not in found
    assert found["roc_auc", None, None].kind is AlertKind.PERFORMANCE
    assert found["impact_ratio", None, "sex=F"].kind is AlertKind.FAIRNESS


def test_text_is_measured_by_presence_alone() -> None:
    """There is no distribution of prose to compare."""
    found = measured(mixed(np.random.default_rng(4), 500))
    assert [metric for metric, feature, _ in found if feature == "note"] == ["missing_ratio"]


def test_a_feature_that_went_missing_is_spoken_of() -> None:
    """Every metric says so, and its missing ratio is 1."""
    window = mixed(np.random.default_rng(5), 400)
    columns = {name: column for name, column in window.columns.items() if name not in ("x", "colour")}
    found = measured(replace(window, columns=columns))
    for metric in ("ks_statistic", "js_distance", "psi", "wasserstein_normalized"):
        value = found[metric, "x", None].value
        assert (value.value, value.status) == (None, Status.NO_DATA) and "'x'" in (value.reason or "")
    assert found["missing_ratio", "x", None].value.value == 1.0
    assert found["missing_ratio", "colour", None].value.n_missing == 400
    assert found["unseen_ratio", "colour", None].value.status is Status.NO_DATA
    assert found["correlation_distance", "x~amount", None].value.status is Status.NO_DATA
    assert found["js_distance", "amount", None].value.status is Status.OK


def test_a_feature_without_a_usable_value_is_undefined() -> None:
    """Rows came, but nothing can be computed from them."""
    window = mixed(np.random.default_rng(6), 300)
    window.columns["x"].values[:] = np.nan
    found = measured(window)
    assert found["ks_statistic", "x", None].value.status is Status.UNDEFINED
    assert found["missing_ratio", "x", None].value.value == 1.0


def test_before_labels_come_performance_has_no_data() -> None:
    """Label drift and equal opportunity neither; parity needs none."""
    found = measured(replace(mixed(np.random.default_rng(7), 300), label=None))
    for key in (("roc_auc", None, None), ("js_distance", "y", None), ("equal_opportunity_difference", None, "sex=F")):
        assert found[key].value.status is Status.NO_DATA and "label" in (found[key].value.reason or "")
    assert found["parity_difference", None, "sex=F"].value.status is Status.OK


def test_an_empty_window_has_reasons_only() -> None:
    """No number stands for nothing."""
    for one in measured(BASELINE_ROWS.take(slice(0, 0)), EVERYTHING).values():
        assert one.value.value is None and one.value.reason
        assert one.value.status in (Status.NO_DATA, Status.UNDEFINED)


def test_what_is_declared_but_not_in_the_baseline_is_spoken_of() -> None:
    """Feature, prediction, group: each with its reason."""
    model = MonitoredModel(
        "m",
        task="binary",
        features=(Feature("x"), Feature("late", "numeric"), Feature("lost")),
        prediction=Prediction(score="q"),
        label=Label("y"),
        groups=("region",),
    )
    baseline = build_baseline(rows({"x": np.random.default_rng(8).normal(size=100)}), model, time_ordered=False)
    window = rows({"x": np.zeros(50), "late": np.zeros(50), "q": np.full(50, 0.7)}, label=[0, 1] * 25)
    found = {(m.metric, m.feature): m.value for m in measure(baseline, profile(window, baseline.grids, model), model)}
    for key in (
        ("ks_statistic", "late"),
        ("js_distance", "lost"),
        ("js_distance", "q"),
        ("parity_difference", "region"),
    ):
        assert found[key].status is Status.NO_DATA and "the baseline has no" in (found[key].reason or "")
    assert ("chi2_statistic", "late") not in found
    assert found["roc_auc", None].value == 0.5 and found["roc_auc", None].n_baseline == 0


def test_one_hopeless_column_does_not_stop_the_others() -> None:
    """Values beyond all arithmetic are undefined, the rest is measured."""
    rng = np.random.default_rng(9)
    model = MonitoredModel("m")
    made = rows({"wild": rng.normal(size=400) * 1e300, "tame": rng.normal(size=400), "one": np.full(400, 0.5)})
    baseline = build_baseline(made, model, time_ordered=False)
    found = {(m.metric, m.feature): m.value for m in measure(baseline, baseline.tiles, model)}
    assert found["wasserstein_normalized", "wild"].status is Status.UNDEFINED
    assert found["wasserstein_normalized", "one"].status is Status.UNDEFINED
    assert (
        found["ks_statistic", "wild"].value
        == found["ks_statistic", "tame"].value
        == found["js_distance", "one"].value
        == 0.0
    )
    assert (
        found[
            "correlation_distance", "one~tame" if ("correlation_distance", "one~tame") in found else "tame~one"
        ].status
        is Status.UNDEFINED
    )


def test_merged_windows_have_the_values_of_all_their_rows() -> None:
    """Metric of merged tiles equals metric of the whole."""
    window = mixed(np.random.default_rng(10), 900)
    parts = [profiled(window.take(slice(i, i + 300))) for i in (0, 300, 600)]
    merged, whole = measured(merge(parts), EVERYTHING), measured(window, EVERYTHING)
    assert merged.keys() == whole.keys()
    for key, one in whole.items():
        found, expected = merged[key].value, one.value
        assert (found.n_window, found.n_missing, found.status) == (
            expected.n_window,
            expected.n_missing,
            expected.status,
        )
        assert (found.value is None) == (expected.value is None)
        if key[0] == "flip_test":  # its neighbours are those of the row's own window
            continue
        assert found.value is None or found.value == pytest.approx(expected.value, rel=1e-9, abs=1e-12)


def test_rows_that_lack_a_column_in_some_merged_windows_are_missing_there() -> None:
    """A column that came back still has its hole."""
    window = mixed(np.random.default_rng(11), 100)
    here = profile(window, BASELINE.grids, BINARY)
    without = TileSet(100, features={k: v for k, v in here.features.items() if k != "amount"})
    assert measured(merge([here, without]))["missing_ratio", "amount", None].value.value == 0.5


def test_the_docstring_of_a_metric_is_its_page() -> None:
    """Formula, range, how to read it, when it misleads, reference, example."""
    sections = [
        "**What it tells.**",
        "**Formula.**",
        "**Range.**",
        "**How to read.**",
        "**When it misleads.**",
        "**Reference.**",
        ">>> ",
    ]
    for metric in METRICS:
        module = inspect.getmodule(type(metric))
        functions = [
            getattr(metric, name, None)
            for name in ("numeric", "categorical", "binary", "multiclass", "regression", "multilabel", "ranking", "of")
        ]
        pages = [inspect.getdoc(f) or "" for f in functions if f is not None]
        if hasattr(module, metric.name):
            pages.append(inspect.getdoc(getattr(module, metric.name)) or "")
        if metric.kind in (AlertKind.ANOMALY, AlertKind.ATTRIBUTION):
            continue  # wrapped; their own tests hold their pages
        assert any(all(section in page for section in sections) for page in pages), metric.name
