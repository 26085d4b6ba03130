"""What a restart of the monitor keeps, and what a failure of a commit costs."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.jobs.track import load_progress, load_track, progress_key
from monitor.tiles.encoding import decode_baseline, encode_tileset
from tests.monitor.jobs.house import LATENESS, MODEL, SECOND, House, closed, minute, truth_of
from tests.monitor.jobs.test_close_windows import served, watched


def test_labels_that_wait_survive_a_restart(house: House) -> None:
    """Noted and not yet looked at when the process ended, with another window closed in between: looked at after it."""
    watched(house)
    rows = served(house, 0)
    served(house, 1)
    house.at(closed(0))
    house.at(closed(1) - SECOND)
    ids, values = truth_of(rows, seed=9)
    house.label(ids[:80], values[:80])
    house.scheduler.run_pass()
    house.at(closed(1))
    assert house.windows()[0].labelled == 0
    served(house, 2)
    house.restart()
    house.at(closed(1) + LATENESS)
    assert house.windows()[0].labelled == 80


def test_labels_that_came_before_their_window_closed_survive_a_restart(house: House) -> None:
    """A fifth of the labels was there when the window closed, and the process ended while it waited for more."""
    watched(house)
    rows = served(house, 0)
    ids, values = truth_of(rows, seed=9)
    house.label(ids[:80], values[:80])
    house.at(minute(1))
    house.at(closed(0))
    house.restart()
    house.at(closed(0) + LATENESS)
    assert house.findings("roc_auc")[0].value is not None


def test_more_labels_of_a_window_that_was_looked_at_survive_a_restart(house: House) -> None:
    """They revise it, though it had its verdict."""
    watched(house)
    rows = served(house, 0)
    served(house, 1)
    ids, values = truth_of(rows, seed=9)
    house.at(closed(0))
    house.label(ids[:80], values[:80])
    house.at(closed(0) + LATENESS)
    house.now_ns = closed(1) - SECOND
    house.label(ids[80:160], values[80:160])
    house.scheduler.run_pass()
    house.at(closed(1))
    house.restart()
    house.at(closed(1) + LATENESS)
    assert house.windows()[0].labelled == 160


def state(house: House) -> tuple[object, ...]:
    """The track as the catalog has it: merges as bytes, alerts, counts."""
    entry = house.catalog.baseline(MODEL)
    assert entry is not None
    baseline = decode_baseline(entry.profile)
    ((place, closer),) = [(c.place, c) for c in house.scheduler._closers.values()]
    progress = load_progress(house.catalog, progress_key(place.model, place.version, place.rule))
    rebuilt, kept = load_track(house.catalog, place, baseline, progress), closer.track

    def comparable(track: Any) -> tuple[object, ...]:
        pyramids = (track.inputs, track.outcomes)
        levels = [[[encode_tileset(t) for t in level] for level in p.levels] for p in pyramids]
        return levels, [p.looks for p in pyramids], dict(track.alerts)

    for ours, theirs in zip(comparable(rebuilt), comparable(kept), strict=True):
        assert ours == theirs
    return comparable(rebuilt)


@pytest.mark.parametrize("windows", [1, 2, 3, 7, 12])
def test_a_restart_rebuilds_the_same_track(house: House, windows: int) -> None:
    """Merges to the byte, alerts and look numbers, at every place of the pyramid, labels included."""
    watched(house)
    for number in range(windows):
        rows = served(house, number)
        if number % 3 != 2:
            house.label(*truth_of(rows, seed=number))
        house.at(closed(number))
    state(house)


def test_a_restart_after_an_alert_ended_rebuilds_the_same_track(house: House) -> None:
    """The merges that began anew with the resolve begin anew after the restart too."""
    watched(house)
    for number, shift in enumerate([0, 0, 30, 30, 0, 0, 0, 0, 0, 0, 0, 0]):
        served(house, number, shift=shift)
        house.at(closed(number))
    assert ("drift", "resolved") in house.transitions()
    state(house)


def test_a_restart_changes_no_transition(house: House) -> None:
    """The same windows with a restart after each give the same transitions, each sent once."""
    watched(house, receivers=[{"webhook": "http://127.0.0.1:9/hook"}])
    for number, shift in enumerate([0, 30, 30, 0, 0, 0, 0, 0]):
        served(house, number, shift=shift)
        house.at(closed(number))
        house.restart()
    drift = [s for k, s in house.transitions() if k == "drift"]
    assert drift == ["firing", "resolved"]
    assert [t.state.value for t, _ in house.notifier.sent if t.kind.value == "drift"] == drift


def test_a_window_that_could_not_be_committed_is_closed_anew(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk while an alert fires: the look is taken again from where the catalog is, and the page is not lost."""
    watched(house)
    served(house, 0)
    house.at(closed(0))
    served(house, 1, shift=30)
    commit = type(house.catalog).commit_window

    def full(*_: Any) -> int:
        raise OSError("No space left on device")

    monkeypatch.setattr(type(house.catalog), "commit_window", full)
    house.now_ns = closed(1)
    house.scheduler.run_pass()
    assert "No space left" in house.scheduler.health.errors[-1]
    monkeypatch.setattr(type(house.catalog), "commit_window", commit)
    house.scheduler.health.errors.clear()
    house.at(closed(1))
    assert ("drift", "firing") in house.transitions()
    state(house)


def test_a_rule_that_is_declared_anew_is_in_force_at_once(house: House) -> None:
    """Half an hour of lateness instead of half a minute, without a restart."""
    watched(house)
    served(house, 0)
    house.at(closed(0))
    house.declare(windows=[{"every": "1m", "lateness": "30m"}])
    served(house, 1)
    house.at(closed(1))
    assert len([w for w in house.windows() if w.n_window]) == 1
    house.at(minute(2) + 1_800 * SECOND)
    assert len([w for w in house.windows() if w.n_window]) == 2
