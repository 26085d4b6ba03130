"""The ONNX predictor: inputs cast and matched by the graph, the positive class found, faults told at load."""

import os
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before skl2onnx, which may import onnxruntime

import numpy as np
import pandas as pd
import pytest
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from monitor.definitions import MonitoredModel
from monitor.errors import InvalidInput
from monitor.predictors.onnx import OnnxPredictor
from monitor.tiles.rows import Column, Rows

NAMES = ("a", "b", "c")


def numbers(n: int = 200) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((n, len(NAMES)))


def rows_of(**columns: np.ndarray) -> Rows:
    n = len(next(iter(columns.values())))
    return Rows(
        np.arange(n, dtype=np.int64),
        np.array([f"p{i}" for i in range(n)], object),
        np.zeros(n, np.int32),
        np.ones(n, np.int32),
        {name: Column(values) for name, values in columns.items()},
    )


def saved(path: Path, model: object, example: np.ndarray, **options: object) -> Path:
    asked = {id(model): options} if options else None
    path.write_bytes(to_onnx(model, example, options=asked, target_opset={"": 18, "ai.onnx.ml": 3}).SerializeToString())
    return path


@pytest.fixture
def binary() -> LogisticRegression:
    x = numbers()
    return LogisticRegression().fit(x, (x[:, 0] - x[:, 1] > 0).astype(int))


@pytest.mark.parametrize("zipmap", [True, False, "columns"])
def test_the_probability_of_the_positive_class_is_found_in_every_form_of_output(
    tmp_path: Path, binary: LogisticRegression, zipmap: object
) -> None:
    """Tensor, sequence of maps and one output a class all give scikit-learn's probability of class 1."""
    options = {} if zipmap is True else {"zipmap": zipmap}
    path = saved(tmp_path / "m.onnx", binary, numbers(1).astype(np.float32), **options)
    x = numbers().astype(np.float32).astype(np.float64)
    found = OnnxPredictor(path, NAMES, positive=1).predict(x)
    np.testing.assert_allclose(found, binary.predict_proba(x)[:, 1], atol=1e-5)


def test_a_label_output_scores_one_for_the_positive_class(tmp_path: Path, binary: LogisticRegression) -> None:
    """Where the label is asked for, the score is whether it is the positive one."""
    path = saved(tmp_path / "m.onnx", binary, numbers(1).astype(np.float32), zipmap=False)
    found = OnnxPredictor(path, NAMES, output="label", positive=1).predict(numbers())
    np.testing.assert_array_equal(found, binary.predict(numbers()))


def test_the_first_class_can_be_the_positive_one(tmp_path: Path, binary: LogisticRegression) -> None:
    """`positive: 0` asks for the other column."""
    path = saved(tmp_path / "m.onnx", binary, numbers(1).astype(np.float32), zipmap=False)
    found = OnnxPredictor(path, NAMES, positive=0).predict(numbers())
    np.testing.assert_allclose(found, binary.predict_proba(numbers())[:, 0], atol=1e-5)


def test_a_regression_gives_its_value(tmp_path: Path) -> None:
    """One column of numbers is the score."""
    x = numbers()
    model = LinearRegression().fit(x, x @ [1.0, 2.0, 3.0])
    found = OnnxPredictor(saved(tmp_path / "m.onnx", model, x[:1].astype(np.float32)), NAMES).predict(x)
    np.testing.assert_allclose(found, x @ [1.0, 2.0, 3.0], atol=1e-5)


def mixed_model(path: Path) -> tuple[Path, object, object]:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {"age": rng.integers(18, 80, 300), "pay": rng.normal(3, 1, 300), "sex": rng.choice(["m", "f"], 300)}
    )
    encode = ColumnTransformer([("sex", OneHotEncoder(handle_unknown="ignore"), ["sex"])], remainder="passthrough")
    model = make_pipeline(encode, LogisticRegression()).fit(frame, (frame["sex"] == "f").astype(int))
    types = [
        ("age", Int64TensorType([None, 1])),
        ("pay", FloatTensorType([None, 1])),
        ("sex", StringTensorType([None, 1])),
    ]
    options = {id(model): {"zipmap": False}}
    onnx = to_onnx(model, initial_types=types, options=options, target_opset={"": 18, "ai.onnx.ml": 3})
    path.write_bytes(onnx.SerializeToString())
    return path, model, frame


def test_one_input_a_feature_is_cast_to_the_graphs_types(tmp_path: Path) -> None:
    """Whole numbers, numbers and texts reach a graph with an input of each type."""
    path, model, frame = mixed_model(tmp_path / "m.onnx")
    predictor = OnnxPredictor(path, ("age", "pay", "sex"), positive=1)
    columns = {"age": frame["age"].to_numpy(), "pay": frame["pay"].to_numpy(), "sex": frame["sex"].to_numpy(object)}
    found = predictor.predict(predictor.matrix(rows_of(**columns)))
    np.testing.assert_allclose(found, model.predict_proba(frame)[:, 1], atol=1e-5)


def test_a_row_with_a_gap_in_a_whole_number_is_not_scored(tmp_path: Path) -> None:
    """NaN cannot be an INT64: that row's score is NaN and the others are scored."""
    path, _, _ = mixed_model(tmp_path / "m.onnx")
    predictor = OnnxPredictor(path, ("age", "pay", "sex"), positive=1)
    age, pay = np.array([30.0, np.nan, 1.5]), np.array([1.0, 1.0, 1.0])
    found = predictor.predict(predictor.matrix(rows_of(age=age, pay=pay, sex=np.array(["m", "f", "m"], object))))
    assert np.isfinite(found).tolist() == [True, False, False]


@pytest.mark.parametrize("age", [2.0**63, -(2.0**64), 1e300, np.inf])
def test_a_number_beyond_the_type_is_not_scored(tmp_path: Path, age: float) -> None:
    """An INT64 cannot hold it: no score, and no number made of an overflow."""
    path, _, _ = mixed_model(tmp_path / "m.onnx")
    predictor = OnnxPredictor(path, ("age", "pay", "sex"), positive=1)
    rows = rows_of(age=np.array([age]), pay=np.ones(1), sex=np.array(["m"], object))
    assert np.isnan(predictor.predict(predictor.matrix(rows))).tolist() == [True]


def test_a_number_beyond_float32_is_scored_as_infinite(tmp_path: Path, binary: LogisticRegression) -> None:
    """Without a warning, whatever the model makes of it."""
    path = saved(tmp_path / "m.onnx", binary, numbers(1).astype(np.float32))
    assert OnnxPredictor(path, NAMES, positive=1).predict(np.array([[1e300, 0.0, 0.0]])).tolist() == [1.0]


def test_a_missing_text_is_not_scored(tmp_path: Path) -> None:
    """A null category is not the empty text."""
    path, _, _ = mixed_model(tmp_path / "m.onnx")
    predictor = OnnxPredictor(path, ("age", "pay", "sex"), positive=1)
    rows = rows_of(age=np.array([30, 40]), pay=np.ones(2), sex=np.array([None, "f"], object))
    assert np.isfinite(predictor.predict(predictor.matrix(rows))).tolist() == [False, True]


def test_categories_that_spell_numbers_reach_a_number_input(tmp_path: Path, binary: LogisticRegression) -> None:
    """A category "17" is 17 to the model, true is 1, and a name is not a number."""
    path = saved(tmp_path / "m.onnx", binary, numbers(1).astype(np.float32))
    text = np.array(["17", "true", "dormitory"], object)
    found = OnnxPredictor(path, NAMES, positive=1).matrix(rows_of(a=text, b=np.ones(3), c=np.ones(3)))
    np.testing.assert_array_equal(found[:, 0], [17.0, 1.0, np.nan])


def test_the_declaration_names_the_columns_of_a_tensor(tmp_path: Path, binary: LogisticRegression) -> None:
    """`tensors` gives the order of the columns, and `explain.onnx` is relative to the declaration's folder."""
    saved(tmp_path / "m.onnx", binary, numbers(1).astype(np.float32))
    model = MonitoredModel.from_document(
        {
            "model": "m",
            "features": ["c", "b", "a"],
            "tensors": {"X": ["a", "b", "c"]},
            "explain": {"onnx": "m.onnx"},
            "label": {"name": "y"},
        }
    )
    predictor = OnnxPredictor.of(model, tmp_path)
    x = numbers()
    matrix = predictor.matrix(rows_of(a=x[:, 0], b=x[:, 1], c=x[:, 2]))
    np.testing.assert_allclose(predictor.predict(matrix), binary.predict_proba(x)[:, 1], atol=1e-5)


@pytest.mark.parametrize(
    ("content", "expected"),
    [(None, "no file"), (b"", "an ONNX model"), (b"\x00" * 100, "an ONNX model"), (b"not a model", "an ONNX model")],
)
def test_a_file_that_is_no_model_is_refused_by_name(tmp_path: Path, content: bytes | None, expected: str) -> None:
    """The error names the file and what was expected."""
    path = tmp_path / "broken.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInput, match=f"broken.onnx.*{expected}"):
        OnnxPredictor(path, NAMES)


def test_a_wrong_number_of_features_is_told_at_load(tmp_path: Path, binary: LogisticRegression) -> None:
    """The error gives both counts."""
    path = saved(tmp_path / "m.onnx", binary, numbers(1).astype(np.float32))
    with pytest.raises(InvalidInput, match="found 2 columns, expected 3 columns"):
        OnnxPredictor(path, ("a", "b"))


def test_every_fault_of_the_input_mapping_is_told_at_once(tmp_path: Path, binary: LogisticRegression) -> None:
    """An unknown input, one without columns and an unknown column are three faults."""
    path = saved(tmp_path / "m.onnx", binary, numbers(1).astype(np.float32))
    with pytest.raises(InvalidInput) as caught:
        OnnxPredictor(path, NAMES, inputs={"Y": ("a", "b", "c")})
    assert len(caught.value.faults) == 2


def test_an_unknown_output_is_refused_with_the_known_ones(tmp_path: Path, binary: LogisticRegression) -> None:
    """The error lists what could have been meant."""
    path = saved(tmp_path / "m.onnx", binary, numbers(1).astype(np.float32), zipmap=False)
    with pytest.raises(InvalidInput, match="one of label, probabilities"):
        OnnxPredictor(path, NAMES, output="score")


def test_many_classes_need_a_positive_one(tmp_path: Path) -> None:
    """Three columns and no declared class: nothing is guessed."""
    x = numbers()
    model = LogisticRegression().fit(x, np.digitize(x[:, 0], [-0.5, 0.5]))
    path = saved(tmp_path / "m.onnx", model, x[:1].astype(np.float32), zipmap=False)
    with pytest.raises(InvalidInput, match="3 columns"):
        OnnxPredictor(path, NAMES)
    found = OnnxPredictor(path, NAMES, positive=2).predict(x)
    np.testing.assert_allclose(found, model.predict_proba(x)[:, 2], atol=1e-5)


def test_no_rows_give_no_scores(tmp_path: Path, binary: LogisticRegression) -> None:
    """An empty window is answered."""
    path = saved(tmp_path / "m.onnx", binary, numbers(1).astype(np.float32))
    assert len(OnnxPredictor(path, NAMES, positive=1).predict(np.zeros((0, 3)))) == 0
