"""The spool's journals are damaged on the disk: bits flipped while the sidecar runs, an end torn off at its death."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.system.chaos.accounts import (
    ARRIVAL_SECONDS_MAX,
    SECONDS,
    account,
    assert_light,
    assert_stored,
    report,
    seen_and_estimated,
    weighing,
)
from tests.system.chaos.between import standing_between
from tests.system.chaos.load import CLIENTS, load
from tests.system.chaos.model import MODEL
from tests.system.chaos.scene import running_model
from tests.system.services.outrider import Monitor, Sidecar, running_monitor, running_sidecar, sample, text
from tests.system.services.process import wait_until

pytestmark = pytest.mark.system

FRAME = b"\xf5ORF"
FLIPPED_AT = 60
"""Behind a frame's head, in what it holds."""
OTHER_RECORDS_MAX = 6
"""In one batch: ledger entries of its seconds, the bytes that passed."""
SPOOLED_SECONDS = 1.0
"""What is decoded is in the spool within a fifth of it."""


def flip_a_bit(spool: Path) -> None:
    """In what the third batch of the newest journal holds, counted from its end: nobody has read it yet."""
    path = sorted(spool.glob("*.journal"))[-1]
    with path.open("r+b") as journal:
        data = journal.read()
        at = len(data)
        for _ in range(3):
            at = data.rindex(FRAME, 0, at)
        journal.seek(at + FLIPPED_AT)
        journal.write(bytes([data[at + FLIPPED_AT] ^ 1]))


def tear_off(spool: Path) -> None:
    """The last bytes of the newest batch, as where a machine loses power."""
    path = sorted(spool.glob("*.journal"))[-1]
    os.truncate(path, path.stat().st_size - 5)


def told_of_damage(monitor: Monitor) -> bool:
    gaps = monitor.items(f"/api/v1/models/{MODEL}/gaps")
    return any(gap["reason"] == "spool_damaged" for gap in gaps)


def settled(sidecar: Sidecar, monitor: Monitor) -> dict[str, Any]:
    """The monitor's account once nothing waits and it has been told of the damage."""

    def arrived() -> bool:
        exposition = text(f"{sidecar.metrics_url}/metrics")
        waiting = sample(exposition, "outrider_sink_queue_records", sink="monitor")
        return not waiting and not sample(exposition, "outrider_tap_ring_bytes") and told_of_damage(monitor)

    wait_until(arrived, ARRIVAL_SECONDS_MAX, "the monitor has all that is left, and knows of the rest")
    return account(monitor)


def test_a_flipped_bit_costs_one_batch_that_is_told(tmp_path: Path) -> None:
    """The damaged batch is put aside, everything else arrives, and a gap tells how many records it held."""
    spool = tmp_path / "sidecar" / "spool"
    with (
        running_model(tmp_path / "model") as model,
        running_monitor(tmp_path / "monitor", tmp_path / "data") as monitor,
        standing_between(monitor.url) as between,
        running_sidecar(tmp_path / "sidecar", model, between.url) as sidecar,
        weighing(sidecar) as most,
    ):
        with load(sidecar.port) as asked:
            wait_until(lambda: sidecar.sample("outrider_sink_records_total") > 0, 60, "the monitor knows the sidecar")
            between.mood = "dead"
            time.sleep(SECONDS)
            flip_a_bit(spool)
        between.mood = "passing"
        found = settled(sidecar, monitor)
        assert asked.lost == asked.changed == []
        assert found["gaps"]["batches_missing"] == 1
        seen, estimated = seen_and_estimated(found)
        assert seen < asked.sent
        # Beside its exchanges the batch held their ledger, and what had passed at the tap.
        assert asked.sent <= seen + estimated <= asked.sent + OTHER_RECORDS_MAX
        assert_stored(tmp_path / "data", found["exchanges"]["captured"])
        assert len(list((spool / "quarantine").iterdir())) == 1
        assert_light(most)
        report("journal: a bit flipped", [asked], found, most)


def test_a_torn_end_costs_no_more_than_what_was_torn_off(tmp_path: Path) -> None:
    """The machine loses power with batches on the disk: a new start sends all that is whole, and goes on."""
    folder = tmp_path / "sidecar"
    with (
        running_model(tmp_path / "model") as model,
        running_monitor(tmp_path / "monitor", tmp_path / "data") as monitor,
        standing_between(monitor.url) as between,
    ):
        with running_sidecar(folder, model, between.url) as first:
            with load(first.port) as before:
                wait_until(lambda: first.sample("outrider_sink_records_total") > 0, 60, "the monitor knows the sidecar")
                between.mood = "dead"
                time.sleep(SECONDS / 2)
            wait_until(lambda: not first.sample("outrider_tap_ring_bytes"), 60, "all of it is decoded")
            time.sleep(SPOOLED_SECONDS)
            os.killpg(first.process.pid, signal.SIGKILL)
            first.process.wait()
        tear_off(folder / "spool")
        between.mood = "passing"
        with running_sidecar(folder, model, between.url) as second, weighing(second) as most:
            with load(second.port, first=CLIENTS) as after:
                time.sleep(SECONDS / 2)
            found = settled(second, monitor)
        assert before.lost == before.changed == after.lost == after.changed == []
        seen, estimated = seen_and_estimated(found)
        sent = before.sent + after.sent
        assert seen <= sent
        assert sent <= seen + estimated <= sent + OTHER_RECORDS_MAX
        assert_stored(tmp_path / "data", found["exchanges"]["captured"])
        assert_light(most)
        report("journal: its end torn off", [before, after], found, most)
