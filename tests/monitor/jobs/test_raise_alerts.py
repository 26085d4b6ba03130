"""Deliveries: at least once, with backoff, one idempotency key each; silenced ones are not sent."""

from __future__ import annotations

import pytest

from monitor.errors import Fault, InvalidInput, Unavailable
from monitor.findings import AlertKind
from monitor.jobs.raise_alerts import ATTEMPTS_MAX, BACKOFF_NS_MAX, HELD_NS
from monitor.ports import Silence
from tests.monitor.jobs.house import MODEL, SECOND, START, House, closed, labelled, minute, population

DAY = 86_400 * SECOND


def alarmed(house: House) -> None:
    """A model with one receiver whose second window drifts."""
    house.declare(receivers=[{"webhook": "http://127.0.0.1:9/hook"}], prediction=None, label=None)
    house.baseline(labelled(population(3_000, seed=1, start_ns=START - 3_600 * SECOND, seconds=3_600), seed=2))
    for number, shift in enumerate((0.0, 30.0)):
        house.serve(population(300, seed=number + 5, start_ns=minute(number), name=f"w{number}-", shift=shift))
    house.at(closed(1))


def owed(house: House) -> int:
    return len(house.catalog.deliveries(house.now_ns + 365 * DAY))


def test_a_page_is_sent_once(house: House) -> None:
    """With a key of its own."""
    alarmed(house)
    house.at(closed(1) + DAY)
    drift = [key for t, key in house.notifier.sent if t.kind is AlertKind.DRIFT and t.state.value == "firing"]
    assert len(drift) == 1


def test_a_receiver_that_is_away_is_asked_again_with_the_same_key(house: House) -> None:
    """Later each time; the news is not lost."""
    house.notifier.failure = Unavailable("webhook", "connection refused")
    alarmed(house)
    assert house.notifier.sent == [] and owed(house) > 0
    keys = [d.id for d in house.catalog.deliveries(house.now_ns + DAY)]
    house.notifier.failure = None
    house.restart()
    house.at(house.now_ns + BACKOFF_NS_MAX)
    assert owed(house) == 0
    sent = [key for _, key in house.notifier.sent]
    assert [int(key.rpartition("-")[2]) for key in sent] == keys


def test_a_receiver_that_never_answers_is_given_up_at_last(house: House) -> None:
    """After so many attempts, counted; nothing is owed for ever."""
    house.notifier.failure = Unavailable("webhook", "connection refused")
    alarmed(house)
    for _ in range(ATTEMPTS_MAX):
        house.now_ns += BACKOFF_NS_MAX
        house.scheduler.run_pass()
    assert owed(house) == 0


@pytest.mark.parametrize("failure", [InvalidInput(Fault("url", "x", "y"))])
def test_what_never_will_work_is_given_up_at_once(house: House, failure: Exception) -> None:
    """A receiver that refuses the message for good."""
    house.notifier.failure = failure
    alarmed(house)
    assert owed(house) == 0 and house.notifier.sent == []


def silence(house: House, end_ns: int) -> None:
    house.catalog.put_silence(Silence("s", MODEL, None, START - DAY, end_ns, "ann", "known"))


def test_a_silence_mutes_the_message_and_not_the_state(house: House) -> None:
    """The alert fires; nobody is told."""
    silence(house, START + 2 * DAY)
    alarmed(house)
    assert ("drift", "firing") in house.transitions()
    house.now_ns += DAY
    house.scheduler.run_pass()
    assert house.notifier.sent == []


def test_an_alert_that_outlasts_its_silence_is_told_once(house: House) -> None:
    """When the silence ends, even before its time."""
    silence(house, START + 2 * DAY)
    alarmed(house)
    silence(house, house.now_ns)
    for _ in range(3):
        house.now_ns += HELD_NS
        house.scheduler.run_pass()
    assert [t.state.value for t, _ in house.notifier.sent if t.kind is AlertKind.DRIFT] == ["firing"]
    assert owed(house) == 0


def test_what_is_over_before_its_silence_ends_is_never_told(house: House) -> None:
    """Neither that it began nor that it ended."""
    silence(house, START + 2 * DAY)
    alarmed(house)
    for number in range(2, 40):
        house.serve(population(300, seed=number + 5, start_ns=minute(number), name=f"w{number}-"))
        house.at(closed(number))
    assert ("drift", "resolved") in house.transitions()
    silence(house, house.now_ns)
    told = {t.fingerprint for t, _ in house.notifier.sent}
    for _ in range(3):
        house.now_ns += HELD_NS
        house.scheduler.run_pass()
    over = [t for t in house.catalog.transitions(MODEL) if t.kind is AlertKind.DRIFT]
    assert over[-1].state.value == "resolved"
    assert not [t for t, _ in house.notifier.sent if t.kind is AlertKind.DRIFT]
    assert told == set() and owed(house) == 0
