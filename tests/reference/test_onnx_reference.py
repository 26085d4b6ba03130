"""The ONNX predictor against tensors stored with models, and against ONNX's own reference evaluator."""

import io
import tarfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from monitor.predictors.onnx import OnnxPredictor

CASES = ("Linear_no_bias", "ELU", "Tanh", "Sigmoid", "Softplus", "LeakyReLU", "ReLU")


def stored(archive: Path, case: str) -> tuple[bytes, np.ndarray, np.ndarray]:
    """Model, first input and first output of one case."""
    with tarfile.open(archive) as files:

        def read(name: str) -> bytes:
            member = files.extractfile(f"pytorch-converted/test_{case}/{name}")
            assert member is not None
            return member.read()

        def tensor(name: str) -> np.ndarray:
            return numpy_helper.to_array(onnx.load_tensor(io.BytesIO(read(f"test_data_set_0/{name}.pb"))))

        return read("model.onnx"), tensor("input_0"), tensor("output_0")


@pytest.mark.data
@pytest.mark.parametrize("case", CASES)
def test_stored_outputs_are_reproduced(case: str, shared_data: Path, tmp_path: Path) -> None:
    """Each column of each stored output, at the tolerance of ONNX's own back-end tests."""
    model, given, expected = stored(shared_data / "onnx_models" / "onnx_backend_cases.tar.gz", case)
    path = tmp_path / "model.onnx"
    path.write_bytes(model)
    rows, outputs = given.reshape(len(given), -1).astype(np.float64), expected.reshape(len(given), -1)
    names = [f"x_{i}" for i in range(rows.shape[1])]
    for column in range(min(3, outputs.shape[1])):
        found = OnnxPredictor(path, names, positive=column).predict(rows)
        np.testing.assert_allclose(found, outputs[:, column], rtol=1e-3, atol=1e-7)


@pytest.mark.data
@pytest.mark.parametrize("name", ["treecl.onnx", "treecl3.onnx"])
def test_tree_ensembles_score_as_the_reference_evaluator(name: str, shared_data: Path) -> None:
    """ONNX's Python evaluator is slow and independent of the runtime."""
    path = shared_data / "onnx_models" / name
    graph = onnx.load(path)
    node = next(n for n in graph.graph.node if "Tree" in n.op_type)
    width = max(next(a.ints for a in node.attribute if a.name == "nodes_featureids")) + 1
    rows = np.random.default_rng(1).uniform(0, 8, (50, width))
    probabilities = ReferenceEvaluator(graph).run(["proba_0"], {"input": rows.astype(np.float32)})[0]
    for column in range(probabilities.shape[1]):
        found = OnnxPredictor(path, [f"x_{i}" for i in range(width)], positive=column).predict(rows)
        np.testing.assert_allclose(found, probabilities[:, column], atol=1e-5)


@pytest.mark.data
def test_an_image_model_with_a_fixed_batch_is_scored_row_by_row(shared_data: Path) -> None:
    """Shape 1 x 1 x 28 x 28: a row of 784 columns is one image, and rows beyond the first are scored too."""
    path = shared_data / "onnx_models" / "mnist.onnx"
    rows = np.random.default_rng(2).uniform(0, 255, (5, 784))
    predictor = OnnxPredictor(path, [f"x_{i}" for i in range(784)], positive=3)
    evaluator = ReferenceEvaluator(onnx.load(path))
    expected = [evaluator.run(None, {"Input3": row.reshape(1, 1, 28, 28).astype(np.float32)})[0][0, 3] for row in rows]
    np.testing.assert_allclose(predictor.predict(rows), expected, rtol=1e-3)
