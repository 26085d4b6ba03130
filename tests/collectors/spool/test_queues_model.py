"""Queues against a model of them, under random sequences of actions: append, acknowledge, sync, restart, the death of the
process or the machine with a torn end, a disk that is full now, a quota, sinks that come and go."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from collectors.records.encoding import decode_batch
from collectors.records.types import Gap
from collectors.spool import Queue, Spool, SpoolFull, writer
from tests.collectors.spool.second_reader import journals

QUOTA_BYTES = 12_000
JOURNAL_BYTES = 1_000
NAMES = ("files", "kafka", "monitor")


@contextmanager
def disk_full_after(written: int) -> Iterator[None]:
    """So many bytes of the next write fit, then the disk is full."""
    whole = writer.write_all

    def write_some(descriptor: int, data: bytes) -> None:
        whole(descriptor, data[:written])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    writer.write_all = write_some  # type: ignore[attr-defined]
    try:
        yield
    finally:
        writer.write_all = whole  # type: ignore[attr-defined]


class QueuesAgainstModel(RuleBasedStateMachine):
    """The model: the batches that were taken, and of each sink how far it has acknowledged them and what it was not given."""

    @initialize(names=st.sets(st.sampled_from(NAMES), min_size=1))
    def begin(self, names: set[str]) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="queues-model-"))
        self.lives = 0
        self.directory = self.root / "0"
        self.taken: dict[int, int] = {}
        """Number → records."""
        self.unsure: set[int] = set()
        """Appended since the last sync."""
        self.lost: set[int] = set()
        """Unsure when the machine died."""
        self.reached: dict[str, int] = {}
        self.synced: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.everyone = 0
        """What every sink had once: it may be deleted, though a crash makes a sink forget that it had it."""
        self.names = sorted(names)
        self.open()

    def open(self) -> None:
        self.spool = Spool.open(
            self.directory,
            quota_bytes=QUOTA_BYTES,
            journal_bytes=JOURNAL_BYTES,
            free_space_floor_bytes=0,
            clock=lambda: 1_700_000_000_000_000_000,
        )
        everyone = self.spool.acknowledged
        self.queues: dict[str, Queue] = {queue.name: queue for queue in self.spool.attach(self.names)}
        for name, queue in self.queues.items():
            if name in self.synced:
                assert queue.acknowledged >= min(self.synced[name], max(self.taken, default=0))
            else:
                assert queue.acknowledged >= everyone
        self.note()

    def note(self) -> None:
        """Acknowledged numbers as they stand; an acknowledgement that was not synced may be forgotten by a crash."""
        self.everyone = max(self.everyone, self.spool.acknowledged)
        self.reached = {name: queue.acknowledged for name, queue in self.queues.items()}
        self.given_up = {name: queue.counts.given_up_records for name, queue in self.queues.items()}

    def teardown(self) -> None:
        if hasattr(self, "spool"):
            self.spool.close()
            shutil.rmtree(self.root)

    @rule(count=st.integers(1, 3), letters=st.text("abc", max_size=200))
    def append(self, count: int, letters: str) -> None:
        self.taking(count, letters)

    @rule(count=st.integers(1, 3), letters=st.text("abc", max_size=200), written=st.integers(0, 300))
    def append_on_a_full_disk(self, count: int, letters: str, written: int) -> None:
        with disk_full_after(written):
            try:
                self.spool.append([Gap(start_ns=n, end_ns=n, reason=letters) for n in range(count)])
            except SpoolFull as full:
                assert full.reason in ("disk_full", "quota")
            else:
                raise AssertionError("what could not be written was not refused")
        self.settle_given_up()

    def taking(self, count: int, letters: str) -> None:
        try:
            sequence = self.spool.append([Gap(start_ns=n, end_ns=n, reason=letters) for n in range(count)])
        except SpoolFull as full:
            assert full.reason == "quota"
            self.settle_given_up()
            ahead = max(queue.acknowledged for queue in self.queues.values())
            assert any(number > ahead for number in self.taken if number not in self.lost), (
                "refused though some sink has had everything"
            )
            return
        assert sequence > max(self.taken, default=0)
        self.taken[sequence] = count
        self.unsure.add(sequence)
        self.settle_given_up()

    def settle_given_up(self) -> None:
        """A place that moved without its sink is what was given up: exactly the records in between."""
        for name, queue in self.queues.items():
            before, now = self.reached[name], queue.acknowledged
            more = queue.counts.given_up_records - self.given_up[name]
            assert self.least(before, now) <= more <= self.most(before, now)
            if more:
                assert any(other.acknowledged >= now for other in self.queues.values() if other is not queue)
        self.note()

    def least(self, after: int, to: int) -> int:
        """Records of the batches behind `after` up to `to` that must be there."""
        return sum(self.taken[n] for n in self.taken if max(after, self.everyone) < n <= to and n not in self.lost)

    def most(self, after: int, to: int) -> int:
        return sum(count for number, count in self.taken.items() if after < number <= to)

    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        queue = self.queues[data.draw(st.sampled_from(self.names))]
        sequence = data.draw(st.sampled_from([queue.acknowledged, self.spool.last_sequence, *self.taken]))
        before = self.reached[queue.name]
        least, most = self.least(before, sequence), self.most(before, sequence)
        assert least <= queue.acknowledge(sequence) <= most
        self.note()

    @rule()
    def sync(self) -> None:
        self.spool.sync()
        self.unsure.clear()
        self.synced = dict(self.reached)
        self.sizes = {path.name: path.stat().st_size for path in journals(self.directory)}

    @rule(names=st.sets(st.sampled_from(NAMES), min_size=1))
    def restart(self, names: set[str]) -> None:
        """With the same sinks or others."""
        self.spool.close()
        self.unsure.clear()
        self.names = sorted(names)
        self.synced = {name: reached for name, reached in self.reached.items() if name in names}
        self.open()
        self.sizes = {path.name: path.stat().st_size for path in journals(self.directory)}

    @rule(share=st.floats(0, 1), zeros=st.booleans(), machine=st.booleans())
    def crash(self, share: float, zeros: bool, machine: bool) -> None:
        """The process dies, or the machine: then of what was not synced any part is gone, or is zeros."""
        self.lives += 1
        after = self.root / str(self.lives)
        shutil.copytree(self.directory, after)
        self.spool.close()
        shutil.rmtree(self.directory)
        self.directory = after
        if machine and (paths := journals(after)):
            data = paths[-1].read_bytes()
            least = self.sizes.get(paths[-1].name, 0)
            kept = least + round(share * (len(data) - least))
            paths[-1].write_bytes(data[:kept] + bytes((len(data) - kept) * zeros))
            if kept < len(data):
                self.lost |= self.unsure
        self.unsure.clear()
        self.synced = {name: reached for name, reached in self.synced.items() if name in self.names}
        self.open()
        self.sizes = {path.name: path.stat().st_size for path in journals(after)}

    @rule(data=st.data())
    def drain(self, data: st.DataObject) -> None:
        """One sink takes all that there is, whatever the others do."""
        queue = self.queues[data.draw(st.sampled_from(self.names))]
        after = queue.acknowledged
        while found := queue.read(after, 500):
            self.check(queue, after, found)
            after = found[-1][0]
            queue.acknowledge(after)
        assert queue.counts.pending_records == 0
        self.note()

    @rule(data=st.data(), limit_bytes=st.integers(0, 2_000))
    def read(self, data: st.DataObject, limit_bytes: int) -> None:
        queue = self.queues[data.draw(st.sampled_from(self.names))]
        self.check(queue, queue.acknowledged, queue.read(queue.acknowledged, limit_bytes))
        self.note()

    def check(self, queue: Queue, after: int, found: list[tuple[int, bytes]]) -> None:
        numbers = [sequence for sequence, _ in found]
        assert numbers == sorted(set(numbers)), "in order, each once"
        for sequence, payload in found:
            batch = decode_batch(payload)
            assert (batch.sequence, len(batch.records)) == (sequence, self.taken[sequence])
            assert batch.previous is not None
            assert batch.previous < sequence
        last = numbers[-1] if numbers else 1 << 62
        must = [
            number for number in self.taken if max(after, self.everyone) < number <= last and number not in self.lost
        ]
        assert not set(must) - set(numbers), "every batch that was taken is handed out"

    @invariant()
    def nothing_waits_uncounted(self) -> None:
        for name, queue in getattr(self, "queues", {}).items():
            assert queue.counts.pending_records >= self.least(self.reached[name], 1 << 62)

    @invariant()
    def within_quota(self) -> None:
        if hasattr(self, "spool"):
            assert sum(path.stat().st_size for path in journals(self.directory)) <= QUOTA_BYTES


TestQueuesAgainstModel = QueuesAgainstModel.TestCase
TestQueuesAgainstModel.settings = settings(max_examples=80, stateful_step_count=40, deadline=None, derandomize=True)
