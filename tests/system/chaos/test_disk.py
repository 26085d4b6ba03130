"""The disk of the spool is full for a while."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
from tests.system.services.outrider import running_monitor, running_sidecar
from tests.system.services.process import wait_until

pytestmark = pytest.mark.system

DISK_BYTES = 8 * 1024**2
DROPPED_MIN = 50


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of a few MiB, as root may make one."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "chaos", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(path: Path) -> None:
    """Leave no byte of the disk."""
    with path.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_a_full_disk_costs_records_that_are_counted_and_nothing_else(tmp_path: Path) -> None:
    """While nothing can be spooled, exchanges are dropped as `spool_full`; with room again all goes on by itself."""
    settings = {"spool_free_space_floor_bytes": 0}
    with (
        small_disk(tmp_path / "sidecar") as disk,
        running_model(tmp_path / "model") as model,
        running_monitor(tmp_path / "monitor", tmp_path / "data") as monitor,
        standing_between(monitor.url) as between,
        running_sidecar(disk, model, between.url, settings) as sidecar,
        weighing(sidecar) as most,
    ):
        full = {"outcome": "dropped", "reason": "spool_full"}
        with load(sidecar.port) as asked:
            time.sleep(SECONDS / 4)
            between.mood = "dead"  # so that nothing is acknowledged, and no room comes back by that
            fill(disk / "filler")
            wait_until(
                lambda: sidecar.sample("outrider_capture_exchanges_total", **full) > DROPPED_MIN,
                60,
                "records are dropped",
            )
            time.sleep(SECONDS / 2)
            (disk / "filler").unlink()
            between.mood = "passing"
            time.sleep(SECONDS / 4)
        found = wait_for_all(sidecar, monitor)
        assert asked.lost == asked.changed == []
        assert_laws(sidecar, found)
        assert seen_and_estimated(found) == (asked.sent, 0)
        dropped = found["exchanges"]["dropped"]["spool_full"]
        assert dropped == sidecar.sample("outrider_capture_exchanges_total", **full)
        assert found["exchanges"]["captured"] + dropped == asked.sent
        assert_stored(tmp_path / "data", found["exchanges"]["captured"])
        assert_light(most)
        report("disk full", [asked], found, most)
