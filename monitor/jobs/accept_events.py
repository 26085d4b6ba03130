"""Accept events of inference loggers: exactly once in effect, by the identity that their reader gives each exchange.

The reader remembers the halves that came; an event that it has taken would be a duplicate when it is sent again. So
what it completed and the catalog could not take stays here, and is tried again with the next events or the next pass.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping

from collectors.records.types import Batch
from monitor.errors import InvalidInput
from monitor.jobs.accept_records import accept_batch
from monitor.ports import Catalog, EventReader, Observer, SegmentStore

WAITING_MAX = 10_000
"""Batches that the catalog could not take yet, one exchange each; beyond it the newest are refused, and counted."""


class EventAcceptance:
    """The one door of events. Safe for several threads."""

    def __init__(
        self, reader: EventReader, catalog: Catalog, store: SegmentStore, observer: Observer, clock: Callable[[], int]
    ) -> None:
        self._reader = reader
        self._catalog = catalog
        self._store = store
        self._observer = observer
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[Batch] = deque()

    def accept(self, headers: Mapping[str, str], body: bytes) -> int:
        """Take the events of a request; returns how many predictions came of it. Raises InvalidInput, Unavailable."""
        with self._lock:
            now_ns = self._clock()
            try:
                completed = self._reader.read(headers, body, now_ns)
            except InvalidInput:
                self._observer.batch_refused("not_events")
                raise
            self._enqueue(*completed)
            return self._store_waiting(now_ns)

    def tend(self) -> None:
        """What is due without an event: halves that waited in vain are told, what waits is tried again."""
        with self._lock:
            now_ns = self._clock()
            self._enqueue(*self._reader.expire(now_ns))
            self._store_waiting(now_ns)

    def _enqueue(self, *batches: Batch) -> None:
        for batch in batches:
            if len(self._waiting) < WAITING_MAX:
                self._waiting.append(batch)
            else:
                self._observer.batch_refused("events_waiting")

    def _store_waiting(self, now_ns: int) -> int:
        predictions = 0
        while self._waiting:
            accepted = accept_batch(self._waiting[0], self._catalog, self._store, now_ns)
            self._waiting.popleft()
            self._observer.batch_received(duplicate=accepted.known)
            self._observer.records_received("prediction", accepted.predictions)
            predictions += accepted.predictions
        return predictions
