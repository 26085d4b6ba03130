"""Inspection changes nothing and finds everything; repair leaves nothing to find."""

from pathlib import Path

import pytest

from collectors.records.types import Gap, Ledger, Prediction
from collectors.spool import Spool, SpoolBusy, SpoolUnusable, inspection
from collectors.spool.inspection import OTHER_MODELS, SideFolder, inspect, repair
from tests.collectors.spool.second_reader import journals, read_journal


def prediction(model: str, n: int) -> Prediction:
    return Prediction(exchange=str(n), id=str(n), id_source="generated", model=model, version="1", time_ns=n)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Five batches of three records in several journals; the first is acknowledged."""
    path = tmp_path / "spool"
    with Spool.open(path, free_space_floor_bytes=0, journal_bytes=500, clock=lambda: 10**18) as spool:
        for n in range(5):
            spool.append(
                [
                    prediction("income", n),
                    Gap(start_ns=n, end_ns=n, reason="x"),
                    Ledger(start_ns=n, end_ns=n, model="m"),
                ]
            )
        spool.acknowledge(1)
    return path


def contents(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def damage(directory: Path) -> None:
    """A bit in a payload, a header of a frame, and a torn end."""
    first, *_, last = journals(directory)
    data = bytearray(first.read_bytes())
    data[read_journal(first)[-1].end - 1] ^= 1
    first.write_bytes(data)
    last.write_bytes(last.read_bytes() + b"torn")


def test_a_healthy_spool_is_counted(directory: Path) -> None:
    """By kind and model, with what waits."""
    found = inspect(directory)
    assert not found.is_damaged
    assert found.records_by == {("prediction", "income"): 5, ("gap", None): 5, ("ledger", "m"): 5}
    assert (found.pending_frames, found.pending_records) == (4, 12)
    assert sum(journal.frames for journal in found.journals) == 5
    assert {journal.oldest_ns for journal in found.journals} == {10**18}


def test_inspecting_changes_nothing_and_needs_no_lock(directory: Path) -> None:
    """Also while a sidecar has the spool open, and where it is damaged."""
    damage(directory)
    before = contents(directory)
    assert inspect(directory).is_damaged
    assert contents(directory) == before
    with Spool.open(directory, free_space_floor_bytes=0):
        inspect(directory)


def test_damage_is_found_with_its_place(directory: Path) -> None:
    """Offset, size, reason and records."""
    entry = read_journal(journals(directory)[0])[-1]
    damage(directory)
    found = inspect(directory)
    (payload,), (torn,) = found.journals[0].damage, found.journals[-1].damage
    assert (payload.offset, payload.size, payload.reason, payload.records) == (
        entry.start,
        entry.end - entry.start,
        "payload",
        3,
    )
    assert (torn.size, torn.reason) == (4, "torn")


def test_repair_leaves_only_what_is_intact(directory: Path) -> None:
    """And tells what it put aside; a second repair finds nothing to do."""
    damage(directory)
    faults, found = repair(directory)
    assert (faults.damaged_regions, faults.records_lost, faults.torn_bytes) == (1, 3, 4)
    assert not found.is_damaged
    assert found.quarantine == SideFolder(1, faults.damaged_bytes)
    assert sum(len(read_journal(path)) for path in journals(directory)) == 4
    assert repair(directory)[0] == type(faults)()


def test_repair_makes_a_new_mark(directory: Path) -> None:
    """A lost mark is damage; afterwards the spool has a new identity and everything in it waits."""
    (directory / "mark").write_bytes(b"")
    assert inspect(directory).is_damaged
    _, found = repair(directory)
    assert not found.is_damaged
    assert found.pending_frames == 5


def test_repair_does_not_touch_a_spool_in_use(directory: Path) -> None:
    """Its owner heals what is to be healed."""
    with Spool.open(directory, free_space_floor_bytes=0), pytest.raises(SpoolBusy):
        repair(directory)


@pytest.mark.parametrize("look", [inspect, repair])
def test_what_is_no_spool_is_named_and_left_alone(tmp_path: Path, look) -> None:
    """Neither a directory of other things nor one that is not there becomes a spool by looking at it."""
    (tmp_path / "notes.txt").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(SpoolUnusable, match="found neither journals nor a 'mark', expected a spool"):
        look(tmp_path)
    with pytest.raises(SpoolUnusable, match="cannot be read"):
        look(tmp_path / "absent")
    with pytest.raises(SpoolUnusable, match="cannot be read"):
        look(tmp_path / "notes.txt")
    assert contents(tmp_path) == before


def test_models_are_told_apart_up_to_a_bound(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their names come from clients."""
    monkeypatch.setattr(inspection, "MODELS_MAX", 2)
    assert inspect(directory).records_by == {("prediction", "income"): 5, ("gap", None): 5, ("ledger", OTHER_MODELS): 5}


def test_a_batch_that_is_none_is_counted(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its frame is intact: the disk did nothing wrong."""
    monkeypatch.setattr(
        "collectors.spool.packing.encode_batch", lambda batch, **_: b"ORB\x02" + b"\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00"
    )
    with Spool.open(directory, free_space_floor_bytes=0) as spool:
        spool.append([prediction("income", 1)])
    found = inspect(directory)
    assert (found.unreadable, found.is_damaged) == (1, False)
