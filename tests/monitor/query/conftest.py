"""A monitor as `outrider monitor` wires it, with an hour behind it, asked over its HTTP interface without a socket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from collectors.records.encoding import encode_batch
from collectors.records.types import Batch, Gap, Ledger
from monitor.jobs.replay import predictions_of
from monitor.main import Service, open_service
from monitor.segments.row_files import rows_to_parquet
from monitor.settings import MonitorSettings
from monitor.tiles.rows import Rows
from tests.monitor.jobs.house import DECLARATION, MODEL, SECOND, START, closed, labelled, minute, population, truth_of

API = "/api/v1"
WINDOWS = 5
N = 300


@dataclass
class Asked:
    """The service and a client; `now_ns` is its clock."""

    service: Service
    client: TestClient[Any]
    clock: list[int]

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(f"{API}{path}", params={k.rstrip("_"): v for k, v in query.items()})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def all(self, path: str, **query: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self.get(path, **query, **({"cursor": cursor} if cursor else {}))
            items += page["items"]
            cursor = page["next"]
            if cursor is None:
                return items

    def take(self, rows: Rows, sequence: int, version: str = "1") -> None:
        """A sidecar's batch with these predictions."""
        records = predictions_of(rows, MODEL, version, ("p", "yhat"))
        body = encode_batch(Batch(sidecar="s", sequence=sequence, records=tuple(records)))
        assert self.client.post(f"{API}/records", content=body).json()["predictions"] == len(rows)

    def refused(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """The problem details of a request that is refused."""
        answer = self.client.request(method, f"{API}{path}", **more)
        assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
        body: dict[str, Any] = answer.json()
        assert body["status"] == answer.status_code
        return body

    def at(self, ns: int) -> None:
        self.clock[0] = ns
        while self.service.scheduler.run_pass():
            pass
        assert self.service.scheduler.health.errors == []


def opened(folder: Path) -> Iterator[Asked]:
    clock = [START]
    service = open_service(MonitorSettings(data=folder), version="0", clock=lambda: clock[0], patient=False)
    with TestClient(service.app) as client:
        yield Asked(service, client, clock)
    service.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Asked]:
    """A monitor that knows nothing yet."""
    yield from opened(tmp_path)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """A monitor with five windows of two versions; the last two of version 1 drift. For reading."""
    for one in opened(tmp_path_factory.mktemp("monitor")):
        fill(one)
        yield one


def fill(asked: Asked) -> None:
    assert asked.client.put(f"{API}/models/{MODEL}", json=DECLARATION).status_code == 200
    before = labelled(population(3_000, seed=1, start_ns=START - 3_600 * SECOND, seconds=3_600, name="b"), seed=2)
    answer = asked.client.put(
        f"{API}/models/{MODEL}/baseline",
        content=rows_to_parquet(before, None),
        headers={"content-type": "application/vnd.apache.parquet"},
    )
    assert answer.status_code == 200, answer.text
    sequence = 0
    for number in range(WINDOWS):
        for version, shift in (("1", 30.0 if number >= 3 else 0.0), ("2", 0.0)):
            rows = population(
                N, seed=10 * number + int(version), start_ns=minute(number), name=f"v{version}w{number}-", shift=shift
            )
            records = predictions_of(rows, MODEL, version, ("p", "yhat"))
            records[0] = msgspec.structs.replace(records[0], trace=f"{number:031x}{version}")
            ledger = Ledger(
                start_ns=minute(number), end_ns=minute(number) + SECOND, model=MODEL, version=version, seen=N + 5,
                captured=N, dropped={"spool_full": 3}, undecodable={"malformed": 2},
            )  # fmt: skip
            gap = Gap(start_ns=minute(number), end_ns=minute(number) + 5, reason="worker_down", connections=1, bytes=10)
            extra = (ledger, gap) if version == "1" else (ledger,)
            body = encode_batch(Batch(sidecar="s", sequence=sequence, records=(*records, *extra)))
            assert asked.client.post(f"{API}/records", content=body).json()["predictions"] == N
            sequence += 1
            if version == "2":
                ids, values = truth_of(rows, seed=number)
                truth = [
                    {"prediction_id": i, "employed": v} for i, v in zip(ids.tolist(), values.tolist(), strict=True)
                ]
                assert asked.client.post(f"{API}/models/{MODEL}/labels", json=truth).json()["unknown"] == 0
        asked.at(closed(number))
