"""Labels with a baseline that moves: compared with those of windows that have theirs, live as in a backfill, also when they come late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from monitor.definitions import MonitoredModel
from monitor.findings import AlertKind, Finding, Status
from monitor.jobs.backfill import Step, backfill
from monitor.jobs.set_baseline import build_baseline, resolve_kinds
from monitor.ports import FindingQuery, Labels
from monitor.tiles.encoding import decode_baseline
from monitor.tiles.rows import Column, Rows
from tests.monitor.jobs.house import DECLARATION, MODEL, START, House, closed, labelled, population
from tests.monitor.jobs.test_moving_baseline import DAY, joined, judged, traffic

TRAILING = {"trailing": "8m"}
QUICK = [{"every": "1m", "lateness": "30s"}]


def truth(part: Rows, rate: float, *, seed: int, came: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels of which so many are positive, and so many of them there."""
    rng = np.random.default_rng(seed)
    values = (rng.random(len(part)) < rate).astype(int)
    kept = rng.random(len(part)) < came
    return np.array(part.prediction_ids(), object)[kept], np.array(values.tolist(), object)[kept]


def all_labels(parts: Sequence[Rows], rates: Sequence[float]) -> Labels:
    found = [truth(part, rate, seed=i) for i, (part, rate) in enumerate(zip(parts, rates, strict=True))]
    ids, values = (np.concatenate(one) for one in zip(*found, strict=True))
    times = np.concatenate([part.time_ns for part in parts])
    return Labels(ids, values, times)


def before() -> Rows:
    """The baseline's rows: three in ten labels are positive."""
    served = population(3_000, seed=1, start_ns=START - DAY)
    _, values = truth(served, 0.3, seed=2)
    return replace(served, columns={**served.columns, "employed": Column(values.astype(np.int64))})


def steps_of(parts: Sequence[Rows], rates: Sequence[float], section: object) -> list[Step]:
    model = MonitoredModel.from_document(DECLARATION | {"baseline": section, "windows": QUICK})
    model = resolve_kinds(before(), model)
    frozen = build_baseline(before(), model, time_ordered=True)
    return list(backfill(joined(parts), all_labels(parts, rates), model, frozen, version="1"))


def label_drift(findings: Sequence[Finding]) -> list[Finding]:
    return [f for f in findings if f.kind is AlertKind.LABEL_DRIFT and f.metric == "js_distance"]


def told(steps: Sequence[Step]) -> list[tuple[int, str]]:
    return [
        (i, t.state.value)
        for i, step in enumerate(steps)
        for t in step.looked.transitions
        if t.kind is AlertKind.LABEL_DRIFT
    ]


def test_a_rate_that_settled_elsewhere_is_quiet_and_a_leap_is_told() -> None:
    """Six in ten from the first window on: the baseline that was set tells it at once, the past knows no other; then it leaps to one in ten."""
    parts, rates = traffic(26), [0.6] * 20 + [0.1] * 6
    fixed, moving = steps_of(parts, rates, "fixed"), steps_of(parts, rates, TRAILING)
    assert told(fixed)[0][0] < 3
    assert [i for i, state in told(moving) if state == "firing"][:1] in ([20], [21], [22])
    assert all(state != "firing" or i >= 20 for i, state in told(moving))
    ids = {f.baseline for step in moving for f in label_drift(step.looked.findings)}
    assert len(ids) > 8
    others = {f.baseline for step in moving for f in step.looked.findings if f.metric == "accuracy"}
    assert len(others) == 1 and others.isdisjoint({f.baseline for f in label_drift(moving[15].looked.findings)})


def test_without_a_past_of_labels_there_is_a_reason_and_no_verdict() -> None:
    """The first windows have a value against the baseline that was set."""
    steps = steps_of(traffic(3), [0.3] * 3, TRAILING)
    found = label_drift(steps[0].looked.findings)
    assert [f.status for f in found] == [Status.INSUFFICIENT_DATA] and found[0].value is not None
    assert "stretches of the past" in (found[0].reason or "")


def test_another_version_leaves_labels_to_the_baseline_that_was_set() -> None:
    """Its labels are those of other rows."""
    model = MonitoredModel.from_document(DECLARATION | {"baseline": {"version": "0"}, "windows": QUICK})
    model = resolve_kinds(before(), model)
    frozen = build_baseline(before(), model, time_ordered=True)
    parts = traffic(3)
    steps = backfill(joined(parts), all_labels(parts, [0.6] * 3), model, frozen, version="1")
    assert {f.baseline for step in steps for f in label_drift(step.looked.findings)} == {frozen.id}


def test_labels_that_come_three_windows_late_are_judged_as_in_a_backfill_also_after_a_restart(house: House) -> None:
    """Every number of label drift, and what it was compared with; one alert, told with the labels of its window."""
    house.declare(baseline=TRAILING, windows=QUICK)
    house.baseline(before())
    parts, rates = traffic(20), [0.6] * 15 + [0.1] * 5
    for number, part in enumerate(parts):
        house.serve(part)
        if number >= 3:
            house.label(*truth(parts[number - 3], rates[number - 3], seed=number - 3))
        house.at(closed(number))
        if number == 12:
            house.restart()
    for number in range(17, 20):
        house.label(*truth(parts[number], rates[number], seed=number))
        house.at(closed(number + 4))
    entry, stored = house.catalog.baseline(MODEL), house.catalog.model(MODEL)
    assert entry is not None and stored is not None
    frozen = decode_baseline(entry.profile)
    steps = list(
        backfill(
            joined(parts), all_labels(parts, rates), stored.in_force(), frozen, version="1", code=house.context.code
        )
    )
    found = house.store.find_findings(house.catalog.segments("measurements", MODEL), FindingQuery(limit=100_000))
    live = {key: f for key, f in judged(label_drift(found)).items() if f.value is not None}
    recorded = judged([f for step in steps for f in label_drift(step.looked.findings)])
    assert len(live) == 20 and live.keys() == recorded.keys()
    for key, one in live.items():
        other = recorded[key]
        assert (one.value, one.low, one.status, one.baseline) == (other.value, other.low, other.status, other.baseline)
    assert house.transitions().count(("label_drift", "firing")) == 1


def test_a_window_with_few_labels_waits_for_them_and_is_no_norm(house: House) -> None:
    """A third of them all positive, as fast labels are: no verdict, with the shares; with all of them it has one, and no alert is told."""
    house.declare(baseline=TRAILING, windows=QUICK)
    house.baseline(labelled(population(3_000, seed=1, start_ns=START - DAY), seed=2))
    parts = traffic(16)
    for number, part in enumerate(parts[:15]):
        house.serve(part)
        house.label(*truth(part, 0.3, seed=number))
        house.at(closed(number))
    house.serve(parts[15])
    ids, values = truth(parts[15], 0.3, seed=15)
    first = np.flatnonzero(values.astype(int) == 1)
    house.label(ids[first], values[first])
    house.at(closed(15))
    house.at(closed(18))
    early = label_drift(house.findings("js_distance", "employed"))
    newest = max(early, key=lambda f: (f.window.start_ns or 0, f.revision))
    assert newest.status is Status.INSUFFICIENT_DATA and "100% of the windows before" in (newest.reason or "")
    house.label(np.delete(ids, first), np.delete(values, first))
    house.at(closed(22))
    late = max(
        label_drift(house.findings("js_distance", "employed")), key=lambda f: (f.window.start_ns or 0, f.revision)
    )
    assert late.window == newest.window and late.status is Status.OK and late.baseline != newest.baseline
    assert ("label_drift", "firing") not in house.transitions()
