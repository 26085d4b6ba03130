"""By how much the error changed at its last change point, found by Page and Hinkley's test."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.findings import Value
from monitor.metrics.streaming.located import told
from monitor.metrics.streaming.page_hinkley import last_change
from monitor.metrics.streaming.stream_metric import StreamMetric
from monitor.tiles.stream import Point


def error_page_hinkley(points: Sequence[Point], effect: float) -> Value:
    """By how much the error changed at its last change point, found by Page and Hinkley's test.

    **What it tells.** The same as `error_change_point` by another test, which sees a small shift that lasts sooner and forgets nothing before a change is told.

    **Formula.** m(t) = sum of z - 1/2 over the windows, z the difference of a window's mean from those before in standard errors; a change
    where m(t) - min m > 10, since its least (`page_hinkley.py`); the value is the mean after less the mean before.

    **Range.** The range of the error, either sign.

    **How to read.** 0 where nothing changed. Else the reason says from what to what, since when, with the 95 % interval of that; the interval of the value takes the place as known. `n_baseline` and `n_window` are the rows before and after. It stays until the change is further back than 128 windows, or another one follows.

    **When it misleads.** Windows that depend on each other beyond the design effect alarm it. A season does. Labels that come late make it late; it looks at windows in their order.

    **Reference.** Page 1954, *Continuous inspection schemes*, Biometrika 41; Hinkley 1971; Siegmund 1985 for the run length.

    >>> from monitor.findings import Span
    >>> from monitor.tiles.stream import Point
    >>> hour = 3_600 * 10**9
    >>> levels = [0.30] * 20 + [0.36] * 10
    >>> points = [Point(Span(i * hour, (i + 1) * hour), 1_000, mean, 0.04, 1.0) for i, mean in enumerate(levels)]
    >>> value = error_page_hinkley(points, 1.0)
    >>> round(value.value, 3), value.n_window
    (0.06, 10000)
    """
    return told(points, last_change(points, effect), "error", "Page-Hinkley")


ERROR_PAGE_HINKLEY = StreamMetric(
    name="error_page_hinkley",
    prometheus="outrider_error_page_hinkley",
    help="Change of the mean error at its last change point (Page-Hinkley); 0 where there is none.",
    of=error_page_hinkley,
    needs_labels=True,
)
