"""Between sidecar and monitor, batches are doubled, overtaken, and their acknowledgements lost."""

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
from tests.system.chaos.between import standing_between
from tests.system.chaos.load import load
from tests.system.chaos.scene import running_model
from tests.system.services.outrider import running_monitor, running_sidecar, sample, text

pytestmark = pytest.mark.system


def test_doubled_and_reordered_delivery_counts_everything_once(tmp_path: Path) -> None:
    """The monitor knows each batch by its id: every row is there once, and no batch is missing in the end."""
    with (
        running_model(tmp_path / "model") as model,
        running_monitor(tmp_path / "monitor", tmp_path / "data") as monitor,
        standing_between(monitor.url) as between,
        running_sidecar(tmp_path / "sidecar", model, between.url) as sidecar,
        weighing(sidecar) as most,
    ):
        between.mood = "mixing"
        with load(sidecar.port) as asked:
            time.sleep(SECONDS)
        between.mood = "passing"
        found = wait_for_all(sidecar, monitor)
        assert between.twice and between.late and between.unanswered
        assert sample(text(f"{monitor.url}/metrics"), "outrider_duplicate_batches_total") > 0
        assert asked.lost == asked.changed == []
        assert_laws(sidecar, found)
        assert seen_and_estimated(found) == (asked.sent, 0)
        assert found["gaps"]["count"] == 0
        assert_stored(tmp_path / "data", found["exchanges"]["captured"])
        assert_light(most)
        report("batches doubled, reordered, unanswered", [asked], found, most)
