"""What happened between two looks."""

from __future__ import annotations

from typing import Any

from collectors.gpu.intervals import samples_between
from collectors.gpu.readings import DeviceReading, Look, ServerReading
from collectors.records.types import GpuSample, ServerSample

SECOND = 10**9


def look(at: int, *, device: dict[str, Any] | None = None, server: dict[str, Any] | None = None) -> Look:
    devices = () if device is None else (DeviceReading(device="GPU-a", source="nvml", **device),)
    servers = () if server is None else (ServerReading(server="triton", address="h:1", model="m", **server),)
    return Look(time_ns=at * SECOND, devices=devices, servers=servers, heard=frozenset({"h:1"}))


def gpu(before: dict[str, Any], now: dict[str, Any]) -> GpuSample:
    (sample,) = samples_between(look(0, device=before), look(10, device=now))
    assert isinstance(sample, GpuSample)
    return sample


def test_energy_is_what_the_counter_grew_by() -> None:
    """Whatever the power is at the end."""
    found = gpu({"energy_joules": 100.0, "power_watts": 1.0}, {"energy_joules": 400.0, "power_watts": 3.0})
    assert (found.energy_joules, found.energy_from, found.power_watts) == (300.0, "counter", 3.0)
    assert (found.start_ns, found.end_ns) == (0, 10 * SECOND)


def test_without_a_counter_energy_is_power_times_time() -> None:
    """The mean of both ends, and it says so."""
    lacks = {"unknown": {"energy_joules": "not_supported"}}
    found = gpu({"power_watts": 100.0, **lacks}, {"power_watts": 200.0, **lacks})
    assert (found.energy_joules, found.energy_from, found.unknown) == (1500.0, "power", {})


def test_without_both_energy_is_unknown() -> None:
    """With the device's reason."""
    lacks = {"unknown": {"energy_joules": "no_permission", "power_watts": "no_permission"}}
    found = gpu(lacks, lacks)
    assert (found.energy_joules, found.unknown["energy_joules"]) == (None, "no_permission")


def test_a_counter_that_began_anew_says_nothing() -> None:
    """The driver was loaded again."""
    found = gpu({"energy_joules": 100.0}, {"energy_joules": 4.0})
    assert (found.energy_joules, found.unknown["energy_joules"]) == (None, "counter_reset")


def test_a_model_is_what_its_counters_grew_by() -> None:
    """And one that was not there had done nothing."""
    now = {"requests": 5.0, "failed": 1.0, "inferences": 40.0, "busy_seconds": 2.5}
    (grown,) = samples_between(look(0, server=now), look(10, server=now | {"inferences": 50.0, "busy_seconds": 3.0}))
    assert isinstance(grown, ServerSample)
    assert (grown.requests, grown.inferences, grown.busy_seconds, grown.queue_seconds) == (0, 10, 0.5, None)
    (new,) = samples_between(look(0), look(10, server=now))
    assert isinstance(new, ServerSample)
    assert (new.requests, new.failed, new.inferences, new.busy_seconds) == (5, 1, 40, 2.5)


def test_a_server_that_was_not_heard_before_has_no_interval() -> None:
    """Its counters may be as old as itself."""
    silent = Look(time_ns=0)
    assert samples_between(silent, look(10, server={"requests": 1e9})) == []


def test_a_server_that_began_anew_has_no_sample() -> None:
    """How much it did before nobody knows."""
    assert samples_between(look(0, server={"requests": 9.0}), look(10, server={"requests": 2.0})) == []


def test_a_clock_that_went_back_makes_no_interval() -> None:
    """Nor a second of no length."""
    assert samples_between(look(10, device={}), look(10, device={})) == []
    assert samples_between(look(10, device={}), look(9, device={})) == []
