"""Versions side by side: SciPy's chi-square for the split, intervals that hold, and a candidate that is no worse told nobody."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from monitor.alerts.budget import families_present
from monitor.alerts.evidence.rivals import AGAINST, service_against
from monitor.alerts.evidence.trials import Look
from monitor.alerts.side_by_side import compared_measurements, sample_ratio, service_differences
from monitor.definitions import MonitoredModel
from monitor.findings import AlertKind, AlertStatus, Measurement, Span, Value
from monitor.jobs.look import Subject, Track, plan_for, take_look
from monitor.jobs.set_baseline import build_baseline
from monitor.tiles.outcome import BinaryOutcome
from monitor.tiles.profile import profile
from monitor.tiles.service import LATENCY_CELLS, ServiceTile
from monitor.tiles.tileset import TileSet
from tests.monitor.jobs.house import DECLARATION, labelled, population

MINUTE = 60 * 10**9


def service(rng: np.random.Generator, n: int, *, failing: float = 0.02, slower: float = 1.0) -> ServiceTile:
    """Log-normal latencies about 20 ms."""
    failed = int(rng.binomial(n, failing))
    logs = math.log(0.02 * slower) + rng.normal(0, 0.4, n - failed)
    cells = np.zeros(LATENCY_CELLS, np.int64)
    cells[80] = n - failed
    return ServiceTile(n - failed, failed, cells, float(logs.sum()), float((logs**2).sum()))


def outcome(rng: np.random.Generator, n: int, right: float = 0.8) -> BinaryOutcome:
    truth = rng.random(n) < 0.4
    said = np.where(rng.random(n) < right, truth, ~truth)
    score = np.clip(np.where(said, 0.7, 0.3) + rng.normal(0, 0.1, n), 0.001, 0.999)
    cell = (score * 1000).astype(int)
    loss = -np.log(np.where(truth, score, 1 - score))
    return BinaryOutcome(
        np.bincount(cell[truth], minlength=1000),
        np.bincount(cell[~truth], minlength=1000),
        float(loss.sum()),
        float((loss**2).sum()),
        0.0,
        n,
        int((truth & said).sum()),
        int((~truth & said).sum()),
        int((~truth & ~said).sum()),
        int((truth & ~said).sum()),
    )


def test_the_split_is_tested_as_scipy_does() -> None:
    """Three versions, any counts."""
    rng = np.random.default_rng(1)
    split = {"a": 0.5, "b": 0.3, "c": 0.2}
    for _ in range(20):
        counts = dict(zip(split, rng.multinomial(5_000, [0.5, 0.29, 0.21]).tolist(), strict=True))
        expected = stats.chisquare(list(counts.values()), [5_000 * s for s in split.values()])
        found = sample_ratio(counts, split)
        assert found.statistic == pytest.approx(expected.statistic)
        assert found.p == pytest.approx(expected.pvalue)


def test_a_right_split_is_seldom_called_wrong() -> None:
    """Of 2,000 at a level of 0.001 two are expected; nine or more come in one of 4,000 runs. A broken one is seen."""
    rng = np.random.default_rng(2)
    split = {"a": 0.9, "b": 0.1}
    wrong = 0
    for _ in range(2_000):
        b = int(rng.binomial(3_000, 0.1))
        wrong += sample_ratio({"a": 3_000 - b, "b": b}, split).mismatch is True
    assert wrong <= 8
    assert sample_ratio({"a": 9_000, "b": 1_200}, split).mismatch


def test_what_cannot_be_told_of_a_split_has_a_reason() -> None:
    """Too few requests; rows in the place of requests; a version that got none is told."""
    few = sample_ratio({"a": 9}, {"a": 0.9, "b": 0.1})
    assert few.mismatch is None and few.reason is not None
    assert sample_ratio({"a": 900, "b": 100}, {"a": 0.9, "b": 0.1}, "rows").mismatch is None
    assert sample_ratio({"a": 1_000}, {"a": 0.9, "b": 0.1}).mismatch


def test_intervals_of_the_service_hold() -> None:
    """Both of 300 differences hold the truth in 95 %: under 270 of 300 comes in one of 10,000 runs."""
    rng = np.random.default_rng(3)
    held = {"error_ratio": 0, "latency": 0}
    truth = {"error_ratio": 0.03, "latency": 0.2}
    for _ in range(300):
        found = service_differences(service(rng, 500, failing=0.05, slower=1.2), service(rng, 800))
        for one in found:
            held[one.metric] += one.low <= truth[one.metric] <= one.high
    assert min(held.values()) >= 270


def test_without_exchanges_nothing_is_said() -> None:
    """Of a file, or of a handful."""
    rng = np.random.default_rng(4)
    assert service_differences(None, service(rng, 100)) == ()
    assert service_differences(service(rng, 10), service(rng, 1_000)) == ()
    assert service_against(Look(TileSet(0, service=service(rng, 100)), None)) == []  # type: ignore[arg-type]  # no baseline is asked


def test_metrics_of_both_are_held_side_by_side() -> None:
    """Those of the whole performance alone."""

    def measured(metric: str, value: float, half: float, kind: AlertKind = AlertKind.PERFORMANCE) -> Measurement:
        return Measurement(metric, kind, None, None, Value(value, value - half, value + half, 0, 100))

    own = [measured("accuracy", 0.8, 0.03), measured("psi", 0.1, 0.01, AlertKind.DRIFT), measured("f1", 0.5, 0.1)]
    (found,) = compared_measurements(own, [measured("accuracy", 0.85, 0.04), measured("psi", 0.2, 0.01)])
    assert (found.metric, found.difference) == ("accuracy", pytest.approx(-0.05))
    assert (found.low, found.high) == (pytest.approx(-0.1), pytest.approx(0.0))


MODEL = MonitoredModel.from_document(
    DECLARATION
    | {
        "versions": {"champion": "1", "candidates": ["2"]},
        "false_alarms_per_month": 2_000,
        "windows": [{"every": "5m"}],
        "checks": {
            "performance": {"accuracy": 0, "f1": 0, "roc_auc": 0, "log_loss": 0},
            "quality": {"error_ratio": 0, "latency": 0},
        },
    }
)


def alarms(seed: int, windows: int, *, slower: float = 1.0, right: float = 0.8) -> list[tuple[int, AlertKind]]:
    """Which windows told of a candidate, whose champion is served as it is itself but for the arguments."""
    rng = np.random.default_rng(seed)
    rows = labelled(population(4_000, seed=1), seed=2)
    baseline = build_baseline(rows, MODEL, time_ordered=True)
    # Of the baseline's labels the candidate is as right as ever.
    own = outcome(np.random.default_rng(9), 4_000)
    baseline = replace(baseline, tiles=replace(baseline.tiles, outcome=own))
    still = profile(population(200, seed=3), baseline.grids, MODEL)
    assert {AlertKind.PERFORMANCE, AlertKind.QUALITY} <= families_present(MODEL, baseline)
    kinds = frozenset({AlertKind.PERFORMANCE, AlertKind.QUALITY})
    track, told = Track(), []
    plan = plan_for(MODEL, baseline, MODEL.windows[0], None)
    against = Subject(MODEL, "2", baseline)
    for number in range(windows):
        tiles = TileSet(
            200,
            features=still.features,
            prediction=still.prediction,
            outcome=outcome(rng, 200, right),
            service=service(rng, 200, slower=slower),
            rival=TileSet(400, outcome=outcome(rng, 400), service=service(rng, 400)),
        )
        span = Span(number * 5 * MINUTE, (number + 1) * 5 * MINUTE)
        track, looked = take_look(track, against, span, tiles, plan=plan, kinds=kinds)
        told += [(number, t.kind) for t in looked.transitions if t.state is AlertStatus.FIRING]
    return told


def test_a_candidate_that_is_alike_stays_within_its_part_of_the_budget() -> None:
    """2,000 a month over two versions is 0.05 a look at most, of which performance and quality have about a third: 300 looks may raise
    five. Sixteen or more would come in one of 10,000 runs. Tolerance is nought."""
    assert len(alarms(5, 300)) <= 15


def test_a_candidate_that_is_slower_or_wrong_is_told_soon() -> None:
    """A tenth slower within 8 windows; of each kind one alert."""
    slow = alarms(6, 16, slower=1.15)
    assert any(kind is AlertKind.QUALITY and number < 8 for number, kind in slow)
    wrong = alarms(7, 16, right=0.7)
    assert any(kind is AlertKind.PERFORMANCE and number < 8 for number, kind in wrong)
    assert AGAINST.feature == "against the champion"
