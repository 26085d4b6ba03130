"""What a notification says: one transition as labels, annotations and fields. Pure.

Labels identify and never change while an alert lives; everything that moves (value, window, features) informs only.
Values of features never appear, except names of categories in the details of the ranking.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from monitor.findings import (
    ALERT_NAMES,
    SEVERITIES,
    Alert,
    AlertKind,
    AlertStatus,
    Cause,
    FeatureScore,
    Span,
    Transition,
    rfc3339,
    window_document,
)

FEATURES_MAX = 5
"""Ranked features in a message; the page behind the link has all of them."""
TEXT_CHARACTERS_MAX = 1_000
"""Longest text of ours in a message: chat services cut or refuse more."""

NO_DATA_NAME = "OutriderNoData"
"""`alertname` of an alert that lost its data while it was open: it is not resolved, it cannot be seen."""
RUNBOOK = "docs/runbooks/alerts.md"
"""Where the runbooks are: one page, one section an alert, its anchor the name in lower case."""

Phase = Literal["open", "over", "lost", "other"]


@dataclass(frozen=True, slots=True)
class Message:
    """One transition (or the present state of an alert) in the words of a receiver."""

    fingerprint: str
    model: str
    version: str | None
    kind: AlertKind
    state: AlertStatus
    since_ns: int | None
    window: Span | None
    value: float | None
    threshold: float | None
    peak: float | None
    features: tuple[FeatureScore, ...]
    summary: str
    reason: str | None
    escalated: bool
    revised: bool
    link: str
    cause: str = ""
    """Why, in a line; empty where it was not found."""

    @classmethod
    def of_transition(cls, transition: Transition, link: str) -> Message:
        t = transition
        return cls(
            t.fingerprint, t.model, t.version, t.kind, t.state, t.since_ns, t.window, t.value, t.threshold, t.peak,
            t.features[:FEATURES_MAX], t.summary[:TEXT_CHARACTERS_MAX], t.reason, t.escalated, t.revised, link,
            _why(t.cause),
        )  # fmt: skip

    @classmethod
    def of_alert(cls, alert: Alert, link: str) -> Message:
        a = alert
        return cls(
            a.fingerprint, a.model, a.version, a.kind, a.state, a.since_ns, a.window, a.value, a.threshold, a.peak,
            a.features[:FEATURES_MAX], a.summary[:TEXT_CHARACTERS_MAX], None, False, False, link,
            _why(a.cause),
        )  # fmt: skip

    @property
    def phase(self) -> Phase:
        """What the receiver must do: show it, close it, or say that nothing can be seen any more."""
        if self.state is AlertStatus.FIRING:
            return "open"
        if self.state in (AlertStatus.RESOLVED, AlertStatus.CLOSED):
            return "over"
        if self.state in (AlertStatus.NO_DATA, AlertStatus.ERROR):
            return "lost"
        return "other"

    @property
    def title(self) -> str:
        """One line for a list: state, kind, model."""
        version = f" {self.version}" if self.version else ""
        worse = " (twice as bad)" if self.escalated else ""
        return f"[{self.state.value.upper()}{worse}] {self.kind.value.replace('_', ' ')} of {self.model}{version}"

    def labels(self, name: str | None = None) -> dict[str, str]:
        labels = {
            "alertname": name or ALERT_NAMES[self.kind],
            "model": self.model,
            "model_version": self.version or "",
            "kind": self.kind.value,
            "severity": SEVERITIES[self.kind],
        }
        return {key: value for key, value in labels.items() if value}

    def annotations(self) -> dict[str, str]:
        window = window_document(self.window)
        annotations = {
            "summary": self.summary or self.title,
            "cause": self.cause,
            "description": "\n".join(map(feature_line, self.features)),
            "fingerprint": self.fingerprint,
            "value": _shown(self.value),
            "threshold": _shown(self.threshold),
            "peak": _shown(self.peak),
            "window_start": window["start"] or "",
            "window_end": window["end"] or "",
            "reason": self.reason or "",
            "dashboard_url": self.link,
            "runbook": f"{RUNBOOK}#{ALERT_NAMES[self.kind].lower()}",
        }
        return {key: value for key, value in annotations.items() if value}

    def fields(self) -> dict[str, Any]:
        """Our own record, for receivers that take JSON."""
        return {
            "state": self.state.value,
            "severity": SEVERITIES[self.kind],
            "kind": self.kind.value,
            "model": self.model,
            "version": self.version,
            "summary": self.summary,
            "cause": self.cause or None,
            "value": _finite(self.value),
            "threshold": _finite(self.threshold),
            "peak": _finite(self.peak),
            "since": rfc3339(self.since_ns),
            "window": window_document(self.window),
            "features": [
                {"feature": f.feature, "metric": f.metric, "score": _finite(f.score), "detail": f.detail}
                for f in self.features
            ],
            "reason": self.reason,
            "escalated": self.escalated,
            "revised": self.revised,
            "fingerprint": self.fingerprint,
            "link": self.link,
        }


def feature_line(feature: FeatureScore) -> str:
    """One feature of the ranking in a line: its name, how far over its limit, and the detail."""
    line = f"{feature.feature}: {feature.metric} at {feature.score:.3g} times its limit"
    return f"{line} ({feature.detail})" if feature.detail else line


def _why(cause: Cause | None) -> str:
    return "" if cause is None else cause.summary[:TEXT_CHARACTERS_MAX]


def _finite(value: float | None) -> float | None:
    """JSON has no infinity; a score over a limit of nothing is one."""
    return value if value is not None and math.isfinite(value) else None


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
