"""NumPy's files as bodies, written by NumPy: every type that a column can have, both orders, both ends first."""

import io
from typing import Any

import numpy as np
import pytest

from collectors.decoders.decoder import Undecodable
from collectors.decoders.npy import npy_tensor
from collectors.records.packing import unpack
from tests.collectors.decoders.exchanges import columns, decode

WHERE = "request"


def written(array: Any, version: tuple[int, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(array), version)
    return buffer.getvalue()


def refusal(body: bytes) -> tuple[str, str]:
    with pytest.raises(Undecodable) as caught:
        npy_tensor("x", body, WHERE)
    return caught.value.reason, caught.value.where


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("ends", ["<", ">"])
@pytest.mark.parametrize("kind", ["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"])
def test_numbers_are_what_was_written(kind: str, ends: str, order: Any) -> None:
    """In C order and little-endian, as records have them."""
    rng = np.random.default_rng(3)
    array = np.array(rng.integers(0, 2 if kind == "b1" else 100, (3, 4)), dtype=f"{ends}{kind}", order=order)
    rows, (tensor,) = npy_tensor("x", written(array), WHERE)
    assert (rows, tensor.shape) == (3, (3, 4))
    assert tensor.data == array.astype(array.dtype.newbyteorder("<")).tobytes(order="C")
    if kind not in ("b1", "f2"):
        assert list(unpack(tensor.data, tensor.datatype)) == array.ravel(order="C").tolist()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["<U6", ">U6", "S8"])
def test_texts_lose_what_fills_them_up(kind: str, order: Any) -> None:
    """Of one length each, in whatever alphabet."""
    texts = [["Zürich", ""], ["Ulm", "Łódź"]] if "U" in kind else [[b"Ulm", b""], [b"a\0b", b"x"]]
    rows, (tensor,) = npy_tensor("x", written(np.array(texts, kind, order=order)), WHERE)
    expected = [each if isinstance(each, str) else each.decode() for row in texts for each in row]
    assert (rows, tensor.shape, list(tensor.items)) == (2, (2, 2), expected)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_all_versions_are_read(version: tuple[int, int]) -> None:
    """They differ in the length of the header's length."""
    assert npy_tensor("x", written(np.array([1.5, 2.5]), version), WHERE)[0] == 2


@pytest.mark.parametrize(("array", "rows"), [(np.float64(1.5), 1), (np.empty((0, 3)), 0), (np.ones((2, 3, 4)), 2)])
def test_any_rank_has_its_first_axis_as_rows(array: Any, rows: int) -> None:
    """A scalar is one row."""
    found, (tensor,) = npy_tensor("x", written(array), WHERE)
    assert (found, tensor.shape) == (rows, np.shape(array))


def test_invocations_take_and_answer_it() -> None:
    """Whatever the media type says."""
    decoded = decode("/invocations", written([[1.5, 2.5], [3.5, 4.5]]), written([4, 8]))
    assert (decoded.rows, columns(decoded.inputs)) == (2, {"input": ((2, 2), [1.5, 2.5, 3.5, 4.5])})
    assert columns(decoded.outputs) == {"output": [4, 8]}


def test_what_has_no_column_is_refused() -> None:
    """Pickles, records, complex numbers, dates; columns of more than two dimensions."""
    pickled = written(np.array([None, {}], object))
    assert refusal(pickled) == ("datatype_unknown", WHERE)
    assert refusal(written(np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")])))[0] == "request_not_protocol"
    assert refusal(written(np.array([1j]))) == ("datatype_unknown", WHERE)
    assert refusal(written(np.array(["2026-01-01"], "datetime64[D]")))[0] == "request_not_protocol"
    assert refusal(written(np.asfortranarray(np.ones((2, 2, 2)))))[0] == "request_not_protocol"


def test_headers_that_lie_are_refused() -> None:
    """A shape that the bytes do not fill, or that would fill the memory; a length beyond the end; an unknown version."""
    whole = written(np.ones((2, 2)))
    assert refusal(whole[:-1])[0] == "shape_mismatch"
    assert refusal(whole.replace(b"(2, 2)", b"(9**9)"))[0] == "request_not_protocol"
    assert refusal(whole.replace(b"(2, 2), }   ", b"(99999999,),}"))[0] in ("record_too_large", "shape_invalid")
    assert refusal(whole.replace(b"<f8", b"<U8").replace(b"(2, 2), }    ", b"(9999999, ),}"))[0] == "record_too_large"
    assert refusal(whole[:8] + b"\xff\xff" + whole[10:])[0] == "request_not_protocol"
    assert refusal(whole[:6] + b"\x09\x00" + whole[8:])[0] == "request_not_protocol"


def test_damaged_files_are_refused_and_never_break_us() -> None:
    """Cut at every place, and changed at every place."""
    for array in (np.arange(6, dtype=">i2").reshape(2, 3), np.array(["Ulm", "Aix"])):
        whole = written(array)
        for at in range(len(whole)):
            changed = bytearray(whole)
            changed[at] ^= 0x15
            for body in (whole[:at], bytes(changed)):
                try:
                    npy_tensor("x", body, WHERE)
                except Undecodable as error:
                    assert error.where.startswith(WHERE)
