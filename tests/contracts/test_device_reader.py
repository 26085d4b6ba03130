"""What every reader of devices must do: the fake driver always, the real one where there is a GPU."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from collectors.gpu.nvml import NvmlReader
from collectors.gpu.readings import DeviceReader
from tests.collectors.gpu.drivers import FakeDevice, FakeNvml


@pytest.fixture(params=["fake", "nvml"])
def reader(request: pytest.FixtureRequest) -> Iterator[DeviceReader]:
    driver = FakeNvml(FakeDevice(), FakeDevice("GPU-2"))
    opened = NvmlReader() if request.param == "nvml" else NvmlReader(load=lambda: driver)
    if request.param == "nvml" and opened.read().reason is not None:
        pytest.skip("needs a GPU")
    yield opened
    opened.close()


def test_each_device_is_named_once(reader: DeviceReader) -> None:
    """By the driver's UUID."""
    names = [reading.device for reading in reader.read().readings]
    assert names
    assert len(set(names)) == len(names)


def test_what_is_not_known_has_a_reason(reader: DeviceReader) -> None:
    """No field is None without one."""
    fields = ("utilization", "memory_used_bytes", "power_watts", "energy_joules", "temperature_celsius", "throttled")
    for reading in reader.read().readings:
        for name in (*fields, "sm_clock_mhz", "memory_clock_mhz", "mig", "tenants", "xids"):
            assert getattr(reading, name) is not None or reading.unknown[name]


def test_units_are_those_of_records(reader: DeviceReader) -> None:
    """A share, bytes, watts: in the range of things that exist."""
    for reading in reader.read().readings:
        assert reading.utilization is None or 0 <= reading.utilization <= 1
        assert reading.memory_total_bytes is None or (1 << 28) < reading.memory_total_bytes < (1 << 42)
        assert reading.power_watts is None or 1 < reading.power_watts < 3000


def test_the_energy_counter_never_falls(reader: DeviceReader) -> None:
    """From one reading to the next."""
    before = {r.device: r.energy_joules for r in reader.read().readings}
    for reading in reader.read().readings:
        last = before[reading.device]
        assert last is None or reading.energy_joules is None or reading.energy_joules >= last


def test_a_closed_reader_reads_again(reader: DeviceReader) -> None:
    """A worker that begins anew."""
    count = len(reader.read().readings)
    reader.close()
    assert len(reader.read().readings) == count
