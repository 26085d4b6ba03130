"""Tensors as columns: the shapes of the contract, and nothing lost when exchanges are joined."""

import array

import msgspec
import numpy as np

from collectors.records.types import Prediction, Tensor
from monitor.definitions import MonitoredModel
from monitor.jobs.columns import failures_of, fault_of, rows_of


def tensor(name: str, values: list[float], shape: tuple[int, ...], missing: tuple[int, ...] = ()) -> Tensor:
    return Tensor(name=name, shape=shape, datatype="FP64", data=array.array("d", values).tobytes(), missing=missing)


def prediction(number: int, *inputs: Tensor, rows: int = 1) -> Prediction:
    output = tensor("p", [0.5] * rows, (rows,))
    return Prediction(
        exchange=str(number),
        id=f"r{number}",
        id_source="body",
        model="m",
        version="1",
        time_ns=number * 1000,
        rows=rows,
        inputs=inputs,
        outputs=(output,),
    )


def model(**more: object) -> MonitoredModel:
    return MonitoredModel.from_document({"model": "m", **more})


def test_a_matrix_becomes_numbered_columns() -> None:
    """[n, k] is x_0 … x_{k-1}; [n] and [n, 1] are the column of the tensor's name."""
    rows = rows_of([prediction(1, tensor("x", [1, 2, 3, 4], (2, 2)), tensor("y", [5, 6], (2, 1)), rows=2)], None)
    assert list(rows.columns) == ["x_0", "x_1", "y", "p"]
    assert rows.columns["x_1"].values.tolist() == [2, 4]
    assert rows.prediction_ids() == ["r1/0", "r1/1"]


def test_the_declaration_names_columns() -> None:
    """`tensors: {x: [AGEP, SCHL]}` names them; `vector` keeps them together."""
    made = prediction(1, tensor("x", [1, 2], (1, 2)))
    assert list(rows_of([made], model(tensors={"x": ["AGEP", "SCHL"]})).columns) == ["AGEP", "SCHL", "p"]
    kept = rows_of([made], model(tensors={"x": "vector"})).columns["x"].values
    assert kept.shape == (1, 2)


def test_joined_exchanges_equal_separate_ones() -> None:
    """Exchanges of several signatures in one batch give the rows each would give alone."""
    rng = np.random.default_rng(3)
    made = []
    for number in range(40):
        n = int(rng.integers(1, 4))
        missing = (0,) if number % 5 == 0 else ()
        inputs = [tensor("x", rng.normal(size=2 * n).tolist(), (n, 2), missing)]
        if number % 3 == 0:
            inputs.append(Tensor(name="c", shape=(n,), datatype="BYTES", items=tuple(f"v{i}" for i in range(n))))
        made.append(prediction(number, *inputs, rows=n))
    together = rows_of(made, None).in_canonical_order()
    at = 0
    for one in made:
        alone = rows_of([one], None)
        for name, column in alone.columns.items():
            part = together.columns[name].take(slice(at, at + one.rows))
            gone = np.zeros(one.rows, bool) if part.missing is None else part.missing
            expected = np.zeros(one.rows, bool) if column.missing is None else column.missing
            assert gone.tolist() == expected.tolist()
            assert part.values[~gone].tolist() == column.values[~gone].tolist()
        at += one.rows


def test_half_precision_and_brain_floats_are_read() -> None:
    """FP16 and BF16 hold 1.5 in their own bits."""
    half = Tensor(name="h", shape=(1,), datatype="FP16", data=np.array([1.5], "<f2").tobytes())
    brain = Tensor(
        name="b", shape=(1,), datatype="BF16", data=(np.array([1.5], "<f4").view("<u4") >> 16).astype("<u2").tobytes()
    )
    columns = rows_of([prediction(1, half, brain)], None).columns
    assert columns["h"].values.tolist() == columns["b"].values.tolist() == [1.5]


def test_an_output_with_an_input_s_name_keeps_its_own() -> None:
    """A server that echoes its input's name loses neither."""
    rows = rows_of([prediction(1, tensor("p", [3], (1,)))], None)
    assert rows.columns["p"].values.tolist() == [3]
    assert rows.columns["p:output"].values.tolist() == [0.5]


def test_data_that_its_shape_does_not_account_for_is_a_fault() -> None:
    """Too few elements, and a missing position outside, are told apart from sound tensors."""
    assert fault_of(prediction(1, tensor("x", [1, 2], (1, 2)))) is None
    assert "its shape has 4" in str(fault_of(prediction(1, tensor("x", [1, 2], (2, 2)), rows=2)))
    assert fault_of(prediction(1, tensor("x", [1], (1,), missing=(7,)))) is not None


def test_calls_of_one_trace_have_one_trace_id_whatever_their_spans():
    """A caller that carries a trace through two models gives each call a span of its own: what ties them is the trace."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    told = [f"00-{trace}-00f067aa0ba902b7-01", f"00-{trace}-b7ad6b7169203331-00", trace, None]
    found = [msgspec.structs.replace(prediction(i), trace=one) for i, one in enumerate(told)]
    for rows in (rows_of(found, None), failures_of(found)):
        assert rows.trace is not None
        assert rows.trace.tolist() == [trace, trace, trace, None]
