"""Alertmanager, API v2: an open alert is told again and again, or Alertmanager forgets it.

`startsAt` is fixed when the alert first fires; `endsAt` lies three send intervals ahead, so that one lost request
does not make it flap, and is the present when it is over. A receiver is one Alertmanager: declare each of a cluster,
never a load balancer before them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal

import httpx

from monitor.definitions import Receiver
from monitor.findings import Alert, Transition, rfc3339
from monitor.notifications import http
from monitor.notifications.message import NO_DATA_NAME, Message

SEND_INTERVAL_NS = 60 * 10**9
"""How often `remind` is to be called, whatever the length of the windows."""
ENDS_AFTER_INTERVALS = 3
ALERTS_PER_REQUEST_MAX = 500
MILLISECOND = 10**6
PATH = "/api/v2/alerts"


class AlertmanagerNotifier:
    """Posts transitions, and reminds of alerts that are still open."""

    kind: Literal["alertmanager"] = "alertmanager"

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def send(self, receiver: Receiver, transition: Transition, *, idempotency_key: str, link: str, now_ns: int) -> None:
        """Alertmanager tells alerts apart by their labels: a repeated transition changes nothing there."""
        self._post(receiver, postable_alerts(Message.of_transition(transition, link), now_ns), idempotency_key)

    def remind(self, receiver: Receiver, alerts: Sequence[Alert], *, link: Callable[[Alert], str], now_ns: int) -> None:
        """Tell again of `alerts` that are open; their end is told once, by `send`, until it is taken.

        Call it every SEND_INTERVAL_NS with the same links as before; raises as `send` does.
        """
        told = [p for alert in alerts for p in postable_alerts(Message.of_alert(alert, link(alert)), now_ns)]
        for start in range(0, len(told), ALERTS_PER_REQUEST_MAX):
            self._post(receiver, told[start : start + ALERTS_PER_REQUEST_MAX], f"remind/{now_ns}/{start}")

    def _post(self, receiver: Receiver, alerts: Sequence[dict[str, Any]], idempotency_key: str) -> None:
        if not alerts:
            return
        headers = {"Content-Type": "application/json", "User-Agent": "outrider", "Idempotency-Key": idempotency_key}
        http.post(self._client, self.kind, receiver.url.rstrip("/") + PATH, json.dumps(alerts).encode(), headers)


def postable_alerts(message: Message, now_ns: int) -> list[dict[str, Any]]:
    """What Alertmanager is told of a message: nothing where it only informs (pending, too little data).

    An alert that lost its data is not resolved in silence: `OutriderNoData` is opened in its place, and closed when
    data is there again.
    """
    if message.phase == "other":
        return []
    own_open, lost_open = message.phase == "open", message.phase == "lost"
    return [
        _postable(message, message.labels(), own_open, now_ns),
        _postable(message, message.labels(NO_DATA_NAME), lost_open, now_ns),
    ]


def _postable(message: Message, labels: dict[str, str], is_open: bool, now_ns: int) -> dict[str, Any]:
    # Alertmanager refuses an alert that ends before it starts; event time may run ahead of its clock.
    starts = min(message.since_ns if message.since_ns is not None else now_ns, now_ns)
    ends = now_ns + ENDS_AFTER_INTERVALS * SEND_INTERVAL_NS if is_open else max(now_ns, starts + MILLISECOND)
    return {
        "labels": labels,
        "annotations": message.annotations(),
        "startsAt": rfc3339(starts),
        "endsAt": rfc3339(ends),
        "generatorURL": message.link,
    }
