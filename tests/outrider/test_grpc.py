"""The interceptors in real servers of grpcio: clients get what they always got, and calls become records."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from collectors.records.encoding import decode_batch
from collectors.records.types import Ledger, Prediction, Record
from collectors.spool import Spool
from outrider.grpc import AioOutriderInterceptor, OutriderInterceptor
from tests.collectors.generated import generated, request, response, wrapped
from tests.collectors.grpc_conversation import STREAM, UNARY
from tests.system.services.process import wait_until

TENSORFLOW = "/tensorflow.serving.PredictionService/Predict"
X = {"name": "x", "datatype": "FP32", "shape": [1, 2]}
P = {"name": "p", "datatype": "FP32", "shape": [1]}
SECONDS = 60


def ask(id: str = "r1", model: str = "m") -> Any:
    return request(model_name=model, id=id, inputs=[X], raw_input_contents=[struct.pack("<2f", 1, 2)])


def told(id: str = "r1") -> Any:
    return response(model_name="m", model_version="3", id=id, outputs=[P], raw_output_contents=[struct.pack("<f", 0.5)])


def infer(asked: Any, context: Any) -> Any:
    """Refuses `gone`, raises for `broken`, answers the rest."""
    if asked.model_name == "gone":
        context.abort(grpc.StatusCode.NOT_FOUND, "no model gone: è")
    if asked.model_name == "broken":
        raise ZeroDivisionError
    return told(asked.id)


def stream(asked: Iterator[Any], context: Any) -> Iterator[bytes]:
    for each in asked:
        yield wrapped(told(each.id))


def predict(asked: bytes, context: Any) -> bytes:
    """A handler without (de)serializers, as proxies have them."""
    proto = generated("tensorflow")
    answer = proto.PredictResponse()
    answer.outputs["p"].CopyFrom(proto.TensorProto(dtype=1, float_val=[0.5], tensor_shape={"dim": [{"size": 1}]}))
    return bytes(answer.SerializeToString())


def echo(asked: bytes, context: Any) -> bytes:
    return asked


def handlers(infer: Any = infer, stream: Any = stream) -> list[Any]:
    messages = generated()
    reads, writes = messages.ModelInferRequest.FromString, messages.ModelInferResponse.SerializeToString
    of_inference = {
        "ModelInfer": grpc.unary_unary_rpc_method_handler(infer, reads, writes),
        "ModelStreamInfer": grpc.stream_stream_rpc_method_handler(stream, reads),
    }
    return [
        grpc.method_handlers_generic_handler("inference.GRPCInferenceService", of_inference),
        grpc.method_handlers_generic_handler(
            "tensorflow.serving.PredictionService", {"Predict": grpc.unary_unary_rpc_method_handler(predict)}
        ),
        grpc.method_handlers_generic_handler("other.Service", {"Echo": grpc.unary_unary_rpc_method_handler(echo)}),
    ]


class Served:
    """A server of threads with the interceptor, and its client."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.folder = folder
        self.interceptor = OutriderInterceptor(spool=folder, **more)
        self.server = grpc.server(ThreadPoolExecutor(4), interceptors=[self.interceptor])
        self.server.add_generic_rpc_handlers(handlers())
        port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")

    def call(self, method: str, message: bytes, **more: Any) -> bytes:
        return bytes(self.channel.unary_unary(method)(message, timeout=SECONDS, **more))

    def end(self) -> list[Record]:
        self.channel.close()
        self.server.stop(SECONDS).wait()
        assert self.interceptor.close(SECONDS)
        return records(self.folder)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    opened = Served(tmp_path)
    yield opened
    opened.channel.close()
    opened.server.stop(None).wait()
    opened.interceptor.close()


def records(folder: Path) -> list[Record]:
    with Spool.open(folder / "spool-0", free_space_floor_bytes=0) as spool:
        return [record for _, payload in spool.read(0, 1 << 30) for record in decode_batch(payload).records]


def predictions(found: list[Record]) -> list[Prediction]:
    return sorted((r for r in found if isinstance(r, Prediction)), key=lambda each: each.id)


def test_a_call_is_a_prediction(served: Served) -> None:
    """And the client got the handler's answer."""
    metadata = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("authorization", "s")]
    assert served.call(UNARY, ask().SerializeToString(), metadata=metadata) == told().SerializeToString()
    (record,) = predictions(served.end())
    assert (record.model, record.version, record.id, record.status, record.captured_by) == ("m", "3", "r1", 200, "grpc")
    assert (record.inputs[0].data, record.outputs[0].data) == (struct.pack("<2f", 1, 2), struct.pack("<f", 0.5))
    assert record.trace is not None and record.duration_ns is not None and record.duration_ns > 0


def test_tensorflow_serving_is_read_without_serializers(served: Served) -> None:
    """By the path of its method."""
    proto = generated("tensorflow")
    asked = proto.PredictRequest(model_spec={"name": "half"})
    asked.inputs["x"].CopyFrom(proto.TensorProto(dtype=1, float_val=[1.0], tensor_shape={"dim": [{"size": 1}]}))
    served.call(TENSORFLOW, asked.SerializeToString())
    (record,) = predictions(served.end())
    assert (record.model, record.inputs[0].name, record.outputs[0].name) == ("half", "x", "p")


def test_refusals_are_recorded_as_what_they_are(served: Served) -> None:
    """A handler that aborts, and one that raises; the client is told the same as ever."""
    codes = []
    for model in ("gone", "broken"):
        with pytest.raises(grpc.RpcError) as refused:
            served.call(UNARY, ask(model, model).SerializeToString())
        codes.append(refused.value.code())
    assert codes == [grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNKNOWN]
    broken, gone = predictions(served.end())
    assert (gone.status, gone.error, broken.status) == (404, "no model gone: è", 500)


def test_a_stream_is_as_many_predictions_as_requests(served: Served) -> None:
    """Answers reach the client one by one, not at the end."""
    questions = (ask(f"s{i}").SerializeToString() for i in range(3))
    answers = list(served.channel.stream_stream(STREAM)(questions, timeout=SECONDS))
    assert answers == [wrapped(told(f"s{i}")) for i in range(3)]
    assert [(r.id, r.version, r.status) for r in predictions(served.end())] == [(f"s{i}", "3", 200) for i in range(3)]


def test_methods_of_no_serving_api_pass_untouched(served: Served) -> None:
    """Nothing is begun for them."""
    assert served.call("/other.Service/Echo", b"hello") == b"hello"
    assert served.interceptor.counts.offered == 0


def test_a_request_that_cannot_be_read_is_the_servers_to_refuse(served: Served) -> None:
    """With its own words; it never was a call of the model."""
    with pytest.raises(grpc.RpcError) as refused:
        served.call(UNARY, b"\xff\xff")
    assert refused.value.code() is grpc.StatusCode.INTERNAL
    assert served.end() == []


def test_a_fault_of_ours_costs_the_copy_alone(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call goes on, and the fault is counted."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(served.interceptor._copies, "offer", fail)
    assert served.call(UNARY, ask().SerializeToString()) == told().SerializeToString()
    wait_until(lambda: served.interceptor.failed == 1, SECONDS, "the fault is counted")
    assert served.call(UNARY, ask().SerializeToString()) == told().SerializeToString()


def test_room_is_given_back(served: Served) -> None:
    """After each call, whatever became of it."""
    for model in ("m", "gone", "m"):
        try:
            served.call(UNARY, ask(model, model).SerializeToString())
        except grpc.RpcError:
            assert model == "gone"
    served.end()
    assert served.interceptor._copies.budget.held == 0


def test_what_has_no_room_passes_and_is_told(tmp_path: Path) -> None:
    """As dropped, in the account."""
    served = Served(tmp_path)
    served.interceptor._copies.budget.limit = 10
    assert served.call(UNARY, ask().SerializeToString()) == told().SerializeToString()
    (ledger,) = [r for r in served.end() if isinstance(r, Ledger)]
    assert dict(ledger.dropped) == {"memory_full": 1}


async def aio_infer(asked: Any, context: Any) -> Any:
    if asked.model_name == "gone":
        await context.abort(grpc.StatusCode.NOT_FOUND, "no model gone")
    if asked.model_name == "broken":
        raise ZeroDivisionError
    if asked.model_name == "slow":
        await asyncio.sleep(SECONDS)
    return told(asked.id)


async def aio_stream(asked: AsyncIterator[Any], context: Any) -> AsyncIterator[bytes]:
    async for each in asked:
        yield wrapped(told(each.id))


async def aio_written(asked: AsyncIterator[Any], context: Any) -> None:
    """The other way to answer that the library has."""
    async for each in asked:
        await context.write(wrapped(told(each.id)))


async def aio_talk(folder: Path, talk: Callable[[grpc.aio.Channel], Any], infer: Any, stream: Any) -> list[Prediction]:
    interceptor = AioOutriderInterceptor(spool=folder)
    server = grpc.aio.server(interceptors=[interceptor])
    server.add_generic_rpc_handlers(tuple(handlers(infer, stream)))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await talk(channel)
    await server.stop(SECONDS)
    assert await asyncio.to_thread(interceptor.close, SECONDS)
    assert interceptor.failed == 0
    return predictions(records(folder))


@pytest.mark.parametrize("handler", [aio_infer, infer], ids=["coroutine", "thread"])
def test_calls_of_an_aio_server_are_predictions(tmp_path: Path, handler: Any) -> None:
    """Of coroutines, and of plain functions that the library runs in threads."""

    async def talk(channel: grpc.aio.Channel) -> None:
        call = channel.unary_unary(UNARY)
        assert await call(ask("ok").SerializeToString()) == told("ok").SerializeToString()
        for model in ("gone", "broken"):
            with pytest.raises(grpc.RpcError):
                await call(ask(model, model).SerializeToString())

    found = asyncio.run(aio_talk(tmp_path, talk, handler, aio_stream))
    assert [(each.id, each.status) for each in found] == [("broken", 500), ("gone", 404), ("ok", 200)]


@pytest.mark.parametrize("handler", [aio_stream, aio_written], ids=["generator", "writer"])
def test_streams_of_an_aio_server_are_predictions(tmp_path: Path, handler: Any) -> None:
    """Whichever way the handler answers."""

    async def talk(channel: grpc.aio.Channel) -> None:
        call = channel.stream_stream(STREAM)(iter([ask(f"s{i}").SerializeToString() for i in range(3)]))
        assert [answer async for answer in call] == [wrapped(told(f"s{i}")) for i in range(3)]

    found = asyncio.run(aio_talk(tmp_path, talk, aio_infer, handler))
    assert [(each.id, each.status) for each in found] == [(f"s{i}", 200) for i in range(3)]


def test_a_client_that_goes_away_leaves_no_prediction(tmp_path: Path) -> None:
    """Nobody knows what the model would have said."""

    async def talk(channel: grpc.aio.Channel) -> None:
        call = channel.unary_unary(UNARY)(ask("slow", "slow").SerializeToString(), timeout=0.5)
        with pytest.raises(grpc.RpcError):
            await call

    assert asyncio.run(aio_talk(tmp_path, talk, aio_infer, aio_stream)) == []
    (ledger,) = [r for r in records(tmp_path) if isinstance(r, Ledger)]
    assert dict(ledger.undecodable) == {"no_response": 1}
