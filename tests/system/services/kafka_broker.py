"""A real Kafka broker (KRaft, one node) on loopback, its jars from Maven Central by the project in `kafka/`."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from tests.system.services.process import free_port, running_process, wait_until

PROJECT = Path(__file__).parent / "kafka"
LIBS = Path(__file__).parents[3] / ".services" / "kafka"
INSTALL_SECONDS_MAX = 600.0
"""7 s with a full local repository; the first time it downloads 43 MB."""
TOPIC_SECONDS_MAX = 60.0
PROPERTIES = """
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller}
log.dirs={data}
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
"""
"""The short session timeout makes a restart after SIGKILL 4 s instead of 14."""


@dataclass(frozen=True)
class KafkaBroker:
    bootstrap: str
    process: subprocess.Popen[bytes]

    def create(self, topic: str, partitions: int = 1) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(TOPIC_SECONDS_MAX)

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass(frozen=True)
class KafkaFiles:
    """What outlives a broker: its data and its ports."""

    folder: Path
    port: int
    controller: int


def new_kafka(folder: Path) -> KafkaFiles:
    """Prepare a broker's folder, installing the jars where they are not yet."""
    _install()
    folder.mkdir(parents=True, exist_ok=True)
    files = KafkaFiles(folder, free_port(), free_port())
    (folder / "server.properties").write_text(
        PROPERTIES.format(port=files.port, controller=files.controller, data=folder / "data")
    )
    identity = subprocess.run(
        [*_java(), "kafka.tools.StorageTool", "random-uuid"], check=True, capture_output=True, text=True
    ).stdout.split()[-1]
    storage = ["kafka.tools.StorageTool", "format", "-t", identity, "-c", str(folder / "server.properties")]
    subprocess.run([*_java(), *storage], check=True, capture_output=True)
    return files


@contextmanager
def running_kafka(files: KafkaFiles) -> Iterator[KafkaBroker]:
    """Run a broker on these files; again on the same ones it is the same broker restarted."""
    bootstrap = f"127.0.0.1:{files.port}"
    command = [*_java(), "kafka.Kafka", str(files.folder / "server.properties")]
    with running_process(command, files.folder, lambda log: "Kafka Server started" in log.read_text()) as process:
        wait_until(lambda: _answers(bootstrap), TOPIC_SECONDS_MAX, "the broker answers")
        yield KafkaBroker(bootstrap, process)


def _java() -> list[str]:
    logging = f"-Dlog4j2.configurationFile={PROJECT / 'log4j2.properties'}"
    memory = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"]
    return ["java", *memory, logging, "-cp", f"{LIBS}/*"]


def _install() -> None:
    if (LIBS / "installed").exists():
        return
    LIBS.mkdir(parents=True, exist_ok=True)
    command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={LIBS}"]
    subprocess.run(command, cwd=PROJECT, check=True, timeout=INSTALL_SECONDS_MAX, capture_output=True)
    (LIBS / "installed").touch()


def _answers(bootstrap: str) -> bool:
    try:
        return bool(AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=2).brokers)
    except KafkaException:
        return False
