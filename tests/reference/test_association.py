"""Associations of categories against SciPy: the distance, Zelen's exact law, false alarms and power, and what cannot be told."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from monitor.alerts.evidence.associations import odds_log_p
from monitor.alerts.evidence.drift import drift_tests
from monitor.alerts.evidence.trials import Look, Trials
from monitor.definitions import Feature, MonitoredModel
from monitor.findings import Measurement, Status
from monitor.metrics.drift.association_distance import association_distance
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.encoding import decode_baseline, decode_tileset, encode_baseline, encode_tileset
from monitor.tiles.merge import merge
from monitor.tiles.profile import profile
from monitor.tiles.rows import Rows
from monitor.tiles.tables import tables_tile
from monitor.tiles.tileset import Baseline, TileSet
from tests.monitor.tiles.samples import rows

NAMES = ("kind", "colour", "many", "size", "count")
MODEL = MonitoredModel(
    "m",
    features=tuple(Feature(name, "categorical" if name in ("kind", "colour", "many") else "numeric") for name in NAMES),
    metrics=("association_distance",),
)


def drawn(rng: np.random.Generator, n: int, tied: float = 0.0) -> Rows:
    """A hidden number moves all columns; with probability `tied` the colour follows the kind as well."""
    z = rng.normal(size=n)
    kind = (z + rng.normal(size=n) > 0).astype(int)
    colour = np.where(rng.random(n) < tied, kind, np.minimum(rng.geometric(0.5, n) - 1, 5))
    return rows({
        "kind": [f"k{v}" for v in kind],
        "colour": [f"c{v}" for v in colour],
        "many": [f"m{int(v)}" for v in np.exp(z + rng.normal(size=n)) * 20],
        "size": z + rng.standard_t(3, n),
        "count": rng.poisson(np.exp(z / 2)).astype(float),
    })  # fmt: skip


def built(sample: Rows, model: MonitoredModel = MODEL) -> Baseline:
    return decode_baseline(encode_baseline(build_baseline(sample, model, time_ordered=True)))


def measured(baseline: Baseline, window: TileSet) -> dict[str | None, Measurement]:
    window = decode_tileset(encode_tileset(window))
    return {m.feature: m for m in measure(baseline, window, MODEL) if m.metric == "association_distance"}


def trials_of(baseline: Baseline, window: TileSet, effect: float = 1.0) -> Trials:
    return next(t for t in drift_tests(Look(window, baseline, effect)) if t.metric == "association_distance")


@pytest.mark.parametrize("seed", range(3))
def test_beside_independent_features_the_distance_is_cramers_v(seed: int) -> None:
    """SciPy's, at every prefix; of two tables of one population it lies near its chance, and the interval reaches 0."""
    rng = np.random.default_rng(seed)
    independent = np.outer([4, 3, 3], [5, 2, 2, 1]) * 100
    a = rng.integers(0, 3, 3_000)
    b = np.where(rng.random(3_000) < 0.3, a, rng.integers(0, 4, 3_000))
    for n in (60, 500, 3_000):
        table = np.bincount(a[:n] * 4 + b[:n], minlength=12).reshape(3, 4)
        expected = stats.contingency.association(table, method="cramer")
        assert association_distance(independent, table).value == pytest.approx(expected, abs=1e-12)
    same = rng.multinomial(2_000, independent.ravel() / independent.sum()).reshape(3, 4)
    found = association_distance(independent, same)
    assert found.low == 0.0 and found.value is not None and found.value < 0.08


def test_the_tail_is_zelens() -> None:
    """Never under the law that the product of two hypergeometric laws has given their sum, and over it by at most a tenth of log p."""
    rng = np.random.default_rng(4)
    windows, baselines, exact = [], [], []
    for _ in range(400):
        n, m = int(rng.choice([100, 1_000, 20_000])), int(rng.choice([500, 5_000, 50_000]))
        pa, pb = rng.choice([0.5, 0.2, 0.05, 0.01, 0.9], 2)
        tables = []
        for size, tied in ((n, rng.choice([0.0, 0.1, 0.4])), (m, 0.1)):
            a = rng.random(size) < pa
            b = np.where(rng.random(size) < tied, a, rng.random(size) < pb)
            tables.append((int((a & b).sum()), int(a.sum()), int(b.sum()), size))
        (k, a_, b_, n), (j, c_, d_, m) = tables
        low = max(0, a_ + b_ - n, k + j - min(c_, d_))
        xs = np.arange(low, min(a_, b_, k + j - max(0, c_ + d_ - m)) + 1)
        logs = stats.hypergeom.logpmf(xs, n, a_, b_) + stats.hypergeom.logpmf(k + j - xs, m, c_, d_)
        logs -= np.logaddexp.reduce(logs)
        tails = [np.logaddexp.reduce(logs[which]) for which in (xs >= k, xs <= k)]
        exact.append(min(0.0, np.log(2.0) + min(tails)))
        windows.append(tables[0])
        baselines.append(tables[1])
    found = odds_log_p(np.array(windows, float), np.array(baselines, float))
    away = found - np.array(exact)
    assert away.min() > -1e-8
    assert (away <= 0.5 + 0.1 * -np.array(exact)).all()


def test_false_alarms_stay_within_what_is_allowed() -> None:
    """400 windows of nine pairs: the smallest p times their number is under 0.05 in at most 32, which a rate of 0.05 exceeds once in 500 runs."""
    seen = []
    for seed in range(8):
        rng = np.random.default_rng([7, seed])
        baseline = built(drawn(rng, int(rng.choice([500, 3_000]))))
        for _ in range(50):
            window = TileSet(600, tables=tables_tile(drawn(rng, 600), baseline.grids.tables))
            trials = trials_of(baseline, window)
            seen.append(float(trials.log_p.min()) + np.log(len(trials.log_p)))
    assert len(seen) == 400 and (np.exp(seen) <= 0.05).sum() <= 32


def test_a_pair_that_came_to_hang_together_is_found_and_no_other() -> None:
    """The shares of all values are as before; the pair's distance is beyond its tolerance and its odds say so."""
    rng = np.random.default_rng(8)
    baseline = built(drawn(rng, 5_000))
    before = drawn(rng, 1_000)
    after = drawn(rng, 1_000, 0.0)
    order = np.argsort(np.array(after.columns["kind"].values, str), kind="stable")
    shuffled = np.sort(np.array(after.columns["colour"].values, str))
    mixed = np.where(rng.random(1_000) < 0.5, shuffled, rng.permutation(shuffled))
    colour = np.empty(1_000, object)
    colour[order] = mixed
    columns = {name: list(column.values) for name, column in after.columns.items()} | {"colour": list(colour)}
    for sample, expected in ((before, set()), (rows(columns), {"kind~colour"})):
        window = profile(sample, baseline.grids, MODEL)
        trials, found = trials_of(baseline, window), measured(baseline, window)
        names = [subject.feature for subject in trials.subjects]
        gauged = [trials.gauge(i) for i in range(len(names))]
        evident = {n for n, p, g in zip(names, trials.log_p, gauged, strict=True) if p < np.log(1e-6) and g.low > 0.1}
        assert evident == expected
        assert all(found[name].value.value == gauged[i].value for i, name in enumerate(names))
    assert " % of k" in trials.gauge(names.index("kind~colour")).detail


def test_a_feature_that_moved_by_itself_is_not_an_association() -> None:
    """Twice as many of one kind, drawn so that all else goes with it as before: the exact test sees nothing."""
    rng = np.random.default_rng(9)
    baseline = built(drawn(rng, 5_000))
    pool = drawn(rng, 6_000)
    kept = rng.random(6_000) < np.where(np.array(pool.columns["kind"].values) == "k1", 0.9, 0.3)
    trials = trials_of(baseline, profile(pool.take(np.flatnonzero(kept)), baseline.grids, MODEL))
    for subject, log_p in zip(trials.subjects, trials.log_p, strict=True):
        if subject.feature is not None and subject.feature.startswith("kind~"):
            assert log_p > np.log(1e-4), subject


def test_merged_windows_are_those_of_all_rows() -> None:
    """Counts add up, and dependence of rows takes evidence away."""
    rng = np.random.default_rng(10)
    baseline = built(drawn(rng, 2_000))
    parts = [drawn(rng, n, 0.3) for n in (200, 300, 1)]
    whole = merge([profile(part, baseline.grids, MODEL) for part in parts])
    assert whole.tables is not None
    plain, dependent = trials_of(baseline, whole), trials_of(baseline, whole, 4.0)
    assert (dependent.log_p >= plain.log_p).all() and dependent.log_p.min() > plain.log_p.min()
    assert int(whole.tables.tables()[0].sum()) == 501


def test_what_cannot_be_told_has_a_reason() -> None:
    """Constant, empty, missing, one row, only new categories, no columns; and a baseline without a category."""
    rng = np.random.default_rng(11)
    sample = drawn(rng, 1_000)
    baseline = built(sample)
    names = {f"{a}~{b}" for a, b in [("kind", x) for x in NAMES[1:]]} | {
        "colour~many", "colour~size", "colour~count", "many~size", "many~count",
    }  # fmt: skip
    part = {name: list(column.values) for name, column in drawn(rng, 300).columns.items()}
    cases = {
        "constant": (part | {"kind": ["k1"] * 300}, "kind~colour", Status.UNDEFINED),
        "missing": (part | {"kind": [None] * 300}, "kind~colour", Status.NO_DATA),
        "new": (part | {"kind": [f"new{i}" for i in range(300)]}, "kind~size", Status.NO_DATA),
        "mixed": (part | {"size": ["a", None, float("inf"), 1] * 75}, "kind~size", Status.OK),
        "NaN": (part | {"size": [float("nan")] * 300}, "kind~size", Status.NO_DATA),
    }
    for case, (columns, pair, status) in cases.items():
        found = measured(baseline, profile(rows(columns), baseline.grids, MODEL))
        assert found.keys() == names
        assert found[pair].value.status is status, case
        assert found["colour~many"].value.status is Status.OK
        trials = trials_of(baseline, profile(rows(columns), baseline.grids, MODEL))
        assert np.isfinite(trials.log_p).all() and not (status is not Status.OK and trials.log_p.min() < np.log(1e-6))
    lone = profile(drawn(rng, 1), baseline.grids, MODEL)
    assert {m.value.status for m in measured(baseline, lone).values()} <= {Status.UNDEFINED, Status.NO_DATA}
    assert not trials_of(baseline, lone).enough.any()
    gone = profile(rows({"size": rng.normal(size=50)}), baseline.grids, MODEL)
    assert {m.value.status for m in measured(baseline, gone).values()} == {Status.NO_DATA}
    numbers = MonitoredModel("m", features=(Feature("size", "numeric"),), metrics=("association_distance",))
    alone = build_baseline(sample, numbers, time_ordered=True)
    found = [
        m for m in measure(alone, profile(sample, alone.grids, numbers), numbers) if m.metric == "association_distance"
    ]
    assert [m.value.status for m in found] == [Status.NO_DATA] and "one of them a category" in (
        found[0].value.reason or ""
    )
