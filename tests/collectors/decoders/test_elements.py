"""Elements become packed bytes, or are refused with their place. The second source is NumPy."""

import json
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.decoders import elements
from collectors.decoders.decoder import Undecodable
from collectors.decoders.elements import (
    checked_datatype,
    checked_shape,
    plain_tensor,
    tensor_from_json,
    tensor_from_raw,
)
from collectors.records.types import ITEM_BYTES, Datatype, Tensor
from tests.collectors.datatypes import NUMPY


def from_json(text: str, shape: tuple[int, ...], datatype: Datatype) -> Tensor:
    return tensor_from_json("x", shape, datatype, text.encode(), "request.inputs[0]")


def refused(text: str, shape: tuple[int, ...], datatype: Datatype) -> tuple[str, str]:
    with pytest.raises(Undecodable) as caught:
        from_json(text, shape, datatype)
    return caught.value.reason, caught.value.where


@pytest.mark.parametrize("datatype", NUMPY)
def test_numbers_are_packed_as_numpy_packs_them(datatype: Datatype) -> None:
    """Every datatype, at its limits."""
    kind = np.dtype(NUMPY[datatype])
    limits = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
    values = np.array([0, 1, limits.min, limits.max, 100], dtype=kind)
    assert from_json(json.dumps(values.tolist()), (5,), datatype).data == values.tobytes()


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=50))
def test_singles_survive_json(values: list[float]) -> None:
    """What a client wrote is what the record holds."""
    text = (
        json.dumps([str(v) if math.isinf(v) else v for v in values])
        .replace('"inf"', '"Infinity"')
        .replace('"-inf"', '"-Infinity"')
    )
    assert from_json(text, (len(values),), "FP32").data == np.array(values, "<f4").tobytes()


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_brain_floats_are_the_upper_halves(values: list[float]) -> None:
    """BF16 is FP32 without its lower 16 bits."""
    expected = (np.array(values, "<f4").view("<u4") >> 16).astype("<u2").tobytes()
    assert from_json(json.dumps(values), (len(values),), "BF16").data == expected


def test_halves_beyond_their_range_are_infinite() -> None:
    """As the hardware has it."""
    assert from_json("[70000, -70000, 65519]", (3,), "FP16").data == np.array([np.inf, -np.inf, 65504], "<f2").tobytes()


def test_booleans_may_be_numbers() -> None:
    """0 and 1 are told apart from anything else."""
    assert from_json("[true, false, 1, 0]", (4,), "BOOL").data == b"\1\0\1\0"
    assert refused("[true, 2]", (2,), "BOOL") == ("element_type", "request.inputs[0].data[1]")


@pytest.mark.parametrize(
    "text", ["[1,2,3,4,5,6]", "[[1,2,3],[4,5,6]]", "[[1,2],[3,4],[5,6]]", " [ [[1],[2],[3]],[[4],[5],[6]] ]"]
)
def test_data_may_be_nested_or_flat(text: str) -> None:
    """The shape is the authority."""
    tensor = from_json(text, (2, 3), "INT16")
    assert (tensor.shape, tensor.data) == ((2, 3), np.arange(1, 7, dtype="<i2").tobytes())


@pytest.mark.parametrize(
    ("text", "shape"), [("[]", (0,)), ("[[],[]]", (2, 0)), ("5", ()), ("[5]", ()), ("[5]", (1, 1))]
)
def test_empty_tensors_and_scalars_have_a_shape_too(text: str, shape: tuple[int, ...]) -> None:
    """No elements, or one without a dimension."""
    assert len(from_json(text, shape, "FP64").data) == 8 * math.prod(shape)


def test_null_is_missing() -> None:
    """Not zero, not NaN: its position is kept."""
    tensor = from_json("[1, null, 3, null]", (4,), "FP64")
    assert (tensor.missing, tensor.data) == ((1, 3), np.array([1, 0, 3, 0], "<f8").tobytes())
    assert from_json("[null, 2]", (2,), "INT64").missing == (0,)
    assert from_json('["a", null]', (2,), "BYTES") == Tensor(
        name="x", shape=(2,), datatype="BYTES", items=("a", ""), missing=(1,)
    )


def test_nan_is_a_value() -> None:
    """And so are the infinities."""
    data = from_json('["NaN", "Infinity", "-Infinity", 1]', (4,), "FP32").data
    assert np.array_equal(np.frombuffer(data, "<f4"), [np.nan, np.inf, -np.inf, 1], equal_nan=True)


def test_whole_floats_are_integers() -> None:
    """As pandas writes them."""
    assert from_json("[1.0, 2e0, -3.0]", (3,), "INT32").data == np.array([1, 2, -3], "<i4").tobytes()


@pytest.mark.parametrize(
    ("text", "shape", "datatype", "reason", "where"),
    [
        ("[1,2,3]", (2,), "FP32", "shape_mismatch", ".data"),
        ("[1,2,3]", (2, 2), "FP32", "shape_mismatch", ".data"),
        ('["a"]', (2,), "BYTES", "shape_mismatch", ".data"),
        ("[1.5]", (1,), "INT32", "element_type", ".data[0]"),
        ('[1, "2"]', (2,), "INT32", "element_type", ".data[1]"),
        ('[1, "two"]', (2,), "FP32", "element_type", ".data[1]"),
        ("[1, true]", (2,), "INT8", "element_type", ".data[1]"),
        ("[1, 256]", (2,), "UINT8", "element_range", ".data[1]"),
        ("[-1]", (1,), "UINT64", "element_range", ".data[0]"),
        ("[9223372036854775808]", (1,), "INT64", "element_range", ".data[0]"),
        ("[1e999]", (1,), "FP64", "element_range", ".data"),
        ("[[1,2],[]]", (2,), "FP32", "element_type", ".data"),
        ('{"a": 1}', (1,), "FP32", "element_type", ".data"),
        ("[1, 2]", (2,), "BYTES", "element_type", ".data"),
        ("[[[[[[[[[" + '"a"' + "]]]]]]]]]", (1,), "BYTES", "element_type", ".data"),
        ("[1]", (2**40,), "FP32", "record_too_large", ""),
        ('["a"]', (2**40,), "BYTES", "record_too_large", ""),
    ],
)
def test_elements_that_do_not_fit_are_refused(
    text: str, shape: tuple[int, ...], datatype: Datatype, reason: str, where: str
) -> None:
    """With the reason and the place."""
    assert refused(text, shape, datatype) == (reason, "request.inputs[0]" + where)


def test_long_lists_are_read_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seams lose nothing, and positions are counted across them."""
    monkeypatch.setattr(elements, "_PIECE_BYTES", 16)
    values = list(range(-500, 500))
    assert from_json(json.dumps(values), (1000,), "INT16").data == np.array(values, "<i2").tobytes()
    assert from_json(json.dumps([*values, None]), (1001,), "INT16").missing == (1000,)
    assert refused(json.dumps([*values, "x"]), (1001,), "INT16")[1] == "request.inputs[0].data[1000]"


def test_texts_may_be_nested_or_flat() -> None:
    """Whatever stands in them."""
    texts = ["a", "", "[b]", 'c"\\', "ü\x00"]
    assert from_json(json.dumps(texts), (5,), "BYTES").items == tuple(texts)
    assert from_json(json.dumps([[[text]] for text in texts]), (5, 1, 1), "BYTES").items == tuple(texts)
    assert from_json('"alone"', (1,), "BYTES").items == ("alone",)


def test_raw_elements_are_taken_as_they_are() -> None:
    """Little-endian, without padding."""
    data = np.arange(6, dtype="<f4").tobytes()
    assert tensor_from_raw("x", (2, 3), "FP32", data, "r").data == data


def test_raw_texts_may_hold_anything() -> None:
    """NUL bytes are text; what is not UTF-8 stays bytes."""
    raw = b"\3\0\0\0a\0b" + b"\0\0\0\0" + b"\2\0\0\0\xff\xfe"
    assert tensor_from_raw("x", (3,), "BYTES", raw, "r").items == ("a\x00b", "", b"\xff\xfe")


@pytest.mark.parametrize(
    ("raw", "shape", "datatype", "reason"),
    [
        (bytes(7), (2,), "FP32", "shape_mismatch"),
        (bytes(9), (2,), "FP32", "shape_mismatch"),
        (b"\3\0\0\0ab", (1,), "BYTES", "binary_size"),
        (b"\xff\xff\xff\xffab", (1,), "BYTES", "binary_size"),
        (b"\1\0\0\0a", (2,), "BYTES", "shape_mismatch"),
        (b"\1\0\0\0ab", (1,), "BYTES", "shape_mismatch"),
    ],
)
def test_raw_elements_that_do_not_fit_are_refused(
    raw: bytes, shape: tuple[int, ...], datatype: Datatype, reason: str
) -> None:
    """The shape is the authority here too."""
    with pytest.raises(Undecodable) as caught:
        tensor_from_raw("x", shape, datatype, raw, "r")
    assert caught.value.reason == reason


@pytest.mark.parametrize("shape", [[-1, 4], [2**60], [1] * 33])
def test_a_shape_that_is_none_is_refused(shape: list[int]) -> None:
    """Negative, absurd or endless."""
    with pytest.raises(Undecodable) as caught:
        checked_shape(shape, "r")
    assert caught.value.reason == "shape_invalid"


def test_an_unknown_datatype_is_refused() -> None:
    """By name."""
    with pytest.raises(Undecodable, match="INT322"):
        checked_datatype("INT322", "r")


@pytest.mark.parametrize(
    ("unit", "shape", "datatype"), [("null", (2_000_000,), "INT8"), ("[]", (1,), "BYTES"), ('""', (1,), "BYTES")]
)
def test_elements_that_cost_much_and_say_nothing_are_bounded(
    unit: str, shape: tuple[int, ...], datatype: Datatype
) -> None:
    """Millions of nulls, empty lists or empty texts are refused before they become as many objects."""
    text = "[" + ",".join([unit] * 2_000_001) + "]"
    assert refused(text, shape, datatype)[0] == "record_too_large"


def test_plain_numbers_are_what_the_careful_reading_makes_of_them() -> None:
    """Of anything that looks like a tensor: the same tensor, or the careful reading is left to say."""
    rng = random.Random(5)
    pieces = ["1", "-2", "1.5", "1e40", "300", "NaN", "null", "true", '"a"', "[", "]", ",", " ", "99999999999999999999"]
    datatypes = [*ITEM_BYTES, "BYTES", "X"]
    plain = 0
    for _ in range(20_000):
        count = rng.randint(0, 4)
        if rng.random() < 0.6:
            said = json.dumps([rng.choice([1, 0, -1, 2.5, 7, 200, True]) for _ in range(count)])
        else:
            said = "[" + "".join(rng.choice(pieces) for _ in range(count * 2)) + "]"
        shape = rng.choice([[count], [1, count], [count, 1], [2, 2], [], [-1], [0], [2**60, 0]])
        datatype = rng.choice(datatypes)
        found = plain_tensor("x", shape, datatype, said.encode())
        if found is not None:
            careful = tensor_from_json(
                "x", checked_shape(shape, "x"), checked_datatype(datatype, "x"), said.encode(), "x"
            )
            assert found == careful
            plain += 1
    assert plain > 1000
