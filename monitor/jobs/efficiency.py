"""Energy and cost of windows: telemetry as it was sampled in their spans, joined to the model by time and device."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from monitor.definitions import MonitoredModel
from monitor.errors import InvalidInput
from monitor.jobs.attribution import Efficiency, attribute
from monitor.ports import Catalog, WindowEntry


def efficiency_of(catalog: Catalog, windows: Sequence[WindowEntry]) -> list[Efficiency]:
    """Of each of these windows of one model, in their order. Raises InvalidInput where they span too many samples."""
    spans = [(w.span.start_ns or 0, w.span.end_ns or 0) for w in windows]
    if not spans:
        return []
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    entries = sorted(catalog.telemetry(windows[0].model, first, last), key=lambda entry: entry.sample.start_ns)
    starts = [entry.sample.start_ns for entry in entries]
    return [
        attribute(entries[bisect_left(starts, start) : bisect_left(starts, end)], window.model, window.version)
        for window, (start, end) in zip(windows, spans, strict=True)
    ]


def cost_of(model: MonitoredModel, found: Efficiency) -> float | None:
    """What the known intervals cost; None where nothing is known or no price is declared."""
    return None if model.cost is None or found.reason else model.cost.of(found.joules, found.device_seconds)


def gauges(catalog: Catalog, window: WindowEntry) -> dict[str, float]:
    """What Prometheus shows of a window: nothing where no telemetry came, or too much, and no value that is not known."""
    try:
        (found,) = efficiency_of(catalog, [window])
    except (
        InvalidInput
    ):  # a window of weeks with very many devices: a scrape cannot be told more than that it is not known
        return {}
    seconds = found.known_seconds + sum(found.unknown_seconds.values())
    if not seconds:
        return {}
    shown: dict[str, float | None] = {"outrider_energy_known_ratio": found.known_seconds / seconds}
    if found.known_seconds:
        shown["outrider_energy_joules"] = found.joules
        shown["outrider_energy_joules_per_prediction"] = found.joules_per_prediction
        shown["outrider_gpu_seconds"] = found.device_seconds
        entry = catalog.model(window.model)
        cost = None if entry is None else cost_of(entry.declaration, found)
        shown["outrider_cost_per_prediction"] = (
            cost / found.predictions if cost is not None and found.predictions else None
        )
    return {name: value for name, value in shown.items() if value is not None}
