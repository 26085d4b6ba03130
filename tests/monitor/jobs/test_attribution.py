"""Whose energy it was: alone, shared by busy time, and not to be known."""

from __future__ import annotations

from typing import Any

import pytest

from collectors.records.types import GpuSample, ServerSample
from monitor.jobs.attribution import Efficiency, attribute
from monitor.ports import TelemetryEntry

SECOND = 10**9


def gpu(start: int = 0, *, device: str = "GPU-a", sidecar: str = "s", **more: Any) -> TelemetryEntry:
    told = {"energy_joules": 1000.0, "tenants": 1, "utilization": 0.5, "power_watts": 100.0} | more
    return TelemetryEntry(
        sidecar, GpuSample(start_ns=start * SECOND, end_ns=(start + 10) * SECOND, device=device, **told)
    )


def server(start: int = 0, *, model: str = "m", sidecar: str = "s", **more: Any) -> TelemetryEntry:
    told = {"version": "1", "requests": 5, "inferences": 100, "busy_seconds": 2.0} | more
    sample = ServerSample(
        start_ns=start * SECOND, end_ns=(start + 10) * SECOND, server="triton", address="h:8002", model=model, **told
    )
    return TelemetryEntry(sidecar, sample)


def of(*entries: TelemetryEntry, model: str = "m", version: str = "1") -> Efficiency:
    return attribute(entries, model, version)


def test_a_model_alone_has_all_of_its_device() -> None:
    """Idle time too: nobody else would need it."""
    found = of(gpu(), server(), gpu(10), server(10, inferences=300, busy_seconds=0.0))
    assert (found.joules, found.predictions, found.joules_per_prediction) == (2000.0, 400, 5.0)
    assert (found.known_seconds, found.device_seconds, found.rules) == (20.0, 20.0, ("whole_device",))
    assert (found.utilization, found.watts, found.sharing_told, found.reason) == (0.5, 100.0, True, None)


def test_models_on_one_device_share_by_busy_time() -> None:
    """And their parts add up to the whole."""
    entries = (gpu(), server(busy_seconds=3.0), server(model="other", busy_seconds=1.0))
    mine, other = of(*entries), of(*entries, model="other")
    assert (mine.joules, other.joules) == (750.0, 250.0)
    assert (mine.device_seconds, mine.rules) == (7.5, ("busy_time",))


def test_versions_are_told_apart() -> None:
    """Two versions of a model share as two models do."""
    entries = (gpu(), server(busy_seconds=3.0), server(version="2", busy_seconds=1.0))
    assert of(*entries, version="2").joules == 250.0


def test_a_shared_device_that_idles_is_nobodys() -> None:
    """Its energy is told beside."""
    found = of(gpu(), server(busy_seconds=0.0, inferences=0), server(model="other", busy_seconds=0.0))
    assert (found.joules, found.idle_joules, found.predictions, found.joules_per_prediction) == (0.0, 1000.0, 0, None)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ((gpu(mig=True), server()), "mig"),
        ((gpu(tenants=2), server()), "shared_by_processes"),
        ((gpu(energy_joules=None), server()), "energy_not_told"),
        ((gpu(), server(busy_seconds=None), server(model="other")), "busy_time_not_told"),
        ((gpu(), server(), server(model="other", busy_seconds=None)), "busy_time_not_told"),
        ((gpu(), gpu(device="GPU-b"), server()), "device_not_told"),
        ((gpu(), gpu(sidecar="t"), server()), "several_sidecars"),
        ((server(),), "no_gpu_samples"),
        ((gpu(), server(devices=("GPU-z",))), "no_gpu_samples"),
        ((gpu(),), "no_server_metrics"),
        ((gpu(), server(model="other")), "no_server_metrics"),
        ((), "no_telemetry"),
    ],
)
def test_what_cannot_be_known_has_a_reason(entries: tuple[TelemetryEntry, ...], reason: str) -> None:
    """And is no number."""
    found = of(*entries)
    assert (found.reason, found.known_seconds, found.joules_per_prediction) == (reason, 0.0, None)


def test_predictions_of_unknown_intervals_do_not_dilute() -> None:
    """The quotient is of the known intervals; what the server did is of all."""
    found = of(gpu(), server(), gpu(10, tenants=3), server(10))
    assert (found.joules, found.predictions, found.requests) == (1000.0, 100, 10)
    assert (found.known_seconds, found.unknown_seconds, found.reason) == (10.0, {"shared_by_processes": 10.0}, None)


def test_a_server_that_names_its_devices_has_those() -> None:
    """A model on two devices has the energy of both, whoever is on the third."""
    both = ("GPU-a", "GPU-b")
    devices = (gpu(), gpu(device="GPU-b", energy_joules=500.0), gpu(device="GPU-c"))
    found = of(*devices, server(devices=both), server(model="other", devices=("GPU-c",)))
    assert (found.joules, found.device_seconds, found.devices) == (1500.0, 20.0, both)


def test_sharing_that_nobody_tells_is_said_to_be_assumed() -> None:
    """Triton's own page does not say who else is there."""
    found = of(gpu(tenants=None, energy_from="power"), server())
    assert (found.joules, found.sharing_told, found.from_power) == (1000.0, False, True)


def test_a_server_without_inferences_counts_requests() -> None:
    """Each is one prediction, such as a completion."""
    assert of(gpu(), server(inferences=None)).predictions == 5


def test_one_sidecar_after_another_is_no_second_one() -> None:
    """A sidecar that was started anew has another name."""
    found = of(gpu(), server(), gpu(10, sidecar="t"), server(10, sidecar="t"))
    assert (found.known_seconds, found.joules) == (20.0, 2000.0)
