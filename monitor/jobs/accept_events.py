"""Accept events of inference loggers: exactly once in effect, by the identity that their reader gives each exchange.

The reader remembers the halves that came; an event that it has taken would be a duplicate when it is sent again. So
what it completed and the catalog could not take stays here, and is tried again with the next pass.

All of this is in memory. How much it is stands in a note that outlives the process: what a process held when it ended, killed
or not, is told as a gap by the next one.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from hashlib import blake2b

from collectors.records.types import Batch, Gap
from monitor.errors import InvalidInput, Unavailable
from monitor.jobs.accept_records import Accepted
from monitor.jobs.accept_together import Acceptance
from monitor.ports import EventReader, HeldEvents, HeldEventsNote, Observer

WAITING_MAX = 10_000
"""Batches that the catalog could not take yet, one exchange each; beyond it the newest are refused, and counted."""

FORGOTTEN = "events_forgotten"
"""Why there is a gap where a process ended that held halves of exchanges."""

SENDER = "cloudevents"
"""Whom batches of events are from."""


class EventAcceptance:
    """The one door of events. Safe for several threads."""

    def __init__(
        self,
        reader: EventReader,
        acceptance: Acceptance,
        observer: Observer,
        clock: Callable[[], int],
        held: HeldEventsNote,
    ) -> None:
        """Raises Unavailable, where it cannot be told what the process before has held."""
        if held.left is not None:
            acceptance.accept([forgotten(held.left)])
        self._held = held
        self._in_flight = 0
        """Batches that are with the catalog, and not yet in it."""
        self._reader = reader
        self._acceptance = acceptance
        self._observer = observer
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[Batch] = deque()

    def submit(self, headers: Mapping[str, str], body: bytes) -> Future[list[Accepted]] | None:
        """Take the events of a request; what they complete is kept once the future is done. None where that is nothing yet.

        Raises InvalidInput, Unavailable.
        """
        with self._lock:
            try:
                completed = self._reader.read(headers, body, self._clock())
            except InvalidInput:
                self._observer.batch_refused("not_events")
                raise
            self._in_flight += len(completed)
            self._note()
        return self._submit(completed) if completed else None

    def accept(self, headers: Mapping[str, str], body: bytes) -> int:
        """As `submit`, and wait for it; returns how many predictions came of the request."""
        future = self.submit(headers, body)
        return sum(accepted.predictions for accepted in future.result()) if future else 0

    def tend(self) -> None:
        """What is due without an event: halves that waited in vain are told, what waits is tried again. Raises Unavailable."""
        with self._lock:
            batches = [*self._waiting, *self._reader.expire(self._clock())]
            self._waiting.clear()
            self._in_flight += len(batches)
            self._note()
            self._observer.events_counted(self._reader.counts)
        if batches:
            self._submit(batches).result()

    def _submit(self, batches: Sequence[Batch]) -> Future[list[Accepted]]:
        try:
            future = self._acceptance.submit(batches)
        except Unavailable:
            self._put_back(batches)
            raise
        future.add_done_callback(lambda done: self._settle(batches, done))
        return future

    def _settle(self, batches: Sequence[Batch], done: Future[list[Accepted]]) -> None:
        if done.exception() is not None:
            self._put_back(batches)
            return
        with self._lock:
            self._in_flight -= len(batches)
            self._note()
        for accepted in done.result():
            self._observer.batch_received(duplicate=accepted.known)
            self._observer.records_received("prediction", accepted.predictions)

    def _put_back(self, batches: Sequence[Batch]) -> None:
        with self._lock:
            self._in_flight -= len(batches)
            for batch in batches:
                if len(self._waiting) < WAITING_MAX:
                    self._waiting.append(batch)
                else:
                    self._observer.batch_refused("events_waiting")
            self._note()

    def _note(self) -> None:
        self._held.note(self._reader.counts.waiting + len(self._waiting) + self._in_flight, self._clock())


def forgotten(held: HeldEvents) -> Batch:
    """The batch that tells of it: the same one however often it is told."""
    digest = blake2b(f"{FORGOTTEN} {held.count} {held.start_ns} {held.end_ns}".encode(), digest_size=8).digest()
    gap = Gap(start_ns=held.start_ns, end_ns=held.end_ns + 1, reason=FORGOTTEN, exchanges_estimated=held.count)
    return Batch(sidecar=SENDER, sequence=int.from_bytes(digest, "big") >> 1, records=(gap,))
