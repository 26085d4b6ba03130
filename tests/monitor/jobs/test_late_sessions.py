"""Rows that come late to windows by pauses: every row is in exactly one window, and no alert is moved."""

from __future__ import annotations

import numpy as np

from monitor.tiles.rows import Rows
from tests.monitor.jobs.house import SECOND, START, House, labelled, population

GAP = 600 * SECOND
DAY = 86_400 * SECOND


def visits(seed: int) -> Rows:
    """Rows of eight hours whose pauses are often longer than ten minutes."""
    served = population(120, seed=seed, start_ns=START, seconds=60.0)
    times = np.sort(np.random.default_rng(seed).integers(START, START + 8 * 3_600 * SECOND, 120))
    return Rows(times, served.id, served.row, served.of, served.columns)


def counted(house: House) -> list[tuple[int, int, int]]:
    return [(w.span.start_ns or 0, w.span.end_ns or 0, w.n_window) for w in house.windows()]


def test_rows_that_come_late_to_no_session_make_one_of_their_own(house: House) -> None:
    """By counting: each row in one window, each window as many rows as lie in it, and windows known before stay what they were."""
    house.declare(windows=[{"session_gap": "10m", "lateness": "30s"}])
    house.baseline(labelled(population(2_000, seed=1, start_ns=START - DAY), seed=2))
    served = visits(3)
    late = np.random.default_rng(4).random(len(served)) < 0.3
    house.serve(served.take(~late))
    house.at(START + DAY)
    times = served.time_ns[~late]
    edges = np.flatnonzero(np.diff(times) > GAP) + 1
    first = [(int(part[0]), int(part[-1]) + 1, len(part)) for part in np.split(times, edges)]
    assert counted(house) == first
    told = house.transitions()
    house.serve(served.take(late))
    house.at(START + DAY + 60 * SECOND)
    found = counted(house)
    assert len(found) > len(first) and {span[:2] for span in first} <= {span[:2] for span in found}
    inside = np.array([(served.time_ns >= start) & (served.time_ns < end) for start, end, _ in found])
    assert (inside.sum(axis=0) == 1).all()
    assert inside.sum(axis=1).tolist() == [n for _, _, n in found]
    assert house.transitions() == told
    house.restart()
    house.at(START + DAY + 120 * SECOND)
    assert counted(house) == found
