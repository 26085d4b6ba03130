"""The courier to a Kafka topic: each batch is one message, or several parts where it is larger than brokers take.

The key of every message is the sidecar's id, so all of a sidecar lie in one partition, in order. The producer is
idempotent: what it sends again itself is there once. What a new start sends again has the same batch id, by which
whoever reads the topic takes it once.

A broker refuses messages above its `message.max.bytes` (1 MiB by default), and senders that do not look at the report
lose them silently. So a large batch goes in parts below `PART_BYTES`, each told in a header.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from collectors.errors import StartFailed
from collectors.shipping.courier import Outcome, Parcel, Verdict

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Producer

BATCH_HEADER = "outrider-batch"
PART_HEADER = "outrider-part"
"""`INDEX/COUNT` on each message of a batch that is in parts."""

PART_BYTES = 900_000
"""Of one message's value: below the brokers' default of 1,048,576 with room for headers."""

DELIVERY_SECONDS_MAX = 30.0
"""How long the producer itself tries; then the shipper's own pauses and circuit take over."""

POLL_SECONDS = 0.1
"""Between two looks whether shipping is to end."""

_REASONS = {
    "MSG_SIZE_TOO_LARGE": "too_large",
    "RECORD_LIST_TOO_LARGE": "too_large",
    "INVALID_RECORD": "invalid",
    "_MSG_TIMED_OUT": "timeout",
    "_TIMED_OUT": "timeout",
    "_QUEUE_FULL": "queue_full",
    "_PURGE_QUEUE": "stopped",
    "_PURGE_INFLIGHT": "stopped",
    "_TRANSPORT": "connect",
    "_ALL_BROKERS_DOWN": "connect",
    "_RESOLVE": "connect",
    "_AUTHENTICATION": "authentication",
    "TOPIC_AUTHORIZATION_FAILED": "authorization",
    "CLUSTER_AUTHORIZATION_FAILED": "authorization",
    "UNKNOWN_TOPIC_OR_PART": "no_topic",
    "_UNKNOWN_TOPIC": "no_topic",
}
"""What brokers and the library say, in a closed set."""

REFUSALS = frozenset({"too_large", "invalid"})
"""About the batch, and so for good."""


class KafkaCourier:
    """Produces to one topic. Raises StartFailed where the library is missing or knows an option not."""

    parcels_max = 500
    bytes_max = 8 * 1024 * 1024
    patience_s = 0.0

    def __init__(self, bootstrap: str, topic: str, options: Mapping[str, str], where: str) -> None:
        try:
            import confluent_kafka  # noqa: PLC0415 (an extra: only who ships to Kafka has it)
        except ImportError as error:
            raise StartFailed(where, "needs the extra `kafka`: pip install 'outrider[kafka]'") from error
        self._topic = topic
        self._settings: dict[str, Any] = {
            "client.id": "outrider",
            "compression.type": "none",  # batches are compressed already
            "linger.ms": 5,
            "log_level": 2,  # what fails is in the outcomes; a broker that is down would fill the log
            "delivery.timeout.ms": round(DELIVERY_SECONDS_MAX * 1000),
            **options,
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
        }
        self._producers: Callable[[dict[str, Any]], Producer] = confluent_kafka.Producer
        self._is_aborted = False
        try:
            self._producer: Producer | None = self._producers(self._settings)
        except confluent_kafka.KafkaException as error:
            raise StartFailed(where, str(error.args[0])) from error

    def deliver(self, parcels: Sequence[Parcel]) -> list[Outcome]:
        if self._producer is None:
            # An idempotent producer that failed for good keeps nothing: another begins, and ids tell what came twice.
            self._producer = self._producers(self._settings)
        producer = self._producer
        reports = [_Report(0) for _ in parcels]
        for parcel, report in zip(parcels, reports, strict=True):
            self._produce(producer, parcel, report)
        deadline = time.monotonic() + DELIVERY_SECONDS_MAX + 5
        while any(report.waits for report in reports) and time.monotonic() < deadline and not self._is_aborted:
            producer.poll(POLL_SECONDS)
        if any(report.waits or report.is_fatal for report in reports):
            producer.purge()
            producer.poll(0)
            self._producer = None
        return [report.outcome() for report in reports]

    def abort(self) -> None:
        self._is_aborted = True

    def close(self) -> None:
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(POLL_SECONDS)
            self._producer = None

    def _produce(self, producer: "Producer", parcel: Parcel, report: "_Report") -> None:
        key = parcel.batch.rpartition("/")[0].encode()
        parts = [parcel.payload[i : i + PART_BYTES] for i in range(0, len(parcel.payload), PART_BYTES)]
        report.expected = len(parts)
        for index, part in enumerate(parts):
            headers: list[tuple[str, str | bytes | None]] = [(BATCH_HEADER, parcel.batch)]
            if len(parts) > 1:
                headers.append((PART_HEADER, f"{index}/{len(parts)}"))
            while True:
                try:
                    producer.produce(self._topic, part, key, headers=headers, on_delivery=report.told)
                    break
                except BufferError:
                    if self._is_aborted:
                        report.failed("stopped", "shipping is being stopped")
                        return
                    producer.poll(POLL_SECONDS)
                except Exception as error:  # noqa: BLE001 (the library raises KafkaException, whose class is an extra's)
                    report.told(error.args[0] if error.args else None, None, str(error))
                    return


class _Report:
    """What the broker said of the messages of one batch."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.is_fatal = False
        self._delivered = 0
        self._reason = ""
        self._detail = ""

    @property
    def waits(self) -> bool:
        return not self._reason and self._delivered < self.expected

    def told(self, error: "KafkaError | None", message: Any, detail: str = "") -> None:
        """Called by the library, once for each message."""
        if error is None and not detail:
            self._delivered += 1
            return
        name = error.name() if error is not None and hasattr(error, "name") else ""
        self.is_fatal = self.is_fatal or bool(error is not None and hasattr(error, "fatal") and error.fatal())
        self.failed(_REASONS.get(name, "other"), detail or str(error))

    def failed(self, reason: str, detail: str) -> None:
        if not self._reason:
            self._reason, self._detail = reason, detail

    def outcome(self) -> Outcome:
        if self.waits:
            return Outcome("again", "kafka_timeout", "no report within the time")
        if not self._reason:
            return Outcome("taken")
        verdict: Verdict = "refused" if self._reason in REFUSALS else "again"
        return Outcome(verdict, f"kafka_{self._reason}", self._detail)
