"""Between an application and its spool: a bounded queue, and one thread that does everything that may take time.

What an application offers is taken or counted, in microseconds, and never raises. The thread opens the outlet (so that
a slow disk delays nobody), decodes, redacts, samples and appends to the spool. What had no room becomes a gap record;
what a killed process had in its queue is told by its successor, from a tally in a file that outlives the process.
"""

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from collectors.decoders.decoder import Call, Decoder
from collectors.errors import CollectorError
from collectors.intake.tally import Tally
from collectors.pipeline import Pipeline, Provenance
from collectors.protocols.exchange import Exchange
from collectors.records.types import Gap, Prediction, Record
from collectors.spool import Spool, SpoolFull

QUEUED_BYTES_MAX = 64 * 1024 * 1024
"""Offered and not yet in the spool: a second of a fast server, or one largest exchange."""

QUEUED_MAX = 100_000
"""Exchanges in the queue; each costs about a kilobyte beside its bodies."""

GATHER_SECONDS = 0.2
"""How long offers are gathered into one batch: the thread wakes five times a second, whatever the load."""

FLUSH_POLL_SECONDS = 0.01
"""How often a flush looks whether everything has been delivered."""

CLOSING_SHARE = 0.8
"""Of the time given to stop: half of it for what is still to be shipped, half for the end of the shipper."""

EXIT_SECONDS = 5.0
"""How long a process that ends without closing may be kept: for the spool much less is enough, the rest is for the monitor."""

_ITEM_BYTES = 1024
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Offer:
    """An exchange, what reads it, how it came, and about how many bytes it takes."""

    exchange: Exchange
    found: tuple[Decoder, Call] | None
    provenance: Provenance
    size: int


@dataclass(frozen=True, slots=True)
class Outlet:
    """Where records go: opened by the thread, closed by it. `close` is given the seconds that it may take."""

    pipeline: Pipeline
    spool: Spool
    tally: Tally
    ships: bool
    close: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class GatheringCounts:
    """offered = settled + overflowed + what is in the queue; `lost` could not be put into the spool."""

    offered: int = 0
    overflowed: int = 0
    settled: int = 0
    lost: int = 0
    is_failed: bool = False


class Gathering:
    """Takes offers from any thread. Begins anew in a forked process."""

    def __init__(
        self,
        open_outlet: Callable[[], Outlet],
        *,
        queued_bytes_max: int = QUEUED_BYTES_MAX,
        queued_max: int = QUEUED_MAX,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._open_outlet = open_outlet
        self._queued_bytes_max = queued_bytes_max
        self._queued_max = queued_max
        self._clock = clock
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._queue: deque[Offer] = deque()
        self._queued_bytes = 0
        self._holes: dict[str, Gap] = {}
        self._offered = self._overflowed = self._settled = self._lost = 0
        self._is_failed = False
        self._wake = threading.Event()
        self._is_stopping = False
        self._close_seconds = 0.0
        self._outlet: Outlet | None = None
        self._thread: threading.Thread | None = None

    @property
    def counts(self) -> GatheringCounts:
        return GatheringCounts(self._offered, self._overflowed, self._settled, self._lost, self._is_failed)

    def offer(self, exchange: Exchange, found: tuple[Decoder, Call] | None, provenance: Provenance, size: int) -> bool:
        """Queue one exchange; False where there is no room, or nobody to take it. Never waits, never raises."""
        if self._pid != os.getpid():
            self._begin()
        size += _ITEM_BYTES
        with self._lock:
            self._offered += 1
            full = self._queued_bytes + size > self._queued_bytes_max or len(self._queue) >= self._queued_max
            if (full and self._queue) or self._is_stopping or self._is_failed:
                self._overflowed += 1
                self._grow("queue_full", exchange.wire_bytes)
                return False
            self._queue.append(Offer(exchange, found, provenance, size))
            self._queued_bytes += size
            if self._outlet is not None:
                self._outlet.tally.offered(self._clock())
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="outrider-intake", daemon=True)
                self._thread.start()
                atexit.register(self._end_with_process)
        return True

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything offered so far is delivered, or in the spool where nothing ships it."""
        deadline = time.monotonic() + timeout_s
        while not self._is_delivered():
            if time.monotonic() > deadline or self._is_failed:
                return False
            self._wake.set()
            time.sleep(FLUSH_POLL_SECONDS)
        return True

    def stop(self, timeout_s: float) -> bool:
        """Put what is queued into the spool, ship what can be shipped, end. True where all of it is in the spool."""
        if self._pid != os.getpid():  # of a forked process, whose lock may be held for ever
            return True
        with self._lock:
            self._is_stopping = True
            self._close_seconds = timeout_s * CLOSING_SHARE
            thread = self._thread
        if thread is None:
            return True
        self._wake.set()
        thread.join(timeout_s)
        atexit.unregister(self._end_with_process)
        return not thread.is_alive() and not self._is_failed

    def _end_with_process(self) -> None:
        """A program that ends without a word loses nothing that was taken: it is in the spool, and mostly delivered."""
        self.stop(EXIT_SECONDS)

    def _is_delivered(self) -> bool:
        with self._lock:
            if self._thread is None:
                return True
            outlet, waiting = self._outlet, self._offered - self._overflowed - self._settled - self._lost
        return outlet is not None and waiting == 0 and not (outlet.ships and outlet.spool.pending_records)

    def _run(self) -> None:
        try:
            outlet = self._open_outlet()
        except (CollectorError, OSError, ValueError, RuntimeError) as error:  # no thread starts while a process ends
            self._fail(str(error))
            return
        with self._lock:
            self._outlet = outlet
            for _ in self._queue:
                outlet.tally.offered(self._clock())
        self._append(outlet, [gap for gap in [outlet.tally.left_behind(self._clock())] if gap is not None])
        while True:
            stopping = self._is_stopping
            self._drain(outlet)
            if stopping:
                break
            self._wake.wait(GATHER_SECONDS)
            self._wake.clear()
        _wait_until_shipped(outlet, self._close_seconds / 2)
        outlet.close(self._close_seconds / 2)

    def _drain(self, outlet: Outlet) -> None:
        with self._lock:
            offers, self._queue = self._queue, deque()
            self._queued_bytes = 0
            holes, self._holes = self._holes, {}
        for offer in offers:
            outlet.pipeline.observed(offer.exchange, offer.found, offer.provenance)
        records, counts = outlet.pipeline.take()
        for fault in counts.faults:
            _LOG.warning(
                "exchange_undecodable", extra={"why": fault.reason, "where": fault.where, "model": fault.model}
            )
        records.extend(holes.values())
        is_kept = self._append(outlet, records)
        with self._lock:
            if is_kept:
                self._settled += len(offers)
            else:
                self._lost += len(offers)
            outlet.tally.settled(len(offers))

    def _append(self, outlet: Outlet, records: list[Record] | list[Gap]) -> bool:
        """Put records into the spool; a spool that is full leaves a gap, which is told when there is room again."""
        if not records:
            return True
        try:
            outlet.spool.append(records)
            outlet.spool.sync()
        except SpoolFull as error:
            _LOG.error("intake_spool_full", extra={"error": str(error)})
            with self._lock:
                for record in records:
                    if isinstance(record, Prediction):
                        self._grow("spool_full", 0)
                    elif isinstance(record, Gap):
                        self._holes.setdefault(record.reason, record)
            return False
        return True

    def _grow(self, reason: str, wire_bytes: int) -> None:
        """One more exchange in the hole of this reason; with the lock held."""
        now_ns = self._clock()
        before = self._holes.get(reason) or Gap(start_ns=now_ns, end_ns=now_ns, reason=reason)
        self._holes[reason] = Gap(
            start_ns=before.start_ns,
            end_ns=now_ns,
            reason=reason,
            bytes=before.bytes + wire_bytes,
            exchanges_estimated=before.exchanges_estimated + 1,
        )

    def _fail(self, cause: str) -> None:
        _LOG.error("intake_not_started", extra={"error": cause})
        with self._lock:
            self._is_failed = True
            self._lost += len(self._queue)
            self._queue.clear()


def _wait_until_shipped(outlet: Outlet, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while outlet.ships and outlet.spool.pending_records and time.monotonic() < deadline:
        time.sleep(FLUSH_POLL_SECONDS)
