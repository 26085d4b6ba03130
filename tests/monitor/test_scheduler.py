"""The scheduler: each place apart, nothing kept of what is gone, an end when told."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.definitions import MonitoredModel
from monitor.exporters.telemetry import Telemetry
from monitor.jobs.expire import Retention
from monitor.scheduler import Scheduler
from tests.monitor.jobs.house import LATENESS, MODEL, SECOND, House, closed, labelled, minute, population, truth_of


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    house.declare()
    house.baseline(labelled(population(2_000, seed=1), seed=2))
    yield house
    house.close()


def test_a_changed_lateness_holds_at_once(ready: House) -> None:
    """The declaration is read again in every pass, though its window keeps its name."""
    ready.serve(population(100, seed=3))
    ready.declare(windows=[{"every": "1m", "lateness": "5m"}])
    assert ready.at(closed(0)) == 0
    ready.declare(windows=[{"every": "1m", "lateness": "10s"}])
    assert ready.at(minute(1) + 10 * SECOND) == 1


def test_a_changed_lateness_holds_for_a_window_that_runs(ready: House) -> None:
    """Not only before the first one closed."""
    ready.serve(population(100, seed=3))
    ready.serve(population(100, seed=4, start_ns=minute(1)))
    assert ready.at(closed(0)) == 1
    ready.declare(windows=[{"every": "1m", "lateness": "10s"}])
    assert ready.at(closed(1) - LATENESS + 10 * SECOND) == 1


def test_a_fault_of_one_version_stops_no_other(ready: House) -> None:
    """A file that is gone is told with its place; the other version's window closes."""
    for version in ("1", "2"):
        ready.serve(population(100, seed=3), version)
    (broken,) = ready.catalog.segments("predictions", MODEL, "1")
    (ready.folder / "segments" / broken.path).unlink()
    ready.now_ns = closed(0)
    assert ready.scheduler.run_pass() == 1
    (error,) = ready.scheduler.health.errors
    assert error.startswith(f"model {MODEL}, version '1', window 1m: ")


def test_what_is_kept_of_a_version_goes_with_it(ready: House) -> None:
    """Deployments name ever new versions; their tracks are large."""
    for version in ("1", "2"):
        ready.serve(population(100, seed=3), version)
    ready.at(closed(0))
    assert len(ready.scheduler._closers) == 2
    ready.catalog.drop_segments([s.id for s in ready.catalog.segments("predictions", MODEL, "1")])
    ready.at(closed(0))
    assert len(ready.scheduler._closers) == len(ready.catalog.versions(MODEL))


def test_what_a_crash_left_behind_is_swept_when_the_next_one_starts(ready: House) -> None:
    """A file that the catalog never heard of; not those that it knows, nor one that may be registered just now."""
    ready.serve(population(100, seed=3))
    (known,) = ready.catalog.segments("predictions", MODEL)
    path = ready.folder / "segments" / known.path
    left, fresh = path.with_name("left.parquet"), path.with_name("fresh.parquet")
    for each, at in ((path, 0), (left, 0), (fresh, ready.now_ns // SECOND)):
        each.touch()
        os.utime(each, (at, at))
    ready.scheduler.start()
    deadline = time.monotonic() + 60
    while left.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    ready.scheduler.stop(60)
    assert path.exists() and fresh.exists()


def test_nothing_starts_after_the_stop(ready: House) -> None:
    """A pass in progress ends with the window it is at."""
    ready.serve(population(100, seed=3))
    ready.scheduler.stop(0)
    ready.now_ns = closed(0)
    assert ready.scheduler.run_pass() == 0


def test_the_name_of_a_model_that_nobody_declared_is_told_to_no_one(ready: House) -> None:
    """It came with traffic, and labels are kept for ever: all such models are one in our own metrics."""
    telemetry = Telemetry("0")
    context = replace(ready.context, observer=telemetry)
    model = MonitoredModel.from_document({"model": "evil", "windows": [{"every": "1m", "lateness": "30s"}]})
    ready.catalog.put_model(model, ready.now_ns, declared=False)
    rows = population(100, seed=3).in_canonical_order()
    ready.catalog.put_segments([ready.store.write_rows("evil", "1", rows, ready.now_ns)])
    ready.now_ns = closed(0)
    assert Scheduler(context, retention=Retention(), patient=False).run_pass() == 1
    told = {s.labels["model"] for f in telemetry.collect() for s in f.samples if "model" in s.labels}
    assert told == {"unknown"}


class Counting:
    """A catalog that counts how often it is asked for windows or segments."""

    def __init__(self, house: House) -> None:
        self._catalog, self.asked = house.catalog, 0

    def __getattr__(self, name: str) -> object:
        self.asked += name in ("windows", "segments", "versions", "baseline")
        return getattr(self._catalog, name)


@pytest.fixture
def counting(ready: House) -> Counting:
    """The first window is closed, and the next pass has nothing to do."""
    catalog = Counting(ready)
    ready.scheduler = Scheduler(replace(ready.context, catalog=catalog), retention=Retention(), patient=False)  # type: ignore[arg-type]  # the same methods
    ready.serve(population(100, seed=3))
    ready.at(closed(0))
    catalog.asked = 0
    return catalog


def test_a_model_with_nothing_to_do_costs_nothing(ready: House, counting: Counting) -> None:
    """Rows of a window that is open are no reason to look: it is looked at when it is due."""
    ready.serve(population(100, seed=4, start_ns=minute(1)))
    assert ready.at(closed(0) + SECOND) == 0
    assert counting.asked == 0
    assert ready.at(closed(1)) == 1


def test_late_rows_are_not_waited_with(ready: House, counting: Counting) -> None:
    """They revise their window in the next pass."""
    ready.serve(population(10, seed=4, name="late"))
    assert ready.at(closed(0) + SECOND) == 1


def test_labels_are_not_waited_with(ready: House, counting: Counting) -> None:
    """They are looked at in the next pass."""
    served = population(100, seed=3)
    ready.label(*truth_of(served, seed=5))
    assert ready.at(closed(0) + SECOND) == 1


def test_a_new_version_is_not_waited_with(ready: House, counting: Counting) -> None:
    """Its first window is due at once where its rows are old."""
    ready.serve(population(100, seed=4), "2")
    assert ready.at(closed(0) + SECOND) == 1


def test_a_new_baseline_is_not_waited_with(ready: House, counting: Counting) -> None:
    """Later windows are compared with it."""
    ready.baseline(labelled(population(2_000, seed=7), seed=8))
    ready.serve(population(100, seed=4, start_ns=minute(1)))
    ready.at(closed(1))
    entry = ready.catalog.baseline(MODEL)
    assert entry is not None
    assert [w.baseline for w in ready.windows()][-1] == entry.id


def test_a_clock_that_was_set_back_holds_up_nothing(ready: House, counting: Counting) -> None:
    """What was found quiet later says nothing of an earlier time."""
    ready.at(closed(0) + 30 * SECOND)
    counting.asked = 0
    ready.at(closed(0) - SECOND)
    assert counting.asked > 0
