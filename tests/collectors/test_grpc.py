"""A real gRPC server and a real client, with the whole sidecar between them: the answers are those without it."""

import contextlib
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from collectors.records.encoding import decode_batch
from collectors.records.types import Gap, Prediction
from collectors.spool import Spool
from tests.collectors.generated import generated, request, response
from tests.collectors.grpc_conversation import STREAM, UNARY
from tests.collectors.test_main import Sidecar, wait_until

CALLS = 60
SECONDS = 20


class Model(grpc.GenericRpcHandler):
    """Answers each row with its sum; an input named `bad` is refused; a stream is answered as many times as its id says."""

    def service(self, details: Any) -> Any:
        read, write = generated().ModelInferRequest.FromString, lambda answer: answer.SerializeToString()
        if details.method == UNARY:
            return grpc.unary_unary_rpc_method_handler(self.infer, read, write)
        return grpc.stream_stream_rpc_method_handler(self.stream, read, write)

    def infer(self, asked: Any, context: grpc.ServicerContext) -> Any:
        if asked.inputs[0].name == "bad":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "unexpected input 'bad' für m")
        if asked.model_name == "large":
            context.set_compression(grpc.Compression.Gzip)
        return answer(asked)

    def stream(self, questions: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        for asked in questions:
            count = int(asked.id.partition("-")[2])
            for position in range(count):
                told = answer(asked)
                told.parameters["triton_final_response"].bool_param = position == count - 1
                yield generated().ModelStreamInferResponse(infer_response=told)


def answer(asked: Any) -> Any:
    shape = asked.inputs[0].shape
    values = struct.unpack(f"<{shape[0] * shape[1]}f", asked.raw_input_contents[0])
    sums = [sum(values[row * shape[1] : (row + 1) * shape[1]]) for row in range(shape[0])]
    output = {"name": "sum", "datatype": "FP32", "shape": [shape[0]]}
    return response(
        model_name=asked.model_name,
        model_version="1",
        id=asked.id,
        outputs=[output],
        raw_output_contents=[struct.pack(f"<{len(sums)}f", *sums)],
    )


def question(id: str, *, model: str = "m", name: str = "x", rows: int = 2, columns: int = 3) -> Any:
    values = [float(len(id) + position) for position in range(rows * columns)]
    tensor = {"name": name, "datatype": "FP32", "shape": [rows, columns]}
    return request(
        model_name=model, id=id, inputs=[tensor], raw_input_contents=[struct.pack(f"<{len(values)}f", *values)]
    )


@pytest.fixture
def server() -> Iterator[int]:
    running = grpc.server(ThreadPoolExecutor(8))
    running.add_generic_rpc_handlers((Model(),))
    port = running.add_insecure_port("127.0.0.1:0")
    running.start()
    yield port
    running.stop(0).wait(SECONDS)


class Client:
    """Calls in the raw: what is sent and what comes back are bytes."""

    def __init__(self, port: int, **options: Any) -> None:
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", **options)
        self.unary = self.channel.unary_unary(UNARY)
        self.streaming = self.channel.stream_stream(STREAM)

    def ask(self, asked: Any) -> tuple[Any, ...]:
        answered, call = None, self.unary.future(asked.SerializeToString(), timeout=SECONDS)
        with contextlib.suppress(grpc.RpcError):
            answered = call.result()
        trailers = [(key, text) for key, text in call.trailing_metadata()]
        return answered, call.code(), call.details(), trailers

    def converse(self, questions: list[Any]) -> list[bytes]:
        return list(self.streaming((each.SerializeToString() for each in questions), timeout=SECONDS))


def spooled(folder: Path) -> tuple[list[Prediction], list[Gap]]:
    records, after = [], 0
    with Spool.open(folder) as spool:
        while batches := spool.read(after, 1 << 24):
            for after, payload in batches:  # noqa: B007
                records += decode_batch(payload).records
    return [r for r in records if isinstance(r, Prediction)], [r for r in records if isinstance(r, Gap)]


def test_real_calls_are_answered_and_recorded(server: int, tmp_path: Path) -> None:
    """Unary in parallel, refused, large and compressed; streams of none, one and many answers; every record is what was sent."""
    sidecar = Sidecar(tmp_path / "spool", server)
    through, direct = Client(sidecar.listen), Client(server)
    asked = [question(f"u{number}") for number in range(CALLS)]
    asked += [question("e", name="bad"), question("l", model="large", rows=1000, columns=60)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(through.ask, asked))
    assert answers == [direct.ask(each) for each in asked]
    conversation = [question(f"s{number}-{number % 4 + 1}") for number in range(12)]
    assert through.converse(conversation) == direct.converse(conversation)
    assert through.converse([]) == []
    compressing = Client(sidecar.listen, compression=grpc.Compression.Gzip)
    assert compressing.ask(question("z"))[0] == direct.ask(question("z"))[0]

    count = len(asked) + len(conversation) + 1
    wait_until(lambda: sidecar.sample("outrider_requests_total") == count)
    for each in (through, direct, compressing):
        each.channel.close()
    assert sidecar.stop() == 0
    predictions, gaps = spooled(tmp_path / "spool")
    assert gaps == []
    recorded = {each.id: each for each in predictions}
    assert len(recorded) == len(predictions) == count
    for each in (*asked, *conversation, question("z")):
        record = recorded[each.id]
        (x,) = record.inputs
        assert (record.model, record.rows, x.shape) == (
            each.model_name,
            each.inputs[0].shape[0],
            tuple(each.inputs[0].shape),
        )
        assert x.data == each.raw_input_contents[0]
        if each.id == "e":
            assert (record.status, record.error, record.outputs) == (400, "unexpected input 'bad' für m", ())
            continue
        times = int(each.id.partition("-")[2] or 1)
        assert (record.status, record.version, record.fidelity) == (200, "1", "full")
        assert record.outputs[0].data == answer(each).raw_output_contents[0] * times


def test_a_call_that_is_cancelled_is_counted(server: int, tmp_path: Path) -> None:
    """And the others on its connection are recorded."""
    sidecar = Sidecar(tmp_path / "spool", server)
    client = Client(sidecar.listen)
    open_ended = threading.Event()

    def never_ending() -> Iterator[bytes]:
        yield question("c-2").SerializeToString()
        open_ended.wait(SECONDS)

    call = client.streaming(never_ending(), timeout=SECONDS)
    assert [next(call), next(call)]
    assert client.ask(question("u"))[1] == grpc.StatusCode.OK
    call.cancel()
    open_ended.set()
    wait_until(lambda: sidecar.sample("outrider_requests_total") == 2)
    client.channel.close()
    assert sidecar.stop() == 0
    predictions, gaps = spooled(tmp_path / "spool")
    assert (sorted(each.id for each in predictions), gaps) == (["c-2", "u"], [])


def test_messages_may_have_any_size_and_the_client_any_pace(server: int, tmp_path: Path) -> None:
    """A message larger than all windows of flow control."""
    sidecar = Sidecar(tmp_path / "spool", server)
    options = [("grpc.max_receive_message_length", -1)]
    client = Client(sidecar.listen, options=options)
    asked = question("big", rows=1000, columns=500)
    told = client.ask(asked)[0]
    assert told is not None
    wait_until(lambda: sidecar.sample("outrider_requests_total") == 1)
    client.channel.close()
    assert sidecar.stop() == 0
    (prediction,), gaps = spooled(tmp_path / "spool")
    assert (prediction.inputs[0].data, gaps) == (asked.raw_input_contents[0], [])
    assert prediction.outputs[0].data == answer(asked).raw_output_contents[0]
