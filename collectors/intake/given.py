"""Values that a program hands over → tensors: columns by name, rows, arrays, data frames. Pure, and without NumPy.

Arrays are known by what they offer (`dtype`, `shape`, `tobytes`), tensors of frameworks by `numpy()`, data frames by
`columns`; so whatever library made them, ours needs none.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeGuard

import msgspec

from collectors.decoders.decoder import Call, Decoded, Undecodable
from collectors.decoders.elements import RANK_MAX, check_size, tensor_bytes
from collectors.decoders.undeclared import check_rows, tensors_from_columns, tensors_from_rows
from collectors.protocols.exchange import Exchange
from collectors.records.types import Datatype, Tensor

_DATATYPES: dict[str, Datatype] = {
    "b1": "BOOL",
    "u1": "UINT8",
    "u2": "UINT16",
    "u4": "UINT32",
    "u8": "UINT64",
    "i1": "INT8",
    "i2": "INT16",
    "i4": "INT32",
    "i8": "INT64",
    "f2": "FP16",
    "f4": "FP32",
    "f8": "FP64",
}
"""By the kind and width of an array's elements, as the array interface writes them."""


class Given:
    """A decoder of what needs no decoding."""

    name = "given"

    def __init__(self, decoded: Decoded) -> None:
        self._decoded = decoded

    def call(self, method: str, target: str) -> Call | None:
        """No request line is of its own."""
        return None

    def decode(self, exchange: Exchange, call: Call) -> Decoded:
        """What was given."""
        return self._decoded


def tensors_given(name: str, values: object, where: str) -> tuple[int, tuple[Tensor, ...]]:
    """How many rows the values are, and their tensors; `name` is for what has no names. Raises Undecodable.

    >>> tensors_given("x", {"age": [41, 17], "sex": ["1", "2"]}, "inputs")[0]
    2
    """
    if _is_frame(values):
        values = {str(column): values[column] for column in values.columns}
    if isinstance(values, Mapping):
        tensors = tuple(tensor for key, column in values.items() for tensor in _column(str(key), column, where))
    else:
        array = _array(values)
        if array is not None:
            tensors = (_from_array(name, array, where),)
        else:
            plain = _plain(values, where)
            tensors = tensors_from_rows(name, plain if isinstance(plain, list) else [plain], where)
    if not tensors:
        raise Undecodable("request_not_protocol", where, "nothing was given")
    rows = tensors[0].shape[0] if tensors[0].shape else 1
    check_rows(rows, where)
    for tensor in tensors:
        if (tensor.shape[0] if tensor.shape else 1) != rows:
            detail = f"{tensor.name!r} has {tensor.shape[0]} rows, {tensors[0].name!r} has {rows}"
            raise Undecodable("shape_mismatch", where, detail)
    return rows, tensors


def decoded_of(model: str, version: str, id: str | None, inputs: object, outputs: object, error: str | None) -> Decoded:
    """What a program says of one call of its model. Raises Undecodable."""
    rows, given = tensors_given("input", inputs, "inputs")
    answered = () if outputs is None else tensors_given("output", outputs, "outputs")[1]
    check_size(given, answered)
    return Decoded(model=model, version=version, id=id, rows=rows, inputs=given, outputs=answered, error=error)


def weight_of(decoded: Decoded) -> int:
    """About how many bytes it takes."""
    return sum(tensor_bytes(tensor) for tensor in (*decoded.inputs, *decoded.outputs))


class _Frame(Protocol):
    """What pandas, Polars and their like have in common."""

    @property
    def columns(self) -> Iterable[object]: ...

    def __getitem__(self, column: object, /) -> object: ...


def _is_frame(values: object) -> TypeGuard[_Frame]:
    return hasattr(values, "columns") and hasattr(values, "__getitem__") and not isinstance(values, Mapping)


def _column(name: str, column: object, where: str) -> tuple[Tensor, ...]:
    array = _array(column)
    if array is not None:
        return (_from_array(name, array, where),)
    return tensors_from_columns({name: _plain(column, where)}, where)


def _array(values: object) -> Any:
    """An array of fixed-size elements, or None where the values are none."""
    for step in ("detach", "cpu"):
        values = getattr(values, step)() if hasattr(values, step) else values
    for name in ("to_numpy", "numpy"):
        if callable(getattr(values, name, None)):
            values = getattr(values, name)()
            break
    dtype = getattr(values, "dtype", None)
    if not hasattr(values, "tobytes") or str(getattr(dtype, "str", ""))[1:] not in _DATATYPES:
        return None
    return values


def _from_array(name: str, array: Any, where: str) -> Tensor:
    if len(array.shape) > RANK_MAX:
        raise Undecodable("shape_invalid", f"{where}.{name[:40]}", f"{len(array.shape)} dimensions")
    spelled = str(array.dtype.str)
    if spelled[0] == ">":
        array = array.astype("<" + spelled[1:])
    shape = tuple(map(int, array.shape)) or (1,)
    return Tensor(name=name, shape=shape, datatype=_DATATYPES[spelled[1:]], data=array.tobytes())


def _plain(values: object, where: str) -> Any:
    """Plain Python objects: dates as text, what is unknown by its `tolist`, or as text."""
    try:
        return msgspec.to_builtins(values, builtin_types=(bytes,), str_keys=True, enc_hook=_unknown)
    except (TypeError, ValueError, RecursionError) as error:
        raise Undecodable("element_type", where, str(error)[:200]) from error


def _unknown(value: object) -> object:
    for name in ("to_numpy", "tolist"):
        if callable(getattr(value, name, None)):
            return getattr(value, name)()
    return str(value)
