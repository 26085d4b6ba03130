"""Alerts, and the steps of their lives."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from monitor.findings.evidence import Cause, Exhibit, FeatureScore
from monitor.findings.kinds import AlertKind, AlertStatus, HeldFor
from monitor.findings.measured import Span


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
    code: str | None = None
    """Version and build of the code that decided it."""
    baseline: str | None = None
    """Hash of the baseline it was decided against."""


@dataclass(frozen=True, slots=True)
class Held:
    """That nobody is told of an alert, why, and since when it is so."""

    reason: HeldFor
    text: str
    since_ns: int = 0


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
    held: Held | None = None
    cause: Cause | None = None
    """As it was found when the alert last spoke, or when its story had grown since."""
    past_causes: tuple[Cause, ...] = ()
    """Those that it took the place of, since the alert opened."""
    exhibit: Exhibit | None = None
    """Of the last window that showed it."""
    code: str | None = None
    """Version and build of the code of its last step."""
    baseline: str | None = None
    """Hash of the baseline of its last step."""
    memory: dict[str, float] = field(default_factory=dict)
    """What the judging needs to remember between looks, by name (never shown)."""

    def moved(self, state: AlertStatus) -> Alert:
        return replace(self, state=state)
