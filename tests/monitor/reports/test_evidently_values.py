"""Evidently's metrics as measurements: its own numbers under our names, each with counts, and a reason where there is none."""

import numpy as np
import pytest
from scipy import stats

from monitor.definitions import Check, Feature, Label, MonitoredModel, Prediction
from monitor.definitions.evidently import NAMES, NEED_LABELS, PRESETS
from monitor.errors import InvalidInput
from monitor.findings import AlertKind, Measurement, Status
from monitor.metrics.foreign import FOREIGN, FOREIGN_METRICS
from monitor.metrics.registry import METRICS
from monitor.reports import evidently_values
from monitor.reports.evidently_values import values
from monitor.tiles.rows import Column, Rows

MODEL = MonitoredModel(
    "income",
    task="binary",
    features=(Feature("age", "numeric"), Feature("city", "categorical"), Feature("note", "text")),
    prediction=Prediction(score="p", class_="yhat"),
    label=Label("y"),
)


def rows_of(n: int, seed: int, *, shift: float = 0.0, labelled: int | None = 0, **changed: Column) -> Rows:
    """`labelled` rows have a label, all where None."""
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    columns = {
        "age": Column(rng.normal(40 + shift, 10, n), rng.random(n) < 0.1),
        "city": Column(rng.choice(np.array(["paris", "rome", "oslo"], object), n)),
        "note": Column(np.full(n, "secret", object)),
        "p": Column(p),
        "yhat": Column((p > 0.5).astype(np.int64)),
    } | changed
    absent = np.arange(n) >= (n if labelled is None else labelled)
    label = Column((rng.random(n) < p).astype(np.int64), absent if absent.any() else None)
    ids = np.array([f"{seed}-{i}" for i in range(n)], object)
    return Rows(np.arange(n), ids, np.zeros(n, np.int32), np.ones(n, np.int32), columns, label)


def by_name(found: list[Measurement]) -> dict[tuple[str, str | None], Measurement]:
    return {(m.metric, m.feature): m for m in found}


BEFORE, AFTER = rows_of(2_000, 1), rows_of(600, 2, shift=5.0, labelled=450)


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, str | None], Measurement]:
    return by_name(values(BEFORE, AFTER, MODEL, NAMES))


def there(column: Column) -> np.ndarray:
    numbers = np.asarray(column.values, np.float64)
    return numbers if column.missing is None else numbers[~column.missing]


def test_what_is_declared_is_what_is_shown() -> None:
    """Every metric that a declaration may name has a name of ours, none of them one of our own metrics."""
    forms = {name.split("(")[0] for name in FOREIGN}
    assert forms == set(NAMES) - set(PRESETS)
    ours = {m.name for m in METRICS} | {m.prometheus for m in METRICS}
    assert len({m.prometheus for m in FOREIGN_METRICS}) == len(FOREIGN_METRICS)
    assert not ours & {m.name for m in FOREIGN_METRICS} and not ours & {m.prometheus for m in FOREIGN_METRICS}
    assert {name for name, parts in FOREIGN.items() for one in parts if one.needs_labels} == NEED_LABELS - set(PRESETS)


def test_numbers_of_columns_are_those_of_numpy_and_scipy(found) -> None:
    """Means, quartiles, counts of missing values; the drift of a number by Wasserstein over the baseline's deviation."""
    age, before = there(AFTER.columns["age"]), there(BEFORE.columns["age"])
    expected = {
        "evidently_mean": age.mean(),
        "evidently_min": age.min(),
        "evidently_max": age.max(),
        "evidently_sum": age.sum(),
        "evidently_median": np.median(age),
        "evidently_quantile_25": np.quantile(age, 0.25),
        "evidently_std": age.std(ddof=1),
        "evidently_missing_values": 600 - len(age),
        "evidently_missing_values_share": 1 - len(age) / 600,
        "evidently_value_drift": stats.wasserstein_distance(age, before) / before.std(),
    }
    for name, number in expected.items():
        one = found[name, "age"]
        assert one.value.value == pytest.approx(number, rel=1e-3), name
        assert (one.value.n_baseline, one.value.n_window, one.value.n_missing) == (2_000, 600, 600 - len(age))
        assert one.kind is AlertKind.QUALITY and one.value.status is Status.OK and one.value.low is None
    assert (
        found["evidently_value_drift", "age"].value.reason == "Wasserstein distance (normed); Evidently's threshold 0.1"
    )
    assert found["evidently_unique_values", "city"].value.value == 3
    assert found["evidently_rows", None].value.value == 600
    assert ("evidently_mean", "city") not in found and not any(feature == "note" for _, feature in found)


def test_what_labels_tell_is_of_the_labelled_rows(found) -> None:
    """Accuracy, error rates and the ROC curve against plain sums, with the rows that have none counted."""
    truth, said = AFTER.label.values[:450], AFTER.columns["yhat"].values[:450]
    score = np.asarray(AFTER.columns["p"].values[:450], np.float64)
    ranks = stats.rankdata(score)
    positives = int(truth.sum())
    area = (ranks[truth == 1].sum() - positives * (positives + 1) / 2) / (positives * (450 - positives))
    expected = {
        "evidently_accuracy": (truth == said).mean(),
        "evidently_true_positive_rate": said[truth == 1].mean(),
        "evidently_false_positive_rate": said[truth == 0].mean(),
        "evidently_roc_auc": area,
        "evidently_log_loss": -np.log(np.where(truth == 1, score, 1 - score)).mean(),
    }
    for name, number in expected.items():
        one = found[name, None]
        assert one.value.value == pytest.approx(number, rel=1e-6), name
        assert one.kind is AlertKind.PERFORMANCE
        assert (one.value.n_baseline, one.value.n_window, one.value.n_missing) == (0, 450, 150)


def test_errors_of_numbers_and_of_several_classes() -> None:
    """The other two tasks."""
    rng = np.random.default_rng(3)
    truth, said = rng.normal(10, 2, 300), rng.normal(10, 2, 300)
    regression = MonitoredModel("m", prediction=Prediction(value="v"), label=Label("y"))
    rows = rows_of(300, 4, v=Column(said))
    rows = Rows(rows.time_ns, rows.id, rows.row, rows.of, rows.columns, Column(truth))
    told = by_name(values(rows, rows, regression, ["RegressionPreset"]))
    assert told["evidently_mae", None].value.value == pytest.approx(np.abs(said - truth).mean())
    assert told["evidently_rmse", None].value.value == pytest.approx(np.sqrt(np.square(said - truth).mean()))
    kinds = rng.choice(np.array(["a", "b", "c"], object), 300)
    classes = MonitoredModel("m", task="multiclass", prediction=Prediction(class_="k"), label=Label("y"))
    rows = rows_of(300, 5, k=Column(np.where(rng.random(300) < 0.6, kinds, "a").astype(object)))
    rows = Rows(rows.time_ns, rows.id, rows.row, rows.of, rows.columns, Column(kinds))
    told = by_name(values(rows, rows, classes, ["ClassificationPreset"]))
    assert told["evidently_accuracy", None].value.value == pytest.approx((rows.columns["k"].values == kinds).mean())


def test_what_there_is_nothing_of_has_a_reason() -> None:
    """No rows, no labels, no column with values, and a metric that fails costs no other its value."""
    nothing = rows_of(0, 6)
    (one,) = values(BEFORE, nothing, MODEL, ["DataDriftPreset"])
    assert one.metric == "evidently_data_drift_preset" and one.value.status is Status.NO_DATA
    (one,) = values(BEFORE, rows_of(50, 7), MODEL, ["Accuracy"])
    assert one.value.status is Status.NO_DATA and one.value.reason == "no label has come yet"
    bare = MonitoredModel("m", features=(Feature("elsewhere", "numeric"),))
    (one,) = values(BEFORE, AFTER, bare, ["ValueDrift"])
    assert one.value.status is Status.NO_DATA and one.value.reason == "no column has values on both sides"
    by_class = MonitoredModel("m", task="binary", prediction=Prediction(class_="yhat"), label=Label("y"))
    told = by_name(values(BEFORE, AFTER, by_class, ["RocAuc", "Accuracy"]))
    assert told["evidently_roc_auc", None].value.status is Status.UNDEFINED
    assert "Evidently failed" in (told["evidently_roc_auc", None].value.reason or "")
    assert told["evidently_accuracy", None].value.value is not None


def test_a_sample_is_said_and_a_declared_range_is_a_plain_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidently knows no interval: only where a range is declared do both ends stand at the value."""
    monkeypatch.setattr(evidently_values, "ROWS_MAX", 500)
    checked = MonitoredModel(
        "m",
        features=MODEL.features,
        checks={"quality": Check(tolerance={"evidently_drifted_columns_share": (0.0, 0.4)})},
    )
    told = by_name(values(BEFORE, AFTER, checked, ["DriftedColumnsCount"]))
    share = told["evidently_drifted_columns_share", None].value
    assert share.low == share.value == share.high and share.n_window == 500
    assert share.reason == "a sample of 500 of 600 rows"
    assert told["evidently_drifted_columns", None].value.low is None


def test_names_are_read_with_suspicion() -> None:
    """As Evidently spells them, each once."""
    model = MonitoredModel.from_document({"model": "m", "evidently": ["DataDriftPreset", "MeanValue"]})
    assert model.evidently == ("DataDriftPreset", "MeanValue")
    assert MonitoredModel.from_document(model.to_document()) == model
    with pytest.raises(InvalidInput, match=r"evidently\[1\]"):
        MonitoredModel.from_document({"model": "m", "evidently": ["MeanValue", "os.system"]})
