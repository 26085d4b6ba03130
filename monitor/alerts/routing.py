"""Who is told: silences, inhibition by a cause that is open itself, and the guard against storms. Never changes a state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from monitor.alerts.circumstances import Circumstances, held_by
from monitor.alerts.evidence.rivals import SERVICE_TESTS
from monitor.findings import Alert, AlertKind, AlertStatus, Held, HeldFor, Span, Transition

SYMPTOMS = frozenset({AlertKind.DRIFT, AlertKind.ANOMALY, AlertKind.ATTRIBUTION})
"""What causes bring about: held back while one of them is known."""
INHIBITED_BY: Mapping[AlertKind, frozenset[AlertKind]] = {
    AlertKind.QUALITY: frozenset({AlertKind.CAPTURE}),
    **dict.fromkeys(SYMPTOMS, frozenset({AlertKind.CAPTURE, AlertKind.QUALITY})),
}
"""Causes before symptoms: an open alert of these kinds mutes the kind, for the same model and version."""


class Silencing(Protocol):
    """What a silence says, whoever stores it. `model` or `kind` None matches all."""

    @property
    def id(self) -> str: ...
    @property
    def model(self) -> str | None: ...
    @property
    def kind(self) -> AlertKind | None: ...
    @property
    def start_ns(self) -> int: ...
    @property
    def end_ns(self) -> int: ...


def muted(
    transition: Transition | Alert,
    silences: Iterable[Silencing],
    alerts: Iterable[Alert],
    *,
    now_ns: int,
    circumstances: Circumstances | None = None,
) -> Held | None:
    """Why nobody is told of this transition, or again of this alert; None where they are. A resolve follows the rule of what it resolves."""
    for silence in silences:
        if (
            silence.start_ns <= now_ns < silence.end_ns
            and silence.model in (None, transition.model)
            and silence.kind in (None, transition.kind)
        ):
            return Held(HeldFor.SILENCE, f"silenced by {silence.id}", now_ns)
    causes = INHIBITED_BY.get(transition.kind, frozenset())
    if transition.state is AlertStatus.FIRING:
        for alert in alerts:
            if (
                alert.kind in causes
                and alert.state is AlertStatus.FIRING
                and not _is_of_service(alert)
                and (alert.model, alert.version) == (transition.model, transition.version)
            ):
                return Held(HeldFor.CAUSE, f"inhibited by the open {alert.kind.value} alert", now_ns)
        if circumstances is not None and transition.kind in SYMPTOMS:
            return held_by(circumstances, transition.version, transition.window or Span(None, None), now_ns)
    return None


def _is_of_service(alert: Alert) -> bool:
    """Whether it is about the service alone: slow or refused answers bring no drift about."""
    return bool(alert.features) and all(line.metric in SERVICE_TESTS for line in alert.features)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Token bucket of one receiver: `capacity` notifications at once, refilled one each `every_ns`."""

    capacity: int = 20
    every_ns: int = 60 * 10**9
    tokens: float = 20.0
    filled_ns: int = 0

    def take(self, now_ns: int) -> tuple[Bucket, bool]:
        """The bucket after one notification, and whether it may go. Refused ones stay owed."""
        gained = max(0, now_ns - self.filled_ns) / self.every_ns if self.filled_ns else float(self.capacity)
        tokens = min(float(self.capacity), self.tokens + gained)
        allowed = tokens >= 1
        return replace(self, tokens=tokens - 1 if allowed else tokens, filled_ns=max(now_ns, self.filled_ns)), allowed
