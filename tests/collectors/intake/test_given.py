"""What a program hands over, whatever library made it."""

import datetime
import random
from typing import Any

import numpy as np
import pandas as pd
import pytest

from collectors.decoders.decoder import Undecodable
from collectors.intake.given import decoded_of, tensors_given, weight_of
from collectors.records.packing import unpack


def columns(values: Any) -> dict[str, tuple[str, tuple[int, ...], list[Any]]]:
    return {
        t.name: (t.datatype, t.shape, list(t.items) if t.datatype == "BYTES" else list(unpack(t.data, t.datatype)))
        for t in tensors_given("x", values, "inputs")[1]
    }


def test_columns_by_name() -> None:
    """Numbers and texts."""
    assert columns({"age": [41, 17], "sex": ["1", "2"]}) == {
        "age": ("INT64", (2,), [41, 17]),
        "sex": ("BYTES", (2,), ["1", "2"]),
    }


def test_rows_as_mappings_or_lists() -> None:
    """One tensor a key, or a matrix."""
    assert columns([{"a": 1, "b": "u"}, {"a": 2, "b": "v"}])["a"] == ("INT64", (2,), [1, 2])
    assert columns([[1.0, 2.0], [3.0, 4.0]]) == {"x": ("FP64", (2, 2), [1, 2, 3, 4])}
    assert columns({"a": 1, "b": "u"})["a"] == ("INT64", (1,), [1])


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i1", "i8", "u4", "b1", ">f4", ">i8"])
def test_arrays_keep_their_type(kind: str) -> None:
    """Of any byte order, contiguous or not."""
    array = np.arange(12).reshape(3, 4).astype(kind)[:, ::2]
    _, shape, values = columns(array)["x"]
    assert (shape, values) == ((3, 2), array.ravel().tolist())


def test_a_data_frame_is_its_columns() -> None:
    """Categories and dates as text."""
    frame = pd.DataFrame({"age": [41.5, None], "sex": pd.Categorical(["m", "f"]), "n": [1, 2]})
    found = columns(frame)
    assert found["sex"] == ("BYTES", (2,), ["m", "f"])
    assert found["n"] == ("INT64", (2,), [1, 2])
    assert found["age"][0] == "FP64"


def test_what_json_lacks_becomes_text_or_numbers() -> None:
    """NumPy's scalars in lists, dates, sets of objects."""
    assert columns({"x": [np.float32(0.5), np.float32(1.5)]})["x"] == ("FP64", (2,), [0.5, 1.5])
    assert columns({"when": [datetime.date(2026, 1, 1)]})["when"] == ("BYTES", (1,), ["2026-01-01"])
    assert columns({"raw": [b"\x00\xff"]})["raw"] == ("BYTES", (1,), [b"\x00\xff"])


def test_missing_values_are_missing() -> None:
    """None in a column."""
    (tensor,) = tensors_given("x", {"a": [1, None, 3]}, "inputs")[1]
    assert tensor.missing == (1,)


@pytest.mark.parametrize("values", [{"a": [1, 2], "b": [1]}, {}, {"a": object}, np.zeros((1,) * 33)])
def test_what_is_no_table_is_refused(values: object) -> None:
    """Or is text; but nothing else is raised."""
    try:
        rows, tensors = tensors_given("x", values, "inputs")
    except Undecodable:
        return
    assert rows == 1 and tensors[0].datatype == "BYTES"


def test_outputs_may_lack() -> None:
    """A call that failed has none."""
    decoded = decoded_of("m", "1", None, {"a": [1.0]}, None, "it broke")
    assert (decoded.outputs, decoded.error, weight_of(decoded)) == ((), "it broke", 8)


def test_any_values_are_tensors_or_refused() -> None:
    """Nested and mixed at random."""
    rng = random.Random(4)

    def value(depth: int) -> Any:
        kinds: list[Any] = [None, True, 1, 2.5, "t", b"b", 2**70, float("nan"), np.int8(3), datetime.date(2026, 1, 1)]
        if depth and rng.random() < 0.5:
            size = rng.randrange(4)
            return rng.choice(
                [[value(depth - 1) for _ in range(size)], {str(i): value(depth - 1) for i in range(size)}]
            )
        return rng.choice(kinds)

    for _ in range(2_000):
        try:
            rows, tensors = tensors_given("x", value(4), "inputs")
        except Undecodable:
            continue
        assert all(tensor.shape[0] == rows for tensor in tensors)
