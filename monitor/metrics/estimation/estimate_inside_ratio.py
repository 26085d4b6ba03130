"""Whether the intervals of a window's estimates held the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.estimation.estimate_error import counted, errors_of
from monitor.metrics.metric import Comparison, nothing

NO_TRUTH = "no label of a row with a usable prediction has come"


def estimate_inside_ratio(errors: Mapping[str, Value]) -> Value:
    """Share of a window's estimates whose interval held the realised value.

    **What it tells.** Whether the stated 95 % are 95 %: averaged over windows it is the coverage of the intervals.

    **Formula.** number of metrics whose realised value lay within its estimate's interval / number that have both.

    **Range.** 0 to 1, from at most twelve metrics, which move together: one window says little.

    **How to read.** `avg_over_time(outrider_estimate_inside_ratio[30d])`; well under 0.95 the labels have come to mean
    something else. Estimates without a verdict are not counted. The interval is the range of what is possible.

    **When it misleads.** As `estimate_error`.

    **Reference.** The record that a forecaster is judged by: Dawid 1982.

    >>> inside = Value(0.01, -0.01, 0.03, n_window=500)
    >>> estimate_inside_ratio({"accuracy": inside, "f1": inside, "roc_auc": Value(0.2, 0.1, 0.3, n_window=500)}).value
    0.6666666666666666
    """
    judged = {n: v for n, v in errors.items() if v.value is not None and v.status is Status.OK}
    n = max((v.n_window for v in errors.values()), default=0)
    if not judged:
        reason = next((v.reason for v in errors.values() if v.reason), None)
        return nothing(Status.UNDEFINED, reason or "no estimate of this window has a verdict", n_window=n)
    outside = [n for n, v in judged.items() if not (v.low or 0.0) <= 0.0 <= (v.high or 0.0)]
    reason = "outside: " + ", ".join(outside) if outside else None
    return Value((len(judged) - len(outside)) / len(judged), 0.0, 1.0, n_window=n, reason=reason)


@dataclass(frozen=True, slots=True)
class InsideMetric:
    """One measurement a window, where labels have come."""

    name: str
    prometheus: str
    help: str
    of: Callable[[Mapping[str, Value]], Value]
    kind: AlertKind = AlertKind.PERFORMANCE
    needs_labels: bool = True

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        if comparison.baseline.estimator is None or not comparison.model.estimation.enabled:
            return
        errors = errors_of(comparison)
        value = self.of(errors) if errors else nothing(Status.NO_DATA, NO_TRUTH)
        yield Measurement(self.name, self.kind, None, None, counted(value, comparison))


ESTIMATE_INSIDE_RATIO = InsideMetric(
    name="estimate_inside_ratio",
    prometheus="outrider_estimate_inside_ratio",
    help="Share of a window's estimates whose interval held the realised value (0.95 over many windows).",
    of=estimate_inside_ratio,
)
