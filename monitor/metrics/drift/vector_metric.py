"""The form of a metric that compares vectors: which features, and what to say where there is nothing to compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.metric import Comparison, nothing
from monitor.tiles.vector import VectorGrid, VectorTile

VectorFunction = Callable[[VectorTile, VectorTile, VectorGrid], Value]


@dataclass(frozen=True, slots=True)
class VectorMetric:
    """Compares the vectors of a feature in the baseline and in the window, where both have at least two."""

    name: str
    prometheus: str
    help: str
    of: VectorFunction
    kind: AlertKind = AlertKind.DRIFT
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        grids, before, window = comparison.baseline.grids, comparison.baseline.tiles.vectors, comparison.window
        declared = [feature.name for feature in comparison.model.features if feature.kind == "vector"]
        for name in dict.fromkeys((*grids.vectors, *declared)):
            grid, own = grids.vectors.get(name), before.get(name)
            if grid is None:
                value = nothing(Status.NO_DATA, f"the baseline has no usable vectors {name!r}")
            elif own is None:  # the tiles of a slice, of which no vectors are profiled
                continue
            else:
                value = self._value(own, window.vectors.get(name), grid, name)
            yield Measurement(self.name, self.kind, name, None, value)

    def _value(self, before: VectorTile, now: VectorTile | None, grid: VectorGrid, name: str) -> Value:
        if now is None:
            return nothing(Status.NO_DATA, f"the window's rows have no column {name!r}", n_baseline=before.n)
        counts = {"n_baseline": before.n, "n_window": now.n, "n_missing": now.n_missing}
        if now.n < ROWS_MIN or before.n < ROWS_MIN:
            if not now.rows:
                return nothing(Status.NO_DATA, "the window has no rows", **counts)
            reason = f"{now.n} usable vectors of {grid.size} coordinates in {now.rows} rows, {ROWS_MIN} needed"
            if now.mismatched:
                reason += f"; {now.mismatched} have another number of coordinates"
            return nothing(Status.UNDEFINED, reason, **counts)
        return replace(self.of(before, now, grid), n_baseline=before.n, n_window=now.n, n_missing=now.n_missing)


ROWS_MIN = 2
"""Fewest vectors on either side: one has no spread."""


@dataclass(frozen=True, slots=True)
class JointMetric:
    """Compares whole rows: all features together, as one vector a row (`monitor/tiles/joint.py`). It has no `feature`."""

    name: str
    prometheus: str
    help: str
    of: VectorFunction
    kind: AlertKind = AlertKind.DRIFT
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        joint, before, now = (
            comparison.baseline.grids.joint,
            comparison.baseline.tiles.joint,
            comparison.window.joint,
        )
        if joint is None:
            reason = "the baseline holds nothing of whole rows: set it again, with at least two features and this metric declared"
            value = nothing(Status.NO_DATA, reason)
        elif before is None:  # the tiles of a slice, of which no whole rows are profiled
            return
        elif now is None or not now.rows:
            value = nothing(Status.NO_DATA, "the window has no rows", n_baseline=before.n)
        elif min(now.n, before.n) < ROWS_MIN:
            value = nothing(Status.UNDEFINED, f"{now.n} rows, {ROWS_MIN} needed", n_baseline=before.n, n_window=now.n)
        else:
            found = self.of(before, now, joint.grid)
            value = replace(found, n_baseline=before.n, n_window=now.n, n_missing=now.n_missing)
        yield Measurement(self.name, self.kind, None, None, value)
