"""The Open Inference Protocol (KServe v2) over HTTP, with JSON and binary-tensor bodies: Triton, MLServer, KServe.

A body is a JSON object, or a JSON object of `Inference-Header-Content-Length` bytes with the tensors that carry
`binary_data_size` behind it, in order. Where that header was lost on the way, the object tells its own end, and the
sizes must account for every byte after it. Raw requests (header value 0) name neither tensor nor shape nor type: their
one input, of one row, is left out and the record says `truncated`. Tensors in shared memory never cross the wire: they are left out and the record says `truncated`; an
exchange whose inputs are all in shared memory is refused. Parameters are read for these two things and not kept.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from collectors.decoders.compression import plain_body
from collectors.decoders.decoder import ROWS_MAX, TENSORS_MAX, VERSION_CHARS_MAX, Call, Decoded, Undecodable
from collectors.decoders.elements import (
    TENSOR_BYTES_MAX,
    check_size,
    checked_datatype,
    checked_shape,
    float_tensor,
    plain_tensor,
    tensor_bytes,
    tensor_from_json,
    tensor_from_raw,
)
from collectors.decoders.json_bodies import not_protocol, read_json, refusal_words
from collectors.decoders.raw_input import RawInput, raw_tensor
from collectors.decoders.targets import called
from collectors.protocols.exchange import Exchange
from collectors.records.types import Fidelity, Tensor

_LOST_HEADER_JSON_BYTES_MAX = 1024 * 1024
"""How far we look for the end of the JSON object where its length was lost; values are behind it, so it is short."""

_PLAIN_BYTES_MAX = 1024 * 1024
"""Read in one go: what its numbers weigh as Python objects is no more than some sixteen times that."""

_VAIN_PAUSE = 256
"""Exchanges of a model that are not tried to be read in one go after one could not be: most models always say the same kind."""

_VAIN_MODELS_MAX = 1024
"""Models of which this is remembered; their names come from clients."""

_LENGTH_HEADER = "inference-header-content-length"
_NOT_PLAIN = frozenset((_LENGTH_HEADER, "content-encoding"))
"""Headers that say that a body is more than JSON."""

_PATH = re.compile(r"/v2/models/([^/?#]+)(?:/versions/([^/?#]+))?/infer/?(?:[?#]|$)")
_OBJECT_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[{}]', re.DOTALL)


class _Parameters(msgspec.Struct):
    """What parameters may say about where the data is; anything else in them is not looked at."""

    binary_data_size: int | None = None
    shared_memory_region: msgspec.Raw = msgspec.Raw()


class _Tensor(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: msgspec.Raw = msgspec.Raw()
    parameters: _Parameters | None = None


class _Request(msgspec.Struct):
    inputs: list[_Tensor]
    id: str | int | None = None


class _Response(msgspec.Struct):
    outputs: list[_Tensor]
    id: str | int | None = None
    model_version: str | int | None = None


class _PlainTensor(msgspec.Struct, gc=False):
    """As most are: a flat list of floats, with nothing to say beside it."""

    name: str
    shape: tuple[int, ...]
    datatype: str
    data: list[float]
    parameters: None = None


class _PlainRequest(msgspec.Struct, gc=False):
    inputs: list[_PlainTensor]
    id: str | int | None = None


class _PlainResponse(msgspec.Struct, gc=False):
    outputs: list[_PlainTensor]
    id: str | int | None = None
    model_version: str | int | None = None


class _Form(NamedTuple):
    """How one half of an exchange is read."""

    decoder: msgspec.json.Decoder[Any]
    where: str
    side: str


_REQUEST = _Form(msgspec.json.Decoder(_Request), "request", "inputs")
_RESPONSE = _Form(msgspec.json.Decoder(_Response), "response", "outputs")
_plain_request = msgspec.json.Decoder(_PlainRequest).decode
_plain_response = msgspec.json.Decoder(_PlainResponse).decode


class OpenInference:
    """Decodes `POST …/v2/models/{model}[/versions/{version}]/infer`."""

    name = "open_inference"

    def __init__(self, raw_inputs: Mapping[str, RawInput] = MappingProxyType({})) -> None:
        self._raw_inputs = raw_inputs
        self._vain: dict[str, int] = {}

    def call(self, method: str, target: str) -> Call | None:
        """The model this request line calls; health, metadata and repository paths are no inference."""
        if method != "POST":
            return None
        found = _PATH.search(target)
        return called(found[1], found[2] or "") if found else None

    def decode(self, exchange: Exchange, call: Call) -> Decoded:
        """Read a whole exchange. Raises Undecodable."""
        if exchange.status == 200:
            pause = self._vain.get(call.model)
            if not pause:
                plain = _plain(exchange, call)
                if plain is not None:
                    return plain
                pause = _VAIN_PAUSE
                if len(self._vain) >= _VAIN_MODELS_MAX:
                    self._vain.clear()
            self._vain[call.model] = pause - 1
        request, inputs, fidelity = _asked(exchange, self._raw_inputs.get(call.model))
        if inputs is None:
            raise Undecodable("shared_memory", "request.inputs", "all inputs are in shared memory")
        rows = _rows(request)
        request_id = _id(request.id)
        if not 200 <= exchange.status < 300:
            return Decoded(
                model=call.model,
                version=call.version,
                id=request_id,
                rows=rows,
                inputs=inputs,
                outputs=(),
                error=refusal_words(exchange),
                fidelity=fidelity,
            )
        response, outputs, response_fidelity = _message(_RESPONSE, exchange.response_body, exchange.response_headers)
        outputs = outputs or ()
        check_size(inputs, outputs)
        version = response.model_version
        return Decoded(
            model=call.model,
            version=str(version)[:VERSION_CHARS_MAX] if version not in (None, "") else call.version,
            id=request_id or _id(response.id),
            rows=rows,
            inputs=inputs,
            outputs=outputs,
            fidelity=fidelity if fidelity != "full" else response_fidelity,
        )


def _plain(exchange: Exchange, call: Call) -> Decoded | None:
    """What comes of an exchange whose tensors are all flat lists of floats; None where one has to look closer.

    Nothing here says that something is wrong: whatever is not as it mostly is, is read once more by those who can tell.
    """
    asked, answered = exchange.request_body, exchange.response_body
    if (
        len(asked) > _PLAIN_BYTES_MAX
        or len(answered) > _PLAIN_BYTES_MAX
        or not _NOT_PLAIN.isdisjoint(exchange.request_headers)
        or not _NOT_PLAIN.isdisjoint(exchange.response_headers)
    ):
        return None
    try:
        request, response = _plain_request(asked), _plain_response(answered)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    inputs = _plain_tensors(request.inputs)
    outputs = _plain_tensors(response.outputs)
    if not inputs or outputs is None:
        return None
    shape, version = inputs[0].shape, response.model_version
    return Decoded(
        model=call.model,
        version=str(version)[:VERSION_CHARS_MAX] if version not in (None, "") else call.version,
        id=_id(request.id) or _id(response.id),
        rows=shape[0] if shape else 1,
        inputs=inputs,
        outputs=outputs,
    )


def _plain_tensors(described: list[_PlainTensor]) -> tuple[Tensor, ...] | None:
    if len(described) > TENSORS_MAX:
        return None
    tensors = []
    for each in described:
        tensor = float_tensor(each.name, each.shape, each.datatype, each.data)
        if tensor is None:
            return None
        tensors.append(tensor)
    return tuple(tensors)


def _asked(exchange: Exchange, raw: RawInput | None) -> tuple[Any, tuple[Tensor, ...] | None, Fidelity]:
    """The request. A raw one has no JSON to say what its bytes are: only the settings may, else only the answer is known."""
    if exchange.request_headers.get(_LENGTH_HEADER) != "0":
        return _message(_REQUEST, exchange.request_body, exchange.request_headers)
    if raw is None:
        return _Request(inputs=[]), (), "truncated"
    body = plain_body(exchange.request_body, exchange.request_headers.get("content-encoding", ""), "request")
    tensor = raw_tensor(raw, body, "request")
    return _Request(inputs=[_Tensor(raw.name, list(tensor.shape), raw.datatype)]), (tensor,), "full"


def _message(
    form: _Form, body: bytes | bytearray, headers: Mapping[str, str]
) -> tuple[Any, tuple[Tensor, ...] | None, Fidelity]:
    """The JSON object, its tensors (None where all of them are in shared memory), and what was lost."""
    where = form.where
    plain = plain_body(body, headers.get("content-encoding", ""), where)
    message, raw, fidelity = _split(form.decoder, plain, headers.get(_LENGTH_HEADER), where)
    described: list[_Tensor] = getattr(message, form.side)
    if len(described) > TENSORS_MAX:
        raise Undecodable("record_too_large", f"{where}.{form.side}", f"found {len(described)} tensors")
    tensors = _tensors(described, raw, f"{where}.{form.side}")
    if len(tensors) == len(described):
        return message, tensors, fidelity
    return message, tensors or None, "truncated"


def _split(
    decoder: msgspec.json.Decoder[Any], body: bytes | bytearray, length: str | None, where: str
) -> tuple[Any, memoryview, Fidelity]:
    """The JSON object and the bytes behind it."""
    if length is None:
        try:
            return read_json(decoder, body, where), memoryview(b""), "full"
        except Undecodable as error:
            end = _object_end(body) if error.reason in ("request_not_json", "response_not_json") else None
            if end is None or end == len(body):
                raise
            return read_json(decoder, body[:end], where), memoryview(body)[end:], "headers_lost"
    if not length.isascii() or not length.isdigit() or len(length) > 12 or int(length) > len(body):
        raise Undecodable("binary_size", f"{where}.header", f"found {length[:40]!r}, the body has {len(body)} bytes")
    return read_json(decoder, body[: int(length)], where), memoryview(body)[int(length) :], "full"


def _object_end(body: bytes | bytearray) -> int | None:
    """Where the JSON object at the beginning of these bytes ends."""
    depth = 0
    for token in _OBJECT_TOKEN.finditer(body[:_LOST_HEADER_JSON_BYTES_MAX]):
        if token[0] == b"{":
            depth += 1
        elif token[0] == b"}":
            depth -= 1
            if depth <= 0:
                return token.end()
    return None


def _tensors(described: list[_Tensor], raw: memoryview, where: str) -> tuple[Tensor, ...]:
    """The tensors whose elements crossed the wire. Raises Undecodable."""
    tensors: list[Tensor] = []
    at = held = 0
    for position, each in enumerate(described):
        tensor = (
            plain_tensor(each.name, each.shape, each.datatype, bytes(each.data)) if each.parameters is None else None
        )
        if tensor is None:
            tensor, at = _tensor(each, raw, at, f"{where}[{position}]")
            if tensor is None:
                continue
        tensors.append(tensor)
        held += tensor_bytes(tensor)
        if held > TENSOR_BYTES_MAX:
            detail = f"more than {TENSOR_BYTES_MAX} bytes of elements"
            raise Undecodable("record_too_large", f"{where}[{position}]", detail)
    if at != len(raw):
        raise Undecodable("binary_size", where, f"found {len(raw) - at} bytes that no tensor claims")
    return tuple(tensors)


def _tensor(described: _Tensor, raw: memoryview, at: int, where: str) -> tuple[Tensor | None, int]:
    """One tensor, None where it is in shared memory, and where the next raw one begins. Raises Undecodable."""
    shape = checked_shape(described.shape, where)
    datatype = checked_datatype(described.datatype, where)
    parameters = described.parameters
    if parameters and len(parameters.shared_memory_region):
        return None, at
    size = parameters.binary_data_size if parameters else None
    if size is None:
        if not len(described.data):
            raise not_protocol(f"{where}.data", "no data")
        return tensor_from_json(described.name, shape, datatype, bytes(described.data), where), at
    if not 0 <= size <= len(raw) - at:
        found = f"found {size}, {len(raw) - at} bytes are left"
        raise Undecodable("binary_size", f"{where}.parameters.binary_data_size", found)
    return tensor_from_raw(described.name, shape, datatype, bytes(raw[at : at + size]), where), at + size


def _rows(request: _Request) -> int:
    if not request.inputs or not request.inputs[0].shape:
        return 1
    rows = request.inputs[0].shape[0]
    if rows > ROWS_MAX:
        raise Undecodable("record_too_large", "request.inputs[0].shape[0]", f"found {rows} rows")
    return rows


def _id(found: str | int | None) -> str | None:
    return str(found) if found not in (None, "") else None
