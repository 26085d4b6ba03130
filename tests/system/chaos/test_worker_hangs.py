"""The capture worker stops working without dying."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pandas as pd
import pytest

from tests.system.chaos.accounts import (
    assert_laws,
    assert_light,
    assert_stored,
    processes,
    report,
    seen_and_estimated,
    wait_for_all,
    weighing,
)
from tests.system.chaos.load import load
from tests.system.chaos.model import MODEL
from tests.system.chaos.scene import running_model
from tests.system.services.outrider import running_monitor, running_sidecar
from tests.system.services.process import wait_until

pytestmark = pytest.mark.system

RING = {"ring_bytes": 4 * 1024**2, "connection_copy_bytes": 2 * 1024**2}
UNCOPIED_MIN = 500_000
PATIENCE_SECONDS = 60.0


def test_what_a_stopped_worker_could_not_take_is_a_gap(tmp_path: Path) -> None:
    """The shared memory fills: bytes go on to the client, and every one that was not copied is counted and told."""
    with (
        running_model(tmp_path / "model") as model,
        running_monitor(tmp_path / "monitor", tmp_path / "data") as monitor,
        running_sidecar(tmp_path / "sidecar", model, monitor.url, RING) as sidecar,
        weighing(sidecar) as most,
    ):
        full = {"reason": "queue_full"}
        with load(sidecar.port, pause_seconds=0.0) as asked:
            wait_until(
                lambda: sidecar.sample("outrider_capture_records_total") > 0, PATIENCE_SECONDS, "a first capture"
            )
            worker, stopped = processes(sidecar)["worker"], pd.Timestamp.now("UTC")
            os.kill(worker, signal.SIGSTOP)
            wait_until(
                lambda: sidecar.sample("outrider_tap_uncopied_bytes_total", **full) > UNCOPIED_MIN,
                PATIENCE_SECONDS,
                "the ring is full",
            )
            os.kill(worker, signal.SIGCONT)
            before = asked.answered
            wait_until(lambda: asked.answered > before + 20, PATIENCE_SECONDS, "traffic goes on")
        found = wait_for_all(sidecar, monitor)
        assert asked.lost == asked.changed == []
        assert_laws(sidecar, found)
        seen, estimated = seen_and_estimated(found)
        assert seen < asked.sent
        # How many exchanges a hole had is an estimate; its bytes are counted.
        assert estimated == pytest.approx(asked.sent - seen, rel=0.3)
        assert found["gaps"]["bytes"] == sidecar.sample("outrider_tap_uncopied_bytes_total")
        gaps = monitor.items(f"/api/v1/models/{MODEL}/gaps")
        assert all(stopped <= pd.Timestamp(gap["start"]) <= pd.Timestamp(gap["end"]) for gap in gaps)
        assert_stored(tmp_path / "data", found["exchanges"]["captured"])
        assert_light(most)
        report("worker stopped, not killed", [asked], found, most)
