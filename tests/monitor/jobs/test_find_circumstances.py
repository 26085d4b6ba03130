"""A new version's first minutes: its drift is seen, held back with a reason, and told when it lasts."""

from __future__ import annotations

from monitor.alerts.circumstances import DEPLOYED_NS
from monitor.jobs.find_circumstances import circumstances_of
from tests.monitor.jobs.house import MODEL, START, WINDOW, House, closed, labelled, minute, population


def test_drift_of_a_new_version_is_told_when_it_outlasts_the_deployment(house: House) -> None:
    """Version 2 begins in the fourth minute with other people; its first alert is owed until it is half an hour old."""
    house.declare(receivers=[{"webhook": "http://127.0.0.1:9000/"}])
    house.baseline(labelled(population(3_000, seed=1, start_ns=START - 3_600 * 10**9), seed=2))
    for number in range(6):
        house.serve(population(300, seed=10 + number, start_ns=minute(number), name=f"a{number}-"), "1")
        if number >= 3:
            house.serve(population(300, seed=50 + number, start_ns=minute(number), name=f"b{number}-", shift=25.0), "2")
        house.at(closed(number))
    drift = next(a for a in house.catalog.alerts(MODEL) if a.kind.value == "drift" and a.version == "2")
    assert drift.state.value == "firing"
    assert circumstances_of(house.catalog, drift).deployed_ns == minute(3)
    assert "drift" not in {t.kind.value for t, _ in house.notifier.sent}
    assert "prediction_drift" in {t.kind.value for t, _ in house.notifier.sent}
    house.at(minute(3) + DEPLOYED_NS + WINDOW)
    assert "drift" in {t.kind.value for t, _ in house.notifier.sent}


def test_the_first_version_of_all_was_not_deployed_after_another(house: House) -> None:
    """Nothing is held back where there was nothing before."""
    house.declare()
    house.baseline(labelled(population(3_000, seed=1, start_ns=START - 3_600 * 10**9), seed=2))
    house.serve(population(300, seed=3, shift=25.0))
    house.at(closed(0))
    drift = next(a for a in house.catalog.alerts(MODEL) if a.kind.value == "drift")
    assert circumstances_of(house.catalog, drift).deployed_ns is None
