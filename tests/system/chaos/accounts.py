"""What must hold after any trouble: the accounts of the clients, of the sidecar and of the monitor say the same."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.system.chaos.load import Load
from tests.system.chaos.model import MODEL, ROWS, score, values
from tests.system.services.outrider import Monitor, Sidecar, sample, text
from tests.system.services.process import wait_until

SECONDS = float(os.environ.get("OUTRIDER_CHAOS_SECONDS", "8"))
"""Of load in each case; `benchmarks/chaos` asks for more."""
REPORT = os.environ.get("OUTRIDER_CHAOS_REPORT")
"""Where the long form gathers what each case found."""
ARRIVAL_SECONDS_MAX = 180.0
LOOK_SECONDS = 0.2
MIB_MAX = {"forwarder": 30.0, "watcher": 30.0, "worker": 150.0, "supervisor": 100.0}
"""Own memory of each process, without the shared ring."""


def processes(sidecar: Sidecar) -> dict[str, int]:
    """The pids of the sidecar's processes by role; those that are being started are left out."""
    found = {"supervisor": sidecar.process.pid}
    with suppress(OSError):
        children = Path(f"/proc/{sidecar.process.pid}/task/{sidecar.process.pid}/children").read_text().split()
        for child in children:
            with suppress(OSError):
                command = Path(f"/proc/{child}/cmdline").read_bytes()
                for role, module in (
                    ("forwarder", b"tap.forwarder"),
                    ("watcher", b"passive.watcher"),
                    ("worker", b"collectors.main"),
                ):
                    if module in command:
                        found[role] = int(child)
    return found


@dataclass
class Weighing(threading.Thread):
    """The most memory that each process of a sidecar has had of its own, in MiB."""

    sidecar: Sidecar
    most: dict[str, float] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(name="weighing", daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        while not self.stopping.wait(LOOK_SECONDS):
            for role, pid in processes(self.sidecar).items():
                with suppress(OSError):
                    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                    own = sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) / 1024
                    self.most[role] = max(self.most.get(role, 0.0), own)


@contextmanager
def weighing(sidecar: Sidecar) -> Iterator[dict[str, float]]:
    thread = Weighing(sidecar)
    thread.start()
    try:
        yield thread.most
    finally:
        thread.stopping.set()
        thread.join()


def assert_light(most: dict[str, float]) -> None:
    assert {role: mib for role, mib in most.items() if mib > MIB_MAX[role]} == {}


def account(monitor: Monitor) -> dict[str, Any]:
    found: dict[str, Any] = monitor.get(f"/api/v1/models/{MODEL}/account")
    return found


def seen_and_estimated(found: dict[str, Any]) -> tuple[int, int]:
    """Exchanges that the monitor knows of, and those that probably were in gaps."""
    seen = found["exchanges"]["seen"] + found["exchanges_without_model"]["seen"]
    return seen, found["gaps"]["exchanges_estimated"]


def wait_for_all(sidecar: Sidecar, monitor: Monitor, sink: str = "monitor") -> dict[str, Any]:
    """The monitor's account once it has all that the sidecar has seen, to the last byte that passed."""

    def arrived() -> bool:
        exposition = text(f"{sidecar.metrics_url}/metrics")
        waiting = sample(exposition, "outrider_sink_queue_records", sink=sink)
        if waiting or sample(exposition, "outrider_tap_ring_bytes"):
            return False
        return bool(account(monitor)["tap"]["bytes"] == sample(exposition, "outrider_tap_bytes_total") > 0)

    wait_until(arrived, ARRIVAL_SECONDS_MAX, "the monitor has all that passed")
    return account(monitor)


def assert_laws(sidecar: Sidecar, found: dict[str, Any]) -> None:
    """Both conservation laws, the sidecar's own account, and that the monitor's is the same."""
    exposition = text(f"{sidecar.metrics_url}/metrics")
    forwarded, copied, uncopied = (
        sample(exposition, f"outrider_tap_{name}bytes_total") for name in ("", "copied_", "uncopied_")
    )
    assert forwarded == copied + uncopied
    assert sample(exposition, "outrider_tap_forwarded_connections_total") == (
        sample(exposition, "outrider_tap_copied_connections_total")
        + sample(exposition, "outrider_tap_uncopied_connections_total")
        + sample(exposition, "outrider_tap_open_connections")
    )
    assert found["exchanges"]["unaccounted"] == found["exchanges_without_model"]["unaccounted"] == 0
    assert found["tap"]["bytes"] == forwarded
    assert found["tap"]["bytes_copied"] == copied
    assert found["tap"]["bytes_unaccounted"] == 0


def stored(data: Path) -> pd.DataFrame:
    """The rows that a monitor has."""
    files = sorted(data.glob(f"segments/predictions/{MODEL}/**/*.parquet"))
    return pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)


def assert_stored(data: Path, captured: int) -> None:
    """Every captured exchange is there exactly once, with the values that were sent and answered."""
    rows = stored(data)
    assert len(rows) == captured * ROWS
    assert not rows.duplicated(["outrider.id", "outrider.row"]).any()
    named = rows["outrider.id"].str.extract(r"^c(\d+)-(\d+)$").astype(int)
    sent = np.array([values(client, number) for client, number in named.itertuples(index=False)])
    own = sent.reshape(len(rows), ROWS, 2)[np.arange(len(rows)), rows["outrider.row"]]
    assert np.array_equal(rows[["x_0", "x_1"]].to_numpy(), own)
    assert np.array_equal(rows["p"].to_numpy(), [score(a, b) for a, b in own])


def report(case: str, asked: Sequence[Load], found: dict[str, Any], most: dict[str, float]) -> None:
    """One line for the long form's table."""
    if REPORT is None:
        return
    seen, estimated = seen_and_estimated(found)
    line = {
        "case": case,
        "sent": sum(each.sent for each in asked),
        "lost": sum(len(each.lost) for each in asked),
        "changed": sum(len(each.changed) for each in asked),
        "seen": seen,
        "estimated": estimated,
        "dropped": sum(found["exchanges"]["dropped"].values()),
        "batches_missing": found["gaps"]["batches_missing"],
        "memory_mib": {role: round(mib) for role, mib in most.items()},
    }
    with Path(REPORT).open("a") as lines:
        lines.write(json.dumps(line) + "\n")
