"""Several window rules, one alert: the looks of each rule move a state of their own, and people see the one that is open.

So the five-minute windows of a model do not resolve what its days have found, and what both have found is told once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from monitor.findings import Alert, AlertKind
from monitor.jobs.look import OPEN, Looked

Alerts = Mapping[AlertKind, Alert]

_DECODER = msgspec.json.Decoder(list[Alert])


def encode_alerts(alerts: Alerts) -> bytes:
    # What the judging computed may be NumPy's own floats.
    return msgspec.json.encode(list(alerts.values()), enc_hook=float)


def decode_alerts(data: bytes) -> dict[AlertKind, Alert]:
    return {alert.kind: alert for alert in _DECODER.decode(data)}


def shown(looked: Looked, known: Alerts, others: Sequence[Alerts]) -> Looked:
    """What people see of a look: `known` is what they see so far, `others` the states of the model's other rules."""
    elsewhere = {kind for alerts in others for kind, alert in alerts.items() if alert.state in OPEN}
    transitions = tuple(t for t in looked.transitions if t.escalated or t.kind not in elsewhere)
    alerts = tuple(_marked(a, known) for a in looked.alerts if a.state in OPEN or a.kind not in elsewhere)
    return replace(looked, transitions=transitions, alerts=alerts)


def _marked(alert: Alert, known: Alerts) -> Alert:
    """Who said that they look at it is not forgotten while it is open; that nobody was told, not before it is accounted for."""
    before = known.get(alert.kind)
    if before is None:
        return alert
    acknowledged_by = before.acknowledged_by if alert.state in OPEN else None
    return replace(alert, acknowledged_by=acknowledged_by, held=before.held)
