"""POST /cloudevents of a whole monitor, as `outrider monitor` wires it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from monitor.main import open_service
from monitor.settings import MonitorSettings
from outrider.events import CloudEventsReader
from tests.collectors.intake.events import NOW_NS, kserve

Client = TestClient[Any]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    service = open_service(
        MonitorSettings(data=tmp_path), version="0", clock=lambda: NOW_NS, event_reader=CloudEventsReader()
    )
    with TestClient(service.app) as client:
        yield client
    service.close()


def send(client: Client, kind: str, id: str = "1", **more: str) -> int:
    headers, body = kserve(kind, id, **more)
    answer = client.post("/cloudevents", headers=headers, content=body)
    assert answer.status_code != 202 or answer.content == b""
    return answer.status_code


def rows_of(client: Client, model: str) -> int:
    segments = client.app.state.catalog.segments("predictions", model)
    return sum(segment.rows for segment in segments)


def test_a_logged_inference_becomes_rows_of_its_model(client: Client) -> None:
    """Proposed, because nobody declared it; a repeat changes nothing."""
    assert [send(client, kind) for kind in ("request", "response", "response", "request")] == [202] * 4
    assert [item["model"] for item in client.get("/api/v1/models").json()["items"]] == ["income"]
    assert rows_of(client, "income") == 2


def test_a_repeat_is_known_after_a_restart(tmp_path: Path) -> None:
    """The halves are forgotten then, the exchange is not."""
    for _ in range(2):
        service = open_service(
            MonitorSettings(data=tmp_path), version="0", clock=lambda: NOW_NS, event_reader=CloudEventsReader()
        )
        with TestClient(service.app) as client:
            send(client, "response")
            send(client, "request")
            assert rows_of(client, "income") == 2
        service.close()


def test_what_is_no_event_is_told_with_its_place(client: Client) -> None:
    """As problem details."""
    answer = client.post("/cloudevents", content=json.dumps({"a": 1}), headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "headers"
    headers = {"content-type": "application/cloudevents+json"}
    answer = client.post("/cloudevents", content=b'{"specversion": "1.0", "id": "1"}', headers=headers)
    assert answer.json()["errors"][0]["path"] == "body.source"


def test_a_monitor_without_a_reader_takes_no_events(tmp_path: Path) -> None:
    """There is no such address then."""
    service = open_service(MonitorSettings(data=tmp_path), version="0", clock=lambda: NOW_NS)
    with TestClient(service.app) as client:
        assert send(client, "request") in (404, 405)
    service.close()
