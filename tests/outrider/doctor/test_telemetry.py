"""What the doctor says of devices and metrics pages."""

from __future__ import annotations

from collectors.gpu.fetching import NoPage
from collectors.gpu.nvml import NvmlReader
from collectors.settings.gpu import GpuSetting
from outrider.doctor.telemetry import devices, page, telemetry
from tests.collectors.gpu.drivers import FakeDevice, FakeNvml
from tests.collectors.gpu.test_pages import TRITON


def said(*fakes: FakeDevice, absent: int | None = None) -> list[tuple[str, str, str]]:
    found = devices(lambda: NvmlReader(load=lambda: FakeNvml(*fakes, absent=absent)))
    return [(each.where, each.state, each.detail) for each in found]


def test_a_device_is_a_line() -> None:
    """With what it is, does and takes."""
    ((where, state, detail),) = said(FakeDevice("GPU-a", gpu=25, power=120_000))
    assert (where, state) == ("GPU-a", "ok")
    assert detail == "NVIDIA Test, 25% busy, 2.0 GiB used, 120 W, counts energy, 1 process"


def test_what_a_device_does_not_tell_has_its_reason() -> None:
    """And never a number."""
    ((_, _, detail),) = said(FakeDevice(mig=(1, 1), refuses={"nvmlDeviceGetUtilizationRates": 3}))
    assert "utilization unknown (not_supported)" in detail
    assert "MIG" in detail


def test_an_absent_driver_is_unknown_and_no_failure() -> None:
    """Most machines have none."""
    ((where, state, detail),) = said(absent=9)
    assert (where, state, detail) == ("driver", "skipped", "unknown: NVIDIA's driver is not loaded")


def test_a_page_tells_its_models() -> None:
    """Or why it cannot be read, which is a failure: somebody asked for it."""
    found = page("http://u:p@h:8002", lambda _: TRITON)
    assert (found.where, found.state, found.detail) == ("h:8002", "ok", "1 devices, 2 models (count, echo)")

    def gone(_: str) -> str:
        raise NoPage("answered 404")

    (failed,) = telemetry(GpuSetting(nvml=False, scrape=("http://h:1",)), gone)
    assert (failed.state, failed.detail) == ("failed", "answered 404")
