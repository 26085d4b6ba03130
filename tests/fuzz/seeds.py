"""What fuzzing begins from: for each harness a few small inputs that are right."""

import base64
import json
import struct
import zlib
from typing import Any

import hpack

from collectors.protocols.http2_frames import PREFACE
from collectors.records.encoding import _ENCODER
from collectors.records.types import Batch, Gap, Ledger, Prediction, Tensor
from collectors.spool.framing import JournalHeader, encode_frame
from collectors.spool.undecodable import Unread
from collectors.tap.ring import ALIGNMENT, HEADER, LOST, Kind

CUT = b"\xfe\xc0\xde\xfe"
"""Between the parts of an input: request and response, pieces of a connection, headers and body."""


def text(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def asked(call: int, request: Any, response: Any = b"", *, flags: int = 0) -> bytes:
    """An exchange: which request line of the harness, what else is so, both bodies."""
    return bytes([call, flags]) + text(request) + CUT + text(response)


def sse(*payloads: Any) -> bytes:
    return b"".join(b"data: " + text(each) + b"\n\n" for each in payloads) + b"data: [DONE]\n\n"


# Protocol Buffers, written by hand.


def varint(value: int) -> bytes:
    out = bytearray()
    value &= (1 << 64) - 1
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def described(name: str, datatype: str, shape: list[int], contents: bytes = b"", parameters: bytes = b"") -> bytes:
    packed = field(3, b"".join(map(varint, shape)))
    tensor = field(1, name) + field(2, datatype) + packed
    return tensor + (field(4, parameters) if parameters else b"") + (field(5, contents) if contents else b"")


def infer_request(*tensors: bytes, raw: tuple[bytes, ...] = (), id: str = "7") -> bytes:
    head = field(1, "m") + field(2, "1") + field(3, id)
    return head + b"".join(field(5, each) for each in tensors) + b"".join(field(7, each) for each in raw)


def infer_response(*tensors: bytes, raw: tuple[bytes, ...] = (), id: str = "7", final: bool | None = None) -> bytes:
    head = field(1, "m") + field(2, "1") + field(3, id)
    if final is not None:
        head += field(4, field(1, "triton_final_response") + field(2, field(1, int(final))))
    return head + b"".join(field(5, each) for each in tensors) + b"".join(field(6, each) for each in raw)


def message(payload: bytes, *, packed: bool = False) -> bytes:
    payload = zlib.compress(payload) if packed else payload
    return struct.pack(">BI", packed, len(payload)) + payload


TYPED = infer_request(described("x", "FP32", [1, 2], field(6, struct.pack("<2f", 1.5, -2))))
RAW = infer_request(described("x", "FP16", [2]), described("t", "BYTES", [1]), raw=(b"\0\x3c\0\xc0", b"\3\0\0\0a\0b"))
NAMES = infer_request(described("n", "BYTES", [2], field(8, "a") + field(8, b"\xff\0")), id="")
WHOLE = infer_request(described("i", "INT32", [2], field(2, varint(-1) + varint(300))))
SHARED = infer_request(
    described("s", "FP32", [1], parameters=field(1, "shared_memory_region") + field(2, field(3, "r"))),
    described("x", "BOOL", [1]),
    raw=(b"\1",),
)
ANSWER = infer_response(described("p", "FP64", [1]), raw=(struct.pack("<d", 0.25),))
MORE = infer_response(described("p", "FP64", [1]), raw=(struct.pack("<d", 0.5),), final=False)
LAST = infer_response(final=True)
GRPC_CALLS = [
    asked(0, message(TYPED), message(ANSWER)),
    asked(0, message(RAW, packed=True), message(ANSWER), flags=8),
    asked(0, message(NAMES), message(ANSWER)),
    asked(0, message(WHOLE), message(ANSWER)),
    asked(0, message(SHARED), message(ANSWER)),
    asked(1, message(TYPED), message(field(2, MORE)) + message(field(2, LAST))),
    asked(1, message(TYPED), message(ANSWER)),
    asked(1, message(TYPED), message(field(1, "no")), flags=1),
]

# TensorFlow Serving.


def packed(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def tf_shape(*sizes: int) -> bytes:
    return field(2, b"".join(field(2, field(1, size)) for size in sizes))


FILLED = field(1, 1) + tf_shape(2, 2) + packed(5, struct.pack("<f", 1.5))
CONTENT = field(1, 9) + tf_shape(2) + field(4, struct.pack("<2q", 1, -1))
WORDS = field(1, 7) + tf_shape(2) + field(8, b"a") + field(8, b"\xff\0")
HALF = field(1, 19) + tf_shape(2) + packed(13, varint(0x3C00) + varint(0xC000))
SPEC = field(1, "m") + field(2, field(1, 3)) + field(3, "serving_default")
PREDICT = field(1, SPEC) + b"".join(
    field(2, field(1, name) + field(2, proto))
    for name, proto in (("x", FILLED), ("i", CONTENT), ("t", WORDS), ("h", HALF))
)
PREDICTED = field(1, field(1, "p") + field(2, FILLED)) + field(2, SPEC)
FLOATS, WHOLES, TEXT = (
    field(2, packed(1, struct.pack("<f", 0.5))),
    field(3, packed(1, varint(7))),
    field(1, field(1, b"u")),
)
EXAMPLE = field(
    1, b"".join(field(1, field(1, n) + field(2, v)) for n, v in (("a", FLOATS), ("b", WHOLES), ("c", TEXT)))
)
CLASSES = field(1, field(1, field(1, "cat") + varint(2 << 3 | 5) + struct.pack("<f", 0.5)))
TENSORFLOW = [
    asked(0, message(PREDICT), message(PREDICTED)),
    asked(1, message(field(1, SPEC) + field(2, field(1, field(1, EXAMPLE)))), message(field(1, CLASSES) + field(2, SPEC))),
    asked(2, message(field(1, SPEC) + field(2, field(1, field(1, EXAMPLE)))), message(field(1, field(1, varint(13) + struct.pack("<f", 2.0))) + field(2, SPEC))),
]  # fmt: skip

TS_ASKED = (
    field(1, "m")
    + field(2, "1.0")
    + field(3, field(1, "data") + field(2, b'{"a": 1}'))
    + field(3, field(1, "t") + field(2, b"\xff"))
)
TORCHSERVE_GRPC = [
    asked(0, message(TS_ASKED), message(field(1, b'{"cat": 0.5}'))),
    asked(1, message(TS_ASKED), message(field(1, b"[0.5, ")) + message(field(1, b"1]"))),
]

_HALF = varint(2 << 3 | 1) + struct.pack("<d", 0.5)
_CELLS = field(1, _HALF) + field(1, field(3, "ü")) + field(1, field(4, 1)) + field(1, field(1, 0))
_MATRIX = packed(1, varint(1) + varint(2)) + packed(2, struct.pack("<2d", 0.5, 2))
SELDON_V1_GRPC = [
    asked(call, message(payload), message(answer), flags=flags)
    for call, payload, answer, flags in (
        (0, field(2, field(1, "p")) + field(3, field(1, "a") + field(1, "b") + field(2, _MATRIX)), field(5, "yes"), 0),
        (1, field(3, field(3, field(1, field(6, _CELLS)))), field(3, field(4, FILLED)), 0),
        (0, field(6, field(5, field(1, field(1, "k") + field(2, field(6, _CELLS))))), field(4, b"\xff\0"), 0),
        (1, field(3, field(4, CONTENT)), field(1, field(2, "no") + field(4, 1)), 0),
        (0, field(5, "text"), field(5, "text"), 1),
    )
]

# JSON over HTTP.

CHUNK = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "ü", "tool_calls": [{"index": 1}]}}]}
CHAT = {
    "model": "m",
    "n": 2,
    "messages": [{"role": "user", "content": [{"text": "a"}, {"image": 1}]}],
    "temperature": 0.5,
}
TENSOR = {"dtype": "DT_FLOAT", "tensorShape": {"dim": [{"size": "2"}]}, "floatVal": [1.5]}
FORM = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n{"x": 1}\r\n--b--\r\n'
RESPONSE = {"id": "r", "status": "completed", "output": [{"type": "message", "content": [{"text": "a"}]}], "usage": {}}
DONE = {"type": "response.completed", "response": RESPONSE}


def tensor(name: str, shape: list[int], datatype: str, data: Any = None, **parameters: Any) -> dict[str, Any]:
    described: dict[str, Any] = {"name": name, "shape": shape, "datatype": datatype}
    if parameters:
        described["parameters"] = parameters
    return described if data is None else described | {"data": data}


P = {"model_name": "m", "model_version": "1", "id": "7", "outputs": [tensor("p", [2], "FP32", [0.25, 0.75])]}
BINARY = text({"inputs": [tensor("x", [2], "FP32", binary_data_size=8), tensor("t", [1], "BYTES", binary_data_size=7)]})

OPEN_INFERENCE = [
    asked(0, {"id": "7", "inputs": [tensor("x", [2, 2], "FP64", [[1.5, None], ["NaN", 4]])]}, P),
    asked(0, {"inputs": [tensor("i", [3], "INT8", [1, -1, 2.0]), tensor("b", [1], "BOOL", [True])]}, P),
    asked(
        0, {"inputs": [tensor("t", [2], "BYTES", ["a", "ü"])], "outputs": [{"name": "p"}], "parameters": {"n": 1}}, P
    ),
    asked(0, b'{"inputs":[{"name":"x","shape":[2],"datatype":"FP32","data":[NaN,-Infinity]}]}', P),
    asked(0, BINARY + struct.pack("<2f", 1, 2) + b"\3\0\0\0\xff\0a", P),
    asked(
        0, {"inputs": [tensor("x", [2], "FP16", [1, 70000]), tensor("y", [1], "BF16", [1])]}, {"error": "no"}, flags=1
    ),
    asked(1, BINARY + struct.pack("<2f", 1, 2) + b"\3\0\0\0\xff\0a", P),
    asked(2, struct.pack("<2f", 1, 2), P),
    asked(3, zlib.compress(text({"inputs": [tensor("x", [1], "UINT64", [2**64 - 1])]})), P),
    asked(
        0,
        {
            "inputs": [
                tensor("s", [1], "FP32", shared_memory_region="r", shared_memory_byte_size=4),
                tensor("x", [1], "FP32", [1]),
            ]
        },
        P,
    ),
]
INFER_STREAM = [
    asked(
        0,
        {"id": "7", "inputs": [tensor("x", [1], "FP32", [1])]},
        sse(P, P | {"id": "8"}).removesuffix(b"data: [DONE]\n\n"),
    ),
    asked(0, {"inputs": [tensor("x", [1], "FP32", [1])]}, sse({"error": "no"}), flags=6),
    asked(1, {"inputs": [tensor("x", [1], "FP32", [1])]}, P),
]
PREDICT_V1 = [
    asked(0, {"instances": [[1, 2.5], [3, None]]}, {"predictions": [0.5, "NaN"]}),
    asked(0, {"instances": [1, 2]}, {"predictions": [{"a": 1}]}),
    asked(0, {"inputs": {"a": [{"b64": "AA=="}], "b": {"c": [1]}}}, {"outputs": {"p": [True]}}),
    asked(1, {"context": {"a": 1}, "examples": [{"x": [1]}]}, {"results": [[["a", 0.5]]]}),
]
TORCHSERVE = [
    asked(0, FORM, {"cat": 0.5}),
    asked(1, {"instances": [{"a": "x"}]}, {"predictions": [[1]]}),
    asked(2, b"\x89PNG", {"cat": 0.5}),
]
SELDON_V1 = [
    asked(0, {"data": {"names": ["a"], "ndarray": [[1], ["x"]]}}, {"data": {"tftensor": TENSOR}}),
    asked(0, {"meta": {"puid": "p"}, "data": {"tensor": {"shape": [1, 2], "values": [1, 2]}}}, {"binData": "AA=="}),
]


def npy(kind: str, shape: str, content: bytes, *, order: bool = False) -> bytes:
    head = f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + content


INVOCATIONS = [
    asked(0, b'a,"b"\n1,x\n2,y\n', b"0.5,0.25\n"),
    asked(1, b'{"a": [1]}\n{"a": [2]}\n', b'{"p": 1}\n'),
    asked(2, {"dataframe_split": {"columns": ["a", "b"], "data": [[1, "x"]]}}, {"predictions": {"a": [1]}}),
    asked(2, {"dataframe_records": [{"a": 1}, {"b": 2}]}, {"predictions": [1, 2]}),
    asked(2, CHAT, {"choices": [{"index": 0, "message": {"content": "a"}}]}),
    asked(2, npy("<f8", "(1, 2)", struct.pack("<2d", 1.5, 2)), npy(">i2", "(2,)", b"\0\1\0\2")),
    asked(2, npy("<U2", "(2, 1)", "aüb\0".encode("utf-32-le"), order=True), npy("|b1", "()", b"\1")),
]
OPENAI = [
    asked(0, CHAT, sse(CHUNK, CHUNK, {"error": {"message": "e"}}), flags=4),
    asked(0, CHAT, sse(CHUNK), flags=6),
    asked(1, {"prompt": ["a", "b"], "n": 1}, {"choices": [{"index": 1, "text": "x"}], "usage": {"total_tokens": 3}}),
    asked(2, {"input": [{"role": "user"}]}, sse({"type": "response.output_text.delta", "delta": "a"}, DONE)),
    asked(3, {"input": ["a", "b"]}, {"data": [{"embedding": [1, 2]}, {"index": 1, "embedding": "AAAAAAAAAAA="}]}),
]
GENERATE = [
    asked(0, {"text_input": "a", "id": 3, "x": [1]}, sse({"text_output": "a", "y": [1]}, {"error": "e"}), flags=4)
]
GENERIC = [asked(0, {"rows": [{"a": 1}, {"a": [2]}], "id": "i"}, {"scores": [0.5, {"x": 1}]})]

# Connections.

FROM_CLIENT, FROM_SERVER, LOST_OF_CLIENT, LOST_OF_SERVER, IN_BYTES = 0, 1, 2, 3, 4


def pieces(*said: tuple[int, bytes]) -> bytes:
    """What passes on a connection, in its order."""
    return b"".join(bytes([kind]) + data + CUT for kind, data in said)


def post(body: bytes, target: str = "/v2/models/m/infer", more: str = "") -> bytes:
    return f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


def ok(body: bytes, more: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


ASKED = text({"inputs": [tensor("x", [1], "FP32", [1])]})
ANSWERED = text(P)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: x\r\n\r\n"
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: a\n\n"
HTTP1 = [
    pieces((FROM_CLIENT, post(ASKED)), (FROM_SERVER, ok(ANSWERED)), (FROM_CLIENT, post(ASKED)), (FROM_SERVER, ok(ANSWERED))),
    pieces((FROM_CLIENT, post(ASKED) + post(ASKED)), (FROM_SERVER, ok(ANSWERED) + CHUNKED)),
    pieces((FROM_CLIENT, post(b"", more="Expect: 100-continue\r\n")), (FROM_SERVER, b"HTTP/1.1 100 C\r\n\r\n" + EVENTS)),
    pieces((FROM_CLIENT, b"HEAD / HTTP/1.1\r\n\r\n"), (FROM_SERVER, ok(b"")), (IN_BYTES, b"")),
    pieces((FROM_CLIENT, post(ASKED, more="Upgrade: h2c\r\nConnection: upgrade\r\n")), (FROM_SERVER, b"HTTP/1.1 101 S\r\nUpgrade: h2c\r\n\r\n")),
    pieces((FROM_CLIENT, post(ASKED)[:-4]), (LOST_OF_CLIENT, b"\0\4"), (FROM_SERVER, b"HTTP/1.1 204 N\r\n\r\n"), (LOST_OF_SERVER, b"\0\7")),
    pieces((FROM_CLIENT, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"), (FROM_SERVER, b"HTTP/1.0 200 O\r\n\r\nx")),
]  # fmt: skip


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def http2_call(
    target: str, *messages: bytes, answers: tuple[bytes, ...], calls: int = 2, numbered: bool = True
) -> bytes:
    """The same call several times on one connection, as a client with a dynamic table says it."""
    client, server = hpack.Encoder(), hpack.Encoder()
    said = [(FROM_CLIENT, PREFACE + frame(4, 0, 0, b"\0\3\0\0\0\x64")), (FROM_SERVER, frame(4, 0, 0) + frame(4, 1, 0))]
    asked_with = [(":method", "POST"), (":path", target), (":scheme", "http"), ("content-type", "application/grpc")]
    for each in range(calls):
        stream = 2 * each + 1
        head = client.encode([*asked_with, *([("x-request-id", str(each))] if numbered else [])])
        said.append((FROM_CLIENT, frame(1, 4, stream, head) + frame(0, 1, stream, b"".join(messages))))
        answer = frame(1, 4, stream, server.encode([(":status", "200"), ("content-type", "application/grpc")]))
        answer += frame(8, 0, 0, b"\0\0\1\0") + frame(0, 8, stream, b"\2" + b"".join(answers) + b"\0\0")
        said.append((FROM_SERVER, answer + frame(1, 5, stream, server.encode([("grpc-status", "0")]))))
    return pieces(*said)


UNARY, STREAM = "/inference.GRPCInferenceService/ModelInfer", "/inference.GRPCInferenceService/ModelStreamInfer"
HTTP2 = [
    http2_call(UNARY, message(TYPED), answers=(message(ANSWER),)),
    http2_call(STREAM, message(TYPED), message(NAMES), answers=(message(field(2, MORE)), message(field(2, LAST)))),
    pieces((FROM_CLIENT, PREFACE + frame(4, 0, 0) + frame(1, 0, 1, b"\x82") + frame(9, 4, 1, b"\x84") + frame(3, 0, 1, bytes(4)))),
]  # fmt: skip
DIALOGUE = [
    pieces(
        (FROM_CLIENT, message(TYPED)), (FROM_SERVER, message(field(2, MORE))), (FROM_SERVER, message(field(2, LAST)))
    )
]

# What we read of our own, and of other collectors.

RECORDS = (
    Prediction(
        exchange="e-1",
        id="7",
        id_source="body",
        model="m",
        version="1",
        time_ns=1,
        inputs=(
            Tensor(name="x", shape=(2,), datatype="FP32", data=struct.pack("<2f", 1, 2), missing=(1,)),
            Tensor(name="t", shape=(2,), datatype="BYTES", items=("a", b"\xff")),
        ),
        trace="t",
    ),
    Gap(start_ns=1, end_ns=2, reason="not_copied", bytes=5),
    Ledger(start_ns=0, end_ns=10**9, model="m", seen=3, captured=1, dropped={"not_copied": 2}),
)
BATCH = _ENCODER.encode(Batch(sidecar="ab" * 16, sequence=3, records=RECORDS))
JOURNAL = JournalHeader("ab" * 16, 3)
FRAMES = b"".join(
    encode_frame(each, sequence=3 + at, records=1, written_ns=5, seed=JOURNAL.seed)
    for at, each in enumerate((b"a", BATCH))
)


def ring_record(kind: int, payload: bytes, connection: int = 1) -> bytes:
    whole = HEADER.pack(len(payload), kind, connection, 5) + payload
    return whole + bytes(-len(whole) % ALIGNMENT)


RING = [
    ring_record(Kind.OPENED, b"")
    + ring_record(Kind.TO_SERVER, post(ASKED))
    + ring_record(Kind.TO_CLIENT, ok(ANSWERED)),
    ring_record(Kind.LOST, b"\3".ljust(LOST.size, b"\0"))
    + ring_record(Kind.FILLER, bytes(70))
    + ring_record(Kind.CLOSED, b""),
]
UNREAD = Unread(
    reason="request_not_json",
    where="request",
    method="POST",
    target="/v2/models/m/infer",
    status=200,
    protocol="http1",
    start_ns=1,
    end_ns=2,
    request_headers={"content-type": "a"},
    response_headers={},
    trailers={},
    request_body=b"{",
    response_body=b"}",
    arrivals=((1,), (2,)),
)
TCP = struct.pack(">HHIIBBHHH", 40000, 8000, 7, 9, 0x50, 0x18, 512, 0, 0) + b"hello"
PACKETS = [
    struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(TCP), 1, 0, 64, 6, 0, b"\x7f\0\0\1", b"\x7f\0\0\1") + TCP,
    struct.pack(">IHBB16s16s", 6 << 28, len(TCP), 6, 64, b"\1" * 16, b"\2" * 16) + TCP,
    struct.pack(">IHBB16s16s", 6 << 28, 8 + len(TCP), 0, 64, b"\1" * 16, b"\2" * 16) + b"\6\0" + bytes(6) + TCP,
]
KAFKA = [
    b"seldon-infer-type: json/inferModelRequest\nx-request-id: r" + CUT + ASKED,
    b"seldon-infer-type: proto/InferModelRequest" + CUT + TYPED,
    b"x: y" + CUT + b"\0\0\0\0\1\0" + TYPED,
]
EVENT = {"specversion": "1.0", "id": "1", "source": "s", "type": "org.kubeflow.serving.inference.request", "time": "2026-01-01T00:00:00.5Z"}  # fmt: skip
CLOUDEVENTS = [
    b"content-type: application/json\nce-specversion: 1.0\nce-id: 1\nce-source: s%20\nce-type: t" + CUT + ASKED,
    b"content-type: application/cloudevents+json"
    + CUT
    + text(EVENT | {"data": P, "datacontenttype": "application/json"}),
    b"content-type: application/cloudevents-batch+json" + CUT + text([EVENT | {"data_base64": "AA=="}]),
]
SIDE = {"data": base64.b64encode(b"1,2\n").decode(), "encoding": "BASE64", "observedContentType": "text/csv"}
SAGEMAKER = [
    text({"captureData": {"endpointInput": SIDE, "endpointOutput": SIDE}, "eventMetadata": {"eventId": "e", "inferenceTime": "2022-04-18T00:00:00Z"}}),
    text({"captureData": {"batchTransformOutput": {"data": '{"a":1,"SageMakerOutput":0.5}', "encoding": "JSON"}}, "eventMetadata": {"eventId": "e"}}),
]  # fmt: skip
TEXTS = [
    b"call +49 151 23456789, a@b.example, 4111 1111 1111 1111, DE89 3704 0044 0532 0130 00, 10.0.0.1, 2001:db8::1",
]
