"""NVIDIA's own library (nvidia-ml-py, the extra `gpu`), behind `DeviceReader`.

Each value is asked for by itself: a device that lacks one tells the others. A driver that is absent, or comes later, is
asked again at the next reading.
"""

import importlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from collectors.gpu.readings import DeviceReading, Devices

DEVICES_MAX = 64
"""Of one machine."""

XIDS_MAX = 32
"""Errors of the driver taken from its queue at one reading."""

REASONS = {
    3: "not_supported",
    4: "no_permission",
    9: "driver_not_loaded",
    12: "library_not_found",
    13: "function_not_found",
    15: "gpu_is_lost",
    18: "driver_mismatch",
}
"""What the library's errors are called in records."""

THROTTLES = {
    0x4: "sw_power_cap",
    0x8: "hw_slowdown",
    0x20: "sw_thermal",
    0x40: "hw_thermal",
    0x80: "hw_power_brake",
}
"""Bits that say that the clocks are held down; an idle device or a wish of the user is none of them."""


def load_pynvml() -> Any:
    """The library's module. Raises ImportError."""
    return importlib.import_module("pynvml")


class NvmlReader:
    """Reads every device that the driver shows us, or those of `only` (UUIDs)."""

    def __init__(self, only: tuple[str, ...] = (), load: Callable[[], Any] = load_pynvml) -> None:
        self._only = only
        self._load = load
        self._library: Any = None
        self._events: Any = None
        self._watched: set[str] = set()

    def read(self) -> Devices:
        try:
            library = self._load()
        except ImportError:
            return Devices(reason="nvidia-ml-py_not_installed")
        try:
            self._begin(library)
            count = min(library.nvmlDeviceGetCount(), DEVICES_MAX)
        except library.NVMLError as error:
            self.close()
            return Devices(reason=reason_of(error))
        found = [self._device(library, index) for index in range(count)]
        readings = [each for each in found if each is not None and (not self._only or each.device in self._only)]
        xids = self._xids(library, readings)
        told = tuple(_with_xids(reading, xids) for reading in readings)
        return Devices(told, None if told else "no_device")

    def close(self) -> None:
        library, self._library = self._library, None
        if library is None:
            return
        with suppress(library.NVMLError):
            if self._events is not None:
                library.nvmlEventSetFree(self._events)
            library.nvmlShutdown()
        self._events, self._watched = None, set()

    def _begin(self, library: Any) -> None:
        if self._library is None:
            library.nvmlInit()
            self._library = library
            with suppress(library.NVMLError):
                self._events = library.nvmlEventSetCreate()

    def _device(self, library: Any, index: int) -> DeviceReading | None:
        try:
            handle = library.nvmlDeviceGetHandleByIndex(index)
            device = _text(library.nvmlDeviceGetUUID(handle))
        except library.NVMLError:  # a device that fell off the bus has no name any more
            return None
        unknown: dict[str, str] = {}

        def ask(field: str, name: str, *arguments: object) -> Any:
            try:
                return getattr(library, name)(handle, *arguments)
            except library.NVMLError as error:
                unknown[field] = reason_of(error)
            return None

        use = ask("utilization", "nvmlDeviceGetUtilizationRates")
        memory = ask("memory_used_bytes", "nvmlDeviceGetMemoryInfo")
        power = ask("power_watts", "nvmlDeviceGetPowerUsage")
        energy = ask("energy_joules", "nvmlDeviceGetTotalEnergyConsumption")
        clocks = ask("throttled", "nvmlDeviceGetCurrentClocksEventReasons")
        processes = ask("tenants", "nvmlDeviceGetComputeRunningProcesses")
        mig = ask("mig", "nvmlDeviceGetMigMode")
        if unknown.get("mig") == "not_supported":  # a device that cannot be cut is whole
            del unknown["mig"]
            mig = (0, 0)
        if processes is not None and not processes:
            unknown["tenants"] = "none_seen"  # in a container those of others are not
        reading = DeviceReading(
            device=device,
            source="nvml",
            product=_text(ask("product", "nvmlDeviceGetName") or ""),
            utilization=None if use is None else use.gpu / 100,
            memory_used_bytes=None if memory is None else int(memory.used),
            memory_total_bytes=None if memory is None else int(memory.total),
            power_watts=None if power is None else power / 1000,
            energy_joules=None if energy is None else energy / 1000,
            temperature_celsius=ask("temperature_celsius", "nvmlDeviceGetTemperature", library.NVML_TEMPERATURE_GPU),
            sm_clock_mhz=ask("sm_clock_mhz", "nvmlDeviceGetClockInfo", library.NVML_CLOCK_SM),
            memory_clock_mhz=ask("memory_clock_mhz", "nvmlDeviceGetClockInfo", library.NVML_CLOCK_MEM),
            throttled=None if clocks is None else tuple(name for bit, name in THROTTLES.items() if clocks & bit),
            mig=None if mig is None else bool(mig[0]),
            tenants=len({process.pid for process in processes}) if processes else None,
            unknown=unknown,
        )
        self._watch(library, handle, device)
        return reading

    def _watch(self, library: Any, handle: Any, device: str) -> None:
        if self._events is not None and device not in self._watched:
            with suppress(library.NVMLError):
                library.nvmlDeviceRegisterEvents(handle, library.nvmlEventTypeXidCriticalError, self._events)
                self._watched.add(device)

    def _xids(self, library: Any, readings: list[DeviceReading]) -> dict[str, tuple[int, ...]]:
        """Errors of the driver since the last reading, of the devices whose errors we are told."""
        found: dict[str, tuple[int, ...]] = {r.device: () for r in readings if r.device in self._watched}
        if not found:
            return {}
        for _ in range(XIDS_MAX):
            try:
                event = library.nvmlEventSetWait_v2(self._events, 0)
                device = _text(library.nvmlDeviceGetUUID(event.device))
            except library.NVMLError:  # mostly that nothing happened
                break
            found[device] = (*found.get(device, ()), int(event.eventData))
        return found


def reason_of(error: Exception) -> str:
    """An error of the library as a word."""
    return REASONS.get(getattr(error, "value", -1), f"nvml_error_{getattr(error, 'value', 'unknown')}")


def _with_xids(reading: DeviceReading, xids: dict[str, tuple[int, ...]]) -> DeviceReading:
    if reading.device in xids:
        return replace(reading, xids=xids[reading.device])
    return replace(reading, unknown={**reading.unknown, "xids": "not_watched"})


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
