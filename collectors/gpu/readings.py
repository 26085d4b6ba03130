"""What is read at one moment, counters as they stand. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

Source = Literal["nvml", "dcgm", "triton"]

PRECEDENCE: tuple[Source, ...] = ("nvml", "dcgm", "triton")
"""Of a device that several tell of, the first of these is believed: it knows most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReading:
    """One accelerator; `energy_joules` since whenever its counter began, `xids` since the last reading."""

    device: str
    source: Source
    product: str = ""
    utilization: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    power_watts: float | None = None
    energy_joules: float | None = None
    temperature_celsius: float | None = None
    sm_clock_mhz: float | None = None
    memory_clock_mhz: float | None = None
    throttled: tuple[str, ...] | None = None
    xids: tuple[int, ...] | None = None
    mig: bool | None = None
    tenants: int | None = None
    unknown: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerReading:
    """What a server has done for one model since it started."""

    server: Literal["triton", "vllm"]
    address: str
    model: str
    version: str = ""
    devices: tuple[str, ...] = ()
    requests: float = 0.0
    failed: float = 0.0
    inferences: float | None = None
    busy_seconds: float | None = None
    queue_seconds: float | None = None
    tokens_in: float | None = None
    tokens_out: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Everything read at one moment. `heard` are the sources that answered, `faults` says why others did not."""

    time_ns: int
    devices: tuple[DeviceReading, ...] = ()
    servers: tuple[ServerReading, ...] = ()
    heard: frozenset[str] = frozenset()
    faults: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Devices:
    """What a reader of devices answers: those there are, or why nobody knows."""

    readings: tuple[DeviceReading, ...] = ()
    reason: str | None = None


class DeviceReader(Protocol):
    """Reads the devices of this machine. Never raises: what it cannot know is a reason."""

    def read(self) -> Devices:
        """The devices as they are now."""

    def close(self) -> None:
        """Let go of the driver."""


def once(readings: list[DeviceReading]) -> tuple[DeviceReading, ...]:
    """Each device once, as told by the source that knows most."""
    best: dict[str, DeviceReading] = {}
    for reading in sorted(readings, key=lambda each: PRECEDENCE.index(each.source)):
        best.setdefault(reading.device, reading)
    return tuple(best.values())
