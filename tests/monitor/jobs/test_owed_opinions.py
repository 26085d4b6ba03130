"""Evidently's measurements of windows: owed when they close, brought by a later revision, asked once, lost never."""

import threading
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest

from monitor.errors import Unavailable
from monitor.findings import AlertKind, AlertStatus, Measurement, Status, Value
from monitor.jobs import owed_opinions, window_opinions
from monitor.jobs.backfill import backfill
from monitor.jobs.expire import Retention
from monitor.jobs.opinion_desk import OpinionDesk
from monitor.jobs.second_opinion import SecondOpinions
from monitor.jobs.set_baseline import build_baseline, resolve_kinds, set_baseline
from monitor.reports.evidently_values import values
from monitor.scheduler import Scheduler
from tests.monitor.jobs.house import LATENESS, MODEL, WINDOW, House, closed, minute, population, truth_of
from tests.monitor.jobs.house import rows as rows_of

ASKED = ["DriftedColumnsCount", "MeanValue", "Accuracy"]
SHARE = "evidently_drifted_columns_share"
MEAN = "evidently_mean"
WAIT_SECONDS = 60


def done(result) -> Future[list[Measurement]]:
    future: Future[list[Measurement]] = Future()
    future.set_exception(result) if isinstance(result, Exception) else future.set_result(result)
    return future


def mean(value: float, n: int) -> Measurement:
    return Measurement(MEAN, AlertKind.QUALITY, "age", None, Value(value, n_baseline=600, n_window=n))


def ages(_reference, rows, _model, _names, of) -> Future[list[Measurement]]:
    """In Evidently's place, where its own numbers do not matter."""
    return done([mean(float(np.mean(rows.columns["age"].values)), of)])


def asks(house: House, ask, *, threaded: bool = False) -> OpinionDesk:
    """The house's scheduler with a desk; without a thread it answers within the pass."""
    desk = OpinionDesk(SecondOpinions(house.catalog, house.store, ask).on)
    house.context = replace(house.context, opinions=desk)
    house.scheduler = Scheduler(house.context, retention=Retention(), patient=False)
    if threaded:
        desk.start()
    return desk


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.close()


def windows_of(count: int) -> list:
    return [
        population(200, seed=10 + k, start_ns=minute(k), name=f"w{k}-", shift=15.0 * (k == 2)) for k in range(count)
    ]


def begun(house: House, windows: int = 3, **keys) -> None:
    """A model with a baseline, and windows that are due at `closed(windows - 1)`."""
    house.declare(**({"evidently": ["MeanValue"]} | keys))
    house.baseline(population(600, seed=1, name="b"))
    for served in windows_of(windows):
        house.serve(served)


def together(parts):
    """Rows one after another."""
    return rows_of(
        {name: np.concatenate([p.columns[name].values for p in parts]) for name in parts[0].columns},
        times=np.concatenate([p.time_ns for p in parts]),
        ids=[i for p in parts for i in p.id],
    )


def test_windows_hold_what_it_says_live_and_in_backfill(house: House) -> None:
    """The same values; what labels tell comes with them; nothing of it moves an alert."""
    asks(house, lambda *asked: done(values(*asked)))
    begun(house, evidently=ASKED)
    before, windows = population(600, seed=1, name="b"), windows_of(3)
    house.at(closed(2))
    share = house.findings(SHARE)
    entry = house.catalog.model(MODEL)
    assert entry is not None
    resolved = resolve_kinds(before, entry.declaration)
    said = [values(before, w, resolved, ["DriftedColumnsCount"]) for w in windows]
    assert [f.value for f in share] == [next(m.value.value for m in one if m.metric == SHARE) for one in said]
    assert share[2].value == 0.75
    assert all(f.status is Status.OK and f.kind is AlertKind.QUALITY and f.threshold is None for f in share)
    assert [f.n_window for f in share] == [200] * 3 and share[0].n_baseline == 600
    means = house.findings(MEAN, "age")
    assert [f.value for f in means] == [pytest.approx(w.columns["age"].values.mean()) for w in windows]
    assert house.findings("evidently_accuracy") == []
    assert SHARE in [f.metric for p in house.exporter.taken for f in p.findings]

    ids, truth = truth_of(windows[0], seed=3)
    house.label(ids, truth)
    house.at(closed(4))
    (accuracy,) = house.findings("evidently_accuracy")
    assert accuracy.value == pytest.approx((windows[0].columns["yhat"].values == truth.astype(int)).mean())

    baseline = build_baseline(before, resolved, time_ordered=True)
    steps = backfill(
        together(windows), None, resolved, baseline, opinion=lambda own: tuple(values(before, own, resolved, ASKED))
    )
    again = [f.value for step in steps for f in step.looked.findings if f.metric == SHARE]
    assert again == [f.value for f in share]


def test_no_window_waits_for_it(house: House) -> None:
    """Twenty models ask it, and it never answers: one pass closes what is due of all, and of one that does not ask."""
    gate = threading.Event()
    desk = asks(house, lambda *_: gate.wait(WAIT_SECONDS) and done([]), threaded=True)
    names = [*(f"asks-{k:02}" for k in range(20)), "does-not"]
    for name in names:
        model = house.declare(model=name, **({"evidently": ["DataDriftPreset"]} if name != "does-not" else {}))
        before = population(300, seed=1, name="b")
        set_baseline(name, before, model, house.catalog, house.store, house.now_ns, time_ordered=True)
        served = population(30, seed=2).in_canonical_order()
        house.catalog.put_segments([house.store.write_rows(name, "1", served, house.now_ns)])
    house.now_ns = minute(1) + LATENESS
    house.scheduler.run_pass()
    assert house.scheduler.health.errors == []
    assert {name: [w.revision for w in house.catalog.windows(name)] for name in names} == {name: [0] for name in names}
    assert len(house.catalog.owed_opinions()) == 20
    desk.end()
    gate.set()
    desk.join(WAIT_SECONDS)


def test_an_answer_is_the_next_revision_and_moves_nothing_else(house: House) -> None:
    """Tiles, counts and status stay as the window was closed with."""
    begun(house, 1)
    house.at(closed(0))
    (before,) = house.windows()
    assert before.revision == 0  # without a desk nothing is owed
    house.serve(population(10, seed=9, start_ns=minute(0), name="late"))
    asks(house, ages)
    house.at(closed(0) + 1)
    (after,) = house.windows()
    assert after.revision == 2 and after.n_window == 210 and house.catalog.owed_opinions() == []
    tiles = house.catalog.tiles(MODEL, "1", after.rule, after.span)
    assert tiles is not None and len(tiles) > 100
    (found,) = house.findings(MEAN, "age")
    assert (found.revision, found.n_window, found.baseline) == (2, 210, after.baseline)
    assert house.findings("js_distance", "age")[0].revision == 1


def test_a_restart_asks_what_was_not_answered_and_nothing_twice(house: House) -> None:
    """The process dies between two answers: the first is not asked again, the others are."""
    asked = []

    def dying(_reference, rows, *_):
        asked.append(int(rows.time_ns[0]))
        return done([mean(1.0, 200)]) if len(asked) == 1 else done(Unavailable("worker process", "it died"))

    begun(house)
    asks(house, dying)
    house.now_ns = closed(2)
    house.scheduler.run_pass()
    house.scheduler.run_pass()
    assert [w.revision for w in house.windows()] == [1, 0, 0]
    house.restart()
    asked.clear()
    asks(house, lambda _r, rows, *_: asked.append(int(rows.time_ns[0])) or done([mean(2.0, 200)]))
    house.at(closed(2))
    assert asked == [minute(1), minute(2)]
    assert [f.value for f in house.findings(MEAN, "age")] == [1.0, 2.0, 2.0]
    assert [w.revision for w in house.windows()] == [1, 1, 1]


def test_where_it_dies_again_and_again_that_is_the_answer(house: House) -> None:
    """After a few tries the window says so, and the next windows have their turn."""
    begun(house, 2)
    tries = []

    def dying(_reference, rows, *_):
        tries.append(int(rows.time_ns[0]))
        failed = tries[-1] == minute(0)
        return done(Unavailable("worker process", "it died") if failed else [mean(2.0, 200)])

    asks(house, dying)
    for _ in range(6):
        house.at(closed(1))
    (first, second) = house.findings(MEAN)
    assert first.status is Status.UNDEFINED and "3 times" in (first.reason or "")
    assert second.value == 2.0 and tries == [minute(0)] * 3 + [minute(1)]


def test_models_take_turns(house: House) -> None:
    """One with a long past does not keep the others waiting."""
    begun(house, 4)
    other = house.declare(model="other", evidently=["MeanValue"])
    before = population(600, seed=1, name="b")
    set_baseline("other", before, other, house.catalog, house.store, house.now_ns, time_ordered=True)
    served = population(50, seed=3, start_ns=minute(3)).in_canonical_order()
    house.catalog.put_segments([house.store.write_rows("other", "1", served, house.now_ns)])
    asked = []
    asks(house, lambda _r, _w, model, *_: asked.append(model.model) or done([mean(1.0, 1)]))
    house.at(closed(3))
    assert asked == [MODEL, "other", MODEL, MODEL, MODEL]


def test_more_than_can_ever_be_asked_is_given_up_with_its_reason(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest first, each as a status."""
    monkeypatch.setattr(owed_opinions, "OWED_MAX", 1)
    begun(house)
    gate = threading.Event()
    desk = asks(house, lambda *_: gate.wait(WAIT_SECONDS) and done([]), threaded=True)
    house.at(closed(2))
    given_up = house.findings(MEAN)
    assert [f.status for f in given_up] == [Status.UNDEFINED] * 2
    assert given_up[0].reason == "given up: more than 1 windows waited for Evidently"
    assert [o.span.start_ns for o in house.catalog.owed_opinions(MODEL)] == [minute(2)]
    desk.end()
    gate.set()
    desk.join(WAIT_SECONDS)


def test_a_declared_range_is_judged_when_the_window_closes(house: House) -> None:
    """A plain threshold: the window beyond it fires, with the threshold on its record, and is not asked about again."""
    asks(house, lambda *asked: done(values(*asked)))
    begun(house, evidently=["MeanValue"], checks={"quality": {MEAN: [0, 50]}, "drift": False})
    house.at(closed(2))
    found = house.findings(MEAN, "age")
    assert [f.status for f in found] == [Status.OK, Status.OK, Status.CRITICAL]
    assert ("quality", AlertStatus.FIRING.value) in house.transitions()
    assert [w.revision for w in house.windows()] == [0, 0, 0] and house.catalog.owed_opinions() == []


def test_a_window_that_a_range_judges_waits_a_bounded_time(house: House) -> None:
    """Its own place alone; then it is closed without, and what comes later is told and moves no alert."""
    said = threading.Event()
    slow = lambda *asked: said.wait(WAIT_SECONDS) and done(values(*asked))  # noqa: E731
    desk = asks(house, slow, threaded=True)
    begun(house, 1, checks={"quality": {MEAN: [0, 30]}, "drift": False})
    assert house.at(closed(0)) == 0 and house.windows() == []
    assert house.at(closed(0) + window_opinions.WAIT_NS_MAX) == 1
    assert len(house.catalog.owed_opinions(MODEL)) == 1
    said.set()
    while house.catalog.owed_opinions(MODEL):
        house.at(closed(0) + window_opinions.WAIT_NS_MAX)
    (late,) = house.findings(MEAN, "age")
    assert late.status is Status.CRITICAL and late.threshold == (0, 30)
    assert late.reason == "said after the window was judged, so it moved no alert"
    window = house.windows()[0]
    assert window.status is Status.CRITICAL and house.transitions() == []
    desk.end()
    desk.join(WAIT_SECONDS)


def test_a_replay_waits_for_no_answer_that_does_not_come(house: House) -> None:
    """Its windows are closed all the same, and say why they have none."""
    asks(house, lambda *_: done(Unavailable("worker process", "it died")))
    begun(house, checks={"quality": {MEAN: [0, 50]}, "drift": False})
    house.at(closed(2))
    assert [w.n_window for w in house.windows()] == [200] * 3 and house.catalog.owed_opinions() == []
    assert [f.status for f in house.findings(MEAN)] == [Status.UNDEFINED] * 3


def test_a_window_without_rows_is_asked_of_nobody(house: House) -> None:
    """It says that it has none, at once."""
    begun(house, 1)
    asks(house, ages)
    house.at(closed(0) + WINDOW)
    assert [(f.status, f.reason) for f in house.findings(MEAN) if f.value is None] == [
        (Status.NO_DATA, "the window has no rows")
    ]
    assert house.catalog.owed_opinions() == []


def test_what_is_owed_of_a_forgotten_window_is_forgotten(house: House) -> None:
    """A declaration that asks no more, and a window past its retention."""
    begun(house)
    desk = asks(house, lambda *_: done(Unavailable("worker process", "busy")))
    house.now_ns = closed(2)
    house.scheduler.run_pass()
    assert len(house.catalog.owed_opinions()) == 3
    house.declare()
    house.at(closed(2))
    assert house.catalog.owed_opinions() == [] and house.findings(MEAN) == []
    assert desk.room
