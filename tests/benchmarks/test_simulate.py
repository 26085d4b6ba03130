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
from monitor.tiles.categorical import CategoricalTile
from monitor.tiles.tileset import DesignEffects


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


@pytest.mark.parametrize("tolerance", [0.0, 0.02])
@pytest.mark.parametrize(
    ("kind", "alerts"), [("normal", {"quality"}), ("categories", {"drift", "quality"}), ("mixed", {"drift", "quality"})]
)
def test_alerts_open_worsen_and_close_at_the_same_looks(kind, alerts, tolerance):
    """Twelve features of which two change for twenty windows, then more: as with every window judged."""
    rng = np.random.default_rng(10)
    own = features(rng, kind, 2_000, 12)
    counts = [windows_of(rng, feature.shares, 300, 120) for feature in own]
    for at, feature in enumerate(own[1:3], start=1):
        absent = np.zeros(len(feature.shares))
        absent[-1], absent[-2] = 1.0, 0.0 if at == 1 else isinstance(feature.tile, CategoricalTile)
        for first, share in ((40, 0.1), (50, 0.4)):
            changed = (1 - share) * feature.shares + share * absent / absent.sum()
            counts[at][first : first + 10] = windows_of(rng, changed, 300, 10)
    stream = Stream.of(own, counts, baseline_of(own, 2_000), model_of(tolerance, 30.0))
    few, all_ = (
        [(index, t.kind, t.state, t.escalated, t.features, t.summary) for index, t in stream.told(skip=skip)]
        for skip in (True, False)
    )
    assert few == all_
    assert {kind.value for _, kind, *_ in few} >= alerts
    assert {state.value for _, _, state, *_ in few} == {"firing", "resolved"}
    assert any(escalated for _, _, _, escalated, *_ in few)


def test_there_are_alarms_to_compare():
    """At that budget streams of nothing alarm now and then, so the comparison above compares something."""
    found = [told(kind, 500, 50, windows=100, budget=3_000, skip=True) for kind in KINDS]
    assert sum(map(len, found)) > 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("rows", "n", "swap", "effect"),
    [(500, 50, 0, 1.0), (500, 3_000, 0, 1.0), (5_000, 200, 0.02, 1.0), (2_000, 900, 0.2, 1.0), (2_000, 900, 0.2, 4.5)],
)
def test_the_screen_misses_no_test_within_its_limit(kind, rows, n, swap, effect):
    """Every look at every merge of 64 windows, some rows swapped between cells: what the product's tests call within the
    limit (of an alert, of an effect alone) has its bit set."""
    rng = np.random.default_rng(9)
    own = features(rng, kind, rows, 2 * len(KINDS[kind]))
    shares = [(1 - swap) * feature.shares + swap * np.roll(feature.shares, 1) for feature in own]
    counts = [windows_of(rng, each, n, 64) for each in shares]
    baseline = baseline_of(own, rows, DesignEffects((16,), (effect,)))
    stream = Stream.of(own, counts, baseline, model_of(0.0, 300.0))
    suspects = stream.suspects()
    at = {name: i for i, name in enumerate(stream.names)}
    limits = dict(zip(METRICS, zip(stream.limits, stream.near_limits, strict=True), strict=True))
    bits = dict(zip(METRICS, (DISTRIBUTION, MISSING, UNSEEN), strict=True))
    for index in range(64):
        near = stream.near(index)
        for scale, tiles in stream.due(index, 0).items():
            look = Look(tiles, baseline, effect)
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
