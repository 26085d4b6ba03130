"""The life of an alert: one per model, version and kind, from a look's evidence to what a person is told.

    inactive ─▶ pending ─▶ firing ─▶ resolved ─▶ (pending | firing)
                              └─────▶ no_data

*Firing* needs evidence and effect together; *pending* is evidence alone and tells nobody. An open alert stays open until
the stream is back: `CLEAR_LOOKS` quiet looks in a row, at every merge up to the size at which what was told would surely
be seen again. So a plain shift clears within a few windows, however long the merges behind it, and a faint one, which
single windows never show, does not flap. When it resolves, whoever holds the trailing merges starts them anew: evidence from windows already told never
opens it twice.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

from monitor.alerts.kind_evidence import KindEvidence
from monitor.findings import ALERT_NAMES, Alert, AlertKind, AlertStatus, Span, Transition

CLEAR_LOOKS = 3
"""Quiet looks in a row before an alert resolves."""
NO_DATA_LOOKS = 2
"""Looks without data that a firing alert holds its state for."""
CLOSED_AFTER_LOOKS = 64
"""Looks after a resolve from which the alert is history."""
ESCALATION = 2.0
"""An open alert speaks again when its effect's lower end is this many times the one it last spoke of."""
REPEAT_NS = 12 * 3_600 * 10**9
"""Old windows that are revised within this time may still open an alert; older ones are history."""
_SURE_SCORE = 1.6
"""Expected score at which a look under 0.9 of the limit is no accident (more than three standard errors below)."""
_CLEAR_WINDOWS_MAX = 256
"""However faint the shift, an alert that this many looks no longer show is over."""
# Names in Alert.memory, kept between looks.
_STRENGTH = "strength"
_QUIET_SCALE = "quiet_scale"
_SPOKEN_HIGH = "spoken_high"
_SINCE_RESOLVED = "looks_since_resolved"
_DECIDED = "decided_ns"
_RESOLVED = "resolved_ns"
LOOKS_SPOKEN = "looks_since_spoken"

_OPEN = frozenset({AlertStatus.FIRING, AlertStatus.NO_DATA})


@dataclass(frozen=True, slots=True)
class Rules:
    """What a life cycle may be tuned with."""

    clear_looks: int = CLEAR_LOOKS
    no_data_looks: int = NO_DATA_LOOKS
    escalation: float = ESCALATION
    repeat_ns: int = REPEAT_NS


def alert_labels(model: str, version: str | None, kind: AlertKind, namespace: str = "default") -> dict[str, str]:
    """The labels that identify an alert: nothing that changes from look to look."""
    return {
        "alertname": ALERT_NAMES[kind],
        "namespace": namespace,
        "model": model,
        "model_version": version or "",
        "kind": kind.value,
    }


def fingerprint(labels: dict[str, str]) -> str:
    """Identity of an alert: a hash of its sorted labels."""
    text = json.dumps(sorted(labels.items()), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def inactive(model: str, version: str | None, kind: AlertKind, namespace: str = "default") -> Alert:
    """The alert before anything happened."""
    name = fingerprint(alert_labels(model, version, kind, namespace))
    return Alert(name, model, version, kind, AlertStatus.INACTIVE)


def advance(
    alert: Alert, evidence: KindEvidence | None, window: Span, *, revised: bool = False, rules: Rules | None = None
) -> tuple[Alert, Transition | None]:
    """One look: the next state, and what to tell. `evidence` None: the window had no data for this kind.

    `revised` says that the window was looked at before; it is old news where a newer window has been decided since.
    """
    rules = rules or Rules()
    old = _is_old(alert, window)
    if old:
        return _revise(alert, evidence, window, rules)
    alert = _counted(alert, window)
    if evidence is None:
        return _without_data(alert, window, rules)
    alert = replace(alert, looks_without_data=0)
    if alert.state in _OPEN:
        return _while_open(alert, evidence, window, rules, revised=revised)
    if evidence.fired:
        return _fire(alert, evidence, window, revised=revised)
    return _at_rest(alert, evidence, window), None


def was_told(alert: Alert, window: Span) -> bool:
    """Whether a window lies in the alert's last life, which is over: what such a window shows was told then."""
    ended = alert.memory.get(_RESOLVED)
    if alert.state in _OPEN or alert.since_ns is None or ended is None or window.end_ns is None:
        return False
    return alert.since_ns <= window.end_ns <= ended


def last_ended_ns(alert: Alert) -> int | None:
    """The end of the window with which the alert's life before this one ended; None where it had none."""
    ended = alert.memory.get(_RESOLVED)
    return None if ended is None else int(ended)


def _is_old(alert: Alert, window: Span) -> bool:
    return window.end_ns is not None and window.end_ns < alert.memory.get(_DECIDED, float("-inf"))


def _counted(alert: Alert, window: Span) -> Alert:
    """Remember the newest decided window; count looks since the resolve (a revision of the same window is no new one)."""
    memory = dict(alert.memory)
    new = window.end_ns is None or window.end_ns > memory.get(_DECIDED, float("-inf"))
    if new and _SINCE_RESOLVED in memory:
        memory[_SINCE_RESOLVED] += 1
        if memory[_SINCE_RESOLVED] >= CLOSED_AFTER_LOOKS:
            del memory[_SINCE_RESOLVED]
    if new and LOOKS_SPOKEN in memory:
        memory[LOOKS_SPOKEN] += 1
    if window.end_ns is not None:
        memory[_DECIDED] = float(window.end_ns)
    return replace(alert, memory=memory)


def _without_data(alert: Alert, window: Span, rules: Rules) -> tuple[Alert, Transition | None]:
    looks = alert.looks_without_data + 1
    alert = replace(alert, looks_without_data=looks, looks_below=0)
    if alert.state is AlertStatus.FIRING:
        if looks <= rules.no_data_looks:
            return alert, None
        alert = replace(alert, state=AlertStatus.NO_DATA, window=window)
        return alert, _told(alert, window, reason=f"no data for {looks} windows")
    if alert.state is AlertStatus.NO_DATA:
        return alert, None
    return replace(alert, state=AlertStatus.NO_DATA if alert.since_ns is not None else AlertStatus.INACTIVE), None


def _at_rest(alert: Alert, evidence: KindEvidence, window: Span) -> Alert:
    if evidence.insufficient:
        return replace(alert, state=AlertStatus.INSUFFICIENT_DATA, window=window)
    if evidence.evidence:
        return replace(_showing(alert, evidence), state=AlertStatus.PENDING, window=window)
    resting = AlertStatus.RESOLVED if _SINCE_RESOLVED in alert.memory else AlertStatus.INACTIVE
    if alert.state is AlertStatus.CLOSED or (_RESOLVED in alert.memory and resting is AlertStatus.INACTIVE):
        resting = AlertStatus.CLOSED
    return replace(alert, state=resting, window=window)


def _fire(alert: Alert, evidence: KindEvidence, window: Span, *, revised: bool) -> tuple[Alert, Transition]:
    memory = {k: v for k, v in alert.memory.items() if k in (_DECIDED, _RESOLVED)}
    alert = replace(
        _showing(alert, evidence),
        state=AlertStatus.FIRING,
        since_ns=window.end_ns,
        window=window,
        peak=evidence.value,
        looks_below=0,
        effect_spoken=None,
        acknowledged_by=None,
        cause=None,
        past_causes=(),
        memory=memory,
    )
    alert = _spoken(alert, evidence)
    return alert, _told(alert, window, revised=revised)


def _while_open(
    alert: Alert, evidence: KindEvidence, window: Span, rules: Rules, *, revised: bool
) -> tuple[Alert, Transition | None]:
    alert = replace(alert, state=AlertStatus.FIRING)
    if evidence.insufficient:
        return alert, None
    if evidence.fired and _is_worse(alert, evidence, rules):
        alert = replace(_showing(alert, evidence), window=window, peak=_worse(alert, evidence), looks_below=0)
        alert = _spoken(alert, evidence)
        return alert, _told(alert, window, revised=revised, escalated=True)
    # A longer merge than was needed to see it mostly tells of windows already told.
    if evidence.fired and evidence.scale <= _clear_windows(alert):
        alert = replace(_showing(alert, evidence), window=window, peak=_worse(alert, evidence))
    return _settle(alert, evidence, window, rules)


def _worse(alert: Alert, evidence: KindEvidence) -> float | None:
    """The peak is on the far side of the threshold, whichever side that is."""
    if alert.peak is None or evidence.value is None or evidence.threshold is None:
        return evidence.value
    return max(alert.peak, evidence.value) if evidence.value >= evidence.threshold else min(alert.peak, evidence.value)


def _is_worse(alert: Alert, evidence: KindEvidence, rules: Rules) -> bool:
    """Twice as bad, and surely: beyond the interval in which it last spoke, so that more rows alone never say so."""
    spoken = alert.effect_spoken
    if spoken is None:
        return False
    surely = evidence.severity_sure > alert.memory.get(_SPOKEN_HIGH, 0.0)
    return surely and evidence.severity_low >= rules.escalation * spoken


def _clear_windows(alert: Alert) -> int:
    """Windows together at which what was told would surely be seen again: the next power of two."""
    strength = max(alert.memory.get(_STRENGTH, _SURE_SCORE), _SURE_SCORE / _CLEAR_WINDOWS_MAX**0.5)
    windows = 1
    while strength * windows**0.5 < _SURE_SCORE and windows < _CLEAR_WINDOWS_MAX:
        windows *= 2
    return windows


def _settle(alert: Alert, evidence: KindEvidence, window: Span, rules: Rules) -> tuple[Alert, Transition | None]:
    """Count quiet looks at the scales that would show what was told; resolve after enough of them."""
    memory = dict(alert.memory)
    memory[_STRENGTH] = max(memory.get(_STRENGTH, 0.0), evidence.strength_sure)
    alert = replace(alert, memory=memory)
    windows = _clear_windows(alert)
    scale = min(windows, evidence.scale_max)
    looked = {s: quiet for s, quiet in evidence.quiet.items() if s <= scale}
    if not looked:
        return alert, None
    if not all(looked.values()):
        memory.pop(_QUIET_SCALE, None)
        return replace(alert, looks_below=0), None
    below = alert.looks_below + 1
    memory[_QUIET_SCALE] = max(memory.get(_QUIET_SCALE, 0), *looked)
    alert = replace(alert, looks_below=below)
    # Where the baseline is too small for such a merge, as many looks in a row stand in for it.
    seen = memory[_QUIET_SCALE] >= windows or below >= 2 * windows
    if below < rules.clear_looks or not seen:
        return alert, None
    return _resolve(alert, window)


def _resolve(alert: Alert, window: Span) -> tuple[Alert, Transition]:
    memory = {k: v for k, v in alert.memory.items() if k == _DECIDED}
    memory[_SINCE_RESOLVED] = 0.0
    memory[_RESOLVED] = float(window.end_ns or 0)
    alert = replace(alert, state=AlertStatus.RESOLVED, window=window, effect_spoken=None, memory=memory)
    reason = f"recovered: quiet for {alert.looks_below} looks"
    return replace(alert, looks_below=0), _told(alert, window, reason=reason)


def _revise(alert: Alert, evidence: KindEvidence | None, window: Span, rules: Rules) -> tuple[Alert, Transition | None]:
    """A window older than the newest decided one. It may open an alert that should have been open, once and while it
    is fresh; it never closes one, and never tells again what was told."""
    if evidence is None or not evidence.fired or alert.state in _OPEN:
        return alert, None
    end, decided = window.end_ns or 0, alert.memory.get(_DECIDED, 0.0)
    if end <= alert.memory.get(_RESOLVED, float("-inf")) or decided - end > rules.repeat_ns:
        return alert, None
    return _fire(alert, evidence, window, revised=True)


def _showing(alert: Alert, evidence: KindEvidence) -> Alert:
    return replace(
        alert,
        value=evidence.value,
        threshold=evidence.threshold,
        features=evidence.features,
        summary=evidence.summary,
    )


def _spoken(alert: Alert, evidence: KindEvidence) -> Alert:
    """Remember of what it spoke: the effect, and how plainly a window shows it."""
    memory = dict(alert.memory)
    memory[_STRENGTH] = max(memory.get(_STRENGTH, 0.0), evidence.strength_sure)
    if alert.effect_spoken is None:
        memory[_STRENGTH] = evidence.strength
    memory[_SPOKEN_HIGH] = evidence.severity_high
    memory[LOOKS_SPOKEN] = 0.0
    memory.pop(_QUIET_SCALE, None)
    return replace(alert, effect_spoken=evidence.severity_low, memory=memory)


def _told(
    alert: Alert, window: Span, *, revised: bool = False, escalated: bool = False, reason: str | None = None
) -> Transition:
    return Transition(
        fingerprint=alert.fingerprint,
        model=alert.model,
        version=alert.version,
        kind=alert.kind,
        state=alert.state,
        since_ns=alert.since_ns,
        window=window,
        value=alert.value,
        threshold=alert.threshold,
        features=alert.features,
        summary=_sentence(alert, escalated=escalated, reason=reason),
        escalated=escalated,
        revised=revised,
        reason=reason,
        peak=alert.peak,
    )


_WORDS = {
    AlertKind.DRIFT: "Inputs drifted",
    AlertKind.PREDICTION_DRIFT: "Predictions drifted",
    AlertKind.LABEL_DRIFT: "Labels drifted",
    AlertKind.PERFORMANCE: "Performance dropped",
    AlertKind.FAIRNESS: "Groups are treated differently than in the baseline",
    AlertKind.QUALITY: "Data quality fell",
    AlertKind.ANOMALY: "Anomalous rows surge",
    AlertKind.ATTRIBUTION: "Attributions shifted",
    AlertKind.CAPTURE: "Predictions are not seen",
}


def _sentence(alert: Alert, *, escalated: bool, reason: str | None) -> str:
    if alert.state is AlertStatus.RESOLVED:
        return f"Resolved: {reason}. It was: {alert.summary}"
    if alert.state is AlertStatus.NO_DATA:
        return f"Open, but {reason}. It was: {alert.summary}"
    again = ", and it got worse" if escalated else ""
    return f"{_WORDS[alert.kind]}{again}: {alert.summary}"
