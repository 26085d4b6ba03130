"""`outrider backfill --monitor`: batches cut no window, so a monitor that runs says what a backfill in memory says."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from monitor.definitions import MonitoredModel
from monitor.findings import report_document
from monitor.jobs.backfill import backfill
from monitor.ports import Labels
from monitor.segments.row_files import rows_to_parquet
from monitor.tiles.encoding import decode_baseline
from monitor.tiles.rows import Rows
from outrider.commands import replay
from tests.monitor.jobs.house import DECLARATION, LATENESS, MODEL, SECOND, START, labelled, population, rows, truth_of
from tests.monitor.query.conftest import API, Asked

MINUTES = 12


class Through:
    """The calls of the command on the monitor under test, which takes a pass after each: it closes what is due at once."""

    url = "http://monitor"

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def _pass(self) -> None:
        self.asked.service.scheduler.run_pass()

    def get(self, path: str, **query: Any) -> Any:
        return self.asked.get(path.removeprefix(API), **{k: v for k, v in query.items() if v is not None})

    def get_all(self, path: str, **query: Any) -> list[dict[str, Any]]:
        self._pass()
        return self.asked.all(path.removeprefix(API), **{k: v for k, v in query.items() if v is not None})

    def put(self, path: str, body: bytes, media_type: str) -> Any:
        return self._sent("PUT", path, body, media_type)

    def post(self, path: str, body: bytes, media_type: str) -> Any:
        return self._sent("POST", path, body, media_type)

    def delete(self, path: str) -> None:
        self._sent("DELETE", path, b"", "text/plain")

    def _sent(self, method: str, path: str, body: bytes, media_type: str) -> Any:
        answer = self.asked.client.request(method, path, content=body, headers={"content-type": media_type})
        assert answer.status_code < 300, answer.text
        self._pass()
        return answer.json() if answer.content else None


def served() -> Rows:
    parts = [
        population(250, seed=40 + i, start_ns=START + i * 60 * SECOND, name=f"w{i}-", shift=25.0 if i >= 7 else 0.0)
        for i in range(MINUTES)
    ]
    return rows(
        {name: np.concatenate([p.columns[name].values for p in parts]) for name in parts[0].columns},
        times=np.concatenate([p.time_ns for p in parts]),
        ids=[i for p in parts for i in p.id],
    )


@pytest.fixture
def monitor(empty: Asked, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """An hour after the rows' own time, in batches of 90 rows where windows have 250."""
    monkeypatch.setattr(replay, "ROWS_PER_BATCH_MAX", 90)
    empty.clock[0] = START + 3_600 * SECOND + LATENESS
    assert empty.client.put(f"{API}/models/{MODEL}", json=DECLARATION | {"groups": ["sex"]}).status_code == 200
    before = rows_to_parquet(labelled(population(3_000, seed=1, start_ns=START - 86_400 * SECOND), seed=2), None)
    parquet = {"content-type": "application/vnd.apache.parquet"}
    assert empty.client.put(f"{API}/models/{MODEL}/baseline", content=before, headers=parquet).status_code == 200
    return empty


def in_memory(monitor: Asked, labels: Labels) -> dict[str, Any]:
    catalog = monitor.service.context.catalog
    entry, stored = catalog.baseline(MODEL), catalog.model(MODEL)
    assert entry is not None and stored is not None
    steps = list(
        backfill(
            served(), labels, stored.in_force(), decode_baseline(entry.profile), version="1",
            baseline_rows=monitor.service.context.store.read_baseline(entry.path),
        )
    )  # fmt: skip
    findings = [f for step in steps for f in step.looked.findings]
    return report_document(findings, [t for step in steps for t in step.looked.transitions])


def _keyed(measurements: list[dict[str, Any]]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    return {
        (m["window"]["start"], m["kind"], m["metric"], m["feature"], m["slice"]): tuple(
            m[name] for name in ("value", "low", "high", "n_window", "n_missing", "threshold", "status", "revision")
        )
        for m in measurements
    }


def _steps(alerts: object) -> list[str]:
    """Kind, state, window, value and what each rests on, as JSON says them."""
    kept = ("kind", "state", "window", "value", "features", "exhibit")
    found = json.loads(json.dumps(alerts))
    return sorted(json.dumps({name: a[name] for name in kept}, sort_keys=True) for a in found)


def test_a_monitor_says_what_a_backfill_in_memory_says(monitor: Asked) -> None:
    """Every number, first and only revisions of each window, and every step of every alert, labels included."""
    ids, values = truth_of(served(), seed=9)
    labels = Labels(ids, values, np.zeros(len(ids), np.int64))
    declaration = MonitoredModel.from_document(DECLARATION | {"groups": ["sex"]})
    told = replay.into_monitor(Through(monitor), declaration, served(), labels, version="1")  # type: ignore[arg-type]  # its calls
    expected = in_memory(monitor, labels)
    assert _keyed(told["measurements"]) == _keyed(expected["measurements"])  # type: ignore[arg-type]  # JSON
    assert {m["revision"] for m in expected["measurements"]} == {0}
    assert _steps(told["alerts"]) == _steps(expected["alerts"])
    assert ("drift", "firing") in {(a["kind"], a["state"]) for a in expected["alerts"]}


def test_without_waiting_batches_would_cut_windows(monitor: Asked) -> None:
    """The same rows from a sender that says nothing: windows are closed with a part of their rows and revised."""
    declaration = MonitoredModel.from_document(DECLARATION)
    replay._send(Through(monitor), declaration, served(), None, "1", "s", lambda: None)  # type: ignore[arg-type]  # its calls
    windows = monitor.all(f"/models/{MODEL}/windows")
    assert max(w["revision"] for w in windows) > 0


def test_a_sender_says_who_it_is_and_of_what(monitor: Asked) -> None:
    """The answer says until when it is waited for; the end may be said twice."""
    path = f"{API}/models/{MODEL}/awaited/one"
    answer = monitor.client.put(f"{path}?version=1").json()
    assert answer["sender"] == "one" and answer["since"] < answer["until"]
    for _ in range(2):
        assert monitor.client.delete(path).status_code == 204
    assert monitor.refused("PUT", f"/models/{MODEL}/awaited/{'x' * 200}")["status"] == 422
