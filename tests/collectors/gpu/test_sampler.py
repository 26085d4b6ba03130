"""The sampler: looks, samples that wait, and a page that is slow, large or of somebody else."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from collectors.gpu.fetching import NoPage, fetch_page
from collectors.gpu.nvml import NvmlReader
from collectors.gpu.sampler import Sampler
from collectors.records.types import GpuSample, ServerSample
from tests.collectors.gpu.drivers import FakeDevice, FakeNvml
from tests.collectors.gpu.test_pages import TRITON


class Clock:
    """A second more at each look."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        self.now_ns += 10**9
        return self.now_ns


def test_samples_of_devices_and_servers_share_their_interval() -> None:
    """By which they are joined later."""
    device = FakeDevice("GPU-a")
    driver = FakeNvml(device)
    pages = iter([TRITON, TRITON.replace("} 24", "} 30")])
    sampler = Sampler(
        NvmlReader(load=lambda: driver),
        ["http://u:p@h:8002"],
        every_seconds=1,
        fetch=lambda _: next(pages),
        clock=Clock(),
    )
    sampler.look()
    device.energy += 50_000
    sampler.look()
    gpu, *servers = sampler.take()
    assert isinstance(gpu, GpuSample)
    assert (gpu.source, gpu.energy_joules) == ("nvml", 50.0)
    assert {(s.start_ns, s.end_ns) for s in (gpu, *servers)} == {(10**9, 2 * 10**9)}
    assert [(s.model, s.inferences, s.address) for s in servers if isinstance(s, ServerSample)] == [
        ("echo", 6, "h:8002"),
        ("count", None, "h:8002"),
    ]
    assert sampler.take() == []


def test_what_was_given_back_comes_first() -> None:
    """In its old order."""
    driver = FakeNvml(FakeDevice(), FakeDevice("GPU-2"))
    sampler = Sampler(NvmlReader(load=lambda: driver), [], every_seconds=1, clock=Clock())
    sampler.look()
    sampler.look()
    taken = sampler.take()
    sampler.look()
    sampler.give_back(taken)
    assert sampler.take()[:2] == taken


def test_faults_are_told_by_source() -> None:
    """A driver and a page, each with its reason."""

    def fetch(_: str) -> str:
        raise NoPage("answered 404")

    sampler = Sampler(NvmlReader(load=lambda: FakeNvml(absent=9)), ["http://h:1"], every_seconds=1, fetch=fetch)
    assert sampler.sources == {}
    assert sampler.look().faults == {"nvml": "driver_not_loaded", "h:1": "answered 404"}
    assert sampler.sources == {"nvml": False, "h:1": False}
    assert sampler.take() == []


def test_a_server_that_names_no_device_has_those_of_the_settings() -> None:
    """Triton without labels of GPUs, vLLM."""
    sampler = Sampler(None, ["http://h:1"], every_seconds=1, devices=("GPU-a",), fetch=lambda _: TRITON)
    assert {each.devices for each in sampler.look().servers} == {("GPU-a",)}


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/metrics" else 404)
        self.end_headers()
        self.wfile.write(b"nv_x 1\n" * 100)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


def test_a_page_is_fetched_within_its_bounds() -> None:
    """`/metrics` where no path is given; a page that is too large, or of another address, is none."""
    with HTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert fetch_page(url).startswith("nv_x 1\n")
        with pytest.raises(NoPage, match="more than 100 bytes"):
            fetch_page(url, bytes_max=100)
        with pytest.raises(NoPage, match="404"):
            fetch_page(url + "/other")
        server.shutdown()
    with pytest.raises(NoPage):
        fetch_page(url)
