"""Page-Hinkley: a sum of what each window is off its expectation, less an allowance; far above its least, a change (Page 1954, Hinkley 1971).

The textbook's sum needs a threshold in units of the stream. Here each window's mean is held against the mean of the windows
before it and divided by the standard error of that difference, so that of a stream that does not change the terms are
independent and standard normal, whatever it is a stream of: m(t) = sum (z - ALLOWANCE), and a change is told where
m(t) - min m > THRESHOLD. The same with -z finds falls. After a change the sum begins anew with the windows since its least.

With an allowance of 1/2 and a threshold of 10 a stream that does not change gives a false change about every 70,000 windows
(Siegmund's approximation; the simulation is in the tests): of a look at 128 windows in 0.2 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from monitor.metrics.streaming.located import Located, least_variance, locate
from monitor.tiles.stream import Point

ALLOWANCE = 0.5
"""Half the shift, in standard errors of a window's mean, that is found soonest."""
THRESHOLD = 10.0


def residuals(points: Sequence[Point], effect: float) -> list[float]:
    """What each window after the first is off those before it, in standard errors.

    >>> from monitor.findings import Span
    >>> from monitor.tiles.stream import Point
    >>> [round(z, 3) for z in residuals([Point(Span(i, i + 1), 100, m, 1.0, 1.0) for i, m in enumerate([0.0, 0.1, 0.35])], 1.0)]
    [0.707, 2.449]
    """
    found = []
    rows, total, squares = 0.0, 0.0, 0.0
    for point in points:
        variance = max((squares + point.n * point.variance) / (rows + point.n), least_variance(point))
        if rows and variance > 0:
            error = math.sqrt(effect * variance * (1 / rows + 1 / point.n))
            found.append((point.mean - total / rows) / error)
        elif rows:
            found.append(0.0)
        rows, total = rows + point.n, total + point.n * point.mean
        squares += point.n * point.variance
    return found


def last_change(points: Sequence[Point], effect: float) -> Located | None:
    """The last change along the points; None where there is none."""
    previous, start = 0, 0
    while (detected := _detected(points[start:], effect)) is not None:
        previous, start = start, start + detected
    return locate(points, previous, effect) if start else None


def _detected(points: Sequence[Point], effect: float) -> int | None:
    """Position of the first window of the change that is told first; None where none is."""
    sums, least, at = [0.0, 0.0], [0.0, 0.0], [1, 1]
    for i, z in enumerate(residuals(points, effect), start=1):
        for side, sign in enumerate((1.0, -1.0)):
            sums[side] += sign * z - ALLOWANCE
            if sums[side] - least[side] > THRESHOLD:
                return at[side]
            if sums[side] <= least[side]:
                least[side], at[side] = sums[side], i + 1
    return None
