"""The domain classifier: scikit-learn's AUC of the same folds, the null rate, and changes that no single feature shows."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from monitor.alerts.budget import Plan
from monitor.definitions import Check, MonitoredModel
from monitor.findings import AlertKind, Status, Value
from monitor.metrics.drift.domain_classifier_auc import ROWS_MIN, cross_fitted, domain_classifier_auc
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.encoding import decode_baseline, decode_tileset, encode_baseline, encode_tileset
from monitor.tiles.merge import merge
from monitor.tiles.profile import profile
from monitor.tiles.rows import Rows
from monitor.tiles.sampled import BASELINE_ROWS, SampledTile
from monitor.tiles.tileset import Baseline
from tests.monitor.tiles.samples import column, rows

MODEL = MonitoredModel("m", metrics=("domain_classifier_auc",))


def sampled(rng: np.random.Generator, n: int, features: int) -> SampledTile:
    bins = rng.integers(1, 64, (n, features)).astype(np.uint8)
    return SampledTile(BASELINE_ROWS, n, np.arange(n), bins)


def table(values: np.ndarray) -> Rows:
    return rows({f"x{i}": values[:, i] for i in range(values.shape[1])})


def value(window: Rows, baseline: Baseline) -> Value:
    found = measure(baseline, profile(window, baseline.grids, MODEL), MODEL)
    return next(m.value for m in found if m.metric == "domain_classifier_auc")


@pytest.mark.parametrize("seed", range(5))
def test_the_auc_is_scikit_learns_of_the_same_folds(seed: int) -> None:
    """At random prefixes of random rows, ties included; folds weighted by their pairs."""
    rng = np.random.default_rng(seed)
    n, m, k = int(rng.integers(ROWS_MIN, 400)), int(rng.integers(ROWS_MIN, 300)), int(rng.integers(1, 5))
    before, now = sampled(rng, n, k), sampled(rng, m, k)
    now.bins[:, 0] = np.minimum(now.bins[:, 0] + rng.integers(0, 9), 63)
    kinds = [bool(rng.integers(2)) for _ in range(k)]
    recent = np.arange(n + m) >= n
    folds = cross_fitted(np.concatenate([before.bins, now.bins]).T, recent, kinds)
    held_out = [recent[fold.held_out] for fold in folds]
    aucs = [roc_auc_score(own, fold.scores) for own, fold in zip(held_out, folds, strict=True)]
    pairs = [own.sum() * (~own).sum() for own in held_out]
    found = domain_classifier_auc(before, now, [str(i) for i in range(k)], kinds)
    assert found.value == pytest.approx(np.average(aucs, weights=pairs), abs=1e-12)
    assert sorted(np.concatenate([fold.held_out for fold in folds])) == list(range(n + m))


def test_the_same_rows_are_told_apart_as_chance_tells_them() -> None:
    """Of 80 null windows in two sizes, at most 8 have a lower end beyond 0.5 (2.5 % is the claim) and the mean is 0.5.

    Of a true null with that rate, one draw in 5,000 has more (binomial); the mean is held to 5 standard errors.
    """
    rng = np.random.default_rng(1)
    found = []
    for n, m, k in ((200, 60, 3), (100, 100, 4)):
        names, kinds = [str(i) for i in range(k)], [i % 2 > 0 for i in range(k)]
        found += [domain_classifier_auc(sampled(rng, n, k), sampled(rng, m, k), names, kinds) for _ in range(40)]
    values = np.array([one.value for one in found], float)
    assert sum((one.low or 0.0) > 0.5 for one in found) <= 8
    assert abs(values.mean() - 0.5) < 5 * values.std() / len(values) ** 0.5


def test_a_change_of_correlation_alone_is_found_and_named() -> None:
    """Every feature keeps its own distribution; two of six no longer hang together."""
    rng = np.random.default_rng(2)

    def draw(n: int, r: float) -> Rows:
        x = rng.normal(size=(n, 6))
        x[:, 4] = r * x[:, 1] + np.sqrt(1 - r * r) * x[:, 4]
        return table(x)

    baseline = build_baseline(draw(3_000, 0.8), MODEL, time_ordered=False)
    found = value(draw(1_000, 0.0), baseline)
    assert found.low is not None and found.low > 0.6
    assert found.reason is not None and {"x1", "x4"} == {
        part.split()[0] for part in found.reason.removeprefix("told apart by ").split(", ")
    }
    assert (value(draw(1_000, 0.8), baseline).low or 0.0) < 0.5


def test_a_knot_of_three_is_found() -> None:
    """The sign of the third is that of the product of the others: no pair shows it. NannyML's finds 0.75 of it as well."""
    rng = np.random.default_rng(3)
    baseline = build_baseline(table(rng.normal(size=(3_000, 3))), MODEL, time_ordered=False)
    tied = rng.normal(size=(1_000, 3))
    tied[:, 2] = np.abs(tied[:, 2]) * np.sign(tied[:, 0] * tied[:, 1])
    found = value(table(tied), baseline)
    assert found.low is not None and found.low > 0.65


def test_a_category_that_moved_is_named() -> None:
    """Bins of categories stand in no order: they are put in one fold by fold."""
    rng = np.random.default_rng(4)
    names = [f"c{i:02d}" for i in range(20)]
    there = rows({"colour": rng.choice(names, 2_000), "x": rng.normal(size=2_000)})
    shares = np.where(np.arange(20) % 2, 1.7, 0.3)
    here = rows({"colour": rng.choice(names, 1_000, p=shares / shares.sum()), "x": rng.normal(size=1_000)})
    found = value(here, build_baseline(there, MODEL, time_ordered=False))
    assert found.low is not None and found.low > 0.6 and (found.reason or "").startswith("told apart by colour")


def test_a_merge_is_the_sample_of_all_rows() -> None:
    """The smallest hashes of two windows together are those of their rows; bytes round-trip."""
    rng = np.random.default_rng(5)
    baseline = build_baseline(table(rng.normal(size=(500, 3))), MODEL, time_ordered=False)
    whole = table(rng.normal(size=(2_500, 3)))
    parts = [profile(whole.take(slice(i, i + 500)), baseline.grids, MODEL) for i in range(0, 2_500, 500)]
    merged, direct = merge(parts).sampled, profile(whole, baseline.grids, MODEL).sampled
    assert merged is not None and direct is not None and merged.to_plain() == direct.to_plain()
    assert (direct.n, direct.rows) == (1_000, 2_500)
    data = encode_baseline(baseline)
    assert encode_baseline(decode_baseline(data)) == data
    assert encode_tileset(decode_tileset(encode_tileset(parts[0]))) == encode_tileset(parts[0])


def test_a_number_is_the_most_it_may_be() -> None:
    """A limit of 0.6 in a check is a range from 0, judged by the interval."""
    model = MonitoredModel("m", checks={"drift": Check(tolerance={"domain_classifier_auc": 0.6})})
    plan = Plan.for_compare(model, frozenset({AlertKind.DRIFT}))
    assert plan.tolerance(AlertKind.DRIFT, "domain_classifier_auc") == ((0.0, 0.6), "declared")


def test_what_cannot_be_told_says_why() -> None:
    """Constant columns, few rows, no rows, rows without any column, infinities, and a baseline that was not asked."""
    rng = np.random.default_rng(6)
    baseline = build_baseline(table(rng.normal(size=(300, 2))), MODEL, time_ordered=False)
    few = value(table(rng.normal(size=(7, 2))), baseline)
    assert few.status is Status.UNDEFINED and "7 of the window" in (few.reason or "")
    assert value(table(np.zeros((0, 2))), baseline).status is Status.NO_DATA
    gone = value(rows({"other": rng.normal(size=100)}), baseline)
    assert gone.value == 1.0 and "x0" in (gone.reason or "")
    infinite = rows({"x0": column([np.inf, -np.inf, np.nan, None] * 25).values, "x1": rng.normal(size=100)})
    assert (value(infinite, baseline).value or 0.0) > 0.9
    constant = build_baseline(rows({"a": np.ones(300), "b": np.ones(300)}), MODEL, time_ordered=False)
    found = value(rows({"a": np.ones(100), "b": np.ones(100)}), constant)
    assert found.status is Status.NO_DATA and "features that vary" in (found.reason or "")
    unasked = build_baseline(table(rng.normal(size=(300, 2))), MonitoredModel("m"), time_ordered=False)
    assert value(table(rng.normal(size=(100, 2))), unasked).status is Status.NO_DATA


def test_a_million_categories_are_a_bounded_sample() -> None:
    """Identifiers that are declared a category: bins of the most frequent, the rest together."""
    model = MonitoredModel.from_document(
        {"model": "m", "features": {"id": "categorical", "x": "numeric"}, "metrics": ["domain_classifier_auc"]}
    )
    rng = np.random.default_rng(7)
    ids = np.arange(1_000_000)
    baseline = build_baseline(rows({"id": ids, "x": rng.normal(size=len(ids))}), model, time_ordered=False)
    sample = baseline.tiles.sampled
    assert sample is not None and sample.bins.shape == (BASELINE_ROWS, 2)
    window = profile(rows({"id": ids[:500] + 10**6, "x": rng.normal(size=500)}), baseline.grids, model)
    assert (
        next(m.value for m in measure(baseline, window, model) if m.metric == "domain_classifier_auc").value is not None
    )
