"""An open alert's story may grow: another feature joins, a fault shows behind what looked like a shift. Pure.

The cause is looked for again at the looks at which a longer merge could first tell more (2, 4, … 64 looks after the alert
spoke), and between two of these once where another feature has joined: at most twice for each scale of merges. A search reads
rows, and a cause that changes with every window would tell nobody anything.
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
_ASKED, _JOINED = "cause_scale", "cause_joined_scale"


def refresh_due(alert: Alert, window: Span) -> bool:
    """Whether the cause is to be looked for again: this window shows the alert, and the scale has not been asked yet."""
    shows = alert.state is AlertStatus.FIRING and alert.window == window and alert.cause is not None
    scale = _scale(alert)
    return shows and scale <= LEVELS and scale > alert.memory.get(_reason(alert), 0)


def refreshed(alert: Alert, cause: Cause | None) -> Alert:
    """With what was found anew where it says more than what is known; that goes to the causes of before."""
    alert = replace(alert, memory={**alert.memory, _reason(alert): float(_scale(alert))})
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


def _reason(alert: Alert) -> str:
    """Which of the two times of its scale this would be."""
    joined = alert.cause is not None and not names_of(alert) <= set(alert.cause.features)
    on_scale = alert.memory.get(LOOKS_SPOKEN, 0) == 2 ** _scale(alert)
    return _ASKED if on_scale or not joined else _JOINED


def _scale(alert: Alert) -> int:
    """The largest power of two within the looks since it spoke."""
    return int(alert.memory.get(LOOKS_SPOKEN, 0)).bit_length() - 1


def _says_more(cause: Cause, known: Cause) -> bool:
    joined = set(cause.features) - set(known.features)
    return (cause.verdict, cause.feature) != (known.verdict, known.feature) or bool(joined)
