"""Closing windows with a clock that the tests turn: what is due, what revises, what moves an alert."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from monitor.findings import Status
from monitor.tiles.encoding import decode_tileset
from tests.monitor.jobs.house import (
    LATENESS,
    MODEL,
    SECOND,
    START,
    House,
    closed,
    labelled,
    minute,
    population,
    truth_of,
)

N = 400
"""Predictions of a window."""


def watched(house: House, **keys: Any) -> None:
    """A declared model with a baseline from the hour before."""
    house.declare(**keys)
    before = population(4_000, seed=1, start_ns=START - 3_600 * SECOND, seconds=3_600, name="b")
    house.baseline(labelled(before, seed=2))


def served(house: House, number: int, *, shift: float = 0.0, n: int = N) -> Any:
    """The traffic of one minute."""
    rows = population(n, seed=100 + number, start_ns=minute(number), name=f"w{number}-", shift=shift)
    house.serve(rows)
    return rows


def test_a_window_is_due_when_its_end_and_the_lateness_have_passed(house: House) -> None:
    """Not a nanosecond before."""
    watched(house)
    served(house, 0)
    assert house.at(closed(0) - 1) == 0
    assert house.at(closed(0)) == 1
    (window,) = house.windows()
    assert (window.span.start_ns, window.span.end_ns) == (minute(0), minute(1))
    assert (window.n_window, window.revision, window.status) == (N, 0, Status.OK)


def test_rows_within_the_lateness_are_in_the_first_verdict(house: House) -> None:
    """Lateness only delays the verdict."""
    watched(house)
    rows = population(N, seed=3)
    house.serve(rows.take(slice(0, 300)))
    house.at(minute(1))
    house.serve(rows.take(slice(300, N)))
    house.at(closed(0))
    (window,) = house.windows()
    assert (window.n_window, window.revision) == (N, 0)


def test_late_rows_revise_and_move_no_alert(house: House) -> None:
    """A window that closed calm and becomes drifted by late rows is measured again; nobody is told of old news."""
    watched(house)
    served(house, 0, n=50)
    house.at(closed(0))
    served(house, 0, shift=30)
    assert house.at(closed(0) + SECOND) == 1
    (window,) = house.windows()
    assert (window.n_window, window.revision) == (N + 50, 1)
    (age,) = house.findings("js_distance", "age")
    assert (age.revision, age.n_window) == (1, N + 50)
    assert house.transitions() == []


def test_an_alert_fires_once_and_late_rows_do_not_repeat_it(house: House) -> None:
    """One firing, however often the window behind it is revised."""
    watched(house, receivers=[{"webhook": "http://127.0.0.1:9/hook"}])
    served(house, 0)
    served(house, 1, shift=30)
    house.at(closed(1))
    assert ("drift", "firing") in house.transitions()
    told = house.transitions()
    house.serve(population(100, seed=7, start_ns=minute(1), name="late", shift=30))
    house.at(closed(1) + SECOND)
    assert house.windows()[-1].revision == 1
    assert house.transitions() == told
    assert [t.kind.value for t, _ in house.notifier.sent] == [kind for kind, _ in told]


def test_quiet_time_is_told_and_then_costs_nothing(house: House) -> None:
    """Three windows without rows in a row say no data; the silence after them makes none."""
    watched(house)
    served(house, 0)
    house.at(closed(50))
    statuses = [w.status for w in house.windows()]
    assert statuses == [Status.OK, Status.NO_DATA, Status.NO_DATA, Status.NO_DATA]


def test_traffic_after_silence_gets_its_windows(house: House) -> None:
    """The windows with rows are closed, and the silence in between is not made up for."""
    watched(house)
    served(house, 0)
    house.at(closed(20))
    served(house, 30)
    house.at(closed(30))
    with_rows = [w for w in house.windows() if w.n_window]
    assert [w.span.start_ns for w in with_rows] == [minute(0), minute(30)]


def test_without_a_baseline_windows_count_and_kinds_are_proposed(house: House) -> None:
    """Nothing is measured, the reason says what to do, and the user gets a proposal."""
    house.declare(features=["age", "sex"])
    served(house, 0)
    house.at(closed(0))
    (window,) = house.windows()
    assert (window.status, window.n_window) == (Status.NO_DATA, N)
    assert window.reason is not None and "outrider baseline" in window.reason
    entry = house.catalog.model(MODEL)
    assert entry is not None and entry.proposal is not None
    assert {f.name: f.kind for f in entry.proposal.features} == {"age": "numeric", "sex": "categorical"}


def test_a_first_baseline_measures_the_windows_before_it_and_moves_no_alert(house: House) -> None:
    """What drifted before anybody could say so is a number of that window, and no news."""
    house.declare()
    house.serve(population(N, seed=5, name="w0-", shift=30.0), "1")
    house.at(closed(0))
    house.baseline(labelled(population(4_000, seed=1, seconds=3_600, start_ns=START - 3_600 * SECOND), seed=2))
    served(house, 1)
    house.at(closed(1))
    assert [(w.status, w.revision) for w in house.windows()] == [(Status.CRITICAL, 1), (Status.OK, 0)]
    assert house.catalog.transitions(MODEL) == []


def test_a_second_baseline_is_in_force_from_then_on(house: House) -> None:
    """Windows that were compared with the one before it stay as they are."""
    watched(house)
    served(house, 0)
    house.at(closed(0))
    aged = population(4_000, seed=7, seconds=3_600, start_ns=START - 3_600 * SECOND, shift=30.0)
    house.baseline(labelled(aged, seed=2))
    house.at(closed(1))
    assert [(w.status, w.revision) for w in house.windows() if w.n_window] == [(Status.OK, 0)]


def test_late_rows_of_a_window_that_had_no_baseline(house: House) -> None:
    """The first baseline and late rows come in one pass: the window holds all rows, once."""
    house.declare()
    served(house, 0)
    house.at(closed(0))
    house.baseline(labelled(population(4_000, seed=1, seconds=3_600, start_ns=START - 3_600 * SECOND), seed=2))
    house.serve(population(50, seed=8, start_ns=minute(0), name="late-"), "1")
    house.at(closed(1))
    window = house.windows()[0]
    assert (window.n_window, window.status) == (N + 50, Status.OK)


def test_versions_are_judged_apart(house: House) -> None:
    """A version that drifts does not speak for the other."""
    watched(house)
    house.serve(population(N, seed=5, name="a"), "1")
    house.serve(population(N, seed=6, name="b", shift=30), "2")
    house.at(closed(0))
    assert {(w.version, w.status) for w in house.windows()} == {("1", Status.OK), ("2", Status.CRITICAL)}
    assert {t.version for t in house.catalog.transitions(MODEL)} == {"2"}


# Labels


def test_labels_before_the_window_closes_are_in_its_first_revision(house: House) -> None:
    """Nothing is revised where nothing was missing."""
    watched(house)
    rows = served(house, 0)
    house.label(*truth_of(rows, seed=9))
    house.at(closed(0))
    (window,) = house.windows()
    assert (window.labelled, window.revision) == (N, 0)
    (auc,) = house.findings("roc_auc")
    assert auc.value is not None and auc.value > 0.7


def test_late_labels_revise_the_window_they_belong_to(house: House) -> None:
    """The measurements of the inputs stay as they were."""
    watched(house)
    rows = served(house, 0)
    house.at(closed(0))
    (before,) = house.findings("js_distance", "age")
    house.label(*truth_of(rows, seed=9))
    house.at(closed(0) + SECOND)
    (window,) = house.windows()
    (after,) = house.findings("js_distance", "age")
    assert (window.labelled, window.revision) == (N, 1)
    assert (after.value, after.n_window) == (before.value, before.n_window)
    assert house.findings("roc_auc")[0].value is not None


def test_late_labels_move_performance_once(house: House) -> None:
    """Turned labels fire; the same labels sent again revise and tell nobody."""
    watched(house)
    windows = [served(house, i) for i in range(4)]
    house.at(closed(3))
    for number, rows in enumerate(windows):
        house.label(*truth_of(rows, seed=20 + number, flipped=0.9 if number >= 2 else 0.0))
    house.at(closed(3) + SECOND)
    assert house.transitions().count(("performance", "firing")) == 1
    house.label(*truth_of(windows[3], seed=23, flipped=0.9))
    house.at(closed(3) + 2 * SECOND)
    assert house.windows()[3].revision == 2
    assert house.transitions().count(("performance", "firing")) == 1


def test_few_labels_are_waited_for_and_then_taken(house: House) -> None:
    """Labels of a fifth of the rows: looked at when no more have come for as long as the lateness."""
    watched(house)
    rows = served(house, 0)
    house.at(closed(0))
    ids, values = truth_of(rows, seed=9)
    house.label(ids[:80], values[:80])
    assert house.at(closed(0) + SECOND) == 0
    assert house.at(closed(0) + LATENESS) == 1
    assert house.windows()[0].labelled == 80


def test_a_label_of_an_unknown_prediction_waits_for_it(house: House) -> None:
    """The prediction comes after its label, and the window has it."""
    watched(house)
    rows = population(N, seed=8)
    ids, values = truth_of(rows, seed=9)
    assert house.label(ids, values).unknown == N
    house.serve(rows)
    house.at(closed(0))
    assert house.windows()[0].labelled == N


# Other rules


def test_windows_by_rows_hold_exactly_so_many(house: House) -> None:
    """Counted from the first row; a window that is not full waits."""
    watched(house, windows=[{"rows": 250, "lateness": "30s"}])
    for number in range(2):
        served(house, number)
        house.at(closed(number))
    assert [w.n_window for w in house.windows()] == [250, 250, 250]
    served(house, 2)
    house.at(closed(2))
    assert [w.n_window for w in house.windows()] == [250, 250, 250, 250]
    spans = [w.span for w in house.windows()]
    assert all(a.end_ns is not None and b.start_ns is not None and a.end_ns <= b.start_ns for a, b in pairwise(spans))


def test_sliding_windows_overlap(house: House) -> None:
    """Two minutes every minute: each row is in two windows."""
    watched(house, windows=[{"sliding": "2m", "step": "1m", "lateness": "30s"}])
    for number in range(3):
        served(house, number)
    house.at(closed(2))
    assert [w.n_window for w in house.windows()] == [N, 2 * N, 2 * N]


def test_sliding_windows_run_out_when_traffic_stops(house: House) -> None:
    """The last rows are still in the windows that reach back to them."""
    watched(house, windows=[{"sliding": "6m", "step": "1m", "lateness": "30s"}])
    served(house, 0)
    house.at(closed(20))
    assert [w.n_window for w in house.windows()][:6] == [N] * 6


def test_sessions_end_with_a_pause(house: House) -> None:
    """Two minutes of traffic, a pause, another minute: two windows, and the second only after its own pause."""
    watched(house, windows=[{"session_gap": "5m", "lateness": "30s"}])
    served(house, 0)
    served(house, 1)
    served(house, 10)
    house.at(closed(10))
    assert [w.n_window for w in house.windows()] == [2 * N]
    house.at(closed(16))
    assert [w.n_window for w in house.windows()] == [2 * N, N]


def test_a_window_can_be_recomputed_from_its_segments(house: House) -> None:
    """The rows in another order and other pieces give the same tiles to the byte."""
    watched(house)
    rows = population(N, seed=3)
    for part in (rows.take(slice(200, N)), rows.take(np.arange(0, 200, 2)), rows.take(np.arange(1, 200, 2))):
        house.serve(part, "1")
    house.serve(rows, "2")
    house.at(closed(0))
    one, two = (house.catalog.tiles(MODEL, w.version, w.rule, w.span) for w in house.windows())
    assert one is not None and one == two
    assert decode_tileset(one).rows == N


# Several rules


def test_what_two_rules_find_is_told_once(house: House) -> None:
    """The first to see it tells; it is over when both are quiet, and never flips between them."""
    watched(
        house,
        windows=[{"every": "1m", "lateness": "30s"}, {"every": "3m", "lateness": "30s"}],
        receivers=[{"webhook": "http://127.0.0.1:9/hook"}],
    )
    states = []
    for number in range(24):
        served(house, number, shift=30 if 3 <= number < 9 else 0)
        house.at(closed(number))
        states += [a.state.value for a in house.catalog.alerts(MODEL) if a.kind.value == "drift"]
        if number == 14:
            house.restart()
    assert [s for k, s in house.transitions() if k == "drift"] == ["firing", "resolved"]
    seen = [s for s in states if s in ("firing", "resolved")]
    assert seen == sorted(seen), "open, then over"


def test_an_acknowledgement_lasts_while_the_alert_is_open(house: House) -> None:
    """Later looks do not forget who said that they look at it; the next alert begins without."""
    watched(house)
    for number, shift in enumerate([0, 30, 30, 30]):
        served(house, number, shift=shift)
        house.at(closed(number))
        if number == 1:
            (drift,) = (a for a in house.catalog.alerts(MODEL) if a.kind.value == "drift")
            house.catalog.put_alert(replace(drift, acknowledged_by="ann"))
    (drift,) = (a for a in house.catalog.alerts(MODEL) if a.kind.value == "drift")
    assert (drift.state.value, drift.acknowledged_by) == ("firing", "ann")


def test_windows_beyond_what_a_late_sender_has_brought_wait_for_it(tmp_path: Path) -> None:
    """After an outage a backlog comes in pieces: no window is closed on half of its rows, or as one without traffic."""
    house = House(tmp_path, patient=True)
    try:
        watched(house)
        house.at(minute(30))
        served(house, 0)
        second = population(N, seed=101, start_ns=minute(1), name="w1-")
        house.serve(second.take(slice(0, N // 2)))
        house.at(minute(30))
        assert [w.n_window for w in house.windows()] == [N]
        house.serve(second.take(slice(N // 2, N)))
        house.at(minute(30) + 20 * 10**9)
        assert [(w.n_window, w.revision) for w in house.windows()[:2]] == [(N, 0), (N, 0)]
    finally:
        house.close()


def test_rows_of_a_silence_that_nobody_told_get_their_windows(house: House) -> None:
    """Rows that come for spans before the first window, or skipped as silent, are measured; they move no alert."""
    watched(house)
    for number in (10, 20):
        served(house, number)
        house.at(closed(number))
    known = len(house.windows())
    served(house, 5, shift=3.0)
    served(house, 17, shift=3.0)
    house.at(closed(21))
    late = [w for w in house.windows() if w.span.start_ns in (minute(5), minute(17))]
    assert [(w.n_window, w.revision) for w in late] == [(N, 0), (N, 0)]
    assert len(house.windows()) >= known + 2
    assert house.transitions() == []
