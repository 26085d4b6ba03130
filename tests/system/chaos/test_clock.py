"""The clock of the sidecar's machine jumps an hour ahead, and two hours back."""

from __future__ import annotations

import os
import struct
import subprocess
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
from tests.system.chaos.load import load
from tests.system.chaos.scene import running_model
from tests.system.services.outrider import running_monitor, running_sidecar

pytestmark = pytest.mark.system

JUMPS_SECONDS = (0, 3600, -3600, 0)
SOURCE = Path(__file__).with_name("wall_clock.c")


class WallClock:
    """The wall clock of the processes that run in `environ`: it can be set while they run."""

    def __init__(self, folder: Path) -> None:
        self._file, library = folder / "clock", folder / "wall_clock.so"
        self.set_ahead(0)
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
        self.environ = {"LD_PRELOAD": str(library), "WALL_CLOCK_FILE": str(self._file)}

    def set_ahead(self, seconds: int) -> None:
        with os.fdopen(os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(struct.pack("=q", seconds * 10**9))


def test_a_clock_that_jumps_changes_no_count(tmp_path: Path) -> None:
    """Records carry the time that the clock told; each arrives once, and the account adds up at once, not an hour later."""
    clock = WallClock(tmp_path)
    with (
        running_model(tmp_path / "model") as model,
        running_monitor(tmp_path / "monitor", tmp_path / "data") as monitor,
        running_sidecar(tmp_path / "sidecar", model, monitor.url, environ=clock.environ) as sidecar,
        weighing(sidecar) as most,
    ):
        with load(sidecar.port) as asked:
            for ahead in JUMPS_SECONDS:
                clock.set_ahead(ahead)
                time.sleep(SECONDS / len(JUMPS_SECONDS))
        found = wait_for_all(sidecar, monitor)
        assert asked.lost == asked.changed == []
        assert_laws(sidecar, found)
        assert seen_and_estimated(found) == (asked.sent, 0)
        assert_stored(tmp_path / "data", found["exchanges"]["captured"])
        assert_light(most)
        report("clock jumps", [asked], found, most)
