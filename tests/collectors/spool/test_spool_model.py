"""The spool against a model of it, under random sequences of actions: append, sync, read, acknowledge, reopen, crash,
bit flip, full quota."""

import shutil
import struct
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from collectors.records.encoding import decode_batch
from collectors.records.types import Gap, Record
from collectors.spool import Spool, SpoolFull
from collectors.spool.mark import MarkFile
from tests.collectors.spool.second_reader import journals, read_journal

QUOTA_BYTES = 16_000
JOURNAL_BYTES = 1_000
READ_ALL = 1 << 40


class SpoolAgainstModel(RuleBasedStateMachine):
    """The model: every batch that was taken, and of each number what may have become of it."""

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="spool-model-"))
        self.lives = 0
        self.directory = self.root / "0"
        self.taken: dict[int, tuple[Record, ...]] = {}
        self.acknowledged = 0
        """By us, in any life."""
        self.acknowledged_synced = 0
        self.unsure: set[int] = set()
        """Appended since the last sync."""
        self.may_be_lost: set[int] = set()
        """Hit by a bit flip, or unsure when the machine died."""
        self.synced_sizes: dict[str, int] = {}
        self.directory.mkdir()
        MarkFile.create(self.directory, sidecar="5a" * 16, reserved=1, acknowledged=0).close()
        self.spool = self.open()

    def open(self) -> Spool:
        return Spool.open(
            self.directory,
            quota_bytes=QUOTA_BYTES,
            journal_bytes=JOURNAL_BYTES,
            free_space_floor_bytes=0,
            clock=lambda: 1_700_000_000_000_000_000,
        )

    def teardown(self) -> None:
        if hasattr(self, "spool"):
            self.spool.close()
            shutil.rmtree(self.root)

    @rule(count=st.integers(1, 4), letters=st.text("abc", max_size=200))
    def append(self, count: int, letters: str) -> None:
        records = tuple(Gap(start_ns=n, end_ns=n + 1, reason=letters) for n in range(count))
        highest = max(self.taken, default=0)
        try:
            sequence = self.spool.append(records)
        except SpoolFull as full:
            assert full.reason == "quota"
            assert self.spool.pending_records or self.may_be_lost
            return
        assert sequence > highest, "a number is never given twice"
        self.taken[sequence] = records
        self.unsure.add(sequence)

    @rule()
    def sync(self) -> None:
        self.spool.sync()
        self.acknowledged_synced = self.spool.acknowledged
        self.unsure.clear()
        self.synced_sizes = {path.name: path.stat().st_size for path in journals(self.directory)}

    @rule(data=st.data(), limit_bytes=st.integers(0, 2_000))
    def read(self, data: st.DataObject, limit_bytes: int) -> None:
        after = data.draw(st.sampled_from([0, self.acknowledged, *self.taken]))
        found = self.spool.read(after, limit_bytes)
        self.check(after, found)
        assert len(found) <= 1 or sum(len(payload) for _, payload in found) <= limit_bytes

    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        sequence = data.draw(st.sampled_from([self.spool.last_sequence, self.acknowledged, *self.taken]))
        self.spool.acknowledge(sequence)
        self.acknowledged = max(self.acknowledged, sequence)

    @rule()
    def reopen(self) -> None:
        before = self.spool.acknowledged
        self.spool.close()
        self.unsure.clear()
        self.spool = self.open()
        self.synced_sizes = {path.name: path.stat().st_size for path in journals(self.directory)}
        assert self.spool.acknowledged >= before
        self.acknowledged_synced = self.spool.acknowledged
        self.check_whole()

    @rule(share=st.floats(0, 1), zeros=st.booleans())
    def crash(self, share: float, zeros: bool) -> None:
        """The machine dies: of what was not synced any part is gone, or is zeros."""
        self.lives += 1
        after = self.root / str(self.lives)
        shutil.copytree(self.directory, after)
        self.spool.close()
        shutil.rmtree(self.directory)
        self.directory = after
        if paths := journals(after):
            data = paths[-1].read_bytes()
            kept_least = self.synced_sizes.get(paths[-1].name, 0)
            kept = kept_least + round(share * (len(data) - kept_least))
            paths[-1].write_bytes(data[:kept] + bytes((len(data) - kept) * zeros))
            if kept < len(data):
                self.may_be_lost |= self.unsure
        self.unsure.clear()
        self.spool = self.open()
        self.synced_sizes = {path.name: path.stat().st_size for path in journals(after)}
        assert self.spool.acknowledged >= self.acknowledged_synced
        self.acknowledged_synced = self.spool.acknowledged
        self.check_whole()

    @rule(data=st.data())
    def flip(self, data: st.DataObject) -> None:
        """One bit of a journal that was undamaged until now turns over."""
        paths = [path for path in journals(self.directory) if self.is_undamaged(path)]
        if not paths:
            return
        path = data.draw(st.sampled_from(paths))
        content = bytearray(path.read_bytes())
        position = data.draw(st.integers(0, len(content) - 1))
        self.may_be_lost |= {entry.sequence for entry in read_journal(path) if entry.start <= position < entry.end}
        content[position] ^= 1 << data.draw(st.integers(0, 7))
        with path.open("r+b") as file:
            file.write(content)

    @precondition(lambda self: self.taken)
    @rule()
    def drain(self) -> None:
        """Whatever happened before: reading and acknowledging comes to an end, and then there is room again."""
        after = self.spool.acknowledged
        for _ in range(len(self.taken) + 2):
            found = self.spool.read(after, 500)
            if not found:
                break
            self.check(after, found)
            after = found[-1][0]
            self.spool.acknowledge(after)
        else:
            raise AssertionError("a spool is read to its end")
        self.acknowledged = max(self.acknowledged, self.spool.acknowledged)
        assert self.spool.pending_records == 0
        assert self.spool.acknowledged == self.spool.last_sequence
        self.append(1, "room again")
        assert self.spool.pending_records == 1

    @invariant()
    def within_quota(self) -> None:
        if hasattr(self, "spool"):
            assert sum(path.stat().st_size for path in journals(self.directory)) <= QUOTA_BYTES

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "spool"):
            assert self.spool.pending_records >= sum(
                len(records)
                for sequence, records in self.taken.items()
                if sequence > self.acknowledged and sequence not in self.may_be_lost
            )

    def is_undamaged(self, path: Path) -> bool:
        try:
            read_journal(path)
        except (AssertionError, struct.error):
            return False
        return True

    def check_whole(self) -> None:
        found = self.spool.read(0, READ_ALL)
        self.check(0, found)
        if not self.may_be_lost:
            pending = [sequence for sequence, _ in found if sequence > self.spool.acknowledged]
            assert self.spool.pending_records == sum(len(self.taken[sequence]) for sequence in pending)

    def check(self, after: int, found: list[tuple[int, bytes]]) -> None:
        numbers = [sequence for sequence, _ in found]
        assert numbers == sorted(set(numbers)), "in order, each once"
        for sequence, payload in found:
            batch = decode_batch(payload)
            assert (batch.sequence, batch.records) == (sequence, self.taken[sequence])
            assert batch.id == self.spool.batch_id(sequence)
        must = {s for s in self.taken if s > max(after, self.acknowledged)} - self.may_be_lost
        last = numbers[-1] if numbers else float("inf")
        assert not [sequence for sequence in must if sequence <= last and sequence not in numbers]


TestSpoolAgainstModel = SpoolAgainstModel.TestCase
TestSpoolAgainstModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)
