"""A Kafka consumer: takes messages, hands them on, and commits an offset only when everything before it is safe.

What is safe is said by the taker: for exchanges, that they are in the spool; for our own batches, that the monitor has
answered for them. So a consumer that is killed, or loses its partitions, leaves messages to be read again, never lost
ones; and because exchanges and batches have names of their own, what is read again is taken once.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from collectors.errors import StartFailed
from collectors.intake.kafka_messages import Message, NotAHalf

if TYPE_CHECKING:
    from confluent_kafka import Consumer

Place = tuple[str, int]
"""Topic and partition."""

MESSAGES_MAX = 500
"""Taken at once; as many are in memory beside what the library has fetched."""

POLL_SECONDS = 0.2
COMMIT_SECONDS = 1.0
"""How often offsets are committed: so much is read again after a crash."""

FETCHED_KIB_MAX = 64 * 1024
"""What the library may have fetched ahead."""

SESSION_MS = 15_000
"""How long a group waits for a consumer that has died: longer than a busy machine keeps one from its heartbeat."""

_LOG = logging.getLogger(__name__)


class Taker(Protocol):
    """What becomes of messages."""

    def take(self, message: Message) -> None:
        """Raises NotAHalf for a message that is none."""

    def flush(self, stopped: Callable[[], bool], idle: Callable[[], None]) -> bool:
        """Make safe what was taken; False where it is told to stop first. Calls `idle` while it waits."""

    @property
    def is_full(self) -> bool:
        """Whether it is to be flushed before it takes more."""

    def held(self, place: Place) -> int | None:
        """The oldest offset that still waits for others; None where none does."""

    def poison(self, message: Message, why: str) -> None:
        """A message that is of no use."""

    def forget(self, place: Place) -> None:
        """The partition is somebody else's now."""


class KafkaIntake:
    """Consumes topics, or a pattern (`^…`), until told to stop. Raises StartFailed."""

    def __init__(
        self, bootstrap: str, topics: Sequence[str], group: str, options: Mapping[str, str], taker: Taker
    ) -> None:
        try:
            import confluent_kafka  # noqa: PLC0415 (an extra: only who reads from Kafka has it)
        except ImportError as error:
            raise StartFailed("kafka", "needs the extra `kafka`: pip install 'outrider[kafka]'") from error
        self._library = confluent_kafka
        self._taker = taker
        self._next: dict[Place, int] = {}
        self._committed: dict[Place, int] = {}
        self._stopped: Callable[[], bool] = lambda: False
        settings: dict[str, Any] = {
            "client.id": "outrider",
            "auto.offset.reset": "earliest",
            "session.timeout.ms": SESSION_MS,
            "queued.max.messages.kbytes": FETCHED_KIB_MAX,
            "log_level": 2,  # errors come as messages; a broker that is down would fill the log
            "topic.metadata.refresh.interval.ms": 10_000,
            **options,
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
        }
        try:
            self._consumer: Consumer = confluent_kafka.Consumer(settings)
        except confluent_kafka.KafkaException as error:
            raise StartFailed("kafka", str(error.args[0])) from error
        self._ends: set[Place] = set()
        self._assigned: set[Place] = set()
        self._consumer.subscribe(list(topics), on_assign=self._on_assign, on_revoke=self._on_revoke)

    def run(self, stopped: Callable[[], bool], *, until_end: bool) -> None:
        """Consume; with `until_end` until every partition has been read to where it ends now. Raises StartFailed."""
        self._stopped = stopped
        due = time.monotonic() + COMMIT_SECONDS
        try:
            while not stopped():
                for message in self._consumer.consume(MESSAGES_MAX, POLL_SECONDS):
                    self._take(message)
                if time.monotonic() >= due or self._taker.is_full:
                    self._commit()
                    due = time.monotonic() + COMMIT_SECONDS
                if until_end and self._assigned and self._ends >= self._assigned:
                    break
            self._commit()
        finally:
            self._consumer.close()

    def _take(self, found: Any) -> None:
        error = found.error()
        place = (found.topic(), found.partition())
        if error is not None:
            if error.code() == self._library.KafkaError._PARTITION_EOF:
                self._ends.add(place)
            elif error.fatal():
                raise StartFailed("kafka", str(error))
            else:
                _LOG.warning("kafka_error", extra={"why": error.name(), "detail": str(error)})
            return
        self._ends.discard(place)
        message = _message(found)
        try:
            self._taker.take(message)
        except NotAHalf as error_:
            self._taker.poison(message, str(error_))
        self._next[place] = message.offset + 1

    def _commit(self, *, waits: bool = True) -> None:
        """Make safe what was taken, then say how far; without waiting, only where it can be had at once."""
        if not self._taker.flush(self._stopped if waits else lambda: True, self._idle):
            return
        offsets = []
        for place, following in self._next.items():
            held = self._taker.held(place)
            safe = following if held is None else min(held, following)
            if safe != self._committed.get(place):
                offsets.append((place, safe))
        if not offsets:
            return
        try:
            self._consumer.commit(
                offsets=[self._library.TopicPartition(*place, safe) for place, safe in offsets], asynchronous=False
            )
        except self._library.KafkaException as error:
            _LOG.warning("commit_failed", extra={"why": str(error.args[0])})  # read again, and known then
            return
        self._committed.update(offsets)

    def _idle(self) -> None:
        """Show the group that we live, without taking more."""
        assigned = self._consumer.assignment()
        if assigned:
            self._consumer.pause(assigned)
            for message in self._consumer.consume(MESSAGES_MAX, 0):
                self._take(message)
            self._consumer.resume(assigned)

    def _on_assign(self, _: "Consumer", partitions: Sequence[Any]) -> None:
        self._assigned |= {(each.topic, each.partition) for each in partitions}

    def _on_revoke(self, _: "Consumer", partitions: Sequence[Any]) -> None:
        self._commit(waits=False)  # the group waits for us; what is not safe now, the next owner reads again
        for each in partitions:
            place = (each.topic, each.partition)
            self._taker.forget(place)
            for known in (self._next, self._committed):
                known.pop(place, None)
            self._assigned.discard(place)
            self._ends.discard(place)


def _message(found: Any) -> Message:
    _, time_ms = found.timestamp()
    headers = {name.lower(): _text(value) for name, value in found.headers() or ()}
    return Message(
        found.topic(),
        found.partition(),
        found.offset(),
        max(0, time_ms) * 10**6,
        found.value() or b"",
        headers,
    )


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")
