"""One sidecar, three sinks, and trouble: each sink has everything once in the end, and the account of every monitor adds up."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from collectors.records.types import Gap
from collectors.settings.sinks import SinkSetting
from collectors.shipping import Parcel
from collectors.shipping.sinks import courier_to
from collectors.spool import Spool
from tests.scripted_http import scripted_http
from tests.system.services.outrider import Monitor, Sidecar, run, running_monitor, running_sidecar, sample, text
from tests.system.services.process import free_port, wait_until
from tests.system.services.s3_server import running_s3
from tests.system.test_chaos_small import CLIENTS, MODEL, ROWS, Client, model_server, workers

pytestmark = pytest.mark.system

TRAFFIC_SECONDS = 8.0
KILLS = 3
PATIENCE_SECONDS = 180.0
SINKS = ("monitor", "standby", "files")


@dataclass
class Aftermath:
    sent: int
    failed: list[str]
    captured: float
    exposition_bytes: float
    rows: dict[str, pd.DataFrame]
    """By sink: what a monitor has that was fed by it."""
    accounts: dict[str, dict[str, Any]]
    gaps: list[dict[str, Any]]
    holed: dict[str, Any]
    """The account of a monitor that was not given one batch."""
    holed_gaps: list[dict[str, Any]]


def stored(data: Path) -> pd.DataFrame:
    files = sorted(data.glob(f"segments/predictions/{MODEL}/**/*.parquet"))
    return pd.concat(pd.read_parquet(file) for file in files) if files else pd.DataFrame()


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    folder = tmp_path_factory.mktemp("sinks")
    standby_port = free_port()
    with ExitStack() as stack:
        server = stack.enter_context(scripted_http(model_server))
        monitor = stack.enter_context(running_monitor(folder / "monitor", folder / "data"))
        settings = {
            "sinks": [
                {"name": "standby", "monitor": f"http://127.0.0.1:{standby_port}"},
                {"files": str(folder / "files")},
            ]
        }
        upstream = server.url.removeprefix("http://")
        sidecar = stack.enter_context(running_sidecar(folder / "sidecar", upstream, monitor.url, settings))
        clients = [Client(sidecar.port, i) for i in range(CLIENTS)]
        for client in clients:
            client.start()
        for _ in range(KILLS):
            time.sleep(TRAFFIC_SECONDS / (KILLS + 1))
            for pid in workers(sidecar):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(TRAFFIC_SECONDS / (KILLS + 1))
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join()
        wait_until(lambda: waiting(sidecar, "monitor") == 0, PATIENCE_SECONDS, "the monitor has everything")
        assert waiting(sidecar, "standby") > 0
        standby = stack.enter_context(running_monitor(folder / "standby", folder / "standby-data", standby_port))
        for name in SINKS:
            wait_until(lambda name=name: waiting(sidecar, name) == 0, PATIENCE_SECONDS, f"{name} has everything")  # type: ignore[misc]
        fed = {"monitor": (monitor, folder / "data"), "standby": (standby, folder / "standby-data")}
        other = stack.enter_context(running_monitor(folder / "files-monitor", folder / "files-data"))
        run("intake", "journals", folder / "files", "--monitor", other.url)
        fed["files"] = (other, folder / "files-data")
        holed = stack.enter_context(running_monitor(folder / "holed", folder / "holed-data"))
        feed_all_but_one(folder, holed)
        yield Aftermath(
            sent=sum(len(client.sent) for client in clients),
            failed=[failure for client in clients for failure in client.failed],
            captured=sidecar.sample("outrider_capture_records_total"),
            exposition_bytes=sidecar.sample("outrider_tap_bytes_total"),
            rows={name: stored(data) for name, (_, data) in fed.items()},
            accounts={name: account(one) for name, (one, _) in fed.items()},
            gaps=monitor.items(f"/api/v1/models/{MODEL}/gaps"),
            holed=account(holed),
            holed_gaps=holed.items(f"/api/v1/models/{MODEL}/gaps"),
        )


def waiting(sidecar: Sidecar, sink: str) -> float:
    """Records that wait for a sink, once nothing waits before the spool."""
    return sidecar.sample("outrider_sink_queue_records", sink=sink) + sidecar.sample("outrider_tap_ring_bytes")


def account(monitor: Monitor) -> dict[str, Any]:
    found: dict[str, Any] = monitor.get(f"/api/v1/models/{MODEL}/account")
    return found


def feed_all_but_one(folder: Path, monitor: Monitor) -> None:
    """A journal whose third batch was damaged on the way: what is left of it is taken."""
    kept = folder / "kept"
    shutil.copytree(folder / "files", kept)
    path = sorted(kept.rglob("*.journal"))[0]
    data = bytearray(path.read_bytes())
    at = -1
    for _ in range(3):
        at = data.index(b"\xf5ORF", at + 1)
    data[at + 40] ^= 1
    path.write_bytes(data)
    with pytest.raises(AssertionError, match="1 places damaged"):
        run("intake", "journals", kept, "--monitor", monitor.url)


def test_no_inference_fails(aftermath: Aftermath) -> None:
    """Whatever dies behind the forwarder."""
    assert aftermath.failed == []
    assert aftermath.sent > 200


@pytest.mark.parametrize("sink", SINKS)
def test_each_sink_has_everything_once(aftermath: Aftermath, sink: str) -> None:
    """What was captured, whether the sink was there all the time or came late."""
    rows = aftermath.rows[sink]
    assert len(rows) == aftermath.captured
    assert not rows.duplicated(["outrider.id", "outrider.row"]).any()


@pytest.mark.parametrize("sink", SINKS)
def test_the_account_adds_up(aftermath: Aftermath, sink: str) -> None:
    """Exchanges: seen and in gaps is what was sent. Bytes: all that the tap has forwarded are told, copied or with a reason."""
    found = aftermath.accounts[sink]
    assert found["exchanges"]["unaccounted"] == found["exchanges_without_model"]["unaccounted"] == 0
    seen = found["exchanges"]["seen"] + found["exchanges_without_model"]["seen"]
    assert seen + found["gaps"]["exchanges_estimated"] == aftermath.sent
    assert found["exchanges"]["captured"] * ROWS == aftermath.captured
    assert found["gaps"]["batches_missing"] == 0
    # The last interval may not have been told.
    assert 0 < found["tap"]["bytes"] <= aftermath.exposition_bytes
    assert found["tap"]["bytes"] == found["tap"]["bytes_copied"] + sum(found["tap"]["bytes_uncopied"].values())


def test_a_batch_that_never_came_is_a_gap(aftermath: Aftermath) -> None:
    """Found by its number, between the one before it and the one behind."""
    assert aftermath.holed["gaps"]["batches_missing"] == 1
    assert aftermath.holed["state"] == "gaps"
    (gap,) = [gap for gap in aftermath.holed_gaps if gap["reason"] == "batch_missing"]
    assert pd.Timestamp(gap["start"]) <= pd.Timestamp(gap["end"])


def test_objects_of_a_bucket_are_journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sidecar's spool to a real S3 server and from there to a monitor; a wrong secret and a server that is down lose nothing."""
    with ExitStack() as stack:
        (tmp_path / "s3").mkdir()
        s3 = stack.enter_context(running_s3(tmp_path / "s3", "captures"))
        for name, value in s3.environ.items():
            monkeypatch.setenv(name, value)
        sink = SinkSetting("bucket", "files", "s3://captures/here", "", tuple(s3.options.items()))
        with Spool.open(tmp_path / "spool", free_space_floor_bytes=0) as spool:
            for number in range(30):
                spool.append([Gap(start_ns=number, end_ns=number, reason="x")])
            parcels = [Parcel(n, spool.batch_id(n), payload) for n, payload in spool.read(0, 1 << 30)]
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
            assert {outcome.verdict for outcome in courier_to(sink).deliver(parcels)} == {"again"}
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.environ["AWS_SECRET_ACCESS_KEY"])
            assert {outcome.verdict for outcome in courier_to(sink).deliver(parcels)} == {"taken"}
        monitor = stack.enter_context(running_monitor(tmp_path / "monitor", tmp_path / "data"))
        run("intake", "journals", s3.folder / "captures" / "here", "--monitor", monitor.url)
        run("intake", "journals", s3.folder / "captures" / "here", "--monitor", monitor.url)
        exposition = text(f"{monitor.url}/metrics")
        assert sample(exposition, "outrider_received_batches_total") == 30
        assert sample(exposition, "outrider_duplicate_batches_total") == 30
