"""Tell again of the alerts that are open, where a receiver forgets what it no longer hears of (Alertmanager)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from monitor.alerts.routing import muted
from monitor.definitions import Receiver
from monitor.errors import OutriderError
from monitor.findings import Alert, AlertStatus
from monitor.jobs.context import Context
from monitor.jobs.find_circumstances import circumstances_of
from monitor.ports import Silence

log = logging.getLogger("outrider.alerts")

OPEN = (AlertStatus.FIRING, AlertStatus.NO_DATA, AlertStatus.ERROR)


@runtime_checkable
class Reminding(Protocol):
    """A notifier whose receivers want to hear of an open alert again and again."""

    def remind(
        self, receiver: Receiver, alerts: Sequence[Alert], *, link: Callable[[Alert], str], now_ns: int
    ) -> None: ...


def remind_alerts(context: Context, *, link: Callable[[Alert], str]) -> int:
    """One round over all models; returns how many receivers were reminded. One that does not answer stops no other."""
    now_ns = context.clock()
    silences = context.catalog.silences(now_ns)
    reminded = 0
    for entry in context.catalog.models():
        alerts = context.catalog.alerts(entry.name)
        told = [a for a in alerts if a.state in OPEN and not _is_held(context, a, alerts, silences, now_ns)]
        for receiver in entry.declaration.receivers if told else ():
            notifier = (context.notifiers or {}).get(receiver.kind)
            if isinstance(notifier, Reminding):
                reminded += _remind(notifier, receiver, told, link, context)
    return reminded


def _is_held(context: Context, alert: Alert, alerts: Sequence[Alert], silences: Sequence[Silence], now_ns: int) -> bool:
    around = circumstances_of(context.catalog, alert)
    return muted(alert, silences, alerts, now_ns=now_ns, circumstances=around) is not None


def _remind(
    notifier: Reminding, receiver: Receiver, alerts: Sequence[Alert], link: Callable[[Alert], str], context: Context
) -> bool:
    try:
        notifier.remind(receiver, alerts, link=link, now_ns=context.clock())
    except OutriderError as error:
        context.observer.notification_postponed(receiver.kind)
        log.warning("receiver not reminded", extra={"receiver": receiver.kind, "cause": str(error)})
        return False
    return True
