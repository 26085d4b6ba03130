"""Calls of our own against servers of grpcio: what comes back, what the probe of one leaves, and who is no server."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc
import pytest

from outrider.doctor.asking import NoAnswer
from outrider.doctor.grpc_calls import OK, UNIMPLEMENTED, call
from outrider.doctor.messages import Described, bytes_field, infer_request, text_field
from outrider.doctor.servers import identify
from outrider.main import DONE, main
from tests.collectors.generated import generated, response

OIP = "/inference.GRPCInferenceService/"
Methods = dict[str, Callable[[bytes, grpc.ServicerContext], bytes]]


class Handlers(grpc.GenericRpcHandler):
    def __init__(self, methods: Methods) -> None:
        self._methods = methods

    def service(self, handler_call_details: Any) -> Any:
        found = self._methods.get(handler_call_details.method)
        return grpc.unary_unary_rpc_method_handler(found) if found else None


@contextmanager
def served(methods: Methods) -> Iterator[str]:
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers((Handlers(methods),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait()


def open_inference() -> Methods:
    """A server with one model, `income`, that answers with 0.5."""
    x = text_field(1, "x") + text_field(2, "FP32") + bytes_field(3, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02")

    def infer(message: bytes, context: grpc.ServicerContext) -> bytes:
        asked = generated().ModelInferRequest.FromString(message)
        told = {"model_name": "income", "model_version": "3", "id": asked.id}
        p = {"name": "p", "datatype": "FP32", "shape": [1]}
        return bytes(response(**told, outputs=[p], raw_output_contents=[struct.pack("<f", 0.5)]).SerializeToString())

    return {
        f"{OIP}ServerReady": lambda message, context: b"\x08\x01",
        f"{OIP}ServerMetadata": lambda message, context: text_field(1, "triton") + text_field(2, "2.51"),
        f"{OIP}RepositoryIndex": lambda message, context: bytes_field(1, text_field(1, "income")),
        f"{OIP}ModelMetadata": lambda message, context: text_field(1, "income") + bytes_field(4, x),
        f"{OIP}ModelInfer": infer,
    }


def test_an_answer_comes_with_its_status() -> None:
    """Of a method that there is, one that there is not, and one that fails."""

    def fail(message: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(grpc.StatusCode.NOT_FOUND, "no model €")
        return b""

    with served({"/s/Echo": lambda message, context: message, "/s/Fail": fail}) as address:
        echoed, lost, failed = call(address, "/s/Echo", b"a" * 40_000), call(address, "/s/No"), call(address, "/s/Fail")
    assert (echoed.status, echoed.message) == (OK, b"a" * 40_000)
    assert lost.status == UNIMPLEMENTED
    assert (failed.status, failed.words) == (5, "no model €")


def test_a_server_is_known_by_its_service() -> None:
    """The Open Inference Protocol with its models, TensorFlow Serving, TorchServe, and a stranger."""
    ping = "/org.pytorch.serve.grpc.inference.InferenceAPIsService/Ping"
    tensorflow = "/tensorflow.serving.PredictionService/GetModelMetadata"
    services: list[Methods] = [open_inference(), {tensorflow: lambda m, c: b""}, {ping: lambda m, c: b""}, {}]
    with ExitStack() as stack:
        found = [identify(stack.enter_context(served(methods))) for methods in services]
    assert [server and (server.speaks, server.captured) for server in found] == [
        ("Open Inference Protocol over gRPC", True),
        ("TensorFlow Serving over gRPC", True),
        ("TorchServe over gRPC", True),
        ("HTTP/2 (gRPC)", False),
    ]
    assert found[0]
    assert (found[0].name, found[0].version, found[0].models, found[0].ready) == ("triton", "2.51", ("income",), True)


def test_a_probe_over_grpc_shows_the_record(capsys: pytest.CaptureFixture[str]) -> None:
    """Zeros by the model's metadata, decoded from the bytes that passed."""
    with served(open_inference()) as address:
        code = main(["doctor", "--upstream", address, "--probe", "income", "--json"])
    record = json.loads(capsys.readouterr().out)["probe"]["record"]
    assert (code, record["model"], record["version"]) == (DONE, "income", "3")
    assert record["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [1, 2], "values": [0.0, 0.0]}]
    assert record["outputs"] == [{"name": "p", "datatype": "FP32", "shape": [1], "values": [0.5]}]


def test_the_request_is_what_generated_code_reads() -> None:
    """Zeros, raw; texts of no length; a row where an axis may have any."""
    inputs = [Described("a", "INT64", (-1, 3)), Described("b", "BYTES", (200,))]
    asked = generated().ModelInferRequest.FromString(infer_request("m", "i", inputs))
    assert (asked.model_name, asked.id) == ("m", "i")
    assert [(each.name, each.datatype, list(each.shape)) for each in asked.inputs] == [
        ("a", "INT64", [1, 3]),
        ("b", "BYTES", [200]),
    ]
    assert [len(raw) for raw in asked.raw_input_contents] == [24, 800]


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\0\x07\0\0\0\0\0", b"\xff" * 100])
def test_who_does_not_speak_it_is_no_answer(answer: bytes) -> None:
    """Silence, HTTP/1.1, an end of the connection, noise: never a hang, and no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def reply() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=reply)
        thread.start()
        with pytest.raises(NoAnswer):
            call(f"127.0.0.1:{listener.getsockname()[1]}", "/s/m", timeout_s=20)
        thread.join()
