"""Several sinks on one spool: each has its own place, none waits for another, and what one is not given is counted."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from collectors.records.encoding import decode_batch
from collectors.records.types import Gap
from collectors.spool import Queue, Spool, SpoolFull
from collectors.spool.queues import places


@contextmanager
def opened(directory: Path, *names: str, quota_bytes: int = 1 << 20) -> Iterator[tuple[Spool, dict[str, Queue]]]:
    with Spool.open(
        directory, quota_bytes=quota_bytes, journal_bytes=500, free_space_floor_bytes=0, clock=lambda: 1
    ) as spool:
        yield spool, {queue.name: queue for queue in spool.attach(names)}


def append(spool: Spool, *numbers: int) -> int:
    return spool.append([Gap(start_ns=number, end_ns=number, reason="x" * 50) for number in numbers])


def waiting(queue: Queue) -> list[int]:
    return [sequence for sequence, _ in queue.read(queue.acknowledged, 1 << 30)]


def test_each_queue_has_its_own_place(tmp_path: Path) -> None:
    """What one sink has taken still waits for the other."""
    with opened(tmp_path, "one", "two") as (spool, queues):
        for number in range(6):
            append(spool, number)
        assert queues["one"].acknowledge(4) == 4
        assert (waiting(queues["one"]), waiting(queues["two"])) == ([5, 6], [1, 2, 3, 4, 5, 6])
        assert (queues["one"].counts.pending_records, queues["two"].counts.pending_records) == (2, 6)
        assert (spool.acknowledged, spool.pending_records) == (0, 6)


def test_journals_go_when_every_sink_has_them(tmp_path: Path) -> None:
    """Not before."""
    with opened(tmp_path, "one", "two") as (spool, queues):
        for number in range(30):
            append(spool, number)
        journals = len(list(tmp_path.glob("*.journal")))
        assert journals > 3
        queues["one"].acknowledge(30)
        assert len(list(tmp_path.glob("*.journal"))) == journals
        queues["two"].acknowledge(30)
        assert len(list(tmp_path.glob("*.journal"))) == 1
        assert spool.pending_records == 0


def test_places_survive_a_restart(tmp_path: Path) -> None:
    """Each sink goes on where it was; `places` tells a person."""
    with opened(tmp_path, "one", "two") as (spool, queues):
        for number in range(5):
            append(spool, number)
        queues["one"].acknowledge(3)
    assert places(tmp_path) == {"one": 3, "two": 0}
    with opened(tmp_path, "two", "one") as (_, queues):
        assert (waiting(queues["one"]), waiting(queues["two"])) == ([4, 5], [1, 2, 3, 4, 5])
        assert queues["one"].counts.pending_records == 2


def test_a_sink_that_is_removed_holds_nothing_back(tmp_path: Path) -> None:
    """And one that is added begins with the oldest that is there."""
    with opened(tmp_path, "one", "gone") as (spool, queues):
        for number in range(30):
            append(spool, number)
        queues["one"].acknowledge(20)
    with opened(tmp_path, "one") as (spool, _):
        assert spool.acknowledged == 20
    with opened(tmp_path, "one", "new") as (_, queues):
        assert waiting(queues["new"])[0] == 21
    assert set(places(tmp_path)) == {"one", "new"}


def test_a_damaged_place_is_begun_anew(tmp_path: Path) -> None:
    """Its sink gets again what every sink may still need; it knows batches by their ids."""
    with opened(tmp_path, "one", "two") as (spool, queues):
        for number in range(5):
            append(spool, number)
        queues["one"].acknowledge(4)
        queues["two"].acknowledge(2)
    (tmp_path / "queues" / "one.mark").write_bytes(b"\xff" * 4200)
    with opened(tmp_path, "one", "two") as (_, queues):
        assert waiting(queues["one"]) == [3, 4, 5]


def test_a_sink_that_lags_does_not_keep_new_records_from_another(tmp_path: Path) -> None:
    """At the quota it is given no more of what another has had, oldest first, and that is counted."""
    with opened(tmp_path, "alive", "dead", quota_bytes=4_000) as (spool, queues):
        for number in range(200):
            queues["alive"].acknowledge(append(spool, number) - 1)
        assert spool.bytes_on_disk <= 4_000
        dead = queues["dead"].counts
        assert dead.given_up_records > 100
        assert dead.given_up_records + dead.pending_records == 200
        left = waiting(queues["dead"])
        assert left == list(range(200 - len(left) + 1, 201))
        assert queues["alive"].counts.given_up_records == 0


def test_what_no_sink_has_had_is_kept_and_new_records_are_refused(tmp_path: Path) -> None:
    """All sinks down is an outage, and its beginning is worth as much as its end."""
    with opened(tmp_path, "one", "two", quota_bytes=4_000) as (spool, queues):
        number = 0
        with pytest.raises(SpoolFull, match="quota"):
            while True:
                number = append(spool, number)
        assert waiting(queues["one"])[0] == waiting(queues["two"])[0] == 1
        assert queues["one"].counts.given_up_records == queues["two"].counts.given_up_records == 0


def test_batches_tell_which_came_before(tmp_path: Path) -> None:
    """Over restarts and numbers that skip, so that a receiver can tell what never came."""
    with opened(tmp_path, "one") as (spool, queues):
        append(spool, 1)
        append(spool, 2)
    with opened(tmp_path, "one") as (spool, queues):
        spool._next += 1000  # as after a crash
        append(spool, 3)
        batches = [decode_batch(payload) for _, payload in queues["one"].read(0, 1 << 30)]
    assert [(batch.previous, batch.sequence) for batch in batches] == [(0, 1), (1, 2), (2, 1003)]


@pytest.mark.parametrize("names", [["a", "a"], ["A"], [""], ["x" * 33], ["a/b"], [f"s{i}" for i in range(9)]])
def test_names_are_bounded(tmp_path: Path, names: list[str]) -> None:
    """They are names of files and labels."""
    with Spool.open(tmp_path, free_space_floor_bytes=0) as spool, pytest.raises(ValueError, match="sinks: found"):
        spool.attach(names)
