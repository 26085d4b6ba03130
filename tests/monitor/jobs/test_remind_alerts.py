"""Open alerts are told again: to the receivers that forget, and only what nobody muted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from monitor.definitions import Receiver
from monitor.errors import Unavailable
from monitor.findings import Alert, AlertKind, AlertStatus
from monitor.jobs.remind_alerts import remind_alerts
from monitor.ports import Silence
from tests.monitor.jobs.house import MODEL, SECOND, START, FakeNotifier, House
from tests.results import alert


@dataclass
class FakeReminder(FakeNotifier):
    kind: str = "alertmanager"
    away: str = ""
    reminded: list[tuple[str, str]] = field(default_factory=list)

    def remind(self, receiver: Receiver, alerts: Sequence[Alert], *, link: Callable[[Alert], str], now_ns: int) -> None:
        if receiver.url == self.away:
            raise Unavailable("alertmanager", "away")
        self.reminded += [(receiver.url, link(a)) for a in alerts]


def reminded(house: House, reminder: FakeReminder, *alerts: Alert, receivers: Sequence[dict[str, str]]) -> int:
    house.declare(receivers=receivers)
    for one in alerts:
        house.catalog.put_alert(replace(one, model=MODEL))
    context = replace(house.context, notifiers={"alertmanager": reminder, "webhook": house.notifier})
    return remind_alerts(context, link=lambda a: a.fingerprint)


TWO = ({"alertmanager": "http://a"}, {"alertmanager": "http://b"}, {"webhook": "http://c"})


def test_open_alerts_are_told_to_each_alertmanager(house: House) -> None:
    """What is over is not, and a webhook hears of transitions only."""
    reminder = FakeReminder()
    over = alert(AlertStatus.RESOLVED, fingerprint="f2", kind=AlertKind.QUALITY)
    assert reminded(house, reminder, alert(), over, receivers=TWO) == 2
    assert reminder.reminded == [("http://a", "f1"), ("http://b", "f1")]


def test_a_receiver_that_is_away_stops_no_other(house: House) -> None:
    """The second Alertmanager of a cluster must not take the alert for ended because the first one is down."""
    reminder = FakeReminder(away="http://a")
    assert reminded(house, reminder, alert(), receivers=TWO) == 1
    assert reminder.reminded == [("http://b", "f1")]


def test_a_silenced_alert_is_not_told_again(house: House) -> None:
    """A silence mutes reminders as it mutes the first news."""
    reminder = FakeReminder()
    house.catalog.put_silence(Silence("s", MODEL, None, START - SECOND, START + SECOND, "me", "known"))
    assert reminded(house, reminder, alert(), receivers=TWO) == 0


def test_an_alert_muted_by_its_cause_is_not_told_again(house: House) -> None:
    """While quality is open, drift of the same model waits behind it."""
    reminder = FakeReminder()
    cause = alert(fingerprint="f2", kind=AlertKind.QUALITY)
    reminded(house, reminder, alert(), cause, receivers=TWO[:1])
    assert reminder.reminded == [("http://a", "f2")]
