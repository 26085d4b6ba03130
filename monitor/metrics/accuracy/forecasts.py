"""The forms of metrics of forecasts: of probabilities of several classes, and of quantiles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.accuracy.means import ROWS_MIN, mean_interval
from monitor.metrics.metric import Comparison, nothing
from monitor.tiles.forecast import ClassForecastTile, ForecastTile, QuantileTile


@dataclass(frozen=True, slots=True)
class ClassForecastMetric:
    """Measured of labelled rows with declared `probabilities`."""

    name: str
    prometheus: str
    help: str
    of: Callable[[ClassForecastTile], Value]
    kind: AlertKind = AlertKind.PERFORMANCE
    needs_labels: bool = True

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        if comparison.model.prediction.probabilities:
            value = _told(comparison, lambda tile: [(None, self.of(tile))], ClassForecastTile)
            yield from (Measurement(self.name, self.kind, feature, None, one) for feature, one in value)


@dataclass(frozen=True, slots=True)
class QuantileMetric:
    """Measured of labelled rows with declared `quantiles`; `of` gives a value for each level, or one for all (None)."""

    name: str
    prometheus: str
    help: str
    of: Callable[[QuantileTile], Iterable[tuple[str | None, Value]]]
    kind: AlertKind = AlertKind.PERFORMANCE
    needs_labels: bool = True

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        if comparison.model.prediction.quantiles:
            value = _told(comparison, self.of, QuantileTile)
            yield from (Measurement(self.name, self.kind, feature, None, one) for feature, one in value)


Values = Iterable[tuple[str | None, Value]]


def _told(comparison: Comparison, of: Callable[..., Values], kind: type[ForecastTile]) -> Values:
    before, now, rows = comparison.baseline.tiles.forecast, comparison.window.forecast, comparison.window.rows
    known = before.labelled if isinstance(before, kind) else 0
    if not isinstance(now, kind):
        reason = "the window has no rows" if not rows else "the rows lack a declared column of the forecast"
        yield None, nothing(Status.NO_DATA, reason, n_baseline=known, n_missing=rows)
        return
    if not now.labelled:
        reason = "the window has no rows" if not rows else "no label has come yet"
        if now.unusable:
            reason = f"{now.unusable} labelled rows have no usable forecast"
        yield None, nothing(Status.NO_DATA, reason, n_baseline=known, n_missing=rows)
        return
    left_out = f"{now.unusable} labelled rows have no usable forecast" if now.unusable else None
    missing = now.unlabelled + now.unusable
    for feature, value in of(now):
        told = replace(value, n_baseline=known, n_window=now.labelled, n_missing=missing)
        yield feature, replace(told, reason=value.reason or left_out)


def mean_of(total: float, squares: float, n: int, most: float = float("inf")) -> Value:
    """The mean of a loss that is never negative, with the normal law's interval."""
    if n < ROWS_MIN:
        return nothing(Status.UNDEFINED, "one row has no spread", n_window=n)
    found = mean_interval(total, squares, n)
    if found is None:
        return nothing(Status.UNDEFINED, "sums beyond a double", n_window=n)
    mean, low, high = found
    return Value(mean, max(0.0, low), min(most, high), n_window=n)
