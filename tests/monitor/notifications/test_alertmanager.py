"""What Alertmanager is told, and when it may forget."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from monitor.definitions import Receiver
from monitor.findings import AlertStatus
from monitor.notifications import http
from monitor.notifications.alertmanager import (
    ALERTS_PER_REQUEST_MAX,
    SEND_INTERVAL_NS,
    AlertmanagerNotifier,
    postable_alerts,
)
from monitor.notifications.message import Message
from tests.results import MINUTE, START, alert, transition
from tests.scripted_http import Answer, scripted_http

NOW = START + 30 * MINUTE


def told(state: AlertStatus, **changes: Any) -> dict[str, Any]:
    """endsAt and startsAt by alert name."""
    message = Message.of_transition(transition(state, **changes), "http://m")
    return {p["labels"]["alertname"]: p for p in postable_alerts(message, NOW)}


def test_an_open_alert_outlives_two_lost_reminders() -> None:
    """It starts when it first fired and ends three send intervals ahead."""
    drift = told(AlertStatus.FIRING)["OutriderDrift"]
    assert drift["startsAt"] == "2026-03-01T00:05:00Z"
    assert drift["endsAt"] == "2026-03-01T00:33:00Z"
    assert SEND_INTERVAL_NS == MINUTE


def test_a_resolved_alert_ends_now() -> None:
    """Resolving is said, not left to a timeout."""
    assert told(AlertStatus.RESOLVED)["OutriderDrift"]["endsAt"] == "2026-03-01T00:30:00Z"


def test_lost_data_opens_its_own_alert() -> None:
    """The drift alert ends, and another one says that it cannot be seen."""
    both = told(AlertStatus.NO_DATA)
    assert both["OutriderDrift"]["endsAt"] == "2026-03-01T00:30:00Z"
    assert both["OutriderNoData"]["endsAt"] == "2026-03-01T00:33:00Z"
    assert both["OutriderNoData"]["labels"]["kind"] == "drift"


def test_data_that_came_back_closes_it() -> None:
    """Firing or resolved, the alert about missing data ends."""
    for state in (AlertStatus.FIRING, AlertStatus.RESOLVED):
        assert told(state)["OutriderNoData"]["endsAt"] == "2026-03-01T00:30:00Z"


@pytest.mark.parametrize("state", [AlertStatus.PENDING, AlertStatus.INACTIVE, AlertStatus.INSUFFICIENT_DATA])
def test_what_calls_nobody_is_not_told(state: AlertStatus) -> None:
    """Alertmanager hears of what is open or over."""
    assert told(state) == {}


def test_an_alert_never_ends_before_it_starts() -> None:
    """Event time may run ahead of the clock; Alertmanager would refuse the request."""
    future = told(AlertStatus.RESOLVED, since_ns=NOW + MINUTE)["OutriderDrift"]
    assert datetime.fromisoformat(future["startsAt"]) < datetime.fromisoformat(future["endsAt"])


def test_a_reminder_has_the_labels_of_the_transition() -> None:
    """Else Alertmanager would see another alert."""
    from_alert = postable_alerts(Message.of_alert(alert(), "http://m"), NOW)
    from_transition = postable_alerts(Message.of_transition(transition(), "http://m"), NOW)
    assert [p["labels"] for p in from_alert] == [p["labels"] for p in from_transition]


def test_many_reminders_go_in_bounded_requests() -> None:
    """A thousand open alerts are not one body; nothing open is no request."""
    receiver = Receiver("alertmanager", "unset")
    with http.client() as client, scripted_http(lambda request: Answer()) as server:
        receiver = Receiver("alertmanager", server.url + "/")
        notifier = AlertmanagerNotifier(client)
        many = [alert(model=f"m{i}") for i in range(ALERTS_PER_REQUEST_MAX)]
        notifier.remind(receiver, many, link=lambda a: f"http://m/{a.model}", now_ns=NOW)
        notifier.remind(receiver, [], link=lambda a: "", now_ns=NOW)
        sizes = [len(json.loads(r.body)) for r in server.requests]
    assert sizes == [ALERTS_PER_REQUEST_MAX, ALERTS_PER_REQUEST_MAX]
    assert {r.path for r in server.requests} == {"/api/v2/alerts"}
