"""Backfill, replay and compare: the same windows, values and alerts, with a server and without."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from monitor.definitions import MonitoredModel
from monitor.errors import InvalidInput
from monitor.findings import Finding, Status
from monitor.jobs.backfill import SPLIT_ROWS_MIN, Step, backfill, split_baseline
from monitor.jobs.columns import rows_of
from monitor.jobs.compare import compare
from monitor.jobs.replay import predictions_of, replay
from monitor.jobs.set_baseline import build_baseline, resolve_kinds
from monitor.ports import Labels
from monitor.tiles.rows import Rows
from tests.monitor.jobs.house import (
    CODE,
    DECLARATION,
    MODEL,
    SECOND,
    START,
    WINDOW,
    House,
    labelled,
    population,
    truth_of,
)

N, WINDOWS = 300, 8


def history(*, shift_from: int = 5) -> Rows:
    """Eight minutes; from one on, other people."""
    calm = population(N * shift_from, seed=3, seconds=60.0 * shift_from, name="c")
    other = population(
        N * (WINDOWS - shift_from), seed=4, start_ns=START + shift_from * WINDOW,
        seconds=60.0 * (WINDOWS - shift_from), name="o", shift=25,
    )  # fmt: skip
    joined = {name: np.concatenate([calm.columns[name].values, other.columns[name].values]) for name in calm.columns}
    return Rows(
        time_ns=np.concatenate([calm.time_ns, other.time_ns]),
        id=np.concatenate([calm.id, other.id]),
        row=np.zeros(N * WINDOWS, np.int32),
        of=np.ones(N * WINDOWS, np.int32),
        columns={name: replace(calm.columns[name], given=values) for name, values in joined.items()},
    )


def labels_of(rows: Rows) -> Labels:
    ids, values = truth_of(rows, seed=8)
    return Labels(ids, values, np.zeros(len(ids), np.int64))


def model(**keys: Any) -> MonitoredModel:
    return MonitoredModel.from_document(DECLARATION | keys)


BEFORE = labelled(population(3_000, seed=1, start_ns=START - 3_600 * SECOND, seconds=3_600, name="b"), seed=2)


def without_server(rows: Rows, labels: Labels | None, declared: MonitoredModel) -> list[Step]:
    resolved = resolve_kinds(BEFORE, declared)
    baseline = build_baseline(BEFORE, resolved, time_ordered=True)
    return list(backfill(rows, labels, resolved, baseline, version="1", code=CODE))


def key(finding: Finding) -> tuple[object, ...]:
    return (finding.window.start_ns, finding.metric, finding.feature or "", finding.slice or "")


@pytest.mark.parametrize("windows", [[{"every": "1m", "lateness": "30s"}], [{"rows": 300}]])
def test_replay_into_a_monitor_says_what_backfill_says(house: House, windows: list[dict[str, Any]]) -> None:
    """Every value, interval, status and threshold, and every transition, to the bit."""
    declared, rows = model(windows=windows), history()
    steps = without_server(rows, labels_of(rows), declared)
    house.now_ns = START + 3_600 * SECOND
    found, transitions = replay(
        house.context, house.scheduler.run_pass, declared, BEFORE, rows, labels_of(rows),
        version="1", time_ordered=True, explainer=None,
    )  # fmt: skip
    expected = sorted((f for s in steps for f in s.looked.findings), key=key)
    found = sorted(found, key=key)
    assert [key(f) for f in found] == [key(f) for f in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert replace(ours, revision=0) == replace(theirs, revision=0)
    told = [(t.kind, t.state, t.window, t.value) for s in steps for t in s.looked.transitions]
    assert sorted(told) == sorted((t.kind, t.state, t.window, t.value) for t in transitions)
    assert any(kind.value == "drift" for kind, *_ in told)


def test_rows_in_any_order_give_the_same_steps() -> None:
    """The order of a file says nothing; its times do."""
    rows = history()
    shuffled = rows.take(np.random.default_rng(5).permutation(len(rows)))
    one, two = without_server(rows, None, model()), without_server(shuffled, None, model())
    assert [s.looked.findings for s in one] == [s.looked.findings for s in two]


def test_a_last_partial_window_is_judged_with_what_it_has() -> None:
    """By rows: 350 rows are a window of 300 and one of 50."""
    steps = without_server(history().take(slice(0, 350)), None, model(windows=[{"rows": 300}]))
    assert [s.profiled.tiles.rows for s in steps] == [300, 50]


def test_a_hole_in_the_history_is_told_a_few_times() -> None:
    """Not once for every window of a silent year."""
    rows = history()
    late = replace(rows, time_ns=np.where(np.arange(len(rows)) < 300, rows.time_ns, rows.time_ns + 10**16))
    steps = without_server(late, None, model())
    assert sum(s.profiled.tiles.rows == 0 for s in steps) == 3
    assert sum(s.profiled.tiles.rows for s in steps) == len(rows)


def test_the_first_fifth_is_the_baseline_where_none_is_given() -> None:
    """In the order of time; too few rows are refused."""
    base, rest = split_baseline(history())
    assert (len(base), len(rest)) == (480, 1_920)
    assert base.time_ns.max() < rest.time_ns.min()
    with pytest.raises(InvalidInput, match=f"at least {SPLIT_ROWS_MIN} rows"):
        split_baseline(history().take(slice(0, 100)))


def test_rows_survive_the_way_of_a_collector() -> None:
    """As records and back: values, holes, ids, times."""
    rows = history().take(slice(0, 50))
    missing = np.arange(50) % 7 == 0
    rows = replace(
        rows, columns={n: replace(c, missing=missing if n in ("age", "sex") else None) for n, c in rows.columns.items()}
    )
    back = rows_of(predictions_of(rows, MODEL, "1", ("p", "yhat")), model())
    assert back.prediction_ids() == rows.prediction_ids() and np.array_equal(back.time_ns, rows.time_ns)
    for name, column in rows.columns.items():
        there = np.ones(50, np.bool_) if column.missing is None else ~column.missing
        assert back.columns[name].values[there].tolist() == column.values[there].tolist()
        assert (back.columns[name].missing is None) == (column.missing is None)


# compare


def test_a_file_beside_itself_is_calm() -> None:
    """No alert, no warning."""
    looked = compare(BEFORE, BEFORE, model(), names=("a.csv", "b.csv"))
    assert looked.transitions == () and looked.status in (Status.OK, Status.INSUFFICIENT_DATA)


def test_another_population_is_an_alert_without_a_time() -> None:
    """With the feature that moved first."""
    looked = compare(BEFORE, population(500, seed=9, shift=30), model(), names=("a.csv", "b.csv"))
    (drift,) = (t for t in looked.transitions if t.kind.value == "drift")
    assert (drift.window.start_ns, drift.window.end_ns) == (None, None)
    assert drift.features[0].feature == "age"


def test_a_file_with_other_columns_is_named() -> None:
    """Which of the two it is, what it has, what was expected."""
    other = population(100, seed=1)
    other = replace(other, columns={"colour": other.columns["sex"]})
    with pytest.raises(InvalidInput, match=r"b\.csv: found columns colour"):
        compare(BEFORE, other, model(), names=("a.csv", "b.csv"))
    with pytest.raises(InvalidInput, match=r"a\.csv: found columns colour"):
        compare(other, BEFORE, model(), names=("a.csv", "b.csv"))


def test_a_feature_that_one_file_lacks_is_a_status() -> None:
    """The others are compared."""
    lacking = population(500, seed=9)
    lacking = replace(lacking, columns={n: c for n, c in lacking.columns.items() if n != "sex"})
    looked = compare(BEFORE, lacking, model(), names=("a.csv", "b.csv"))
    by = {(f.metric, f.feature): f.status for f in looked.findings}
    assert by["js_distance", "sex"] is Status.NO_DATA and by["js_distance", "age"] is Status.OK


def test_several_rules_tell_what_they_find_once() -> None:
    """As live: the shift that minutes and pairs of minutes both see is one alert, in the order of time."""
    rules = [{"every": "1m", "lateness": "30s"}, {"every": "2m", "lateness": "30s"}]
    steps = without_server(history(), None, model(windows=rules))
    ends = [(step.span.end_ns or 0) for step in steps]
    assert ends == sorted(ends)
    told = [t for step in steps for t in step.looked.transitions if t.kind.value == "drift"]
    alone = without_server(history(), None, model(windows=rules[:1]))
    first = next(t for step in alone for t in step.looked.transitions if t.kind.value == "drift")
    assert [t.state.value for t in told if not t.escalated] == ["firing"]
    assert told[0].window == first.window
