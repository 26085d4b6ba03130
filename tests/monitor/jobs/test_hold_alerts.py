"""An open alert of which nobody is told says so, and every time that happens is accounted for."""

from __future__ import annotations

import pytest

from monitor.alerts.circumstances import DEPLOYED_NS
from monitor.exporters.telemetry import Telemetry
from monitor.findings import Alert, AlertKind, AlertStatus, HeldFor
from monitor.jobs.hold_alerts import hold_alerts
from monitor.ports import Silence
from tests.monitor.jobs.house import MODEL, SECOND, START, WINDOW, House, closed, labelled, minute, population

DAY = 86_400 * SECOND


def drift(house: House, version: str = "1") -> Alert:
    return next(a for a in house.catalog.alerts(MODEL) if a.kind is AlertKind.DRIFT and a.version == version)


def served(house: House, first: int, last: int, *, shift: float = 0.0, version: str = "1") -> None:
    for number in range(first, last):
        name = f"{version}-{number}-"
        house.serve(population(300, seed=10 + number, start_ns=minute(number), name=name, shift=shift), version)
        house.at(closed(number))


def watched(house: House) -> None:
    house.declare(receivers=[{"webhook": "http://127.0.0.1:9000/"}])
    house.baseline(labelled(population(3_000, seed=1, start_ns=START - 3_600 * SECOND), seed=2))


def outcomes(house: House) -> list[tuple[HeldFor, str | None]]:
    return [(h.reason, h.outcome) for h in house.catalog.holds(MODEL) if h.kind is AlertKind.DRIFT][::-1]


@pytest.fixture
def deployed(house: House) -> House:
    """Version 2 begins in the fourth minute with other people."""
    watched(house)
    for number in range(6):
        house.serve(population(300, seed=10 + number, start_ns=minute(number), name=f"a{number}-"), "1")
        if number >= 3:
            house.serve(population(300, seed=50 + number, start_ns=minute(number), name=f"b{number}-", shift=25.0), "2")
        house.at(closed(number))
    return house


def test_after_a_deployment_the_alert_is_open_and_held(deployed: House) -> None:
    """Its state is what the windows say; the mark says why nobody was told, since when, and lasts while it is looked at again."""
    found = drift(deployed, "2")
    assert found.state is AlertStatus.FIRING
    assert found.held is not None and found.held.reason is HeldFor.DEPLOYMENT
    assert "version 2 was deployed" in found.held.text
    assert found.held.since_ns <= deployed.now_ns - WINDOW
    deployed.restart()
    assert drift(deployed, "2").held == found.held
    assert outcomes(deployed) == [(HeldFor.DEPLOYMENT, None)]


def test_what_outlasts_the_deployment_is_freed_and_told(deployed: House) -> None:
    """The account says when, and that it was told."""
    deployed.now_ns = minute(3) + DEPLOYED_NS + WINDOW
    assert hold_alerts(deployed.context) > 0
    assert drift(deployed, "2").held is None
    assert outcomes(deployed) == [(HeldFor.DEPLOYMENT, "told")]
    (hold,) = (h for h in deployed.catalog.holds(MODEL) if h.kind is AlertKind.DRIFT)
    assert hold.until_ns == deployed.now_ns


def test_nothing_changes_while_nothing_does(deployed: House) -> None:
    """A second round marks nobody and counts nothing."""
    assert hold_alerts(deployed.context) == 0
    assert len(deployed.catalog.holds()) == len({(h.fingerprint, h.since_ns) for h in deployed.catalog.holds()})


def test_an_alert_that_is_over_while_it_is_held_was_never_told(house: House) -> None:
    """A silence that outlasts it."""
    watched(house)
    house.catalog.put_silence(Silence("s", MODEL, None, START - DAY, START + 2 * DAY, "ann", "known"))
    served(house, 0, 2, shift=30.0)
    assert outcomes(house) == [(HeldFor.SILENCE, None)]
    served(house, 2, 40)
    assert drift(house).state is AlertStatus.RESOLVED and drift(house).held is None
    assert outcomes(house) == [(HeldFor.SILENCE, "over")]


def test_another_reason_begins_another_hold(house: House) -> None:
    """A silence ends; the column that went missing explains the drift of the others all the same."""
    watched(house)
    house.catalog.put_silence(Silence("s", MODEL, None, START - DAY, START + DAY, "ann", "known"))
    for number in range(3):
        rows = population(300, seed=10 + number, start_ns=minute(number), name=f"w{number}-", shift=30.0)
        rows.columns.pop("sex")  # type: ignore[attr-defined]  # a dict in these tests
        house.serve(rows)
        house.at(closed(number))
    house.catalog.put_silence(Silence("s", MODEL, None, START - DAY, house.now_ns, "ann", "known"))
    house.now_ns += SECOND
    hold_alerts(house.context)
    assert drift(house).held is not None
    assert outcomes(house) == [(HeldFor.SILENCE, "held"), (HeldFor.CAUSE, None)]


def test_holds_are_counted_by_reason_for_prometheus(deployed: House) -> None:
    """Once for each time, not for each round."""
    telemetry = deployed.context.observer
    assert isinstance(telemetry, Telemetry)
    family = next(f for f in telemetry.collect() if f.name == "outrider_held_alerts")
    counted = {s.labels["reason"]: s.value for s in family.samples if s.labels["model"] == MODEL}
    assert counted == {"deployment": len(deployed.catalog.holds())}
