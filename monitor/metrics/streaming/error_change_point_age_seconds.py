"""How long ago the error last changed, found by ADWIN."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.findings import Value
from monitor.metrics.streaming.adwin import last_change
from monitor.metrics.streaming.located import age
from monitor.metrics.streaming.stream_metric import StreamMetric
from monitor.tiles.stream import Point


def error_change_point_age_seconds(points: Sequence[Point], effect: float) -> Value:
    """How long ago the error last changed, found by ADWIN.

    **What it tells.** Since when the share of wrong classes (of a regression: the mean absolute error) is what it is: what `error_change_point` is the size of.

    **Formula.** The end of the window less the start of the first window after the change.

    **Range.** 0 up to 128 windows; undefined where nothing changed in them.

    **How to read.** Its 95 % interval is that of the place. A line that climbs by the window's length each window is one change that grows older.

    **When it misleads.** As `error_change_point` does.

    **Reference.** Bifet, Gavaldà 2007, *Learning from time-changing data with adaptive windowing*, SIAM SDM.

    >>> from monitor.findings import Span
    >>> from monitor.tiles.stream import Point
    >>> hour = 3_600 * 10**9
    >>> levels = [0.30] * 20 + [0.36] * 10
    >>> points = [Point(Span(i * hour, (i + 1) * hour), 1_000, mean, 0.04, 1.0) for i, mean in enumerate(levels)]
    >>> value = error_change_point_age_seconds(points, 1.0)
    >>> round(value.value, 3), value.n_window
    (36000.0, 10000)
    """
    return age(points, last_change(points, effect), "error", "ADWIN")


ERROR_CHANGE_POINT_AGE_SECONDS = StreamMetric(
    name="error_change_point_age_seconds",
    prometheus="outrider_error_change_point_age_seconds",
    help="Seconds from the last change point of the mean error (ADWIN) to the window's end.",
    of=error_change_point_age_seconds,
    needs_labels=True,
)
