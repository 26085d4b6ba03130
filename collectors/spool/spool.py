"""The durable queue of one sidecar: batches go in numbered, come out in order, and stay until acknowledged.

An append is in the page cache when it returns, so it survives the death of the process; it is on the disk after the
next `sync`, so it then survives the death of the machine. A sequence number is never given twice, whatever is lost:
numbers are reserved in blocks in the `mark` before they are used, and after a crash the spool goes on behind the
block. Numbers may therefore skip; they only rise.

One thread appends and syncs; others read and acknowledge, one for each queue (see queues.py; without queues, one). The lock is held for numbers and small writes, never
while a payload is read, so that shipping does not keep capture waiting.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from collectors.records.types import Record
from collectors.spool.disk import DIRECTORY_MODE, acquire_lock, opened_for_reading
from collectors.spool.errors import SpoolUnusable
from collectors.spool.framing import FRAME_HEADER_BYTES, JOURNAL_HEADER_BYTES
from collectors.spool.journal import Backlog, Journal
from collectors.spool.mark import RESERVED_AHEAD, MarkFile, read_mark
from collectors.spool.packing import Packed, pack
from collectors.spool.queues import QUEUE_NAME, QUEUES_MAX, Queue, QueueCounts, forget_others, open_place
from collectors.spool.recovery import Faults, mark_behind, recover, remove_unfinished, set_aside
from collectors.spool.room import FREE_SPACE_FLOOR_BYTES, QUOTA_BYTES, Room, refused_by
from collectors.spool.side_files import REFUSED, keep_aside, refused_name, refused_parts
from collectors.spool.tail import Tail
from collectors.spool.walk import Damage, payload_of, walk

JOURNAL_BYTES = 8 * 1024**2
"""A journal is closed at this size: space comes back in steps of it, and no file holds too much of what may break."""

JOURNALS_PER_QUOTA = 8
"""With a small quota journals are smaller, so that space still comes back in eighths of it."""

_EVERYONE = ""
"""The name under which journals note what no queue waits for any more."""

_LOG = logging.getLogger(__name__)


class Spool:
    """An open spool; made by `Spool.open`, to be closed. Safe for one appending thread and one for each queue."""

    def __init__(
        self,
        directory: Path,
        *,
        lock: int,
        mark: MarkFile,
        journals: list[Journal],
        skipped_bytes: int,
        faults: Faults,
        next_sequence: int,
        last: int,
        room: Room,
        journal_bytes: int,
        clock: Callable[[], int],
    ) -> None:
        self.directory = directory
        self._lock_file = lock
        self._mark = mark
        self._journals = Backlog(journals)
        self._skipped_bytes = skipped_bytes
        self._faults = faults
        self._next = next_sequence
        self._acknowledged = mark.value.acknowledged
        self._room = room
        self._clock = clock
        self._lock = threading.Lock()
        self._mark_lock = threading.Lock()
        self._tail = Tail(
            directory,
            sidecar=mark.value.sidecar,
            journals=self._journals,
            journal_bytes=min(journal_bytes, room.quota_bytes // JOURNALS_PER_QUOTA),
            faults=faults,
        )
        self._cursors: dict[str, tuple[int, Path, int]] = {}
        self._queues: dict[str, Queue] = {}
        self._last = last

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        quota_bytes: int = QUOTA_BYTES,
        free_space_floor_bytes: int = FREE_SPACE_FLOOR_BYTES,
        journal_bytes: int = JOURNAL_BYTES,
        clock: Callable[[], int] = time.time_ns,
    ) -> Self:
        """Open or make the spool in `directory` and heal what a crash left. Raises SpoolBusy, SpoolUnusable."""
        try:
            directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            lock = acquire_lock(directory)
        except OSError as error:
            raise SpoolUnusable(directory, f"cannot be a spool ({error.strerror})") from error
        try:
            room = Room(directory, quota_bytes, free_space_floor_bytes)
            return cls._open_locked(directory, lock=lock, room=room, journal_bytes=journal_bytes, clock=clock)
        except OSError as error:
            os.close(lock)
            raise SpoolUnusable(directory, f"cannot be a spool ({error.strerror})") from error
        except SpoolUnusable:
            os.close(lock)
            raise

    @classmethod
    def _open_locked(
        cls, directory: Path, *, lock: int, room: Room, journal_bytes: int, clock: Callable[[], int]
    ) -> Self:
        mark = read_mark(directory)
        remove_unfinished(directory)
        faults = Faults()
        journals, skipped_bytes, behind = recover(directory, sidecar=mark.sidecar if mark else None, faults=faults)
        next_sequence = max(behind, mark.reserved if mark else 1)
        mark_file = MarkFile.open(directory, mark) if mark else mark_behind(directory, journals, next_sequence)
        spool = cls(
            directory,
            lock=lock,
            mark=mark_file,
            journals=journals,
            skipped_bytes=skipped_bytes,
            faults=faults,
            next_sequence=next_sequence,
            last=max([mark_file.value.acknowledged, *(journal.last for journal in journals)]),
            room=room,
            journal_bytes=journal_bytes,
            clock=clock,
        )
        spool.acknowledge(mark_file.value.acknowledged)
        if faults != Faults():
            _LOG.warning("spool_healed", extra={"directory": str(directory), "faults": str(faults)})
        return spool

    def attach(self, names: Sequence[str]) -> tuple[Queue, ...]:
        """The queues of these sinks, each where it was; those of other sinks are forgotten. Once, before anything is read.

        Raises ValueError for names that are none or too many, SpoolUnusable.
        """
        if len(set(names)) != len(names) or len(names) > QUEUES_MAX:
            raise ValueError(f"sinks: found {len(names)}, expected at most {QUEUES_MAX}, each with a name of its own")
        if wrong := [name for name in names if not QUEUE_NAME.fullmatch(name)]:
            raise ValueError(f"sinks: found the name {wrong[0]!r}, expected {QUEUE_NAME.pattern}")
        try:
            forget_others(self.directory, frozenset(names))
            for name in names:
                place, reached = open_place(
                    self.directory, name, sidecar=self.sidecar, beginning=min(self._acknowledged, self._next - 1)
                )
                queue = Queue(self, name, place, min(reached, self._next - 1))
                self._queues[name] = queue
                self._note(queue, queue.reached)
        except OSError as error:
            raise SpoolUnusable(self.directory, f"cannot hold the places of its sinks ({error.strerror})") from error
        self._acknowledge_for_all()
        return tuple(self._queues.values())

    @property
    def sidecar(self) -> str:
        """The random id under which new batches are numbered."""
        return self._mark.value.sidecar

    @property
    def last_sequence(self) -> int:
        """The highest number given so far; 0 before the first."""
        return self._next - 1

    @property
    def last_appended(self) -> int:
        """The number of the last batch that was ever appended; 0 before the first. Numbers may have been given beyond it."""
        return self._last

    @property
    def acknowledged(self) -> int:
        """Every batch up to this number is done with."""
        return self._acknowledged

    @property
    def pending_records(self) -> int:
        with self._lock:
            return self._journals.pending_records(_EVERYONE)

    @property
    def pending_bytes(self) -> int:
        """Bytes of the frames that are not acknowledged."""
        with self._lock:
            return self._journals.pending_bytes(_EVERYONE)

    @property
    def pending_oldest_ns(self) -> int | None:
        """When the oldest batch that waits was appended, by our clock; None where nothing waits."""
        with self._lock:
            return self._journals.oldest_pending_ns(_EVERYONE)

    @property
    def bytes_on_disk(self) -> int:
        """Size of all journals, acknowledged frames of journals not yet deleted included: what the quota limits."""
        with self._lock:
            return self._bytes_on_disk()

    @property
    def faults(self) -> Faults:
        """What went wrong since the spool was opened, as it stands now."""
        with self._lock:
            return replace(self._faults)

    def append(self, records: Sequence[Record], *, pause: Callable[[], None] | None = None) -> int:
        """Write the records as the next batch, or as several where one would be too large; returns the last number.

        All of them are taken or, with SpoolFull, none. `pause` is called every now and then on the way.
        """
        if not records:
            raise ValueError("a batch has at least one record")
        with self._lock:
            if self._lock_file < 0:
                raise ValueError("the spool is closed")
            self._admit(0)
            packed = pack(records, sidecar=self.sidecar, sequence=self._next, previous=self._last, pause=pause)
            now_ns = self._clock()
            last = packed[-1].sequence
            self._admit(JOURNAL_HEADER_BYTES + sum(FRAME_HEADER_BYTES + len(part.payload) for part in packed))
            self._reserve(last)
            self._write(packed, now_ns)
            return last

    def sync(self) -> None:
        """Put what was appended and acknowledged on the disk. A disk that refuses is counted, not raised."""
        with self._lock:
            if self._lock_file < 0:
                return
            unsynced = self._take_unsynced()
        if unsynced is not None:
            self._sync_to_disk(unsynced)
        self._put_places()
        if self._acknowledged != self._mark.value.acknowledged:
            self._put_mark(reserved=self._mark.value.reserved)

    def read(self, after: int, limit_bytes: int, queue: Queue | None = None) -> list[tuple[int, bytes]]:
        """Batches numbered above `after`, in order: at least one if there is one, then as many as fit `limit_bytes`.

        Damaged batches are put into quarantine and left out.
        """
        with self._lock:
            up_to = self._next - 1
            journals = [replace(journal) for journal in self._journals if journal.last > after]
        batches: list[tuple[int, bytes]] = []
        room = limit_bytes
        for journal in journals:
            try:
                behind = batches[-1][0] if batches else after
                room = self._read_journal(journal, behind, room, batches, queue.name if queue else _EVERYONE)
            except FileNotFoundError:
                self._miss_unless_acknowledged(journal)
            if room <= 0:
                return batches
        if not batches and after <= (queue.reached if queue else self._acknowledged):
            # All that is left is damage, which is in quarantine: nobody will ever acknowledge it.
            self.acknowledge(up_to, queue)
        return batches

    def _read_journal(
        self, journal: Journal, after: int, room: int, batches: list[tuple[int, bytes]], reader: str
    ) -> int:
        """Add this journal's batches; returns the room that is left, 0 when the next batch no longer fits."""
        seed = journal.header.seed
        cursor = self._cursors.get(reader)
        behind = after
        start = cursor[2] if cursor is not None and cursor[:2] == (after, journal.path) else JOURNAL_HEADER_BYTES
        with opened_for_reading(journal.path) as read_at:
            for part in walk(read_at, start, journal.size, seed, verify=False):
                if isinstance(part, Damage):
                    self._quarantine(journal, part, behind)
                    continue
                behind = part.header.sequence
                if part.header.sequence <= after:
                    continue
                if batches and part.header.payload_bytes > room:
                    return 0
                payload = payload_of(read_at, part, seed)
                if isinstance(payload, Damage):
                    self._quarantine(journal, payload, behind - 1)
                    continue
                batches.append((part.header.sequence, payload))
                room -= len(payload)
                self._cursors[reader] = (part.header.sequence, journal.path, part.end)
        return room

    def batch_id(self, sequence: int) -> str:
        """The id of the batch with this number: older journals may be of an earlier identity."""
        with self._lock:
            sidecar = next((j.header.sidecar for j in self._journals if sequence <= j.last), self.sidecar)
        return f"{sidecar}/{sequence}"

    def acknowledge(self, sequence: int, queue: Queue | None = None) -> int:
        """Every batch up to `sequence` is done with: for the sink of this queue, or for all of them.

        Journals that no queue waits for are deleted. Returns how many records were released.
        """
        with self._lock:
            if self._lock_file < 0:
                return 0  # the directory is no longer ours; the batches are sent again and known then
            sequence = min(sequence, self._next - 1)
            if queue is None:
                for each in self._queues.values():
                    self._note(each, sequence)
                return self._acknowledge_for_all(sequence)
            released = self._note(queue, sequence)
            self._acknowledge_for_all()
            return released

    def counts_of(self, queue: Queue) -> QueueCounts:
        """What waits for the sink of this queue."""
        with self._lock:
            return QueueCounts(
                self._journals.pending_records(queue.name),
                self._journals.pending_bytes(queue.name),
                queue.given_up_records,
            )

    def keep_refused(self, sequence: int, payload: bytes, *, sink: str, status: str, detail: str) -> bool:
        """Put a batch that a sink will never take beside the journals, with the reason; False where there is no room."""
        batch = self.batch_id(sequence)
        parts = refused_parts(batch, payload, sink=sink, status=status, detail=detail, time_ns=self._clock())
        try:
            return keep_aside(self.directory / REFUSED, refused_name(batch, sink), parts) != "no_room"
        except OSError:
            return False

    def close(self) -> None:
        """Sync, give up the lock. What is not acknowledged stays for the next open."""
        with self._lock:
            if self._lock_file < 0:
                return
            self._tail.end()
            for journal in [journal for journal in self._journals if journal.last <= self._acknowledged]:
                self._delete(journal)
            self._put_places()
            self._put_mark(reserved=self._next)
            self._mark.close()
            for queue in self._queues.values():
                queue.place.close()
            os.close(self._lock_file)
            self._lock_file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Everything below is called with the lock held.

    def _admit(self, more_bytes: int) -> None:
        if self._room.refusal(self._bytes_on_disk(), more_bytes) is not None:
            self._drop_acknowledged_journal()
        while (refusal := self._room.refusal(self._bytes_on_disk(), more_bytes)) is not None:
            if not self._give_up_oldest_journal():
                raise refusal

    def _drop_acknowledged_journal(self) -> None:
        """The journal being written is not deleted by an acknowledgement; when space is short it is."""
        journal = self._journals[-1] if self._journals else None
        if journal is not None and self._tail.is_in(journal) and journal.last <= self._acknowledged:
            self._tail.end()
            self._delete(journal)

    def _give_up_oldest_journal(self) -> bool:
        """Where one sink has had all of the oldest journal, those that lag do not get it; False where none has."""
        journal = self._journals[0] if self._journals else None
        if journal is None or journal.last > max((queue.reached for queue in self._queues.values()), default=0):
            return False
        if self._tail.is_in(journal):
            self._tail.end()
        for queue in self._queues.values():
            if queue.reached < journal.last:
                lost = journal.pending_records(queue.name)
                queue.given_up_records += lost
                self._note(queue, journal.last)
                _LOG.warning("sink_lags", extra={"sink": queue.name, "journal": journal.path.name, "records": lost})
        self._acknowledge_for_all()
        return journal not in self._journals

    def _note(self, queue: Queue, sequence: int) -> int:
        """This queue is done with every batch up to `sequence`; returns how many records that were."""
        queue.reached = max(queue.reached, sequence)
        return self._journals.advance(queue.name, queue.reached)

    def _acknowledge_for_all(self, sequence: int = 0) -> int:
        """What every queue is done with, or all up to `sequence`, goes; returns how many records that were."""
        slowest = min((queue.reached for queue in self._queues.values()), default=0)
        self._acknowledged = max(self._acknowledged, sequence, slowest)
        released = self._journals.advance(_EVERYONE, self._acknowledged)
        for journal in [journal for journal in self._journals if journal.last <= self._acknowledged]:
            if not self._tail.is_in(journal):
                self._delete(journal)
        return released

    def _bytes_on_disk(self) -> int:
        return self._skipped_bytes + self._journals.size

    def _reserve(self, last: int) -> None:
        if last < self._mark.value.reserved:
            return
        try:
            with self._mark_lock:
                self._mark.write(reserved=last + RESERVED_AHEAD, acknowledged=self._acknowledged)
        except OSError as error:
            raise refused_by(error) from error

    def _write(self, packed: list[Packed], now_ns: int) -> None:
        try:
            self._tail.prepare(packed[0].sequence)
            self._next = packed[-1].sequence + 1
            self._tail.append(packed, now_ns)
            self._last = packed[-1].sequence
        except OSError as error:
            raise refused_by(error) from error

    def _delete(self, journal: Journal) -> None:
        try:
            journal.path.unlink(missing_ok=True)
        except OSError:
            self._faults.deletes_failed += 1
            return  # tried again at the next acknowledgement
        self._journals.remove(journal)

    def _quarantine(self, journal: Journal, damage: Damage, behind: int) -> None:
        """Put aside what was met behind the batch of this number; what a sink has had of it is not lost."""
        faults = Faults()
        try:
            set_aside(journal.path, [damage], faults)
        except OSError:
            faults.not_kept += 1
        with self._lock:
            if any(queue.reached > behind for queue in self._queues.values()):
                faults.records_lost = 0
            for name, count in vars(faults).items():
                setattr(self._faults, name, getattr(self._faults, name) + count)
        _LOG.warning(
            "spool_damage",
            extra={"journal": journal.path.name, "offset": damage.offset, "bytes": damage.size, "why": damage.reason},
        )

    def _take_unsynced(self) -> int | None:
        removed = self._tail.removed
        if removed is not None:
            self._miss(removed)
            return None
        return self._tail.take_unsynced()

    def _miss(self, journal: Journal) -> None:
        """Somebody else removed this journal: what waited in it is lost, and the next batch begins another."""
        if self._tail.is_in(journal):
            self._tail.let_go()
        self._faults.journals_missing += 1
        self._faults.records_lost += journal.pending_records(_EVERYONE)
        self._journals.remove(journal)

    # These are called without the lock.

    def _sync_to_disk(self, descriptor: int) -> None:
        try:
            os.fdatasync(descriptor)
        except OSError:
            # The kernel may have dropped the pages it could not write: a second try would prove nothing.
            with self._lock:
                self._faults.syncs_failed += 1
                self._tail.distrust()
        finally:
            os.close(descriptor)

    def _miss_unless_acknowledged(self, snapshot: Journal) -> None:
        with self._lock:
            for journal in self._journals:
                if journal.path == snapshot.path and journal.last > self._acknowledged:
                    self._miss(journal)
                    return

    def _put_places(self) -> None:
        for queue in self._queues.values():
            reached = queue.reached
            if reached == queue.place.value.acknowledged:
                continue
            try:
                queue.place.write(reserved=0, acknowledged=reached)
            except OSError:
                self._faults.marks_failed += 1

    def _put_mark(self, *, reserved: int) -> None:
        try:
            with self._mark_lock:
                self._mark.write(reserved=reserved, acknowledged=self._acknowledged)
        except OSError:
            self._faults.marks_failed += 1
