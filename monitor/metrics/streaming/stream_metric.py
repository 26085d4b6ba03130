"""The form of a metric that looks along the last windows. It says nothing of a window that is measured by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.metric import Comparison, nothing
from monitor.tiles.stream import Point


@dataclass(frozen=True, slots=True)
class StreamMetric:
    """`of` takes the points of the newest windows and the design effect at their size. Never judged: see docs/alarms.md."""

    name: str
    prometheus: str
    help: str
    of: Callable[[Sequence[Point], float], Value]
    needs_labels: bool

    @property
    def kind(self) -> AlertKind:
        return AlertKind.PERFORMANCE if self.needs_labels else AlertKind.PREDICTION_DRIFT

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        stream = comparison.stream
        if stream is None:
            return
        points = stream.errors if self.needs_labels else stream.scores
        value = self.of(points, stream.effect) if points else self._nothing(comparison)
        yield Measurement(self.name, self.kind, None, None, value)

    def _nothing(self, comparison: Comparison) -> Value:
        what = (
            "a label of a row with a usable prediction"
            if self.needs_labels
            else "a usable score or number of the model"
        )
        rows = comparison.window.rows
        return nothing(Status.NO_DATA, f"no window up to this one has {what}", n_missing=rows)
