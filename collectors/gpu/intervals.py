"""Two looks → samples of what happened between them. Pure.

A counter that went down began anew: what it counted in between is not known. Where the driver counts no energy, power
times time stands for it and the sample says so.
"""

from collections.abc import Iterator

from collectors.gpu.readings import DeviceReading, Look, ServerReading
from collectors.records.types import GpuSample, ServerSample, TelemetrySample

COUNTER_RESET = "counter_reset"


def samples_between(before: Look, now: Look) -> list[TelemetrySample]:
    """What every device and every model of a server did; nothing of those that were not there before."""
    if now.time_ns <= before.time_ns:
        return []
    return [*_device_samples(before, now), *_server_samples(before, now)]


def _device_samples(before: Look, now: Look) -> Iterator[GpuSample]:
    earlier = {(reading.device, reading.source): reading for reading in before.devices}
    for reading in now.devices:
        last = earlier.get((reading.device, reading.source))
        if last is not None:
            yield _device_sample(last, reading, before.time_ns, now.time_ns)


def _device_sample(last: DeviceReading, reading: DeviceReading, start_ns: int, end_ns: int) -> GpuSample:
    unknown = dict(reading.unknown)
    energy = counted = _grown(last.energy_joules, reading.energy_joules)
    if counted is None and last.energy_joules is not None and reading.energy_joules is not None:
        unknown["energy_joules"] = COUNTER_RESET
    elif counted is None and last.power_watts is not None and reading.power_watts is not None:
        energy = (last.power_watts + reading.power_watts) / 2 * (end_ns - start_ns) / 1e9
        unknown.pop("energy_joules", None)
    elif counted is None:
        unknown.setdefault("energy_joules", last.unknown.get("energy_joules", "not_told"))
    return GpuSample(
        start_ns=start_ns,
        end_ns=end_ns,
        device=reading.device,
        product=reading.product,
        source=reading.source,
        utilization=reading.utilization,
        memory_used_bytes=reading.memory_used_bytes,
        memory_total_bytes=reading.memory_total_bytes,
        power_watts=reading.power_watts,
        energy_joules=energy,
        energy_from="power" if counted is None and energy is not None else "counter",
        temperature_celsius=reading.temperature_celsius,
        sm_clock_mhz=reading.sm_clock_mhz,
        memory_clock_mhz=reading.memory_clock_mhz,
        throttled=reading.throttled,
        xids=reading.xids,
        mig=reading.mig,
        tenants=reading.tenants,
        unknown=unknown,
    )


def _server_samples(before: Look, now: Look) -> Iterator[ServerSample]:
    earlier = {(r.address, r.model, r.version): r for r in before.servers}
    for reading in now.servers:
        if reading.address not in before.heard:
            continue
        # A model that was not there yet had done nothing.
        last = earlier.get((reading.address, reading.model, reading.version), _nothing(reading))
        requests, failed = _grown(last.requests, reading.requests), _grown(last.failed, reading.failed)
        if requests is None or failed is None:
            continue
        yield ServerSample(
            start_ns=before.time_ns,
            end_ns=now.time_ns,
            server=reading.server,
            address=reading.address,
            model=reading.model,
            version=reading.version,
            devices=reading.devices,
            requests=round(requests),
            failed=round(failed),
            inferences=_whole(_grown(last.inferences, reading.inferences)),
            busy_seconds=_grown(last.busy_seconds, reading.busy_seconds),
            queue_seconds=_grown(last.queue_seconds, reading.queue_seconds),
            tokens_in=_whole(_grown(last.tokens_in, reading.tokens_in)),
            tokens_out=_whole(_grown(last.tokens_out, reading.tokens_out)),
        )


def _nothing(reading: ServerReading) -> ServerReading:
    return ServerReading(
        server=reading.server,
        address=reading.address,
        model=reading.model,
        version=reading.version,
        inferences=0.0,
        busy_seconds=0.0,
        queue_seconds=0.0,
        tokens_in=0.0,
        tokens_out=0.0,
    )


def _grown(before: float | None, now: float | None) -> float | None:
    return None if before is None or now is None or now < before else now - before


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
