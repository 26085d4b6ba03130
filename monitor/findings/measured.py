"""Windows, what is measured in them, and what is decided of it."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.findings.kinds import AlertKind, Status


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A window: half-open event time in Unix nanoseconds, UTC. None on both ends for `compare`, which has no time."""

    start_ns: int | None
    end_ns: int | None


@dataclass(frozen=True, slots=True)
class Value:
    """What a metric says of two tiles: the value with its interval and counts, or why there is none.

    `value` is None exactly when `status` is undefined, no_data or error. `low` and `high` bound the true value at 95 %.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n_baseline: int = 0
    n_window: int = 0
    n_missing: int = 0
    status: Status = Status.OK
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """Value of one metric on one window and slice. `feature` is `a~b` for a pair, None for the whole model."""

    metric: str
    kind: AlertKind
    feature: str | None
    slice: str | None
    value: Value


@dataclass(frozen=True, slots=True)
class Finding:
    """A judged measurement: the one decision record per (model, version, slice, window, metric, feature)."""

    model: str
    version: str | None
    slice: str | None
    feature: str | None
    metric: str
    kind: AlertKind
    window: Span
    value: float | None
    low: float | None
    high: float | None
    n_baseline: int
    n_window: int
    n_missing: int
    threshold: float | tuple[float, float] | None
    threshold_origin: str | None
    status: Status
    reason: str | None
    score: float | None = None
    """The statistic over its limit (1 = at the limit): what ranks features and what Prometheus calls threshold ratio."""
    windows: int = 1
    """Base windows in the shortest trailing merge that shows its status; 1: the window by itself."""
    revision: int = 0
    baseline: str | None = None
    """Hash of the baseline it was judged against."""
    code: str | None = None
    """Version and build of the code that computed it."""

    @classmethod
    def of(
        cls,
        m: Measurement,
        *,
        model: str,
        version: str | None,
        window: Span,
        threshold: float | tuple[float, float] | None,
        threshold_origin: str | None,
        status: Status,
        reason: str | None,
        score: float | None = None,
        windows: int = 1,
        revision: int = 0,
        baseline: str | None = None,
        code: str | None = None,
    ) -> Finding:
        """What was measured, with its verdict."""
        value = m.value
        return cls(
            model=model,
            version=version,
            slice=m.slice,
            feature=m.feature,
            metric=m.metric,
            kind=m.kind,
            window=window,
            value=value.value,
            low=value.low,
            high=value.high,
            n_baseline=value.n_baseline,
            n_window=value.n_window,
            n_missing=value.n_missing,
            threshold=threshold,
            threshold_origin=threshold_origin,
            status=status,
            reason=reason,
            score=score,
            windows=windows,
            revision=revision,
            baseline=baseline,
            code=code,
        )


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a metric will cross its threshold if it goes on as it does; `at_ns` None where `reason` says why nobody can say."""

    at_ns: int | None = None
    low_ns: int | None = None
    """95 % interval of the crossing; `high_ns` None: it may be never."""
    high_ns: int | None = None
    slope_per_hour: float | None = None
    level: float | None = None
    """Where the line is at the end of the last window."""
    threshold: float | None = None
    windows: int = 0
    reason: str | None = None
