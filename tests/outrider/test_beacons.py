"""POST /api/v1/beacon of a whole monitor: origins, sizes, rates, redaction, and what becomes of what was told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from monitor.definitions import MonitoredModel
from monitor.main import open_service
from monitor.settings import MonitorSettings
from outrider.beacons import ITEMS_MAX, BeaconPipeline
from tests.collectors.intake.events import NOW_NS

SHOP = "https://shop.example"
PATH = "/api/v1/beacon"
PREDICTION = {
    "model": "m",
    "version": "3",
    "id": "p1",
    "inputs": {"age": 41, "mail": "a@b.example"},
    "outputs": {"p": 0.7},
}


class Client:
    """A monitor that takes beacons of one origin, six messages a minute."""

    def __init__(self, folder: Path, origins: str | None = SHOP) -> None:
        self.now_ns = NOW_NS
        settings = MonitorSettings(data=folder, beacon_origins=origins, beacon_per_minute=6)
        self.service = open_service(settings, version="0", clock=lambda: self.now_ns, beacon_reader=BeaconPipeline())
        model = MonitoredModel.from_document({"model": "m", "label": "bought", "features": {"age": "numeric"}})
        self.service.context.catalog.put_model(model, 0, declared=True)
        self.http: TestClient[Any] = TestClient(self.service.app)

    def tell(self, *predictions: Any, labels: Any = (), origin: str | None = SHOP) -> Any:
        body = json.dumps({"predictions": predictions, "labels": list(labels)})
        return self.post(body.encode(), origin)

    def post(self, body: bytes, origin: str | None = SHOP) -> Any:
        headers = {"content-type": "text/plain;charset=UTF-8"} | ({"origin": origin} if origin else {})
        return self.http.post(PATH, content=body, headers=headers)

    def rows(self) -> Any:
        context = self.service.context
        return context.store.read_rows(context.catalog.segments("predictions", "m"))


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    opened = Client(tmp_path)
    with opened.http:
        yield opened
    opened.service.close()


def test_a_prediction_that_is_told_is_a_row(client: Client) -> None:
    """Redacted, under its version, at the monitor's time; its page may read the answer."""
    answer = client.tell(PREDICTION)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, SHOP)
    rows = client.rows()
    assert list(rows.columns["age"].values) == [41.0]
    assert "a@b.example" not in str(rows.columns["mail"].values)
    assert client.service.context.catalog.versions("m") == ["3"]


def test_a_label_finds_its_prediction(client: Client) -> None:
    """Told later, by its id."""
    client.tell(PREDICTION)
    assert client.tell(labels=[{"model": "m", "id": "p1", "label": 1}]).status_code == 204
    context = client.service.context
    labels = context.store.read_labels(context.catalog.segments("labels", "m"))
    assert [(i, v, t) for i, v, t in zip(labels.id, labels.value, labels.time_ns, strict=True)] == [("p1", 1, NOW_NS)]


@pytest.mark.parametrize("origin", [None, "null", "https://other.example", "https://shop.example.evil.example"])
def test_other_origins_are_refused(client: Client, origin: str | None) -> None:
    """Before anything is read, and without leave to read the answer."""
    answer = client.post(b"{", origin)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_a_preflight_is_answered_for_the_origin(client: Client) -> None:
    """And refused for others."""
    asked = {"origin": SHOP, "access-control-request-method": "POST"}
    answer = client.http.options(PATH, headers=asked)
    assert (answer.status_code, answer.headers["access-control-allow-headers"]) == (204, "content-type")
    assert client.http.options(PATH, headers=asked | {"origin": "https://other.example"}).status_code == 403


def test_an_origin_has_so_many_messages_a_minute(client: Client) -> None:
    """And gets new ones as time goes."""
    assert [client.tell().status_code for _ in range(7)] == [204] * 6 + [429]
    client.now_ns += 10 * 10**9
    assert [client.tell().status_code for _ in range(2)] == [204, 429]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"x" * (64 * 1024 + 1), "body"),
        (b"{", "body"),
        (b'{"predictions": 1}', "body"),
        (b"[" * 60_000, "body"),
        (json.dumps({"predictions": [PREDICTION | {"inputs": {"a": 1}}] * (ITEMS_MAX + 1)}).encode(), "predictions"),
        (json.dumps({"predictions": [PREDICTION | {"model": "unknown"}]}).encode(), "predictions[0].model"),
        (json.dumps({"predictions": [PREDICTION | {"id": "i" * 257}]}).encode(), "predictions[0].id"),
        (json.dumps({"predictions": [PREDICTION | {"duration_ms": -1}]}).encode(), "predictions[0].duration_ms"),
        (json.dumps({"predictions": [PREDICTION | {"inputs": {"a": [1, 2], "b": 1}}]}).encode(), "predictions[0].inputs"),
        (json.dumps({"labels": [{"model": "unknown", "id": "1", "label": 1}]}).encode(), "labels[0].model"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_its_place(client: Client, body: bytes, place: str) -> None:
    """And nothing of the message is kept."""
    answer = client.post(body)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, place)
    assert client.service.context.catalog.segments("predictions", "m") == []


def test_a_model_that_nobody_declared_does_not_come_by_a_beacon(client: Client) -> None:
    """Its name is a stranger's."""
    client.tell(PREDICTION | {"model": "new"})
    assert client.service.context.catalog.model("new") is None


def test_the_module_may_be_imported_by_the_origin(client: Client) -> None:
    """As JavaScript."""
    answer = client.http.get(f"{PATH}/module.js", headers={"origin": SHOP})
    assert (answer.headers["access-control-allow-origin"], "javascript" in answer.headers["content-type"]) == (
        SHOP,
        True,
    )
    assert "export function beacon" in answer.text


def test_without_origins_there_is_no_beacon(tmp_path: Path) -> None:
    """It is off by default."""
    opened = Client(tmp_path, None)
    with opened.http:
        assert opened.tell(PREDICTION).status_code in (404, 405)
    opened.service.close()
