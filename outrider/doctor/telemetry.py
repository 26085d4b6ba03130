"""What the driver and metrics pages tell of devices: nothing of it is needed to capture, so its absence is no failure."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from collectors.gpu.exposition import MalformedPage
from collectors.gpu.fetching import NoPage, fetch_page
from collectors.gpu.nvml import NvmlReader
from collectors.gpu.pages import read_page
from collectors.gpu.readings import DeviceReader, DeviceReading
from collectors.settings.gpu import GpuSetting
from outrider.doctor.asking import Check, check

GPU = "gpu"

WORDS = {
    "nvidia-ml-py_not_installed": "unknown: nvidia-ml-py is not installed (pip install 'outrider[gpu]')",
    "library_not_found": "unknown: NVIDIA's library is not here, so neither is its driver",
    "driver_not_loaded": "unknown: NVIDIA's driver is not loaded",
    "no_device": "the driver shows no device",
}
GIB = 1024**3


def devices(open_reader: Callable[[], DeviceReader] = NvmlReader) -> list[Check]:
    """One line a device, or why nobody knows."""
    reader = open_reader()
    try:
        found = reader.read()
    finally:
        reader.close()
    if found.reason is not None:
        return [Check(GPU, "driver", "skipped", WORDS.get(found.reason, f"unknown: {found.reason}"))]
    return [Check(GPU, reading.device, "ok", described(reading)) for reading in found.readings]


def described(reading: DeviceReading) -> str:
    """A device in a line; what is not known says why."""
    use = _told(reading, "utilization", lambda value: f"{value:.0%} busy")
    memory = _told(reading, "memory_used_bytes", lambda value: f"{value / GIB:.1f} GiB used")
    power = _told(reading, "power_watts", lambda value: f"{value:.0f} W")
    energy = _told(reading, "energy_joules", lambda _: "counts energy")
    tenants = _told(reading, "tenants", lambda value: f"{value} process{'es' if value > 1 else ''}")
    parts = [reading.product, use, memory, power, energy, tenants]
    if reading.mig:
        parts.append("cut into parts (MIG): energy of a model will be unknown")
    if reading.throttled:
        parts.append(f"clocks held down by {', '.join(reading.throttled)}")
    return ", ".join(part for part in parts if part)


def telemetry(asked: GpuSetting, fetch: Callable[[str], str] = fetch_page) -> list[Check]:
    """What a sidecar with these settings would be told."""
    found = devices(lambda: NvmlReader(asked.devices)) if asked.nvml else []
    return [*found, *(page(url, fetch) for url in asked.scrape)]


def page(url: str, fetch: Callable[[str], str] = fetch_page) -> Check:
    """Whether a metrics page tells of devices or models."""
    where = urlsplit(url).netloc.rpartition("@")[2]
    try:
        told, servers = read_page(fetch(url), where)
    except (NoPage, MalformedPage) as error:
        return check("metrics page", where, False, str(error))
    models = ", ".join(sorted({server.model for server in servers})[:10])
    detail = f"{len(told)} devices, {len(servers)} models" + (f" ({models})" if models else "")
    return check("metrics page", where, True, detail)


def _told(reading: DeviceReading, field: str, words: Callable[[float], str]) -> str:
    value = getattr(reading, field)
    return words(value) if value is not None else f"{field} unknown ({reading.unknown.get(field, 'not told')})"
