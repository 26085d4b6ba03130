"""A driver that works without a GPU: the part of `pynvml` that is asked, on devices of the test's making."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


class NvmlFault(Exception):
    def __init__(self, value: int) -> None:
        super().__init__(value)
        self.value = value


@dataclass
class FakeDevice:
    """What one device answers; a number under `refuses` is the error of the function of that name."""

    uuid: str = "GPU-1"
    gpu: int = 50
    power: int = 200_000
    energy: int = 1_000_000
    pids: tuple[int, ...] = (7,)
    mig: tuple[int, int] = (0, 0)
    reasons: int = 0
    xids: list[int] = field(default_factory=list)
    refuses: dict[str, int] = field(default_factory=dict)


class FakeNvml:
    """Stands for the module `pynvml`."""

    NVMLError = NvmlFault
    NVML_TEMPERATURE_GPU, NVML_CLOCK_SM, NVML_CLOCK_MEM = 0, 1, 2
    nvmlEventTypeXidCriticalError = 8  # noqa: N815

    def __init__(self, *devices: FakeDevice, absent: int | None = None) -> None:
        self.devices = list(devices)
        self.absent = absent
        self.begun = 0

    def __getattr__(self, name: str) -> Any:
        if name not in _ANSWERS:
            raise AttributeError(name)

        def ask(device: FakeDevice, *_: object) -> Any:
            if name in device.refuses:
                raise NvmlFault(device.refuses[name])
            return _ANSWERS[name](device)

        return ask

    def nvmlInit(self) -> None:  # noqa: N802
        if self.absent is not None:
            raise NvmlFault(self.absent)
        self.begun += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.begun -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.devices)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> FakeDevice:  # noqa: N802
        return self.devices[index]

    def nvmlEventSetCreate(self) -> list[FakeDevice]:  # noqa: N802
        return []

    def nvmlEventSetFree(self, events: list[FakeDevice]) -> None:  # noqa: N802
        events.clear()

    def nvmlDeviceRegisterEvents(self, device: FakeDevice, kinds: int, events: list[FakeDevice]) -> None:  # noqa: N802
        events.append(device)

    def nvmlEventSetWait_v2(self, events: list[FakeDevice], timeout_ms: int) -> Any:  # noqa: N802
        assert timeout_ms == 0
        for device in events:
            if device.xids:
                return SimpleNamespace(device=device, eventData=device.xids.pop(0))
        raise NvmlFault(10)


_ANSWERS: dict[str, Any] = {
    "nvmlDeviceGetUUID": lambda d: d.uuid,
    "nvmlDeviceGetName": lambda d: b"NVIDIA Test",
    "nvmlDeviceGetUtilizationRates": lambda d: SimpleNamespace(gpu=d.gpu, memory=0),
    "nvmlDeviceGetMemoryInfo": lambda d: SimpleNamespace(used=2 << 30, total=80 << 30),
    "nvmlDeviceGetPowerUsage": lambda d: d.power,
    "nvmlDeviceGetTotalEnergyConsumption": lambda d: d.energy,
    "nvmlDeviceGetCurrentClocksEventReasons": lambda d: d.reasons,
    "nvmlDeviceGetComputeRunningProcesses": lambda d: [SimpleNamespace(pid=pid, usedGpuMemory=None) for pid in d.pids],
    "nvmlDeviceGetMigMode": lambda d: d.mig,
    "nvmlDeviceGetTemperature": lambda d: 60,
    "nvmlDeviceGetClockInfo": lambda d: 1980,
}
