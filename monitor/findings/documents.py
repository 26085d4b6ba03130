"""The JSON of these records: the contract's fields, then ours. Every surface that speaks JSON writes them so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from monitor.findings.alerting import Held, Transition
from monitor.findings.evidence import Cause, Exhibit, FeatureScore, Overlay, Since, UpstreamAlert
from monitor.findings.measured import Finding, Span
from monitor.findings.times import rfc3339


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
        "windows": finding.windows,
        "baseline": finding.baseline,
        "code": finding.code,
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


def since_document(since: Since | None) -> dict[str, Any] | None:
    if since is None:
        return None
    return {
        "at": rfc3339(since.at_ns),
        "low": rfc3339(since.low_ns),
        "high": rfc3339(since.high_ns),
        "from_the_first": since.from_the_first,
    }


def upstream_document(one: UpstreamAlert) -> dict[str, Any]:
    return {
        "model": one.model,
        "version": one.version,
        "kind": one.kind.value,
        "fingerprint": one.fingerprint,
        "feature": one.feature,
        "since": since_document(one.since),
        "seconds_earlier": None if one.earlier_ns is None else one.earlier_ns / 1e9,
        "windows_earlier": one.windows_earlier,
        "sure": one.sure,
    }


def held_document(held: Held | None) -> dict[str, Any] | None:
    if held is None:
        return None
    return {"reason": held.reason.value, "text": held.text, "since": rfc3339(held.since_ns)}


def cause_document(cause: Cause | None) -> dict[str, Any] | None:
    if cause is None:
        return None
    return asdict(cause) | {
        "since": since_document(cause.since),
        "upstream": [upstream_document(one) for one in cause.upstream],
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
        "code": transition.code,
        "baseline": transition.baseline,
    }


def report_document(findings: Iterable[Finding], transitions: Iterable[Transition]) -> dict[str, Any]:
    """The one JSON document of `compare` and `backfill`."""
    return {
        "measurements": [finding_document(f) for f in findings],
        "alerts": [transition_document(t) for t in transitions],
    }
