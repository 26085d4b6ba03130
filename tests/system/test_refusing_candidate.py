"""A candidate that refuses everything from its first request on, through a whole monitor: told with its first window, and compared."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
import yaml

from collectors.records.types import Prediction
from tests.system.services.outrider import Monitor, run, running_monitor, sample, text
from tests.system.services.process import wait_until
from tests.system.services.story_of_a_pipeline import MINUTE, SHARED, baseline, one_exchange, send, values

pytestmark = pytest.mark.system

REQUESTS = 120
WINDOWS = 2
CLOSED_SECONDS_MAX = 240.0


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    folder = tmp_path_factory.mktemp("refusing")
    path = folder / "income.yaml"
    versions = {"champion": "v1", "candidates": ["v2"], "mode": "canary", "split": {"v1": 0.5, "v2": 0.5}}
    path.write_text(yaml.safe_dump({"model": "income", "versions": versions, **SHARED}))
    with running_monitor(folder / "monitor", folder / "data") as running:
        start_ns = (time.time_ns() // MINUTE - WINDOWS - 2) * MINUTE
        run("model", "apply", path, "--monitor", running.url)
        run("baseline", "income", baseline(folder, "income"), "--time", "when", "--monitor", running.url)
        for number in range(WINDOWS):
            send(running, number, exchanges(number, start_ns + number * MINUTE))
        wait_until(lambda: len(refusing(running)) == WINDOWS, CLOSED_SECONDS_MAX, "the candidate's windows closed")
        yield running


def exchanges(number: int, start_ns: int) -> list[Prediction]:
    """Every other request goes to the candidate, which is not there."""
    rng = np.random.default_rng(7 + number)
    found = []
    for i in range(2 * REQUESTS):
        at = start_ns + i * (MINUTE // REQUESTS // 3)
        version, row = ("v2", None) if i % 2 else ("v1", values(rng, False))
        found.append(one_exchange("income", version, f"{number}-{i}", at, f"{number:016x}{i:016x}", 0.02, row))
    return found


def refusing(monitor: Monitor) -> list[dict[str, object]]:
    return [w for w in monitor.windows("income") if w["version"] == "v2" and w["reason"]]


def test_it_is_told_with_its_first_window(monitor: Monitor) -> None:
    """An alert of its service, with both numbers and the cause; nothing is said of the champion."""
    (alert,) = monitor.items("/api/v1/alerts", model="income", state="firing")
    assert (alert["version"], alert["kind"]) == ("v2", "quality")
    first = min(w["start"] for w in refusing(monitor))
    opened = monitor.get(f"/api/v1/alerts/{alert['fingerprint']}")["transitions"][0]
    assert opened["window"]["start"] == first
    assert opened["summary"].endswith(f"100.00 % refused against 0.00 %, {REQUESTS} exchanges")
    assert "the service, not the data" in alert["cause"]["summary"]


def test_its_windows_say_that_they_have_no_rows_and_why(monitor: Monitor) -> None:
    """Critical, not merely without data."""
    for window in refusing(monitor):
        assert (window["n_window"], window["status"]) == (0, "critical")
        assert window["reason"] == f"no rows: all {REQUESTS} exchanges were refused"


def test_the_panel_compares_it_with_the_champion(monitor: Monitor) -> None:
    """All refused against none, in the windows of both; traffic is shared as declared."""
    found = monitor.get("/api/v1/models/income/versions")
    (side,) = found["items"]
    assert (side["version"], side["status"], side["windows"], side["reason"]) == ("v2", "critical", WINDOWS, None)
    service = side["service"]
    assert (service["version"]["error_ratio"], service["control"]["error_ratio"]) == (1.0, 0.0)
    assert service["differences"][0]["metric"] == "error_ratio"
    assert found["sample_ratio"]["mismatch"] is False
    assert [one["requests"] for one in found["sample_ratio"]["shares"]] == [WINDOWS * REQUESTS] * 2


def test_prometheus_and_the_records_show_it(monitor: Monitor) -> None:
    """The share is 1, its record critical with the champion's share behind its limit."""
    exposition = text(f"{monitor.url}/metrics")
    assert sample(exposition, "outrider_error_ratio", model="income", model_version="v2") == 1.0
    records = monitor.items("/api/v1/models/income/measurements", metric="error_ratio", version="v2")
    assert [(one["value"], one["status"], one["threshold"]) for one in records] == [(1.0, "critical", 0.01)] * WINDOWS


def test_its_windows_are_recomputed_to_the_bit(monitor: Monitor) -> None:
    """From the refused exchanges alone."""
    for window in refusing(monitor):
        said = run("recompute", "income", window["start"], "--version", "v2", "--monitor", monitor.url)
        assert said.startswith("equal")
