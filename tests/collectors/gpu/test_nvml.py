"""NVIDIA's driver: what it tells, and how it fails."""

from __future__ import annotations

import pytest

from collectors.gpu.nvml import NvmlReader
from collectors.gpu.readings import DeviceReading
from tests.collectors.gpu.drivers import FakeDevice, FakeNvml


def read(*devices: FakeDevice) -> tuple[DeviceReading, ...]:
    return NvmlReader(load=lambda: FakeNvml(*devices)).read().readings


def test_values_are_in_units_of_records() -> None:
    """Percent, milliwatts and millijoules become shares, watts and joules."""
    (found,) = read(FakeDevice(gpu=25, power=350_500, energy=5_000))
    assert (found.utilization, found.power_watts, found.energy_joules, found.product) == (
        0.25,
        350.5,
        5.0,
        "NVIDIA Test",
    )
    assert (found.tenants, found.mig, found.sm_clock_mhz) == (1, False, 1980)


def test_one_value_that_is_refused_costs_no_other() -> None:
    """An older device counts no energy."""
    (found,) = read(FakeDevice(refuses={"nvmlDeviceGetTotalEnergyConsumption": 3}))
    assert (found.energy_joules, found.unknown["energy_joules"], found.power_watts) == (None, "not_supported", 200.0)


def test_a_device_that_cannot_be_cut_is_whole() -> None:
    """MIG that is not supported is no MIG."""
    (found,) = read(FakeDevice(refuses={"nvmlDeviceGetMigMode": 3}))
    assert found.mig is False
    assert "mig" not in found.unknown


def test_processes_that_a_container_hides_are_not_none() -> None:
    """An empty list says nothing."""
    (found,) = read(FakeDevice(pids=()))
    assert (found.tenants, found.unknown["tenants"]) == (None, "none_seen")


def test_clocks_that_are_held_down_have_their_reasons() -> None:
    """Idleness is none."""
    assert read(FakeDevice(reasons=0x1))[0].throttled == ()
    assert read(FakeDevice(reasons=0x44))[0].throttled == ("sw_power_cap", "hw_thermal")


def test_errors_of_the_driver_are_told_once() -> None:
    """An XID belongs to the reading behind it."""
    device = FakeDevice()
    driver = FakeNvml(device)
    reader = NvmlReader(load=lambda: driver)
    assert reader.read().readings[0].xids == ()
    device.xids += [79, 31]
    assert reader.read().readings[0].xids == (79, 31)
    assert reader.read().readings[0].xids == ()


@pytest.mark.parametrize(
    ("code", "reason"), [(9, "driver_not_loaded"), (12, "library_not_found"), (999, "nvml_error_999")]
)
def test_an_absent_driver_is_a_reason(code: int, reason: str) -> None:
    """And no device that is idle."""
    found = NvmlReader(load=lambda: FakeNvml(FakeDevice(), absent=code)).read()
    assert (found.readings, found.reason) == ((), reason)


def test_an_absent_library_is_a_reason() -> None:
    """The extra `gpu` was not installed."""

    def load() -> object:
        raise ImportError

    assert NvmlReader(load=load).read().reason == "nvidia-ml-py_not_installed"


def test_a_driver_that_comes_later_is_found() -> None:
    """At the next reading."""
    driver = FakeNvml(FakeDevice(), absent=9)
    reader = NvmlReader(load=lambda: driver)
    assert reader.read().reason == "driver_not_loaded"
    driver.absent = None
    assert len(reader.read().readings) == 1


def test_only_the_devices_asked_for_are_read() -> None:
    """Others of the machine belong to others."""
    reader = NvmlReader(("GPU-2",), load=lambda: FakeNvml(FakeDevice(), FakeDevice("GPU-2")))
    assert [each.device for each in reader.read().readings] == ["GPU-2"]
