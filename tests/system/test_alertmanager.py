"""Notifications through a real Alertmanager to a webhook behind it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from monitor.definitions import Receiver
from monitor.findings import AlertStatus
from monitor.notifications import http
from monitor.notifications.alertmanager import AlertmanagerNotifier
from tests.results import MINUTE, alert, transition
from tests.scripted_http import Answer, Scripted, scripted_http
from tests.system.services.alertmanager import Alertmanager, installed, running_alertmanager
from tests.system.services.process import wait_until
from tests.system.services.prometheus import installed as prometheus_installed
from tests.system.services.prometheus import running_prometheus

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not installed(), reason="needs Alertmanager: apt-get install prometheus-alertmanager"),
]
LINK = "http://monitor/alerts/f1?from=a&to=b"


@dataclass
class Route:
    alertmanager: Alertmanager
    hook: Scripted
    notifier: AlertmanagerNotifier
    receiver: Receiver

    def send(self, state: AlertStatus, **changes: Any) -> None:
        step = transition(state, **changes)
        self.notifier.send(self.receiver, step, idempotency_key="k", link=LINK, now_ns=time.time_ns())

    def told(self) -> list[tuple[str, str]]:
        """(alert name, status) of everything that came out at the end, in order."""
        bodies = [json.loads(request.body) for request in self.hook.requests]
        return [(a["labels"]["alertname"], a["status"]) for body in bodies for a in body["alerts"]]


@pytest.fixture
def route(tmp_path: Path) -> Iterator[Route]:
    with (
        scripted_http(lambda request: Answer()) as hook,
        running_alertmanager(tmp_path, hook.url) as alertmanager,
        http.client() as client,
    ):
        yield Route(alertmanager, hook, AlertmanagerNotifier(client), Receiver("alertmanager", alertmanager.url))


def test_one_page_and_one_resolve_arrive(route: Route) -> None:
    """However often an open alert is repeated, its receiver hears of it twice: when it opens and when it ends."""
    since_ns = time.time_ns() - 5 * MINUTE
    route.send(AlertStatus.FIRING, since_ns=since_ns)
    wait_until(lambda: route.told() == [("OutriderDrift", "firing")], 10, "the page arrives")
    for _ in range(3):
        opened = [alert(since_ns=since_ns)]
        route.notifier.remind(route.receiver, opened, link=lambda a: LINK, now_ns=time.time_ns())
    (held,) = route.alertmanager.alerts()
    assert held["annotations"]["dashboard_url"] == LINK
    assert held["labels"]["model"] == "income"
    for _ in range(3):
        route.send(AlertStatus.RESOLVED, since_ns=since_ns)
    wait_until(lambda: len(route.told()) >= 2, 15, "the resolve arrives")
    assert route.told() == [("OutriderDrift", "firing"), ("OutriderDrift", "resolved")]
    assert route.alertmanager.alerts() == []


def test_an_alert_that_lost_its_data_is_replaced_not_resolved_in_silence(route: Route) -> None:
    """The drift alert ends and OutriderNoData opens; when data is back that one ends."""
    route.send(AlertStatus.FIRING)
    wait_until(lambda: len(route.told()) == 1, 10, "the page arrives")
    route.send(AlertStatus.NO_DATA)
    wait_until(lambda: len(route.told()) == 3, 15, "both changes arrive")
    assert set(route.told()[1:]) == {("OutriderDrift", "resolved"), ("OutriderNoData", "firing")}
    route.send(AlertStatus.FIRING)
    wait_until(lambda: len(route.told()) == 5, 15, "both changes arrive")
    assert set(route.told()[3:]) == {("OutriderDrift", "firing"), ("OutriderNoData", "resolved")}


def test_what_calls_nobody_is_not_posted(route: Route) -> None:
    """A pending alert is our own affair."""
    route.send(AlertStatus.PENDING)
    assert route.alertmanager.alerts() == []


@pytest.mark.skipif(not prometheus_installed(), reason="needs Prometheus: apt-get install prometheus")
def test_the_heartbeat_of_our_rules_goes_the_whole_way(route: Route, tmp_path: Path) -> None:
    """Prometheus evaluates the shipped rules, Alertmanager forwards, the receiver hears the watchdog."""
    rules = Path(__file__).parents[2] / "deploy" / "prometheus" / "outrider.rules.yml"
    folder = tmp_path / "prometheus"
    folder.mkdir()
    with running_prometheus(folder, {}, [rules], route.alertmanager.url.removeprefix("http://")):
        wait_until(lambda: ("OutriderWatchdog", "firing") in route.told(), 30, "the watchdog arrives")
