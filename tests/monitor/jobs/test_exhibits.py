"""What an alert rests on is kept with it: live, back-filled, and after the rows and windows behind it are gone."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from monitor.findings import Alert, AlertKind, Comparison, Exhibit, Transition
from monitor.jobs.backfill import backfill
from monitor.tiles.encoding import decode_baseline
from monitor.tiles.rows import Column, Rows
from tests.monitor.jobs.house import MODEL, SECOND, House, closed, labelled, minute, population, truth_of

WINDOWS, AT = 10, 5


def part(number: int, *, shift: float = 20.0, women: float = 0.0, missing: float = 0.0) -> Rows:
    """A window's rows; from the fifth on older people, of whom a share more are women, or without an age."""
    moved = number >= AT
    served = population(
        300, seed=10 + number, start_ns=minute(number), name=f"w{number}-", shift=shift if moved else 0.0
    )
    rng = np.random.default_rng(number)
    sex = np.where(rng.random(300) < (women if moved else 0.0), "f", served.columns["sex"].values)
    gone = rng.random(300) < (missing if moved else 0.0)
    age = replace(served.columns["age"], missing=gone if gone.any() else None)
    return replace(served, columns={**served.columns, "sex": Column(sex.astype(object)), "age": age})


def watched(house: House, **story: float) -> None:
    house.declare()
    house.baseline(labelled(population(4_000, seed=1), seed=2))
    for number in range(WINDOWS):
        house.serve(part(number, **story))
        house.at(closed(number))


def first(house: House, kind: AlertKind) -> Transition:
    return next(t for t in house.catalog.transitions(MODEL) if t.kind is kind)


def alert_of(house: House, kind: AlertKind) -> Alert:
    return next(a for a in house.catalog.alerts(MODEL) if a.kind is kind)


def comparison(exhibit: Exhibit | None, feature: str) -> Comparison:
    assert exhibit is not None
    return next(one for one in exhibit.comparisons if one.feature == feature)


def test_both_distributions_are_those_of_the_rows(house: House) -> None:
    """Counted once more from the values themselves, on the edges that were kept."""
    watched(house)
    told = first(house, AlertKind.DRIFT)
    age = comparison(told.exhibit, "age")
    window = part(AT).columns["age"].values.astype(float)
    before = population(4_000, seed=1).columns["age"].values.astype(float)
    edges = [-np.inf, *age.overlay.edges, np.inf]
    for values, counts in ((window, age.overlay.window_counts), (before, age.overlay.baseline)):
        counted = [int(((values > low) & (values <= high)).sum()) for low, high in pairwise(edges)]
        assert list(counts) == counted
    assert (age.n_window, age.n_baseline, age.windows) == (300, 4_000, 1)
    assert told.exhibit is not None and told.exhibit.window == told.window
    assert (told.exhibit.rule, told.exhibit.baseline) == ("1m", house.windows()[0].baseline)


def test_the_top_bins_name_what_changed_most(house: House) -> None:
    """Their parts of the divergence descend; of people twenty years older it is the oldest bin that grew."""
    watched(house)
    top = comparison(first(house, AlertKind.DRIFT).exhibit, "age").top
    assert [one.part for one in top] == sorted((one.part for one in top), reverse=True)
    assert 0 < sum(one.part for one in top) <= 1 + 1e-9
    assert top[0].name.startswith("above ") and top[0].window > 3 * top[0].baseline


def test_missing_values_are_shown_as_present_and_missing(house: House) -> None:
    """For an alert about quality that is the distribution that moved."""
    watched(house, shift=0.0, missing=0.5)
    told = first(house, AlertKind.QUALITY)
    age = comparison(told.exhibit, "age")
    assert age.overlay.categories == ("present", "missing")
    gone = int(np.sum(part(AT, shift=0.0, missing=0.5).columns["age"].missing))
    assert age.overlay.window_counts == (300 - gone, gone)
    assert age.overlay.baseline == (4_000, 0)


def test_performance_is_shown_by_its_decisions(house: House) -> None:
    """Right and wrong of both kinds, of the windows that the first line was seen in."""
    house.declare()
    house.baseline(labelled(population(4_000, seed=1), seed=2))
    for number in range(WINDOWS):
        served = population(300, seed=10 + number, start_ns=minute(number), name=f"w{number}-")
        house.serve(served)
        house.at(closed(number))
        house.label(*truth_of(served, seed=number, flipped=0.4 if number >= AT else 0.0))
        house.at(closed(number) + 70 * SECOND)
    told = first(house, AlertKind.PERFORMANCE)
    assert told.exhibit is not None
    (shown, *_) = told.exhibit.comparisons
    assert shown.overlay.categories == ("true positive", "false positive", "true negative", "false negative")
    assert (shown.n_window, shown.n_baseline) == (300 * shown.windows, 4_000)


def test_it_outlives_rows_tiles_and_findings(house: House) -> None:
    """Everything behind the alert is dropped; what it rests on is still told, after a restart too."""
    watched(house)
    before = first(house, AlertKind.DRIFT).exhibit
    far_ns = closed(WINDOWS) + 400 * 86_400 * SECOND
    for segment in house.catalog.expire(far_ns, alerts_before_ns=0, exporters=()):
        house.store.delete([segment])
    house.restart()
    assert house.windows() == []
    assert first(house, AlertKind.DRIFT).exhibit == before
    assert alert_of(house, AlertKind.DRIFT).exhibit is not None


def test_backfill_keeps_the_same(house: House) -> None:
    """Field by field, and the causes that took one another's place too."""
    watched(house, women=0.6)
    entry, known = house.catalog.baseline(MODEL), house.catalog.model(MODEL)
    assert entry is not None and known is not None
    steps = backfill(
        house.store.read_rows(house.catalog.segments("predictions", MODEL)), None, known.in_force(),
        decode_baseline(entry.profile), version="1", baseline_rows=house.store.read_baseline(entry.path),
    )  # fmt: skip
    looked = [step.looked for step in steps]
    filled = [t.exhibit for one in looked for t in one.transitions]
    assert filled == [t.exhibit for t in house.catalog.transitions(MODEL)]
    last = {a.kind: (a.exhibit, a.cause, a.past_causes) for one in looked for a in one.alerts}
    assert last == {a.kind: (a.exhibit, a.cause, a.past_causes) for a in house.catalog.alerts(MODEL)}


@pytest.fixture
def grown(house: House) -> Alert:
    """An alert about age, which one window later is about sex too, without being twice as bad."""
    house.declare()
    house.baseline(labelled(population(4_000, seed=1), seed=2))
    for number in range(WINDOWS + 2):
        house.serve(part(number, women=0.5 if number > AT else 0.0))
        house.at(closed(number))
    return alert_of(house, AlertKind.DRIFT)


def test_the_cause_follows_a_story_that_grows(grown: Alert, house: House) -> None:
    """Another feature has joined: it is named, what was found first is kept, and nobody is told twice."""
    assert grown.cause is not None and "sex" in grown.cause.features
    assert grown.past_causes and grown.past_causes[0] == first(house, AlertKind.DRIFT).cause
    assert "sex" not in grown.past_causes[0].features
    assert len([t for t in house.catalog.transitions(MODEL) if t.kind is AlertKind.DRIFT]) == 1
