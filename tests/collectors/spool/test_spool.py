"""The spool's promises, one by one."""

import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from collectors.records.encoding import decode_batch
from collectors.records.types import Gap, Record
from collectors.spool import Spool, SpoolBusy, SpoolFull, SpoolUnusable, disk, packing, room, writer
from collectors.spool.mark import RESERVED_AHEAD
from tests.collectors.spool.second_reader import journals, read_journal

READ_ALL = 1 << 40


def gap(reason: str = "x", time_ns: int = 1) -> Gap:
    return Gap(start_ns=time_ns, end_ns=time_ns + 1, reason=reason)


def noise(size: int) -> str:
    """Text that compresses to about so many bytes, and no less."""
    return os.urandom(size).hex()


def opened(directory: Path, **given: int) -> Spool:
    return Spool.open(directory, free_space_floor_bytes=0, **given)


def held(spool: Spool, after: int = 0) -> list[tuple[int, tuple[Record, ...]]]:
    return [(sequence, decode_batch(payload).records) for sequence, payload in spool.read(after, READ_ALL)]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "state" / "spool"


def test_batches_come_back_in_order_with_their_identity(directory: Path) -> None:
    """A batch carries the spool's id and the number that append returned."""
    with opened(directory) as spool:
        numbers = [spool.append([gap(str(n))]) for n in range(5)]
        batches = [decode_batch(payload) for _, payload in spool.read(0, READ_ALL)]
        assert [batch.sequence for batch in batches] == numbers == [1, 2, 3, 4, 5]
        assert {batch.sidecar for batch in batches} == {spool.sidecar}
        assert [batch.id for batch in batches] == [spool.batch_id(n) for n in numbers]


def test_reading_goes_on_behind_a_number_and_keeps_to_the_limit(directory: Path) -> None:
    """At least one batch, then as many as fit."""
    with opened(directory, journal_bytes=300) as spool:
        for n in range(20):
            spool.append([gap(str(n))])
        # Each batch has a name of its own, so that their compressed sizes differ by some bytes.
        size = {sequence: len(batch) for sequence, batch in spool.read(0, READ_ALL)}
        assert [sequence for sequence, _ in spool.read(0, 0)] == [1]
        assert [sequence for sequence, _ in spool.read(4, size[5] + size[6] + size[7])] == [5, 6, 7]
        assert [sequence for sequence, _ in spool.read(7, size[8] + size[9] + size[10] - 1)] == [8, 9]
        assert spool.read(20, READ_ALL) == []


def test_acknowledged_journals_are_deleted_whole(directory: Path) -> None:
    """Space comes back journal by journal; a partly acknowledged one stays."""
    with opened(directory, journal_bytes=400) as spool:
        last = [spool.append([gap(str(n))]) for n in range(20)][-1]
        first_journals = journals(directory)
        in_first = [entry.sequence for entry in read_journal(first_journals[0])]
        assert spool.acknowledge(in_first[0]) == 1
        assert journals(directory) == first_journals
        spool.acknowledge(in_first[-1])
        assert journals(directory) == first_journals[1:]
        spool.acknowledge(last)
        assert spool.pending_records == 0
    assert journals(directory) == []


def test_acknowledging_says_how_many_records_it_released(directory: Path) -> None:
    """Each record is counted once, however acknowledgements are cut."""
    with opened(directory, journal_bytes=300) as spool:
        for n in range(1, 11):
            spool.append([gap()] * n)
        assert [spool.acknowledge(n) for n in (3, 3, 2, 7, 10, 99)] == [6, 0, 0, 22, 27, 0]
        assert spool.acknowledged == 10


def test_what_waits_is_told(directory: Path) -> None:
    """Records, bytes and the age of the oldest."""
    times = iter(range(100, 200))
    with Spool.open(directory, free_space_floor_bytes=0, clock=lambda: next(times)) as spool:
        assert (spool.pending_records, spool.pending_bytes, spool.pending_oldest_ns) == (0, 0, None)
        spool.append([gap()] * 3)
        spool.append([gap()] * 2)
        assert (spool.pending_records, spool.pending_oldest_ns) == (5, 100)
        assert spool.pending_bytes == sum(entry.end - entry.start for entry in read_journal(journals(directory)[0]))
        spool.acknowledge(1)
        assert (spool.pending_records, spool.pending_oldest_ns) == (2, 101)
        spool.acknowledge(2)
        assert (spool.pending_records, spool.pending_bytes, spool.pending_oldest_ns) == (0, 0, None)


def test_a_reopened_spool_goes_on(directory: Path) -> None:
    """Id, numbers, acknowledgements and batches outlive the process."""
    with opened(directory) as spool:
        sidecar = spool.sidecar
        for n in range(3):
            spool.append([gap(str(n))])
        spool.acknowledge(1)
    with opened(directory) as spool:
        assert spool.sidecar == sidecar
        assert (spool.acknowledged, spool.pending_records) == (1, 2)
        assert spool.append([gap("3")]) == 4
        assert held(spool, spool.acknowledged) == [(2, (gap("1"),)), (3, (gap("2"),)), (4, (gap("3"),))]
        assert len(journals(directory)) == 1


def test_numbers_outlive_their_journals(directory: Path) -> None:
    """A number is not given again when nothing on the disk shows it any more."""
    with opened(directory) as spool:
        last = [spool.append([gap()]) for _ in range(10)][-1]
        spool.acknowledge(last)
    assert journals(directory) == []
    with opened(directory) as spool:
        assert spool.append([gap()]) == last + 1


def test_numbers_are_not_given_again_after_a_crash_that_lost_the_journals(directory: Path) -> None:
    """They are reserved on the disk before they are used, so what was shipped and then lost keeps its number."""
    crashed = opened(directory)
    used = [crashed.append([gap()]) for _ in range(RESERVED_AHEAD + 10)]
    for path in journals(directory):
        path.unlink()
    crashed._mark.close()
    os.close(crashed._lock_file)
    with opened(directory) as spool:
        assert spool.append([gap()]) > used[-1]


def test_two_processes_never_share_a_directory(directory: Path) -> None:
    """The second is told, and the first goes on."""
    with opened(directory) as spool:
        with pytest.raises(SpoolBusy, match="another process uses this spool"):
            opened(directory)
        spool.append([gap()])
    opened(directory).close()


def test_nobody_else_may_read_what_clients_sent(directory: Path) -> None:
    """Directory and files belong to the sidecar's user alone."""
    with opened(directory) as spool:
        spool.append([gap()])
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}


@pytest.mark.parametrize("make", [lambda path: path.write_text("x"), lambda path: path.symlink_to("/dev/null")])
def test_a_path_that_cannot_be_a_spool_is_named(tmp_path: Path, make: Callable[[Path], object]) -> None:
    """One clear error instead of an OSError."""
    path = tmp_path / "file"
    make(path)
    with pytest.raises(SpoolUnusable, match="file: cannot be a spool"):
        opened(path)


def test_an_empty_batch_is_a_defect_of_the_caller(directory: Path) -> None:
    """Nothing is numbered for nothing; nor after the end."""
    with opened(directory) as spool, pytest.raises(ValueError, match="at least one record"):
        spool.append([])
    with pytest.raises(ValueError, match="closed"):
        spool.append([gap()])


class TestFull:
    """What does not fit is refused whole, and room comes back."""

    def test_the_quota_holds(self, directory: Path) -> None:
        """Refused before anything is written; what waits is untouched."""
        with opened(directory, quota_bytes=5_000) as spool:
            taken = []
            with pytest.raises(SpoolFull) as full:
                while True:
                    taken.append(spool.append([gap(noise(200))]))
            assert full.value.reason == "quota"
            assert sum(path.stat().st_size for path in journals(directory)) == spool.bytes_on_disk <= 5_000
            assert [sequence for sequence, _ in held(spool)] == taken

    def test_room_comes_back_when_batches_are_acknowledged(self, directory: Path) -> None:
        """Also where a single journal, the one being written, holds the whole quota."""
        with opened(directory, quota_bytes=5_000) as spool:
            last = spool.append([gap(noise(2_400))])
            with pytest.raises(SpoolFull):
                spool.append([gap(noise(2_000)), gap(noise(2_000))])
            spool.acknowledge(last)
            assert spool.append([gap(noise(2_400)), gap(noise(1_000))]) > last

    def test_the_floor_of_free_space_holds(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The disk is not filled to the end on our account."""
        monkeypatch.setattr(room, "free_bytes", lambda _: 999)
        with (
            Spool.open(directory, free_space_floor_bytes=1_000) as full_spool,
            pytest.raises(SpoolFull, match="free_space: 999 bytes free, 1000 are left to others"),
        ):
            full_spool.append([gap()])

    @pytest.mark.parametrize(
        ("number", "reason"), [(errno.ENOSPC, "disk_full"), (errno.EDQUOT, "disk_full"), (errno.EIO, "write_failed")]
    )
    def test_a_write_that_fails_half_way_leaves_nothing(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: str
    ) -> None:
        """The half that was written is taken back, and the next batch is whole."""
        with opened(directory) as spool:
            spool.append([gap("before")])
            with monkeypatch.context() as broken:

                def half(descriptor: int, data: bytes) -> None:
                    os.write(descriptor, data[: len(data) // 2])
                    raise OSError(number, os.strerror(number))

                broken.setattr(writer, "write_all", half)
                with pytest.raises(SpoolFull) as full:
                    spool.append([gap("lost")])
            assert full.value.reason == reason
            spool.append([gap("after")])
            assert [records for _, records in held(spool)] == [(gap("before"),), (gap("after"),)]
        assert [entry.records for entry in read_journal(journals(directory)[0])] == [1, 1]

    def test_a_half_written_batch_that_cannot_be_taken_back_is_cut_off_at_the_next_open(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The next batch begins a new journal, behind which nobody looks for the torn one."""
        with opened(directory) as spool:
            spool.append([gap("before")])
            with monkeypatch.context() as broken:

                def half(descriptor: int, data: bytes) -> None:
                    os.write(descriptor, data[: len(data) // 2])
                    raise OSError(errno.EIO, "broken")

                def refuse(*_: object) -> None:
                    raise OSError(errno.EIO, "broken")

                broken.setattr(writer, "write_all", half)
                broken.setattr(os, "ftruncate", refuse)
                with pytest.raises(SpoolFull):
                    spool.append([gap("lost")])
            spool.append([gap("after")])
            expected = held(spool)
            assert [records for _, records in expected] == [(gap("before"),), (gap("after"),)]
            assert len(journals(directory)) == 2
        with opened(directory) as spool:
            assert held(spool) == expected
            assert spool.faults.torn_bytes > 0

    def test_a_full_disk_still_lets_the_spool_become_empty(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing new can be created, and what is acknowledged is deleted and remembered."""
        with opened(directory, journal_bytes=300) as spool:
            last = [spool.append([gap()]) for _ in range(10)][-1]

            def full(*_: object, **__: object) -> int:
                raise OSError(errno.ENOSPC, "full")

            monkeypatch.setattr(disk, "write_whole_file", full)
            monkeypatch.setattr(writer, "write_all", full)
            with pytest.raises(SpoolFull):
                spool.append([gap()])
            spool.acknowledge(last)
            spool.sync()
        assert journals(directory) == []
        monkeypatch.undo()
        with opened(directory) as spool:
            assert spool.acknowledged >= last

    def test_a_batch_too_large_is_split(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Order is kept, and append returns the last of the numbers."""
        monkeypatch.setattr(packing, "BATCH_BYTES_TARGET", 1_000)
        records = [gap(noise(300), n) for n in range(20)]
        with opened(directory) as spool:
            last = spool.append(records)
            found = held(spool)
            assert [sequence for sequence, _ in found] == list(range(1, last + 1))
            assert [record for _, part in found for record in part] == records
            assert last > 5

    def test_a_record_too_large_is_refused_whole(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """And so are those beside it: the caller counts all or none."""
        monkeypatch.setattr(packing, "BATCH_BYTES_TARGET", 1_000)
        monkeypatch.setattr(packing, "BATCH_BYTES_MAX", 2_000)
        with opened(directory) as spool:
            with pytest.raises(SpoolFull) as full:
                spool.append([gap(), gap(noise(3_000)), gap()])
            assert full.value.reason == "record_too_large"
            assert held(spool) == []
            assert spool.append([gap()]) == 1


class TestTrouble:
    """The disk and the people beside us do what they like; the spool goes on and says so."""

    def test_a_damaged_batch_goes_to_quarantine_while_reading(self, directory: Path) -> None:
        """Counted once, with its records, and the others come in order."""
        with opened(directory) as spool:
            for n in range(3):
                spool.append([gap(str(n))] * 2)
            entry = read_journal(journals(directory)[0])[1]
            with journals(directory)[0].open("r+b") as file:
                file.seek(entry.end - 3)
                file.write(b"???")
            for _ in range(3):
                assert [sequence for sequence, _ in held(spool)] == [1, 3]
            assert (spool.faults.damaged_regions, spool.faults.records_lost) == (1, 2)
            assert spool.faults.damaged_bytes == entry.end - entry.start
        (kept,) = (directory / "quarantine").iterdir()
        assert kept.read_bytes().endswith(b"???")

    def test_damage_to_what_another_sink_has_had_is_no_loss(self, directory: Path) -> None:
        """The bytes go to quarantine; the records are somewhere."""
        with opened(directory) as spool:
            ahead, behind = spool.attach(["ahead", "behind"])
            spool.append([gap()] * 2)
            spool.append([gap()])
            ahead.acknowledge(1)
            entry = read_journal(journals(directory)[0])[0]
            with journals(directory)[0].open("r+b") as file:
                file.seek(entry.end - 3)
                file.write(b"???")
            assert [sequence for sequence, _ in behind.read(0, READ_ALL)] == [2]
            assert (spool.faults.damaged_regions, spool.faults.records_lost) == (1, 0)

    def test_a_spool_of_nothing_but_damage_becomes_empty(self, directory: Path) -> None:
        """Nobody waits for ever for batches that cannot be read."""
        with opened(directory) as spool:
            last = spool.append([gap()])
            path = journals(directory)[0]
            with path.open("r+b") as file:
                file.seek(-1, os.SEEK_END)
                file.write(b"?")
            assert spool.read(0, READ_ALL) == []
            assert (spool.pending_records, spool.acknowledged) == (0, last)

    def test_reading_ahead_of_what_is_acknowledged_acknowledges_nothing(self, directory: Path) -> None:
        """Only damage behind everything acknowledged is done with."""
        with opened(directory) as spool:
            last = [spool.append([gap()]) for _ in range(3)][-1]
            assert spool.read(last, READ_ALL) == []
            assert (spool.acknowledged, spool.pending_records) == (0, 3)

    @pytest.mark.parametrize("notice", ["sync", "read"])
    def test_a_journal_deleted_under_us_is_counted(self, directory: Path, notice: str) -> None:
        """What waited in it is lost and says so; the next batch is safe."""
        with opened(directory) as spool:
            spool.append([gap()] * 4)
            journals(directory)[0].unlink()
            spool.sync() if notice == "sync" else spool.read(0, READ_ALL)
            assert (spool.faults.journals_missing, spool.faults.records_lost) == (1, 4)
            spool.append([gap("after")])
            assert [records for _, records in held(spool)] == [(gap("after"),)]

    def test_a_disk_that_refuses_to_sync_is_counted(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What follows goes into a new journal: a second sync of the old one would prove nothing."""

        def refuse(_: int) -> None:
            raise OSError(errno.EIO, "broken")

        with opened(directory) as spool:
            spool.append([gap("a")])
            with monkeypatch.context() as broken:
                broken.setattr(os, "fdatasync", refuse)
                spool.sync()
            assert spool.faults.syncs_failed == 1
            spool.append([gap("b")])
            assert len(journals(directory)) == 2
            assert [records for _, records in held(spool)] == [(gap("a"),), (gap("b"),)]

    def test_a_sector_that_cannot_be_read_costs_its_batch(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its bytes read as zeros, fail their checksum, and the batches behind it come."""
        with opened(directory, journal_bytes=100_000) as spool:
            for n in range(3):
                spool.append([gap(noise(10_000), n)])
            second = read_journal(journals(directory)[0])[1]
            pread = os.pread

            def bad(descriptor: int, length: int, offset: int) -> bytes:
                if offset < second.start + 5_000 < offset + length:
                    raise OSError(errno.EIO, "broken")
                return pread(descriptor, length, offset)

            monkeypatch.setattr(os, "pread", bad)
            assert [sequence for sequence, _ in held(spool)] == [1, 3]
            assert spool.faults.damaged_regions == 1

    def test_a_file_that_cannot_be_deleted_is_tried_again(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It counts as acknowledged all the same."""
        with opened(directory, journal_bytes=200) as spool:
            last = [spool.append([gap()]) for _ in range(6)][-1]
            with monkeypatch.context() as broken:

                def refuse(*_: object, **__: object) -> None:
                    raise OSError(errno.EPERM, "no")

                broken.setattr(Path, "unlink", refuse)
                spool.acknowledge(last)
            assert spool.pending_records == 0
            assert spool.faults.deletes_failed > 0
            spool.acknowledge(last)
        assert journals(directory) == []


def test_shipping_and_capture_do_not_disturb_each_other(directory: Path) -> None:
    """One thread appends and syncs while another reads and acknowledges; each batch comes once, in order."""
    total, seen = 400, []
    with opened(directory, journal_bytes=2_000) as spool:

        def ship() -> None:
            while len(seen) < total:
                for sequence, payload in spool.read(spool.acknowledged, 3_000):
                    seen.extend(record.start_ns for record in decode_batch(payload).records)
                    spool.acknowledge(sequence)

        shipping = threading.Thread(target=ship)
        shipping.start()
        for n in range(total):
            spool.append([gap(time_ns=n)])
            if n % 20 == 0:
                spool.sync()
        shipping.join(timeout=30)
        assert not shipping.is_alive()
        assert seen == list(range(total))
        assert spool.pending_records == 0
