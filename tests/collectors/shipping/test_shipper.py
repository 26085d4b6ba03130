"""From the spool to the monitor: in order, at least once, once in effect, and never in capture's way."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from collectors.records.encoding import decode_batch
from collectors.records.types import Gap
from collectors.shipping import MonitorCourier, Shipper, ShippingSettings
from collectors.spool import Spool
from tests.collectors.shipping.scripted import (
    ScriptedMonitor,
    Step,
    answer,
    hang,
    raw,
    reset_within_answer,
    scripted_monitor,
)

SETTINGS = ShippingSettings(poll_s=0.005, request_timeout_s=0.5, failures_to_open=4, open_s=7, requests_in_flight=1)
PATIENT = ShippingSettings(poll_s=0.005, request_timeout_s=60, requests_in_flight=1)


def shipper_to(spool: Spool, url: str, settings: ShippingSettings = SETTINGS, **given: Any) -> Shipper:
    """A shipper of the whole spool to a monitor."""
    (queue,) = spool.attach(["monitor"])
    clock = {"clock": given["clock"]} if "clock" in given else {}
    return Shipper(queue, MonitorCourier(url, settings, **clock), settings, **given)


def eventually(holds: Callable[[], object]) -> None:
    """Wait for what other threads bring about."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.002)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool.open(tmp_path / "spool", free_space_floor_bytes=0, clock=lambda: 77) as opened:
        yield opened


def append(spool: Spool, *numbers: int) -> int:
    return spool.append([Gap(start_ns=number, end_ns=number, reason="x") for number in numbers])


@contextmanager
def shipping(spool: Spool, url: str, settings: ShippingSettings = SETTINGS) -> Iterator[tuple[Shipper, list[float]]]:
    """A running shipper whose pauses are noted instead of waited for."""
    pauses: list[float] = []
    shipper = shipper_to(spool, url, settings, dice=Random(1), clock=lambda: 1_767_225_600 * 10**9, pause=pauses.append)
    shipper.start()
    try:
        yield shipper, pauses
    finally:
        assert shipper.stop(5)


def shipped(spool: Spool, *script: Step) -> tuple[ScriptedMonitor, Shipper, list[float]]:
    """Ship everything to a monitor that plays this script."""
    with scripted_monitor(*script) as monitor, shipping(spool, monitor.url) as (shipper, pauses):
        eventually(lambda: spool.pending_records == 0 and shipper.counts.last_success_ns)
    return monitor, shipper, pauses


def test_batches_arrive_in_order_over_one_connection(spool: Spool) -> None:
    """Each is one request to the documented path, with its type and its id."""
    for number in range(0, 50, 2):
        append(spool, number, number + 1)
    monitor, shipper, _ = shipped(spool)
    assert monitor.records == list(range(50))
    assert monitor.connections == 1
    path, headers = monitor.requests[0]
    assert path == "/api/v1/records"
    assert headers["content-type"] == "application/vnd.outrider.batch"
    assert headers["outrider-batch"] == f"{spool.sidecar}/1"
    assert (shipper.counts.sent_batches, shipper.counts.sent_records, shipper.counts.failed) == (25, 50, {})


def test_what_is_appended_later_is_shipped_too(spool: Spool) -> None:
    """Shipping waits for capture, not the other way round."""
    with scripted_monitor() as monitor, shipping(spool, monitor.url):
        for number in range(5):
            append(spool, number)
            eventually(lambda number=number: monitor.records == list(range(number + 1)))  # type: ignore[misc]
            eventually(lambda: spool.pending_records == 0)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (answer(500), "http_500"),
        (answer(503), "http_503"),
        (answer(408), "http_408"),
        (answer(429), "http_429"),
        (answer(404), "http_404"),
        (hang, "timeout"),
        (lambda _: False, "reset"),
        (reset_within_answer, "reset"),
        (raw(b"SSH-2.0-OpenSSH\r\n"), "protocol"),
    ],
    ids=["500", "503", "408", "429", "404", "hang", "closed", "reset", "foreign"],
)
def test_a_batch_is_tried_again_until_it_is_taken(spool: Spool, step: Step, reason: str) -> None:
    """Whatever went wrong, it keeps its place in the order, and each attempt is counted."""
    append(spool, 1)
    append(spool, 2)
    monitor, shipper, pauses = shipped(spool, step, step)
    assert monitor.records == [1, 2]
    assert (shipper.counts.failed, shipper.counts.retries, len(pauses)) == ({reason: 2}, 2, 2)
    assert shipper.counts.sent_batches == 2


@pytest.mark.parametrize(
    ("header", "pause_s"), [("Retry-After: 42", 42), ("Retry-After: Thu, 01 Jan 2026 00:00:30 GMT", 30)]
)
def test_retry_after_is_honoured(spool: Spool, header: str, pause_s: float) -> None:
    """As seconds and as a date."""
    append(spool, 1)
    _, _, pauses = shipped(spool, answer(429, header), answer(503, header))
    assert pauses == [pause_s, pause_s]


def test_a_batch_the_monitor_had_already_is_acknowledged(spool: Spool) -> None:
    """A lost answer costs a second request, and nothing else."""
    append(spool, 1)
    append(spool, 2)
    monitor, shipper, _ = shipped(spool, answer(409))
    assert monitor.records == [2]
    assert (shipper.counts.known_batches, shipper.counts.known_records, shipper.counts.sent_records) == (1, 1, 1)


def test_a_batch_that_will_never_be_taken_is_kept_aside(spool: Spool) -> None:
    """With the reason, and shipping goes on behind it."""
    append(spool, 1, 1, 1)
    append(spool, 2)
    monitor, shipper, pauses = shipped(spool, answer(400, body=b'{"detail": "no such thing"}'))
    assert monitor.records == [2]
    assert (shipper.counts.refused_batches, shipper.counts.refused_records) == (1, 3)
    assert (shipper.counts.refused_not_kept, pauses) == (0, [])
    (kept,) = (spool.directory / "refused").iterdir()
    why, _, payload = kept.read_bytes().partition(b"\n")
    assert json.loads(why) == {
        "batch": f"{spool.sidecar}/1",
        "sink": "monitor",
        "status": "http_400",
        "detail": '{"detail": "no such thing"}',
        "time_ns": 77,
    }
    assert decode_batch(payload).id == f"{spool.sidecar}/1"


def test_a_batch_at_which_the_monitor_fails_does_not_hold_up_the_others(spool: Spool) -> None:
    """It is set aside once the monitor has taken the next one and failed at it again."""
    append(spool, 1)
    append(spool, 2)
    append(spool, 3)
    with scripted_monitor() as monitor:
        take = monitor._take
        monitor._take = lambda body: (  # type: ignore[method-assign]
            answer(500, body=b"bug") if decode_batch(body).sequence == 1 else take(body)
        )
        with shipping(spool, monitor.url) as (shipper, _):
            eventually(lambda: spool.pending_records == 0 and shipper.counts.sent_records)
    assert monitor.records == [2, 3]
    assert (shipper.counts.refused_batches, shipper.counts.known_batches, shipper.counts.sent_batches) == (1, 0, 2)
    (kept,) = (spool.directory / "refused").iterdir()
    assert json.loads(kept.read_bytes().partition(b"\n")[0])["status"] == "http_500"


def test_a_monitor_that_fails_at_everything_costs_no_batch(spool: Spool) -> None:
    """However long it goes on; a batch that was sent to ask may be the first to be taken."""
    append(spool, 1)
    append(spool, 2)
    monitor, shipper, _ = shipped(spool, *[answer(500)] * 60)
    assert sorted(monitor.records) == [1, 2]
    assert shipper.counts.refused_batches == 0


def test_a_refused_batch_without_room_is_counted(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dead-letter folder is bounded, and shipping goes on."""
    monkeypatch.setattr("collectors.spool.side_files.SIDE_BYTES_MAX", 0)
    append(spool, 1)
    _, shipper, _ = shipped(spool, answer(422))
    assert shipper.counts.refused_not_kept == 1


def test_the_circuit_opens_while_the_monitor_is_away(spool: Spool) -> None:
    """Then there is one probe at a time, and it closes with the first success."""
    append(spool, 1)
    with scripted_monitor() as gone:
        url = gone.url
    with shipping(spool, url) as (shipper, pauses):
        eventually(lambda: len(pauses) > 10)
        assert shipper.counts.circuit in ("open", "half_open")
        assert set(shipper.counts.failed) == {"connect"}
        assert all(pause >= SETTINGS.open_s for pause in pauses[4:])
        assert spool.pending_records == 1
    _, shipper, _ = shipped(spool, *[answer(500)] * 6)
    assert shipper.counts.circuit == "closed"


def test_a_hanging_monitor_does_not_keep_capture_waiting(spool: Spool) -> None:
    """Appending goes on while a request is in flight."""
    append(spool, 0)
    with scripted_monitor(hang) as monitor:
        shipper = shipper_to(spool, monitor.url, PATIENT)
        shipper.start()
        eventually(lambda: monitor.requests)
        for number in range(200):
            append(spool, number)
        spool.sync()
        assert spool.pending_records == 201
        assert len(monitor.requests) == 1
        assert shipper.stop(0.1)


def test_stopping_leaves_the_rest_in_the_spool(spool: Spool) -> None:
    """Within its time, also while a request hangs or a pause is long; the next shipper sends it."""
    for number in range(3):
        append(spool, number)
    with scripted_monitor(answer(200), hang) as monitor:
        shipper = shipper_to(spool, monitor.url, PATIENT)
        shipper.start()
        eventually(lambda: len(monitor.requests) == 2)
        began = time.monotonic()
        assert shipper.stop(0.4)
        assert time.monotonic() - began < 0.6
    assert spool.pending_records == 2
    monitor, _, _ = shipped(spool)
    assert monitor.records == [1, 2]


def test_stopping_ends_a_long_pause(spool: Spool) -> None:
    """Nobody waits for a Retry-After at the end."""
    append(spool, 1)
    with scripted_monitor(answer(503, "Retry-After: 300")) as monitor:
        shipper = shipper_to(spool, monitor.url)
        shipper.start()
        eventually(lambda: shipper.counts.failed)
        began = time.monotonic()
        assert shipper.stop(5)
        assert time.monotonic() - began < 2


def test_stopping_what_never_started_is_no_error(spool: Spool) -> None:
    """A start-up that fails half-way stops everything."""
    assert shipper_to(spool, "http://127.0.0.1:1").stop(1)


def test_a_wrong_address_is_named_at_the_start(spool: Spool) -> None:
    """Not at the first batch."""
    with pytest.raises(ValueError, match="monitor URL"):
        shipper_to(spool, "127.0.0.1:8080")


def test_a_spool_that_cannot_be_read_now_is_tried_again(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of descriptors, say."""
    append(spool, 1)
    read, failures = spool.read, [OSError(24, "too many open files")]

    def failing(*given: Any) -> list[tuple[int, bytes]]:
        if failures:
            raise failures.pop()
        return read(*given)

    monkeypatch.setattr(spool, "read", failing)
    monitor, shipper, _ = shipped(spool)
    assert monitor.records == [1]
    assert shipper.counts.failed == {"spool_read": 1}


def test_damage_in_the_spool_does_not_stop_shipping(spool: Spool) -> None:
    """What is behind it arrives, and then nothing waits."""
    for number in range(3):
        append(spool, number)
    (path,) = spool.directory.glob("*.journal")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    data[40] ^= 1
    path.write_bytes(data)
    with scripted_monitor() as monitor, shipping(spool, monitor.url):
        eventually(lambda: monitor.records == [1] and spool.pending_records == 0)


def test_everything_arrives_once_in_effect(tmp_path: Path) -> None:
    """Answers of every kind in random order, restarts in between, capture going on: each record is taken once."""
    dice, total, number = Random(5), 300, 0
    kinds: list[Step] = [answer(500), answer(429), reset_within_answer, lambda _: False, raw(b"HTTP/1.1 2")]
    with scripted_monitor() as monitor:

        def lose_answers(body: bytes, take: Callable[[bytes], Step] = monitor._take) -> Step:
            """Now and then the batch is taken and the answer does not arrive."""
            step = take(body)
            return dice.choice(kinds) if dice.random() < 0.3 else step

        monitor._take = lose_answers  # type: ignore[method-assign]
        while number < total:
            monitor.script += [dice.choice(kinds) for _ in range(dice.randrange(3))]
            spool = Spool.open(tmp_path / "spool", free_space_floor_bytes=0, journal_bytes=1_000)
            with spool, shipping(spool, monitor.url):
                for _ in range(30):
                    append(spool, number)
                    number += 1
                time.sleep(dice.random() / 50)
        with Spool.open(tmp_path / "spool", free_space_floor_bytes=0) as spool, shipping(spool, monitor.url):
            eventually(lambda: spool.pending_records == 0)
        assert monitor.records == list(range(total))
        assert monitor.known > 0
