"""Batches of many senders, accepted together: each waits until a commit holds it, and a commit holds all that wait.

The thread takes what has come since the last commit. Where several came together it lets more come for a moment, so
that a busy monitor writes few segments; a sender that is alone is not kept waiting. Most senders say the next thing when
they have their answer, so once as many wait as the last commit held, all of them are back, and nobody else is waited for.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from collectors.records.types import Batch
from monitor.errors import Unavailable
from monitor.jobs.accept_records import Accepted, accept_batches
from monitor.ports import Catalog, SegmentStore

WAITING_MAX = 20_000
"""Batches that wait for a commit; beyond it senders are told to come again. Small ones: large ones are bounded by bytes."""

WAITING_RECORDS_MAX = 200_000
"""Records that wait: about as many as a commit of the largest size holds."""

GROUP_RECORDS_MAX = 50_000
"""Records of one commit, unless one batch has more: a second of work, so that the first of them do not wait for long."""

GATHER_SECONDS = 0.05
"""How long more may come where several came together and not all of them are back."""

log = logging.getLogger("outrider.intake")


@dataclass(slots=True)
class _Waiting:
    batches: Sequence[Batch]
    records: int
    future: Future[list[Accepted]] = field(default_factory=Future)


class Acceptance:
    """The one door of batches. Safe for several threads; its own thread starts with the first batch."""

    def __init__(self, catalog: Catalog, store: SegmentStore, clock: Callable[[], int]) -> None:
        self._catalog = catalog
        self._store = store
        self._clock = clock
        self._changed = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._batches = self._records = 0
        self._together = 1
        """How many requests the last commit held."""
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def submit(self, batches: Sequence[Batch]) -> Future[list[Accepted]]:
        """Accept these in one commit, with others; the future is done once they are kept. Raises Unavailable where too many wait."""
        waiting = _Waiting(batches, sum(len(batch.records) for batch in batches))
        with self._changed:
            if self._is_closed:
                raise Unavailable("intake", "the monitor is ending")
            is_full = self._batches + len(batches) > WAITING_MAX or self._records > WAITING_RECORDS_MAX
            if is_full and self._queue:
                raise Unavailable("intake", f"{self._batches} batches wait to be stored")
            self._queue.append(waiting)
            self._batches += len(batches)
            self._records += waiting.records
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="acceptance", daemon=True)
                self._thread.start()
            self._changed.notify()
        return waiting.future

    def accept(self, batches: Sequence[Batch]) -> list[Accepted]:
        """As `submit`, and wait for it."""
        return self.submit(batches).result()

    def close(self) -> None:
        """Store what waits, and end."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._is_closed)
                if self._together > 1:
                    self._changed.wait_for(self._has_enough, GATHER_SECONDS)
                group = self._take()
            if not group:
                return
            self._together = len(group)
            self._commit(group)

    def _has_enough(self) -> bool:
        """Whether a commit need not wait for more."""
        return self._is_closed or len(self._queue) >= self._together or self._records >= GROUP_RECORDS_MAX

    def _take(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        room = GROUP_RECORDS_MAX
        while self._queue and (not group or self._queue[0].records <= room):
            group.append(self._queue.popleft())
            room -= group[-1].records
            self._records -= group[-1].records
            self._batches -= len(group[-1].batches)
        return group

    def _commit(self, group: Sequence[_Waiting]) -> None:
        try:
            accepted = accept_batches(
                [batch for waiting in group for batch in waiting.batches], self._catalog, self._store, self._clock()
            )
        except Exception as error:  # noqa: BLE001 (each sender is told, whatever it was)
            if len(group) == 1:
                group[0].future.set_exception(error)
                return
            log.warning("batches are accepted one by one", extra={"cause": str(error), "requests": len(group)})
            for waiting in group:
                self._commit([waiting])  # one that cannot be stored must not cost the others
            return
        at = 0
        for waiting in group:
            waiting.future.set_result(accepted[at : at + len(waiting.batches)])
            at += len(waiting.batches)
