"""Two versions side by side beyond their tiles' metrics: how quick, how often refused, and whether traffic was shared as declared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from monitor.alerts.effects import Z, newcombe
from monitor.alerts.evidence.rivals import EXCHANGES_MIN, log_ratio
from monitor.alerts.paired import Difference
from monitor.alerts.tails import proportion_log_p
from monitor.findings import AlertKind, Measurement
from monitor.tiles.service import ServiceTile

MISMATCH_LEVEL = 0.001
"""Below this p the split is not the declared one. Assignment is either right or broken, so the level may be strict."""
EXPECTED_MIN = 5.0
"""Least expected count for the chi-square law."""


def service_differences(here: ServiceTile | None, there: ServiceTile | None) -> tuple[Difference, ...]:
    """Of the version less the control's; empty where one of them was not seen by a sidecar. p is two-sided."""
    if here is None or there is None:
        return ()
    found = []
    n, m = here.exchanges, there.exchanges
    if min(n, m) >= EXCHANGES_MIN:
        value, low, high = newcombe(here.failed, n, there.failed, m)
        up, down = proportion_log_p(here.failed, n, there.failed, m)
        p = min(1.0, math.exp(min(float(np.ravel(up)[0]), float(np.ravel(down)[0]))))
        found.append(Difference("error_ratio", value, low, high, n, p))
    if min(here.timed, there.timed) >= EXCHANGES_MIN:
        change, error = log_ratio(here, there)
        ratio, low, high = (math.expm1(change + side * Z * error) for side in (0, -1, 1))
        p = float(2 * stats.t.sf(abs(change) / error, min(here.timed, there.timed) - 1))
        found.append(Difference("latency", ratio, low, high, here.timed, p))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Compared:
    """One metric of both, and the version's less the control's with its 95 % interval (the halves of both taken as independent)."""

    metric: str
    version: float
    control: float
    difference: float
    low: float
    high: float
    n: int
    control_n: int


def compared_measurements(own: Sequence[Measurement], other: Sequence[Measurement]) -> tuple[Compared, ...]:
    """Of the performance of the whole population, where both have a value with an interval."""
    there = {
        m.metric: m.value for m in other if m.kind is AlertKind.PERFORMANCE and m.feature is None and m.slice is None
    }
    found = []
    for m in own:
        a, b = m.value, there.get(m.metric)
        if m.kind is not AlertKind.PERFORMANCE or m.feature is not None or m.slice is not None or b is None:
            continue
        if a.value is None or a.low is None or a.high is None or b.value is None or b.low is None or b.high is None:
            continue
        change, half = a.value - b.value, math.hypot(a.high - a.low, b.high - b.low) / 2
        found.append(Compared(m.metric, a.value, b.value, change, change - half, change + half, a.n_window, b.n_window))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Share:
    version: str
    requests: int
    expected: float


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Whether requests were shared as declared. `mismatch` None where there are too few to tell."""

    shares: tuple[Share, ...]
    statistic: float | None
    p: float | None
    mismatch: bool | None
    reason: str | None = None
    counted: Literal["exchanges", "rows"] = "exchanges"


def sample_ratio(
    requests: Mapping[str, int], split: Mapping[str, float], counted: Literal["exchanges", "rows"] = "exchanges"
) -> SampleRatio:
    """Pearson's chi-square of the requests of each version against the declared split (Fabijan et al. 2019).

    >>> found = sample_ratio({"a": 5_000, "b": 5_300}, {"a": 0.5, "b": 0.5})
    >>> round(found.statistic, 2), found.mismatch
    (8.74, False)
    """
    counts = {name: requests.get(name, 0) for name in split}
    total, whole = sum(counts.values()), sum(split.values())
    expected = {name: total * share / whole for name, share in split.items()}
    shares = tuple(Share(name, counts[name], expected[name]) for name in split)
    if counted == "rows":
        reason = "rows of one request go together, so they are no sample of it: nothing was seen by a sidecar"
        return SampleRatio(shares, None, None, None, reason, counted)
    if min(expected.values(), default=0.0) < EXPECTED_MIN:
        return SampleRatio(shares, None, None, None, f"{total} requests are too few to tell", counted)
    statistic = sum((counts[name] - expected[name]) ** 2 / expected[name] for name in split)
    p = float(stats.chi2.sf(statistic, len(split) - 1))
    return SampleRatio(shares, statistic, p, p < MISMATCH_LEVEL, None, counted)
