"""What we conclude: measurements, findings, alerts. Values only; every surface shows these records and none recomputes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal


class Status(StrEnum):
    """The seven words, on every surface. `value` is null for the last three and `reason` says why."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    INSUFFICIENT_DATA = "insufficient_data"
    UNDEFINED = "undefined"
    NO_DATA = "no_data"
    ERROR = "error"


class AlertKind(StrEnum):
    DRIFT = "drift"
    PREDICTION_DRIFT = "prediction_drift"
    LABEL_DRIFT = "label_drift"
    PERFORMANCE = "performance"
    FAIRNESS = "fairness"
    QUALITY = "quality"
    ANOMALY = "anomaly"
    ATTRIBUTION = "attribution"
    CAPTURE = "capture"


SEVERITIES: Mapping[AlertKind, Literal["page", "ticket", "info"]] = {
    kind: "info" if kind is AlertKind.ATTRIBUTION else "ticket" for kind in AlertKind
}
"""Nothing about a model wakes anyone by default: drift and its kin are work for the day, attributions are news."""


ALERT_NAMES: Mapping[AlertKind, str] = {
    AlertKind.DRIFT: "OutriderDrift",
    AlertKind.PREDICTION_DRIFT: "OutriderPredictionDrift",
    AlertKind.LABEL_DRIFT: "OutriderLabelDrift",
    AlertKind.PERFORMANCE: "OutriderPerformanceBelowTarget",
    AlertKind.FAIRNESS: "OutriderFairnessGap",
    AlertKind.QUALITY: "OutriderDataQuality",
    AlertKind.ANOMALY: "OutriderAnomalySurge",
    AlertKind.ATTRIBUTION: "OutriderAttributionShift",
    AlertKind.CAPTURE: "OutriderCaptureLoss",
}
"""`alertname` of each kind, the same as in the rules for Prometheus: a route or silence holds for both ways."""


class AlertStatus(StrEnum):
    """States of an alert's life; silenced, inhibited and acknowledged are flags beside them."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"
    CLOSED = "closed"
    INSUFFICIENT_DATA = "insufficient_data"
    NO_DATA = "no_data"
    ERROR = "error"


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
    revision: int = 0
    baseline: str | None = None
    """Hash of the baseline it was judged against."""


@dataclass(frozen=True, slots=True)
class FeatureScore:
    """One line of an alert's ranking: the statistic over its limit."""

    feature: str
    metric: str
    score: float
    effect: float | None = None
    detail: str | None = None
    """One clause with the numbers, e.g. `RELP = 17: 69.6 % against 5.2 %`."""
    slice: str | None = None
    """The part of the population of which it says this; None: the whole."""
    windows: int = 1
    """Base windows in the shortest merge that shows it."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """Counts of a baseline and of a window on the same frozen bins: between `edges` (the outer ones are open), or of `categories`."""

    kind: Literal["numeric", "categorical"]
    baseline: tuple[int, ...]
    window_counts: tuple[int, ...]
    edges: tuple[float, ...] = ()
    low: float | None = None
    high: float | None = None
    """The range of both sides together."""
    categories: tuple[str, ...] = ()
    unseen_names: dict[str, int] = field(default_factory=dict)
    """The most frequent categories that the baseline has not."""


@dataclass(frozen=True, slots=True)
class ChangedBin:
    """A bin of an overlay in which the two sides differ."""

    name: str
    baseline: float
    window: float
    """Shares of the rows."""
    part: float
    """Of the whole difference (the Jensen-Shannon divergence over these bins)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The two distributions behind a line of an alert."""

    feature: str
    """The column, or what was counted."""
    metric: str
    slice: str | None
    windows: int
    """Base windows that were merged."""
    n_baseline: int
    n_window: int
    n_missing: int
    overlay: Overlay
    top: tuple[ChangedBin, ...]
    """The bins that make most of the difference, largest first."""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """What an alert rested on when it spoke. It is kept with the alert, so it outlives the rows, tiles and findings behind it."""

    window: Span
    rule: str
    """Name of the window rule."""
    baseline: str
    """Hash of the baseline."""
    baseline_rows: int
    baseline_window: Span
    """Its event times; None where it has none."""
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class FoundSlice:
    """A part of the population in which a number moved more than in the rest (or whose share moved, `rest` None)."""

    where: str
    """As a declaration would say it."""
    n_window: int
    n_baseline: int
    value: float | None
    """The number's mean among the slice's rows of the window; its share, where that is what is searched."""
    baseline: float | None
    rest: float | None
    """How much it moved among all other rows."""
    effect: float
    """How much more it moved in the slice than in the rest."""
    low: float
    high: float
    """Simultaneous 95 % interval over all candidates."""
    p: float
    """Adjusted for all candidates (Holm)."""


@dataclass(frozen=True, slots=True)
class Impact:
    """What a feature's new distribution alone is expected to change."""

    feature: str
    effect: float
    low: float
    high: float
    within: float | None = None
    """Where labels tell it: what changed inside the feature's bins, which its distribution does not explain."""


@dataclass(frozen=True, slots=True)
class Since:
    """Start of the first window that is different, and the 95 % interval of it."""

    at_ns: int
    low_ns: int
    high_ns: int
    from_the_first: bool = False
    """The first window that is kept is different already: it may have been so before."""


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


Verdict = Literal["data_fault", "population_shift", "relation_change", "undetermined"]


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an alert opened, in one record."""

    feature: str | None
    slice: str | None
    """A declared slice that ranks first, else the first that was found."""
    verdict: Verdict
    evidence: str
    """The sentence that the verdict rests on."""
    since: Since | None
    slices: tuple[FoundSlice, ...] = ()
    slices_of: str = ""
    """The number that the slices are about."""
    candidates: int = 0
    """Parts of the population that were candidates; the level of the search is shared by all."""
    impacts: tuple[Impact, ...] = ()
    impacts_of: str = ""
    """The number that the impacts are about: `error` or `score`."""
    examples: tuple[str, ...] = ()
    """Ids of predictions from the bin that gained most."""
    summary: str = ""
    features: tuple[str, ...] = ()
    """The first of what ranked when it was found."""
    window: Span | None = None
    """The window at whose end it was found."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One step in an alert's life, decided at the end of `window`."""

    fingerprint: str
    model: str
    version: str | None
    kind: AlertKind
    state: AlertStatus
    since_ns: int | None
    """When the alert first fired: the end of the window that fired it. None in `compare`."""
    window: Span
    value: float | None
    threshold: float | None
    features: tuple[FeatureScore, ...] = ()
    summary: str = ""
    """The answer in a sentence with numbers, composed from this record."""
    escalated: bool = False
    """True where an open alert speaks again because it became twice as bad."""
    revised: bool = False
    reason: str | None = None
    peak: float | None = None
    """Largest value since the alert fired."""
    cause: Cause | None = None
    exhibit: Exhibit | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """The persisted state of one (model, version, kind): what survives a restart."""

    fingerprint: str
    model: str
    version: str | None
    kind: AlertKind
    state: AlertStatus
    since_ns: int | None = None
    window: Span | None = None
    value: float | None = None
    threshold: float | None = None
    peak: float | None = None
    effect_spoken: float | None = None
    """Effect (lower end) at which the alert last spoke; twice that and it speaks again."""
    looks_below: int = 0
    """Consecutive looks under the clearing level."""
    looks_without_data: int = 0
    features: tuple[FeatureScore, ...] = ()
    summary: str = ""
    acknowledged_by: str | None = None
    cause: Cause | None = None
    """As it was found when the alert last spoke, or when its story had grown since."""
    past_causes: tuple[Cause, ...] = ()
    """Those that it took the place of, since the alert opened."""
    exhibit: Exhibit | None = None
    """Of the last window that showed it."""
    memory: dict[str, float] = field(default_factory=dict)
    """What the judging needs to remember between looks, by name (never shown)."""

    def moved(self, state: AlertStatus) -> Alert:
        return replace(self, state=state)


def rfc3339(ns: int | None) -> str | None:
    """A time of the contract: RFC 3339 in UTC, with as many digits as it needs.

    >>> rfc3339(1_772_323_200_000_000_000), rfc3339(1_772_323_200_250_000_000)
    ('2026-03-01T00:00:00Z', '2026-03-01T00:00:00.25Z')
    """
    if ns is None:
        return None
    seconds, rest = divmod(ns, 10**9)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def window_document(span: Span | None) -> dict[str, Any]:
    if span is None:
        return {"start": None, "end": None}
    return {"start": rfc3339(span.start_ns), "end": rfc3339(span.end_ns)}


def finding_document(finding: Finding) -> dict[str, Any]:
    """The JSON of one decision record: the contract's fields, then ours."""
    threshold = list(finding.threshold) if isinstance(finding.threshold, tuple) else finding.threshold
    return {
        "model": finding.model,
        "version": finding.version,
        "slice": finding.slice,
        "feature": finding.feature,
        "metric": finding.metric,
        "window": window_document(finding.window),
        "value": finding.value,
        "low": finding.low,
        "high": finding.high,
        "n_baseline": finding.n_baseline,
        "n_window": finding.n_window,
        "n_missing": finding.n_missing,
        "threshold": threshold,
        "status": finding.status.value,
        "reason": finding.reason,
        "revision": finding.revision,
        "kind": finding.kind.value,
        "threshold_origin": finding.threshold_origin,
        "score": finding.score,
        "baseline": finding.baseline,
    }


def feature_document(line: FeatureScore) -> dict[str, Any]:
    """The JSON of one line of an alert's ranking: the contract's fields, then ours."""
    return {
        "feature": line.feature,
        "metric": line.metric,
        "score": line.score,
        "effect": line.effect,
        "detail": line.detail,
        "slice": line.slice,
        "windows": line.windows,
    }


def overlay_document(overlay: Overlay) -> dict[str, Any]:
    """The JSON of two distributions: what their kind has."""
    mine = ("edges", "low", "high") if overlay.kind == "numeric" else ("categories", "unseen_names")
    return {name: getattr(overlay, name) for name in ("kind", *mine, "baseline", "window_counts")}


def exhibit_document(exhibit: Exhibit | None) -> dict[str, Any] | None:
    if exhibit is None:
        return None
    return {
        "window": window_document(exhibit.window),
        "rule": exhibit.rule,
        "baseline": exhibit.baseline,
        "baseline_rows": exhibit.baseline_rows,
        "baseline_window": window_document(exhibit.baseline_window),
        "comparisons": [
            {
                "feature": one.feature,
                "metric": one.metric,
                "slice": one.slice,
                "windows": one.windows,
                "n_baseline": one.n_baseline,
                "n_window": one.n_window,
                "n_missing": one.n_missing,
                **overlay_document(one.overlay),
                "top": [asdict(each) for each in one.top],
            }
            for one in exhibit.comparisons
        ],
    }


def cause_document(cause: Cause | None) -> dict[str, Any] | None:
    if cause is None:
        return None
    since = cause.since
    return asdict(cause) | {
        "since": None
        if since is None
        else {
            "at": rfc3339(since.at_ns),
            "low": rfc3339(since.low_ns),
            "high": rfc3339(since.high_ns),
            "from_the_first": since.from_the_first,
        },
        "window": window_document(cause.window),
    }


def transition_document(transition: Transition) -> dict[str, Any]:
    """The JSON of one alert transition: the contract's fields, then ours."""
    return {
        "fingerprint": transition.fingerprint,
        "model": transition.model,
        "version": transition.version,
        "kind": transition.kind.value,
        "state": transition.state.value,
        "since": rfc3339(transition.since_ns),
        "window": window_document(transition.window),
        "value": transition.value,
        "threshold": transition.threshold,
        "features": [feature_document(f) for f in transition.features],
        "summary": transition.summary,
        "escalated": transition.escalated,
        "revised": transition.revised,
        "reason": transition.reason,
        "peak": transition.peak,
        "cause": cause_document(transition.cause),
        "exhibit": exhibit_document(transition.exhibit),
    }


def report_document(findings: Iterable[Finding], transitions: Iterable[Transition]) -> dict[str, Any]:
    """The one JSON document of `compare` and `backfill`."""
    return {
        "measurements": [finding_document(f) for f in findings],
        "alerts": [transition_document(t) for t in transitions],
    }
