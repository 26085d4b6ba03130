"""Triton's metrics page: what each model was asked, how long it computed, and what its GPUs say. Pure."""

from collections import defaultdict
from collections.abc import Sequence

from collectors.gpu.exposition import Sample, total
from collectors.gpu.readings import DeviceReading, ServerReading

PREFIXES = ("nv_",)

_BUSY = (
    "nv_inference_compute_input_duration_us",
    "nv_inference_compute_infer_duration_us",
    "nv_inference_compute_output_duration_us",
)


def read_servers(samples: Sequence[Sample], address: str) -> list[ServerReading]:
    """One reading for each model and version; a batch of n is one request and n inferences."""
    models: dict[tuple[str, str], dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    for sample in samples:
        if sample.name.startswith("nv_inference_") and sample.labels.get("model"):
            key = sample.labels["model"], sample.labels.get("version", "")
            models[key][sample.name].append(sample)
    return [
        ServerReading(
            server="triton",
            address=address,
            model=model,
            version=version,
            devices=tuple(sorted({s.labels["gpu_uuid"] for each in found.values() for s in each if s.labels.get("gpu_uuid")})),
            requests=total(found.get("nv_inference_request_success", ())) or 0.0,
            failed=total(found.get("nv_inference_request_failure", ())) or 0.0,
            inferences=total(found.get("nv_inference_count", ())),
            busy_seconds=_seconds(found, *_BUSY),
            queue_seconds=_seconds(found, "nv_inference_queue_duration_us"),
        )
        for (model, version), found in models.items()
        if "nv_inference_request_success" in found
    ]  # fmt: skip


def read_devices(samples: Sequence[Sample]) -> list[DeviceReading]:
    """One reading for each GPU of the server. Who else is on it Triton does not say."""
    devices: dict[str, dict[str, float]] = defaultdict(dict)
    for sample in samples:
        if sample.labels.get("gpu_uuid") and not sample.name.startswith("nv_inference_"):
            devices[sample.labels["gpu_uuid"]][sample.name] = sample.value
    return [
        DeviceReading(
            device=device,
            source="triton",
            utilization=found.get("nv_gpu_utilization"),
            memory_used_bytes=_whole(found.get("nv_gpu_memory_used_bytes")),
            memory_total_bytes=_whole(found.get("nv_gpu_memory_total_bytes")),
            power_watts=found.get("nv_gpu_power_usage"),
            energy_joules=found.get("nv_energy_consumption"),
            mig=True if device.startswith("MIG-") else None,
            unknown={"tenants": "triton_does_not_say", "throttled": "triton_does_not_say"},
        )
        for device, found in devices.items()
    ]


def _seconds(found: dict[str, list[Sample]], *names: str) -> float | None:
    """Of counters in microseconds; unknown where one of them is missing."""
    parts = [total(found.get(name, ())) for name in names]
    return None if any(part is None for part in parts) else sum(part for part in parts if part is not None) / 1e6


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
