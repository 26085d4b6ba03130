"""The monitor dies, hangs and crawls while the model is at full load; a second sink is never there."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.system.chaos.accounts import (
    SECONDS,
    assert_laws,
    assert_light,
    assert_stored,
    report,
    seen_and_estimated,
    wait_for_all,
    weighing,
)
from tests.system.chaos.between import Mood, standing_between
from tests.system.chaos.load import load
from tests.system.chaos.scene import running_model
from tests.system.services.outrider import running_monitor, running_sidecar
from tests.system.services.process import free_port

pytestmark = pytest.mark.system

MOODS: tuple[Mood, ...] = ("hung", "slow", "dead")


def test_a_monitor_that_fails_costs_no_inference_and_no_record(tmp_path: Path) -> None:
    """Everything waits in the spool and arrives once when the monitor is back; the sink that is dead holds up nothing."""
    nobody = {"sinks": [{"name": "standby", "monitor": f"http://127.0.0.1:{free_port()}"}]}
    with (
        running_model(tmp_path / "model") as model,
        running_monitor(tmp_path / "monitor", tmp_path / "data") as monitor,
        standing_between(monitor.url) as between,
        running_sidecar(tmp_path / "sidecar", model, between.url, nobody) as sidecar,
        weighing(sidecar) as most,
    ):
        with load(sidecar.port, pause_seconds=0.0) as asked:
            for mood in MOODS:
                between.mood = mood
                time.sleep(SECONDS / len(MOODS))
        between.mood = "passing"
        between.released.set()
        found = wait_for_all(sidecar, monitor)
        assert between.held > 0
        assert asked.lost == asked.changed == []
        assert_laws(sidecar, found)
        seen, estimated = seen_and_estimated(found)
        if estimated == 0:
            assert seen == asked.sent
        else:  # the worker had too little of a processor: how many exchanges a hole had is an estimate
            assert seen + estimated == pytest.approx(asked.sent, rel=0.3)
        assert found["gaps"]["bytes"] == sum(found["tap"]["bytes_uncopied"].values())
        assert_stored(tmp_path / "data", found["exchanges"]["captured"])
        assert sidecar.sample("outrider_sink_queue_records", sink="standby") > 0
        assert_light(most)
        report("monitor hung, slow, dead; a sink that never was", [asked], found, most)
