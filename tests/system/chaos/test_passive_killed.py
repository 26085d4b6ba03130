"""The watcher of the passive tap is killed again and again."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.system.chaos.accounts import (
    SECONDS,
    assert_light,
    assert_stored,
    processes,
    report,
    seen_and_estimated,
    wait_for_all,
    weighing,
)
from tests.system.chaos.load import load
from tests.system.chaos.scene import running_model
from tests.system.services.outrider import running_monitor, running_passive
from tests.system.services.process import wait_until

pytestmark = pytest.mark.system

EVERY_SECONDS = 1.0
BACK_SECONDS_MAX = 60.0


def test_a_watcher_that_is_killed_touches_no_inference(tmp_path: Path) -> None:
    """Clients notice nothing; what no watcher saw is a gap, and what was seen is there once."""
    with (
        running_model(tmp_path / "model") as model,
        running_monitor(tmp_path / "monitor", tmp_path / "data") as monitor,
        running_passive(tmp_path / "sidecar", [int(model.rpartition(":")[2])], {"monitor": monitor.url}) as sidecar,
        weighing(sidecar) as most,
    ):
        with load(sidecar.port) as asked:
            ends, killed = time.monotonic() + SECONDS, 0
            while time.monotonic() < ends or not killed:
                time.sleep(EVERY_SECONDS)
                wait_until(lambda: "watcher" in processes(sidecar), BACK_SECONDS_MAX, "the watcher is back")
                with suppress(ProcessLookupError):
                    os.kill(processes(sidecar)["watcher"], signal.SIGKILL)
                    killed += 1
        found = wait_for_all(sidecar, monitor)
        assert asked.lost == asked.changed == []
        assert found["exchanges"]["unaccounted"] == found["exchanges_without_model"]["unaccounted"] == 0
        assert found["tap"]["bytes_unaccounted"] == 0
        seen, estimated = seen_and_estimated(found)
        assert seen <= asked.sent
        if seen < asked.sent:
            assert found["gaps"]["count"] > 0 and estimated > 0
        assert_stored(tmp_path / "data", found["exchanges"]["captured"])
        assert_light(most)
        report(f"passive: watcher killed {killed} times", [asked], found, most)
