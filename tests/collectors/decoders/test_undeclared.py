"""Values without declared types: what was sent decides, and nothing is lost."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.decoders import undeclared
from collectors.decoders.decoder import ROWS_MAX, Undecodable
from collectors.decoders.undeclared import split_columns, tensors_from_columns, tensors_from_json
from collectors.records.types import Tensor
from tests.collectors.decoders.exchanges import columns, values


def read(text: str) -> tuple[int, dict[str, Any]]:
    """Rows, and values by name with the type."""
    rows, tensors = tensors_from_json("x", text.encode(), "request")
    return rows, {t.name: (t.datatype, t.shape, values(t)) for t in tensors}


@pytest.mark.parametrize(
    ("text", "datatype", "shape", "expected"),
    [
        ("[1,2,3]", "INT64", (3,), [1, 2, 3]),
        ("[1.5,2]", "FP64", (2,), [1.5, 2.0]),
        ("[1e3, -2E-1]", "FP64", (2,), [1000.0, -0.2]),
        ("[[1,2],[3,4]]", "INT64", (2, 2), [1, 2, 3, 4]),
        (" [ [ [1] ] , [ [2] ] ] ".strip(), "INT64", (2, 1, 1), [1, 2]),
        ("[true,false]", "BOOL", (2,), [1, 0]),
        ("[1,null]", "INT64", (2,), [1, None]),
        ("[null,null]", "BOOL", (2,), [None, None]),
        ("[]", "INT64", (0,), []),
        ("[[],[]]", "INT64", (2, 0), []),
        ("5", "INT64", (1,), [5]),
        ('"s"', "BYTES", (1,), ["s"]),
        ('["a",null]', "BYTES", (2,), ["a", None]),
        ('[["a","b"],["c","d"]]', "BYTES", (2, 2), ["a", "b", "c", "d"]),
        ("[18446744073709551615]", "UINT64", (1,), [2**64 - 1]),
        ("[-1,18446744073709551615]", "FP64", (2,), [-1.0, 2.0**64]),
        ("[99999999999999999999999]", "FP64", (1,), [1e23]),
        ('["Infinity",1]', "FP64", (2,), [float("inf"), 1.0]),
        ('["a",{"b64":"/w=="}]', "BYTES", (2,), ["a", b"\xff"]),
        ('[{"b64":"%%%"}]', "BYTES", (1,), ['{"b64":"%%%"}']),
        ('[1,"a"]', "BYTES", (2,), ["1", "a"]),
        ("[[1,2],[3]]", "BYTES", (2,), ["[1,2]", "[3]"]),
        ("[[[1,2],[3,4]],[5,6]]", "BYTES", (2,), ["[[1,2],[3,4]]", "[5,6]"]),
        ("[[1,2],null]", "INT64", (2, 2), [1, 2, None, None]),
    ],
)
def test_a_value_becomes_a_tensor(text: str, datatype: str, shape: tuple[int, ...], expected: list[Any]) -> None:
    """Of its own type and shape; what fits no shape stays as its text."""
    assert read(text) == (shape[0], {"x": (datatype, shape, expected)})


def test_nan_tokens_are_numbers() -> None:
    """They are no JSON, and Python writes them."""
    rows, tensors = tensors_from_json("x", b"[[NaN,1],[-Infinity,2]]", "request")
    assert (rows, tensors[0].datatype) == (2, "FP64")
    assert np.isnan(np.frombuffer(tensors[0].data)[0])


def test_rows_of_objects_become_a_tensor_a_key() -> None:
    """A key that a row lacks is missing there; objects in objects lengthen the name."""
    text = '[{"age": 31, "job": {"name": "smith"}, "v": [1, 2]}, {"age": 40.5, "job": {"years": 3}}, null]'
    assert read(text) == (
        3,
        {
            "age": ("FP64", (3,), [31.0, 40.5, None]),
            "job.name": ("BYTES", (3,), ["smith", None, None]),
            "job.years": ("INT64", (3,), [None, 3, None]),
            "v": ("INT64", (3, 2), [1, 2, None, None, None, None]),
        },
    )


def test_positions_of_different_types_become_a_tensor_each() -> None:
    """As the rows of a table of numbers and texts."""
    assert read('[[1,"a",null],[2.5,"b",true]]')[1] == {
        "x_0": ("FP64", (2,), [1.0, 2.5]),
        "x_1": ("BYTES", (2,), ["a", "b"]),
        "x_2": ("BOOL", (2,), [None, 1]),
    }


def test_objects_too_deep_for_names_are_texts() -> None:
    """And the deepest that any reader follows are refused, not followed."""
    deep = '{"a":' * 12 + "1" + "}" * 12
    assert list(read(f"[{deep}]")[1]) == [".".join("a" * 8)]
    with pytest.raises(Undecodable):
        tensors_from_json("x", b"[" * 100_000 + b"]" * 100_000, "request")


def test_values_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """In number, in rows, and in cells where every row has other keys."""
    monkeypatch.setattr(undeclared, "ELEMENTS_MAX", 100)
    monkeypatch.setattr(undeclared, "CELLS_MAX", 50)
    for text in (
        json.dumps(["a"] * 200),
        json.dumps([{f"k{i}": i} for i in range(20)]),
        "[" + "1," * ROWS_MAX + "1]",
    ):
        with pytest.raises(Undecodable) as caught:
            read(text)
        assert caught.value.reason == "record_too_large"


def test_columns_of_a_matrix_may_be_split() -> None:
    """Where there is a name for each; missing elements stay missing."""
    numbers = Tensor(
        name="x", shape=(2, 2), datatype="INT16", data=np.array([1, 2, 3, 4], "<i2").tobytes(), missing=(3,)
    )
    texts = Tensor(name="x", shape=(2, 2), datatype="BYTES", items=("a", "b", "c", "d"))
    assert columns(split_columns(numbers, ["a", "b"])) == {"a": [1, 3], "b": [2, None]}
    assert columns(split_columns(texts, ["a", "b"])) == {"a": ["a", "c"], "b": ["b", "d"]}
    assert split_columns(numbers, ["a"]) == (numbers,)


def test_columns_by_name() -> None:
    """Each a list of its rows; objects in them come after the name."""
    tensors = tensors_from_columns({"a": [1, 2], "b": "x", "c": [{"d": 1}, {"d": 2}], "e": []}, "request")
    assert columns(tensors) == {"a": [1, 2], "b": ["x"], "c.d": [1, 2], "e": []}


NUMBERS = st.one_of(st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False))


@given(st.integers(1, 4), st.lists(st.integers(1, 4), max_size=2), st.data())
@settings(max_examples=100, deadline=None)
def test_numbers_are_what_numpy_reads(rows: int, inner: list[int], data: st.DataObject) -> None:
    """Of any shape; what was written as text is what comes out."""
    shape = (rows, *inner)
    size = int(np.prod(shape))
    flat = data.draw(st.lists(NUMBERS, min_size=size, max_size=size))
    nested = np.array(flat, dtype=object).reshape(shape).tolist()
    _, (tensor,) = tensors_from_json("x", json.dumps(nested).encode(), "request")
    assert tensor.shape == shape
    assert values(tensor) == [float(value) for value in flat] if tensor.datatype == "FP64" else flat


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "b64"]), inner, max_size=3),
    max_leaves=20,
)


@given(st.lists(JSON, min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_every_value_has_its_rows(rows: list[Any]) -> None:
    """Whatever they are: each tensor has a first axis of them, and as many elements as its shape says."""
    found, tensors = tensors_from_json("x", json.dumps(rows).encode(), "request")
    assert found == len(rows)
    for tensor in tensors:
        assert tensor.shape[0] == len(rows)
        assert len(values(tensor)) == np.prod(tensor.shape)
