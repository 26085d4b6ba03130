"""The traps of capture, each with what happens and what must come of it. The first table is the corpus that decoders are
held to; the second are the ways of the wire beneath them. Every one goes through the whole pipeline.
"""

import base64
import gzip
import json
import struct
import zlib
from typing import Any

from collectors.gpu.dcgm import FIELDS
from tests.collectors.conversation import chunked, client, get, in_pieces, server
from tests.collectors.generated import request, response, wrapped
from tests.collectors.golden.telling import Trap, asks, events, says, wire
from tests.collectors.grpc_conversation import STREAM, UNARY, Peers, message
from tests.collectors.intake.events import RESPONSE, kserve
from tests.collectors.intake.test_modelmesh import ASKED as MESH_ASKED
from tests.collectors.intake.test_modelmesh import TOLD as MESH_TOLD
from tests.collectors.intake.test_modelmesh import payload
from tests.fuzz.seeds import field, varint

INFER = "/v2/models/m/infer"
PREDICT = "/v1/models/m:predict"
CHAT = "/v1/chat/completions"
LENGTH = "Inference_Header_Content_Length"


def tensor(name: str, shape: list[int], datatype: str, data: Any = None, **parameters: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"name": name, "shape": shape, "datatype": datatype}
    said |= {"parameters": parameters} if parameters else {}
    return said if data is None else said | {"data": data}


X = tensor("x", [1, 2], "FP32", [1.5, -2.0])
P = {"model_name": "m", "model_version": "3", "outputs": [tensor("p", [1], "FP32", [0.25])]}
P_TOLD = {"p": ("FP32", (1,), [0.25])}
X_TOLD = {"x": ("FP32", (1, 2), [1.5, -2.0])}
ONE = {"records": [{"model": "m", "version": "3", "inputs": X_TOLD, "outputs": P_TOLD, "rows": 1, "status": 200}]}
CAPTURED = {("captured", ""): 1}


def infers(body: Any, *inputs: Any, **expected: Any) -> Trap:
    """One Open Inference exchange whose inputs must be these."""
    told: dict[str, Any] = {"model": "m", "outputs": P_TOLD} | expected
    headers = told.pop("headers", {})
    return Trap(wire(asks(INFER, body, **headers), says(P)), [told], CAPTURED)


# Open Inference over HTTP.

BINARY = json.dumps({"inputs": [tensor("x", [1, 2], "FP32", binary_data_size=8)]}).encode()
BYTES = json.dumps({"inputs": [tensor("t", [2], "BYTES", binary_data_size=13)]}).encode()
HALVES = json.dumps(
    {"inputs": [tensor("h", [2], "FP16", binary_data_size=4), tensor("b", [2], "BF16", binary_data_size=4)]}
).encode()
RAW_X = struct.pack("<2f", 1.5, -2.0)

# gRPC.

G_X = {"name": "x", "datatype": "FP32", "shape": [1, 2]}
G_P = {"name": "p", "datatype": "FP32", "shape": [1]}
G_ASK = request(model_name="m", id="r", inputs=[G_X], raw_input_contents=[RAW_X]).SerializeToString()
SHARED = {"shared_memory_region": {"string_param": "r"}, "shared_memory_byte_size": {"int64_param": 4}}


def answers(value: float, *, final: bool | None = None, id: str = "r") -> Any:
    parameters = {} if final is None else {"triton_final_response": {"bool_param": final}}
    raw = [struct.pack("<f", value)]
    return response(
        model_name="m", model_version="3", id=id, outputs=[G_P], raw_output_contents=raw, parameters=parameters
    )


def nothing_more(id: str = "r") -> Any:
    return response(
        model_name="m", model_version="3", id=id, parameters={"triton_final_response": {"bool_param": True}}
    )


def calls(*payloads: bytes, ends_with: Any = None, target: str = UNARY, compression: str = "") -> Trap:
    """One gRPC call with these answers."""

    def happens() -> Any:
        peers = Peers()
        encoding = {"grpc_encoding": compression} if compression else {}
        steps = [*peers.hello(), peers.call(target, message(G_ASK, compression), **encoding)]
        if ends_with is not None:
            steps.append(peers.refusal(*ends_with))
        else:
            steps.append(peers.answer(*(message(each, compression) for each in payloads), encoding=compression))
        return wire(*steps)()

    return Trap(happens, [], CAPTURED)


def expecting(trap: Trap, **told: Any) -> Trap:
    return Trap(trap.happens, [{"model": "m", "id": "r", "inputs": X_TOLD} | told], trap.outcomes)


def mixed_memory() -> Any:
    """A request with one input in shared memory and one raw; an answer with an entry for each output, one empty."""
    asked = request(
        model_name="m",
        id="r",
        inputs=[{"name": "s", "datatype": "FP32", "shape": [1], "parameters": SHARED}, G_X],
        raw_input_contents=[RAW_X],
    )
    told = response(
        model_name="m",
        outputs=[{"name": "s", "datatype": "FP32", "shape": [1], "parameters": SHARED}, G_P],
        raw_output_contents=[b"", struct.pack("<f", 0.25)],
    )
    peers = Peers()
    call = peers.call(UNARY, message(asked.SerializeToString()))
    return wire(*peers.hello(), call, peers.answer(message(told.SerializeToString())))()


def streams() -> Any:
    """The same stream from Triton, which wraps its answers, and from MLServer, which does not."""
    steps = []
    peers = Peers()
    for told in (wrapped(answers(0.25)), answers(0.25).SerializeToString()):
        steps += [peers.call(STREAM, message(G_ASK)), peers.answer(message(told))]
    return wire(*peers.hello(), *steps)()


def decoupled() -> Any:
    """One stream, three requests: one without an answer, one with one, one with two."""
    peers = Peers()
    asks = [
        request(model_name="m", id=id, inputs=[G_X], raw_input_contents=[RAW_X]).SerializeToString() for id in "abc"
    ]
    told = [
        nothing_more("a"),
        answers(0.25, final=True, id="b"),
        answers(0.5, final=False, id="c"),
        answers(0.75, final=True, id="c"),
    ]
    call = peers.call(STREAM, *map(message, asks))
    return wire(*peers.hello(), call, peers.answer(*(message(wrapped(each)) for each in told)))()


def tensorflow() -> Any:
    """A tensor of shape [2, 2] with one `float_val`, which stands for all four."""
    shape = b"".join(field(2, field(1, 2)) for _ in range(2))
    proto = field(1, 1) + field(2, shape) + varint(5 << 3 | 2) + varint(4) + struct.pack("<f", 1.5)
    asked = field(1, field(1, "m")) + field(2, field(1, "x") + field(2, proto))
    told = field(1, field(1, "p") + field(2, proto)) + field(2, field(1, "m") + field(2, field(1, 3)))
    peers = Peers()
    call = peers.call("/tensorflow.serving.PredictionService/Predict", message(asked))
    return wire(*peers.hello(), call, peers.answer(message(told)))()


# Language models.


def chunk(*choices: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"id": "c", "model": "g-1", "choices": list(choices)} | rest


def delta(index: int = 0, finish: str | None = None, **said: Any) -> dict[str, Any]:
    return {"index": index, "delta": said, "finish_reason": finish}


def tool(index: int, arguments: str, name: str = "") -> dict[str, Any]:
    return {"index": index, "function": {"arguments": arguments} | ({"name": name} if name else {})}


def sse(*said: Any, done: bool = True) -> bytes:
    texts = [json.dumps(each, ensure_ascii=False) for each in said] + (["[DONE]"] if done else [])
    return "".join(f"data: {text}\n\n" for text in texts).encode()


ASKED = {"model": "g", "stream": True, "messages": [{"role": "user", "content": "2+2?"}]}
STARTED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def column(found: Any, datatype: str = "INT64") -> tuple[str, tuple[int, ...], Any]:
    return datatype, (len(found),), found


PARALLEL = sse(
    chunk(delta(0, content="It "), delta(1, tool_calls=[tool(0, "", "weather")])),
    chunk(delta(1, tool_calls=[tool(1, "{}", "time")]), delta(0, content="rains")),
    chunk(delta(1, tool_calls=[tool(0, '{"city":"Ulm"}')])),
    chunk(delta(0, finish="stop"), delta(1, finish="tool_calls")),
    chunk(usage={"prompt_tokens": 9, "completion_tokens": 30}),
)
UMLAUTS = sse(chunk(delta(content="Übergröße €")), chunk(delta(finish="stop")))


def chat(stream: bytes, *, cut: int = 0, closes: bool = True, asked: Any = ASKED, **outputs: Any) -> Trap:
    """A chat whose answer comes as a stream; `cut` bytes a piece."""
    body = STARTED + (chunked(stream) if closes else b"%x\r\n" % (len(stream) + 100) + stream)
    steps = [asks(CHAT, asked), server(body)]
    if cut:
        steps = [steps[0], *in_pieces(steps[1:], iter(lambda: cut, None))]
    said = outputs.pop("record", {})
    return Trap(wire(*steps), [{"model": "g", "outputs": outputs} | said], CAPTURED)


CORPUS: dict[str, Trap | tuple[Trap, ...]] = {
    "binary JSON with header lost": infers(BINARY + RAW_X, inputs=X_TOLD, fidelity="headers_lost"),
    "header 0 raw request": infers(RAW_X, inputs={}, rows=1, fidelity="truncated", headers={LENGTH: "0"}),
    "gzip without header": infers(gzip.compress(json.dumps({"inputs": [X]}).encode()), inputs=X_TOLD, fidelity="full"),
    "BYTES with NUL and non-UTF-8": infers(
        BYTES + b"\3\0\0\0a\0b\2\0\0\0\xff\xfe",
        inputs={"t": ("BYTES", (2,), ["a\0b", b"\xff\xfe"])},
        headers={LENGTH: str(len(BYTES))},
    ),
    "FP16 and BF16 raw": infers(
        HALVES + bytes.fromhex("003c00c0803fc0bf"),
        inputs={"h": ("FP16", (2,), [1.0, -2.0]), "b": ("BF16", (2,), [1.0, -1.5])},
        headers={LENGTH: str(len(HALVES))},
    ),
    "mixed shared-memory + raw inputs": Trap(
        mixed_memory, [{"inputs": X_TOLD, "outputs": P_TOLD, "fidelity": "truncated"}], CAPTURED
    ),
    "Triton stream vs MLServer stream": Trap(
        streams, [{"id": "r", "inputs": X_TOLD, "outputs": P_TOLD, "status": 200}] * 2, {("captured", ""): 2}
    ),
    "decoupled 0, 1, n responses": Trap(
        decoupled,
        [
            {"id": "a", "inputs": X_TOLD, "outputs": {}},
            {"id": "b", "inputs": X_TOLD, "outputs": P_TOLD},
            {"id": "c", "inputs": X_TOLD, "outputs": {"p": ("FP32", (2,), [0.5, 0.75])}},
        ],
        {("captured", ""): 3},
    ),
    "gRPC error with HTTP 200": expecting(calls(ends_with=(5, "no model %E2%82%AC")), status=404, error="no model €", outputs={}),
    "compressed gRPC message": expecting(calls(answers(0.25).SerializeToString(), compression="gzip"), outputs=P_TOLD),
    "TF single-value fill": Trap(
        tensorflow,
        [
            {
                "model": "m",
                "version": "3",
                "inputs": {"x": ("FP32", (2, 2), [1.5] * 4)},
                "outputs": {"p": ("FP32", (2, 2), [1.5] * 4)},
            }
        ],
        CAPTURED,
    ),
    "NaN token JSON": infers(
        b'{"inputs":[{"name":"x","shape":[3],"datatype":"FP64","data":[NaN,-Infinity,1]}]}',
        inputs={"x": ("FP64", (3,), ["NaN", float("-inf"), 1.0])},
    ),
    "`instances` of scalars / lists / dicts": (
        Trap(
            wire(asks(PREDICT, {"instances": [1, 2]}), says({"predictions": [0.5, 0.25]})),
            [{"rows": 2, "inputs": {"input": ("INT64", (2,), [1, 2])}, "outputs": {"output": ("FP64", (2,), [0.5, 0.25])}}],
            CAPTURED,
        ),
        Trap(
            wire(asks(PREDICT, {"instances": [[1, 2.5], [3, None]]}), says({"predictions": [[0.5], [0.25]]})),
            [{"rows": 2}],
            CAPTURED,
        ),
        Trap(
            wire(asks(PREDICT, {"instances": [{"a": 1, "b": "u"}, {"a": 2}]}), says({"predictions": [0.5, 0.25]})),
            [{"rows": 2, "inputs": {"a": ("INT64", (2,), [1, 2]), "b": ("BYTES", (2,), ["u", None])}}],
            CAPTURED,
        ),
    ),
    "`b64`": Trap(
        wire(
            asks(PREDICT, {"instances": [{"b64": base64.b64encode(b"\xff\0").decode()}]}), says({"predictions": [0.5]})
        ),
        [{"rows": 1, "inputs": {"input": ("BYTES", (1,), [b"\xff\0"])}}],
        CAPTURED,
    ),
    "requested outputs without data": infers({"inputs": [X], "outputs": [{"name": "p"}]}, inputs=X_TOLD),
    "non-string parameters": infers(
        {"inputs": [X | {"parameters": {"n": 4}}], "parameters": {"a": 1, "b": True, "c": [1.5]}}, inputs=X_TOLD
    ),
    "MLServer `pd`": infers(
        {
            "parameters": {"content_type": "pd"},
            "inputs": [
                tensor("age", [2], "FP64", [31.0, None], content_type="np"),
                tensor("job", [2, 1], "BYTES", ["cook", None], content_type="str"),
            ],
        },
        inputs={"age": ("FP64", (2,), [31.0, None]), "job": ("BYTES", (2, 1), ["cook", None])},
        rows=2,
    ),
    "OpenAI n=2 with parallel tool calls": chat(
        PARALLEL,
        asked=ASKED | {"n": 2},
        record={"rows": 2, "error": None},
        finish_reason=column(["stop", "tool_calls"], "BYTES"),
        tools_called=column([None, "weather,time"], "BYTES"),
        completion_chars=column([8, 0]),
        prompt_tokens=column([9, None]),
        aborted=column([0, 0], "BOOL"),
    ),
    "SSE split inside a UTF-8 char": tuple(
        chat(UMLAUTS, cut=size, completion_chars=column([11]), finish_reason=column(["stop"], "BYTES")) for size in (1, 2, 3)
    ),
    "error after 200": chat(
        sse(chunk(delta(content="ab")), {"error": {"message": "engine died"}}),
        record={"status": 200, "error": "engine died"},
        completion_chars=column([2]),
        aborted=column([0], "BOOL"),
    ),
    "client disconnect mid-stream": chat(
        sse(chunk(delta(content="ab")), done=False), closes=False, aborted=column([1], "BOOL"), completion_chars=column([2])
    ),
    "KServe halves out of order, duplicated, or alone": (
        Trap(events(kserve("response"), kserve("request")), [{"model": "income", "rows": 2, "id": "1"}]),
        Trap(events(kserve("request"), kserve("request"), kserve("response"), kserve("response")), [{"id": "1"}]),
        Trap(events(kserve("request")), [], {("undecodable", "no_response"): 1}),
        Trap(events(kserve("response")), [], {("undecodable", "no_request"): 1}),
    ),
    "equal source+id": Trap(
        events(
            kserve("request", source="http://a/"),
            kserve("response", source="http://a/"),
            kserve("request", source="http://a/"),
            kserve("response", source="http://a/"),
        ),
        [{"id": "1"}],
    ),
    "transformer + predictor double log": Trap(
        events(*(kserve(kind, component=part) for part in ("transformer", "predictor") for kind in ("request", "response"))),
        [{"model": "income-transformer"}, {"model": "income"}],
    ),
    "same ModelMesh id from two pods": Trap(
        events(
            *(
                payload(kind, data, status=status, sender=pod)
                for pod in ("10.0.0.1", "10.0.0.2")
                for kind, data, status in (("request", MESH_ASKED, ""), ("response", MESH_TOLD.SerializeToString(), "OK"))
            )
        ),
        [{"model": "income", "id": "q1", "rows": 2}] * 2,
    ),
    "request rows ≠ response rows": infers(
        {"inputs": [tensor("x", [2], "FP32", [1.5, -2.0])]}, rows=2, inputs={"x": ("FP32", (2,), [1.5, -2.0])}
    ),
    "response content type lies": (
        Trap(
            wire(asks(INFER, {"inputs": [X]}), says(P, Content_Type="application/octet-stream")),
            [{"inputs": X_TOLD, "outputs": P_TOLD, "fidelity": "full"}],
            CAPTURED,
        ),
        Trap(
            events(
                kserve("request", body=BINARY + RAW_X, content_type="application/octet-stream"),
                kserve("response", body=RESPONSE, content_type="application/octet-stream"),
            ),
            [{"inputs": X_TOLD, "fidelity": "headers_lost"}],
        ),
    ),
}  # fmt: skip
"""By the names of the corpus."""


# Ways of the wire.

ASK, TELL = asks(INFER, {"inputs": [X]}), says(P)
BODY, TOLD = json.dumps({"inputs": [X]}).encode(), json.dumps(P).encode()
CHUNKED_ASK = client(
    b"POST /v2/models/m/infer HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n"
    + chunked(BODY[:7], BODY[7:], trailers=b"T: 1\r\n")
)
CHUNKED_TELL = server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(TOLD[:3], TOLD[3:]))
EXPECTING = client(
    b"POST /v2/models/m/infer HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY)
)
DEFLATED = zlib.compress(BODY)
ALL = [
    *((name, 1, [1, 0]) for name in ("BOOL",)),
    *((name, 0, [1, 2]) for name in ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")),
    *((name, 0, [1.5, -2.0]) for name in ("FP16", "BF16", "FP32", "FP64")),
    ("BYTES", 0, ["a", "ü"]),
]

WIRE: dict[str, Trap] = {
    "keep-alive": Trap(wire(ASK, TELL, ASK, TELL), ONE["records"] * 2, {("captured", ""): 2}),
    "byte by byte": Trap(wire(*in_pieces([ASK, TELL], iter(lambda: 1, None))), ONE["records"], CAPTURED),
    "pipelining": Trap(wire(client(ASK[1] * 3), server(TELL[1] * 3)), ONE["records"] * 3, {("captured", ""): 3}),
    "chunked with trailers": Trap(wire(CHUNKED_ASK, CHUNKED_TELL), ONE["records"], CAPTURED),
    "100-continue": Trap(
        wire(EXPECTING, server(b"HTTP/1.1 100 Continue\r\n\r\n"), client(BODY), TELL), ONE["records"], CAPTURED
    ),
    "deflate, zlib and raw": Trap(
        wire(
            asks(INFER, DEFLATED, Content_Encoding="deflate"), TELL, asks(INFER, DEFLATED[2:-4], Content_Encoding="deflate"), TELL
        ),
        ONE["records"] * 2,
        {("captured", ""): 2},
    ),
    "response before the request ended": Trap(
        wire(client(ASK[1][:-5]), TELL, client(ASK[1][-5:])), ONE["records"], CAPTURED
    ),
    "refusal before the request ended": Trap(
        wire(client(ASK[1][:-5]), says({"error": "too large"}, 413)), [], {("undecodable", "request_incomplete"): 1}
    ),
    "upgrade": Trap(
        wire(
            ASK, TELL, client(b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"),
            server(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05hello"), client(b"\x81\x85abcd"),
        ),
        ONE["records"],
        {("captured", ""): 1, ("not_inference", ""): 1},
    ),
    "HEAD, 204 and 304 have no body": Trap(
        wire(
            get("/v2/models/m", "HEAD"), server(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"),
            get("/a"), server(b"HTTP/1.1 204 No Content\r\n\r\n"),
            get("/a"), server(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"), ASK, TELL,
        ),
        ONE["records"],
        {("captured", ""): 1, ("not_inference", ""): 3},
    ),
    "response that ends with its connection": Trap(
        wire(ASK, server(b"HTTP/1.0 200 OK\r\n\r\n" + TOLD)), ONE["records"], CAPTURED
    ),
    "response cut off": Trap(wire(ASK, server(TELL[1][:-3])), [], {("undecodable", "response_incomplete"): 1}),
    "request without an answer": Trap(wire(ASK), [], {("undecodable", "no_response"): 1}),
    "the server refuses": Trap(
        wire(ASK, says({"error": "no such model"}, 404)),
        [{"status": 404, "error": "no such model", "inputs": X_TOLD, "outputs": {}}],
        CAPTURED,
    ),
    "every datatype": infers(
        {"inputs": [tensor(name, [2], name, [bool(v) for v in data] if flag else data) for name, flag, data in ALL]},
        inputs={name: (name, (2,), data) for name, _, data in ALL},
    ),
    "bytes of another protocol": Trap(wire(client(b"SSH-2.0-OpenSSH_9.2\r\n"), server(b"SSH-2.0-x\r\n"))),
}  # fmt: skip
"""By what happens."""


BLANK = (
    "2147483632", "2147483633", "2147483634", "2147483635", "140737488355328", "140737488355330",
    "9223372036854775792", "9223372036854775794", "9.223372036854776e+18", "NaN",
)  # fmt: skip
"""What DCGM says where it has no number, for 32 bits, for floating-point, for 64 bits; and a number that is none."""

FREE = 'DCGM_FI_DEV_FB_FREE{gpu="0",UUID="GPU-a"} 1024\n'
"""By which the device is known, and of which alone nothing follows."""

PAGES: dict[str, tuple[str, ...]] = {
    "DCGM sentinel": tuple(
        "".join(f'{field}{{gpu="0",UUID="GPU-a"}} {value}\n' for field in sorted(set(FIELDS.values()))) + FREE
        for value in BLANK
    ),
}
"""Traps that are no exchanges: pages of metrics, of which no number may be believed."""
