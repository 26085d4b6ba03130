"""Reads what else happened around an alert from the catalog."""

from __future__ import annotations

from monitor.alerts.circumstances import USUAL_WINDOWS, Circumstances
from monitor.alerts.routing import SYMPTOMS
from monitor.findings import Alert, AlertStatus, Transition
from monitor.ports import Catalog

WINDOWS_LOOKED_AT = 3 * USUAL_WINDOWS


def circumstances_of(catalog: Catalog, alert: Transition | Alert) -> Circumstances:
    """None to speak of where the alert is no symptom of anything, or nobody is about to be told."""
    if alert.kind not in SYMPTOMS or alert.state is not AlertStatus.FIRING:
        return Circumstances()
    version = alert.version or ""
    newest = catalog.windows(alert.model, version=version, limit=WINDOWS_LOOKED_AT, newest_first=True)
    # Rules have windows of other lengths: what is usual is so for one of them.
    rows = [w.n_window for w in newest if w.rule == newest[0].rule][::-1]
    first = catalog.windows(alert.model, version=version, limit=1)
    earliest = catalog.windows(alert.model, limit=1)
    follows = bool(first and earliest) and (earliest[0].span.start_ns or 0) < (first[0].span.start_ns or 0)
    own = next((w.n_window for w in newest if w.span == alert.window), None)
    return Circumstances(first[0].span.start_ns if follows else None, tuple(rows), own)
