"""The form of a metric of timestamps: which features, and what to say where none has a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.metric import Comparison, nothing
from monitor.tiles.tileset import FeatureTile, Grid


@dataclass(frozen=True, slots=True)
class StampMetric:
    """Measures one descriptor of every timestamp of which the baseline has it."""

    name: str
    prometheus: str
    help: str
    descriptor: str
    of: Callable[[FeatureTile, FeatureTile, Grid], Value]
    kind: AlertKind = AlertKind.QUALITY
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        grids, before, now = comparison.baseline.grids, comparison.baseline.tiles, comparison.window
        declared = [feature.name for feature in comparison.model.features if feature.kind == "timestamp"]
        for name in dict.fromkeys((*grids.zones, *declared)):
            own, here = (tiles.described.get(f"{name}.{self.descriptor}") for tiles in (before, now))
            present = now.features.get(name)
            absent = now.rows if present is None else present.n_missing
            if own is None:
                reason = f"the baseline has no times {name!r}, or its own rows have none"
                value = nothing(Status.NO_DATA, reason, n_missing=absent)
            elif here is None or not here.n:
                reason = f"none of the window's {now.rows} rows has a time" if now.rows else "the window has no rows"
                status = Status.UNDEFINED if now.rows else Status.NO_DATA
                value = nothing(status, reason, n_baseline=own.n, n_missing=absent)
            else:
                value = replace(
                    self.of(own, here, grids.described[f"{name}.{self.descriptor}"]),
                    n_baseline=own.n,
                    n_window=here.n,
                    n_missing=absent,
                )
            yield Measurement(self.name, self.kind, name, None, value)
