"""What an alert rests on where the baseline moves is counted again to the bit, or it is said what is no longer kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitor.findings import Alert, AlertKind, Transition
from monitor.jobs.expire import DAY_NS, Retention, expire
from monitor.jobs.recompute import Recomputed, merged_windows, recompute
from monitor.jobs.recompute_exhibits import ExhibitCheck, recomputed_exhibits
from monitor.jobs.recompute_past import KeptPast
from monitor.tiles.encoding import decode_baseline
from monitor.tiles.rows import Rows
from monitor.tiles.tileset import Baseline
from tests.monitor.jobs.house import MODEL, SECOND, START, House, labelled, population
from tests.monitor.jobs.test_moving_baseline import DAY, N
from tests.monitor.jobs.test_moving_labels import before, truth

WINDOWS = 36
SHIFTED = range(22, 25)
AGAIN = range(30, 33)


def part(number: int, length_s: int, *, name: str = "w") -> Rows:
    return population(
        N,
        seed=500 + number,
        start_ns=START + number * length_s * SECOND,
        seconds=float(length_s),
        name=f"{name}{number}-",
        shift=25.0 if number in SHIFTED or number in AGAIN else 0.0,
    )


def lived(house: House, section: dict[str, str], every: str, length_s: int) -> None:
    """Two changes, so that alarmed windows are left out of the past of the second."""
    house.declare(baseline=section, windows=[{"every": every, "lateness": "0s"}], slices=["sex=f"])
    house.baseline(labelled(population(3_000, seed=1, start_ns=START - DAY), seed=2))
    for number in range(WINDOWS):
        house.serve(part(number, length_s))
        house.at(START + (number + 1) * length_s * SECOND)
    house.at(START + (WINDOWS + 2) * length_s * SECOND)


def known(house: House) -> tuple[Any, Baseline]:
    entry, stored = house.catalog.baseline(MODEL), house.catalog.model(MODEL)
    assert entry is not None and stored is not None
    return stored.in_force(), decode_baseline(entry.profile)


def spoken(house: House, kind: AlertKind = AlertKind.DRIFT) -> list[Transition | Alert]:
    """Everything of a kind that keeps distributions."""
    found: list[Transition | Alert] = [t for t in house.catalog.transitions(MODEL) if t.kind is kind and t.exhibit]
    return found + [a for a in house.catalog.alerts(MODEL) if a.kind is kind and a.exhibit]


def checked(house: House, one: Transition | Alert, *, labels: bool = False) -> tuple[list[Recomputed], ExhibitCheck]:
    """As the command does it that stands with the alert."""
    model, baseline = known(house)
    assert one.exhibit is not None
    last = next(w for w in house.windows() if w.span == one.exhibit.window and w.version == (one.version or ""))
    size = max(line.windows for line in one.features)
    windows = merged_windows(house.catalog, last, size, labelled=labels) if size > 1 else [last]
    past = KeptPast.of(house.catalog, house.store, model, baseline, windows)
    counted = [recompute(house.catalog, house.store, model, window, past) for window in windows]
    tiles = [each.tiles for each in counted]
    found = recomputed_exhibits(house.catalog, baseline, windows, tiles, past, labelled=labels and size > 1)
    return counted, next(each for each in found if each.kind == one.kind.value)


@pytest.mark.parametrize(
    ("section", "every", "length_s"),
    [({"trailing": "8m"}, "1m", 60), ({"season": "hour_of_day", "history": "4d"}, "6h", 21_600)],
)
def test_every_alert_of_a_baseline_that_moves_is_equal_to_the_bit(
    house: House, section: dict[str, str], every: str, length_s: int
) -> None:
    """Both sides of every distribution, and every value of its windows, long after and after a restart."""
    lived(house, section, every, length_s)
    house.restart()
    told = spoken(house)
    assert len({one.exhibit.window for one in told if one.exhibit}) > 1
    assert len({one.exhibit.baseline for one in told if one.exhibit}) > 1
    for one in told:
        counted, check = checked(house, one)
        assert (check.equal, check.left_out, check.compared > 0) == (True, None, True)
        assert all(each.equal and each.left_out == () for each in counted)


def test_a_merge_against_a_past_is_equal_too(house: House) -> None:
    """A faint change that only several windows together show."""
    house.declare(baseline={"trailing": "24m"}, windows=[{"every": "1m", "lateness": "0s"}])
    house.baseline(labelled(population(3_000, seed=1, start_ns=START - DAY), seed=2))
    for number in range(56):
        shift = 5.0 if number >= 40 else 0.0
        house.serve(
            population(150, seed=500 + number, start_ns=START + number * 60 * SECOND, name=f"w{number}-", shift=shift)
        )
        house.at(START + (number + 1) * 60 * SECOND)
    merges = [one for one in spoken(house) if max(line.windows for line in one.features) > 1]
    assert merges
    for one in merges:
        _, check = checked(house, one)
        assert (check.equal, check.left_out) == (True, None)


def test_an_alert_against_another_version_is_equal(house: House) -> None:
    """Its past is what the other version had in the same windows."""
    house.declare(baseline={"version": "v1"}, windows=[{"every": "1m", "lateness": "0s"}])
    house.baseline(labelled(population(3_000, seed=1, start_ns=START - DAY), seed=2))
    for number in range(6):
        house.serve(part(number, 60, name="a"), "v1")
        house.serve(replace(part(22, 60, name=f"b{number}"), time_ns=part(number, 60).time_ns), "v2")
        house.at(START + (number + 1) * 60 * SECOND)
    told = [one for one in spoken(house) if one.version == "v2"]
    assert told
    for one in told:
        counted, check = checked(house, one)
        assert (check.equal, check.left_out) == (True, None)
        assert all(each.equal and each.left_out == () for each in counted)


def test_labels_against_their_own_past_are_equal(house: House) -> None:
    """A rate of positive labels that leaps."""
    house.declare(baseline={"trailing": "8m"}, windows=[{"every": "1m", "lateness": "0s"}])
    house.baseline(before())
    for number in range(20):
        served = population(N, seed=500 + number, start_ns=START + number * 60 * SECOND, name=f"w{number}-")
        house.serve(served)
        house.label(*truth(served, 0.1 if number >= 15 else 0.6, seed=number))
        house.at(START + (number + 1) * 60 * SECOND)
    told = spoken(house, AlertKind.LABEL_DRIFT)
    assert told
    for one in told:
        _, check = checked(house, one, labels=True)
        assert (check.equal, check.left_out, check.compared > 0) == (True, None, True)


def test_what_of_the_past_is_forgotten_is_said_and_the_window_still_checked(house: House) -> None:
    """With the rows that it stood against and how many are kept; a window that differs is still found."""
    lived(house, {"trailing": "12m"}, "1m", 60)
    one = next(
        each for each in spoken(house) if each.exhibit and each.exhibit.window.start_ns == START + 22 * 60 * SECOND
    )
    assert one.exhibit is not None
    forgotten_ns = (one.exhibit.baseline_window.start_ns or 0) + 200 * SECOND
    house.catalog.expire(0, alerts_before_ns=0, exporters=(), windows_before_ns={MODEL: forgotten_ns})
    counted, check = checked(house, one)
    told = check.left_out or ""
    assert check.equal and check.compared
    assert f"the {one.exhibit.baseline_rows:,} rows from " in told and " of them are kept" in told
    assert counted[-1].equal and "drift: " in counted[-1].left_out[0]
    house.serve(population(9, seed=77, start_ns=START + 22 * 60 * SECOND, seconds=30.0, name="late-", shift=50.0))
    _, check = checked(house, one)
    assert check.differences[0] == "age"


def test_a_declaration_that_moves_no_baseline_any_more_is_said(house: House) -> None:
    """The window's own side is held against its rows all the same."""
    lived(house, {"trailing": "8m"}, "1m", 60)
    house.declare(baseline="fixed", windows=[{"every": "1m", "lateness": "0s"}], slices=["sex=f"])
    counted, check = checked(house, spoken(house)[0])
    assert check.equal and check.compared and "no such past is declared now" in (check.left_out or "")
    assert counted[-1].equal
    assert any("no such past is declared now" in part for part in counted[-1].left_out)


@pytest.mark.parametrize(("section", "days"), [({"season": "hour_of_week", "history": "8w"}, 30 + 112), ("fixed", 30)])
def test_windows_that_a_baseline_is_made_of_outlive_the_others(house: House, section: object, days: int) -> None:
    """Twice the length of the past beyond what windows are kept otherwise; then they go."""
    house.declare(baseline=section)
    house.serve(population(50, seed=1))
    house.at(START + 120 * SECOND)
    for later, kept in ((days - 1, 1), (days + 1, 0)):
        house.now_ns = START + later * DAY_NS
        expire(house.context, Retention())
        assert len([w for w in house.windows() if w.n_window]) == kept
