"""Time to breach: when a metric that drifts steadily will cross its threshold, with an interval, or why nobody can say.

Of the last windows' values the slope is Theil and Sen's: the median of the slopes between all pairs of windows; so one
window in four may be wild. Its interval is Sen's, from Kendall's S, whose variance is raised for values that
depend on their neighbours (Hamed and Rao 1998, lag one). A trend is one whose 99 % interval does not hold nought. The crossing is where the
line through the medians meets the threshold; its interval comes from the ends of the slope's 95 % interval and from the scatter of
the values about the line.

    time = (threshold - level now) / slope

How to read it: a forecast of a straight line. It says that what goes on now will matter by then, if it goes on.

When it misleads: a trend that levels off, a season seen in part (a morning's rise is a straight line), or a step that is a
slope for as long as merges are few. A long extrapolation says little: beyond HORIZON times the span that was seen there is none.

Reference: Sen, *Estimates of the regression coefficient based on Kendall's tau*, JASA 63 (1968); Hamed and Rao, *A modified
Mann-Kendall trend test for autocorrelated data*, Journal of Hydrology 204 (1998).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import special

from monitor.findings import Forecast

Floats = npt.NDArray[np.float64]

WINDOWS_MIN = 12
"""Fewer windows make a trend of any three in a row."""
WINDOWS_MAX = 48
"""Last windows that are looked at."""
HORIZON = 4.0
"""Spans of what was seen that a straight line is believed for."""
_TREND = 0.01
"""Level of the two-sided test for a trend."""
_INTERVAL = 0.05


@dataclass(frozen=True, slots=True)
class Point:
    """A metric's value in one window, by the window's end."""

    end_ns: int
    value: float
    threshold: float | tuple[float, float]


def forecast(points: Sequence[Point]) -> Forecast:
    """When the last threshold will be crossed, seen from the end of the last window.

    >>> found = forecast([Point(60 * i, 0.1 + 0.01 * i, 0.5) for i in range(20)])
    >>> found.at_ns, found.reason
    (2400, None)
    """
    points = sorted(points, key=lambda p: p.end_ns)[-WINDOWS_MAX:]
    if len(points) < WINDOWS_MIN:
        return Forecast(reason=f"{len(points)} windows with a value; a trend needs {WINDOWS_MIN}")
    now_ns = points[-1].end_ns
    times = np.array([p.end_ns - now_ns for p in points], np.float64)
    values = np.array([p.value for p in points], np.float64)
    slope, (least, most), trend = _trend(times, values)
    level = float(np.median(values - slope * times))
    limit = _limit(points[-1].threshold, level, slope)
    seen = Forecast(slope_per_hour=slope * 3.6e12, level=level, threshold=limit, windows=len(points))
    if limit is None:
        return replace(seen, reason="already beyond the threshold")
    if not trend:
        return replace(seen, reason="no trend: the slope's 99 % interval holds nought")
    if math.isinf(limit):
        return replace(seen, threshold=None, reason="it moves away from the threshold")
    horizon = HORIZON * float(-times[0])
    ahead = (limit - level) / slope
    if ahead > horizon:
        return replace(seen, reason=f"not within {HORIZON:g} times what was seen")
    # In the middle of the windows the errors of level and slope are independent.
    middle = float(np.median(times))
    left = limit - level - slope * middle
    error = 1.96 * 1.253 * _scatter(values - slope * times - level) / math.sqrt(len(values))
    fast, slow = (most, least) if slope > 0 else (least, most)
    side = 1.0 if slope > 0 else -1.0
    low = max(0.0, middle + (left - side * error) / fast)
    high = middle + (left + side * error) / slow if slow * slope > 0 else math.inf
    return replace(
        seen,
        at_ns=now_ns + int(max(0.0, ahead)),
        low_ns=now_ns + int(min(low, max(0.0, ahead))),
        high_ns=now_ns + int(high) if high <= horizon else None,
    )


def _limit(threshold: float | tuple[float, float], level: float, slope: float) -> float | None:
    """The limit that lies ahead; infinite where none does, None where it is crossed already.

    Which side of a single threshold is good is told by the side on which the values are.
    """
    if isinstance(threshold, tuple):
        low, high = threshold
        if not low <= level <= high:
            return None
        return high if slope > 0 else low
    if level == threshold:
        return None
    return threshold if (threshold > level) == (slope > 0) else math.inf


def may_trend(runs: Floats) -> npt.NDArray[np.bool_]:
    """Of runs of values (one a row, in the order of time) those that may have a trend; `forecast` finds none in the others.

    Neighbours that resemble each other only widen the interval of the slope, and on which side of nought a slope lies is
    told by its two values alone: so most runs are told apart by counting. Quick where there are many.
    """
    n = runs.shape[1]
    if n < WINDOWS_MIN:
        return np.zeros(len(runs), np.bool_)
    i, j = np.triu_indices(n, 1)
    first, last = _ends_at(len(i), _spread(n), _TREND)
    up, down = runs[:, j] > runs[:, i], runs[:, j] < runs[:, i]
    return np.asarray((len(i) - up.sum(axis=1) <= first) | (down.sum(axis=1) > last))


def _spread(n: int) -> float:
    """Standard deviation of Kendall's S of n values that do not depend on each other."""
    return math.sqrt(n * (n - 1) * (2 * n + 5) / 18)


def _ends_at(slopes: int, spread: float, level: float) -> tuple[int, int]:
    """The places, among so many sorted slopes, of the ends of Sen's interval."""
    margin = float(-special.ndtri(level / 2)) * spread
    return int(np.floor((slopes - margin) / 2)), int(np.ceil((slopes + margin) / 2))


def _trend(times: Floats, values: Floats) -> tuple[float, tuple[float, float], bool]:
    """Slope, its 95 % interval, and whether there is a trend."""
    i, j = np.triu_indices(len(times), 1)
    slopes = np.sort((values[j] - values[i]) / np.maximum(times[j] - times[i], 1.0))
    slope = float(np.median(slopes))
    spread = _spread(len(times)) * math.sqrt(_dependence(values - slope * times))

    def ends(level: float) -> tuple[float, float]:
        first, last = _ends_at(len(slopes), spread, level)
        if first < 0 or last >= len(slopes):
            return -math.inf, math.inf
        return float(slopes[first]), float(slopes[last])

    low, high = ends(_TREND)
    return slope, ends(_INTERVAL), low > 0 or high < 0


def _dependence(residuals: Floats) -> float:
    """By how much the variance of Kendall's S grows where neighbours resemble each other: (1 + r) / (1 - r) of ranks."""
    if np.ptp(residuals) <= 1e-9 * max(float(np.abs(residuals).max()), 1e-300):
        return 1.0  # A straight line: what is left is rounding.
    ranks = np.argsort(np.argsort(residuals)).astype(np.float64)
    ranks -= ranks.mean()
    whole = float((ranks**2).sum())
    r = float((ranks[1:] * ranks[:-1]).sum()) / whole if whole > 0 else 0.0
    # An estimate from few values is low by about 1/n times one plus four of itself (Kendall 1954).
    r = min(0.95, max(0.0, r + (1 + 4 * max(r, 0.0)) / len(residuals)))
    return (1 + r) / (1 - r)


def _scatter(residuals: Floats) -> float:
    """A standard deviation that a few wild values do not move."""
    return 1.4826 * float(np.median(np.abs(residuals - np.median(residuals))))
