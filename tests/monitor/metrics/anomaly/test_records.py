"""What is written of an anomalous row: how rare, which features, with the values that came."""

import json

import numpy as np
import pytest

from monitor.definitions import Feature, MonitoredModel
from monitor.metrics.anomaly import ecod, records
from monitor.tiles.freeze import freeze
from monitor.tiles.rows import Column, Rows

MODEL = MonitoredModel("m", features=(Feature("x", "numeric"), Feature("c", "categorical")))


def rows_of(x: np.ndarray, c: np.ndarray | None = None) -> Rows:
    n = len(x)
    columns = {"x": Column(x), "c": Column(np.full(n, "a", object) if c is None else c)}
    return Rows(
        np.arange(n, dtype=np.int64) * 10,
        np.array([f"r{i}" for i in range(n)], object),
        np.zeros(n, np.int32),
        np.ones(n, np.int32),
        columns,
    )


@pytest.fixture(scope="module")
def detector() -> ecod.AnomalyModel:
    rng = np.random.default_rng(1)
    rows = rows_of(rng.normal(size=4_000), rng.choice(np.array(["a", "b"], object), 4_000))
    found = ecod.fit(rows, freeze(rows, MODEL), MODEL)
    assert found is not None
    return found


def test_the_odd_row_is_written_with_its_features_largest_first(detector: ecod.AnomalyModel) -> None:
    """Id, time, p, score and the contributing value are those of the row."""
    found = records.anomalies(rows_of(np.array([0.0, 50.0, 0.1])), detector, 0.001)
    assert [(r["prediction_id"], r["time_ns"], r["features"][0]["feature"]) for r in found] == [("r1", 10, "x")]
    assert found[0]["features"][0]["value"] == 50.0
    assert found[0]["p"] <= 0.001 and found[0]["discovery"]


def test_contributions_of_a_record_add_up_to_its_score(detector: ecod.AnomalyModel) -> None:
    """Both features of the row are among the five that are written."""
    (found,) = records.anomalies(rows_of(np.array([50.0])), detector, 0.001)
    assert sum(f["contribution"] for f in found["features"]) == pytest.approx(found["score"])


@pytest.mark.parametrize(("value", "written"), [(np.nan, None), (np.inf, "Infinity"), (-np.inf, "-Infinity")])
def test_records_are_strict_json(detector: ecod.AnomalyModel, value: float, written: object) -> None:
    """What is no number is null or a word, never NaN."""
    (found,) = records.anomalies(rows_of(np.array([value]), np.array(["zzz"], object)), detector, 0.01)
    assert {f["feature"]: f["value"] for f in found["features"]} == {"x": written, "c": "zzz"}
    json.dumps(found, allow_nan=False)


def test_the_rarest_are_kept_where_there_are_more_than_asked(detector: ecod.AnomalyModel) -> None:
    """The tile counts all, the records are the worst."""
    tile, found = records.measure(rows_of(np.linspace(-9, 9, 101)), detector, 0.01, most=3)
    assert tile.anomalous > 3 and len(found) == 3
    assert [r["score"] for r in found] == sorted((r["score"] for r in found), reverse=True)


def test_discoveries_above_the_level_are_written_too(detector: ecod.AnomalyModel) -> None:
    """Where half a window is odd, the false discovery set is wider than the anomaly level."""
    window = rows_of(np.concatenate([np.zeros(100), np.full(100, 3.2)]))
    tile, found = records.measure(window, detector, 0.0006)
    assert tile.recorded == 100 == len(found)
    assert tile.anomalous < 100


def test_a_window_without_rows_has_no_records(detector: ecod.AnomalyModel) -> None:
    """Empty in, empty out."""
    assert records.anomalies(rows_of(np.zeros(0)), detector, 0.001) == []
