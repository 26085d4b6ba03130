"""One spool to several sinks: none waits for another; requests in flight; files; what was refused is sent again."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from collectors.errors import StartFailed
from collectors.records.encoding import decode_batch
from collectors.records.types import Gap
from collectors.shipping import MonitorCourier, Outcome, Parcel, ShippingSettings
from collectors.shipping.fan_out import FanOut
from collectors.shipping.files import FilesCourier
from collectors.shipping.resend import resend
from collectors.spool import Spool
from collectors.spool.inspection import inspect
from collectors.spool.side_files import refused_paths
from tests.collectors.shipping.scripted import answer, hang, scripted_monitor
from tests.collectors.shipping.test_shipper import SETTINGS, append, eventually

SEVERAL = ShippingSettings(
    poll_s=0.005, request_timeout_s=20, backoff_base_s=0.001, backoff_cap_s=0.01, requests_in_flight=4
)


class Taking:
    """A sink that takes everything, or nothing while it is down."""

    parcels_max, bytes_max, patience_s = 10, 1 << 20, 0.0

    def __init__(self) -> None:
        self.is_down = threading.Event()
        self.taken: list[int] = []

    def deliver(self, parcels: Sequence[Parcel]) -> list[Outcome]:
        if self.is_down.is_set():
            return [Outcome("again", "down")] * len(parcels)
        self.taken += [parcel.sequence for parcel in parcels]
        return [Outcome("taken")] * len(parcels)

    def abort(self) -> None: ...
    def close(self) -> None: ...


def opened(tmp_path: Path, **more: int) -> Spool:
    return Spool.open(tmp_path / "spool", free_space_floor_bytes=0, journal_bytes=500, **more)  # type: ignore[arg-type]


def test_a_sink_that_is_down_holds_up_no_other(tmp_path: Path) -> None:
    """And gets what waited for it when it is back."""
    up, down = Taking(), Taking()
    down.is_down.set()
    with opened(tmp_path) as spool:
        fan_out = FanOut(spool, {"up": up, "down": down}, SEVERAL)
        fan_out.start()
        for number in range(50):
            append(spool, number)
        eventually(lambda: up.taken == list(range(1, 51)))
        assert down.taken == []
        down.is_down.clear()
        eventually(lambda: down.taken == list(range(1, 51)) and spool.pending_records == 0)
        assert fan_out.stop(5)


def test_each_sink_goes_on_where_it_was(tmp_path: Path) -> None:
    """Over restarts, and what was given up for want of space is counted."""
    with opened(tmp_path, quota_bytes=4_000) as spool:
        up, down = Taking(), Taking()
        down.is_down.set()
        fan_out = FanOut(spool, {"up": up, "down": down}, SEVERAL)
        fan_out.start()
        for number in range(100):
            append(spool, number)
            eventually(lambda number=number: len(up.taken) == number + 1)  # type: ignore[misc]
        assert fan_out.stop(5)
        lost = fan_out.shippers[1].queue.counts.given_up_records
        assert lost > 0
    with opened(tmp_path, quota_bytes=4_000) as spool:
        again, back = Taking(), Taking()
        fan_out = FanOut(spool, {"up": again, "down": back}, SEVERAL)
        fan_out.start()
        eventually(lambda: spool.pending_records == 0)
        assert fan_out.stop(5)
    assert again.taken == []
    assert back.taken == list(range(lost + 1, 101))


def test_several_requests_are_in_flight_and_acknowledged_in_order(tmp_path: Path) -> None:
    """One that hangs keeps its place: what is behind it is sent, and waits for it."""
    with opened(tmp_path) as spool, scripted_monitor(hang) as monitor:
        (queue,) = (fan_out := FanOut(spool, {"monitor": MonitorCourier(monitor.url, SEVERAL)}, SEVERAL)).shippers
        for number in range(12):
            append(spool, number)
        fan_out.start()
        eventually(lambda: len(monitor.requests) >= 4)
        assert queue.queue.acknowledged == 0
        fan_out.stop(0.2)
    assert monitor.connections == 4


def test_a_batch_that_fails_among_others_is_sent_again_alone(tmp_path: Path) -> None:
    """What the monitor has answered for is not sent twice."""
    with opened(tmp_path) as spool, scripted_monitor(answer(503)) as monitor:
        fan_out = FanOut(spool, {"monitor": MonitorCourier(monitor.url, SEVERAL)}, SEVERAL)
        for number in range(20):
            append(spool, number)
        fan_out.start()
        eventually(lambda: spool.pending_records == 0)
        assert fan_out.stop(5)
        counts = fan_out.shippers[0].counts
    assert sorted(monitor.records) == list(range(20))
    assert (monitor.known, counts.retries, counts.failed) == (0, 1, {"http_503": 1})


def test_files_are_journals(tmp_path: Path) -> None:
    """Batches that come together are one object, which whatever reads a spool reads."""
    parcels = []
    with opened(tmp_path) as spool:
        for number in range(5):
            append(spool, number)
        parcels = [Parcel(n, spool.batch_id(n), payload) for n, payload in spool.read(0, 1 << 20)]
        courier = FilesCourier(str(tmp_path / "out"), {}, "sinks.files", clock=lambda: 0)
        assert courier.deliver(parcels) == [Outcome("taken")] * 5
        (path,) = (tmp_path / "out").rglob("*.journal")
        assert path.relative_to(tmp_path / "out").as_posix() == (
            f"{spool.sidecar}/1970-01-01/00000000000000000001-00000000000000000005.journal"
        )
    folder = tmp_path / "read"
    folder.mkdir()
    (folder / "00000000000000000001.journal").write_bytes(path.read_bytes())
    found = inspect(folder)
    assert sum(journal.frames for journal in found.journals) == 5
    assert not any(journal.damage for journal in found.journals)


def test_a_directory_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    """With the reason."""
    (tmp_path / "out").write_text("a file")
    (outcome,) = FilesCourier(str(tmp_path / "out"), {}, "sinks.files").deliver([Parcel(1, "ab" * 16 + "/1", b"x")])
    assert (outcome.verdict, outcome.reason) == ("again", "files_write")


def test_secrets_do_not_stand_in_settings() -> None:
    """They come from the environment."""
    with pytest.raises(StartFailed, match="credentials are taken from the environment"):
        FilesCourier("s3://b", {"secret_access_key": "x"}, "sinks.files")


def test_what_was_refused_is_sent_again(tmp_path: Path) -> None:
    """Under its id, and its file goes; what is refused once more stays."""
    with opened(tmp_path) as spool:
        with scripted_monitor(answer(422), answer(422)) as monitor:
            fan_out = FanOut(spool, {"monitor": MonitorCourier(monitor.url, SETTINGS)}, SETTINGS)
            for number in range(3):
                append(spool, number)
            fan_out.start()
            eventually(lambda: spool.pending_records == 0)
            assert fan_out.stop(5)
        assert monitor.records == [2]
        with scripted_monitor(answer(422)) as mended:
            first = resend(spool.directory, MonitorCourier(mended.url, SETTINGS))
            assert (first.taken, list(first.left.values())) == (1, ["http_422: {}"])
            second = resend(spool.directory, MonitorCourier(mended.url, SETTINGS), "monitor")
        assert (second.taken, second.left) == (1, {})
        assert sorted(mended.records) == [0, 1]
        assert refused_paths(spool.directory) == []


def test_batches_are_the_spools_own(tmp_path: Path) -> None:
    """What a sink is handed is what was appended."""
    with opened(tmp_path) as spool:
        append(spool, 7)
        ((sequence, payload),) = spool.read(0, 1)
        assert decode_batch(payload).records == (Gap(start_ns=7, end_ns=7, reason="x"),)
        assert sequence == 1
