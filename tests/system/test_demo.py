"""`outrider demo` as a user runs it: its promises in time, every address it prints, and nothing left behind."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.system.services.outrider import outrider
from tests.system.services.process import STOP_SECONDS_MAX, wait_until

pytestmark = pytest.mark.system

FOR_SECONDS = 100
AROUND_SECONDS_MAX = 40.0
"""What may be added to it on a busy machine: loading scikit-learn before the clock starts, ending in order after."""
FIRST_INFERENCE_SECONDS_MAX = 60
ALERT_SECONDS_MAX = 120
MARK = "OUTRIDER_TEST_RUN"
"""An environment variable by which the demo's processes know each other again, whatever becomes of their parents."""


@dataclass
class Run:
    """`lines`: (seconds after the command, text). `addresses`: every URL that was printed, with the status it gave."""

    lines: list[tuple[float, str]] = field(default_factory=list)
    addresses: dict[str, int] = field(default_factory=dict)
    processes: set[str] = field(default_factory=set)
    """Of the demo while it ran: the words after the interpreter."""
    code: int | None = None
    left: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def at(self, text: str) -> float:
        found = next((at for at, line in self.lines if text in line), None)
        assert found is not None, f"{text!r} is not in the demo's output: {[line for _, line in self.lines]}"
        return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One run; its addresses are asked while it is up."""
    mark = f"{os.getpid()}-{time.time_ns()}"
    run, began = Run(), time.monotonic()
    process = subprocess.Popen(
        outrider("demo", "--for", FOR_SECONDS),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path_factory.mktemp("demo"),
        env=os.environ | {MARK: mark},
    )
    assert process.stdout is not None
    asking: list[threading.Thread] = []
    try:
        for line in process.stdout:
            run.lines.append((time.monotonic() - began, line.rstrip()))
            for url in re.findall(r"http://[^\s)]+", line):
                if url not in run.addresses and "ALERT" not in line:
                    run.addresses[url] = 0
                    asking.append(threading.Thread(target=ask, args=(run, url)))
                    asking[-1].start()
            if "ALERT" in line:
                run.processes |= {command_line(pid) for pid in marked(mark)}
        run.code = process.wait(STOP_SECONDS_MAX)
        run.seconds = time.monotonic() - began
        run.left = marked(mark)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        for thread in asking:
            thread.join()
    yield run


def ask(run: Run, url: str) -> None:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            run.addresses[url] = answer.status
    except urllib.error.HTTPError as error:
        # The webhook takes POST alone; it answers all the same.
        run.addresses[url] = error.code


def marked(mark: str) -> list[int]:
    """Processes that inherited the mark."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def command_line(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return b" ".join(words[1:4]).decode()


def test_it_keeps_its_times(demo: Run) -> None:
    """The first inference within 60 s of the command, the drift alert at its own webhook within 120 s."""
    assert demo.at("first inference sent") < FIRST_INFERENCE_SECONDS_MAX
    assert demo.at("ALERT at the webhook: firing drift") < ALERT_SECONDS_MAX


def test_it_ends_as_asked(demo: Run) -> None:
    """Exit code 0, not much after the seconds that were given."""
    assert demo.code == 0, demo.lines[-5:]
    assert FOR_SECONDS <= demo.seconds < FOR_SECONDS + AROUND_SECONDS_MAX


def test_no_inference_failed(demo: Run) -> None:
    """It says so itself, as long as it runs."""
    told = [line for _, line in demo.lines if "requests sent" in line]
    assert told
    assert all(line.endswith(" 0 failed") for line in told)


def test_every_address_it_prints_answers(demo: Run) -> None:
    """Server, sidecar, metrics, dashboards, API, webhook, and the alert's own page."""
    assert len(demo.addresses) >= 8
    assert any("/alerts/" in url for url in demo.addresses)
    failed = {url: status for url, status in demo.addresses.items() if status != 200 and not url.endswith("/hook")}
    assert failed == {}
    assert [status for url, status in demo.addresses.items() if url.endswith("/hook")] != [0]


def test_server_sidecar_and_monitor_are_processes_of_their_own(demo: Run) -> None:
    """Real ones, started as a user would start them."""
    assert {"-m outrider demo", "-m outrider sidecar", "-m outrider monitor"} <= demo.processes
    assert "-m outrider.demo.server 127.0.0.1" in demo.processes


def test_nothing_is_left_behind(demo: Run) -> None:
    """No process of it lives on, and its ports are free."""
    wait_until(lambda: not [pid for pid in demo.left if Path(f"/proc/{pid}").exists()], STOP_SECONDS_MAX, "all end")
    for port in {int(found) for url in demo.addresses for found in re.findall(r"127\.0\.0\.1:(\d+)", url)}:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
