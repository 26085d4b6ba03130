"""What becomes of damage: kept in quarantine, counted, and cut out of its journal. Used at open and by repair.

No step depends on a later one: a crash between any two leaves a directory that the next open heals again, to the same
result.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from collectors.spool.disk import TEMPORARY_SUFFIX, opened_for_reading, sync_directory, write_whole_file
from collectors.spool.framing import FRAME_HEADER_BYTES, JOURNAL_HEADER_BYTES, JournalHeader
from collectors.spool.journal import Journal, Survey, first_of_name, journal_paths, survey
from collectors.spool.mark import MarkFile, new_sidecar
from collectors.spool.side_files import QUARANTINE, keep_aside, quarantine_name
from collectors.spool.walk import Damage, Frame, ReadAt, walk

FAULTS = ("damaged", "quarantine_full", "newer_format", "missing", "sync", "delete", "mark")
"""What can go wrong in a spool, as telemetry names it; the last three are writes that the disk refused."""


@dataclass
class Faults:
    """What went wrong in a spool since it was opened, for telemetry.

    `torn_bytes` were an unfinished end, which a crash leaves, with `torn_records` where its header is whole;
    `damaged_regions` and `damaged_bytes` failed their checksum; `records_lost` is how many records those held where
    their header still told, and no sink had had them. `not_kept` counts damage
    for which quarantine had no room. `journals_skipped` are of a newer release and left alone.
    """

    torn_bytes: int = 0
    torn_records: int = 0
    damaged_regions: int = 0
    damaged_bytes: int = 0
    records_lost: int = 0
    not_kept: int = 0
    journals_skipped: int = 0
    journals_missing: int = 0
    syncs_failed: int = 0
    deletes_failed: int = 0
    marks_failed: int = 0

    @property
    def counted(self) -> dict[str, int]:
        """How often each thing went wrong, by a name of FAULTS."""
        found = (
            self.damaged_regions,
            self.not_kept,
            self.journals_skipped,
            self.journals_missing,
            self.syncs_failed,
            self.deletes_failed,
            self.marks_failed,
        )
        return dict(zip(FAULTS, found, strict=True))


def remove_unfinished(directory: Path) -> None:
    """Delete what a crash left half-written under a temporary name. Raises OSError."""
    for path in directory.glob("*" + TEMPORARY_SUFFIX):
        path.unlink(missing_ok=True)


def heal(path: Path, *, sidecar: str | None, verify: bool, faults: Faults) -> Survey | None:
    """Bring one journal into order and survey it; None where nothing of it is left or ours. Raises OSError."""
    found = survey(path, sidecar=sidecar, verify=verify)
    if found.header_state == "unknown_version" and found.header is None:
        faults.journals_skipped += 1
        return None
    if found.header is None:
        set_aside(path, found.damage, faults)
        path.unlink()
        return None
    if found.damage or found.header_state != "intact":
        set_aside(path, found.damage, faults)
        _cut_out(found, found.header, verify=verify)
        found = survey(path, sidecar=sidecar, verify=verify) if found.frames else found
    if not found.frames:
        path.unlink(missing_ok=True)
        return None
    return found


def set_aside(path: Path, damage: list[Damage], faults: Faults) -> None:
    """Keep damaged bytes in quarantine and count them; an unfinished end is only counted. Raises OSError."""
    with opened_for_reading(path) as read_at:
        for part in damage:
            if part.reason == "torn":
                faults.torn_bytes += part.size
                faults.torn_records += part.records or 0
                continue
            data = read_at(part.offset, part.size)
            kept = keep_aside(path.parent / QUARANTINE, quarantine_name(path.stem, part.offset, data), (data,))
            if kept == "known":
                continue
            faults.damaged_regions += 1
            faults.damaged_bytes += part.size
            faults.records_lost += part.records or 0
            faults.not_kept += kept == "no_room"


def _cut_out(found: Survey, header: JournalHeader, *, verify: bool) -> None:
    """Leave only what is intact: a torn end is cut off in place, anything else means writing the journal anew."""
    if not found.frames:
        found.path.unlink()
    elif found.is_torn_only:
        os.truncate(found.path, found.damage[0].offset)
    else:
        with opened_for_reading(found.path) as read_at:
            write_whole_file(found.path, _intact_parts(read_at, found.size, header, verify=verify))
    sync_directory(found.path.parent)


def _intact_parts(read_at: ReadAt, size: int, header: JournalHeader, *, verify: bool) -> Iterator[bytes]:
    yield header.encode()
    for part in walk(read_at, JOURNAL_HEADER_BYTES, size, header.seed, verify=verify):
        if isinstance(part, Frame):
            payload = read_at(part.offset + FRAME_HEADER_BYTES, part.header.payload_bytes)
            yield read_at(part.offset, FRAME_HEADER_BYTES) + payload


def recover(directory: Path, *, sidecar: str | None, faults: Faults) -> tuple[list[Journal], int, int]:
    """Heal every journal. Returns those to go on with, the bytes of those left alone, and the first number behind all.

    Only the newest journal is verified to the last byte, since only it was being written: the payloads of the others
    are verified when they are read, and opening stays fast however much waits. Raises OSError.
    """
    journals: list[Journal] = []
    skipped_bytes, behind = 0, 1
    paths = journal_paths(directory)
    for path in paths:
        behind = max(behind, (first_of_name(path) or 0) + 1)
        found = _maybe_healed(path, sidecar=sidecar, verify=path == paths[-1], faults=faults)
        if found is not None and found.header is not None and found.last is not None:
            journals.append(
                Journal(path, found.header, found.size, found.last, found.records, found.frame_bytes, not found.damage)
            )
            behind = max(behind, found.last + 1)
        elif path.exists():
            skipped_bytes += path.stat().st_size
    return journals, skipped_bytes, behind


def _maybe_healed(path: Path, *, sidecar: str | None, verify: bool, faults: Faults) -> Survey | None:
    try:
        return heal(path, sidecar=sidecar, verify=verify, faults=faults)
    except OSError:
        pass  # a full disk has no room for healing: read around the damage instead
    try:
        return survey(path, sidecar=sidecar, verify=verify)
    except OSError:
        faults.journals_skipped += 1
        return None


def mark_behind(directory: Path, journals: list[Journal], next_sequence: int) -> MarkFile:
    """A new mark where the old one is lost, and with a new identity: which numbers it had used is lost too.

    Nothing of these journals counts as acknowledged; they are sent again under their own identity. Raises OSError.
    """
    first = journals[0].header.first if journals else next_sequence
    return MarkFile.create(
        directory, sidecar=new_sidecar(), reserved=next_sequence, acknowledged=min(first, next_sequence) - 1
    )
