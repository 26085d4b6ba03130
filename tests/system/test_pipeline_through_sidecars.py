"""Two real sidecars before two servers, and a caller that carries one trace through both: what passed, and who changed first.

The caller asks `features-v2` for an embedding and `income` for an answer to it. From SHIFT_FIRST on a column moves that the first
model reads and does not pass on; from SHIFT_SECOND on the other too, and with it what `income` is asked. `income` refuses one
request in twenty.
"""

from __future__ import annotations

import csv
import http.client
import json
import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.scripted_http import Answer, Request, scripted_http
from tests.system.services.outrider import Monitor, Sidecar, run, running_monitor, running_sidecar
from tests.system.services.process import wait_until

pytestmark = pytest.mark.system

WINDOW_SECONDS = 3
SHIFT_FIRST, SHIFT_SECOND, TRAFFIC_SECONDS = 12.0, 24.0, 39.0
ROWS = 8
"""Of a request."""
REFUSED_EVERY = 20
PAUSE_SECONDS = 0.04
CLOSED_SECONDS_MAX = 240.0
WINDOWS = [{"every": f"{WINDOW_SECONDS}s", "lateness": f"{WINDOW_SECONDS}s"}]
DECLARATIONS: dict[str, dict[str, Any]] = {
    "features-v2": {
        "task": "regression",
        "features": {"x_0": "numeric", "x_1": "numeric"},
        "prediction": {"value": "e"},
    },
    "income": {
        "task": "binary",
        "upstream": ["features-v2"],
        "features": {"e": "numeric"},
        "prediction": {"score": "p"},
    },
}


def embedding(values: list[float]) -> list[float]:
    """What the first model makes of its rows of two: the second column does not count."""
    return [round(0.5 * first, 6) for first in values[::2]]


def answer(values: list[float]) -> list[float]:
    return [round(1 / (1 + math.exp(-value)), 6) for value in values]


def serving(name: str, output: str, model: Any, refused_every: int = 0) -> Any:
    """An Open Inference Protocol server that knows nothing of Outrider, or of traces."""

    def serve(request: Request) -> Answer:
        asked = json.loads(request.body)
        if refused_every and int(asked["id"].rpartition("-")[2]) % refused_every == 0:
            return Answer(503, b'{"error": "busy"}', {"Content-Type": "application/json"})
        values = model(asked["inputs"][0]["data"])
        tensor = {"name": output, "shape": [len(values)], "datatype": "FP64", "data": values}
        body = {"model_name": name, "id": asked["id"], "outputs": [tensor]}
        return Answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    return serve


@dataclass(frozen=True)
class Story:
    monitor: Monitor
    sidecars: dict[str, Sidecar]
    sent: int
    passed: int
    faults: list[str]


def baselines(folder: Path) -> dict[str, Path]:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(4_000, 2))
    e = embedding(x.ravel().tolist())
    columns = {
        "features-v2": {"x_0": x[:, 0].tolist(), "x_1": x[:, 1].tolist(), "e": e},
        "income": {"e": e, "p": answer(e)},
    }
    paths = {}
    for model, found in columns.items():
        paths[model] = folder / f"{model}.csv"
        with paths[model].open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["when", *found])
            times = (f"2026-01-01T{i // 3_600:02d}:{i // 60 % 60:02d}:{i % 60:02d}Z" for i in range(4_000))
            writer.writerows(zip(times, *found.values(), strict=True))
    return paths


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("two-sidecars")
    with ExitStack() as stack:
        monitor = stack.enter_context(running_monitor(folder / "monitor", folder / "data"))
        for model, path in baselines(folder).items():
            declared = folder / f"{model}.yaml"
            declared.write_text(yaml.safe_dump({"model": model, "windows": WINDOWS, **DECLARATIONS[model]}))
            run("model", "apply", declared, "--monitor", monitor.url)
            run("baseline", model, path, "--time", "when", "--monitor", monitor.url)
        servers = {
            "features-v2": serving("features-v2", "e", embedding),
            "income": serving("income", "p", answer, REFUSED_EVERY),
        }
        sidecars = {}
        for model, serve in servers.items():
            server = stack.enter_context(scripted_http(serve))
            sidecars[model] = stack.enter_context(
                running_sidecar(folder / f"sidecar-{model}", server.url.removeprefix("http://"), monitor.url)
            )
        sent, passed, faults = call(sidecars)
        wait_until(
            lambda: all(rows_of(monitor, model) == sent_rows for model, sent_rows in
                        (("features-v2", sent * ROWS), ("income", passed * ROWS))),
            CLOSED_SECONDS_MAX, "every row is in a closed window",
        )  # fmt: skip
        yield Story(monitor, sidecars, sent, passed, faults)


def rows_of(monitor: Monitor, model: str) -> int:
    return sum(window["n_window"] for window in monitor.windows(model))


def call(sidecars: dict[str, Sidecar]) -> tuple[int, int, list[str]]:
    """Requests through both, one after the other; how many there were, how many the second answered, and what went wrong."""
    with ExitStack() as stack:
        to = {
            model: stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", car.port, timeout=30)))
            for model, car in sidecars.items()
        }
        return calls(to)


def calls(to: dict[str, http.client.HTTPConnection]) -> tuple[int, int, list[str]]:
    rng = np.random.default_rng(5)
    sent, passed, faults = 0, 0, []
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < TRAFFIC_SECONDS:
        sent += 1
        x = rng.normal(size=(ROWS, 2))
        x[:, 1] += 2.0 if elapsed > SHIFT_FIRST else 0.0
        x[:, 0] += 2.0 if elapsed > SHIFT_SECOND else 0.0
        # The caller starts the trace, and each call is a span of its own.
        trace = rng.bytes(16).hex()
        values = x.ravel().tolist()
        status, e = ask(to["features-v2"], "features-v2", sent, "x", values, (ROWS, 2), span(rng, trace))
        if (status, e) != (200, embedding(values)):
            faults.append(f"{sent}: {status} {e}")
            continue
        status, p = ask(to["income"], "income", sent, "e", e, (ROWS,), span(rng, trace))
        expected = (503, None) if sent % REFUSED_EVERY == 0 else (200, answer(e))
        if (status, p) != expected:
            faults.append(f"{sent}: {status} {p}")
        passed += status == 200
        time.sleep(PAUSE_SECONDS)
    return sent, passed, faults


def span(rng: np.random.Generator, trace: str) -> str:
    return f"00-{trace}-{rng.bytes(8).hex()}-01"


def ask(
    connection: http.client.HTTPConnection,
    model: str,
    number: int,
    name: str,
    values: list[float],
    shape: tuple[int, ...],
    traceparent: str,
) -> tuple[int, list[float] | None]:
    tensor = {"name": name, "shape": list(shape), "datatype": "FP64", "data": values}
    body = json.dumps({"id": f"{model}-{number}", "inputs": [tensor]})
    headers = {"Content-Type": "application/json", "traceparent": traceparent}
    connection.request("POST", f"/v2/models/{model}/infer", body, headers)
    told = connection.getresponse()
    found = json.loads(told.read())
    return told.status, found["outputs"][0]["data"] if told.status == 200 else None


def test_nobody_was_disturbed_and_everything_was_seen(story: Story) -> None:
    """Every answer is the server's; each sidecar counts every exchange, refused ones too."""
    assert story.faults == []
    assert story.sent > 100 and story.passed == story.sent - story.sent // REFUSED_EVERY
    for sidecar in story.sidecars.values():
        seen = sidecar.sample("outrider_capture_exchanges_total", outcome="captured")
        assert seen == story.sent


def test_requests_are_tied_by_their_trace(story: Story) -> None:
    """Of all that the first model saw, those that the second answered have passed: no more, no fewer."""
    found = story.monitor.get("/api/v1/models/income/pipeline", limit=48)
    assert [(one["model"], one["depth"], one["known"]) for one in found["components"]] == [
        ("features-v2", 1, True),
        ("income", 0, True),
    ]
    items = found["items"]
    assert all(item["reason"] is None for item in items if item["requests"])
    assert (sum(item["requests"] for item in items), sum(item["passed"] for item in items)) == (
        story.sent,
        story.passed,
    )
    last = next(item for item in reversed(items) if item["requests"])
    stages = {one["model"]: one for one in last["components"]}
    assert stages["features-v2"]["failed"] == 0
    assert stages["income"]["answered"] + stages["income"]["failed"] == last["requests"]
    # Both of them in turn: the whole way takes as long as its parts.
    assert last["seconds"]["p50"] >= max(one["seconds"]["p50"] for one in stages.values())


def test_the_first_to_change_is_named(story: Story) -> None:
    """The column that only the first model reads, before the second's alert, in its cause and in words."""
    (alert,) = [a for a in story.monitor.items("/api/v1/alerts", model="income", kind="drift") if a["since"]]
    first = alert["cause"]["upstream"][0]
    assert (first["model"], first["feature"]) == ("features-v2", "x_1")
    assert first["windows_earlier"] >= 2
    assert "upstream features-v2 drifted" in alert["cause"]["summary"]
    assert story.monitor.get("/api/v1/models/income/pipeline")["first"]["model"] == "features-v2"


def test_both_sidecars_keep_the_same_trace(story: Story) -> None:
    """The rows of both models bear it, whatever spans the calls were."""
    whole = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
    traces = []
    for model in ("features-v2", "income"):
        rows = story.monitor.get(f"/api/v1/models/{model}/rows", limit=200, **whole)["items"]
        traces.append({row["trace"] for row in rows})
    assert traces[0] & traces[1]
    assert all(len(trace) == 32 for trace in traces[0] | traces[1])
