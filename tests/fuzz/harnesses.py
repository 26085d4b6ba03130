"""One harness for each reader of foreign bytes: an input in, True where it was read, False where it was refused.

Whatever else is raised is a fault. What was read is checked: tensors add up, batches come back, exchanges are all
accounted for, nothing is held after a connection has ended, and the same bytes in other pieces say the same.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod

import msgspec
import zstandard

from collectors.decoders.compression import plain_body
from collectors.decoders.decoder import Call as Called
from collectors.decoders.decoder import Decoded, Decoder, Undecodable
from collectors.decoders.identity import DEFAULT_IDS
from collectors.decoders.open_inference import OpenInference
from collectors.decoders.open_inference_grpc import StreamCorrelation
from collectors.decoders.protobuf import Allowance, MalformedProtobuf, fields, varints
from collectors.decoders.registry import Registry
from collectors.intake.cloudevents import NotCloudEvents, read_events
from collectors.intake.kafka_messages import Message, NotAHalf, half_of, seldon_origin
from collectors.intake.sagemaker import NotACapture, read_line
from collectors.pipeline import Pipeline
from collectors.protocols import Direction, Exchange, grpc
from collectors.protocols.connection import Connection
from collectors.protocols.dialogue import Dialogue
from collectors.protocols.exchange import Arrivals
from collectors.protocols.heads import RequestHead, ResponseHead
from collectors.protocols.memory import Budget
from collectors.protocols.sse import EventStream
from collectors.records.encoding import MAGIC, VERSION, BatchError, decode_batch, encode_batch
from collectors.records.types import ITEM_BYTES, Batch, Ledger, Prediction
from collectors.redaction import RedactionPolicy, Rule, patterns
from collectors.redaction.patterns import PATTERNS, may_hold_patterns, replace_patterns
from collectors.sampling import SamplingPolicy
from collectors.spool.framing import UnknownVersion, decode_journal_header, decode_mark
from collectors.spool.undecodable import MAGIC as ORX
from collectors.spool.undecodable import VERSION as ORX_VERSION
from collectors.spool.undecodable import NotAnExchange, decode_unread, encode_unread
from collectors.spool.walk import Damage, payload_of, walk
from collectors.tap import segment as at
from collectors.tap.passive.packets import checksum_holds, read_packet
from collectors.tap.ring import RingDamaged, RingReader
from collectors.tap.segment import RING_BYTES_MIN, Segment
from tests.fuzz import seeds
from tests.fuzz.calls import CALLS, ROUTE, Call
from tests.fuzz.seeds import CUT, FROM_CLIENT, FROM_SERVER, IN_BYTES, LOST_OF_CLIENT, LOST_OF_SERVER


@dataclass(frozen=True)
class Harness:
    """`take` answers whether an input was read; what it raises is a fault."""

    name: str
    take: Callable[[bytes], bool]
    seeds: Sequence[bytes]


def _exchange(calls: Sequence[Call], data: bytes) -> Exchange:
    chosen, flags = (data[0], data[1]) if len(data) > 1 else (0, 0)
    target, request_headers, response_headers = calls[chosen % len(calls)]
    request, _, response = data[2:].partition(CUT)
    return Exchange(
        method="POST",
        target=target,
        request_headers=request_headers,
        response_headers=response_headers,
        request_body=request,
        response_body=response,
        status=400 if flags & 1 else 200,
        start_ns=1,
        end_ns=10**6,
        aborted=bool(flags & 2),
        arrivals=Arrivals([5, 90, 400], [2_000_000, 3_000_000, 9_000_000]) if flags & 4 else None,
        protocol="grpc" if target.startswith("/inference.") else "http1",
    )


def _decoding(name: str, calls: Sequence[Call]) -> Callable[[bytes], bool]:
    registries = [Registry(keeps_text=keeps_text, routes=[ROUTE]) for keeps_text in (False, True)]

    def take(data: bytes) -> bool:
        exchange = _exchange(calls, data)
        found = registries[len(data) % 2].find("POST", exchange.target)
        assert found is not None
        assert found[0].name == name
        if isinstance(found[0], OpenInference):
            _say_the_same_both_ways(exchange, found[1])
        return _decoded(exchange, found[0], *found[1:])

    return take


def _say_the_same_both_ways(exchange: Exchange, call: Called) -> None:
    """Whether floats are read in one go, or more closely, as everything is that has a coding: none, here."""
    if "content-encoding" in exchange.request_headers:
        return
    coded = {**exchange.request_headers, "content-encoding": "identity"}
    said: list[object] = []
    for each in (exchange, msgspec.structs.replace(exchange, request_headers=coded)):
        try:
            said.append(OpenInference().decode(each, call))
        except Undecodable as error:
            said.append((error.reason, error.where, error.detail))
    assert said[0] == said[1]


def _decoded(exchange: Exchange, decoder: Decoder, call: "object") -> bool:
    try:
        decoded = decoder.decode(exchange, call)  # type: ignore[arg-type]
    except Undecodable as error:
        assert error.where
        assert len(str(error)) < 2000
        return False
    check(decoded)
    return True


def check(decoded: Decoded) -> None:
    """It can be stored: shapes account for elements, and a batch of it is read back."""
    for tensor in (*decoded.inputs, *decoded.outputs):
        found = len(tensor.items) if tensor.datatype == "BYTES" else len(tensor.data) // ITEM_BYTES[tensor.datatype]
        assert found == prod(tensor.shape)
        assert all(0 <= position < found for position in tensor.missing)
    record = Prediction(
        exchange="e",
        id=decoded.id or "i",
        id_source="body",
        model=decoded.model,
        version=decoded.version,
        time_ns=1,
        error=decoded.error,
        rows=decoded.rows,
        inputs=decoded.inputs,
        outputs=decoded.outputs,
        fidelity=decoded.fidelity,
    )
    batch = Batch(sidecar="s", sequence=1, records=(record,))
    assert decode_batch(encode_batch(batch)) == batch


# Connections.


def _said(data: bytes) -> tuple[list[tuple[int, bytes]], bool]:
    """The pieces of an input, and whether they are to come byte by byte too."""
    said = [(each[0] % 5, each[1:]) for each in data.split(CUT) if each]
    return [each for each in said if each[0] != IN_BYTES], any(kind == IN_BYTES for kind, _ in said)


Story = list[tuple[object, ...]]


def _told(exchanges: Sequence[Exchange]) -> Story:
    return [
        (e.method, e.target, e.status, bytes(e.request_body), bytes(e.response_body), e.damage, e.protocol, dict(e.trailers))
        for e in exchanges
    ]  # fmt: skip


def _watch(registry: Registry, said: Sequence[tuple[int, bytes]], size: int) -> tuple[Story, object]:
    budget = Budget(1024 * 1024)
    connection = Connection(budget, registry.is_inference, met_midway=False, correlating=registry.correlation)
    exchanges: list[Exchange] = []
    now = 1
    for kind, data in said:
        now += 1
        if kind in (LOST_OF_CLIENT, LOST_OF_SERVER):
            count = 1 + int.from_bytes(data[:2], "big")
            exchanges += connection.lost(Direction(kind - LOST_OF_CLIENT), count)[0]
            continue
        for begin in range(0, len(data), size):
            exchanges += connection.received(Direction(kind), data[begin : begin + size], now)
        assert budget.held <= budget.limit
    opaque = connection.opaque
    exchanges += connection.closed(now)
    assert budget.held == 0 or opaque
    return _told(exchanges), opaque


def _connection() -> Callable[[bytes], bool]:
    registry = Registry()

    def take(data: bytes) -> bool:
        said, in_bytes = _said(data)
        story, opaque = _watch(registry, said, 1 << 30)
        is_whole = opaque is None and all(kind <= FROM_SERVER for kind, _ in said)
        if is_whole and (in_bytes or len(data) % 4 == 0):
            assert _watch(registry, said, 1 + len(data) % 7) == (story, opaque)
        return any(each[5] is None for each in story)

    return take


def _pipeline() -> Callable[[bytes], bool]:
    registry = Registry()
    policy = RedactionPolicy(rules=(Rule("x", "round", step=0.5), Rule("t*", "hash")), key=b"0123456789abcdef")

    def take(data: bytes) -> bool:
        pipeline = Pipeline(
            "s", policy, SamplingPolicy(0.5), DEFAULT_IDS, registry=registry, buffered_bytes_max=1 << 20
        )
        for number, (kind, piece) in enumerate(_said(data)[0]):
            connection = number % 3 // 2
            if kind in (LOST_OF_CLIENT, LOST_OF_SERVER):
                lost = 1 + int.from_bytes(piece[:2], "big")
                pipeline.lost(connection, *((lost, 0) if kind == LOST_OF_CLIENT else (0, lost)), number)
            else:
                pipeline.received(connection, Direction(kind), memoryview(piece), number)
        for connection in range(2):
            pipeline.closed(connection, 10**9)
        records, counts = pipeline.take()
        ledgers = [each for each in records if isinstance(each, Ledger)]
        assert counts.seen == sum(each.seen for each in ledgers)
        for each in ledgers:
            reasons = sum(each.dropped.values()) + sum(each.undecodable.values())
            assert each.seen == each.captured + each.sampled_out + each.not_inference + reasons
        predictions = [each for each in records if isinstance(each, Prediction)]
        assert sum(each.captured for each in ledgers) == len(predictions)
        encode_batch(Batch(sidecar="s", sequence=1, records=tuple(records)))
        return bool(predictions)

    return take


def _dialogue(data: bytes) -> bool:
    budget = Budget(1024 * 1024)
    head, answer = RequestHead("POST", seeds.STREAM, {}, False), ResponseHead(200, {})
    dialogue = Dialogue(budget, StreamCorrelation(), head)
    exchanges: list[Exchange] = []
    for number, (kind, piece) in enumerate(_said(data)[0]):
        if kind == FROM_CLIENT:
            dialogue.asked(piece, number)
        elif kind == FROM_SERVER:
            dialogue.answered(answer, piece, number)
        elif not dialogue.skip(Direction(kind - LOST_OF_CLIENT), 1 + len(piece)):
            break
        exchanges += dialogue.take()
    dialogue.ended(answer, {"grpc-status": "0"}, None)
    exchanges += dialogue.take()
    assert budget.held == 0
    return any(each.damage is None for each in exchanges)


def _messages(data: bytes) -> bool:
    budget = Budget(1024 * 1024)
    whole, pieces = grpc.MessageReader(budget), grpc.MessageReader(budget)
    read = [each.framed for each in whole.feed(data, 1)]
    size = 1 + len(data) % 5
    assert read == [
        each.framed for begin in range(0, len(data), size) for each in pieces.feed(data[begin : begin + size], 1)
    ]
    whole.forget()
    pieces.forget()
    assert budget.held == 0
    try:
        found = grpc.payloads(data, "gzip" if len(data) % 2 else "deflate")
    except grpc.MalformedMessage:
        return False
    return bool(found)


def _protobuf(data: bytes) -> bool:
    try:
        found = list(fields(data, Allowance(10_000)))
    except MalformedProtobuf:
        return False
    for _, _, value in found:
        if isinstance(value, bytes) and value:
            with suppress(MalformedProtobuf):
                assert sum(len(piece) for piece in varints(value)) <= len(value)
    return True


def _sse(data: bytes) -> bool:
    whole, pieces = EventStream(), EventStream()
    events = whole.feed(data)
    size = 1 + len(data) % 5
    again = [each for begin in range(0, len(data), size) for each in pieces.feed(data[begin : begin + size])]
    assert [(e.kind, e.data) for e in events] == [(e.kind, e.data) for e in again]
    return bool(events)


def _bodies(data: bytes) -> bool:
    try:
        return len(plain_body(data[1:], ("", "gzip", "deflate", "br")[data[0] % 4] if data else "", "request")) >= 0
    except Undecodable:
        return False


# What is ours.


def _ring() -> Callable[[bytes], bool]:
    segment = Segment.create(RING_BYTES_MIN)
    dirty = 0

    def take(data: bytes) -> bool:
        nonlocal dirty
        segment.ring[:dirty] = bytes(dirty)
        dirty = len(data)
        segment.ring[:dirty] = data
        segment.words[at.TAIL] = segment.words[at.BASE] = 0
        segment.words[at.HEAD] = len(data) + 32
        reader = RingReader(segment)
        try:
            for record in reader.read(RING_BYTES_MIN):
                assert len(record.payload) <= RING_BYTES_MIN
        except RingDamaged:
            assert reader.skip_all() >= 0
            return False
        reader.advance()
        return True

    return take


def _journal(data: bytes) -> bool:
    def read_at(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    seed = seeds.JOURNAL.seed
    with suppress(UnknownVersion):
        decode_journal_header(data)
    with suppress(UnknownVersion):
        decode_mark(data)
    end = intact = 0
    for part in walk(read_at, 0, len(data), seed, verify=len(data) % 2 == 0):
        if isinstance(part, Damage):
            assert part.offset >= end
            end = part.offset + part.size
            continue
        end = part.end
        intact += not isinstance(payload_of(read_at, part, seed), Damage)
    assert end <= len(data)
    return intact > 0


def _undecodable(data: bytes) -> bool:
    try:
        unread = decode_unread(ORX + bytes([ORX_VERSION]) + zstandard.ZstdCompressor(level=1).compress(data))
    except NotAnExchange:
        return False
    assert decode_unread(encode_unread(unread)) == unread
    return unread.exchange.status == unread.status


def _packets(data: bytes) -> bool:
    packet = memoryview(data)
    found = read_packet(packet, len(data))
    if found is None:
        return False
    checksum_holds(packet, len(data))
    return True


def _kafka(data: bytes) -> bool:
    head, _, value = data.partition(CUT)
    lines = (line.partition(b": ") for line in head.split(b"\n"))
    topic = "seldon.ns.model.m.inputs" if len(data) % 2 else "seldon.ns.model.m.outputs"
    origin = seldon_origin(topic, "seldon")
    assert origin is not None
    headers = {name.decode("latin-1"): text.decode("latin-1") for name, _, text in lines}
    try:
        half_of(Message(topic, 0, 1, 1, value, headers), origin)
    except NotAHalf:
        return False
    return True


def _batch(data: bytes) -> bool:
    payload = MAGIC + bytes([VERSION]) + zstandard.ZstdCompressor(level=1).compress(data)
    try:
        batch = decode_batch(payload)
    except BatchError:
        return False
    assert encode_batch(decode_batch(encode_batch(batch))) == encode_batch(batch)
    return True


def _raw_batch(data: bytes) -> bool:
    try:
        decode_batch(data)
    except BatchError:
        return False
    return True


def _cloudevents(data: bytes) -> bool:
    head, _, body = data.partition(CUT)
    lines = (line.partition(": ") for line in head.decode("latin-1").split("\n"))
    try:
        return bool(read_events({name.lower(): value for name, _, value in lines}, body))
    except NotCloudEvents as error:
        assert len(str(error)) < 2000
        return False


def _sagemaker(data: bytes) -> bool:
    try:
        captured = read_line(data, "m", "1", 1)
    except NotACapture:
        return False
    return captured.exchange.damage is not None or _decoded(captured.exchange, *captured.found)


def _patterns(data: bytes) -> bool:
    text = data.decode("utf-8", "replace")
    found: Counter[str] = Counter()
    replaced = replace_patterns(text, PATTERNS, found)
    assert found or replaced == text
    if not may_hold_patterns(text):
        assert not found
        assert not any(pattern.search(text) for _, pattern, _, _ in patterns._KINDS)
    for _, pattern, holds, may in patterns._KINDS:
        part = "found" if "found" in pattern.groupindex else 0
        assert may(text) or not any(holds(match[part]) for match in pattern.finditer(text))
    return bool(found)


HARNESSES: dict[str, Harness] = {
    each.name: each
    for each in (
        *(Harness(name, _decoding(name, calls), found) for name, (calls, found) in CALLS.items()),
        Harness("http1", _connection(), seeds.HTTP1),
        Harness("http2", _connection(), seeds.HTTP2),
        Harness("pipeline", _pipeline(), [*seeds.HTTP1, *seeds.HTTP2]),
        Harness("dialogue", _dialogue, seeds.DIALOGUE),
        Harness("grpc_messages", _messages, [seeds.message(seeds.TYPED), seeds.message(seeds.RAW, packed=True)]),
        Harness("protobuf", _protobuf, [seeds.TYPED, seeds.RAW, seeds.WHOLE]),
        Harness("sse", _sse, [seeds.sse(seeds.CHUNK), b"\xef\xbb\xbfevent: a\r\ndata: b\rdata: c\n\n: x\n\n"]),
        Harness("compression", _bodies, [b"\2" + seeds.zlib.compress(b"a" * 99), b"\1" + seeds.zlib.compress(b"a")]),
        Harness("ring", _ring(), seeds.RING),
        Harness("journal", _journal, [seeds.FRAMES, seeds.JOURNAL.encode() + seeds.FRAMES]),
        Harness("batch", _batch, [seeds.BATCH]),
        Harness("batch_bytes", _raw_batch, [encode_batch(Batch(sidecar="a", sequence=1, records=seeds.RECORDS))]),
        Harness("undecodable", _undecodable, [msgspec.msgpack.encode(seeds.UNREAD)]),
        Harness("packets", _packets, seeds.PACKETS),
        Harness("kafka", _kafka, seeds.KAFKA),
        Harness("cloudevents", _cloudevents, seeds.CLOUDEVENTS),
        Harness("sagemaker", _sagemaker, seeds.SAGEMAKER),
        Harness("patterns", _patterns, seeds.TEXTS),
    )
}
"""All of them."""
