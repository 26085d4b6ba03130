"""DCGM exporter's metrics page. Pure.

With time-slicing the same device is told once for each pod, with the same numbers: never a sum. With MIG it is told once for each
part. A value that is not there is a very large number.
"""

from collections import defaultdict
from collections.abc import Sequence

from collectors.gpu.exposition import Sample
from collectors.gpu.readings import DeviceReading, ServerReading

PREFIXES = ("DCGM_FI_",)

MIB = 1024 * 1024

MIB_MAX = 2**32
"""Of memory: four petabytes, which no device has."""

BLANKS = (2**31 - 16, 2**47, 2**63 - 1024)
"""DCGM's values for `none`, `not found`, `not supported`, `not permitted`: sixteen from each of these on (dcgm_structs.h),
as a double can hold them."""

_PARTS = ("gpu_i_id", "gpu_i_profile")
FIELDS = {
    "utilization": "DCGM_FI_DEV_GPU_UTIL",
    "memory_used_bytes": "DCGM_FI_DEV_FB_USED",
    "memory_total_bytes": "DCGM_FI_DEV_FB_USED",
    "power_watts": "DCGM_FI_DEV_POWER_USAGE",
    "energy_joules": "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
    "temperature_celsius": "DCGM_FI_DEV_GPU_TEMP",
    "sm_clock_mhz": "DCGM_FI_DEV_SM_CLOCK",
    "memory_clock_mhz": "DCGM_FI_DEV_MEM_CLOCK",
    "xids": "DCGM_FI_DEV_XID_ERRORS",
}
"""From which of DCGM's fields each of ours is read."""


def is_blank(value: float) -> bool:
    """Whether a number says that there is none.

    >>> is_blank(9223372036854775794), is_blank(2147483632), is_blank(99), is_blank(2147484000)
    (True, True, False, False)
    """
    return value >= BLANKS[-1] or any(blank <= value < blank + 16 for blank in BLANKS[:-1])


def read_servers(samples: Sequence[Sample], address: str) -> list[ServerReading]:
    """None: DCGM knows devices only."""
    return []


def read_devices(samples: Sequence[Sample]) -> list[DeviceReading]:
    """One reading for each device, however many pods and parts it is told for."""
    devices: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        device = sample.labels.get("uuid") or sample.labels.get("device")
        if device:
            devices[device].append(sample)
    return [_device(device, found) for device, found in devices.items()]


def _device(device: str, samples: Sequence[Sample]) -> DeviceReading:
    values = {sample.name: sample.value for sample in samples if not is_blank(sample.value)}
    blank = {sample.name for sample in samples if sample.name not in values}
    in_parts = any(sample.labels.get(part) for sample in samples for part in _PARTS)
    pods = {
        tuple(s.labels.get(k, "") for k in ("namespace", "pod", "container")) for s in samples if s.labels.get("pod")
    }
    unknown = {
        field: "no_value" if name in blank else "not_exported" for field, name in FIELDS.items() if name not in values
    }
    unknown["throttled"] = "not_exported"
    if not pods:
        unknown["tenants"] = "no_pod_labels"
    percent = values.get("DCGM_FI_DEV_GPU_UTIL")
    millijoules = values.get("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION")
    xid = values.get("DCGM_FI_DEV_XID_ERRORS")
    memory = [values.get(f"DCGM_FI_DEV_FB_{part}") for part in ("USED", "FREE")]
    used, free = (None if part is None or part > MIB_MAX else int(part) * MIB for part in memory)
    return DeviceReading(
        device=device,
        source="dcgm",
        product=next((s.labels["modelname"] for s in samples if s.labels.get("modelname")), ""),
        utilization=None if percent is None else percent / 100,
        memory_used_bytes=used,
        memory_total_bytes=None if used is None or free is None else used + free + _reserved(values),
        power_watts=values.get("DCGM_FI_DEV_POWER_USAGE"),
        energy_joules=None if millijoules is None else millijoules / 1000,
        temperature_celsius=values.get("DCGM_FI_DEV_GPU_TEMP"),
        sm_clock_mhz=values.get("DCGM_FI_DEV_SM_CLOCK"),
        memory_clock_mhz=values.get("DCGM_FI_DEV_MEM_CLOCK"),
        xids=None if xid is None else (int(xid),) if xid else (),
        mig=in_parts or None,
        tenants=len(pods) or None,
        unknown=unknown,
    )  # fmt: skip


def _reserved(values: dict[str, float]) -> int:
    return min(int(values.get("DCGM_FI_DEV_FB_RESERVED", 0)), MIB_MAX) * MIB
