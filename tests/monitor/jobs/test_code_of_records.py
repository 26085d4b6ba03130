"""Every record says which code computed it, and against which baseline."""

from __future__ import annotations

from monitor.findings import AlertStatus
from monitor.jobs.backfill import backfill
from monitor.tiles.encoding import decode_baseline
from tests.monitor.jobs.house import CODE, MODEL, House, closed, labelled, minute, population


def test_windows_findings_alerts_and_transitions_say_it(house: House) -> None:
    """The persisted records, and those of a backfill in memory."""
    house.declare()
    house.baseline(labelled(population(4_000, seed=1), seed=2))
    entry = house.catalog.baseline(MODEL)
    stored = house.catalog.model(MODEL)
    assert entry is not None and stored is not None
    shifted = population(400, seed=5, start_ns=minute(0), shift=30)
    house.serve(shifted)
    house.at(closed(0))
    assert {(w.code, w.baseline) for w in house.windows() if w.n_window} == {(CODE, entry.id)}
    assert {(f.code, f.baseline) for f in house.findings("js_distance")} == {(CODE, entry.id)}
    transitions = house.catalog.transitions(MODEL)
    assert {(t.code, t.baseline) for t in transitions} == {(CODE, entry.id)}
    firing = [a for a in house.catalog.alerts(MODEL) if a.state is AlertStatus.FIRING]
    assert firing and {(a.code, a.baseline) for a in firing} == {(CODE, entry.id)}
    house.restart()
    assert [a.code for a in house.catalog.alerts(MODEL) if a.state is AlertStatus.FIRING] == [CODE] * len(firing)
    steps = list(backfill(shifted, None, stored.in_force(), decode_baseline(entry.profile), code="other"))
    assert {f.code for s in steps for f in s.looked.findings} == {"other"}
    assert {t.code for s in steps for t in s.looked.transitions} == {"other"}
