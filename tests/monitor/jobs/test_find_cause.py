"""The cause of an alert, live and back-filled."""

from __future__ import annotations

import pytest

from monitor.findings import AlertKind, Cause, Transition
from monitor.jobs import find_cause
from monitor.jobs.backfill import backfill
from monitor.notifications.message import Message
from monitor.tiles.encoding import decode_baseline
from monitor.tiles.rows import Rows
from tests.monitor.jobs.house import MODEL, House, closed, labelled, minute, population

WINDOWS, AT = 10, 7


def served(house: House) -> None:
    """Ten windows of a minute, the last three of people twenty years older."""
    house.declare(slices=[{"name": "old", "where": "age > 50"}])
    house.baseline(labelled(population(4_000, seed=1), seed=2))
    for number in range(WINDOWS):
        house.serve(part(number))
        house.at(closed(number))


def part(number: int) -> Rows:
    shift = 20.0 if number >= AT else 0.0
    return population(300, seed=10 + number, start_ns=minute(number), name=f"w{number}-", shift=shift)


def drift(transitions: list[Transition]) -> Transition:
    return next(t for t in transitions if t.kind is AlertKind.DRIFT)


def test_an_alert_has_its_cause_everywhere(house: House) -> None:
    """On the transition, on the alert, after a restart, and in what a receiver gets; since the window in which it began."""
    served(house)
    told = drift(house.catalog.transitions(MODEL))
    cause = told.cause
    assert isinstance(cause, Cause)
    assert (cause.verdict, cause.feature) == ("population_shift", "age")
    assert cause.since is not None and cause.since.at_ns == minute(AT)
    house.restart()
    alert = next(a for a in house.catalog.alerts(MODEL) if a.kind is AlertKind.DRIFT)
    assert alert.cause == cause
    assert Message.of_transition(told, "").annotations()["cause"] == cause.summary


def test_backfill_finds_the_same_cause(house: House) -> None:
    """Field by field: the same windows, the same rows."""
    served(house)
    entry, known = house.catalog.baseline(MODEL), house.catalog.model(MODEL)
    assert entry is not None and known is not None
    rows = house.store.read_rows(house.catalog.segments("predictions", MODEL))
    steps = backfill(
        rows, None, known.in_force(), decode_baseline(entry.profile), version="1",
        baseline_rows=house.store.read_baseline(entry.path),
    )  # fmt: skip
    filled = drift([t for step in steps for t in step.looked.transitions])
    assert filled.cause == drift(house.catalog.transitions(MODEL)).cause


def test_a_cause_that_cannot_be_found_costs_no_alert(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The alert speaks without it."""

    def broken(_: object) -> Cause:
        raise ZeroDivisionError

    monkeypatch.setattr(find_cause, "cause_of", broken)
    served(house)
    assert drift(house.catalog.transitions(MODEL)).cause is None
