"""The capture worker's loop: ring → pipeline → spool, and the account of it.

The worker advances the ring's tail after the pipeline has taken the bytes, and appends finished records to the spool
afterwards; so its death loses the exchanges in between, and nothing is ever captured twice. How many those are is kept
in shared memory, and the successor tells it as a gap.
"""

import logging
import os
import select
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from collectors.pipeline import WAITING_MAX, Pipeline
from collectors.protocols import Direction
from collectors.records.types import Record, TelemetrySample
from collectors.spool import Spool, SpoolFull
from collectors.spool.undecodable import UndecodableFolder, Unread
from collectors.tap import segment as at
from collectors.tap.passing import Passing
from collectors.tap.ring import INTERRUPTION, LOST, UNSEEN, Interruption, Kind, RingDamaged, RingReader, RingRecord
from collectors.tap.scheduling import RECORDS_PER_YIELD
from collectors.tap.segment import UNCOPIED, Segment
from collectors.tap.status import WorkerStatus, add_counts, decode_status, encode_status
from collectors.tap.supervisor import seconds_to_end
from collectors.tap.tally import Tally

TURN_BYTES = 1024 * 1024
"""Read from the ring in one go; its room is given back after each."""
SLEEP_SECONDS_MIN, SLEEP_SECONDS_MAX = 0.004, 0.05
"""Between looks at the ring: short while there is traffic, then longer. Sleeping gathers work into larger turns and
leaves the processor to the forwarder; a ring that fills quickly ends the sleep."""
STARTS_AT_TAIL_MAX = 3
"""When so many workers in a row have died before they got any further in the ring, the next steps over its bytes."""
HURRY_SHARE = 16
"""When more than one part in this many of the ring waits, the worker no longer yields to the forwarder."""
FLUSH_SECONDS = 0.2
"""Finished records wait at most this long for others of their batch."""
FLUSH_BYTES = 8 * 1024 * 1024
"""And no batch gathers many more bytes than this."""
SYNC_SECONDS = 1.0
"""What was appended is put on the disk this often: what a machine that loses power may forget."""
FAULTS_SECONDS = 10.0
"""One exchange that could not be decoded is logged this often; all of them are counted."""
FINISH_SECONDS = 3.0
"""To end in when the supervisor died; otherwise it says how long."""
FINISH_SHARE = 0.5
"""Of that time: what waits in the ring is read; the rest is for the last batch."""

_TO_CLIENT = int(Kind.TO_CLIENT)
_DIRECTIONS = (Direction.TO_SERVER, Direction.TO_CLIENT)

_LOG = logging.getLogger(__name__)


class Telemetry(Protocol):
    """Samples of devices and servers, which come beside the traffic."""

    def take(self) -> list[TelemetrySample]:
        """Those since the last call."""

    def give_back(self, samples: Sequence[TelemetrySample]) -> None:
        """Those that had no room in the spool."""


class CaptureWorker:
    """Reads one segment's ring until told to stop."""

    def __init__(
        self,
        segment: Segment,
        wake: int,
        pipeline: Pipeline,
        spool: Spool,
        *,
        observe_sink: Callable[[WorkerStatus], None],
        listen: tuple[int, Callable[[], bool]] | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        """`listen` is a descriptor, and what is to be called when it is readable, as long as that answers True.

        `telemetry` is what happened beside the traffic, to be stored with it.
        """
        self._segment = segment
        self._words = segment.words
        self._wake = wake
        self._ring = RingReader(segment)
        self._pipeline = pipeline
        self._spool = spool
        self._observe_sink = observe_sink
        self._listen = listen
        self._telemetry = telemetry
        # Of what was cut off in the middle the end is missing, whatever is there of its beginning.
        self._was_spooling = segment.settle_status(0 if spool.faults.torn_bytes else spool.last_appended)
        """Whether a predecessor was killed after its last batch was in the spool and before it could say so."""
        self._tally = Tally(decode_status(segment.read_status()))
        self._passing = Passing(segment.words, self._tally.status.tap_told, time.time_ns())
        self._undecodable = UndecodableFolder(spool.directory)
        self._hurry_bytes = len(segment.ring) // HURRY_SHARE
        self._open: dict[int, int] = {}
        self._finished: list[Record] = []
        self._finished_bytes = 0
        self._read_bytes = 0
        self._faults_due = 0.0
        # What a predecessor was writing when it died is told with what it had in flight.
        self._damage_told = spool.faults.torn_records
        self._faults_seen: dict[str, int] = {}
        self._flushed = self._synced = time.monotonic()

    def run(self, stop: int) -> None:
        """Work until the stop descriptor is readable or at its end, then finish what waits."""
        poll = select.poll()
        poll.register(stop, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        if self._listen is not None:
            poll.register(self._listen[0], select.POLLIN)
        self._tell_of_predecessor()
        pause, deadline = SLEEP_SECONDS_MIN, None
        while deadline is None or (self._ring.waiting and time.monotonic() < deadline):
            read = self._turn()
            self._flush_when_due(time.monotonic())
            if self._ring.waiting > TURN_BYTES // 4:
                events = poll.poll(0)
            else:
                pause = SLEEP_SECONDS_MIN if read else min(2 * pause, SLEEP_SECONDS_MAX)
                self._words[at.WORKER_SLEEPS] = 1
                events = poll.poll(pause * 1000)
                self._words[at.WORKER_SLEEPS] = 0
            for descriptor, _ in events:
                if descriptor == self._wake:
                    with suppress(BlockingIOError):
                        os.eventfd_read(self._wake)
                elif self._listen is not None and descriptor == self._listen[0]:
                    if not self._listen[1]():
                        poll.unregister(descriptor)
                elif deadline is None:
                    poll.unregister(stop)
                    deadline = time.monotonic() + FINISH_SHARE * seconds_to_end(stop, FINISH_SECONDS)
        self._finish()

    def _turn(self) -> int:
        """Hand what waits to the pipeline; returns how many bytes of the ring that was."""
        before = self._ring.position
        try:
            opened, received = self._open, self._pipeline.received
            until_yield = RECORDS_PER_YIELD
            for record in self._ring.read(TURN_BYTES):
                kind, connection, time_ns, payload = record
                if kind <= _TO_CLIENT:  # nearly all are
                    opened[connection] = kind
                    received(connection, _DIRECTIONS[kind], payload, time_ns)
                    until_yield -= 1
                    if not until_yield:
                        until_yield = RECORDS_PER_YIELD
                        self._yield()
                        if self._pipeline.waiting > WAITING_MAX // 2:
                            self._pipeline.settle(self._yield)
                else:
                    self._take_in(record)
        except RingDamaged:
            now, connections = time.time_ns(), len(self._open)
            self._forget_all(now)
            self._pipeline.interrupted(now, now, connections, self._ring.skip_all(), connections, "ring_damaged")
        self._take()
        read = self._ring.position - before
        self._read_bytes += read
        self._tell_in_flight()
        self._ring.advance()
        if read:
            self._words[at.STARTS_AT_TAIL] = 0
        return read

    def _yield(self) -> None:
        """Let the forwarder go first, unless the ring fills."""
        if self._ring.waiting < self._hurry_bytes:
            os.sched_yield()

    def _take(self) -> None:
        self._pipeline.settle(self._yield)
        records, counts = self._pipeline.take()
        for each in counts.faults:
            if each.exchange is not None:
                self._undecodable.keep(Unread.of(each.exchange, each.reason, each.where))
        if counts.faults and time.monotonic() >= self._faults_due:
            self._faults_due = time.monotonic() + FAULTS_SECONDS
            fault = counts.faults[0]  # its detail may hold what was sent, and stays out of the log
            _LOG.warning("undecodable", extra={"reason": fault.reason, "where": fault.where, "model": fault.model})
        self._finished += self._tally.observed(records, counts)
        self._finished_bytes += counts.bytes

    def _take_in(self, record: RingRecord) -> None:
        kind, connection, time_ns, payload = record
        if kind == Kind.OPENED:
            self._open[connection] = Kind.TO_CLIENT
            self._pipeline.opened(connection, time_ns)
        elif kind == Kind.CLOSED:
            self._open.pop(connection, None)
            self._pipeline.closed(connection, time_ns)
        elif kind == Kind.LOST:
            since_ns, to_server, to_client = LOST.unpack(payload)
            self._pipeline.lost(connection, to_server, to_client, time_ns, since_ns=since_ns)
        elif kind == Kind.UNSEEN:
            (since_ns,) = UNSEEN.unpack(payload)
            self._pipeline.interrupted(since_ns, time_ns, 0, 0, 0, "packets_dropped")
        else:
            self._interrupted(Interruption(*INTERRUPTION.unpack(payload)))

    def _interrupted(self, told: Interruption) -> None:
        self._forget_all(told.end_ns)
        if told.connections or told.bytes:
            self._pipeline.interrupted(
                told.start_ns,
                told.end_ns,
                told.connections,
                told.bytes,
                told.exchanges_estimated,
                UNCOPIED[told.reason].value,
            )

    def _forget_all(self, time_ns: int) -> None:
        for connection in self._open:
            self._pipeline.closed(connection, time_ns)
        self._open.clear()

    # What is in flight, told to whoever comes after us.

    def _tell_in_flight(self) -> None:
        words = self._words
        asking = sum(1 for last in self._open.values() if last == Kind.TO_SERVER)
        words[at.IN_FLIGHT_CONNECTIONS] = len(self._open)
        words[at.IN_FLIGHT_BYTES] = self._read_bytes
        words[at.IN_FLIGHT_EXCHANGES] = asking + self._tally.unspooled
        words[at.IN_FLIGHT_UNSPOOLED] = self._tally.unspooled
        words[at.WORKER_ALIVE_NS] = time.time_ns()

    def _tell_of_predecessor(self) -> None:
        words = self._words
        in_flight = words[at.IN_FLIGHT_EXCHANGES]
        if self._was_spooling:
            in_flight -= min(in_flight, words[at.IN_FLIGHT_UNSPOOLED])
        if in_flight:
            self._pipeline.interrupted(
                words[at.IN_FLIGHT_SINCE_NS],
                time.time_ns(),
                words[at.IN_FLIGHT_CONNECTIONS],
                words[at.IN_FLIGHT_BYTES],
                in_flight,
                "worker_died",
            )
            self._take()
            self._flush()
        words[at.IN_FLIGHT_SINCE_NS] = time.time_ns()
        words[at.STARTS_AT_TAIL] += 1
        if words[at.STARTS_AT_TAIL] > STARTS_AT_TAIL_MAX:
            self._step_over(TURN_BYTES, "worker_fails")

    def _step_over(self, bytes_max: int, reason: str) -> None:
        """Give up what waits, up to about so much, counting the turns in it: about one exchange each."""
        last: dict[int, int] = {}
        first_ns = last_ns = count = turns = 0
        try:
            for kind, connection, time_ns, payload in self._ring.read(bytes_max):
                if kind > Kind.TO_CLIENT:
                    continue
                turns += kind < last.get(connection, Kind.TO_CLIENT)
                last[connection] = kind
                count += len(payload)
                first_ns, last_ns = first_ns or time_ns, time_ns
        except RingDamaged:
            count += self._ring.skip_all()
        if count:
            self._pipeline.interrupted(first_ns, last_ns, len(last), count, turns, reason)
            self._take()
            self._flush()  # before the ring forgets it: whoever dies in between leaves it to be told again
        self._ring.advance()

    # Into the spool.

    def _flush_when_due(self, now: float) -> None:
        if now - self._flushed < FLUSH_SECONDS and self._finished_bytes < FLUSH_BYTES:
            return
        self._flush()
        self._flushed = now
        if now - self._synced >= SYNC_SECONDS:
            self._spool.sync()
            self._synced = now

    def _flush(self, *, at_once: bool = False) -> None:
        """Append what is finished together with its account: the spool takes both or neither."""
        self._tell_of_damage()
        finished, self._finished, self._finished_bytes = self._finished, [], 0
        ledger = self._tally.ledger()
        passed = self._passing.since_told(time.time_ns(), at_once=at_once)
        beside = self._telemetry.take() if self._telemetry is not None else []
        if finished or ledger or passed or beside:
            self._prepare(self._passing.telling if passed else self._passing.told)
            try:
                # What passed comes last: where that is in the spool, all is.
                self._spool.append([*finished, *ledger, *beside, *([passed] if passed else [])], pause=os.sched_yield)
            except SpoolFull:
                self._finished = self._tally.refused(finished)
                if self._telemetry is not None:
                    self._telemetry.give_back(beside)
            else:
                self._tally.spooled()
                if passed:
                    self._passing.is_told()
            self._segment.settle_status(self._spool.last_appended)
            self._tally.status.tap_told = self._passing.told
        self._observe()
        self._read_bytes = 0
        self._words[at.IN_FLIGHT_SINCE_NS] = time.time_ns()
        self._tell_in_flight()

    def _prepare(self, told: list[int]) -> None:
        """Say what will be so once the next batch is in the spool: whoever dies right after it has said so."""
        status = self._tally.status
        status.tap_told = told
        self._segment.prepare_status(encode_status(status), self._spool.last_appended + 1)

    def _tell_of_damage(self) -> None:
        """What the spool has lost since it was last told: records of batches that nobody will ever have."""
        faults = self._spool.faults
        lost = faults.records_lost + faults.torn_records
        if lost <= self._damage_told:
            return
        now_ns = time.time_ns()
        # As of the last look, before what is damaged was passed over: it was no older than the oldest then.
        oldest_ns = self._tally.status.queue_oldest_ns or self._spool.pending_oldest_ns or now_ns
        self._pipeline.interrupted(min(oldest_ns, now_ns), now_ns, 0, 0, lost - self._damage_told, "spool_damaged")
        self._damage_told = lost
        self._take()

    def _observe(self) -> None:
        status = self._tally.status
        status.queue_records = self._spool.pending_records
        status.queue_bytes = self._spool.bytes_on_disk
        status.queue_oldest_ns = self._spool.pending_oldest_ns or 0
        faults = self._spool.faults.counted
        add_counts(status.spool_faults, {fault: n - self._faults_seen.get(fault, 0) for fault, n in faults.items()})
        self._faults_seen = faults
        self._observe_sink(status)
        self._segment.write_status(encode_status(status))

    def _finish(self) -> None:
        """The last flush; what there was no time to read is told as a gap."""
        self._turn()
        self._forget_all(time.time_ns())
        self._step_over(self._ring.waiting, "stopped")
        self._take()
        self._flush(at_once=True)
        self._words[at.IN_FLIGHT_EXCHANGES] = 0
