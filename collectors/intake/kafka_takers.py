"""What becomes of Kafka's messages: halves are paired and spooled, our own batches are passed on as they are."""

import logging
import time
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

from collectors.intake.filling import or_account
from collectors.intake.halves import Halves, Pair
from collectors.intake.kafka import Place
from collectors.intake.kafka_messages import (
    Assembly,
    Half,
    Message,
    Origin,
    exchange_name,
    exchange_of,
    half_of,
    key_of,
    reader,
)
from collectors.pipeline import LEDGERS_MAX, Pipeline, Provenance
from collectors.records.types import Record
from collectors.spool import Spool, SpoolFull
from collectors.spool.side_files import keep_aside

WAIT_NS = 60 * 10**9
"""How long a half waits for the other, by the messages' own times: so a backlog is paired as what is new."""

RETRY_SECONDS = 1.0
"""Between two looks at a spool that is full, or a monitor that does not answer."""

UNFLUSHED_BYTES_MAX = 8 * 1024 * 1024
"""Of exchanges that are not in the spool, or batches that the monitor has not had: about a batch of the spool."""

UNFLUSHED_MAX = LEDGERS_MAX // 2
"""Exchanges that are not in the spool: each that is not captured has a ledger entry of its own, and those are bounded."""

POISON = "poison"
"""Folder of messages that are of no use, beside the spool."""

_HALF_BYTES = 1024
_LOG = logging.getLogger(__name__)


class PoisonFolder:
    """Keeps messages that are of no use, for a person to look at; bounded as quarantine is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.count = 0

    def keep(self, message: Message, why: str) -> None:
        self.count += 1
        _LOG.warning("message_refused", extra={"why": why})
        name = f"{message.topic[:200]}-{message.partition}-{message.offset:020d}.message"
        try:
            keep_aside(self._folder, name, (message.value,))
        except OSError as error:
            _LOG.error("poison_not_kept", extra={"why": str(error)})


class ExchangeTaker:
    """Pairs requests with answers and appends what comes of them to a spool."""

    def __init__(
        self,
        pipeline: Pipeline,
        spool: Spool,
        origin_of: Callable[[str], Origin | None],
        poison: PoisonFolder,
    ) -> None:
        self._pipeline = pipeline
        self._spool = spool
        self._origin_of = origin_of
        self._poison = poison
        self._halves: Halves[Half] = Halves(wait_ns=WAIT_NS)
        self._held: dict[Place, dict[int, Hashable]] = {}
        self._times: dict[Place, int] = {}
        self._unflushed_bytes = self._unflushed = 0
        self._unspooled: list[Record] = []
        """What the spool has not taken: it outlives a flush that is told to stop, so that the next one has it."""
        self.taken = 0

    @property
    def is_full(self) -> bool:
        return self._unflushed_bytes > UNFLUSHED_BYTES_MAX or self._unflushed > UNFLUSHED_MAX

    def take(self, message: Message) -> None:
        origin = self._origin_of(message.topic)
        if origin is None:
            return
        place = (message.topic, message.partition)
        self._times[place] = message.time_ns
        half = half_of(message, origin)
        duplicates = self._halves.duplicates
        key = key_of(half)
        self._held.setdefault(place, {})[message.offset] = key
        pairs = self._halves.add(key, origin.side, half, size=len(half.body) + _HALF_BYTES, now_ns=message.time_ns)
        if self._halves.duplicates > duplicates:
            self._release(half)
        for pair in pairs:
            self._observe(pair)

    def flush(self, stopped: Callable[[], bool], idle: Callable[[], None]) -> bool:
        self._give_up_late_halves()
        # Whatever comes while it waits is taken too: when it says yes, everything that it was ever handed is safe.
        while self._gather():
            try:
                self._spool.append(self._unspooled)
                self._unspooled = []
            except SpoolFull as error:
                _LOG.warning("spool_full", extra={"why": error.reason})
                if error.reason == "record_too_large":
                    self._unspooled = [or_account(record) for record in self._unspooled]
                    continue
                if stopped():
                    return False
                idle()
                time.sleep(RETRY_SECONDS)
        self._spool.sync()
        return True

    def _give_up_late_halves(self) -> None:
        if not self._times:
            return
        # The slowest partition says how late it is, so that none waits in vain for one that is behind.
        for pair in self._halves.expire(min(self._times.values())):
            self._observe(pair)
        if all(time.time_ns() - at > 2 * WAIT_NS for at in self._times.values()):
            for pair in self._halves.expire(time.time_ns()):
                self._observe(pair)

    def _gather(self) -> bool:
        """What the pipeline has made joins what waits for the spool; whether anything does."""
        records, counts = self._pipeline.take()
        self._unflushed_bytes = self._unflushed = 0
        for fault in counts.faults:
            _LOG.warning("exchange_undecodable", extra={"why": fault.reason, "where": fault.where})
        self._unspooled += records
        return bool(self._unspooled)

    def held(self, place: Place) -> int | None:
        return next(iter(self._held.get(place, ())), None)

    def poison(self, message: Message, why: str) -> None:
        self._poison.keep(message, why)

    def forget(self, place: Place) -> None:
        """Its new owner reads what waits here again, and pairs it: told as alone here, it would be accounted for twice."""
        for key in self._held.pop(place, {}).values():
            self._halves.drop(key)
        self._times.pop(place, None)

    def _observe(self, pair: Pair[Half]) -> None:
        for each in (pair.request, pair.response):
            if each is not None:
                self._release(each)
        exchange = exchange_of(pair)
        self._unflushed_bytes += exchange.wire_bytes + _HALF_BYTES
        self._unflushed += 1
        name = exchange_name(key_of(pair.first))
        self._pipeline.observed(exchange, reader(pair, exchange), Provenance(captured_by="kafka", name=name))
        self.taken += 1

    def _release(self, half: Half) -> None:
        held = self._held.get((half.message.topic, half.message.partition))
        if held is not None:
            held.pop(half.message.offset, None)


Deliver = Callable[[Sequence[tuple[str, bytes]]], list[str]]
"""(batch id, payload)s → for each nothing where the monitor has it, `again`, or why it never will."""

AGAIN = "again"
TOGETHER_MAX = 16
"""Batches delivered at once."""


class BatchTaker:
    """Passes batches of our own topic on to a monitor, as they are and under their ids."""

    def __init__(self, deliver: Deliver, poison: PoisonFolder) -> None:
        self._deliver = deliver
        self._poison = poison
        self._assembly = Assembly()
        self._waiting: list[tuple[Message, str, bytes]] = []
        self._waiting_bytes = 0
        self.taken = 0

    @property
    def is_full(self) -> bool:
        return self._waiting_bytes > UNFLUSHED_BYTES_MAX

    def take(self, message: Message) -> None:
        completed = self._assembly.add(message)
        if completed is not None:
            self._waiting.append((message, *completed))
            self._waiting_bytes += len(completed[1])

    def flush(self, stopped: Callable[[], bool], idle: Callable[[], None]) -> bool:
        while self._waiting:
            together = self._waiting[:TOGETHER_MAX]
            said = self._deliver([(batch, payload) for _, batch, payload in together])
            self._waiting[: len(together)] = [each for each, word in zip(together, said, strict=True) if word == AGAIN]
            for (message, _, _), word in zip(together, said, strict=True):
                if word and word != AGAIN:
                    self._poison.keep(message, word)
                self.taken += word != AGAIN
            if AGAIN in said:
                if stopped():
                    return False
                idle()
                time.sleep(RETRY_SECONDS)
        self._waiting_bytes = 0
        return True

    def held(self, place: Place) -> int | None:
        return self._assembly.first_held(place)

    def poison(self, message: Message, why: str) -> None:
        self._poison.keep(message, why)

    def forget(self, place: Place) -> None:
        self._assembly.forget(place)
