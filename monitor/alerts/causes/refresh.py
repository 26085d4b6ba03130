"""An open alert's story may grow: another feature joins, a fault shows behind what looked like a shift. Pure.

The cause is looked for again at the looks at which a longer merge could first tell more (2, 4, … 64 looks after the alert
spoke), and between them once when another feature has joined; so at most once for each scale of merges. A search reads rows,
and a cause that changes with every window would tell nobody anything.
"""

from __future__ import annotations

from dataclasses import replace

from monitor.alerts.lifecycle import LOOKS_SPOKEN
from monitor.findings import Alert, AlertStatus, Cause, Span
from monitor.windows.trailing import LEVELS

NAMED_MAX = 5
"""First lines of the ranking whose change is news."""
PAST_CAUSES_MAX = 8
"""Causes of before that are kept with an alert: one for each scale, and those of two escalations."""
_REFRESHED = "cause_scale"


def refresh_due(alert: Alert, window: Span) -> bool:
    """Whether the cause is to be looked for again: this window shows the alert, and the scale has not been asked yet."""
    scale, asked = _scale(alert), alert.memory.get(_REFRESHED, 0)
    if alert.state is not AlertStatus.FIRING or alert.window != window or alert.cause is None or scale <= asked:
        return False
    on_scale = alert.memory.get(LOOKS_SPOKEN, 0) == 2**scale
    return scale <= LEVELS and (on_scale or bool(names_of(alert) - set(alert.cause.features)))


def refreshed(alert: Alert, cause: Cause | None) -> Alert:
    """With what was found anew where it says more than what is known; that goes to the causes of before."""
    alert = replace(alert, memory={**alert.memory, _REFRESHED: float(_scale(alert))})
    known = alert.cause
    if cause is None or known is None or not _says_more(cause, known):
        return alert
    return with_cause(alert, cause)


def with_cause(alert: Alert, cause: Cause | None) -> Alert:
    """The cause of an alert that speaks, or of a story that grew."""
    before = () if alert.cause is None else (alert.cause,)
    return replace(alert, cause=cause, past_causes=(*alert.past_causes, *before)[-PAST_CAUSES_MAX:])


def names_of(alert: Alert) -> set[str]:
    return {line.feature for line in alert.features[:NAMED_MAX]}


def _scale(alert: Alert) -> int:
    """The largest power of two within the looks since it spoke."""
    return int(alert.memory.get(LOOKS_SPOKEN, 0)).bit_length() - 1


def _says_more(cause: Cause, known: Cause) -> bool:
    joined = set(cause.features) - set(known.features)
    return (cause.verdict, cause.feature) != (known.verdict, known.feature) or bool(joined)
