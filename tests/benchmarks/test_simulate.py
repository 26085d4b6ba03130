"""The simulator of the published table tells what judging every window tells."""

import numpy as np
import pytest

from benchmarks.null_calibration.draws import windows_of
from benchmarks.null_calibration.kinds import KINDS, features
from benchmarks.null_calibration.screen import DISTRIBUTION, MISSING, UNSEEN
from benchmarks.null_calibration.simulate import BITS, METRICS, Stream, baseline_of
from benchmarks.null_calibration.streams import model_of
from monitor.alerts.evidence import FAMILIES
from monitor.alerts.evidence.trials import Look


def told(kind, rows, n, *, windows, budget, skip):
    """Transitions of a stream of six features."""
    rng = np.random.default_rng(7)
    own = features(rng, kind, rows, 6)
    counts = [windows_of(rng, feature.shares, n, windows) for feature in own]
    stream = Stream.of(own, counts, baseline_of(own, rows), model_of(0.0, budget))
    return [(index, t.kind, t.state, t.summary) for index, t in stream.told(skip=skip)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("rows", "n"), [(500, 50), (500, 3_000), (5_000, 200)])
def test_skipping_looks_that_cannot_hold_evidence_changes_no_transition(kind, rows, n):
    """At a hundred alarms a day, so that there are some to compare."""
    few = told(kind, rows, n, windows=100, budget=3_000, skip=True)
    assert few == told(kind, rows, n, windows=100, budget=3_000, skip=False)


def test_there_are_alarms_to_compare():
    """At that budget streams of nothing alarm now and then, so the comparison above compares something."""
    found = [told(kind, 500, 50, windows=100, budget=3_000, skip=True) for kind in KINDS]
    assert sum(map(len, found)) > 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("rows", "n", "swap"), [(500, 50, 0), (500, 3_000, 0), (5_000, 200, 0.02), (2_000, 900, 0.2)])
def test_the_screen_misses_no_test_within_its_limit(kind, rows, n, swap):
    """Every look at every merge of 64 windows, some rows swapped between cells: what the product's tests call within the
    limit (of an alert, of an effect alone) has its bit set."""
    rng = np.random.default_rng(9)
    own = features(rng, kind, rows, 2 * len(KINDS[kind]))
    shares = [(1 - swap) * feature.shares + swap * np.roll(feature.shares, 1) for feature in own]
    counts = [windows_of(rng, each, n, 64) for each in shares]
    stream = Stream.of(own, counts, baseline_of(own, rows), model_of(0.0, 300.0))
    suspects = stream.suspects()
    at = {name: i for i, name in enumerate(stream.names)}
    limits = dict(zip(METRICS, zip(stream.limits, stream.near_limits, strict=True), strict=True))
    bits = dict(zip(METRICS, (DISTRIBUTION, MISSING, UNSEEN), strict=True))
    for index in range(64):
        near = stream.near(index)
        for scale, tiles in stream.due(index, 0).items():
            look = Look(tiles, stream.baseline, 1.0)
            s = stream.scales().index(scale)
            for family in BITS:
                for trial in FAMILIES[family](look):
                    limit, alone = (values[s] for values in limits[trial.metric])
                    assert not (trial.log_p <= limit).any() or suspects[family][index]
                    for i in np.flatnonzero(trial.log_p <= alone):
                        assert near[at[trial.subjects[i].feature], s] & bits[trial.metric]


@pytest.mark.parametrize("kind", KINDS)
def test_shares_of_cells_are_those_of_drawn_rows(kind):
    """Fifty thousand fresh rows on a baseline's grid: each cell within six standard deviations of its share."""
    rng = np.random.default_rng(8)
    for feature in features(rng, kind, 2_000, len(KINDS[kind])):
        column = feature.kind.draw(rng, 50_000)
        found = feature.counted(column)
        expected = 50_000 * feature.shares
        assert abs(expected.sum() - 50_000) < 1e-6
        assert (np.abs(found - expected) <= 6 * np.sqrt(expected) + 6).all()
