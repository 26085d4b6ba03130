"""The end of a spool: the newest journal, to which batches are appended, until the next one takes its place.

Called with the spool's lock held.
"""

from collections.abc import Sequence
from pathlib import Path

from collectors.spool.framing import JournalHeader, encode_frame
from collectors.spool.journal import Backlog, Journal
from collectors.spool.packing import Packed
from collectors.spool.recovery import Faults
from collectors.spool.writer import JournalWriter


class Tail:
    """Writes the last of `journals`, and puts new ones behind it; what a disk refuses to sync is counted in `faults`."""

    def __init__(self, directory: Path, *, sidecar: str, journals: Backlog, journal_bytes: int, faults: Faults) -> None:
        self._directory = directory
        self._sidecar = sidecar
        self._journals = journals
        self._journal_bytes = journal_bytes
        self._faults = faults
        self._writer: JournalWriter | None = None

    def is_in(self, journal: Journal) -> bool:
        """Whether this is the journal being written."""
        return self._writer is not None and journal is self._writer.journal

    def prepare(self, first: int) -> None:
        """Have a journal for a batch of this number: the newest, or a new one where that takes no more. Raises OSError."""
        if self._writer is not None and not self._goes_on(self._writer.journal):
            self.end()
        if self._writer is None:
            if self._journals and self._goes_on(self._journals[-1]):
                self._writer = JournalWriter.resume(self._journals[-1])
            else:
                self._writer = JournalWriter.begin(self._directory, JournalHeader(self._sidecar, first))
                self._journals.append(self._writer.journal)

    def append(self, packed: Sequence[Packed], now_ns: int) -> None:
        """Write these to the journal that was prepared: all or, with an OSError, none."""
        if self._writer is None:
            raise ValueError("no journal is prepared")
        seed = self._writer.journal.header.seed
        frames = b"".join(
            encode_frame(part.payload, sequence=part.sequence, records=part.records, written_ns=now_ns, seed=seed)
            for part in packed
        )
        self._writer.append(frames, records=sum(part.records for part in packed), last=packed[-1].sequence)

    def end(self) -> None:
        """Sync and close the journal being written."""
        if self._writer is None:
            return
        try:
            self._writer.sync()
        except OSError:
            self._faults.syncs_failed += 1
        self.let_go()

    def let_go(self) -> None:
        """Close the journal being written as it is."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def distrust(self) -> None:
        """Append no more to the journal being written: nobody knows what of it is on the disk."""
        if self._writer is not None:
            self._writer.journal.takes_more = False

    @property
    def removed(self) -> Journal | None:
        """The journal being written, where somebody else has taken it away."""
        return self._writer.journal if self._writer is not None and self._writer.is_removed else None

    def take_unsynced(self) -> int | None:
        """As `JournalWriter.take_unsynced`; None where nothing is written."""
        return self._writer.take_unsynced() if self._writer is not None else None

    def _goes_on(self, journal: Journal) -> bool:
        return journal.takes_more and journal.header.sidecar == self._sidecar and journal.size < self._journal_bytes
