"""Run in Triton's environment: inferences by tritonclient, over HTTP or gRPC. triton_client http|grpc ADDRESS"""

import queue
import sys
from http.client import HTTPConnection

import numpy as np
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http
from saying import say, told
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

RNG = np.random.default_rng(7)
ROWS = 3
INPUTS = {
    "f32": np.array([[1.5, -2.0], [np.inf, 3e-40], [0.1, 65504.0]], np.float32),
    "f64": RNG.normal(size=(ROWS, 3)),
    "i64": np.array([[2**63 - 1], [-(2**63)], [0]], np.int64),
    "i32": RNG.integers(-(2**31), 2**31, (ROWS, 4), np.int32),
    "u8": RNG.integers(0, 256, (ROWS, 5), np.uint8),
    "flag": np.array([[True], [False], [True]]),
    "text": np.array([[b"Ulm"], ["Zürich".encode()], [b""]], np.object_),
}
RAW_ONLY = {
    "f16": np.array([[0.5, -1.25], [65504.0, 6e-8], [0, -0.0]], np.float16),
    "text": np.array([[b"a\0b"], [b"\xff\xfe"], [b"c"]], np.object_),
}


def asked(module, arrays, **binary):
    inputs = []
    for name, array in arrays.items():
        each = module.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        each.set_data_from_numpy(array, **binary)
        inputs.append(each)
    return inputs


def answered(result, names):
    return {name: told(result.as_numpy(name)) for name in names}


def exchange(client, module, arrays, id, *, binary=None, **options):
    names = [f"o_{name}" for name in arrays]
    flags = {} if binary is None else {"binary_data": binary}
    outputs = [module.InferRequestedOutput(name, **flags) for name in names]
    result = client.infer("echo", asked(module, arrays, **flags), outputs=outputs, request_id=id, **options)
    inputs = {name: told(array) for name, array in arrays.items()}
    say("echo", inputs, answered(result, names), version="1", id=id)


def refused(client, module, model, arrays, id):
    try:
        client.infer(model, asked(module, arrays), request_id=id)
    except InferenceServerException as error:
        inputs = {name: told(array) for name, array in arrays.items()}
        say(model, inputs, {}, id=id, status=error.status(), error=error.message())
    else:
        raise AssertionError("was not refused")


def http(address):
    with over_http.InferenceServerClient(address) as client:
        finite = {name: INPUTS[name] for name in ("f64", "i64", "i32", "u8", "flag", "text")}
        exchange(client, over_http, finite, "json", binary=False)
        exchange(client, over_http, INPUTS, "binary", binary=True)
        exchange(client, over_http, RAW_ONLY, "raw only", binary=True)
        exchange(client, over_http, INPUTS, "gzip", binary=True, request_compression_algorithm="gzip")
        exchange(client, over_http, finite, "deflate", binary=False, response_compression_algorithm="deflate")
        refused(client, over_http, "nobody", {"f32": INPUTS["f32"]}, "no model")
        refused(client, over_http, "echo", {"f32": INPUTS["f64"]}, "wrong type")
    raw(address)


def raw(address):
    """Nothing but the bytes of the one input: batch 1 is implied."""
    x = np.array([[3.0, -0.5]], np.float32)
    connection = HTTPConnection(address, timeout=30)
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": "0"}
    connection.request("POST", "/v2/models/half/infer", x.tobytes(), headers)
    answer = connection.getresponse()
    length = int(answer.getheader("Inference-Header-Content-Length"))
    result = over_http.InferenceServerClient.parse_response_body(answer.read(), header_length=length)
    say("half", {"x": told(x)}, {"y": told(result.as_numpy("y"))}, version="1", status=answer.status)
    connection.close()


def grpc(address):
    with over_grpc.InferenceServerClient(address) as client:
        exchange(client, over_grpc, INPUTS, "raw")
        exchange(client, over_grpc, RAW_ONLY, "raw only")
        exchange(client, over_grpc, INPUTS, "gzip", compression_algorithm="gzip")
        refused(client, over_grpc, "nobody", {"f32": INPUTS["f32"]}, "no model")
        refused(client, over_grpc, "echo", {"f32": INPUTS["f64"]}, "wrong type")
        streamed(client, [("a", 3), ("b", 1), ("c", 4)], empty_final=False)
    with over_grpc.InferenceServerClient(address) as client:
        streamed(client, [("d", 2), ("e", 0), ("f", 1)], empty_final=True)
    with over_grpc.InferenceServerClient(address) as client:
        echoed_in_a_stream(client)


def streamed(client, asks, *, empty_final):
    """All at once to the decoupled model; its answers come when they come."""
    answers = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    numbers = {id: np.array([times], np.float32) for id, times in asks}
    for id, number in numbers.items():
        client.async_stream_infer(
            "count",
            asked(over_grpc, {"n": number}),
            request_id=id,
            enable_empty_final_response=empty_final,
        )
    found, versions = {id: [] for id, _ in asks}, {}
    left = sum(times for _, times in asks) + (len(asks) if empty_final else 0)
    while left:
        result, error = answers.get(timeout=30)
        assert error is None, error
        response = result.get_response()
        left -= 1
        versions[response.id] = response.model_version or versions.get(response.id, "")
        if result.as_numpy("i") is not None:
            found[response.id].append(result.as_numpy("i"))
    client.stop_stream()
    for id, number in numbers.items():
        outputs = {"i": told(np.concatenate(found[id]))} if found[id] else {}
        say("count", {"n": told(number)}, outputs, version=versions[id], id=id)


def echoed_in_a_stream(client):
    """One answer a request, and one that is refused inside the stream."""
    answers = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for id in ("s1", "s2"):
        client.async_stream_infer("echo", asked(over_grpc, {"i64": INPUTS["i64"]}), request_id=id)
        result, error = answers.get(timeout=30)
        assert error is None, error
        outputs = answered(result, ["o_i64"])
        say("echo", {"i64": told(INPUTS["i64"])}, outputs, version="1", id=id)
    client.async_stream_infer("nobody", asked(over_grpc, {"i64": INPUTS["i64"]}), request_id="s3")
    result, error = answers.get(timeout=30)
    say("nobody", {"i64": told(INPUTS["i64"])}, {}, id="s3", status="in the stream", error=error.message())
    client.stop_stream()


if __name__ == "__main__":
    {"http": http, "grpc": grpc}[sys.argv[1]](sys.argv[2])
