"""The capture worker: what is copied is spooled once, and what is not seen is told."""

import errno
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collectors.pipeline import Pipeline
from collectors.records.encoding import decode_batch
from collectors.records.types import Gap, Ledger, Passed, Prediction, Record
from collectors.redaction import RedactionPolicy
from collectors.sampling import SamplingPolicy
from collectors.spool import Spool, packing
from collectors.spool.undecodable import decode_unread, unread_paths
from collectors.tap import segment as at
from collectors.tap.copier import Copied, Copier
from collectors.tap.segment import Segment, Uncopied
from collectors.tap.status import WorkerStatus, decode_status, encode_status
from collectors.tap.worker import STARTS_AT_TAIL_MAX, CaptureWorker

SECONDS = 10.0


class House:
    """A copier, a spool, and workers that come and go on one segment."""

    def __init__(self, directory: Path, quota_bytes: int) -> None:
        self.segment = Segment.create(4 * 1024 * 1024)
        self.wake = os.eventfd(0, os.EFD_NONBLOCK)
        self.copier = Copier(self.segment, self.wake, 1 << 30)
        self.spool = Spool.open(directory, quota_bytes=quota_bytes, free_space_floor_bytes=0)
        self.count = 0

    def worker(self, *, keeps_undecodable: bool = False) -> CaptureWorker:
        pipeline = Pipeline(
            self.spool.sidecar, RedactionPolicy(), SamplingPolicy(), ("body",), keeps_undecodable=keeps_undecodable
        )
        return CaptureWorker(self.segment, self.wake, pipeline, self.spool, observe_sink=lambda status: None)

    def infer(self, link: Copied, *, answered: bool = True) -> str:
        """One exchange with a model, as the tap would copy it."""
        self.count += 1
        tensor = {"shape": [2, 1], "datatype": "FP64", "data": [1.5, 2.5]}
        name = f"r{self.count}"
        asked = json.dumps({"id": name, "inputs": [{"name": "x", **tensor}]}).encode()
        answer = json.dumps({"model_name": "m", "id": name, "outputs": [{"name": "p", **tensor}]}).encode()
        self.say(link, 0, b"POST /v2/models/m/infer HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", asked)
        if answered:
            self.say(link, 1, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", answer)
        return name

    def say(self, link: Copied, direction: int, form: bytes, body: bytes) -> None:
        data = form % (len(body), body)
        place = self.copier.place(link, direction)
        if place is not None:
            place[: len(data)] = data
        self.copier.forwarded(link, direction, len(data), time.time_ns())
        self.copier.publish(time.time_ns())

    def run_to_end(self) -> None:
        """A whole worker: everything that waits is read, then it ends in order."""
        stop, leash = os.pipe()
        os.close(leash)
        self.worker().run(stop)
        os.close(stop)

    def records(self) -> list[Record]:
        found: list[Record] = []
        after = 0
        while batches := self.spool.read(after, 1 << 24):
            for after, payload in batches:  # noqa: B007
                found += decode_batch(payload).records
        return found

    def status(self) -> WorkerStatus:
        return decode_status(self.segment.read_status())


@pytest.fixture
def house(tmp_path) -> Iterator[House]:
    built = House(tmp_path / "spool", 1 << 26)
    yield built
    built.spool.close()


def ids(records: list[Record]) -> list[str]:
    return [record.id for record in records if isinstance(record, Prediction)]


def ledger(records: list[Record]) -> dict[str, int]:
    entries = [record for record in records if isinstance(record, Ledger)]
    return {
        "seen": sum(entry.seen for entry in entries),
        "captured": sum(entry.captured for entry in entries),
        "dropped": sum(sum(entry.dropped.values()) for entry in entries),
    }


def test_exchanges_become_predictions_with_their_account(house):
    """Every exchange once, in the spool, in the ledger and in the counts."""
    link = house.copier.opened(1)
    sent = [house.infer(link) for _ in range(20)]
    house.run_to_end()
    records = house.records()
    assert ids(records) == sent
    assert ledger(records) == {"seen": 20, "captured": 20, "dropped": 0}
    assert (house.status().captured, house.status().records) == (20, 40)
    assert house.status().duration_counts[0] + sum(house.status().duration_counts[1:]) == 20


def test_a_successor_goes_on_and_tells_what_was_in_flight(house):
    """A worker that dies loses what it had not spooled, and exactly that is told as a gap."""
    link = house.copier.opened(1)
    sent = [house.infer(link) for _ in range(5)]
    house.run_to_end()
    dies = house.worker()
    dies._tell_of_predecessor()
    for _ in range(3):
        house.infer(link)
    house.infer(link, answered=False)
    dies._turn()  # and is never heard of again
    house.say(link, 1, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", b"{}")
    sent += [house.infer(link) for _ in range(4)]
    house.run_to_end()
    records = house.records()
    gaps = [record for record in records if isinstance(record, Gap)]
    assert ids(records) == sent
    assert [(gap.reason, gap.exchanges_estimated, gap.connections) for gap in gaps] == [("worker_died", 4, 1)]
    assert house.status().captured == 9


def test_a_gap_is_told_again_rather_than_lost(house):
    """A successor that dies before it does anything else has the gap in the spool already."""
    link = house.copier.opened(1)
    house.infer(link, answered=False)
    house.worker()._turn()
    house.worker()._tell_of_predecessor()
    assert [record.exchanges_estimated for record in house.records() if isinstance(record, Gap)] == [1]


def test_a_full_spool_moves_captured_to_dropped(tmp_path):
    """What the spool refuses is counted as dropped for that reason, and the account follows when there is room."""
    house = House(tmp_path / "spool", 1 << 20)
    link = house.copier.opened(1)
    house.infer(link)
    worker = house.worker()
    house.spool.close()
    house.spool = worker._spool = Spool.open(tmp_path / "spool", quota_bytes=8, free_space_floor_bytes=0)
    worker._turn()
    worker._flush()
    assert (house.status().captured, house.status().dropped) == (0, {"spool_full": 1})
    house.spool.close()
    house.spool = worker._spool = Spool.open(tmp_path / "spool", quota_bytes=1 << 20, free_space_floor_bytes=0)
    house.infer(link)
    worker._turn()
    worker._flush()
    assert ledger(house.records()) == {"seen": 2, "captured": 1, "dropped": 1}
    assert ids(house.records()) == ["r2"]
    house.spool.close()


def test_bytes_that_kill_every_worker_are_stepped_over(house):
    """A fault of ours in some bytes does not stop capture for good."""
    link = house.copier.opened(1)
    for _ in range(6):
        house.infer(link)
    house.segment.words[at.STARTS_AT_TAIL] = STARTS_AT_TAIL_MAX
    house.run_to_end()
    gaps = [record for record in house.records() if isinstance(record, Gap)]
    assert [(gap.reason, gap.exchanges_estimated) for gap in gaps] == [("worker_fails", 6)]
    assert house.segment.words[at.TAIL] == house.segment.words[at.HEAD]


def test_a_damaged_ring_is_given_up_and_told(house):
    """What cannot be read is a gap, and what comes after it is seen."""
    link = house.copier.opened(1)
    house.infer(link)
    house.segment.ring[:4] = b"\xff\xff\xff\x7f"
    worker = house.worker()
    worker._turn()
    house.infer(link)
    worker._turn()
    worker._flush()
    assert ids(house.records()) == ["r2"]
    assert [record.reason for record in house.records() if isinstance(record, Gap)] == ["ring_damaged"]


def test_a_gap_spans_the_whole_loss(house):
    """It begins with the first byte that was not copied, though it can only be told when the loss ends."""
    link = house.copier.opened(1)
    house.infer(link)
    house.copier.missed(link, 1, 100, Uncopied.PACKETS_MISSED, since_ns=3_000, time_ns=9_000)
    house.infer(link)
    assert house.copier.unseen(4_000, 10_000)
    house.copier.publish(11_000)
    house.run_to_end()
    gaps = [record for record in house.records() if isinstance(record, Gap)]
    assert [(gap.reason, gap.start_ns, gap.end_ns, gap.bytes) for gap in gaps] == [
        ("packets_dropped", 4_000, 10_000, 0),
        ("not_copied", 3_000, 9_000, 100),
    ]
    assert house.status().captured == 2


def test_it_ends_when_its_supervisor_does(house):
    """The leash that closes is the order to stop, whoever closed it."""
    stop, leash = os.pipe()
    worker = house.worker()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    link = house.copier.opened(1)
    sent = [house.infer(link) for _ in range(3)]
    os.close(leash)
    thread.join(SECONDS)
    assert not thread.is_alive()
    assert ids(house.records()) == sent
    os.close(stop)


def test_an_undecodable_exchange_is_logged_without_what_was_in_it(house, caplog):
    """Its place and reason help; its content is nobody's business. And not one line each."""
    link = house.copier.opened(1)
    worker = house.worker()
    for _ in range(5):
        house.say(link, 0, b"POST /v2/models/m/infer HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", b"{secret")
        house.say(link, 1, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", b"{}")
        worker._turn()
    worker._flush()
    assert [record.msg for record in caplog.records] == ["undecodable"]
    assert "secret" not in str(vars(caplog.records[0]))
    assert sum(house.status().undecodable.values()) == 5


@pytest.mark.parametrize("keeps", [True, False])
def test_what_no_decoder_reads_is_kept_where_that_is_wished(house: House, keeps: bool) -> None:
    """Beside the journals, as it came; otherwise it is only counted."""
    link = house.copier.opened(time.time_ns())
    house.say(link, 0, b"POST /v2/models/m/infer HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", b"{broken")
    house.say(link, 1, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", b"{}")
    worker = house.worker(keeps_undecodable=keeps)
    worker._turn()
    kept = [decode_unread(path.read_bytes()) for path in unread_paths(house.spool.directory)]
    assert [(each.reason, each.request_body) for each in kept] == [("request_not_json", b"{broken")] * keeps
    assert worker._tally.status.undecodable == {"request_not_json": 1}


class Killed(Exception):
    """Where a worker ends."""


@pytest.mark.parametrize("is_spooled", [True, False])
def test_everything_is_told_once_whenever_a_worker_is_killed(
    house: House, monkeypatch: pytest.MonkeyPatch, is_spooled: bool
) -> None:
    """Before the batch is in the spool, or after it and before anything else says so."""
    link = house.copier.opened(time.time_ns())
    house.infer(link)
    append = house.spool.append

    def dies(records: list[Record], **more: Any) -> int:
        if is_spooled:
            append(records, **more)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(house.spool, "append", dies)
        with pytest.raises(Killed):
            house.run_to_end()
    house.infer(link)
    house.copier.closed(link, time.time_ns())
    house.copier.publish(time.time_ns())
    house.run_to_end()
    house.run_to_end()
    told = [record for record in house.records() if isinstance(record, Passed)]
    words = house.segment.words
    assert sum(each.bytes for each in told) == words[at.BYTES_TO_SERVER] + words[at.BYTES_TO_CLIENT]
    assert sum(each.connections for each in told) == 1
    assert len(told) == 1 + is_spooled
    captured = len(ids(house.records()))
    gaps = [(record.reason, record.exchanges_estimated) for record in house.records() if isinstance(record, Gap)]
    assert (captured, gaps) == ((2, []) if is_spooled else (1, [("worker_died", 1)]))
    assert (ledger(house.records())["captured"], house.status().captured) == (captured, captured)


def test_a_batch_that_was_damaged_in_the_spool_is_a_gap(house):
    """Told once, with the records that its frame's head says it held."""
    link = house.copier.opened(1)
    for _ in range(4):
        house.infer(link)
    worker = house.worker()
    worker._turn()
    worker._flush()
    (journal,) = house.spool.directory.glob("*.journal")
    with journal.open("r+b") as file:
        file.seek(-3, os.SEEK_END)
        file.write(b"???")
    assert house.records() == []
    held = house.spool.faults.records_lost
    assert held > 4
    for _ in range(2):
        worker._flush()
    (gap,) = [record for record in house.records() if isinstance(record, Gap)]
    assert (gap.reason, gap.exchanges_estimated) == ("spool_damaged", held)
    assert gap.start_ns <= gap.end_ns


def test_a_batch_that_was_cut_off_is_told_as_lost(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though its beginning is in the spool: nothing is taken for kept that may not be."""
    monkeypatch.setattr(packing, "BATCH_BYTES_TARGET", 100)
    link = house.copier.opened(time.time_ns())
    house.infer(link)
    append = house.spool.append

    def dies(records: list[Record], **more: Any) -> int:
        append(records, **more)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(house.spool, "append", dies)
        with pytest.raises(Killed):
            house.run_to_end()
    house.spool.close()
    (journal,) = (tmp_path / "spool").glob("*.journal")
    os.truncate(journal, journal.stat().st_size - 1)
    house.spool = Spool.open(tmp_path / "spool", free_space_floor_bytes=0)
    house.run_to_end()
    records = house.records()
    gaps = [(each.reason, each.exchanges_estimated) for each in records if isinstance(each, Gap)]
    assert gaps == [("worker_died", 1)]
    assert sum(each.connections for each in records if isinstance(each, Passed)) == 1


def test_a_disk_that_refuses_to_sync_is_counted_beside_what_was_counted_before(house, monkeypatch):
    """A worker that was killed had counted three, this one sees one more, and counts it once."""

    def refuse(_: int) -> None:
        raise OSError(errno.EIO, "broken")

    before = WorkerStatus()
    before.spool_faults = {"sync": 3}
    house.segment.write_status(encode_status(before))
    worker = house.worker()
    house.spool.append([Gap(start_ns=0, end_ns=1, reason="worker_down", connections=0, bytes=0)])
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", refuse)
        house.spool.sync()
    worker._flush()
    worker._flush()
    assert house.spool.faults.syncs_failed == 1
    assert house.status().spool_faults["sync"] == 4
