"""Who was first along a pipeline: the open alerts of the models that feed this one, by when they began.

An alert began at its cause's change point, with the interval of that; where its windows do not tell, with the window that fired it.
One is surely earlier than another only where its interval ends before the other's begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from monitor.findings import Alert, AlertKind, AlertStatus, Cause, Since, Span, UpstreamAlert, rfc3339

OPEN = frozenset({AlertStatus.FIRING, AlertStatus.NO_DATA})
UPSTREAM_KINDS = (
    AlertKind.QUALITY,
    AlertKind.DRIFT,
    AlertKind.PREDICTION_DRIFT,
    AlertKind.PERFORMANCE,
    AlertKind.FAIRNESS,
    AlertKind.LABEL_DRIFT,
    AlertKind.ANOMALY,
    AlertKind.ATTRIBUTION,
)
"""What can pass on from model to model (that traffic is not seen cannot); of what began together the earlier here is named first."""
NAMED_MAX = 10
"""Alerts of other models that are named with one."""
SPOKEN_MAX = 1


def began(alert: Alert) -> Since | None:
    """When an alert's story began; None where it has no time."""
    if alert.cause is not None and alert.cause.since is not None:
        return alert.cause.since
    start_ns = None if alert.window is None else alert.window.start_ns
    return None if start_ns is None else Since(start_ns, start_ns, start_ns)


def depths(upstream: Mapping[str, Sequence[str]], model: str) -> dict[str, int]:
    """Every model that feeds this one, directly or not, by how many steps it is away at least; itself at 0. Circles end."""
    found, edge = {model: 0}, [model]
    while edge:
        fed_by = [name for one in edge for name in upstream.get(one, ()) if name not in found]
        edge = list(dict.fromkeys(fed_by))
        found |= dict.fromkeys(edge, max(found.values()) + 1)
    return found


def feeders_first(upstream: Mapping[str, Sequence[str]]) -> list[str]:
    """The models in an order in which each comes after those that feed it, as far as there is one."""
    ordered: dict[str, None] = {}
    for name in upstream:
        away = depths(upstream, name)
        ordered |= dict.fromkeys(one for one in sorted(away, key=lambda n: (-away[n], n)) if one in upstream)
    return list(ordered)


def in_order(alerts: Sequence[Alert], window_ns: int | None = None, since: Since | None = None) -> list[UpstreamAlert]:
    """Open alerts by when they began, the first first; with `since`, how much earlier than that each is, in windows too."""
    told = [
        (start, alert)
        for alert in alerts
        if alert.state in OPEN and alert.kind in UPSTREAM_KINDS and (start := began(alert)) is not None
    ]
    told.sort(key=lambda pair: (pair[0].at_ns, pair[1].model, UPSTREAM_KINDS.index(pair[1].kind)))
    return [_named(alert, start, window_ns, since) for start, alert in told[:NAMED_MAX]]


def _named(alert: Alert, start: Since, window_ns: int | None, since: Since | None) -> UpstreamAlert:
    earlier_ns = None if since is None else since.at_ns - start.at_ns
    return UpstreamAlert(
        model=alert.model,
        version=alert.version,
        kind=alert.kind,
        fingerprint=alert.fingerprint,
        feature=alert.features[0].feature if alert.features else None,
        since=start,
        earlier_ns=earlier_ns,
        windows_earlier=None if earlier_ns is None or not window_ns else round(earlier_ns / window_ns),
        sure=since is not None and start.high_ns < since.low_ns,
    )


def with_upstream(cause: Cause, window: Span, alerts: Sequence[Alert]) -> Cause:
    """The cause with the upstream alerts that began before what it tells of, or with it; the first is named in its sentence."""
    start_ns = window.start_ns or 0
    since = cause.since or Since(start_ns, start_ns, start_ns)
    length_ns = (window.end_ns or start_ns) - start_ns
    before = tuple(one for one in in_order(alerts, length_ns, since) if one.sure or one.since.low_ns <= since.high_ns)
    if not before:
        return cause
    summary = "; ".join([cause.summary, *(spoken(one) for one in before[:SPOKEN_MAX])])
    return replace(cause, upstream=before, summary=summary)


def spoken(one: UpstreamAlert) -> str:
    """`upstream features-v2 drifted 3 windows earlier (RELP, since 2026-03-01 10:05Z)`."""
    at = (rfc3339(one.since.at_ns) or "")[:16].replace("T", " ") + "Z"
    about = f"{one.feature}, since {at}" if one.feature else f"since {at}"
    return f"upstream {one.model} {_DID[one.kind]} {_when(one)} ({about})"


_DID: Mapping[AlertKind, str] = {
    AlertKind.DRIFT: "drifted",
    AlertKind.PREDICTION_DRIFT: "answered otherwise",
    AlertKind.LABEL_DRIFT: "had other labels",
    AlertKind.PERFORMANCE: "was wrong more often",
    AlertKind.FAIRNESS: "treated groups otherwise",
    AlertKind.QUALITY: "had bad data",
    AlertKind.ANOMALY: "had anomalous rows",
    AlertKind.ATTRIBUTION: "had other attributions",
}


def _when(one: UpstreamAlert) -> str:
    windows = one.windows_earlier or 0
    if windows < 1:
        return "at about the same time"
    words = f"{windows} window{'s' if windows > 1 else ''} earlier"
    return words if one.sure else f"about {words}"
