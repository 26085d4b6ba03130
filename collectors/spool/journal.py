"""One journal file: its name, what a survey finds in it, and what an open spool remembers of it and of all of them.

An open spool keeps a few numbers for each journal and nothing for each frame, so its memory does not grow with what
waits in it.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from collectors.spool.disk import opened_for_reading
from collectors.spool.framing import JOURNAL_HEADER_BYTES, JournalHeader, UnknownVersion, decode_journal_header
from collectors.spool.walk import Damage, Frame, ReadAt, walk

SUFFIX = ".journal"
_NAME_DIGITS = 20


def journal_name(first: int) -> str:
    """Named for the first sequence number, so that names sort in the order of writing."""
    return f"{first:0{_NAME_DIGITS}d}{SUFFIX}"


def journal_paths(directory: Path) -> list[Path]:
    """The journals of a directory in the order of writing. Raises OSError."""
    return sorted(path for path in directory.iterdir() if first_of_name(path) is not None and path.is_file())


def first_of_name(path: Path) -> int | None:
    """The number in a journal's name, or None where the file is not a journal."""
    stem = path.name.removesuffix(SUFFIX)
    is_ours = path.name.endswith(SUFFIX) and len(stem) == _NAME_DIGITS and stem.isascii() and stem.isdigit()
    return int(stem) if is_ours and int(stem) < 2**64 else None


HeaderState = Literal["intact", "damaged", "unknown_version"]


@dataclass
class Survey:
    """What is in a journal file. Without a usable header there are no frames and everything is damage."""

    path: Path
    size: int
    header: JournalHeader | None
    header_state: HeaderState
    frames: int = 0
    records: int = 0
    frame_bytes: int = 0
    first: int | None = None
    last: int | None = None
    oldest_ns: int | None = None
    damage: list[Damage] = field(default_factory=list)

    @property
    def is_torn_only(self) -> bool:
        return self.header_state == "intact" and all(damage.reason == "torn" for damage in self.damage)

    def add(self, found: Frame | Damage) -> None:
        if isinstance(found, Damage):
            self.damage.append(found)
            return
        self.frames += 1
        self.records += found.header.records
        self.frame_bytes += found.header.frame_bytes
        self.first = found.header.sequence if self.first is None else self.first
        self.last = found.header.sequence
        self.oldest_ns = found.header.written_ns if self.oldest_ns is None else self.oldest_ns


def survey(path: Path, *, sidecar: str | None, verify: bool) -> Survey:
    """Walk a journal. A damaged header is guessed from the file's name and `sidecar`; the checksums tell. Raises OSError."""
    size = path.stat().st_size
    with opened_for_reading(path) as read_at:
        header, state = journal_header(read_at, path, sidecar, size)
        found = Survey(path, size, header, state)
        if header is not None:
            if state != "intact":
                found.damage.append(Damage(0, JOURNAL_HEADER_BYTES, "header"))
            for part in walk(read_at, JOURNAL_HEADER_BYTES, size, header.seed, verify=verify):
                found.add(part)
        elif state == "damaged":
            found.damage.append(Damage(0, size, "torn" if size < JOURNAL_HEADER_BYTES else "header"))
    return found


def journal_header(
    read_at: ReadAt, path: Path, sidecar: str | None, size: int
) -> tuple[JournalHeader | None, HeaderState]:
    try:
        header = decode_journal_header(read_at(0, JOURNAL_HEADER_BYTES))
        state: HeaderState = "damaged"
    except UnknownVersion:
        header, state = None, "unknown_version"
    if header is not None:
        return header, "intact"
    first = first_of_name(path)
    if sidecar is not None and first is not None:
        guessed = JournalHeader(sidecar, first)
        parts = walk(read_at, JOURNAL_HEADER_BYTES, size, guessed.seed, verify=True)
        if any(isinstance(part, Frame) for part in parts):
            return guessed, "damaged"
    return None, state


@dataclass
class Progress:
    """How far one queue is done with one journal."""

    to: int = JOURNAL_HEADER_BYTES
    records: int = 0
    bytes: int = 0


@dataclass
class Journal:
    """A journal of an open spool: how far it reaches, and how far each queue, by its name, is done with it.

    `takes_more` is false once its end cannot be trusted: the next batch begins a new journal.
    """

    path: Path
    header: JournalHeader
    size: int
    last: int
    records: int = 0
    frame_bytes: int = 0
    takes_more: bool = True
    done: dict[str, Progress] = field(default_factory=dict)

    def pending_records(self, queue: str) -> int:
        return self.records - self._progress(queue).records

    def pending_bytes(self, queue: str) -> int:
        return self.frame_bytes - self._progress(queue).bytes

    def acknowledge_through(self, read_at: ReadAt, queue: str, sequence: int) -> int:
        """Note that frames up to `sequence` are delivered; returns how many records that were."""
        progress = self._progress(queue)
        before = progress.records
        for part in walk(read_at, progress.to, self.size, self.header.seed, verify=False):
            if isinstance(part, Frame):
                if part.header.sequence > sequence:
                    break
                progress.records += part.header.records
                progress.bytes += part.header.frame_bytes
            progress.to = part.end
        return progress.records - before

    def acknowledge_all(self, queue: str) -> int:
        released = self.pending_records(queue)
        self.done[queue] = Progress(self.size, self.records, self.frame_bytes)
        return released

    def oldest_pending_ns(self, read_at: ReadAt, queue: str) -> int | None:
        """When the first frame that waits was written; None where none is intact."""
        for part in walk(read_at, self._progress(queue).to, self.size, self.header.seed, verify=False):
            if isinstance(part, Frame):
                return part.header.written_ns
        return None

    def _progress(self, queue: str) -> Progress:
        return self.done.setdefault(queue, Progress())


class Backlog(list[Journal]):
    """The journals of an open spool in the order of writing, and how far each queue is done with them."""

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(journal.size for journal in self)

    def pending_records(self, queue: str) -> int:
        return sum(journal.pending_records(queue) for journal in self)

    def pending_bytes(self, queue: str) -> int:
        return sum(journal.pending_bytes(queue) for journal in self)

    def oldest_pending_ns(self, queue: str) -> int | None:
        """When the oldest batch that waits was written; None where none waits, or can be read."""
        for journal in self:
            if not journal.pending_records(queue):
                continue
            try:
                with opened_for_reading(journal.path) as read_at:
                    oldest = journal.oldest_pending_ns(read_at, queue)
            except OSError:
                continue
            if oldest is not None:
                return oldest
        return None

    def advance(self, queue: str, sequence: int) -> int:
        """This queue is done with every batch up to `sequence`; returns how many records were released."""
        released = 0
        for journal in self:
            if journal.last <= sequence:
                released += journal.acknowledge_all(queue)
            elif journal.header.first <= sequence:
                try:
                    with opened_for_reading(journal.path) as read_at:
                        released += journal.acknowledge_through(read_at, queue, sequence)
                except OSError:
                    pass  # counted when the whole journal is acknowledged
            else:
                break
        return released
