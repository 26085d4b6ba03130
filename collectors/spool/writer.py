"""The end of the one journal that is being written: whole frames go on it, or nothing does."""

import os
from pathlib import Path
from typing import Self

from collectors.spool.disk import FILE_MODE, sync_directory, write_all
from collectors.spool.framing import JOURNAL_HEADER_BYTES, JournalHeader
from collectors.spool.journal import Journal, journal_name


class JournalWriter:
    """An open journal; made by `begin` or `resume`, to be closed."""

    def __init__(self, journal: Journal, descriptor: int) -> None:
        self.journal = journal
        self._descriptor = descriptor
        self._unsynced = False

    @classmethod
    def begin(cls, directory: Path, header: JournalHeader) -> Self:
        """Start a new journal, whose name is on the disk when this returns. Raises OSError, and leaves nothing then."""
        path = directory / journal_name(header.first)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(path, flags, FILE_MODE)
        try:
            write_all(descriptor, header.encode())
            sync_directory(directory)
        except OSError:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        return cls(Journal(path, header, JOURNAL_HEADER_BYTES, header.first - 1), descriptor)

    @classmethod
    def resume(cls, journal: Journal) -> Self:
        """Go on at the end of a journal. Raises OSError."""
        return cls(journal, os.open(journal.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC))

    @property
    def is_removed(self) -> bool:
        """Whether somebody else has taken the file away under us."""
        return os.fstat(self._descriptor).st_nlink == 0

    def append(self, frames: bytes, *, records: int, last: int) -> None:
        """Write frames whose last number is `last`. Raises OSError, and takes back what was written then.

        Where even that fails the journal takes no more, and the next open cuts the torn end off.
        """
        journal = self.journal
        try:
            write_all(self._descriptor, frames)
        except OSError:
            try:
                os.ftruncate(self._descriptor, journal.size)
            except OSError:
                journal.takes_more = False
            raise
        journal.size += len(frames)
        journal.frame_bytes += len(frames)
        journal.records += records
        journal.last = last
        self._unsynced = True

    def take_unsynced(self) -> int | None:
        """A descriptor for the caller to sync and close where frames are not on the disk yet, else None."""
        if not self._unsynced:
            return None
        self._unsynced = False
        return os.dup(self._descriptor)

    def sync(self) -> None:
        """Raises OSError."""
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)
