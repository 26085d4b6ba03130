"""Seldon Core's V1 protocol: `/api/v1.0/predictions`, with `/seldon/{namespace}/{name}` before it through an ingress.

A payload is `data` in one of three forms (`ndarray`, `tensor`, `tftensor`), with names of its columns, or `strData`,
`jsonData`, `binData`. The id is the `puid` of `meta`. The deployment's name is in the path only where an ingress is;
elsewhere the model bears the name that the settings give.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Sequence
from math import prod
from typing import Any

import msgspec

from collectors.decoders.compression import plain_body
from collectors.decoders.decoder import Call, Decoded, Undecodable
from collectors.decoders.elements import TENSOR_BYTES_MAX, check_size, checked_shape, tensor_from_json, tensor_from_raw
from collectors.decoders.json_bodies import ERROR_CHARS_MAX, not_protocol, read_json, refusal_words
from collectors.decoders.targets import called, matched
from collectors.decoders.undeclared import INPUT, OUTPUT, check_rows, split_columns, tensors_from_json
from collectors.protocols.exchange import Exchange
from collectors.records.types import ITEM_BYTES, Datatype, Tensor

_PATH = re.compile(r"[^?#]*?(?:/seldon/[^/?#]+/([^/?#]+))?/api/v(?:1\.0|0\.1)/predictions/?(?:[?#]|$)")

_TENSORFLOW: dict[str, tuple[Datatype, str]] = {
    "DT_FLOAT": ("FP32", "floatVal"),
    "DT_DOUBLE": ("FP64", "doubleVal"),
    "DT_INT32": ("INT32", "intVal"),
    "DT_INT16": ("INT16", "intVal"),
    "DT_INT8": ("INT8", "intVal"),
    "DT_UINT8": ("UINT8", "intVal"),
    "DT_INT64": ("INT64", "int64Val"),
    "DT_BOOL": ("BOOL", "boolVal"),
    "DT_STRING": ("BYTES", "stringVal"),
    "DT_UINT32": ("UINT32", "uint32Val"),
    "DT_UINT64": ("UINT64", "uint64Val"),
}
"""Types of TensorFlow, and where the JSON form of a TensorProto has their values."""


class _Tensor(msgspec.Struct):
    shape: list[int]
    values: msgspec.Raw


class _Data(msgspec.Struct):
    names: list[str] | None = None
    ndarray: msgspec.Raw = msgspec.Raw()
    tensor: _Tensor | None = None
    tftensor: msgspec.Raw = msgspec.Raw()


class _Meta(msgspec.Struct):
    puid: str | None = None


class _Status(msgspec.Struct):
    info: str | None = None
    reason: str | None = None


class _Message(msgspec.Struct):
    data: _Data | None = None
    str_data: msgspec.Raw = msgspec.field(name="strData", default=msgspec.Raw())
    json_data: msgspec.Raw = msgspec.field(name="jsonData", default=msgspec.Raw())
    bin_data: str | None = msgspec.field(name="binData", default=None)
    meta: _Meta | None = None
    status: _Status | None = None


_MESSAGE = msgspec.json.Decoder(_Message)
_TFTENSOR: msgspec.json.Decoder[Any] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_DIMENSIONS = msgspec.json.Decoder(dict[str, list[dict[str, int | str]]], strict=False)
_TEXTS = msgspec.json.Decoder(list[str])
_TEXT = msgspec.json.Decoder(str)


class SeldonV1:
    """Decodes `POST …/api/v1.0/predictions`."""

    name = "seldon_v1"

    def __init__(self, model: str) -> None:
        self._model = model

    def call(self, method: str, target: str) -> Call | None:
        """The deployment this request line calls; feedback and explanations are no predictions."""
        found = matched(_PATH, method, target)
        return called(found[1] or self._model) if found else None

    def decode(self, exchange: Exchange, call: Call) -> Decoded:
        """Read a whole exchange. Raises Undecodable."""
        body = plain_body(exchange.request_body, exchange.request_headers.get("content-encoding", ""), "request")
        request: _Message = read_json(_MESSAGE, body, "request")
        rows, inputs = _payload(INPUT, request, "request")
        puid = _puid(request) or exchange.request_headers.get("seldon-puid")
        if not 200 <= exchange.status < 300:
            return Decoded(
                model=call.model,
                version=call.version,
                id=puid,
                rows=rows,
                inputs=inputs,
                outputs=(),
                error=_refusal(exchange),
            )
        body = plain_body(exchange.response_body, exchange.response_headers.get("content-encoding", ""), "response")
        response: _Message = read_json(_MESSAGE, body, "response")
        outputs = _payload(OUTPUT, response, "response")[1]
        check_size(inputs, outputs)
        return Decoded(
            model=call.model,
            version=call.version,
            id=puid or _puid(response) or exchange.response_headers.get("seldon-puid"),
            rows=rows,
            inputs=inputs,
            outputs=outputs,
        )


def named_columns(tensors: tuple[Tensor, ...], names: Sequence[str]) -> tuple[Tensor, ...]:
    """A column each, where there is a name for each and no name twice; else the tensors as they are."""
    if len(set(names)) < len(names):
        return tensors
    if len(tensors) == 1:
        return split_columns(tensors[0], names)
    if len(tensors) == len(names):
        return tuple(msgspec.structs.replace(tensor, name=each) for tensor, each in zip(tensors, names, strict=True))
    return tensors


def _puid(message: _Message) -> str | None:
    return message.meta.puid if message.meta else None


def _refusal(exchange: Exchange) -> str | None:
    """Seldon's own words are the `info` of a `status`."""
    try:
        body = plain_body(exchange.response_body, exchange.response_headers.get("content-encoding", ""), "response")
        status = _MESSAGE.decode(body).status
    except (Undecodable, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        status = None
    words = (status.info or status.reason) if status else None
    return words[:ERROR_CHARS_MAX] if words else refusal_words(exchange)


def _payload(name: str, message: _Message, where: str) -> tuple[int, tuple[Tensor, ...]]:
    if message.data is not None:
        return _data(name, message.data, f"{where}.data")
    if len(message.json_data):
        return tensors_from_json(name, bytes(message.json_data), f"{where}.jsonData")
    if len(message.str_data):
        return tensors_from_json(name, bytes(message.str_data), f"{where}.strData")
    if message.bin_data is not None:
        content = _base64(message.bin_data, f"{where}.binData")
        return 1, (Tensor(name=name, shape=(1,), datatype="BYTES", items=(content,)),)
    raise not_protocol(where, "expected data, strData, jsonData or binData")


def _data(name: str, data: _Data, where: str) -> tuple[int, tuple[Tensor, ...]]:
    if len(data.ndarray):
        rows, tensors = tensors_from_json(name, bytes(data.ndarray), f"{where}.ndarray")
    elif data.tensor is not None:
        shape = checked_shape(data.tensor.shape, f"{where}.tensor")
        tensor = tensor_from_json(name, shape, "FP64", bytes(data.tensor.values), f"{where}.tensor")
        rows, tensors = _rows_of(shape), (tensor,)
    elif len(data.tftensor):
        tensor = _tftensor(name, bytes(data.tftensor), f"{where}.tftensor")
        rows, tensors = _rows_of(tensor.shape), (tensor,)
    else:
        raise not_protocol(where, "expected ndarray, tensor or tftensor")
    check_rows(rows, where)
    return rows, named_columns(tensors, data.names or [])


def _rows_of(shape: tuple[int, ...]) -> int:
    return shape[0] if shape else 1


def _tftensor(name: str, raw: bytes, where: str) -> Tensor:
    """A TensorProto in its JSON form: its content as base64, or its values, of which a single one fills the shape."""
    described = {key: bytes(value) for key, value in read_json(_TFTENSOR, raw, where).items()}
    kind = _TENSORFLOW.get(read_json(_TEXT, described.get("dtype", b'""'), where))
    if kind is None:
        raise Undecodable("datatype_unknown", f"{where}.dtype")
    datatype, values = kind
    dimensions = read_json(_DIMENSIONS, described.get("tensorShape", b"{}"), f"{where}.tensorShape").get("dim", [])
    try:
        shape = checked_shape([int(each.get("size", 0)) for each in dimensions], where)
    except ValueError as error:
        raise not_protocol(f"{where}.tensorShape", "expected numbers") from error
    if "tensorContent" in described:
        content = _base64(read_json(_TEXT, described["tensorContent"], where), f"{where}.tensorContent")
        return tensor_from_raw(name, shape, datatype, content, where)
    found = described.get(values, b"[]")
    if datatype == "BYTES":
        found = _plain_texts(found, f"{where}.stringVal")
    if prod(shape) != 1 and b"," not in found and found.strip(b"[] \t\r\n"):
        return _filled(tensor_from_json(name, (1,), datatype, found, where), shape, where)
    return tensor_from_json(name, shape, datatype, found, where)


def _plain_texts(raw: bytes, where: str) -> bytes:
    """Strings of a TensorProto are base64 in JSON; what is no UTF-8 after it stays so."""
    texts = []
    for item in read_json(_TEXTS, raw, where):
        try:
            texts.append(_base64(item, where).decode("utf-8"))
        except UnicodeDecodeError:
            texts.append(item)
    return msgspec.json.encode(texts)


def _filled(single: Tensor, shape: tuple[int, ...], where: str) -> Tensor:
    count = prod(shape)
    if count * (ITEM_BYTES[single.datatype] if single.datatype != "BYTES" else 64) > TENSOR_BYTES_MAX:
        raise Undecodable("record_too_large", where, f"found {count} elements")
    return Tensor(
        name=single.name, shape=shape, datatype=single.datatype, data=single.data * count, items=single.items * count
    )


def _base64(text: str, where: str) -> bytes:
    try:
        return a2b_base64(text, strict_mode=True)
    except (Base64Error, ValueError) as error:
        raise Undecodable("element_type", where, "expected base64") from error
