"""Several readers of one spool, each with its own place in it: one queue a sink.

A journal is deleted when every queue is done with it, so a sink that is down keeps what it has not had, up to the
quota. Where space runs out, what at least one sink has had is given up for those that lag, oldest journal first, and
counted for each: a sink that is down never keeps new records from one that is up. What no sink has had is kept, and
new records are refused instead.

The place of a queue is a file `queues/NAME.mark`. Where it is lost or damaged the queue begins at the place that every
queue had reached: its sink gets batches again, which it knows by their ids.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from collectors.spool.disk import DIRECTORY_MODE
from collectors.spool.errors import SpoolUnusable
from collectors.spool.mark import MarkFile, read_mark

if TYPE_CHECKING:
    from collectors.spool.spool import Spool

FOLDER = "queues"
SUFFIX = ".mark"

QUEUES_MAX = 8
"""Sinks of one spool: each has a thread, and a label in the metrics."""

QUEUE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
"""A queue's name is a file's name and a label of metrics."""


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """What waits for a sink, and what was given up for it since the spool was opened."""

    pending_records: int
    pending_bytes: int
    given_up_records: int


class Queue:
    """One sink's view of a spool; made by `Spool.attach`. For one thread."""

    def __init__(self, spool: "Spool", name: str, place: MarkFile, acknowledged: int) -> None:
        self.name = name
        self._spool = spool
        self.place = place
        self.reached = acknowledged
        self.given_up_records = 0

    @property
    def acknowledged(self) -> int:
        """Every batch up to this number is done with, for this sink."""
        return self.reached

    @property
    def counts(self) -> QueueCounts:
        return self._spool.counts_of(self)

    def read(self, after: int, limit_bytes: int) -> list[tuple[int, bytes]]:
        """As `Spool.read`."""
        return self._spool.read(after, limit_bytes, self)

    def acknowledge(self, sequence: int) -> int:
        """Every batch up to `sequence` is done with, for this sink. Returns how many records that were."""
        return self._spool.acknowledge(sequence, self)

    def batch_id(self, sequence: int) -> str:
        """As `Spool.batch_id`."""
        return self._spool.batch_id(sequence)

    def keep_refused(self, sequence: int, payload: bytes, *, status: str, detail: str) -> bool:
        """Put a batch that this sink will never take beside the journals; False where there is no room."""
        return self._spool.keep_refused(sequence, payload, sink=self.name, status=status, detail=detail)


def open_place(directory: Path, name: str, *, sidecar: str, beginning: int) -> tuple[MarkFile, int]:
    """The file of a queue's place, and the number it says, or `beginning` where it says none. Raises OSError."""
    folder = directory / FOLDER
    folder.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    file_name = name + SUFFIX
    try:
        mark = read_mark(folder, file_name)
    except SpoolUnusable:
        mark = None
    if mark is not None and mark.sidecar == sidecar:
        return MarkFile.open(folder, mark, file_name), max(mark.acknowledged, beginning)
    place = MarkFile.create(folder, sidecar=sidecar, reserved=0, acknowledged=beginning, name=file_name)
    return place, beginning


def forget_others(directory: Path, names: frozenset[str]) -> None:
    """Delete the places of sinks that are no more. Raises OSError."""
    folder = directory / FOLDER
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.name.removesuffix(SUFFIX) not in names or not path.name.endswith(SUFFIX):
            path.unlink(missing_ok=True)


def places(directory: Path) -> dict[str, int]:
    """The numbers that queues have reached, by name; for people. Raises OSError, SpoolUnusable."""
    folder = directory / FOLDER
    if not folder.is_dir():
        return {}
    found = {}
    for path in sorted(folder.glob("*" + SUFFIX)):
        mark = read_mark(folder, path.name)
        if mark is not None:
            found[path.name.removesuffix(SUFFIX)] = mark.acknowledged
    return found
