"""Streams with slices through judging and life cycle: what people would be told."""

from dataclasses import replace

import numpy as np

from monitor.definitions import MonitoredModel
from monitor.findings import AlertKind, Span, Transition
from monitor.jobs.look import Subject, Track, plan_for, take_look
from monitor.tiles.baseline import build_baseline
from monitor.tiles.profile import profile
from monitor.tiles.rows import Rows
from monitor.tiles.tileset import DesignEffects
from tests.monitor.tiles.samples import rows

MINUTES_5 = 300 * 10**9
SLICES = [
    "g=a",
    "g=b",
    {"name": "high", "where": "x > 0.5"},
    {"name": "low in a", "where": "x <= 0 and g = 'a'"},
    {"name": "rare", "where": "y > 2"},
]


def model(budget: float) -> MonitoredModel:
    return MonitoredModel.from_document(
        {
            "model": "m",
            "features": {"x": "numeric", "y": "numeric", "z": "numeric", "g": "categorical"},
            "slices": SLICES,
            "windows": [{"every": "5m"}],
            "false_alarms_per_month": budget,
            "checks": {"drift": {"tolerance": {"js_distance": 0.0, "correlation_distance": 0.0}}},
        }
    )


def drawn(rng: np.random.Generator, n: int, shift: float = 0.0) -> Rows:
    """`shift` moves z among the rows of group b, a fifth of all, and nowhere else."""
    group = rng.choice(["a", "b", "c"], n, p=[0.5, 0.2, 0.3])
    z = rng.normal(size=n) + shift * (group == "b")
    return rows({"x": rng.normal(size=n), "y": rng.normal(size=n), "z": z, "g": group.astype(object)})


def told(seed: int, windows: int, *, budget: float, shift: float = 0.0, n: int = 300) -> list[tuple[int, Transition]]:
    rng = np.random.default_rng(seed)
    declared = model(budget)
    baseline = build_baseline(drawn(rng, 5_000), declared, time_ordered=False)
    # Rows are independent, and said to be.
    subject = Subject(declared, "", replace(baseline, design_effects=DesignEffects((1,), (1.0,))))
    plan = plan_for(declared, baseline, declared.windows[0], None)
    track, found = Track(), []
    for i in range(windows):
        tiles = profile(drawn(rng, n, shift), baseline.grids, declared)
        track, looked = take_look(track, subject, Span(i * MINUTES_5, (i + 1) * MINUTES_5), tiles, plan=plan)
        found += [(i, t) for t in looked.transitions if t.state.value == "firing"]
    return found


def test_slices_stay_within_the_models_budget() -> None:
    """At 30 a month 500 windows allow 1.7 alarms; more than 7 has probability under 0.001. Tolerance is 0."""
    assert sum(len(told(seed, 250, budget=30)) for seed in (1, 2)) <= 7


def test_a_drift_in_one_slice_is_told_once_with_the_slice_named() -> None:
    """Half a standard deviation in a fifth of the rows: one alert, whose first line is z in that slice."""
    found = told(3, 25, budget=1, shift=0.7)
    assert [t.kind for _, t in found] == [AlertKind.DRIFT]
    lines = found[0][1].features
    assert (lines[0].feature, lines[0].slice) == ("z", "g=b")
    assert "of g=b" in found[0][1].summary
