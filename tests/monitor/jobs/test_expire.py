"""Forgetting what is past its retention, and joining the small segments of a closed hour."""

from __future__ import annotations

from pathlib import Path

from monitor.jobs.expire import DAY_NS, HOUR_NS, Retention, compact, expire, thin
from monitor.ports import FindingQuery
from tests.monitor.jobs.house import MODEL, START, House, closed, labelled, minute, population, truth_of

KEPT = Retention(rows_days=30, records_days=90, measurements_days=400)


def files(house: House) -> list[Path]:
    return list((house.folder / "segments").rglob("*.parquet"))


def test_rows_are_kept_for_their_days_and_then_forgotten(house: House) -> None:
    """In the catalog at once, their files soon after; labels stay longer."""
    house.declare()
    rows = population(50, seed=1)
    house.serve(rows)
    house.label(*truth_of(rows, seed=2))
    house.at(closed(0))
    house.now_ns = START + 29 * DAY_NS
    expire(house.context, KEPT)
    assert len(house.catalog.segments("predictions", MODEL)) == 1
    house.now_ns = START + 32 * DAY_NS
    before = len(files(house))
    for _ in range(3):
        house.now_ns += DAY_NS
        expire(house.context, KEPT)
    assert house.catalog.segments("predictions", MODEL) == []
    assert len(house.catalog.segments("labels", MODEL)) == 1
    assert len(files(house)) < before


def test_small_segments_of_an_hour_become_one(house: House) -> None:
    """With the same rows; and no window is revised by it."""
    house.declare()
    for number in range(10):
        house.serve(population(20, seed=number, start_ns=minute(number), name=f"w{number}-"))
    house.at(closed(9))
    house.now_ns += 3 * HOUR_NS
    segments = house.catalog.segments("predictions", MODEL)
    before = house.store.read_rows(segments)
    assert compact(house.context, "predictions", MODEL) == 9
    joined = house.catalog.segments("predictions", MODEL)
    after = house.store.read_rows(joined)
    assert len(joined) == 1 and after.prediction_ids() == before.prediction_ids()
    house.at(house.now_ns)
    assert {w.revision for w in house.windows()} == {0}
    assert house.store.locate(joined, ["w3-7"])[0] >= minute(3)


def test_a_few_segments_are_left_alone(house: House) -> None:
    """Joining two files is not worth a third."""
    house.declare()
    for number in range(3):
        house.serve(population(20, seed=number, start_ns=minute(number), name=f"w{number}-"))
    house.at(closed(2) + 3 * HOUR_NS)
    assert compact(house.context, "predictions", MODEL) == 0


def test_measurements_of_long_ago_become_the_worst_of_each_hour_in_a_file_a_day(house: House) -> None:
    """A day later nothing of it is left to do, and younger days are whole."""
    house.declare()
    house.baseline(labelled(population(500, seed=1), seed=1))
    for number in (0, 1, 2, 60, 61):
        house.serve(population(50, seed=number, start_ns=minute(number), name=f"w{number}-"))
        house.at(closed(number))
    before = house.store.find_findings(house.catalog.segments("measurements", MODEL), FindingQuery())
    days = {s.start_ns // DAY_NS for s in house.catalog.segments("measurements", MODEL)}
    house.now_ns += 2 * DAY_NS
    assert thin(house.context, MODEL, 30) == 0
    house.now_ns += 31 * DAY_NS
    assert thin(house.context, MODEL, 30) == len(days)
    segments = house.catalog.segments("measurements", MODEL)
    kept = house.store.find_findings(segments, FindingQuery())
    assert len(segments) == len(days) and len(kept) < len(before)
    assert all(one in before for one in kept)
    hours = lambda found: {(f.kind, f.metric, f.feature, f.slice, (f.window.start_ns or 0) // HOUR_NS) for f in found}  # noqa: E731
    assert hours(kept) == hours(before) and len(kept) == len(hours(kept))
    assert thin(house.context, MODEL, 30) == 0


def test_an_old_baseline_and_its_file_go(house: House) -> None:
    """Once the windows that were compared with it are forgotten; the one in force stays."""
    house.declare()
    for seed in (1, 2):
        house.baseline(labelled(population(500, seed=seed), seed=seed))
    assert len(list((house.folder / "segments" / "baselines").rglob("*.parquet"))) == 2
    house.now_ns = START + 31 * DAY_NS
    expire(house.context, KEPT)
    (kept,) = (house.folder / "segments" / "baselines").rglob("*.parquet")
    entry = house.catalog.baseline(MODEL)
    assert entry is not None and entry.path.endswith(kept.name)
