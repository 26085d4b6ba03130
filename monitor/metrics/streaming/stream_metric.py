"""The form of a metric that looks along the last windows. It says nothing of a window that is measured by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from monitor.findings import AlertKind, Measurement, Value
from monitor.metrics.metric import Comparison
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
        if points:
            yield Measurement(self.name, self.kind, None, None, self.of(points, stream.effect))
