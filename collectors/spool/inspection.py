"""Looks into a spool without changing it, and puts a damaged one in order. For people; shipping does not need it."""

import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from collectors.records.encoding import BatchError, decode_batch
from collectors.records.types import Gap, GpuSample, Passed, Record
from collectors.spool.disk import acquire_lock, opened_for_reading
from collectors.spool.errors import SpoolUnusable
from collectors.spool.framing import JOURNAL_HEADER_BYTES, Mark
from collectors.spool.journal import Survey, journal_paths, survey
from collectors.spool.mark import FILE_NAME, read_mark
from collectors.spool.queues import places
from collectors.spool.recovery import Faults, heal, mark_behind, recover, remove_unfinished
from collectors.spool.side_files import QUARANTINE, REFUSED
from collectors.spool.undecodable import UNDECODABLE
from collectors.spool.walk import Frame, payload_of, walk

MODELS_MAX = 1000
"""Models told apart: their names come from clients. Records of further ones are counted together."""

OTHER_MODELS = "(others)"

LOOKS_AT_A_GROWING_END = 3
"""A sidecar may be writing just now: an unfinished end counts as damage only when it has stopped growing."""

PAUSE_S = 0.05


@dataclass(frozen=True)
class SideFolder:
    """How much lies in `quarantine/`, `refused/` or `undecodable/`."""

    files: int
    bytes: int


@dataclass(frozen=True)
class Inspection:
    """What is in a spool. Numbers count what is intact, delivered or not; `unreadable` are intact frames without a
    batch that this release can read: damage of the sender, not of the disk.
    """

    directory: Path
    mark: Mark | None
    journals: tuple[Survey, ...]
    records_by: dict[tuple[str, str | None], int] = field(default_factory=dict)
    unreadable: int = 0
    pending_frames: int = 0
    pending_records: int = 0
    quarantine: SideFolder = SideFolder(0, 0)
    refused: SideFolder = SideFolder(0, 0)
    undecodable: SideFolder = SideFolder(0, 0)
    sinks: Mapping[str, int] = field(default_factory=dict)
    """How far each sink has got, by name."""

    @property
    def is_damaged(self) -> bool:
        is_mark_lost = self.mark is None and bool(self.journals)
        return is_mark_lost or any(journal.damage for journal in self.journals)


def inspect(directory: Path) -> Inspection:
    """Read everything, change nothing. Raises SpoolUnusable where there is no spool or it cannot be read."""
    try:
        paths = journal_paths(directory)
        mark = read_mark(directory)
        if not paths and not (directory / FILE_NAME).exists():
            raise SpoolUnusable(directory, f"found neither journals nor a {FILE_NAME!r}, expected a spool")
        contents = _Contents(mark.acknowledged if mark else 0)
        journals = tuple(
            found for path in paths if (found := _surveyed(path, mark.sidecar if mark else None, contents)) is not None
        )
        return Inspection(
            directory=directory,
            mark=mark,
            journals=journals,
            records_by=dict(contents.records_by),
            unreadable=contents.unreadable,
            pending_frames=contents.pending_frames,
            pending_records=contents.pending_records,
            quarantine=_side_folder(directory / QUARANTINE),
            refused=_side_folder(directory / REFUSED),
            undecodable=_side_folder(directory / UNDECODABLE),
            sinks=places(directory),
        )
    except OSError as error:
        raise SpoolUnusable(directory, f"cannot be read ({error.strerror})") from error


def repair(directory: Path) -> tuple[Faults, Inspection]:
    """Put every damage into quarantine and write what is intact anew. Raises SpoolBusy, SpoolUnusable."""
    inspect(directory)  # so that a directory that is no spool is left as it is
    try:
        lock = acquire_lock(directory)
        try:
            faults = _repaired(directory)
        finally:
            os.close(lock)
    except OSError as error:
        raise SpoolUnusable(directory, f"cannot be repaired ({error.strerror})") from error
    return faults, inspect(directory)


def _repaired(directory: Path) -> Faults:
    mark = read_mark(directory)
    remove_unfinished(directory)
    faults = Faults()
    for path in journal_paths(directory):
        heal(path, sidecar=mark.sidecar if mark else None, verify=True, faults=faults)
    if mark is None:
        journals, _, behind = recover(directory, sidecar=None, faults=Faults())
        mark_behind(directory, journals, behind).close()
    return faults


class _Contents:
    """Counts what the batches hold."""

    def __init__(self, acknowledged: int) -> None:
        self._acknowledged = acknowledged
        self.records_by: Counter[tuple[str, str | None]] = Counter()
        self.unreadable = 0
        self.pending_frames = 0
        self.pending_records = 0

    def add(self, frame: Frame, payload: bytes) -> None:
        if frame.header.sequence > self._acknowledged:
            self.pending_frames += 1
            self.pending_records += frame.header.records
        try:
            batch = decode_batch(payload)
        except BatchError:
            self.unreadable += 1
            return
        for record in batch.records:
            key = kind_and_model(record)
            is_known = key in self.records_by or len(self.records_by) < MODELS_MAX
            self.records_by[key if is_known else (key[0], OTHER_MODELS)] += 1


def kind_and_model(record: Record) -> tuple[str, str | None]:
    """A gap belongs to no model: what it hid is unknown; neither do the bytes that passed, and devices."""
    kind = type(record).__name__.lower()
    return (kind, None) if isinstance(record, Gap | GpuSample | Passed) else (kind, record.model)


def _surveyed(path: Path, sidecar: str | None, contents: _Contents) -> Survey | None:
    """A survey and, on the way, the contents; None where the sidecar deleted the journal under us."""
    try:
        found = survey(path, sidecar=sidecar, verify=True)
        for _ in range(LOOKS_AT_A_GROWING_END):
            if not any(damage.reason == "torn" for damage in found.damage):
                break
            time.sleep(PAUSE_S)
            before, found = found.size, survey(path, sidecar=sidecar, verify=True)
            if found.size == before:
                break
        _read_contents(found, contents)
    except FileNotFoundError:
        return None
    return found


def _read_contents(found: Survey, contents: _Contents) -> None:
    if found.header is None:
        return
    with opened_for_reading(found.path) as read_at:
        for part in walk(read_at, JOURNAL_HEADER_BYTES, found.size, found.header.seed, verify=False):
            payload = payload_of(read_at, part, found.header.seed) if isinstance(part, Frame) else None
            if isinstance(part, Frame) and isinstance(payload, bytes):
                contents.add(part, payload)


def _side_folder(folder: Path) -> SideFolder:
    if not folder.is_dir():
        return SideFolder(0, 0)
    sizes = [entry.stat().st_size for entry in folder.iterdir()]
    return SideFolder(len(sizes), sum(sizes))
