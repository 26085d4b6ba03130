"""The form of metrics that are a share of rows which came before, from a sketch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from monitor.findings import AlertKind, Measurement, Status, Value
from monitor.metrics.intervals import Z
from monitor.metrics.metric import Comparison, nothing
from monitor.tiles.quality import QualityTile, Sketch


def repeated(sketch: Sketch) -> tuple[float, float]:
    """(share of rows that repeat another, its standard error): exact where every distinct row is kept, with error 0.

    Of a sample of distinct rows with multiplicities c the share is 1 - k / sum(c), a ratio; its error is that of a ratio
    of means of a simple sample (Cochran 1977, 6.4).
    """
    counts = sketch.counts
    k, rows = len(counts), int(counts.sum())
    share = 1.0 - k / rows
    if sketch.exact or k < 2:
        return share, 0.0
    ratio, mean = k / rows, rows / k
    spread = float(((1.0 - ratio * counts) ** 2).sum()) / (k - 1)
    return share, (spread / k) ** 0.5 / mean


def duplicate_ratio(before: Sketch | None, now: Sketch) -> Value:
    """Share of a window's rows of which an equal one came before; the functions that name a metric say of what."""
    known = 0 if before is None else before.rows
    if not now.rows:
        return nothing(Status.NO_DATA, "the window has no rows", n_baseline=known)
    share, error = repeated(now)
    twice = int((now.counts > 1).sum())
    of = f"{len(now.counts):,} distinct" + ("" if now.exact else " of a sample")
    reason = f"{twice:,} of {of} came more than once" if twice else None
    low, high = max(0.0, share - Z * error), min(1.0, share + Z * error)
    if not now.exact and not twice:
        # None of k sampled: at most three in k, by the rule of three.
        high = 3.0 / len(now.counts)
    return Value(share, low, high, known, now.rows, reason=reason)


@dataclass(frozen=True, slots=True)
class DuplicateRatio:
    """Measured of the window as a whole, where its tile has the sketch."""

    name: str
    prometheus: str
    help: str
    sketch: Callable[[QualityTile], Sketch | None]
    of: Callable[[Sketch | None, Sketch], Value]
    kind: AlertKind = AlertKind.QUALITY
    needs_labels: bool = False

    def measure(self, comparison: Comparison) -> Iterator[Measurement]:
        before, now = comparison.baseline.tiles.quality, comparison.window.quality
        if before is None and now is None:
            return
        known = None if before is None else self.sketch(before)
        found = None if now is None else self.sketch(now)
        if found is None:
            reason = (
                "the window has no rows"
                if not comparison.window.rows
                else "nothing asked for it when the window was profiled"
            )
            value = nothing(Status.NO_DATA, reason, n_baseline=0 if known is None else known.rows)
        else:
            value = self.of(known, found)
        yield Measurement(self.name, self.kind, None, None, value)
