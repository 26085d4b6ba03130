"""Energy and cost from end to end: a server's metrics page, a sidecar that scrapes it, the monitor's API, gauges and page."""

from __future__ import annotations

import json
import threading
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.scripted_http import Answer, Request, scripted_http
from tests.system.services.chromium import visiting
from tests.system.services.outrider import Monitor, running_monitor, running_sidecar, sample, text
from tests.system.services.process import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

SECONDS = 120
JOULES = 100
"""What one inference takes in this test."""


class Server:
    """Infers, and tells on its metrics page what that took."""

    def __init__(self) -> None:
        self.inferences = 0
        self.lock = threading.Lock()

    def __call__(self, request: Request) -> Answer:
        if request.method == "GET":
            return Answer(body=self.page().encode())
        with self.lock:
            self.inferences += 1
        answer = {
            "model_name": "m",
            "model_version": "1",
            "outputs": [{"name": "p", "shape": [1], "datatype": "FP64", "data": [0.5]}],
        }
        return Answer(body=json.dumps(answer).encode(), headers={"content-type": "application/json"})

    def page(self) -> str:
        with self.lock:
            done = self.inferences
        model = '{model="m",version="1"}'
        gpu = '{gpu_uuid="GPU-a"}'
        return (
            f"nv_inference_request_success{model} {done}\nnv_inference_count{model} {done}\n"
            f"nv_energy_consumption{gpu} {done * JOULES}\nnv_gpu_utilization{gpu} 0.25\nnv_gpu_power_usage{gpu} 70\n"
        )


def infer(address: str) -> None:
    body = {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP64", "data": [1.0]}]}
    asked = urllib.request.Request(f"http://{address}/v2/models/m/infer", json.dumps(body).encode())
    with urllib.request.urlopen(asked, timeout=60) as answer:
        answer.read()


def known(monitor: Monitor) -> list[dict[str, object]]:
    items = monitor.items("/api/v1/models/m/efficiency", version="1")
    return [item for item in items if item["state"] == "known" and item["predictions"]]


def test_what_a_prediction_took_is_seen_everywhere(browser: Browser, tmp_path: Path) -> None:
    """In the API, in Prometheus and on the model's page: the same joules and the same price."""
    server = Server()
    with scripted_http(server) as upstream, running_monitor(tmp_path / "monitor", tmp_path / "data") as monitor:
        address = upstream.url.removeprefix("http://")
        declared = {"windows": [{"every": "5s", "lateness": "3s"}], "cost": {"per_kwh": 3.6, "currency": "EUR"}}
        httpx.put(f"{monitor.url}/api/v1/models/m", json={"model": "m"} | declared).raise_for_status()
        settings = {"gpu": {"nvml": False, "scrape": [f"{upstream.url}/metrics"], "every_seconds": 1}}
        with running_sidecar(tmp_path / "sidecar", address, monitor.url, settings) as sidecar:

            def seen() -> bool:
                infer(sidecar.address)
                return bool(known(monitor))

            wait_until(seen, SECONDS, "a window's energy is known")
            ours = text(f"{sidecar.metrics_url}/metrics")
            assert sample(ours, "outrider_telemetry_source_up", source=address) == 1
        item = known(monitor)[-1]
        assert (item["joules_per_prediction"], item["rules"], item["devices"]) == (JOULES, ["whole_device"], ["GPU-a"])
        assert (item["sharing_told"], item["utilization"], item["currency"]) == (False, 0.25, "EUR")
        # 100 J at 3.60 EUR a kilowatt-hour.
        assert item["cost_per_prediction"] == pytest.approx(1e-4)

        def shown() -> float:
            return sample(text(f"{monitor.url}/metrics"), "outrider_energy_joules_per_prediction", model="m")

        wait_until(lambda: shown() == JOULES, SECONDS, "Prometheus shows it")
        with visiting(browser) as visit:
            visit.page.goto(f"{monitor.url}/models/m?version=1")
            panel = visit.page.locator("#part-efficiency")
            panel.locator("summary").click()
            panel.get_by_text("joules a prediction").wait_for()
            panel.get_by_text("taken to be alone on its devices").first.wait_for()
            panel.get_by_role("cell", name="0.0001").first.wait_for()
            assert visit.is_clean(), (visit.complaints, visit.strangers)
