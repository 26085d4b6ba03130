"""Between an application and its spool: nothing waits, nothing raises, nothing is lost without a word."""

import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from collectors.decoders.decoder import Call
from collectors.errors import StartFailed
from collectors.intake.gathering import Gathering, Outlet
from collectors.intake.given import Given, decoded_of
from collectors.intake.tally import Tally
from collectors.pipeline import Provenance
from collectors.protocols.exchange import Exchange
from collectors.records.types import Record
from collectors.spool import Spool, SpoolFull
from tests.collectors.intake.outlets import gaps, gathering, outlet, predictions

CLIENT = Provenance(captured_by="client")


def offer(to: Gathering, number: int = 0, size: int = 8) -> bool:
    decoded = decoded_of("m", "", str(number), {"x": [1.0]}, {"p": [0.5]}, None)
    exchange = Exchange(
        method="CALL", target="m", request_headers={}, response_headers={}, request_body=b"", response_body=b"",
        status=200, start_ns=10**18 + number, end_ns=10**18 + number,
    )  # fmt: skip
    return to.offer(exchange, (Given(decoded), Call("m")), CLIENT, size)


def held(directory: Path) -> tuple[Callable[[], Outlet], threading.Event]:
    """An outlet that opens when the test says so."""
    release = threading.Event()

    def open_outlet() -> Outlet:
        release.wait(10)
        return outlet(directory)

    return open_outlet, release


def test_what_is_offered_is_in_the_spool_after_a_flush(tmp_path: Path) -> None:
    """In its order."""
    gathered = gathering(tmp_path)
    assert all(offer(gathered, number) for number in range(100))
    assert gathered.flush(10) and gathered.stop(10)
    assert [record.id for record in predictions(tmp_path)] == [str(number) for number in range(100)]


def test_stopping_keeps_what_is_queued(tmp_path: Path) -> None:
    """Without a flush before."""
    gathered = gathering(tmp_path)
    offer(gathered)
    assert gathered.stop(10)
    assert len(predictions(tmp_path)) == 1
    assert not offer(gathered)


@pytest.mark.parametrize("limit", [{"queued_max": 2}, {"queued_bytes_max": 2 * (1024 + 8)}])
def test_what_has_no_room_is_a_gap(tmp_path: Path, limit: dict[str, int]) -> None:
    """While the disk keeps the thread waiting; the application is not kept."""
    open_outlet, release = held(tmp_path)
    gathered = Gathering(open_outlet, **limit)  # type: ignore[arg-type]
    assert [offer(gathered, number) for number in range(5)] == [True, True, False, False, False]
    release.set()
    assert gathered.flush(10) and gathered.stop(10)
    assert len(predictions(tmp_path)) == 2
    (gap,) = gaps(tmp_path)
    assert (gap.reason, gap.exchanges_estimated) == ("queue_full", 3)
    counts = gathered.counts
    assert (counts.offered, counts.settled, counts.overflowed, counts.lost) == (5, 2, 3, 0)


def test_one_exchange_larger_than_the_queue_is_taken(tmp_path: Path) -> None:
    """Where it is alone."""
    gathered = gathering(tmp_path, queued_bytes_max=10)
    assert offer(gathered, size=1_000_000)
    gathered.stop(10)
    assert len(predictions(tmp_path)) == 1


def test_an_outlet_that_cannot_be_opened_is_counted() -> None:
    """And the application goes on."""

    def fail() -> Outlet:
        raise StartFailed("spool", "read-only")

    gathered = Gathering(fail)
    offer(gathered)
    assert not gathered.flush(5)
    assert (gathered.counts.lost, gathered.counts.is_failed) == (1, True)
    assert not offer(gathered)
    assert not gathered.stop(5)


def test_what_a_killed_process_had_is_told_by_the_next(tmp_path: Path) -> None:
    """Its queue is gone; how much was in it is not."""
    child = os.fork()
    if child == 0:
        opened = outlet(tmp_path)
        for number in range(3):
            opened.tally.offered(10**18 + number)
        opened.tally.settled(1)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    gathered = gathering(tmp_path)
    offer(gathered)
    gathered.stop(10)
    (gap,) = gaps(tmp_path)
    assert (gap.reason, gap.exchanges_estimated, gap.start_ns) == ("process_killed", 2, 10**18 + 2)


def test_an_orderly_end_leaves_nothing_to_tell(tmp_path: Path) -> None:
    """The next start finds a tally that adds up."""
    for _ in range(2):
        gathered = gathering(tmp_path)
        offer(gathered)
        gathered.stop(10)
    assert gaps(tmp_path) == []


def test_a_damaged_tally_is_begun_anew(tmp_path: Path) -> None:
    """It tells nothing rather than nonsense."""
    path = tmp_path / "tally"
    path.write_bytes(os.urandom(64))
    tally = Tally(path)
    assert tally.left_behind(1) is None
    tally.close()


def test_many_threads_offer_at_once(tmp_path: Path) -> None:
    """Each exchange once."""
    gathered = gathering(tmp_path)
    threads = [
        threading.Thread(target=lambda start: [offer(gathered, start + i) for i in range(50)], args=(1000 * n,))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gathered.stop(10)
    assert len({record.id for record in predictions(tmp_path)}) == 200


def test_what_the_spool_refuses_is_a_gap_once_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk costs records, not the account of them."""
    append, refusals = Spool.append, iter([True])

    def refuse_once(spool: Spool, records: Sequence[Record]) -> int:
        if next(refusals, False):
            raise SpoolFull("quota", "full")
        return append(spool, records)

    monkeypatch.setattr(Spool, "append", refuse_once)
    gathered = gathering(tmp_path)
    offer(gathered)
    assert gathered.flush(10)
    offer(gathered, 1)
    gathered.stop(10)
    assert [record.id for record in predictions(tmp_path)] == ["1"]
    (gap,) = gaps(tmp_path)
    assert (gap.reason, gap.exchanges_estimated, gathered.counts.lost) == ("spool_full", 1, 1)
