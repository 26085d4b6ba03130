"""Messages of Kafka topics → halves of exchanges, and parts of our own batches → batches. Pure.

Seldon v2 writes each model's requests and answers to topics of their own, `PREFIX.NAMESPACE.model.NAME.inputs` and
`.outputs`, joined by the header `x-request-id`; values are the Open Inference Protocol as Protocol Buffers or JSON,
with the prefix of a schema registry or without. Other writers of the protocol name two topics.

Each exchange is named from its key, the same whenever its messages come again, so that a monitor takes it once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

import msgspec

from collectors.decoders.decoder import Call, Decoder
from collectors.decoders.open_inference_grpc import UNARY, OpenInferenceGrpc
from collectors.decoders.protobuf import BYTES, Allowance, MalformedProtobuf, fields
from collectors.intake.halves import Pair, Side
from collectors.intake.sniffing import AsCalled, reader_of
from collectors.protocols.exchange import Exchange

PAYLOAD_BYTES_MAX = 72 * 1024 * 1024
"""Of a batch put together from parts: what the largest frame of a spool holds."""

PARTS_MAX = 1024
"""Of one batch."""

PARTS_BYTES_MAX = 256 * 1024 * 1024
"""Of all batches that are not complete: three of the largest, or hundreds of what sidecars normally write in parts."""

PARTS_WAIT_NS = 300 * 10**9
"""A producer gives up after half a minute; the rest is for clocks that differ."""

MESSAGE_BYTES_MAX = 64 * 1024 * 1024
"""Of one value: what the largest exchange may be, as everywhere."""

NAME_CHARS_MAX = 256
_SELDON = re.compile(
    r"(?P<prefix>[\w-]+)\.(?P<namespace>[\w-]+)\.(?P<kind>model|pipeline)\.(?P<name>[\w.-]+)\.(?P<side>inputs|outputs)"
)
_REGISTRY_BYTES = 5
"""Of a schema registry's prefix: a zero byte and the schema's number."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message; header names are lower case."""

    topic: str
    partition: int
    offset: int
    time_ns: int
    value: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a topic says about its messages: whose they are, and which half of an exchange."""

    model: str
    version: str
    side: Side


@dataclass(frozen=True, slots=True)
class Half:
    """One half of an exchange."""

    message: Message
    origin: Origin
    id: str
    body: bytes
    is_protobuf: bool


class NotAHalf(ValueError):
    """A message that is no request and no answer; says where, what was found and what was expected."""


def seldon_origin(topic: str, prefix: str) -> Origin | None:
    """What a topic of Seldon v2 holds; None for others, such as those of errors. A pipeline is a model of its own.

    >>> seldon_origin("seldon.mesh.model.income.outputs", "seldon")
    Origin(model='income', version='', side='response')
    """
    found = _SELDON.fullmatch(topic)
    if found is None or found["prefix"] != prefix:
        return None
    name = found["name"] if found["kind"] == "model" else f"{found['name']}-pipeline"
    return Origin(name[:NAME_CHARS_MAX], "", "request" if found["side"] == "inputs" else "response")


def seldon_pattern(prefix: str, namespace: str | None) -> str:
    """The topics to subscribe to, as librdkafka writes patterns."""
    place = re.escape(namespace) if namespace else "[^.]+"
    return rf"^{re.escape(prefix)}\.{place}\.(model|pipeline)\..+\.(inputs|outputs)$"


def half_of(message: Message, origin: Origin) -> Half:
    """Raises NotAHalf."""
    body, is_protobuf = _body(message)
    id = message.headers.get("x-request-id") or _id(body, is_protobuf=is_protobuf)
    if not id:
        raise NotAHalf(f"{_place(message)}: found neither the header x-request-id nor an id in the body")
    return Half(message, origin, id[:NAME_CHARS_MAX], body, is_protobuf)


def key_of(half: Half) -> tuple[str, str]:
    """What both halves of an exchange have in common."""
    return half.origin.model, half.id


def exchange_name(key: tuple[str, str]) -> str:
    """63 bits of a hash of the key."""
    digest = blake2b(msgspec.json.encode(key), digest_size=8).digest()
    return f"kafka-{int.from_bytes(digest, 'big') >> 1:016x}"


def exchange_of(pair: Pair[Half]) -> Exchange:
    """The pair as an exchange."""
    request, response = pair.request, pair.response
    half = pair.first
    is_grpc = half.is_protobuf
    start_ns = half.message.time_ns
    return Exchange(
        method="POST",
        target=UNARY if is_grpc else "kafka",
        request_headers=_headers(half),
        response_headers={},
        request_body=_framed(request),
        response_body=_framed(response),
        status=200 if response else 0,
        start_ns=start_ns,
        end_ns=max(start_ns, (response or half).message.time_ns),
        wire_bytes=sum(len(each.body) for each in (request, response) if each),
        damage=pair.damage,
        protocol="grpc" if is_grpc else "http1",
    )


def reader(pair: Pair[Half], exchange: Exchange) -> tuple[Decoder, Call]:
    """What decodes the exchange, under the names that the topic says."""
    half = pair.first
    origin = half.origin
    if half.is_protobuf:
        return AsCalled(OpenInferenceGrpc(), half.id), Call(origin.model, origin.version)
    decoder, call = reader_of(exchange, origin.model, origin.version)
    return AsCalled(decoder, half.id), call


@dataclass(slots=True)
class _Parts:
    """What has come of one batch."""

    batch: str
    count: int
    first: int
    place: tuple[str, int]
    time_ns: int
    values: list[bytes] = field(default_factory=list)
    bytes: int = 0


class Assembly:
    """Puts batches together that came in parts. A part out of its turn begins anew.

    Sidecars that write to one partition come between each other's parts, so each has its own. One that died between two
    parts holds the partition back no longer than `PARTS_WAIT_NS`, by the messages' own times.
    """

    def __init__(self) -> None:
        self._parts: dict[tuple[str, int, str], _Parts] = {}

    def add(self, message: Message) -> tuple[str, bytes] | None:
        """The id and bytes of the batch that this message completes. Raises NotAHalf for what is no batch of ours."""
        batch = message.headers.get("outrider-batch", "")
        if not re.fullmatch(r"[\w-]{1,64}/\d{1,20}", batch):
            raise NotAHalf(
                f"{_place(message)}: found the header outrider-batch {batch[:80]!r}, expected SIDECAR/NUMBER"
            )
        self._give_up_on_late(message.time_ns)
        whose = (message.topic, message.partition, batch.partition("/")[0])
        told = message.headers.get("outrider-part")
        if told is None:
            self._parts.pop(whose, None)
            return batch, message.value
        found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", told)
        if found is None or not int(found[1]) < int(found[2]) <= PARTS_MAX:
            raise NotAHalf(f"{_place(message)}: found the header outrider-part {told[:80]!r}, expected INDEX/COUNT")
        index, count = int(found[1]), int(found[2])
        known = self._parts.pop(whose, None)
        if index == 0:
            known = _Parts(batch, count, message.offset, whose[:2], message.time_ns)
        if known is None or (known.batch, known.count, len(known.values)) != (batch, count, index):
            raise NotAHalf(f"{_place(message)}: found part {told} of {batch}, expected the one before it first")
        known.values.append(message.value)
        known.bytes += len(message.value)
        known.time_ns = message.time_ns
        if known.bytes > PAYLOAD_BYTES_MAX:
            raise NotAHalf(f"{_place(message)}: found more than {PAYLOAD_BYTES_MAX} bytes in the parts of {batch}")
        if index + 1 == count:
            return batch, b"".join(known.values)
        self._parts[whose] = known
        self._make_room()
        return None

    def first_held(self, place: tuple[str, int]) -> int | None:
        """The offset of the oldest part that waits for others."""
        return min((parts.first for parts in self._parts.values() if parts.place == place), default=None)

    def forget(self, place: tuple[str, int]) -> None:
        for whose in [whose for whose, parts in self._parts.items() if parts.place == place]:
            del self._parts[whose]

    def _give_up_on_late(self, now_ns: int) -> None:
        for whose in [whose for whose, parts in self._parts.items() if now_ns - parts.time_ns > PARTS_WAIT_NS]:
            del self._parts[whose]

    def _make_room(self) -> None:
        """The one that has grown last is last."""
        while sum(parts.bytes for parts in self._parts.values()) > PARTS_BYTES_MAX:
            del self._parts[next(iter(self._parts))]


def _body(message: Message) -> tuple[bytes, bool]:
    """The value without a schema registry's prefix, and whether it is Protocol Buffers."""
    value = message.value
    if len(value) > MESSAGE_BYTES_MAX:
        raise NotAHalf(f"{_place(message)}: found {len(value)} bytes, expected at most {MESSAGE_BYTES_MAX}")
    told = message.headers.get("seldon-infer-type", "")
    if value[:1] == b"\0" and len(value) > _REGISTRY_BYTES:
        # A zero byte begins neither JSON nor a message of the protocol (there is no field 0).
        value = value[_REGISTRY_BYTES:]
        if value.lstrip()[:1] != b"{":
            value = value[_indexes(value) :]
    is_json = told.startswith("json/") or (not told and value.lstrip()[:1] == b"{")
    return value, not is_json


def _indexes(value: bytes) -> int:
    """How many bytes say which message of the schema it is: a count and as many numbers, or one zero for the first."""
    if value[:1] == b"\0":
        return 1
    at, count = _varint(value, 0)
    for _ in range(count // 2):
        at, _ = _varint(value, at)
    return at


def _varint(value: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(value) and shift < 64:
        byte = value[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    return at, min(number, 64)


class _WithId(msgspec.Struct):
    id: str | int | None = None


def _id(body: bytes, *, is_protobuf: bool) -> str:
    """The id that the body itself carries."""
    if is_protobuf:
        return _protobuf_id(body)
    try:
        found = msgspec.json.decode(body, type=_WithId).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return "" if found is None else str(found)


def _protobuf_id(body: bytes) -> str:
    """Field 3 of ModelInferRequest and of ModelInferResponse."""
    try:
        for number, wire, value in fields(body, Allowance()):
            if number == 3 and wire == BYTES and isinstance(value, bytes):
                return value[:NAME_CHARS_MAX].decode("utf-8", "replace")
            if number > 3:
                break
    except MalformedProtobuf:
        return ""
    return ""


def _headers(half: Half) -> dict[str, str]:
    kept = {name: half.message.headers[name] for name in ("traceparent",) if name in half.message.headers}
    return {**kept, "x-request-id": half.id}


def _framed(half: Half | None) -> bytes:
    """Protocol Buffers with the prefix of gRPC, as the decoder reads them."""
    if half is None:
        return b""
    return b"\0" + len(half.body).to_bytes(4, "big") + half.body if half.is_protobuf else half.body


def _place(message: Message) -> str:
    return f"{message.topic}[{message.partition}]@{message.offset}"
