"""Labels that have a season, with the same hours of the weeks before as their norm: through both clock changes, live as in a backfill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from monitor.definitions import MonitoredModel
from monitor.findings import AlertKind, Finding, Status
from monitor.jobs.backfill import Step, backfill
from monitor.jobs.set_baseline import build_baseline, resolve_kinds
from monitor.ports import FindingQuery, Labels
from monitor.tiles.encoding import decode_baseline
from monitor.tiles.rows import Column, Rows
from tests.monitor.jobs.house import DECLARATION, MODEL, SECOND, House, population
from tests.monitor.jobs.test_moving_baseline import DAY, joined, judged
from tests.monitor.jobs.test_moving_labels import label_drift, told, truth

ZONE = ZoneInfo("Europe/Berlin")
RATES = {1: 0.15, 3: 0.5, 4: 0.85}
"""Share of positives by the hour of a Sunday's clock: an hour off would be a leap."""
SUNDAYS, HOURLY = 9, [{"every": "1h", "lateness": "0s"}]
SEASON = {"season": "hour_of_week", "history": "5w", "zone": "Europe/Berlin"}
HOUR = 3_600 * SECOND
SPRING, AUTUMN = datetime(2027, 2, 14, tzinfo=ZONE), datetime(2027, 9, 19, tzinfo=ZONE)
"""Clocks change on the seventh Sunday from each."""


def starts(first: datetime) -> list[tuple[int, int]]:
    """Hour of the clock and start of each window, on nine Sundays."""
    days = [first + timedelta(days=7 * week) for week in range(SUNDAYS)]
    return [(hour, int(day.replace(hour=hour).timestamp()) * SECOND) for day in days for hour in RATES]


def parts_of(first: datetime) -> list[Rows]:
    return [
        population(300, seed=700 + i, start_ns=at, seconds=3_600.0, name=f"s{i}-")
        for i, (_, at) in enumerate(starts(first))
    ]


def rates_of(first: datetime) -> list[float]:
    """The last Sunday's are turned round."""
    rates = [RATES[hour] for hour, _ in starts(first)]
    return [*rates[: -len(RATES)], *reversed(list(RATES.values()))]


def before(first: datetime) -> Rows:
    """The baseline that is set: rows of all hours together."""
    served = population(3_000, seed=1, start_ns=int(first.timestamp()) * SECOND - 7 * DAY)
    _, values = truth(served, 0.5, seed=2)
    return replace(served, columns={**served.columns, "employed": Column(values.astype(np.int64))})


def labels_of(parts: Sequence[Rows], rates: Sequence[float]) -> Labels:
    found = [truth(part, rate, seed=i) for i, (part, rate) in enumerate(zip(parts, rates, strict=True))]
    ids, values = (np.concatenate(one) for one in zip(*found, strict=True))
    return Labels(ids, values, np.concatenate([part.time_ns for part in parts]))


def steps_of(first: datetime, section: object) -> list[Step]:
    parts = parts_of(first)
    model = MonitoredModel.from_document(DECLARATION | {"baseline": section, "windows": HOURLY})
    model = resolve_kinds(before(first), model)
    frozen = build_baseline(before(first), model, time_ordered=True)
    labels = labels_of(parts, rates_of(first))
    return [s for s in backfill(joined(parts), labels, model, frozen, version="1") if s.profiled.tiles.rows]


@pytest.mark.parametrize("first", [SPRING, AUTUMN], ids=["spring", "autumn"])
def test_a_season_of_labels_is_quiet_through_a_clock_change_and_its_turn_is_told(first: datetime) -> None:
    """The rows that were set find the hours critical every week; the same hours by the clock find nothing until they change places."""
    fixed, seasonal = steps_of(first, "fixed"), steps_of(first, SEASON)
    assert len(seasonal) == len(starts(first))
    assert told(fixed)[0][0] < 6
    firing = [i for i, state in told(seasonal) if state == "firing"]
    assert len(firing) == 1 and firing[0] >= len(seasonal) - len(RATES)
    ready = [f for step in seasonal[5 * len(RATES) : -len(RATES)] for f in label_drift(step.looked.findings)]
    assert {f.status for f in ready} == {Status.OK}
    performance = [f for s in seasonal for f in s.looked.findings if f.kind is AlertKind.PERFORMANCE]
    assert {f.baseline for f in performance if f.metric == "accuracy"}.isdisjoint({f.baseline for f in ready})


def test_labels_of_the_week_before_are_judged_as_in_a_backfill(house: House) -> None:
    """They come a week late, over the change to summer time and a restart: the same numbers, statuses and norms, of performance too, and one alert."""
    parts, rates = parts_of(SPRING), rates_of(SPRING)
    house.now_ns = int(SPRING.timestamp()) * SECOND
    house.declare(baseline=SEASON, windows=HOURLY)
    house.baseline(before(SPRING))
    week = len(RATES)
    for number, part in enumerate(parts):
        house.serve(part)
        if number >= week:
            house.label(*truth(parts[number - week], rates[number - week], seed=number - week))
        house.at(int(part.time_ns[0]) + HOUR + SECOND)
        if number == 6 * week:
            house.restart()
    for number in range(len(parts) - week, len(parts)):
        house.label(*truth(parts[number], rates[number], seed=number))
        house.at(int(parts[-1].time_ns[0]) + (number + 7 * 24) * HOUR)
    entry, stored = house.catalog.baseline(MODEL), house.catalog.model(MODEL)
    assert entry is not None and stored is not None
    frozen = decode_baseline(entry.profile)
    steps = list(
        backfill(
            joined(parts), labels_of(parts, rates), stored.in_force(), frozen, version="1", code=house.context.code
        )
    )
    found = house.store.find_findings(house.catalog.segments("measurements", MODEL), FindingQuery(limit=100_000))

    def told_of(findings: Sequence[Finding]) -> list[Finding]:
        return [*label_drift(findings), *(f for f in findings if f.metric in ("accuracy", "roc_auc"))]

    live = {key: f for key, f in judged(told_of(found)).items() if f.value is not None}
    recorded = judged([f for s in steps if s.profiled.tiles.rows for f in told_of(s.looked.findings)])
    assert len(live) == 3 * len(parts) and live.keys() == recorded.keys()
    for key, one in live.items():
        other = recorded[key]
        assert (one.value, one.low, one.status, one.baseline) == (other.value, other.low, other.status, other.baseline)
    assert house.transitions().count(("label_drift", "firing")) == 1
