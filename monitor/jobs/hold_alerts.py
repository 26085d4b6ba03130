"""Mark the open alerts of which nobody is told for now, with the reason, and keep account of every time that was so.

The alert's state is what the windows say, held or not. Who delivers asks anew at each message (`raise_alerts`); what is marked
here is what people see: on pages, in the API and in Prometheus.
"""

from __future__ import annotations

from dataclasses import replace

from monitor.alerts.routing import muted
from monitor.findings import Alert, Held
from monitor.jobs.context import Context
from monitor.jobs.find_circumstances import circumstances_of
from monitor.jobs.look import OPEN
from monitor.ports import Hold, Outcome


def hold_alerts(context: Context) -> int:
    """One round over all alerts; returns how many were marked or freed."""
    catalog, now_ns = context.catalog, context.clock()
    alerts, silences = catalog.alerts(), catalog.silences(now_ns)
    changed = 0
    for alert in alerts:
        found: Held | None = None
        if alert.state in OPEN:
            own = [other for other in alerts if other.model == alert.model]
            around = circumstances_of(catalog, alert)
            found = muted(alert, silences, own, now_ns=now_ns, circumstances=around)
        if _says_the_same(found, alert.held):
            continue
        if alert.held is not None:
            ended = replace(_hold(alert, alert.held), until_ns=now_ns, outcome=_outcome(alert, found))
            catalog.put_hold(ended, replace(alert, held=None))
        if found is not None:
            catalog.put_hold(_hold(alert, found), replace(alert, held=found))
            context.observer.alert_held(alert.model, found.reason.value)
        changed += 1
    return changed


def _outcome(alert: Alert, found: Held | None) -> Outcome:
    if alert.state not in OPEN:
        return "over"
    return "told" if found is None else "held"


def _hold(alert: Alert, held: Held) -> Hold:
    return Hold(alert.fingerprint, alert.model, alert.version or "", alert.kind, held.reason, held.text, held.since_ns)


def _says_the_same(found: Held | None, known: Held | None) -> bool:
    """Numbers in the text may go on moving; the account keeps those of its beginning."""
    return (found is None) == (known is None) and (found is None or known is None or found.reason is known.reason)
