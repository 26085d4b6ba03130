"""Matrices of correlations: NumPy's and SciPy's numbers at random prefixes, and the laws against permutations and simulated nulls."""

import numpy as np
import pytest
from scipy import stats

from monitor.definitions import Feature, MonitoredModel
from monitor.findings import Status, Value
from monitor.metrics.drift.matrix_metric import Change, change
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.profile import profile
from monitor.tiles.rows import Rows
from monitor.tiles.tileset import Baseline
from tests.monitor.tiles.samples import rows

NAMES = ("correlation_max_z", "correlation_matrix_distance")
MODEL = MonitoredModel("m", metrics=NAMES)


def table(x: np.ndarray) -> Rows:
    return rows({f"x{i}": x[i] for i in range(len(x))})


def draw(rng: np.random.Generator, n: int, r: float, k: int = 6) -> np.ndarray:
    return np.asarray(np.sqrt(r) * rng.normal(size=(1, n)) + np.sqrt(1 - r) * rng.normal(size=(k, n)))


def values(window: Rows, baseline: Baseline) -> dict[str, Value]:
    found = measure(baseline, profile(window, baseline.grids, MODEL), MODEL)
    return {m.metric: m.value for m in found if m.metric in NAMES}


def changed(window: Rows, baseline: Baseline) -> Change:
    tiles, own = profile(window, baseline.grids, MODEL), baseline.tiles
    assert own.pairs is not None and tiles.pairs is not None and own.sampled is not None and tiles.sampled is not None
    found = change(own.pairs, tiles.pairs, (own.sampled, tiles.sampled), baseline.grids.sampled)
    assert found is not None
    return found


def p_of(value: Value) -> float:
    spoken = (value.reason or "").split("p ")[-1].split(" over")[0]
    return 0.0 if spoken.startswith("<") else float(spoken.removeprefix("= "))


@pytest.mark.parametrize("seed", range(4))
def test_norm_and_largest_are_numpys(seed: int) -> None:
    """At random prefixes: the Frobenius norm of the difference of NumPy's matrices of cell numbers, and its largest entry in
    units of the law."""
    rng = np.random.default_rng(seed)
    before, now = draw(rng, int(rng.integers(200, 900)), 0.5), draw(rng, int(rng.integers(60, 400)), 0.2)
    baseline = build_baseline(table(before), MODEL, time_ordered=False)
    cells = [
        np.stack([np.searchsorted(baseline.grids.features[f"x{i}"].edges, x[i]) for i in range(len(x))])  # type: ignore[union-attr]
        for x in (before, now)
    ]
    r, s = (np.corrcoef(one) for one in cells)
    found, law = values(table(now), baseline), changed(table(now), baseline).law
    norm = found["correlation_matrix_distance"]
    assert norm.value is not None
    square = norm.value**2 * len(law) + np.trace(law)
    assert np.sqrt(2 * square) == pytest.approx(np.linalg.norm(r - s, "fro"), rel=1e-9)
    largest = np.abs((s - r)[np.triu_indices(6, 1)] / np.sqrt(np.diag(law))).max()
    assert found["correlation_max_z"].value == pytest.approx(largest, rel=1e-9)


@pytest.mark.parametrize("shape", ["normal", "heavy", "discrete"])
def test_the_law_is_that_of_permuted_rows(shape: str) -> None:
    """The mean and spread of the squared norm over 300 permutations of all rows, within a sixth and a third.

    The mean of 300 has a standard error of about 3 %, the spread of about 8 %.
    """
    rng = np.random.default_rng(11)
    x = draw(rng, 1_600, 0.5, 4)
    if shape == "heavy":
        x = x * np.sqrt(3 / rng.chisquare(3, size=(1, x.shape[1])))
    if shape == "discrete":
        x = (x > 1) + 0.5
    baseline = build_baseline(table(x[:, :1_200]), MODEL, time_ordered=False)
    law = changed(table(x[:, 1_200:]), baseline).law
    cells = np.stack([np.searchsorted(baseline.grids.features[f"x{i}"].edges, x[i]) for i in range(4)])  # type: ignore[union-attr]
    pairs = np.triu_indices(4, 1)
    squares = []
    for _ in range(300):
        mixed = rng.permutation(cells, axis=1)
        away = (np.corrcoef(mixed[:, :1_200]) - np.corrcoef(mixed[:, 1_200:]))[pairs]
        squares.append(float(away @ away))
    assert np.trace(law) == pytest.approx(np.mean(squares), rel=1 / 6)
    assert np.sqrt(2 * np.square(law).sum()) == pytest.approx(np.std(squares), rel=1 / 3)


@pytest.mark.parametrize("shape", ["normal", "discrete"])
def test_the_same_rows_have_p_values_as_stated(shape: str) -> None:
    """Of 100 null windows at most 13 are under 0.05, for either metric.

    Of a true rate of 5 %, one draw in 2,500 has more (binomial; four tests).
    """
    rng = np.random.default_rng(12)
    small = dict.fromkeys(NAMES, 0)

    def own(n: int) -> Rows:
        x = draw(rng, n, 0.5)
        return table((x > 1) + 0.5 if shape == "discrete" else x)

    for _ in range(4):
        baseline = build_baseline(own(1_000), MODEL, time_ordered=False)
        for _ in range(25):
            for name, value in values(own(200), baseline).items():
                small[name] += p_of(value) < 0.05
    assert max(small.values()) <= 13, small


def test_many_small_changes_show_in_the_norm_and_one_large_one_in_the_largest() -> None:
    """Each metric for what it is there."""
    rng = np.random.default_rng(13)
    baseline = build_baseline(table(draw(rng, 5_000, 0.3, 12)), MODEL, time_ordered=False)
    everywhere = values(table(draw(rng, 500, 0.2, 12)), baseline)
    assert p_of(everywhere["correlation_matrix_distance"]) < 0.01
    x = draw(rng, 500, 0.3, 12)
    x[7] = -x[7]
    x[7] = rng.permutation(x[7])
    one = values(table(x), baseline)["correlation_max_z"]
    assert p_of(one) < 1e-3 and "x7" in (one.reason or "")


def test_bounds_of_the_pairs_of_scipy() -> None:
    """The law of one pair of normal rows is Fisher's, (1 - r²)² (1/n + 1/m), within a tenth (ranks have 1.06 of it)."""
    rng = np.random.default_rng(14)
    x = draw(rng, 3_000, 0.6, 2)
    baseline = build_baseline(table(x[:, :2_000]), MODEL, time_ordered=False)
    r = float(stats.spearmanr(x[0], x[1]).statistic)
    law = changed(table(x[:, 2_000:]), baseline).law[0, 0]
    assert law == pytest.approx(1.06 * (1 - r * r) ** 2 * (1 / 2_000 + 1 / 1_000), rel=0.1)


def test_what_cannot_be_compared_says_why() -> None:
    """One number alone, constant columns, a column that is gone, a window without rows, infinities, an unasked baseline."""
    rng = np.random.default_rng(15)
    alone = build_baseline(rows({"a": rng.normal(size=300)}), MODEL, time_ordered=False)
    assert {v.status for v in values(rows({"a": rng.normal(size=100)}), alone).values()} == {Status.NO_DATA}
    baseline = build_baseline(table(rng.normal(size=(2, 300))), MODEL, time_ordered=False)
    for window in (rows({"x0": np.ones(100), "x1": rng.normal(size=100)}), rows({"x0": rng.normal(size=100)})):
        assert {v.status for v in values(window, baseline).values()} == {Status.UNDEFINED}
    infinite = rows({"x0": np.full(100, np.inf), "x1": rng.normal(size=100)})
    assert {v.status for v in values(infinite, baseline).values()} == {Status.UNDEFINED}
    assert {v.status for v in values(table(np.zeros((2, 0))), baseline).values()} == {Status.NO_DATA}
    unasked = build_baseline(table(rng.normal(size=(2, 300))), MonitoredModel("m"), time_ordered=False)
    reasons = [v.reason for v in values(table(rng.normal(size=(2, 100))), unasked).values()]
    assert all("set it again" in (reason or "") for reason in reasons)


def test_a_model_of_categories_is_told_what_to_read() -> None:
    """No two numbers, so no matrix: the reason names the measure of pairs of categories."""
    rng = np.random.default_rng(5)
    sample = rows({"a": list(rng.choice(list("uvw"), 500)), "b": list(rng.choice(list("kl"), 500))})
    model = MonitoredModel(
        "m",
        features=(Feature("a", "categorical"), Feature("b", "categorical")),
        metrics=("correlation_max_z", "correlation_matrix_distance"),
    )
    baseline = build_baseline(sample, model, time_ordered=False)
    found = {m.metric: m.value for m in measure(baseline, profile(sample, baseline.grids, model), model)}
    for metric in model.metrics:
        assert found[metric].status is Status.NO_DATA and "association_distance" in (found[metric].reason or "")
