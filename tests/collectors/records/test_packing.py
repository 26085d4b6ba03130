"""Numbers to bytes and back. The second source is NumPy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.records.packing import pack, unpack
from collectors.records.types import ITEM_BYTES, Datatype
from tests.collectors.datatypes import NUMPY

PACKED: dict[Datatype, str] = {"BOOL": "<u1", **NUMPY}


@pytest.mark.parametrize("datatype", PACKED)
@given(data=st.binary(min_size=0, max_size=80))
def test_bytes_are_read_and_written_as_numpy_does(datatype: Datatype, data: bytes) -> None:
    """Every datatype but BF16, which NumPy lacks; NaN may change its payload."""
    data = data[: len(data) // ITEM_BYTES[datatype] * ITEM_BYTES[datatype]]
    values = np.frombuffer(data, PACKED[datatype]).tolist()
    assert [repr(value) for value in unpack(data, datatype)] == [repr(value) for value in values]
    if not any(math.isnan(value) for value in values):
        assert pack(values, datatype) == data


@given(st.binary(min_size=0, max_size=80))
def test_brain_floats_are_upper_halves_of_singles(data: bytes) -> None:
    """Widened by zeros, and cut again."""
    data = data[: len(data) // 2 * 2]
    singles = (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    values = singles.tolist()
    assert [repr(value) for value in unpack(data, "BF16")] == [repr(value) for value in values]
    if not any(math.isnan(value) for value in values):
        assert pack(values, "BF16") == data


@pytest.mark.parametrize(("value", "datatype"), [(256, "UINT8"), (-1, "UINT64"), (2**63, "INT64"), (32768, "INT16")])
def test_an_integer_that_does_not_fit_is_refused(value: int, datatype: Datatype) -> None:
    """It is not wrapped around."""
    with pytest.raises(OverflowError):
        pack([value], datatype)


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "BF16"])
def test_a_float_that_does_not_fit_is_infinite(datatype: Datatype) -> None:
    """As in the hardware."""
    assert list(unpack(pack([1e300, -1e300], datatype), datatype)) == [math.inf, -math.inf]
