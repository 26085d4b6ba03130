"""Whose energy was it: samples of devices and servers → what one version of a model took. Pure.

Samples that a sidecar took at the same moments belong together. In each such interval

* a model that is alone on its devices has all they took, idle or not (`whole_device`);
* models that share devices have it by the time that each was computing (`busy_time`); while none was, it is nobody's
  (`idle_joules`);
* and where that cannot be known, the interval is unknown with a reason: a device that is cut into parts (`mig`), that
  other processes use too (`shared_by_processes`), that several sidecars tell of (`several_sidecars`), whose energy
  nobody tells (`energy_not_told`), or a server that does not say which of several devices it uses (`device_not_told`)
  or how long each of several models was computing (`busy_time_not_told`).

Predictions are counted in the known intervals alone, so that the quotient holds however much is unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from collectors.records.types import GpuSample, ServerSample
from monitor.ports import TelemetryEntry

Rule = Literal["whole_device", "busy_time"]

NO_GPU_SAMPLES = "no_gpu_samples"
NO_SERVER_METRICS = "no_server_metrics"
NO_TELEMETRY = "no_telemetry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """What a version of a model took in a span. `joules`, `device_seconds` and `predictions` are of the known intervals."""

    known_seconds: float = 0.0
    unknown_seconds: Mapping[str, float] = field(default_factory=dict)
    """By reason."""
    reason: str | None = None
    """Why nothing is known; None where something is."""
    joules: float = 0.0
    idle_joules: float = 0.0
    from_power: bool = False
    """Whether some of the energy is power times time, because no counter tells it."""
    device_seconds: float = 0.0
    predictions: int = 0
    rules: tuple[Rule, ...] = ()
    sharing_told: bool = False
    """Whether it was told throughout that no other process used the devices; otherwise that is assumed."""
    devices: tuple[str, ...] = ()
    utilization: float | None = None
    watts: float | None = None
    throttled: tuple[str, ...] = ()
    xids: tuple[int, ...] = ()
    requests: int = 0
    failed: int = 0
    busy_seconds: float | None = None
    queue_seconds: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None

    @property
    def joules_per_prediction(self) -> float | None:
        return self.joules / self.predictions if self.predictions else None


@dataclass(frozen=True, slots=True)
class _Interval:
    """What one sidecar told of one interval; `elsewhere` are devices that another sidecar tells of too."""

    seconds: float
    devices: Mapping[str, GpuSample]
    servers: Sequence[ServerSample]
    elsewhere: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Part:
    """One model's part of an interval."""

    devices: tuple[GpuSample, ...]
    share: float
    rule: Rule
    idle: bool


def attribute(entries: Sequence[TelemetryEntry], model: str, version: str) -> Efficiency:
    """What the version of the model took, of these samples."""
    intervals = _intervals(entries)
    told = [(each, mine) for each in intervals if (mine := _of(each.servers, model, version)) is not None]
    if not told:
        has_devices = any(each.devices for each in intervals)
        return Efficiency(reason=NO_SERVER_METRICS if has_devices else NO_TELEMETRY)
    unknown: dict[str, float] = defaultdict(float)
    known: list[tuple[_Interval, ServerSample, _Part]] = []
    for interval, mine in told:
        part = _part(interval, mine)
        if isinstance(part, str):
            unknown[part] += interval.seconds
        else:
            known.append((interval, mine, part))
    return _summed(known, [mine for _, mine in told], dict(unknown))


def _summed(
    known: Sequence[tuple[_Interval, ServerSample, _Part]],
    mine: Sequence[ServerSample],
    unknown: dict[str, float],
) -> Efficiency:
    devices = [(interval.seconds, device) for interval, _, part in known for device in part.devices]
    taken = [(part, sum(device.energy_joules or 0.0 for device in part.devices)) for _, _, part in known]
    return Efficiency(
        known_seconds=sum(interval.seconds for interval, _, _ in known),
        unknown_seconds=unknown,
        reason=None if known else max(unknown, key=lambda reason: unknown[reason]),
        joules=sum(part.share * joules for part, joules in taken),
        idle_joules=sum(joules for part, joules in taken if part.idle),
        from_power=any(device.energy_from == "power" for _, device in devices),
        device_seconds=sum(part.share * len(part.devices) * interval.seconds for interval, _, part in known),
        predictions=sum(_predictions(sample) for _, sample, _ in known),
        rules=tuple(sorted({part.rule for _, _, part in known})),
        sharing_told=bool(devices) and all(device.tenants == 1 for _, device in devices),
        devices=tuple(sorted({device.device for _, device in devices})),
        utilization=_mean((seconds, device.utilization) for seconds, device in devices),
        watts=_mean((seconds, device.power_watts) for seconds, device in devices),
        throttled=tuple(sorted({reason for _, device in devices for reason in device.throttled or ()})),
        xids=tuple(sorted({xid for _, device in devices for xid in device.xids or ()})),
        requests=sum(sample.requests for sample in mine),
        failed=sum(sample.failed for sample in mine),
        busy_seconds=_total(sample.busy_seconds for sample in mine),
        queue_seconds=_total(sample.queue_seconds for sample in mine),
        tokens_in=_whole(_total(sample.tokens_in for sample in mine)),
        tokens_out=_whole(_total(sample.tokens_out for sample in mine)),
    )


def _intervals(entries: Sequence[TelemetryEntry]) -> list[_Interval]:
    groups: dict[tuple[str, int, int], list[TelemetryEntry]] = defaultdict(list)
    spans: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for entry in entries:
        sample = entry.sample
        groups[entry.sidecar, sample.start_ns, sample.end_ns].append(entry)
        if isinstance(sample, GpuSample):
            spans[sample.device].append((sample.start_ns, sample.end_ns, entry.sidecar))
    doubled = {(device, *each) for device, told in spans.items() for each in _overlapping(told)}
    return [
        _Interval(
            (end_ns - start_ns) / 1e9,
            {s.device: s for s in (e.sample for e in group) if isinstance(s, GpuSample)},
            [s for s in (e.sample for e in group) if isinstance(s, ServerSample)],
            frozenset(device for device in spans if (device, start_ns, end_ns, sidecar) in doubled),
        )
        for (sidecar, start_ns, end_ns), group in groups.items()
        if end_ns > start_ns
    ]


def _overlapping(told: list[tuple[int, int, str]]) -> set[tuple[int, int, str]]:
    """Those that another sidecar tells of at the same time. Of one sidecar none overlap."""
    found: set[tuple[int, int, str]] = set()
    last: dict[str, tuple[int, int, str]] = {}
    for each in sorted(told):
        for other in last.values():
            if other[2] != each[2] and other[1] > each[0]:
                found |= {each, other}
        last[each[2]] = each
    return found


def _of(servers: Iterable[ServerSample], model: str, version: str) -> ServerSample | None:
    return next((each for each in servers if (each.model, each.version) == (model, version)), None)


def _part(interval: _Interval, mine: ServerSample) -> _Part | str:
    """The model's part, or why it is not known."""
    names = _used(interval, mine)
    devices = tuple(interval.devices[name] for name in sorted(names) if name in interval.devices)
    if not interval.devices or len(devices) < len(names):
        return NO_GPU_SAMPLES
    if not names:
        return "device_not_told"
    fault = next((why for device in devices if (why := _fault(interval, device)) is not None), None)
    return _share(interval, mine, names, devices) if fault is None else fault


def _fault(interval: _Interval, device: GpuSample) -> str | None:
    """Why nobody can say whose the device's energy was."""
    if device.mig:
        return "mig"
    if (device.tenants or 1) > 1:
        return "shared_by_processes"
    if device.device in interval.elsewhere:
        return "several_sidecars"
    return "energy_not_told" if device.energy_joules is None else None


def _share(
    interval: _Interval, mine: ServerSample, names: frozenset[str], devices: tuple[GpuSample, ...]
) -> _Part | str:
    sharing = [each for each in interval.servers if not _used(interval, each) or _used(interval, each) & names]
    if len(sharing) == 1:
        return _Part(devices, 1.0, "whole_device", idle=False)
    if any(_used(interval, each) != names for each in sharing):
        return "device_not_told"
    busy = [each.busy_seconds for each in sharing if each.busy_seconds is not None]
    if len(busy) != len(sharing) or mine.busy_seconds is None:
        return "busy_time_not_told"
    total = sum(busy)
    return _Part(devices, mine.busy_seconds / total if total else 0.0, "busy_time", idle=not total)


def _used(interval: _Interval, server: ServerSample) -> frozenset[str]:
    """The devices a model ran on: as told, or the only one there is."""
    return frozenset(server.devices or (interval.devices if len(interval.devices) == 1 else ()))


def _predictions(sample: ServerSample) -> int:
    return sample.requests if sample.inferences is None else sample.inferences


def _mean(values: Iterable[tuple[float, float | None]]) -> float | None:
    """Weighted by time."""
    told = [(seconds, value) for seconds, value in values if value is not None]
    return sum(seconds * value for seconds, value in told) / sum(s for s, _ in told) if told else None


def _total(values: Iterable[float | None]) -> float | None:
    """Of a counter; unknown where it was not told throughout."""
    told = list(values)
    return None if any(value is None for value in told) else sum(value for value in told if value is not None)


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
