"""The messages of the Open Inference Protocol over gRPC, from the bytes of Protocol Buffers.

`ModelInferRequest` and `ModelInferResponse` differ in the numbers of two fields. A tensor's elements are typed, in its
`contents`, or raw, in a list beside the tensors; one message has one kind. The list has an entry for each input whose
elements crossed the wire, but for every output, empty where its elements did not: so servers read and write it.
Parameters are read for what they say about where the elements are and which answer is the last, and not kept.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from collectors.decoders.decoder import TENSORS_MAX, VERSION_CHARS_MAX, Undecodable
from collectors.decoders.elements import (
    ITEMS_MAX,
    TENSOR_BYTES_MAX,
    checked_datatype,
    checked_shape,
    tensor_bytes,
    tensor_from_raw,
)
from collectors.decoders.json_bodies import not_protocol
from collectors.decoders.protobuf import (
    BYTES,
    VARINT,
    Allowance,
    Field,
    MalformedProtobuf,
    fields,
    signed,
    varint_count,
    varints,
)
from collectors.records.packing import pack
from collectors.records.types import ITEM_BYTES, Datatype, Tensor

_CONTENTS = {
    "BOOL": 1,
    "INT8": 2,
    "INT16": 2,
    "INT32": 2,
    "INT64": 3,
    "UINT8": 4,
    "UINT16": 4,
    "UINT32": 4,
    "UINT64": 5,
    "FP32": 6,
    "FP64": 7,
    "BYTES": 8,
}
"""The field of `contents` that holds the elements of a datatype; FP16 and BF16 have none and must be raw."""


_REMEMBERED_MAX = 1024
"""Descriptions of tensors remembered: clients say the same of each tensor in every request."""

_REMEMBERED_BYTES_MAX = 256
"""Longest of them: name, datatype, shape and some parameters."""


@dataclass(slots=True)
class DescribedTensor:
    """A tensor as its message says it, with its elements still unread; not to be changed once it is read."""

    name: str = ""
    datatype: str = ""
    shape: list[int] = field(default_factory=list)
    is_shared: bool = False
    contents: list[Field] = field(default_factory=list)
    plain: Tensor | None = None
    """Without its elements, where they are to be raw numbers and everything said of them is as it should be."""
    plain_bytes: int = 0


@dataclass(slots=True)
class InferMessage:
    """A request or a response. `final` is what Triton says of a response in a stream, None where it does not."""

    model: str = ""
    version: str = ""
    id: str = ""
    final: bool | None = None
    tensors: list[DescribedTensor] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)


def infer_request(message: bytes) -> InferMessage:
    """Read a ModelInferRequest. Raises Undecodable."""
    return _message(message, raw_field=7, where="request", side="inputs")


def infer_response(message: bytes) -> InferMessage:
    """Read a ModelInferResponse. Raises Undecodable."""
    return _message(message, raw_field=6, where="response", side="outputs")


def refused(error: MalformedProtobuf, where: str) -> Undecodable:
    """What a decoder says of bytes that are no message."""
    if error.too_large:
        return Undecodable("record_too_large", where, str(error))
    return not_protocol(where, str(error))


def input_tensors(message: InferMessage, where: str) -> tuple[Tensor, ...]:
    """The inputs whose elements crossed the wire. Raises Undecodable."""
    carried = [(position, each) for position, each in enumerate(message.tensors) if not each.is_shared]
    if message.raw and len(message.raw) != len(carried):
        raise Undecodable("binary_size", where, f"found {len(message.raw)} raw entries for {len(carried)} tensors")
    raw: Iterable[bytes | None] = message.raw or [None] * len(carried)
    return _tensors(zip(carried, raw, strict=True), where)


def output_tensors(message: InferMessage, where: str) -> tuple[Tensor, ...]:
    """The outputs whose elements crossed the wire. Raises Undecodable."""
    if message.raw and len(message.raw) != len(message.tensors):
        raise Undecodable(
            "binary_size", where, f"found {len(message.raw)} raw entries for {len(message.tensors)} tensors"
        )
    raw: Iterable[bytes | None] = message.raw or [None] * len(message.tensors)
    paired = zip(enumerate(message.tensors), raw, strict=True)
    return _tensors((each for each in paired if not each[0][1].is_shared), where)


def _message(message: bytes, *, raw_field: int, where: str, side: str) -> InferMessage:
    read = InferMessage()
    allowance = Allowance()
    try:
        for number, wire, value in fields(message, allowance):
            if wire != BYTES or isinstance(value, int):
                continue
            if number == 1:
                read.model = _name(value, f"{where}.model_name")
            elif number == 2:
                read.version = _name(value, f"{where}.model_version")
            elif number == 3:
                read.id = _text(value, f"{where}.id")
            elif number == 4:
                key, parameter = _parameter(value, allowance)
                if key == b"triton_final_response":
                    read.final = _flag(parameter, allowance)
            elif number == 5:
                place = f"{where}.{side}[{len(read.tensors)}]"
                if len(read.tensors) >= TENSORS_MAX:
                    raise Undecodable("record_too_large", place, f"found more than {TENSORS_MAX} tensors")
                known = _remembered(value) if len(value) <= _REMEMBERED_BYTES_MAX else None
                read.tensors.append(known or _described(value, allowance, place))
            elif number == raw_field:
                read.raw.append(value)
    except MalformedProtobuf as error:
        raise refused(error, where) from error
    return read


@lru_cache(maxsize=_REMEMBERED_MAX)
def _remembered(message: bytes) -> DescribedTensor | None:
    """What a short message says of a tensor whose elements are elsewhere; None where there is more to say."""
    try:
        tensor = _described(message, Allowance(), "")
        if tensor.contents:
            return None
        if tensor.is_shared or tensor.datatype not in ITEM_BYTES:
            return tensor
        shape, datatype = checked_shape(tensor.shape, ""), checked_datatype(tensor.datatype, "")
    except (Undecodable, MalformedProtobuf):
        return None
    tensor.plain = Tensor(name=tensor.name, shape=shape, datatype=datatype)
    tensor.plain_bytes = math.prod(shape) * ITEM_BYTES[datatype]
    return tensor


def _described(message: bytes, allowance: Allowance, where: str) -> DescribedTensor:
    tensor = DescribedTensor()
    for number, wire, value in fields(message, allowance):
        if number == 3:
            if wire == VARINT and isinstance(value, int):
                tensor.shape.append(signed(value))
            elif wire == BYTES and isinstance(value, bytes):
                if value.isascii():
                    tensor.shape += value
                else:
                    tensor.shape += (signed(each) for piece in varints(value) for each in piece)
        elif wire != BYTES or isinstance(value, int):
            continue
        elif number == 1:
            tensor.name = _text(value, f"{where}.name")
        elif number == 2:
            tensor.datatype = _text(value, f"{where}.datatype")
        elif number == 4:
            tensor.is_shared = tensor.is_shared or _parameter(value, allowance)[0] == b"shared_memory_region"
        elif number == 5:
            tensor.contents += fields(value, allowance)
    return tensor


def _parameter(entry: bytes, allowance: Allowance) -> tuple[bytes, bytes]:
    """Key and value of one entry of a map."""
    key = value = b""
    for number, wire, found in fields(entry, allowance):
        if wire == BYTES and isinstance(found, bytes):
            key, value = (found, value) if number == 1 else (key, found if number == 2 else value)
    return key, value


def _flag(parameter: bytes, allowance: Allowance) -> bool:
    return any(number == 1 and wire == VARINT and value for number, wire, value in fields(parameter, allowance))


def _tensors(paired: Iterable[tuple[tuple[int, DescribedTensor], bytes | None]], where: str) -> tuple[Tensor, ...]:
    tensors: list[Tensor] = []
    held = 0
    for (position, described), raw in paired:
        plain = described.plain
        if plain is not None and raw is not None and len(raw) == described.plain_bytes <= TENSOR_BYTES_MAX - held:
            tensors.append(Tensor(name=plain.name, shape=plain.shape, datatype=plain.datatype, data=raw))
            held += len(raw)
            continue
        place = f"{where}[{position}]"
        shape = checked_shape(described.shape, place)
        datatype = checked_datatype(described.datatype, place)
        if raw is None:
            raw = _typed(described.contents, shape, datatype, place)  # noqa: PLW2901 (of typed elements the raw ones, as if they had been sent so)
        elif described.contents:
            raise not_protocol(f"{place}.contents", "typed elements beside raw ones")
        tensors.append(tensor_from_raw(described.name, shape, datatype, raw, place))
        held += tensor_bytes(tensors[-1])
        if held > TENSOR_BYTES_MAX:
            raise Undecodable("record_too_large", place, f"more than {TENSOR_BYTES_MAX} bytes of elements")
    return tuple(tensors)


def _typed(contents: list[Field], shape: tuple[int, ...], datatype: Datatype, where: str) -> bytes:
    """Elements as they would be raw."""
    place = f"{where}.contents"
    expected = _CONTENTS.get(datatype)
    if expected is None:
        raise not_protocol(place, f"typed elements of {datatype}, expected raw ones")
    if any(number != expected and value not in (b"", 0) for number, _, value in contents):
        raise not_protocol(place, f"elements that are not of {datatype}")
    if datatype == "BYTES":
        items = [value for _, _, value in contents if isinstance(value, bytes)]
        if len(items) > ITEMS_MAX:
            raise Undecodable("record_too_large", place, f"found {len(items)} texts, expected at most {ITEMS_MAX}")
        return b"".join(part for item in items for part in (len(item).to_bytes(4, "little"), item))
    if datatype in ("FP32", "FP64"):
        return b"".join(value for _, wire, value in contents if isinstance(value, bytes))
    return _integers(contents, shape, datatype, place)


def _integers(contents: list[Field], shape: tuple[int, ...], datatype: Datatype, where: str) -> bytes:
    found = sum(1 if isinstance(value, int) else varint_count(value) for _, _, value in contents)
    count = math.prod(shape)
    if found != count:
        raise Undecodable("shape_mismatch", where, f"found {found} elements, the shape says {count}")
    if count * ITEM_BYTES[datatype] > TENSOR_BYTES_MAX:
        raise Undecodable("record_too_large", where, f"the shape says more than {TENSOR_BYTES_MAX} bytes")
    packed = []
    try:
        for _, _, value in contents:
            for piece in [[value]] if isinstance(value, int) else varints(value):
                if datatype == "BOOL":
                    packed.append(bytes(map(bool, piece)))
                else:
                    packed.append(pack(piece if datatype[0] == "U" else [signed(each) for each in piece], datatype))
    except MalformedProtobuf as error:
        raise refused(error, where) from error
    except OverflowError as error:
        raise Undecodable("element_range", where, f"a number that does not fit {datatype}") from error
    return b"".join(packed)


def _name(value: bytes, where: str) -> str:
    if len(value) > 4 * VERSION_CHARS_MAX:
        raise not_protocol(where, f"found {len(value)} bytes, expected at most {VERSION_CHARS_MAX} characters")
    name = _text(value, where)
    if len(name) > VERSION_CHARS_MAX:
        raise not_protocol(where, f"found {len(name)} characters, expected at most {VERSION_CHARS_MAX}")
    return name


def _text(value: bytes, where: str) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_protocol(where, "not UTF-8") from error
