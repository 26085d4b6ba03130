"""A live monitor and `backfill` of the same rows and labels come to the same verdicts, whenever the labels come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from monitor.findings import AlertKind, Finding, Span
from monitor.jobs.backfill import backfill
from monitor.ports import FindingQuery, Labels
from monitor.tiles.encoding import decode_baseline
from monitor.tiles.rows import Column, Rows
from tests.monitor.jobs.house import CODE, MODEL, SECOND, START, House, labelled, population, truth_of

N, WINDOWS = 300, 26
"""More windows than dependence is learned from."""
RULES: dict[str, dict[str, Any]] = {"rows": {"rows": N}, "time": {"every": "1m", "lateness": "0s"}}
SHIFTED = range(12, 15)


def traffic() -> Rows:
    """A window a minute; three in the middle are shifted."""
    parts = [
        population(
            N, seed=200 + i, start_ns=START + i * 60 * SECOND, name=f"w{i}-", shift=25.0 if i in SHIFTED else 0.0
        )
        for i in range(WINDOWS)
    ]
    columns = {name: Column(np.concatenate([p.columns[name].values for p in parts])) for name in parts[0].columns}
    return Rows(
        time_ns=np.concatenate([p.time_ns for p in parts]),
        id=np.concatenate([p.id for p in parts]),
        row=np.concatenate([p.row for p in parts]),
        of=np.concatenate([p.of for p in parts]),
        columns=columns,
    )


def end_ns(number: int) -> int:
    """When the window of this number has ended by time; one by rows waits a moment longer, for the next row."""
    return START + (number + 1) * 60 * SECOND


def watched(house: House, **keys: Any) -> None:
    house.declare(**keys)
    house.baseline(labelled(population(6_000, seed=1), seed=2), time_ordered=False)


def judged(findings: list[Finding]) -> dict[tuple[object, ...], Finding]:
    """By what they are about; the revision, and a fairness score (its merges begin anew apart), may differ."""
    return {
        (f.window.start_ns, f.kind, f.metric, f.feature, f.slice): replace(
            f, revision=0, score=None if f.kind is AlertKind.FAIRNESS else f.score
        )
        for f in findings
    }


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("labels_come", ["with their window", "two windows late", "when all is over"])
def test_the_verdicts_are_those_of_backfill(house: House, rule: str, labels_come: str) -> None:
    """Value, interval, threshold, its origin, score and status of every finding, slices too, and the windows themselves."""
    watched(house, windows=[RULES[rule]], groups=["sex"], slices=["sex=f", {"name": "old", "where": "age > 50"}])
    served = traffic()
    ids, values = truth_of(served, seed=5)
    late = {"with their window": 0, "two windows late": 2, "when all is over": WINDOWS}[labels_come]
    for number in range(WINDOWS + late + 1):
        part = slice(number * N, (number + 1) * N)
        if number < WINDOWS:
            house.serve(served.take(part))
        due = number - late if late < WINDOWS else -1
        if 0 <= due < WINDOWS:
            house.label(ids[due * N : (due + 1) * N], values[due * N : (due + 1) * N])
        house.at(end_ns(number))
    if late == WINDOWS:
        house.label(ids, values)
        house.at(end_ns(2 * WINDOWS))
    entry = house.catalog.baseline(MODEL)
    stored = house.catalog.model(MODEL)
    assert entry is not None
    assert stored is not None
    baseline = decode_baseline(entry.profile)
    truth = Labels(ids, values, np.zeros(len(ids), np.int64))
    steps = list(backfill(served, truth, stored.in_force(), baseline, version="1", code=CODE))
    expected = judged([f for step in steps for f in step.looked.findings])
    spans = {step.span for step in steps}
    found = house.store.find_findings(house.catalog.segments("measurements", MODEL), FindingQuery(limit=100_000))
    found = [f for f in found if f.window in spans]
    assert {w.span for w in house.windows() if w.n_window} == spans
    assert judged(found) == expected
    assert {f.status.value for f in found} >= {"ok", "critical"}


def test_a_full_window_by_rows_ends_where_the_next_row_begins(house: House) -> None:
    """It waits for that row, so that its span does not depend on when it was looked at."""
    watched(house, windows=[{"rows": N}])
    served = traffic()
    house.serve(served.take(slice(0, N)))
    house.at(int(served.time_ns[N - 1]) + SECOND)
    assert house.windows() == []
    house.serve(served.take(slice(N, N + 1)))
    house.at(int(served.time_ns[N]) + 1)
    assert [w.span for w in house.windows()] == [Span(int(served.time_ns[0]), int(served.time_ns[N]))]


def test_a_full_window_by_rows_does_not_wait_for_ever(house: House) -> None:
    """Where no row follows it ends with its own last one, and a row that comes late still falls into a window."""
    watched(house, windows=[{"rows": N}])
    served = traffic()
    house.serve(served.take(slice(0, N)))
    house.at(int(served.time_ns[N - 1]) + 3 * SECOND)
    first = house.windows()[0].span
    assert first == Span(int(served.time_ns[0]), int(served.time_ns[N - 1]) + 1)
    house.serve(served.take(slice(N + 1, 2 * N + 2)))
    house.at(int(served.time_ns[2 * N + 1]) + 1)
    assert house.windows()[1].span == Span(first.end_ns, int(served.time_ns[2 * N + 1]))
    house.serve(served.take(slice(N, N + 1)))
    house.at(int(served.time_ns[2 * N + 1]) + SECOND)
    assert [w.n_window for w in house.windows()] == [N, N + 1]
