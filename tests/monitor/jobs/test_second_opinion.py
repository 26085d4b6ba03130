"""Evidently's measurements in windows: live and in backfill alike, stored and published, judged only where a range is declared."""

from concurrent.futures import Future
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from monitor.findings import AlertKind, AlertStatus, Measurement, Status, Value
from monitor.jobs.backfill import backfill
from monitor.jobs.expire import Retention
from monitor.jobs.second_opinion import SecondOpinions
from monitor.jobs.set_baseline import build_baseline, resolve_kinds
from monitor.reports.evidently_values import values
from monitor.scheduler import Scheduler
from tests.monitor.jobs.house import House, closed, minute, population, truth_of
from tests.monitor.jobs.house import rows as rows_of

ASKED = ["DriftedColumnsCount", "MeanValue", "Accuracy"]
SHARE = "evidently_drifted_columns_share"


def done(result):
    future: Future[list[Measurement]] = Future()
    future.set_result(result)
    return future


@pytest.fixture
def house(tmp_path):
    """A monitor that asks Evidently in its own process."""
    house = House(tmp_path)
    ask = lambda *asked: done(values(*asked))  # noqa: E731
    house.context = replace(house.context, opinion_of=SecondOpinions(house.catalog, house.store, ask).of)
    house.scheduler = Scheduler(house.context, retention=Retention(), patient=False)
    yield house
    house.close()


def test_windows_hold_what_it_says_live_and_in_backfill(house: House) -> None:
    """The same values; what labels tell comes with them; nothing of it moves an alert."""
    model = house.declare(evidently=ASKED)
    before = population(600, seed=1, name="b")
    house.baseline(before)
    windows = [population(200, seed=10 + k, start_ns=minute(k), name=f"w{k}-", shift=15.0 * (k == 2)) for k in range(3)]
    for served in windows:
        house.serve(served)
    house.at(closed(2))
    share = house.findings(SHARE)
    resolved = resolve_kinds(before, model)
    said = [values(before, w, resolved, ["DriftedColumnsCount"]) for w in windows]
    assert [f.value for f in share] == [next(m.value.value for m in one if m.metric == SHARE) for one in said]
    assert share[2].value == 0.75
    assert all(f.status is Status.OK and f.kind is AlertKind.QUALITY and f.threshold is None for f in share)
    assert [f.n_window for f in share] == [200] * 3 and share[0].n_baseline == 600
    means = house.findings("evidently_mean", "age")
    assert [f.value for f in means] == [pytest.approx(w.columns["age"].values.mean()) for w in windows]
    assert house.findings("evidently_accuracy") == []
    published = [f.metric for p in house.exporter.taken for f in p.findings]
    assert SHARE in published

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


def together(parts):
    """Rows one after another."""
    return rows_of(
        {name: np.concatenate([p.columns[name].values for p in parts]) for name in parts[0].columns},
        times=np.concatenate([p.time_ns for p in parts]),
        ids=[i for p in parts for i in p.id],
    )


def test_a_declared_range_is_judged(house: House) -> None:
    """A plain threshold: the window beyond it fires, with the threshold on its record."""
    house.declare(evidently=["MeanValue"], checks={"quality": {"evidently_mean": [0, 50]}, "drift": False})
    house.baseline(population(600, seed=1, name="b"))
    for k in range(3):
        house.serve(population(200, seed=10 + k, start_ns=minute(k), name=f"w{k}-", shift=15.0 * (k == 2)))
    house.at(closed(2))
    found = house.findings("evidently_mean", "age")
    assert [f.status for f in found] == [Status.OK, Status.OK, Status.CRITICAL]
    assert ("quality", AlertStatus.FIRING.value) in house.transitions()


def test_one_that_takes_too_long_costs_its_own_measurements_alone(house: House) -> None:
    """The window closes with all of ours; while it is still at it, it is not asked again."""
    model = house.declare(evidently=["MeanValue"])
    house.baseline(population(600, seed=1, name="b"))
    slow: list[Future[list[Measurement]]] = []

    def ask(*_):
        slow.append(Future())
        return slow[-1]

    opinions = SecondOpinions(house.catalog, house.store, ask, seconds_max=0.01)
    opinion = partial(opinions.of, model, ["MeanValue"])
    rows = population(50, seed=2)
    (late,) = opinion()(rows)
    assert late.value.status is Status.UNDEFINED and "longer than" in (late.value.reason or "")
    (waiting,) = opinion()(rows)
    assert "earlier window" in (waiting.value.reason or "") and len(slow) == 1
    slow[0].set_result([])
    opinion()(rows)
    assert len(slow) == 2
    slow[1].set_exception(MemoryError("gone"))
    broken = SecondOpinions(house.catalog, house.store, lambda *_: slow[1])
    (failed,) = broken.of(model, ["MeanValue"])(rows)
    assert "MemoryError" in (failed.value.reason or "") and failed.value == Value(
        None, n_baseline=600, n_window=50, status=Status.UNDEFINED, reason=failed.value.reason
    )
    assert opinions.of(model, ()) is None and opinions.of(replace(model, model="other"), ["MeanValue"]) is None


def test_large_windows_are_sampled_before_they_are_handed_over(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """And how many rows there were is told with them."""
    monkeypatch.setattr("monitor.jobs.second_opinion.ROWS_MAX", 100)
    model = house.declare(evidently=["RowCount"])
    house.baseline(population(600, seed=1, name="b"))
    handed = []
    opinions = SecondOpinions(house.catalog, house.store, lambda *asked: handed.append(asked) or done([]))
    opinion = opinions.of(model, ["RowCount"])
    assert opinion is not None
    opinion(population(300, seed=2))
    reference, rows, _, names, of = handed[0]
    assert (len(reference), len(rows), names, of) == (100, 100, ["RowCount"], 300)
    assert np.isin(rows.id, population(300, seed=2).id).all()
