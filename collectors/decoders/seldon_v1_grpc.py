"""Seldon Core's V1 protocol over gRPC: `Predict` of the services `Seldon` (a deployment) and `Model` (a container of one).

The message is the same both ways, and what it holds makes the columns that the same payload makes over HTTP; numbers of
`ndarray` and `jsonData` are floating-point here, because that is how Protocol Buffers carry JSON. No message names the
deployment: an ingress is told it in the metadata `seldon`, elsewhere the model bears the name that the settings give.
"""

import struct
from dataclasses import dataclass, field
from math import prod
from typing import Any

from collectors.decoders.decoder import VERSION_CHARS_MAX, Call, Decoded, Undecodable
from collectors.decoders.elements import check_size, checked_shape, tensor_from_raw
from collectors.decoders.grpc_bodies import one_message, status_words
from collectors.decoders.json_bodies import ERROR_CHARS_MAX, not_protocol
from collectors.decoders.open_inference_messages import refused
from collectors.decoders.protobuf import BYTES, FIXED64, Allowance, MalformedProtobuf, fields, signed, varints
from collectors.decoders.seldon_v1 import named_columns
from collectors.decoders.tensorflow_messages import entry, tensor_of_proto, text_of
from collectors.decoders.undeclared import INPUT, OUTPUT, check_rows, tensors_from_rows
from collectors.protocols.exchange import Exchange
from collectors.records.types import Tensor

PREDICT = "/seldon.protos.Seldon/Predict"
MODEL_PREDICT = "/seldon.protos.Model/Predict"

DEPTH_MAX = 64
"""Lists and objects in one another; each level is a message in a message."""

_RANK_VALUES_MAX = 64
"""Sizes of a shape that are read before it is refused for its rank."""


@dataclass(slots=True)
class _Message:
    """A SeldonMessage with its payload still unread: which field of the choice came last, and what was in it."""

    kind: int = 0
    payload: bytes = b""
    puid: str = ""
    words: str = ""
    failed: bool = False


@dataclass(slots=True)
class _Data:
    names: list[str] = field(default_factory=list)
    kind: int = 0
    payload: bytes = b""


_DATA, _BINARY, _TEXT, _JSON = 3, 4, 5, 6
_CUSTOM = 7
_TENSOR, _NDARRAY, _TFTENSOR = 2, 3, 4


class SeldonV1Grpc:
    """Decodes `Predict`; `model` is the name of models that are called nothing."""

    name = "seldon_v1_grpc"

    def __init__(self, model: str) -> None:
        self._model = model
        self._unnamed = Call("")

    def call(self, method: str, target: str) -> Call | None:
        """Feedback, metadata and the steps of a graph are no predictions."""
        return self._unnamed if method == "POST" and target in (PREDICT, MODEL_PREDICT) else None

    def named(self, exchange: Exchange) -> Call:
        """The deployment that the metadata names, where an ingress is asked."""
        return Call(exchange.request_headers.get("seldon", self._model)[:VERSION_CHARS_MAX])

    def decode(self, exchange: Exchange, call: Call) -> Decoded:
        """Read a whole exchange. Raises Undecodable."""
        request, rows, inputs = _read(INPUT, exchange, "request")
        puid = request.puid or exchange.request_headers.get("seldon-puid") or None
        served = 200 <= exchange.status < 300
        error = None if served else status_words(exchange)
        outputs: tuple[Tensor, ...] = ()
        if served:
            response, _, outputs = _read(OUTPUT, exchange, "response")
            puid = puid or response.puid or None
            error = response.words if response.failed else None
        check_size(inputs, outputs)
        return Decoded(
            model=self.named(exchange).model,
            version=call.version,
            id=puid,
            rows=rows,
            inputs=inputs,
            outputs=outputs,
            error=error,
        )


def _read(name: str, exchange: Exchange, side: Any) -> tuple[_Message, int, tuple[Tensor, ...]]:
    """One side's message, its rows and its tensors. Raises Undecodable."""
    body = one_message(exchange, side)
    allowance = Allowance()
    try:
        message = _message(body, allowance, side)
        if side == "response" and message.failed and not message.kind:
            return message, 0, ()
        return message, *_payload(name, message, allowance, side)
    except MalformedProtobuf as error:
        raise refused(error, side) from error


def _message(body: bytes, allowance: Allowance, where: str) -> _Message:
    found = _Message()
    for number, wire, value in fields(body, allowance):
        if wire != BYTES or not isinstance(value, bytes):
            continue
        if number == 1:
            _read_status(found, value, allowance, where)
        elif number == 2:
            puids = (v for n, _, v in fields(value, allowance) if n == 1 and isinstance(v, bytes))
            found.puid = text_of(next(puids, b""), f"{where}.meta.puid")
        elif _DATA <= number <= _CUSTOM:
            found.kind, found.payload = number, value
    return found


def _read_status(found: _Message, status: bytes, allowance: Allowance, where: str) -> None:
    """Whether it says that it failed, and its words: `info`, else `reason`."""
    words: dict[int, str] = {}
    for number, _, value in fields(status, allowance):
        if number in (2, 3) and isinstance(value, bytes):
            words[number] = text_of(value, f"{where}.status")[:ERROR_CHARS_MAX]
        elif number == 4:
            found.failed = value == 1
    found.words = words.get(2) or words.get(3) or ""


def _payload(name: str, message: _Message, allowance: Allowance, where: str) -> tuple[int, tuple[Tensor, ...]]:
    if message.kind == _DATA:
        return _data(name, message.payload, allowance, f"{where}.data")
    if message.kind == _JSON:
        value = _value(message.payload, allowance, DEPTH_MAX, f"{where}.jsonData")
        rows = value if isinstance(value, list) else [value]
        return len(rows), tensors_from_rows(name, rows, f"{where}.jsonData")
    if message.kind == _TEXT:
        return 1, tensors_from_rows(name, [text_of(message.payload, f"{where}.strData")], f"{where}.strData")
    if message.kind == _BINARY:
        return 1, (Tensor(name=name, shape=(1,), datatype="BYTES", items=(message.payload,)),)
    raise not_protocol(where, "expected data, strData, jsonData or binData")


def _data(name: str, body: bytes, allowance: Allowance, where: str) -> tuple[int, tuple[Tensor, ...]]:
    data = _Data()
    for number, wire, value in fields(body, allowance):
        if wire != BYTES or not isinstance(value, bytes):
            continue
        if number == 1:
            data.names.append(text_of(value, f"{where}.names"))
        elif number in (_TENSOR, _NDARRAY, _TFTENSOR):
            data.kind, data.payload = number, value
    if data.kind == _NDARRAY:
        listed = _list(data.payload, allowance, DEPTH_MAX, f"{where}.ndarray")
        rows, tensors = len(listed), tensors_from_rows(name, listed, f"{where}.ndarray")
    elif data.kind == _TENSOR:
        tensors = (_tensor(name, data.payload, allowance, f"{where}.tensor"),)
        rows = tensors[0].shape[0] if tensors[0].shape else 1
    elif data.kind == _TFTENSOR:
        tensors = (tensor_of_proto(name, data.payload, allowance, f"{where}.tftensor"),)
        rows = tensors[0].shape[0] if tensors[0].shape else 1
    else:
        raise not_protocol(where, "expected ndarray, tensor or tftensor")
    check_rows(rows, where)
    return rows, named_columns(tensors, data.names)


def _tensor(name: str, body: bytes, allowance: Allowance, where: str) -> Tensor:
    """Doubles in the order of the shape; both fields packed, or one number each."""
    shape: list[int] = []
    values: list[bytes] = []
    for number, wire, value in fields(body, allowance):
        if number == 1:
            for piece in [[value]] if isinstance(value, int) else varints(value):
                shape += map(signed, piece[:_RANK_VALUES_MAX])
        elif number == 2 and wire in (BYTES, FIXED64) and isinstance(value, bytes):
            values.append(value)
    checked = checked_shape(shape[:_RANK_VALUES_MAX], where)
    data = b"".join(values)
    if len(data) != 8 * prod(checked):
        raise Undecodable("shape_mismatch", where, f"found {len(data) // 8} values for the shape {list(checked)}")
    return tensor_from_raw(name, checked, "FP64", data, where)


def _list(body: bytes, allowance: Allowance, depth: int, where: str) -> list[Any]:
    """The values of a `google.protobuf.ListValue`."""
    listed = (value for number, _, value in fields(body, allowance) if number == 1 and isinstance(value, bytes))
    return [_value(each, allowance, depth - 1, where) for each in listed]


def _value(body: bytes, allowance: Allowance, depth: int, where: str) -> Any:
    """A `google.protobuf.Value`: what JSON holds. Raises Undecodable and MalformedProtobuf."""
    if depth <= 0:
        raise not_protocol(where, f"deeper than {DEPTH_MAX} levels")
    found: Any = None
    for number, wire, value in fields(body, allowance):
        if number == 2 and wire == FIXED64 and isinstance(value, bytes):
            found = struct.unpack("<d", value)[0]
        elif number == 4 and isinstance(value, int):
            found = bool(value)
        elif isinstance(value, bytes) and wire == BYTES:
            if number == 3:
                found = text_of(value, where)
            elif number == 5:
                found = _object(value, allowance, depth, where)
            elif number == 6:
                found = _list(value, allowance, depth, where)
    return found


def _object(body: bytes, allowance: Allowance, depth: int, where: str) -> dict[str, Any]:
    """The members of a `google.protobuf.Struct`, by their names: on the wire they have no order."""
    found: dict[str, Any] = {}
    for number, _, value in fields(body, allowance):
        if number == 1 and isinstance(value, bytes):
            key, member = entry(value, allowance)
            found[text_of(key, where)] = _value(member, allowance, depth - 1, where)
    return dict(sorted(found.items()))
