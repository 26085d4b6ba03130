"""Forwarder, worker and monitor are killed again and again, one after the other."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.system.chaos.accounts import (
    SECONDS,
    assert_laws,
    assert_light,
    assert_stored,
    processes,
    report,
    seen_and_estimated,
    wait_for_all,
    weighing,
)
from tests.system.chaos.load import CLIENTS, load
from tests.system.chaos.scene import running_model
from tests.system.services.outrider import Sidecar, running_monitor, running_sidecar
from tests.system.services.process import free_port, wait_until

pytestmark = pytest.mark.system

EVERY_SECONDS = 0.7
PROBES = 1
"""Requests of ours after each death of a forwarder."""
BACK_SECONDS_MAX = 60.0
"""It is within one, on a machine that has time for it."""


def seconds_until_answered(sidecar: Sidecar, killed: int) -> float:
    """How long nobody answers on the sidecar's port."""
    began = time.monotonic()
    wait_until(lambda: processes(sidecar).get("forwarder", killed) != killed, BACK_SECONDS_MAX, "a new forwarder")
    with socket.create_connection(("127.0.0.1", sidecar.port), BACK_SECONDS_MAX) as probe:
        probe.sendall(b"GET / HTTP/1.1\r\nHost: model\r\nContent-Length: 0\r\n\r\n")
        probe.recv(1)
    return time.monotonic() - began


def test_kills_in_a_loop_cost_only_the_killed_forwarders_connections(tmp_path: Path) -> None:
    """Each is back by itself, waiting clients are taken up, and what nobody saw is told with its bytes."""
    port = free_port()
    away: list[float] = []
    killed = dict.fromkeys(("forwarder", "worker", "monitor"), 0)
    with ExitStack() as stack:
        model = stack.enter_context(running_model(tmp_path / "model"))
        monitor = stack.enter_context(running_monitor(tmp_path / "monitor-0", tmp_path / "data", port))
        sidecar = stack.enter_context(running_sidecar(tmp_path / "sidecar", model, monitor.url))
        most = stack.enter_context(weighing(sidecar))
        with load(sidecar.port) as asked:
            ends = time.monotonic() + SECONDS
            for victim in itertools.cycle(("worker", "forwarder", "worker", "forwarder", "monitor")):
                if time.monotonic() > ends and all(killed.values()):
                    break
                time.sleep(EVERY_SECONDS)
                if victim == "monitor":
                    os.killpg(monitor.process.pid, signal.SIGKILL)
                    killed[victim] += 1
                    folder = tmp_path / f"monitor-{killed[victim]}"
                    monitor = stack.enter_context(running_monitor(folder, tmp_path / "data", port))
                    continue
                wait_until(lambda: victim in processes(sidecar), BACK_SECONDS_MAX, f"the {victim} is back")  # noqa: B023
                pid = processes(sidecar)[victim]
                os.kill(pid, signal.SIGKILL)
                killed[victim] += 1
                if victim == "forwarder":
                    away.append(seconds_until_answered(sidecar, pid))
            before = asked.answered
            wait_until(lambda: asked.answered > before + CLIENTS, BACK_SECONDS_MAX, "traffic goes on")
        found = wait_for_all(sidecar, monitor)
        assert asked.changed == []
        assert len(asked.lost) <= killed["forwarder"] * CLIENTS, asked.lost
        assert_laws(sidecar, found)
        seen, estimated = seen_and_estimated(found)
        # Of a request whose connection died with its forwarder nobody knows whether it reached the server.
        assert asked.answered <= seen + estimated + len(asked.lost)
        assert seen + estimated <= asked.sent + killed["forwarder"] * (CLIENTS + PROBES)
        assert found["gaps"]["batches_missing"] == 0
        assert_stored(tmp_path / "data", found["exchanges"]["captured"])
        assert_light(most)
        times = ", ".join(f"{count} {name}" for name, count in killed.items())
        report(f"killed {times}; forwarder away for at most {max(away):.2f} s", [asked], found, most)
