"""Baselines that move: real seasons are quiet, changes are told, luck is not, and live says what backfill says."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor.alerts.calibration import STRETCHES_MIN, between
from monitor.definitions import MonitoredModel
from monitor.findings import Finding, Status
from monitor.jobs.backfill import Step, backfill
from monitor.jobs.look import MOVING_KINDS
from monitor.jobs.set_baseline import build_baseline, resolve_kinds
from monitor.ports import FindingQuery
from monitor.tiles.encoding import decode_baseline
from monitor.tiles.profile import profile
from monitor.tiles.rows import Rows
from tests.monitor.jobs.house import DECLARATION, MODEL, SECOND, START, House, closed, labelled, population, rows

N = 200
DAY = 86_400 * SECOND
WEATHER = ("temp", "atemp", "hum", "windspeed")
CODES = ("hr", "workingday", "weathersit")


def bikes(folder: Path) -> Rows:
    """Two years of hours, all times UTC as far as anyone can tell."""
    with gzip.open(folder / "bike_sharing" / "hour.csv.gz", "rt") as file:
        hours = list(csv.DictReader(file))
    times = [datetime.fromisoformat(f"{h['dteday']}T{int(h['hr']):02}:00:00+00:00") for h in hours]
    columns: dict[str, Any] = {name: np.array([float(h[name]) for h in hours]) for name in (*WEATHER, "cnt")}
    columns |= {name: np.array([int(h[name]) for h in hours]) for name in CODES}
    return rows(
        columns,
        times=np.array([int(t.timestamp()) * SECOND for t in times], np.int64),
        ids=[h["instant"] for h in hours],
    )


def ridden(served: Rows, baseline: object) -> list[Step]:
    """Every week after the first eight, which the baseline is of."""
    model = MonitoredModel.from_document(
        {
            "model": "bikes",
            "task": "regression",
            "features": dict.fromkeys(WEATHER, "numeric") | dict.fromkeys(CODES, "categorical"),
            "prediction": {"value": "cnt"},
            "windows": [{"every": "1w", "lateness": "0s"}],
            "baseline": baseline,
        }
    )
    edge = int(np.searchsorted(served.time_ns, served.time_ns[0] + 56 * DAY))
    before = served.take(slice(0, edge))
    model = resolve_kinds(before, model)
    frozen = build_baseline(before, model, time_ordered=True)
    return list(backfill(served.take(slice(edge, len(served))), None, model, frozen))


def moving(steps: Sequence[Step]) -> list[Finding]:
    return [f for step in steps for f in step.looked.findings if f.kind in MOVING_KINDS]


def test_a_seasonal_baseline_is_quiet_on_two_years_of_bicycles(shared_data: Path) -> None:
    """Winter's baseline finds more than a quarter of all numbers critical; the same hours of the four weeks before find
    under 1 %, and one week in 22 months to tell of (that of 12 March 2012, the steepest rise of temperature in them)."""
    served = bikes(shared_data)
    fixed, seasonal = ridden(served, "fixed"), ridden(served, {"season": "hour_of_week", "history": "4w"})
    shares = [np.mean([f.status is Status.CRITICAL for f in moving(steps)]) for steps in (fixed, seasonal)]
    assert shares[0] > 0.25
    assert shares[1] < 0.01
    told = [t for step in seasonal for t in step.looked.transitions if t.state.value == "firing"]
    assert [t.window.start_ns for t in told] in ([], [int(datetime(2012, 3, 12, tzinfo=UTC).timestamp()) * SECOND])


def traffic(windows: int, *, shifted: range = range(0), length_s: int = 60) -> list[Rows]:
    return [
        population(
            N,
            seed=500 + i,
            start_ns=START + i * length_s * SECOND,
            seconds=float(length_s),
            name=f"w{i}-",
            shift=25.0 if i in shifted else 0.0,
        )
        for i in range(windows)
    ]


def joined(parts: Sequence[Rows]) -> Rows:
    return rows(
        {name: np.concatenate([p.columns[name].values for p in parts]) for name in parts[0].columns},
        times=np.concatenate([p.time_ns for p in parts]),
        ids=[i for p in parts for i in p.id],
    )


def judged(findings: Sequence[Finding]) -> dict[tuple[Any, ...], Finding]:
    return {(f.window.start_ns, f.kind, f.metric, f.feature, f.slice): f for f in findings}


@pytest.mark.parametrize(
    ("section", "every", "length_s"),
    [({"trailing": "8m"}, "1m", 60), ({"season": "hour_of_day", "history": "5d"}, "6h", 21_600)],
)
def test_live_says_what_backfill_says_also_after_a_restart(
    house: House, section: dict[str, str], every: str, length_s: int
) -> None:
    """Every number, and the hash of what it was compared with, in every window."""
    house.declare(baseline=section, windows=[{"every": every, "lateness": "0s"}], slices=["sex=f"])
    house.baseline(labelled(population(3_000, seed=1, start_ns=START - DAY), seed=2))
    parts = traffic(30, shifted=range(22, 24), length_s=length_s)
    first = START // (length_s * SECOND) * length_s * SECOND
    for number, part in enumerate(parts):
        house.serve(part)
        house.at(first + (number + 1) * length_s * SECOND)
        if number == 20:
            house.restart()
    house.at(first + 32 * length_s * SECOND)
    entry, stored = house.catalog.baseline(MODEL), house.catalog.model(MODEL)
    assert entry is not None
    assert stored is not None
    baseline = decode_baseline(entry.profile)
    steps = list(backfill(joined(parts), None, stored.in_force(), baseline, version="1", code=house.context.code))
    spans = {step.span for step in steps if step.profiled.tiles.rows}
    found = house.store.find_findings(house.catalog.segments("measurements", MODEL), FindingQuery(limit=100_000))
    expected = [f for s in steps if s.span in spans for f in s.looked.findings]
    assert judged([f for f in found if f.window in spans]) == judged(expected)
    ids = {f.baseline for f in moving(steps)}
    assert len(ids) > 10
    assert {f.status for f in moving(steps)} >= {Status.OK, Status.CRITICAL, Status.INSUFFICIENT_DATA}


def steps_of(parts: Sequence[Rows], section: object) -> list[Step]:
    model = MonitoredModel.from_document(
        DECLARATION | {"baseline": section, "windows": [{"every": "1m", "lateness": "0s"}]}
    )
    before = labelled(population(3_000, seed=1, start_ns=START - DAY), seed=2)
    model = resolve_kinds(before, model)
    return list(backfill(joined(parts), None, model, build_baseline(before, model, time_ordered=True), version="1"))


def test_without_a_past_there_is_a_reason_and_no_verdict() -> None:
    """Until there are as many stretches as a spread needs."""
    first = steps_of(traffic(12), {"trailing": "16m"})[0]
    found = [f for f in moving([first]) if f.value is not None]
    assert {f.status for f in found} == {Status.INSUFFICIENT_DATA}
    assert {f.reason for f in found} == {f"0 of {STRETCHES_MIN} stretches of the past that a moving baseline needs"}


def test_quality_stays_with_the_baseline_that_was_set() -> None:
    """What is wrong with rows must not become the norm."""
    steps = steps_of(traffic(12), {"trailing": "16m"})
    own = {f.baseline for s in steps for f in s.looked.findings if f.metric == "missing_ratio"}
    assert len(own) == 1
    assert own.isdisjoint(f.baseline for f in moving(steps[8:]))


def test_a_change_never_becomes_the_norm_of_what_follows() -> None:
    """An alarmed window is left out: after a quarter of an hour of a shift it is told as on its first minute."""
    steps = steps_of(traffic(40, shifted=range(20, 40)), {"trailing": "32m"})
    age = [f for f in moving(steps) if f.metric == "js_distance" and f.feature == "age"]
    assert {f.status for f in age[20:34]} == {Status.CRITICAL}
    assert Status.CRITICAL not in {f.status for f in age[:20]}
    told = [t.state.value for s in steps for t in s.looked.transitions if t.kind.value == "drift"]
    assert told[:1] == ["firing"]
    assert "resolved" not in told


def test_another_version_is_what_the_same_windows_held(house: House) -> None:
    """v2 differs from v1 and not from the baseline; v1 itself is compared with the baseline."""
    house.declare(baseline={"version": "v1"})
    house.baseline(labelled(population(3_000, seed=1, start_ns=START - DAY), seed=2))
    for number, part in enumerate(traffic(4, shifted=range(4))):
        house.serve(part, "v1")
        house.serve(population(N, seed=900 + number, start_ns=START + number * 60 * SECOND, name=f"b{number}-"), "v2")
        house.serve(
            population(N, seed=950 + number, start_ns=START + number * 60 * SECOND, name=f"c{number}-", shift=25.0),
            "v3",
        )
    house.at(closed(3))
    by_version: dict[str | None, set[Status]] = {}
    for f in house.findings("js_distance", "age"):
        by_version.setdefault(f.version, set()).add(f.status)
    assert by_version == {"v1": {Status.CRITICAL}, "v2": {Status.CRITICAL}, "v3": {Status.OK}}


def test_a_backfill_against_another_version_says_what_live_says(house: House) -> None:
    """Every number of v2, and the hash of what it was compared with; the last two windows have no counterpart in v1."""
    house.declare(baseline={"version": "v1"}, windows=[{"every": "1m", "lateness": "0s"}])
    house.baseline(labelled(population(3_000, seed=1, start_ns=START - DAY), seed=2))
    ours, theirs = traffic(10, shifted=range(5, 8)), traffic(8, shifted=range(8))
    for number, part in enumerate(ours):
        if number < len(theirs):
            house.serve(theirs[number], "v1")
        house.serve(part, "v2")
        house.at(START + (number + 1) * 60 * SECOND)
    entry, stored = house.catalog.baseline(MODEL), house.catalog.model(MODEL)
    assert entry is not None and stored is not None
    baseline = decode_baseline(entry.profile)
    told = backfill(
        joined(ours), None, stored.in_force(), baseline,
        version="v2", code=house.context.code, against=joined(theirs),
    )  # fmt: skip
    steps = list(told)
    spans = {step.span for step in steps if step.profiled.tiles.rows}
    found = house.store.find_findings(
        house.catalog.segments("measurements", MODEL), FindingQuery(version="v2", limit=100_000)
    )
    expected = [f for s in steps if s.span in spans for f in s.looked.findings]
    assert judged([f for f in found if f.window in spans]) == judged(expected)
    age = [f for f in moving(steps) if f.metric == "js_distance" and f.feature == "age"]
    assert {f.status for f in age[:5]} == {Status.CRITICAL}
    assert {f.status for f in age[8:]} == {Status.INSUFFICIENT_DATA}


def test_the_effect_of_independent_stretches_is_near_one_and_that_of_moods_is_not() -> None:
    """Stretches with a mean of their own (a spread of 0.3 sigma, 200 rows) vary about 1 + 200 * 0.09 * 0.6 times as much."""
    model = MonitoredModel.from_document({"model": "m", "features": {f"x{i}": "numeric" for i in range(8)}})
    rng = np.random.default_rng(17)

    def drawn(spread: float) -> Rows:
        moods = rng.normal(0, spread, 8)
        columns = {f"x{i}": rng.normal(moods[i], 1, N) for i in range(8)}
        return rows(columns, times=START + np.arange(N, dtype=np.int64), ids=[str(i) for i in range(N)])

    frozen = build_baseline(joined([drawn(0.0) for _ in range(10)]), model, time_ordered=False)
    calm, moody = ([profile(drawn(s), frozen.grids, model) for _ in range(16)] for s in (0.0, 0.3))
    one, other = between(calm, 8), between(moody, 8)
    assert one is not None
    assert other is not None
    assert one.effects[0] < 2.0
    assert 6.0 < other.effects[0] < 40.0
    assert between(calm[: STRETCHES_MIN - 1], 8) is None
