"""Change points of a live monitor: those of a backfill, the same after a restart, and the same on request."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.findings import Finding, Status
from monitor.jobs.backfill import backfill
from monitor.jobs.change_points import change_points
from monitor.ports import FindingQuery, Labels
from monitor.tiles.encoding import decode_baseline
from tests.monitor.jobs.house import CODE, MODEL, START, House, labelled, population, truth_of
from tests.monitor.jobs.test_same_as_backfill import RULES, SHIFTED, WINDOWS, N, end_ns, judged, traffic

ASKED = [
    "score_change_point",
    "score_change_point_age_seconds",
    "score_page_hinkley",
    "error_change_point",
    "error_change_point_age_seconds",
    "error_page_hinkley",
]


def along(findings: list[Finding]) -> list[Finding]:
    return [f for f in findings if f.metric in ASKED]


def watched(house: House) -> None:
    house.declare(windows=[RULES["time"]], metrics=ASKED)
    house.baseline(labelled(population(6_000, seed=1), seed=2))


@pytest.mark.parametrize("restarted", [False, True])
def test_live_and_backfill_say_the_same(house: House, restarted: bool) -> None:
    """With labels two windows late, and with a restart after every seventh window."""
    watched(house)
    served = traffic()
    ids, values = truth_of(served, seed=5)
    for number in range(WINDOWS + 3):
        if number < WINDOWS:
            house.serve(served.take(slice(number * N, (number + 1) * N)))
        due = number - 2
        if 0 <= due < WINDOWS:
            house.label(ids[due * N : (due + 1) * N], values[due * N : (due + 1) * N])
        house.at(end_ns(number))
        if restarted and number % 7 == 6:
            house.restart()
    entry, stored = house.catalog.baseline(MODEL), house.catalog.model(MODEL)
    assert entry is not None
    assert stored is not None
    truth = Labels(ids, values, np.zeros(len(ids), np.int64))
    steps = list(backfill(served, truth, stored.in_force(), decode_baseline(entry.profile), version="1", code=CODE))
    expected = judged(along([f for step in steps for f in step.looked.findings]))
    query = FindingQuery(limit=100_000)
    stored_findings = house.store.find_findings(house.catalog.segments("measurements", MODEL), query)
    spans = {step.span for step in steps}
    found = judged(along([f for f in stored_findings if f.window in spans]))
    assert found == expected
    assert {f.metric for f in found.values()} == set(ASKED)
    assert {f.threshold for f in found.values()} == {None}
    assert {f.status for f in found.values()} <= {Status.OK, Status.NO_DATA, Status.UNDEFINED}


def test_the_shift_has_its_place_and_size(house: House) -> None:
    """Three windows are shifted and the rest is as before: at the end of the shift its beginning is told, later its end."""
    watched(house)
    served = traffic()
    last = SHIFTED[-1]
    house.serve(served.take(slice(0, (last + 1) * N)))
    house.at(end_ns(last))
    entry = house.catalog.baseline(MODEL)
    assert entry is not None
    baseline = decode_baseline(entry.profile)
    shifted = {one.method: one for one in change_points(house.catalog, MODEL, "1", "1m", baseline)}
    for one in shifted.values():
        assert one.since is not None
        assert one.since.low_ns <= START + SHIFTED[0] * 60 * 10**9 <= one.since.high_ns
        assert one.before is not None and one.after is not None
        assert 0.2 < one.after - one.before < 0.6
    house.serve(served.take(slice((last + 1) * N, None)))
    house.at(end_ns(WINDOWS - 1))
    over = change_points(house.catalog, MODEL, "1", "1m", baseline)
    told = house.findings("score_change_point")[-1]
    for one in over:
        assert one.since is not None
        assert abs(one.since.at_ns - (START + (last + 1) * 60 * 10**9)) <= 60 * 10**9
    assert told.value is not None and told.value < -0.2
    assert told.reason is not None and "ADWIN" in told.reason
