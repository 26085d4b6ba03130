"""What every Catalog keeps of alerts, deliveries, silences and holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from monitor.errors import NotFound
from monitor.findings import AlertKind, AlertStatus, Held, HeldFor
from monitor.ports import Catalog, Hold, Silence
from tests.contracts.catalog.entries import HOOK, OTHER_HOOK, alert, result, transition, window


def test_an_alert_keeps_every_number(catalog: Catalog, reopen: Callable[[], Catalog]) -> None:
    """An alert with an infinity, NumPy numbers and no version survives a restart."""
    kept = alert(
        version=None, value=float("inf"), peak=np.float64(0.5), looks_below=2, acknowledged_by="ana", since_ns=None
    )
    catalog.put_alert(kept)
    assert reopen().alerts() == [kept]


def test_alerts_are_one_per_fingerprint(catalog: Catalog) -> None:
    """A new state takes the place of the old one."""
    catalog.put_alert(alert())
    catalog.put_alert(alert(AlertStatus.RESOLVED))
    catalog.put_alert(alert(fingerprint="f2", model="other"))
    assert [a.state for a in catalog.alerts("income")] == [AlertStatus.RESOLVED]
    assert [a.fingerprint for a in catalog.alerts()] == ["f1", "f2"]


def test_transitions_are_found_in_order_of_commitment(catalog: Catalog) -> None:
    """Filters by model, alert and time; of more than the limit the newest stay."""
    for start in range(0, 50, 10):
        moved = transition(start=start, fingerprint="f1" if start < 30 else "f2")
        catalog.commit_window(result(window(start), transitions=(moved,)), [], 1)
    assert [t.window.start_ns for t in catalog.transitions()] == [0, 10, 20, 30, 40]
    assert [t.window.start_ns for t in catalog.transitions(fingerprint="f2")] == [30, 40]
    assert [t.window.start_ns for t in catalog.transitions("income", start_ns=20)] == [20, 30, 40]
    assert [t.window.start_ns for t in catalog.transitions(limit=2)] == [30, 40]
    assert catalog.transitions("other") == []


def test_every_receiver_is_owed_every_transition_once(catalog: Catalog) -> None:
    """One delivery per transition and receiver, a receiver that is named twice once."""
    catalog.commit_window(result(transitions=(transition(),)), [HOOK, OTHER_HOOK, HOOK], 50)
    owed = catalog.deliveries(50)
    assert [(d.receiver, d.transition, d.attempts, d.due_ns) for d in owed] == [
        (HOOK, transition(), 0, 50),
        (OTHER_HOOK, transition(), 0, 50),
    ]
    assert catalog.deliveries(49) == []


def test_a_delivery_ends_when_it_was_taken_or_given_up(catalog: Catalog, reopen: Callable[[], Catalog]) -> None:
    """What is done is not owed again, after a restart neither."""
    catalog.commit_window(result(transitions=(transition(),)), [HOOK, OTHER_HOOK], 50)
    first, second = catalog.deliveries(50)
    catalog.delivered(first.id, 51)
    catalog.give_up(second.id, "HTTP 410", 52)
    assert reopen().deliveries(10**9) == []


def test_a_postponed_delivery_comes_back_when_due(catalog: Catalog) -> None:
    """It carries the number of attempts."""
    catalog.commit_window(result(transitions=(transition(),)), [HOOK], 50)
    (owed,) = catalog.deliveries(50)
    catalog.postpone(owed.id, 80, "connection refused")
    assert catalog.deliveries(79) == []
    (again,) = catalog.deliveries(80)
    assert (again.id, again.attempts, again.due_ns) == (owed.id, 1, 80)


def test_a_resolve_never_overtakes_its_page(catalog: Catalog) -> None:
    """While an earlier transition of an alert is owed to a receiver, the next one waits; other alerts do not."""
    catalog.commit_window(result(transitions=(transition(),)), [HOOK, OTHER_HOOK], 50)
    page = next(d for d in catalog.deliveries(50) if d.receiver == HOOK)
    catalog.postpone(page.id, 500, "connection refused")
    resolve = transition(AlertStatus.RESOLVED, 10)
    catalog.commit_window(
        result(window(10), transitions=(resolve, transition(start=10, fingerprint="f2"))), [HOOK, OTHER_HOOK], 60
    )
    due = {(d.receiver.kind, d.transition.fingerprint, d.transition.state) for d in catalog.deliveries(60)}
    assert ("webhook", "f1", AlertStatus.RESOLVED) not in due
    assert ("webhook", "f2", AlertStatus.FIRING) in due
    catalog.delivered(page.id, 70)
    assert resolve in [d.transition for d in catalog.deliveries(70) if d.receiver == HOOK]


def test_deliveries_are_limited(catalog: Catalog) -> None:
    """The oldest come first."""
    for start in (0, 10, 20):
        moved = transition(start=start, fingerprint=f"f{start}")
        catalog.commit_window(result(window(start), transitions=(moved,)), [HOOK], start)
    assert [d.transition.window.start_ns for d in catalog.deliveries(99, limit=2)] == [0, 10]


def test_an_unknown_delivery_is_refused(catalog: Catalog) -> None:
    """A delivery that does not exist cannot be done."""
    with pytest.raises(NotFound, match="delivery"):
        catalog.delivered(99, 1)


def test_silences_are_in_force_in_their_span(catalog: Catalog) -> None:
    """Half-open; all of them without a time; one per id."""
    silence = Silence("s", "income", AlertKind.DRIFT, 10, 20, "ana", "deploy")
    catalog.put_silence(replace(silence, end_ns=99))
    catalog.put_silence(silence)
    catalog.put_silence(Silence("t", None, None, 30, 40, "bo", ""))
    assert catalog.silences() == [silence, Silence("t", None, None, 30, 40, "bo", "")]
    assert catalog.silences(10) == [silence]
    assert catalog.silences(20) == []


def test_a_held_delivery_comes_back_without_an_attempt(catalog: Catalog) -> None:
    """It is no failure of the receiver; it says that it was held, and whether it is overtaken."""
    catalog.commit_window(result(transitions=(transition(),)), [HOOK], 50)
    (owed,) = catalog.deliveries(50)
    catalog.hold(owed.id, 80, "silenced by s")
    assert catalog.deliveries(79) == []
    (held,) = catalog.deliveries(80)
    assert (held.attempts, held.is_held, held.is_superseded, held.follows_muted) == (0, True, False, False)
    catalog.commit_window(result(window(10), transitions=(transition(AlertStatus.RESOLVED, 10),)), [HOOK], 60)
    (held,) = catalog.deliveries(80)
    assert held.is_superseded
    catalog.mute(held.id, "over", 81)
    (resolve,) = catalog.deliveries(81)
    assert resolve.follows_muted and not resolve.is_held


def test_a_hold_is_stored_with_its_alert_and_replaced_when_it_ends(
    catalog: Catalog, reopen: Callable[[], Catalog]
) -> None:
    """Newest first, by model and beginning; one that has ended goes with the alerts' age, one that goes on stays."""
    hold = Hold("f1", "income", "1", AlertKind.DRIFT, HeldFor.DEPLOYMENT, "held back: new", 100)
    catalog.put_hold(hold, alert(held=Held(HeldFor.DEPLOYMENT, "held back: new", 100)))
    later = replace(hold, since_ns=300, reason=HeldFor.SILENCE, text="silenced by s")
    catalog.put_hold(later, alert())
    ended = replace(hold, until_ns=200, outcome="told")
    catalog.put_hold(ended, alert())
    catalog = reopen()
    assert catalog.holds() == [later, ended]
    assert catalog.holds("income", 100, 300) == [ended] and catalog.holds("other") == []
    assert catalog.holds(limit=1) == [later]
    assert [a.held for a in catalog.alerts()] == [None]
    catalog.expire(1_000, alerts_before_ns=1_000, exporters=())
    assert catalog.holds() == [later]
