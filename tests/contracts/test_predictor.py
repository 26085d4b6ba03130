"""Contract of port `Predictor`: the same suite on ONNX Runtime and on the fake that tests of explanation use."""

import os
from collections.abc import Callable
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before skl2onnx

import numpy as np
import numpy.typing as npt
import pytest
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression

from monitor.definitions import Explain
from monitor.metrics.explanation.explain import explain
from monitor.ports import Predictor
from monitor.predictors.onnx import OnnxPredictor
from monitor.tiles.coding import numbers
from monitor.tiles.rows import Column, Rows

NAMES = ("a", "b", "c")
WEIGHTS = np.array([1.0, -2.0, 0.5])


class LinearPredictor:
    """A predictor that works without a runtime: x @ WEIGHTS, NaN where a value is missing."""

    features = NAMES

    def matrix(self, rows: Rows) -> npt.NDArray[np.float64]:
        found = np.full((len(rows), len(NAMES)), np.nan)
        for i, name in enumerate(NAMES):
            if name in rows.columns:
                values, missing = numbers(rows.columns[name])
                found[:, i] = values if missing is None else np.where(missing, np.nan, values)
        return found

    def predict(self, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(rows @ WEIGHTS)


def with_onnx(folder: Path) -> Predictor:
    x = np.random.default_rng(1).standard_normal((100, 3))
    model = LinearRegression().fit(x, x @ WEIGHTS)
    path = folder / "linear.onnx"
    path.write_bytes(to_onnx(model, x[:1].astype(np.float64), target_opset=18).SerializeToString())
    return OnnxPredictor(path, NAMES)


def with_fake(folder: Path) -> Predictor:
    return LinearPredictor()


@pytest.fixture(params=[with_onnx, with_fake], ids=["onnx", "fake"])
def predictor(request: pytest.FixtureRequest, tmp_path: Path) -> Predictor:
    make: Callable[[Path], Predictor] = request.param
    return make(tmp_path)


def rows_of(n: int, **changed: Column) -> Rows:
    x = np.random.default_rng(2).standard_normal((n, 3))
    columns = {name: Column(x[:, i]) for i, name in enumerate(NAMES)} | changed
    ids = np.array([str(i) for i in range(n)], object)
    return Rows(np.arange(n), ids, np.zeros(n, np.int32), np.ones(n, np.int32), columns)


def test_one_score_a_row_in_the_order_of_the_rows(predictor: Predictor) -> None:
    """Scores [n] of rows [n, features], float64."""
    matrix = predictor.matrix(rows_of(20))
    found = predictor.predict(matrix)
    assert matrix.shape == (20, 3) and found.dtype == np.float64
    np.testing.assert_allclose(found, matrix @ WEIGHTS, atol=1e-5)


def test_a_row_scores_alone_what_it_scores_in_a_batch(predictor: Predictor) -> None:
    """Batching is a matter of speed only."""
    matrix = predictor.matrix(rows_of(20))
    alone = [predictor.predict(matrix[i : i + 1])[0] for i in range(20)]
    np.testing.assert_allclose(predictor.predict(matrix), alone, rtol=1e-6)


def test_no_rows_give_no_scores(predictor: Predictor) -> None:
    """The empty batch is answered."""
    assert predictor.predict(np.zeros((0, 3))).shape == (0,)


def test_a_missing_value_is_nan_in_the_matrix(predictor: Predictor) -> None:
    """Null, NaN and a name where a number belongs."""
    names = np.array(["1.5", "atlantis", None], object)
    matrix = predictor.matrix(
        rows_of(3, a=Column(names), b=Column(np.zeros(3), np.array([False, True, False])), c=Column(np.full(3, np.nan)))
    )
    assert np.isnan(matrix).tolist() == [[False, False, True], [True, True, True], [True, False, True]]


def test_a_column_that_the_rows_lack_is_nan(predictor: Predictor) -> None:
    """A missing feature does not raise: its rows are not scored or scored as the model takes NaN."""
    rows = rows_of(2)
    rest = Rows(rows.time_ns, rows.id, rows.row, rows.of, {n: rows.columns[n] for n in "ab"})
    assert np.isnan(predictor.matrix(rest)[:, 2]).all()


def test_predictions_are_explained_with_an_exact_sum(predictor: Predictor) -> None:
    """What it is for: attributions of a linear model are w (x - mean of the background)."""
    rows, background = rows_of(10), rows_of(50)
    records, tile = explain(rows, predictor, background, Explain(sample=None))
    means = predictor.matrix(background).mean(axis=0)
    phi = {f["feature"]: f["phi"] for f in records[0]["features"]}
    expected = WEIGHTS * (predictor.matrix(rows)[0] - means)
    assert [phi[n] for n in NAMES] == pytest.approx(expected.tolist(), abs=1e-5)
    assert tile.explained == 10 and max(abs(r["residual"]) for r in records) < 1e-5
