"""The share of rows about which estimates know nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.estimation.support import Support, support_of
from monitor.metrics.metric import Comparison, nothing


def outside_support_ratio(support: Support | None) -> Value:
    """Share of a window's rows that lie where the baseline has never been.

    **What it tells.** Whether estimates without labels may be believed: outside its support the baseline taught nothing.

    **Formula.** The largest, over features and score, of (rows below or above the baseline's range, or of a category it
    has not) / (rows with a value). A row outside by two features counts once for each, so the share of rows outside by
    any is at least this.

    **Range.** 0 to 1. Without drift about 2 / (baseline rows).

    **How to read.** From `outside_max` of the declaration on (0.05 by default, by the lower end of Wilson's interval)
    estimates say `insufficient_data`, from one half on `undefined`. The reason names the feature.

    **When it misleads.** Combinations that are new while each value is known are inside. A single wild row of the
    baseline widens its range.

    **Reference.** Białek et al. 2024, arXiv 2401.08348, section on assumptions.

    >>> outside_support_ratio(Support("age", 30, 1000, 0.0211, 0.0425)).value
    0.03
    """
    if support is None:
        return nothing(Status.NO_DATA, "the window has no rows with features")
    return Value(support.share, support.low, support.high, n_window=support.rows, reason=support.reason())


@dataclass(frozen=True, slots=True)
class SupportMetric:
    """Measured where estimates are made."""

    name: str
    prometheus: str
    help: str
    of: Callable[[Support | None], Value]
    kind: AlertKind = AlertKind.PERFORMANCE
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        estimator, tiles = comparison.baseline.estimator, comparison.baseline.tiles
        if (
            estimator is None
            or not comparison.model.estimation.enabled
            or not (tiles.scores or tiles.losses or tiles.class_scores)
        ):
            return
        found = self.of(support_of(comparison))
        missing = comparison.window.rows - found.n_window
        value = replace(found, n_baseline=comparison.baseline.rows, n_missing=missing)
        yield Measurement(self.name, self.kind, None, None, value)


OUTSIDE_SUPPORT_RATIO = SupportMetric(
    name="outside_support_ratio",
    prometheus="outrider_outside_support_ratio",
    help="Share of rows outside the baseline's support, by the worst feature.",
    of=outside_support_ratio,
)
