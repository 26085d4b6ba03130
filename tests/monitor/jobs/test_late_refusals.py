"""Refused exchanges that come after their window closed revise it, as late rows do; no alert is moved, and nothing is counted twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.findings import Finding, Status
from monitor.jobs.expire import HOUR_NS, compact
from monitor.ports import WindowEntry
from tests.monitor.jobs.house import MODEL, House, closed, labelled, minute, population
from tests.monitor.jobs.test_rivals import VERSIONS, refuse, timed

N = 200


def opened(house: House, **keys: Any) -> None:
    house.declare(versions=VERSIONS, **keys)
    house.baseline(labelled(population(4_000, seed=1), seed=2))


def both(house: House, number: int, versions: str = "12") -> None:
    """Rows of a window, timed."""
    for version in versions:
        rows = population(N, seed=number + 50 * int(version), start_ns=minute(number), name=f"v{version}-{number}-")
        house.serve(timed(rows, seed=number), version)


def windows(house: House, version: str = "2") -> Mapping[int, WindowEntry]:
    return {(w.span.start_ns or 0): w for w in house.windows(version=version)}


def shares(house: House) -> dict[tuple[str | None, int], Finding]:
    return {(f.version, f.window.start_ns or 0): f for f in house.findings("error_ratio")}


def test_a_window_with_rows_gets_its_refusals(house: House) -> None:
    """Its share of refusals is measured anew, with the next revision; nobody is told."""
    opened(house)
    for number in range(3):
        both(house, number)
        house.at(closed(number))
    refuse(house, 1, "2", 60)
    house.at(closed(3))
    found = windows(house)
    assert [found[minute(n)].revision for n in range(3)] == [0, 1, 0]
    assert found[minute(1)].n_window == N
    one = shares(house)["2", minute(1)]
    assert (one.value, one.revision, one.status) == (60 / (N + 60), 1, Status.CRITICAL)
    assert house.transitions() == []
    house.restart()
    house.at(closed(4))
    assert windows(house)[minute(1)].revision == 1


def test_a_window_that_closed_empty_gets_its_refusals(house: House) -> None:
    """All that it was asked was refused: it says so, and is critical."""
    opened(house)
    both(house, 0)
    house.at(closed(0))
    both(house, 1, "1")
    house.at(closed(1))
    assert windows(house)[minute(1)].status is Status.NO_DATA
    refuse(house, 1, "2", 60)
    house.at(closed(1) + 10**9)
    late = windows(house)[minute(1)]
    assert (late.revision, late.n_window, late.status) == (1, 0, Status.CRITICAL)
    assert late.reason == "no rows: all 60 exchanges were refused"
    assert shares(house)["2", minute(1)].value == 1.0
    assert house.transitions() == []


def test_a_time_without_any_window_gets_one(house: House) -> None:
    """After a silence in which none was told of; with nothing of the champion beside it, it says only that all was refused."""
    opened(house)
    for number in (0, 12):
        both(house, number)
        house.at(closed(number))
    assert minute(8) not in windows(house)
    refuse(house, 8, "2", 40)
    house.at(closed(13))
    late = windows(house)[minute(8)]
    assert (late.revision, late.n_window) == (0, 0)
    assert late.reason == "no rows: all 40 exchanges were refused"


def test_a_window_by_rows_gets_its_refusals(house: House) -> None:
    """They fall into its span."""
    opened(house, windows=[{"rows": N, "lateness": "30s"}])
    for number in range(3):
        both(house, number)
    house.at(closed(3))
    first = house.windows(version="2")[0]
    refuse(house, 0, "2", 60)
    house.at(closed(4))
    again = house.windows(version="2")[0]
    assert (again.span, again.revision, first.revision) == (first.span, 1, 0)
    assert shares(house)["2", first.span.start_ns or 0].value == 60 / (N + 60)


def test_files_that_were_joined_revise_nothing(house: House) -> None:
    """Of rows and of refusals: they look like new ones."""
    opened(house)
    for number in range(10):
        both(house, number)
        refuse(house, number, "2", 3)
        house.at(closed(number))
    house.now_ns += 3 * HOUR_NS
    for kind in ("predictions", "failures"):
        assert compact(house.context, kind, MODEL) > 0
    house.at(house.now_ns)
    assert {w.revision for w in house.windows()} == {0}
