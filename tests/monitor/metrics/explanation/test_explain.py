"""A window's explanations: which predictions, what is written, what the tile sums."""

import json

import numpy as np
import numpy.typing as npt
import pytest

from monitor.definitions import Explain
from monitor.metrics.explanation.explain import explain
from monitor.tiles.rows import Column, Rows

WEIGHTS = np.array([1.0, -2.0, 0.0])


class Linear:
    """A working model: scores x @ WEIGHTS, cannot score NaN."""

    features = ("a", "b", "c")

    def matrix(self, rows: Rows) -> npt.NDArray[np.float64]:
        return np.column_stack([rows.columns[n].values.astype(np.float64) for n in self.features])

    def predict(self, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(rows @ WEIGHTS)


def drawn(n: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 3))
    columns = {name: Column(x[:, i]) for i, name in enumerate("abc")}
    columns["p"] = Column(x @ WEIGHTS)
    return Rows(
        np.arange(n, dtype=np.int64),
        np.array([f"r{i}" for i in range(n)], object),
        np.zeros(n, np.int32),
        np.ones(n, np.int32),
        columns,
    )


def test_each_record_names_the_prediction_and_its_features() -> None:
    """Prediction, base, attributions with values, and what the server answered."""
    rows, background = drawn(5, 1), drawn(50, 2)
    records, _ = explain(rows, Linear(), background, Explain(sample=None), served="p")
    first = records[0]
    phi = {f["feature"]: f["phi"] for f in first["features"]}
    assert first["prediction_id"] == "r0" and first["method"] == "exact"
    assert first["prediction"] == pytest.approx(first["served"])
    assert phi["b"] == pytest.approx(-2 * (rows.columns["b"].values[0] - background.columns["b"].values.mean()))
    assert sum(phi.values()) + first["rest"] + first["base"] == pytest.approx(first["prediction"])
    json.dumps(records, allow_nan=False)


def test_the_tile_sums_the_attributions() -> None:
    """Sums of phi, |phi| and phi^2 over the explained predictions."""
    rows, background = drawn(40, 3), drawn(50, 4)
    records, tile = explain(rows, Linear(), background, Explain(sample=None))
    phi = np.array([{f["feature"]: f["phi"] for f in r["features"]}["a"] for r in records])
    assert tile.explained == 40
    assert [tile.sums[0], tile.absolute_sums[0], tile.square_sums[0]] == pytest.approx(
        [phi.sum(), np.abs(phi).sum(), (phi**2).sum()]
    )


def test_a_sample_is_explained_and_revisions_explain_the_same_ones() -> None:
    """Late rows displace few of the chosen predictions; the others keep their attributions to the bit."""
    background = drawn(30, 5)
    rows = drawn(1_000, 6)
    early, _ = explain(rows.take(slice(0, 950)), Linear(), background, Explain(sample=100))
    late, _ = explain(rows, Linear(), background, Explain(sample=100))
    by_id = {r["prediction_id"]: r for r in late}
    kept = [r for r in early if r["prediction_id"] in by_id]
    assert len(early) == len(late) == 100 and len(kept) >= 85
    assert all(by_id[r["prediction_id"]] == r for r in kept)


def test_rows_that_the_model_cannot_score_have_no_record() -> None:
    """A NaN prediction is not explained and not in the tile."""
    rows = drawn(4, 7)
    a = rows.columns["a"].values.copy()
    a[1] = np.nan
    broken = Rows(rows.time_ns, rows.id, rows.row, rows.of, {**rows.columns, "a": Column(a)})
    records, tile = explain(broken, Linear(), drawn(20, 8), Explain(sample=None))
    assert [r["prediction_id"] for r in records] == ["r0", "r2", "r3"] and tile.explained == 3


def test_an_empty_window_has_an_empty_tile() -> None:
    """No rows, no records, a tile that merges as neutral."""
    records, tile = explain(drawn(0, 9), Linear(), drawn(20, 10), Explain())
    _, other = explain(drawn(5, 11), Linear(), drawn(20, 10), Explain())
    assert records == [] and tile.merge(other).sums.tolist() == other.sums.tolist()
