"""What the slices of a family may spend."""

import math
from dataclasses import replace

import numpy as np
import pytest

from monitor.alerts.evidence import FAMILIES, Look
from monitor.alerts.evidence.slices import SLICES_WEIGHT, with_slices
from monitor.definitions import Slice
from monitor.findings import AlertKind
from monitor.tiles.baseline import build_baseline
from monitor.tiles.profile import profile
from tests.monitor.tiles.samples import BINARY, mixed

MODEL = replace(BINARY, slices=(Slice("men", "sex = 'M'"), Slice("small", "rooms <= 2"), Slice("none", "height > 2")))
BASELINE = build_baseline(mixed(np.random.default_rng(1), 3_000), MODEL, time_ordered=False)
WINDOW = profile(mixed(np.random.default_rng(2), 900), BASELINE.grids, MODEL)


@pytest.mark.parametrize("kind", [AlertKind.DRIFT, AlertKind.PERFORMANCE, AlertKind.QUALITY])
def test_a_family_spends_with_slices_what_it_spent_without(kind: AlertKind) -> None:
    """The weights of all tests sum to at most 1; the whole keeps half."""
    trials = with_slices(FAMILIES[kind], Look(WINDOW, BASELINE))
    whole = sum(t.weight for t in trials if t.subjects[0].slice is None)
    assert math.isclose(whole, 1 - SLICES_WEIGHT)
    assert sum(t.weight for t in trials) <= 1 + 1e-12
    assert {s.slice for t in trials for s in t.subjects} == {None, "men", "small"}


def test_a_model_without_slices_is_as_before() -> None:
    """Nothing is split."""
    plain = replace(BASELINE, tiles=replace(BASELINE.tiles, slices={}))
    trials = with_slices(FAMILIES[AlertKind.DRIFT], Look(WINDOW, plain))
    assert math.isclose(sum(t.weight for t in trials), 1.0)


def test_a_slices_effect_is_that_of_its_own_rows() -> None:
    """The subject that stands out is gauged on the slice's tiles."""
    trials = next(
        t
        for t in with_slices(FAMILIES[AlertKind.DRIFT], Look(WINDOW, BASELINE))
        if t.metric == "js_distance" and t.subjects[0].slice is not None
    )
    own = Look(WINDOW.slices["men"], replace(BASELINE, tiles=BASELINE.tiles.slices["men"]))
    alone = FAMILIES[AlertKind.DRIFT](own)[0]
    at = next(i for i, s in enumerate(trials.subjects) if s.slice == "men")
    assert trials.gauge(at) == alone.gauge(0)
