"""A declaration is tried on stored windows: the one in force says what it said, another what it would have said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitor.definitions import MonitoredModel
from monitor.errors import InvalidInput
from monitor.findings import AlertKind
from monitor.jobs.preview import Told, preview
from monitor.tiles.encoding import decode_baseline
from tests.monitor.jobs.house import DECLARATION, MODEL, START, House, closed, labelled, minute, population
from tests.monitor.jobs.test_moving_labels import before, truth

WINDOWS = 12


def watched(house: House) -> None:
    """The sixth to eighth minute are shifted by half a standard deviation."""
    house.declare()
    house.baseline(labelled(population(3_000, seed=1, start_ns=START - 3_600 * 10**9), seed=2))
    for number in range(WINDOWS):
        shift = 8.0 if 5 <= number < 8 else 0.0
        house.serve(population(300, seed=10 + number, start_ns=minute(number), name=f"a{number}-", shift=shift))
        house.at(closed(number))


def previewed(house: House, last: int = 500, **keys: Any) -> Told:
    entry, baseline = house.catalog.model(MODEL), house.catalog.baseline(MODEL)
    assert entry is not None
    assert baseline is not None
    proposed = MonitoredModel.from_document(DECLARATION | keys)
    (told,) = preview(house.catalog, proposed, entry.in_force(), decode_baseline(baseline.profile), last)
    return told


def test_the_declaration_in_force_says_what_it_said(house: House) -> None:
    """Every transition but its cause, for which rows are needed, and the code, for a trial is no record."""
    watched(house)
    told = previewed(house)
    was = [replace(t, cause=None, code=None) for t in house.catalog.transitions(MODEL)]
    assert sorted(told.transitions, key=lambda t: (t.window, t.kind)) == sorted(was, key=lambda t: (t.window, t.kind))
    assert any(t.kind.value == "drift" for t in told.transitions)
    assert len(told.spans) == WINDOWS


def test_a_wider_tolerance_would_have_told_nothing(house: House) -> None:
    """And nothing is saved."""
    watched(house)
    wide = {name: {"tolerance": {"js_distance": 0.9}} for name in ("drift", "prediction_drift")}
    before = house.transitions()
    told = previewed(house, checks=wide)
    assert told.transitions == ()
    assert told.critical < previewed(house).critical
    assert house.transitions() == before


def test_a_baseline_that_moves_can_be_tried(house: House) -> None:
    """It has no verdict on the first windows, for there is no past of them."""
    watched(house)
    told, fixed = previewed(house, baseline={"trailing": "6m"}), previewed(house)
    assert 0 < told.judged < fixed.judged
    assert "drift" in {t.kind.value for t in told.transitions}


def test_labels_are_compared_with_the_past_of_their_own(house: House) -> None:
    """Where the baseline moves: what is in force says what it said, of labels too; a fixed one would have told them from the first window on."""
    house.declare(baseline={"trailing": "8m"})
    house.baseline(before())
    for number in range(18):
        served = population(300, seed=500 + number, start_ns=minute(number), name=f"w{number}-")
        house.serve(served)
        house.label(*truth(served, 0.1 if number >= 14 else 0.6, seed=number))
        house.at(closed(number))
    told, fixed = previewed(house, baseline={"trailing": "8m"}), previewed(house)
    was = [t for t in house.catalog.transitions(MODEL) if t.kind is AlertKind.LABEL_DRIFT]
    found = [t for t in told.transitions if t.kind is AlertKind.LABEL_DRIFT]
    assert [(t.window, t.state, t.value, t.baseline) for t in found] == [
        (t.window, t.state, t.value, t.baseline) for t in was
    ]
    assert found[0].window.start_ns == minute(14)
    assert [t.window.start_ns for t in fixed.transitions if t.kind is AlertKind.LABEL_DRIFT][:1] == [minute(0)]


def test_only_the_last_windows_are_judged(house: House) -> None:
    """As many as are asked for."""
    watched(house)
    assert previewed(house, 3).spans == previewed(house).spans[-3:]


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ({"windows": [{"every": "10m"}]}, r"windows\[0\]"),
        ({"features": {"age": "categorical"}}, r"features.age"),
        ({"features": {"height": "numeric"}}, r"features.height"),
        ({"slices": ["sex=f"]}, "slices"),
        ({"groups": ["sex"]}, "groups"),
    ],
)
def test_what_tiles_cannot_tell_is_refused_with_its_place(house: House, keys: dict[str, Any], place: str) -> None:
    """It must be counted anew."""
    house.declare()
    house.baseline(labelled(population(300, seed=1), seed=2))
    with pytest.raises(InvalidInput, match=place):
        previewed(house, **keys)
