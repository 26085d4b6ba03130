"""By how much the error changed at its last change point, found by ADWIN."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.findings import Value
from monitor.metrics.streaming.adwin import last_change
from monitor.metrics.streaming.located import told
from monitor.metrics.streaming.stream_metric import StreamMetric
from monitor.tiles.stream import Point


def error_change_point(points: Sequence[Point], effect: float) -> Value:
    """By how much the error changed at its last change point, found by ADWIN.

    **What it tells.** Whether and since when the share of wrong classes (of a regression: the mean absolute error) is another one than it was in the windows before, at whatever level the baseline has it.

    **Formula.** The adaptive window is the longest run of windows up to now in which no two parts differ by more than ADWIN's bound
    (`adwin.py`); where windows had to be dropped, the step that fits best tells the place, and the value is the mean after less the mean before.

    **Range.** The range of the error, either sign.

    **How to read.** 0 where nothing changed. Else the reason says from what to what, since when, with the 95 % interval of that; the interval of the value takes the place as known. `n_baseline` and `n_window` are the rows before and after. It stays until the change is further back than 128 windows, or another one follows.

    **When it misleads.** A slow slope is a row of small steps, of which it names one. A season is a change each day. Labels that come late make it late; it looks at windows in their order.

    **Reference.** Bifet, Gavaldà 2007, *Learning from time-changing data with adaptive windowing*, SIAM SDM.

    >>> from monitor.findings import Span
    >>> from monitor.tiles.stream import Point
    >>> hour = 3_600 * 10**9
    >>> levels = [0.30] * 20 + [0.36] * 10
    >>> points = [Point(Span(i * hour, (i + 1) * hour), 1_000, mean, 0.04, 1.0) for i, mean in enumerate(levels)]
    >>> value = error_change_point(points, 1.0)
    >>> round(value.value, 3), value.n_window
    (0.06, 10000)
    """
    return told(points, last_change(points, effect), "error", "ADWIN")


ERROR_CHANGE_POINT = StreamMetric(
    name="error_change_point",
    prometheus="outrider_error_change_point",
    help="Change of the mean error at its last change point (ADWIN); 0 where there is none.",
    of=error_change_point,
    needs_labels=True,
)
