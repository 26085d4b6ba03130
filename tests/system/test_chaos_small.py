"""The capture worker is killed again and again, the monitor dies and comes back: no inference fails, the account adds up."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.scripted_http import Answer, Request, scripted_http
from tests.system.services.outrider import Monitor, Sidecar, run, running_monitor, running_sidecar, sample, text
from tests.system.services.process import free_port, wait_until

pytestmark = pytest.mark.system

MODEL = "income"
CLIENTS, ROWS = 3, 4
TRAFFIC_SECONDS = 15.0
KILL_EVERY_SECONDS = 0.9
"""Often enough that workers die young, seldom enough that some work gets done: a restart takes more than half a second."""
MONITOR_DEAD_SECONDS = 5.0
DECLARATION = {
    "model": MODEL,
    "task": "binary",
    "features": {"x_0": "numeric", "x_1": "numeric"},
    "prediction": {"score": "p"},
    "windows": [{"every": "2s", "lateness": "1s"}],
}


def score(values: list[float]) -> list[float]:
    return [a / (1 + abs(a)) + b for a, b in zip(values[::2], values[1::2], strict=True)]


def model_server(request: Request) -> Answer:
    """An Open Inference Protocol server that knows nothing of Outrider."""
    asked = json.loads(request.body)
    values = score(asked["inputs"][0]["data"])
    output = {"name": "p", "shape": [len(values)], "datatype": "FP64", "data": values}
    body = {"model_name": MODEL, "model_version": "1", "id": asked["id"], "outputs": [output]}
    return Answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})


@dataclass
class Client(threading.Thread):
    """Sends requests over one kept connection until told to stop, and looks at every answer."""

    port: int
    number: int
    rows: int = ROWS
    sent: dict[str, list[float]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(name=f"client-{self.number}")
        self._rng = np.random.default_rng(self.number)

    def __hash__(self) -> int:
        return self.number

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while not self.stopping.wait(0.01):
            identity = f"c{self.number}-{len(self.sent)}"
            values = self._rng.normal(size=2 * self.rows).tolist()
            self.sent[identity] = values
            x = {"name": "x", "shape": [self.rows, 2], "datatype": "FP64", "data": values}
            try:
                body = json.dumps({"id": identity, "inputs": [x]})
                connection.request("POST", f"/v2/models/{MODEL}/infer", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                found = json.loads(answer.read())
                if answer.status != 200 or found["id"] != identity or found["outputs"][0]["data"] != score(values):
                    self.failed.append(f"{identity}: {answer.status} {found}")
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.failed.append(f"{identity}: {error!r}")
                connection.close()
        connection.close()


def workers(sidecar: Sidecar) -> list[int]:
    """Pids of the capture worker: the child that is not the forwarder."""
    children = Path(f"/proc/{sidecar.process.pid}/task/{sidecar.process.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"collectors.main" in command_line(int(pid))]


def command_line(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@dataclass
class Aftermath:
    sent: dict[str, list[float]]
    failed: list[str]
    kills: int
    exposition: str
    """The sidecar's metrics when all is shipped."""
    windows: list[dict[str, Any]]
    gaps: list[dict[str, Any]]
    stored: pd.DataFrame

    def sample(self, name: str, **labels: str) -> float:
        return sample(self.exposition, name, **labels)


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    """A quarter of a minute of traffic and trouble; then peace, until everything that was kept has arrived."""
    folder = tmp_path_factory.mktemp("chaos")
    port = free_port()
    with ExitStack() as stack:
        server = stack.enter_context(scripted_http(model_server))
        monitor = stack.enter_context(running_monitor(folder / "first", folder / "data", port))
        upstream = server.url.removeprefix("http://")
        sidecar = stack.enter_context(running_sidecar(folder / "sidecar", upstream, monitor.url))
        set_up(folder, monitor)
        clients = [Client(sidecar.port, i) for i in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            kills, monitor = trouble(folder, stack, sidecar, monitor, port)
        finally:
            for client in clients:
                client.stopping.set()
            for client in clients:
                client.join()
        wait_until(lambda: all_arrived(sidecar, monitor), 60, "all that was captured is in windows")
        files = sorted((folder / "data").glob("segments/predictions/**/*.parquet"))
        yield Aftermath(
            sent={identity: values for client in clients for identity, values in client.sent.items()},
            failed=[failure for client in clients for failure in client.failed],
            kills=kills,
            exposition=text(f"{sidecar.metrics_url}/metrics"),
            windows=monitor.windows(MODEL),
            gaps=monitor.items(f"/api/v1/models/{MODEL}/gaps"),
            stored=pd.concat(pd.read_parquet(file) for file in files),
        )


def set_up(folder: Path, monitor: Monitor) -> None:
    rng = np.random.default_rng(4)
    (folder / "m.yaml").write_text(yaml.safe_dump(DECLARATION))
    known = rng.normal(size=(5_000, 2))
    frame = pd.DataFrame(known, columns=["x_0", "x_1"]).assign(p=score(known.ravel().tolist()))
    frame.to_parquet(folder / "baseline.parquet")
    run("model", "apply", folder / "m.yaml", "--monitor", monitor.url)
    run("baseline", MODEL, folder / "baseline.parquet", "--monitor", monitor.url)


def trouble(folder: Path, stack: ExitStack, sidecar: Sidecar, monitor: Monitor, port: int) -> tuple[int, Monitor]:
    """Kill the worker all the time, and the monitor once; returns how many workers died, and the monitor that lives."""
    began, kills, died = time.monotonic(), 0, 0.0
    alive = True
    while (now := time.monotonic()) - began < TRAFFIC_SECONDS:
        for pid in workers(sidecar):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                kills += 1
        if alive and not died and now - began > TRAFFIC_SECONDS / 4:
            os.killpg(monitor.process.pid, signal.SIGKILL)
            alive, died = False, now
        if not alive and now - died > MONITOR_DEAD_SECONDS:
            monitor = stack.enter_context(running_monitor(folder / "second", folder / "data", port))
            alive = True
        time.sleep(KILL_EVERY_SECONDS)
    assert alive
    return kills, monitor


def all_arrived(sidecar: Sidecar, monitor: Monitor) -> bool:
    """Nothing waits on the way, and the windows hold as many rows as predictions were captured."""
    exposition = text(f"{sidecar.metrics_url}/metrics")
    if sample(exposition, "outrider_capture_queue_records") or sample(exposition, "outrider_tap_ring_bytes"):
        return False
    captured = sample(exposition, "outrider_capture_records_total")
    return captured > 0 and sum(w["n_window"] for w in monitor.windows(MODEL)) == captured


def test_no_inference_fails(aftermath: Aftermath) -> None:
    """Every request is answered by the server, unchanged, whatever dies beside the forwarder."""
    assert aftermath.failed == []
    assert aftermath.kills >= 8
    assert len(aftermath.sent) > 500


def test_the_tap_accounts_for_every_byte_and_connection(aftermath: Aftermath) -> None:
    """Forwarded = copied + not copied, by reason."""
    sample = aftermath.sample
    forwarded = sample("outrider_tap_bytes_total")
    assert forwarded == sample("outrider_tap_copied_bytes_total") + sample("outrider_tap_uncopied_bytes_total")
    connections = sample("outrider_tap_forwarded_connections_total")
    assert connections == CLIENTS
    closed = sample("outrider_tap_copied_connections_total") + sample("outrider_tap_uncopied_connections_total")
    assert connections == closed + sample("outrider_tap_open_connections")


def test_every_exchange_is_seen_or_told(aftermath: Aftermath) -> None:
    """A worker that is killed is followed by one that goes on where it was; what was lost all the same is in a gap."""
    seen = aftermath.sample("outrider_capture_exchanges_total")
    told = sum(gap["exchanges_estimated"] for gap in aftermath.gaps)
    assert len(aftermath.sent) == seen + told


def test_what_was_captured_arrived_once_and_unchanged(aftermath: Aftermath) -> None:
    """Every captured prediction is in the monitor exactly once, with the values that were served."""
    stored = aftermath.stored
    assert len(stored) == aftermath.sample("outrider_capture_records_total")
    assert len(stored) == sum(w["n_window"] for w in aftermath.windows)
    assert not stored.duplicated(["outrider.id", "outrider.row"]).any()
    expected = np.array([aftermath.sent[i] for i in stored["outrider.id"]]).reshape(len(stored), ROWS, 2)
    own = expected[np.arange(len(stored)), stored["outrider.row"]]
    assert np.array_equal(stored[["x_0", "x_1"]].to_numpy(), own)
    assert np.array_equal(stored["p"].to_numpy(), score(own.ravel().tolist()))


def test_the_windows_coverage_is_the_sidecars_own_account(aftermath: Aftermath) -> None:
    """What the monitor says of coverage, summed over the windows, is what the sidecar counted."""
    for name in ("captured",):
        told = sum(w[name] for w in aftermath.windows)
        assert told == aftermath.sample("outrider_capture_exchanges_total", outcome=name), name
