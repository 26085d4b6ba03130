"""A real Kafka: a sidecar's sink and a consumer behind it, and topics of other products; brokers and consumers are killed."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from collectors.records.packing import pack
from collectors.records.types import Gap, Prediction, Tensor
from collectors.settings.sinks import SinkSetting
from collectors.shipping.fan_out import FanOut
from collectors.shipping.sinks import courier_to
from collectors.spool import Spool
from tests.collectors.generated import request, response
from tests.system.services.kafka_broker import KafkaBroker, KafkaFiles, new_kafka, running_kafka
from tests.system.services.outrider import Monitor, outrider, running_monitor
from tests.system.services.process import running_process, wait_until

pytestmark = pytest.mark.system

PATIENCE_SECONDS = 120.0
ASKED = request(
    model_name="iris_1",
    inputs=[{"name": "x", "datatype": "FP64", "shape": [1, 2], "contents": {"fp64_contents": [0.5, 1.5]}}],
)
ANSWERED = response(
    model_name="iris_1",
    model_version="1",
    outputs=[{"name": "y", "datatype": "FP64", "shape": [1], "contents": {"fp64_contents": [0.25]}}],
)
START_NS = 1_767_225_600 * 10**9


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> KafkaFiles:
    return new_kafka(tmp_path_factory.mktemp("kafka"))


@pytest.fixture
def broker(files: KafkaFiles) -> Iterator[KafkaBroker]:
    with running_kafka(files) as running:
        yield running


@pytest.fixture
def monitor(tmp_path: Path) -> Iterator[Monitor]:
    with running_monitor(tmp_path / "monitor", tmp_path / "data") as running:
        yield running


def prediction(number: int) -> Prediction:
    value = Tensor(name="p", shape=(1,), datatype="FP64", data=pack([number / 100], "FP64"))
    return Prediction(
        exchange=f"x-{number}", id=f"id-{number}", id_source="body", model="income", version="1",
        time_ns=START_NS + number * 10**6, inputs=(value,), outputs=(value,),
    )  # fmt: skip


def rows(monitor: Monitor, model: str) -> list[str]:
    """Ids of the model's rows, as often as they are there."""
    folder = Path(monitor.process.args[-1]) / "segments" / "predictions" / model  # type: ignore[index]
    return [
        str(identity)
        for path in sorted(folder.rglob("*.parquet"))
        for identity in pq.read_table(path).column("outrider.id").to_pylist()
    ]


def intake(monitor: Monitor, broker: str, *more: object) -> list[str]:
    return outrider("intake", "kafka", "--bootstrap", broker, "--monitor", monitor.url, *more)


def run_once(command: list[str]) -> str:
    done = subprocess.run([*command, "--once"], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def test_what_a_sidecar_sends_to_kafka_a_monitor_has_once(tmp_path: Path, files: KafkaFiles, monitor: Monitor) -> None:
    """The broker is killed under the sink, the consumer again and again under the topic; batches in parts are put together."""
    with ExitStack() as stack:
        broker = stack.enter_context(running_kafka(files))
        broker.create("outrider-records", 2)
        spool = stack.enter_context(Spool.open(tmp_path / "spool", free_space_floor_bytes=0))
        sink = SinkSetting("kafka", "kafka", broker.bootstrap, "outrider-records")
        shipping = FanOut(spool, {"kafka": courier_to(sink)})
        shipping.start()
        for number in range(200):
            spool.append([prediction(number)])
        broker.kill()
        for number in range(200, 400):
            spool.append([prediction(number)])
        large = "".join(map(chr, (33 + byte % 90 for byte in secrets.token_bytes(1_500_000))))
        spool.append([Gap(start_ns=START_NS, end_ns=START_NS + 1, reason=large), prediction(400)])
        broker = stack.enter_context(running_kafka(files))
        wait_until(lambda: spool.pending_records == 0, PATIENCE_SECONDS, "everything is in Kafka")
        assert shipping.stop(10)
        command = intake(monitor, broker.bootstrap, "--records", "outrider-records", "--group", "a")
        for attempt in range(3):
            folder = tmp_path / f"consumer-{attempt}"
            folder.mkdir()
            with running_process(command, folder, lambda log: True) as consumer:
                if attempt == 0:
                    wait_until(lambda: len(rows(monitor, "income")) > 0, PATIENCE_SECONDS, "the consumer works")
                consumer.send_signal(signal.SIGKILL)
                consumer.wait()
        said = run_once(command)
        assert "0 messages refused" in said
        # All of it once more, by another group: the monitor knows every batch.
        run_once(intake(monitor, broker.bootstrap, "--records", "outrider-records", "--group", "b"))
    assert sorted(rows(monitor, "income")) == sorted(f"id-{number}" for number in range(401))
    gaps = monitor.items("/api/v1/models/income/gaps")
    assert [gap["reason"] for gap in gaps if gap["reason"] == "batch_missing"] == []


def test_topics_of_seldon_become_predictions_once(tmp_path: Path, broker: KafkaBroker, monitor: Monitor) -> None:
    """JSON and Protocol Buffers, with the prefix of a schema registry, in any order, twice, over a killed consumer; poison is kept.

    What was never answered is counted once too, however often it is read.
    """
    inputs, outputs = (f"seldon.mesh.model.iris.{side}" for side in ("inputs", "outputs"))
    for topic in (inputs, outputs):
        broker.create(topic)
    producer = Producer({"bootstrap.servers": broker.bootstrap, "log_level": 0})

    def send(topic: str, value: bytes, identity: str, kind: str, ago: float = 0) -> None:
        headers = [("x-request-id", identity), ("seldon-infer-type", kind)]
        producer.produce(topic, value, headers=headers, timestamp=int((time.time() - ago) * 1000))

    x = {"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [0.5, 1.5]}
    y = {"name": "y", "shape": [1], "datatype": "FP64", "data": [0.25]}
    for number in range(3):  # longer ago than a half waits for the other
        send(inputs, ASKED.SerializeToString(), f"lonely{number}", "proto/InferModelRequest", ago=600)
    for number in range(40):
        identity = f"r{number}"
        if number % 2:
            asked = json.dumps({"inputs": [x]}).encode()
            answered = json.dumps({"model_name": "iris_1", "model_version": "1", "outputs": [y]}).encode()
            kinds = ("json/inferModelRequest", "json/inferModelResponse")
        else:
            asked = b"\0\0\0\0\7\0" + ASKED.SerializeToString()
            answered = ANSWERED.SerializeToString()
            kinds = ("proto/InferModelRequest", "proto/InferModelResponse")
        for _ in range(2 if number % 5 == 0 else 1):
            send(outputs, answered, identity, kinds[1])
            send(inputs, asked, identity, kinds[0])
    send(inputs, b"\xff\xff", "", "proto/InferModelRequest")
    assert producer.flush(60) == 0
    command = intake(monitor, broker.bootstrap, "--seldon", "seldon", "--spool", tmp_path / "spool", "--group", "s")
    (tmp_path / "killed").mkdir()
    with running_process(command, tmp_path / "killed", lambda log: True) as consumer:
        wait_until(lambda: len(rows(monitor, "iris")) > 0, PATIENCE_SECONDS, "the consumer works")
        consumer.send_signal(signal.SIGKILL)
        consumer.wait()
    run_once(command)
    run_once(intake(monitor, broker.bootstrap, "--seldon", "seldon", "--spool", tmp_path / "other", "--group", "again"))
    assert sorted(rows(monitor, "iris")) == sorted(f"r{number}" for number in range(40))
    counted = monitor.get("/api/v1/models/iris/account")["exchanges"]
    assert counted["undecodable"] == {"no_response": 3}
    assert (counted["seen"], counted["captured"], counted["unaccounted"]) == (43, 40, 0)
    poison = list(tmp_path.rglob("*.message"))
    assert {path.read_bytes() for path in poison} == {b"\xff\xff"}


def test_offsets_are_committed_when_records_are_safe(tmp_path: Path, broker: KafkaBroker) -> None:
    """With a monitor that does not answer, nothing of a topic of batches is committed."""
    broker.create("records-unheard")
    with Spool.open(tmp_path / "spool", free_space_floor_bytes=0) as spool:
        shipping = FanOut(
            spool, {"kafka": courier_to(SinkSetting("kafka", "kafka", broker.bootstrap, "records-unheard"))}
        )
        shipping.start()
        spool.append([prediction(1)])
        wait_until(lambda: spool.pending_records == 0, PATIENCE_SECONDS, "the batch is in Kafka")
        assert shipping.stop(10)
    command = [
        sys.executable, "-m", "outrider", "intake", "kafka", "--bootstrap", broker.bootstrap, "--monitor",
        "http://127.0.0.1:1", "--records", "records-unheard", "--group", "unheard", "--spool", str(tmp_path / "s"),
    ]  # fmt: skip
    with running_process(command, tmp_path, lambda log: "shipping_failed" in log.read_text()) as consumer:
        consumer.send_signal(signal.SIGTERM)
        assert consumer.wait(60) == 0
    assert committed(broker, "unheard", "records-unheard") < 0


def committed(broker: KafkaBroker, group: str, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": group, "log_level": 0})
    try:
        (found,) = consumer.committed([TopicPartition(topic, 0)], timeout=30)
        return int(found.offset)
    finally:
        consumer.close()
