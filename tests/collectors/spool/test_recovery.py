"""What the next open does with what a crash, a disk or a person left."""

import shutil
from pathlib import Path

import pytest

from collectors.records.encoding import decode_batch
from collectors.records.types import Gap
from collectors.spool import Spool, SpoolUnusable, recovery
from collectors.spool.mark import RESERVED_AHEAD, SLOT_OFFSETS
from tests.collectors.spool.second_reader import journals, read_journal


def opened(directory: Path) -> Spool:
    return Spool.open(directory, free_space_floor_bytes=0, journal_bytes=250)


def numbers(spool: Spool) -> list[int]:
    return [sequence for sequence, _ in spool.read(0, 1 << 40)]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A closed spool with the batches 1 to 6 of two records each, in three journals."""
    path = tmp_path / "spool"
    with opened(path) as spool:
        for n in range(6):
            spool.append([Gap(start_ns=n, end_ns=n + 1, reason="x")] * 2)
        assert len(journals(path)) >= 3
    return path


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def test_a_torn_end_is_cut_off(directory: Path) -> None:
    """Counted, not kept: nobody was ever told that it was written."""
    path = journals(directory)[-1]
    whole = path.read_bytes()
    path.write_bytes(whole + b"\xf5ORF torn")
    with opened(directory) as spool:
        assert numbers(spool) == [1, 2, 3, 4, 5, 6]
        assert (spool.faults.torn_bytes, spool.faults.damaged_regions) == (9, 0)
    assert path.read_bytes() == whole
    assert not (directory / "quarantine").exists()


def test_damage_in_the_newest_journal_is_cut_out(directory: Path) -> None:
    """The bytes are kept aside and the journal is whole again, so that the next open finds nothing."""
    path = journals(directory)[0]
    for other in journals(directory)[1:]:
        other.unlink()
    first, second = read_journal(path)[:2]
    overwrite(path, first.end - 1, b"?")
    damaged = path.read_bytes()[first.start : first.end]
    with opened(directory) as spool:
        assert 1 not in numbers(spool)
        assert (spool.faults.damaged_regions, spool.faults.records_lost) == (1, 2)
    assert read_journal(path)[0].sequence == second.sequence
    assert [kept.read_bytes() for kept in (directory / "quarantine").iterdir()] == [damaged]
    with opened(directory) as spool:
        assert spool.faults == recovery.Faults()


@pytest.mark.parametrize("offset", [0, 3, 10, 25, 30])
def test_a_damaged_journal_header_costs_nothing(directory: Path, offset: int) -> None:
    """The file's name and the mark say what it was, and the frames' checksums prove it."""
    overwrite(journals(directory)[1], offset, b"\x99")
    with opened(directory) as spool:
        assert numbers(spool) == [1, 2, 3, 4, 5, 6]
    assert all(read_journal(path) for path in journals(directory))


def test_a_file_of_noise_goes_to_quarantine_whole(directory: Path) -> None:
    """It has the name of a journal and nothing else of one."""
    noise = directory / f"{900:020d}.journal"
    noise.write_bytes(b"noise" * 100)
    with opened(directory) as spool:
        assert numbers(spool) == [1, 2, 3, 4, 5, 6]
        assert spool.append([Gap(start_ns=1, end_ns=2, reason="x")]) > 900
        assert spool.faults.damaged_bytes == 500
    assert not noise.exists()


def test_a_journal_of_a_newer_release_is_left_alone(directory: Path) -> None:
    """Going back to an older release costs nothing that the newer one wrote."""
    newer = directory / f"{900:020d}.journal"
    newer.write_bytes(b"ORJ\x02" + bytes(range(200)))
    before = newer.read_bytes()
    with opened(directory) as spool:
        assert numbers(spool) == [1, 2, 3, 4, 5, 6]
        assert spool.faults.journals_skipped == 1
        assert spool.bytes_on_disk == sum(path.stat().st_size for path in journals(directory))
        spool.acknowledge(spool.last_sequence)
    assert newer.read_bytes() == before


def test_a_mark_of_a_newer_release_stops_the_start(directory: Path) -> None:
    """To number batches without understanding it would be to number them twice."""
    (directory / "mark").write_bytes(b"ORM\x02" + bytes(100))
    with pytest.raises(SpoolUnusable, match=r"mark: byte 3: found version 2, expected 1"):
        opened(directory)
    assert len(journals(directory)) >= 3


@pytest.mark.parametrize("lose", ["removed", "noise"])
def test_a_lost_mark_means_a_new_identity(directory: Path, lose: str) -> None:
    """What waits keeps the old one, under which the monitor may know it."""
    with opened(directory) as spool:
        old = spool.sidecar
    (directory / "mark").unlink() if lose == "removed" else (directory / "mark").write_bytes(b"noise" * 2000)
    with opened(directory) as spool:
        assert spool.sidecar != old
        last = spool.append([Gap(start_ns=1, end_ns=2, reason="x")])
        batches = [decode_batch(payload) for _, payload in spool.read(spool.acknowledged, 1 << 40)]
        assert [batch.sequence for batch in batches] == [1, 2, 3, 4, 5, 6, last]
        assert [batch.sidecar for batch in batches] == [old] * 6 + [spool.sidecar]
        assert [spool.batch_id(batch.sequence) for batch in batches] == [batch.id for batch in batches]


@pytest.mark.parametrize("slot", SLOT_OFFSETS)
def test_one_damaged_slot_of_the_mark_costs_nothing(directory: Path, tmp_path: Path, slot: int) -> None:
    """The other one stands; numbers that the lost one may have reserved are stepped over, even if no journal is left."""
    with opened(directory) as spool:
        last = [spool.append([Gap(start_ns=1, end_ns=2, reason="x")]) for _ in range(RESERVED_AHEAD + 2)][-1]
        crashed = tmp_path / "crashed"
        shutil.copytree(directory, crashed)
    overwrite(crashed / "mark", slot + 20, b"\x99\x99")
    for path in journals(crashed):
        path.unlink()
    with opened(crashed) as again:
        assert again.sidecar == spool.sidecar
        assert again.append([Gap(start_ns=1, end_ns=2, reason="x")]) > last


def test_a_file_that_was_being_written_is_removed(directory: Path) -> None:
    """It was never finished, and its original is still there."""
    (directory / "00000000000000000001.journal.new").write_bytes(b"half")
    with opened(directory) as spool:
        assert numbers(spool) == [1, 2, 3, 4, 5, 6]
    assert not list(directory.glob("*.new"))


def test_files_of_others_are_left_alone(directory: Path) -> None:
    """Only names of ours are ours."""
    others = [directory / name for name in ("notes.txt", "1.journal", "x" * 20 + ".journal", "٣" * 20 + ".journal")]
    for other in others:
        other.write_text("mine")
    with opened(directory) as spool:
        spool.acknowledge(6)
    assert all(other.read_text() == "mine" for other in others)


def test_a_copied_journal_is_not_delivered_twice(directory: Path) -> None:
    """Its numbers were there already."""
    copied = directory / f"{800:020d}.journal"
    shutil.copy(journals(directory)[0], copied)
    with opened(directory) as spool:
        assert numbers(spool) == [1, 2, 3, 4, 5, 6]


def test_a_disk_too_full_to_heal_is_read_around(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening goes on; what is intact is delivered."""
    path = journals(directory)[-1]
    first = read_journal(path)[0]
    overwrite(path, first.start, b"?")

    def full(*_: object) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(recovery, "keep_aside", full)
    with opened(directory) as spool:
        assert numbers(spool) == [n for n in range(1, 7) if n != first.sequence]
        assert spool.faults.not_kept > 0
