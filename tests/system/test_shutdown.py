"""Told to end, each of our processes does so by itself, in order, within the ten seconds that a supervisor gives."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.services.outrider import outrider, running_monitor
from tests.system.services.process import running_process, wait_until

pytestmark = pytest.mark.system
END_SECONDS_MAX = 10.0


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """A job in the background of a shell ignores SIGINT, and so does all that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_monitor_ends_and_closes_its_catalog(tmp_path: Path, number: signal.Signals) -> None:
    """With a request that never comes to its end: exit code 0, and no write-ahead log left to be recovered."""
    data = tmp_path / "data"
    with running_monitor(tmp_path / "monitor", data) as monitor:
        host, _, port = monitor.url.removeprefix("http://").rpartition(":")
        with socket.create_connection((host, int(port))) as half:
            half.sendall(b"POST /api/v1/records HTTP/1.1\r\nHost: m\r\nContent-Length: 1000\r\n\r\nhalf")
            time.sleep(0.3)  # until it is in progress
            began = time.monotonic()
            monitor.process.send_signal(number)
            assert monitor.process.wait(END_SECONDS_MAX) == 0
        assert time.monotonic() - began < END_SECONDS_MAX
    assert (data / "catalog.sqlite").exists()
    assert not (data / "catalog.sqlite-wal").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_demo_and_all_it_started(tmp_path: Path, number: signal.Signals) -> None:
    """In the middle of its traffic; nothing of it is left, and its folder is gone."""
    environ = {"TMPDIR": str(tmp_path)}
    command = [*outrider("demo", "--keep")]
    log = tmp_path / "log"
    with running_process(command, tmp_path, lambda _: b"live traffic" in log.read_bytes(), environ) as demo:
        wait_until(lambda: b"calm for" in log.read_bytes(), 60, "all of it is up")
        children = _children(demo.pid)
        assert len(children) == 3
        began = time.monotonic()
        demo.send_signal(number)
        assert demo.wait(20) == 0
        assert time.monotonic() - began < END_SECONDS_MAX
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []
    assert list(tmp_path.glob("outrider-demo-*")) == []
    assert "Traceback" not in log.read_text()


def _children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
