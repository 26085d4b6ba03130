"""The ways in without the tap, with real processes: an application under uvicorn, a program, a logger, capture files."""

from __future__ import annotations

import http.client
import json
import signal
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.collectors.intake.events import kserve
from tests.system.services.outrider import Monitor, run, running_monitor, sample, text
from tests.system.services.process import answers, free_port, running_process, wait_until

pytestmark = pytest.mark.system

APP = """
import asyncio, json
from outrider.asgi import OutriderMiddleware

go = asyncio.Event()

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    if scope["path"] == "/go":
        go.set()
    if scope["path"] == "/stream":
        await send({"type": "http.response.body", "body": b'{"predictions": ', "more_body": True})
        await go.wait()
        await send({"type": "http.response.body", "body": b"[0.5]}"})
        return
    await send({"type": "http.response.body", "body": b'{"predictions": [0.25, 0.75]}'})

app = OutriderMiddleware(app, monitor=%r, spool=%r, routes={"/predict": "income", "/stream": "streamed"})
"""


def captured(monitor: Monitor) -> float:
    return sample(text(f"{monitor.url}/metrics"), "outrider_received_records_total", type="prediction")


@contextmanager
def served(folder: Path, monitor: str, spool: Path) -> Iterator[tuple[str, int]]:
    """The application above under uvicorn; its address and process id."""
    folder.mkdir(parents=True)
    (folder / "served.py").write_text(APP % (monitor, str(spool)))
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "served:app", "--port", str(port), "--log-level", "warning"]
    root = str(Path(__file__).resolve().parents[2])
    with running_process(
        command, folder, lambda _: answers(f"http://127.0.0.1:{port}/"), {"PYTHONPATH": root}
    ) as process:
        yield f"127.0.0.1:{port}", process.pid


def post(address: str, path: str, body: bytes) -> bytes:
    with urllib.request.urlopen(f"http://{address}{path}", data=body, timeout=10) as answer:
        return bytes(answer.read())


def test_an_application_under_uvicorn_is_recorded_and_its_streams_stream(tmp_path: Path) -> None:
    """The first piece is with the client while the application still works on the second; the end ships the rest."""
    with running_monitor(tmp_path / "monitor", tmp_path / "data") as monitor:
        with served(tmp_path / "app", monitor.url, tmp_path / "spool") as (address, _):
            assert post(address, "/predict", b'{"instances": [[1, 2], [3, 4]]}') == b'{"predictions": [0.25, 0.75]}'
            wait_until(lambda: captured(monitor) == 2, 20, "the prediction is with the monitor")
            connection = http.client.HTTPConnection(address, timeout=10)
            connection.request("POST", "/stream", body=b'{"instances": [1]}')
            answer = connection.getresponse()
            assert answer.read1(100) == b'{"predictions": '
            post(address, "/go", b"")
            assert answer.read() == b"[0.5]}"
            connection.close()
        wait_until(lambda: captured(monitor) == 3, 10, "the end of the application shipped the rest")
        assert {item["model"] for item in monitor.items("/api/v1/models")} == {"income", "streamed"}


def test_an_application_without_its_monitor_answers_all_the_same(tmp_path: Path) -> None:
    """And what it recorded is shipped by the next start that has one."""
    with served(tmp_path / "one", "http://127.0.0.1:9", tmp_path / "spool") as (address, _):
        for _ in range(20):
            assert post(address, "/predict", b'{"instances": [1, 2]}')
    with (
        running_monitor(tmp_path / "monitor", tmp_path / "data") as monitor,
        served(tmp_path / "two", monitor.url, tmp_path / "spool") as (address, _),
    ):
        post(address, "/predict", b'{"instances": [1, 2]}')
        wait_until(lambda: captured(monitor) == 42, 20, "all of it is with the monitor")


def tell(monitor: Monitor, kind: str, id: str) -> None:
    headers, body = kserve(kind, id=id)
    request = urllib.request.Request(f"{monitor.url}/cloudevents", data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 202


def test_halves_that_a_killed_monitor_held_are_a_gap(tmp_path: Path) -> None:
    """It had answered for them, and they were in its memory only: the next process says how many there were, once."""
    with running_monitor(tmp_path / "first", tmp_path / "data") as monitor:
        for kind in ("request", "response"):
            tell(monitor, kind, "whole")
        for number in range(3):
            tell(monitor, "request", f"half-{number}")
        model = str(monitor.items("/api/v1/models")[0]["model"])
        monitor.process.send_signal(signal.SIGKILL)
        monitor.process.wait()
    for attempt in range(2):
        with running_monitor(tmp_path / f"next-{attempt}", tmp_path / "data") as monitor:
            (gap,) = monitor.items(f"/api/v1/models/{model}/gaps")
            assert (gap["reason"], gap["exchanges_estimated"], gap["sidecar"]) == ("events_forgotten", 3, "cloudevents")


def test_a_logger_a_program_and_files_reach_one_monitor(tmp_path: Path) -> None:
    """Each by its own way, and each exchange once."""
    with running_monitor(tmp_path / "monitor", tmp_path / "data") as monitor:
        for kind in ("response", "request", "request"):
            headers, body = kserve(kind)
            request = urllib.request.Request(f"{monitor.url}/cloudevents", data=body, headers=headers)
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert (answer.status, answer.read()) == (202, b"")
        assert captured(monitor) == 2
        code = f"import outrider; outrider.record('batch', [[1, 2], [3, 4]], [0, 1], monitor={monitor.url!r}, spool={str(tmp_path / 's')!r})"
        with running_process([sys.executable, "-c", code], tmp_path, lambda _: True) as program:
            assert program.wait(30) == 0
        assert captured(monitor) == 4
        side = {"observedContentType": "text/csv", "encoding": "CSV"}
        line = {
            "captureData": {"endpointInput": side | {"data": "1,2.5"}, "endpointOutput": side | {"data": "0.5"}},
            "eventMetadata": {"eventId": "e"},
        }
        (tmp_path / "files").mkdir()
        (tmp_path / "files" / "churn.jsonl").write_text(json.dumps(line) + "\n")
        run("intake", "sagemaker", tmp_path / "files", "--monitor", monitor.url, "--spool", tmp_path / "t", "--once")
        assert captured(monitor) == 5
        # The same file again, under another name, from another machine: the same exchange.
        (tmp_path / "again").mkdir()
        (tmp_path / "again" / "part-2.jsonl").write_text(
            (tmp_path / "files" / "churn.jsonl").read_text()
            + json.dumps(line | {"eventMetadata": {"eventId": "f"}})
            + "\n"
        )
        run("intake", "sagemaker", tmp_path / "again", "--model", "churn", "--monitor", monitor.url, "--spool", tmp_path / "u", "--once")  # fmt: skip
        assert captured(monitor) == 6
        day = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
        assert len(monitor.items("/api/v1/models/churn/rows", **day)) == 2
        assert {item["model"] for item in monitor.items("/api/v1/models")} == {"income", "batch", "churn"}
