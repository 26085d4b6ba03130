"""Estimates of several classes whose inputs moved, against importance-weighted calibration written out in NumPy and against the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import metrics
from sklearn.isotonic import IsotonicRegression

from monitor.definitions import Feature, Label, MonitoredModel, Prediction
from monitor.findings import Status, Value
from monitor.metrics.estimation import class_curves, freeze, trees
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.encoding import decode_baseline, decode_tileset, encode_baseline, encode_tileset
from monitor.tiles.merge import merge
from monitor.tiles.profile import profile
from monitor.tiles.rows import Rows
from monitor.tiles.tileset import Baseline, TileSet
from tests.monitor.tiles.samples import rows

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NAMES = ("ash", "birch", "cedar")
NOUNS = np.array(NAMES, object)
RATES = ("accuracy", "f1", "roc_auc")
MODEL = MonitoredModel(
    "m",
    task="multiclass",
    features=(Feature("x", "numeric"), Feature("soil", "categorical"), Feature("noise", "numeric")),
    prediction=Prediction(class_="said", probabilities={name: f"p_{name}" for name in NAMES}),
    label=Label("y"),
    metrics=tuple(f"reweighted_{rate}" for rate in RATES),
)
UNSEEN = {"clay": (-1.2, 1.2, 0.0), "sand": (0.0, 0.0, 0.0), "peat": (0.6, -0.6, 0.0)}
"""What the probabilities do not see: by how much the soil moves the logit of each class."""


def drawn(rng: np.random.Generator, n: int, clay: float) -> tuple[Floats, Ints, npt.NDArray[np.object_]]:
    """Probabilities, labels and soils; `clay` is the share of rows where the probabilities are most wrong."""
    weights = np.exp(1.5 * rng.normal(size=(n, 3)))
    p = weights / weights.sum(axis=1, keepdims=True)
    soil = rng.choice(np.array(list(UNSEEN), object), n, p=[clay, (1 - clay) * 0.7, (1 - clay) * 0.3])
    true = p * np.exp(np.array([UNSEEN[one] for one in soil]))
    true /= true.sum(axis=1, keepdims=True)
    truth = (rng.random(n)[:, None] > np.cumsum(true, axis=1)).sum(axis=1).clip(max=2)
    return p, truth, soil


def rows_of(rng: np.random.Generator, p: Floats, truth: Ints | None, soil: npt.NDArray[np.object_]) -> Rows:
    columns = {f"p_{name}": p[:, i] for i, name in enumerate(NAMES)} | {"said": list(NOUNS[p.argmax(axis=1)])}
    columns |= {"x": rng.normal(size=len(p)), "noise": rng.normal(size=len(p)), "soil": list(soil)}
    return rows(columns, label=None if truth is None else list(NOUNS[truth]))


def built(sample: Rows) -> Baseline:
    plain = build_baseline(sample, MODEL, time_ordered=True)
    estimator = freeze.fit(sample, plain.grids, MODEL)
    tiles = freeze.with_estimates(plain.tiles, sample, estimator, plain.grids, MODEL)
    return decode_baseline(encode_baseline(replace(plain, estimator=estimator, tiles=tiles)))


def tiles_of(baseline: Baseline, window: Rows) -> TileSet:
    tiles = profile(window, baseline.grids, MODEL)
    tiles = freeze.with_estimates(tiles, window, baseline.estimator, baseline.grids, MODEL)
    return decode_tileset(encode_tileset(tiles))


def measured(baseline: Baseline, tiles: TileSet, model: MonitoredModel = MODEL) -> dict[tuple[str, str | None], Value]:
    return {(m.metric, m.feature): m.value for m in measure(baseline, tiles, model)}


def truth_of(p: Floats, y: Ints) -> dict[str, float]:
    said = p.argmax(axis=1)
    return {
        "accuracy": metrics.accuracy_score(y, said),
        "f1": metrics.f1_score(y, said, average="macro"),
        "roc_auc": metrics.roc_auc_score(y, p, average="macro", multi_class="ovr"),
    }


def weighted_calibration(p: Floats, y: Ints, weight: Floats, window: Floats) -> dict[str, float]:
    """PAPE as published: a weighted calibrator for each class, its answers divided by their sum, and expected counts from them."""
    q = np.stack(
        [
            IsotonicRegression(y_min=1e-6, y_max=1 - 1e-6, out_of_bounds="clip")
            .fit(p[:, c], y == c, sample_weight=weight)
            .predict(window[:, c])
            for c in range(3)
        ],
        axis=1,
    )
    q /= q.sum(axis=1, keepdims=True)
    said, n = window.argmax(axis=1), len(window)
    labels, again, share = np.tile(np.arange(3), n), np.repeat(said, 3), q.ravel()
    areas = [
        metrics.roc_auc_score(np.repeat([1, 0], n), np.tile(window[:, c], 2), sample_weight=np.r_[q[:, c], 1 - q[:, c]])
        for c in range(3)
    ]
    return {
        "accuracy": metrics.accuracy_score(labels, again, sample_weight=share),
        "f1": metrics.f1_score(labels, again, average="macro", sample_weight=share),
        "roc_auc": float(np.mean(areas)),
    }


def test_estimates_are_those_of_weighted_calibration() -> None:
    """With the true ratio of densities as weights and scikit-learn's isotonic regression, within 0.012; unweighted, CBPE, is off by three times that."""
    rng = np.random.default_rng(11)
    p, y, soil = drawn(rng, 40_000, 0.1)
    window, truth, there = drawn(rng, 8_000, 0.9)
    baseline = built(rows_of(rng, p, y, soil))
    found = measured(baseline, tiles_of(baseline, rows_of(rng, window, None, there)))
    ratio = np.where(soil == "clay", 9.0, 1.0 / 9.0)
    second = weighted_calibration(p, y, ratio, window)
    for rate in RATES:
        assert found[f"reweighted_{rate}", None].value == pytest.approx(second[rate], abs=0.012), rate
    plain = found["estimated_accuracy", None].value
    assert plain is not None and abs(plain - second["accuracy"]) > 0.036
    assert abs(second["accuracy"] - truth_of(window, truth)["accuracy"]) < 0.015


def test_estimates_are_sums_over_rows_by_region() -> None:
    """Row by row, with the weights of the row's own leaf."""
    rng = np.random.default_rng(12)
    baseline = built(rows_of(rng, *drawn(rng, 6_000, 0.3)))
    assert baseline.estimator is not None and baseline.estimator.classes is not None
    curves = baseline.estimator.classes
    assert curves.regions is not None
    p, y, soil = drawn(rng, 1_500, 0.5)
    window = rows_of(rng, p, y, soil)
    scored = class_curves.class_scored(window, MODEL)
    assert scored is not None
    region = trees.leaf_of(trees.bins_for(window, curves.regions.tree), curves.regions.tree, 0, len(window))
    weights = np.stack([curves.curves[0][c, scored.cells[:, c]] for c in range(3)], axis=1)
    moves = curves.regions.moves[0][region]
    q = weights ** moves[:, :1] * np.exp(moves[:, 1:])
    q /= q.sum(axis=1, keepdims=True)
    labels, again = np.tile(np.arange(3), len(p)), np.repeat(p.argmax(axis=1), 3)
    found = measured(baseline, tiles_of(baseline, window))
    by_rows = metrics.f1_score(labels, again, average="macro", sample_weight=q.ravel())
    assert found["reweighted_f1", None].value == pytest.approx(by_rows, abs=1e-12)


def test_intervals_hold_where_plain_estimates_do_not() -> None:
    """Nine in ten rows come from where one in ten came. At 95 % a sound interval misses 4 or more of 20 with probability 0.016; the
    three rates of a window move together, and the seeds are fixed."""
    missed, plain_missed = dict.fromkeys(RATES, 0), dict.fromkeys(RATES, 0)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        baseline = built(rows_of(rng, *drawn(rng, 8_000, 0.1)))
        p, y, soil = drawn(rng, 2_000, 0.9)
        found = measured(baseline, tiles_of(baseline, rows_of(rng, p, None, soil)))
        truth = truth_of(p, y)
        for rate in RATES:
            for name, counts in (("reweighted", missed), ("estimated", plain_missed)):
                value = found[f"{name}_{rate}", None]
                assert value.status is Status.OK and value.low is not None and value.high is not None, value.reason
                counts[rate] += not value.low <= truth[rate] <= value.high
    assert max(missed.values()) <= 3
    assert (
        plain_missed["accuracy"] >= 15 and plain_missed["f1"] >= 15
    )  # what moves all rows of a class alike leaves its area


def test_intervals_hold_where_nothing_moved() -> None:
    """As above, with windows of the baseline's own mix and fewer labels."""
    missed = dict.fromkeys(RATES, 0)
    for seed in range(20):
        rng = np.random.default_rng([seed, 1])
        baseline = built(rows_of(rng, *drawn(rng, 3_000, 0.4)))
        p, y, soil = drawn(rng, 1_000, 0.4)
        found = measured(baseline, tiles_of(baseline, rows_of(rng, p, None, soil)))
        for rate, number in truth_of(p, y).items():
            value = found[f"reweighted_{rate}", None]
            assert value.low is not None and value.high is not None, value.reason
            missed[rate] += not value.low <= number <= value.high
    assert max(missed.values()) <= 3


def test_they_are_scored_when_labels_come_and_merge() -> None:
    """Beside the plain ones, whose error is beyond their interval; two windows together say what their rows say at once."""
    rng = np.random.default_rng(13)
    baseline = built(rows_of(rng, *drawn(rng, 8_000, 0.1)))
    p, y, soil = drawn(rng, 2_000, 0.9)
    window = rows_of(rng, p, y, soil)
    whole = measured(baseline, tiles_of(baseline, window))
    plain, own = whole["estimate_error", "accuracy"], whole["estimate_error", "reweighted_accuracy"]
    assert own.low is not None and own.high is not None and own.low <= 0.0 <= own.high
    assert plain.reason is not None and plain.reason.endswith("outside")
    parts = [tiles_of(baseline, window.take(part)) for part in (slice(0, 700), slice(700, None))]
    together = measured(baseline, merge(parts))
    for rate in RATES:
        one, other = together[f"reweighted_{rate}", None], whole[f"reweighted_{rate}", None]
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high), rel=1e-9)


def test_degenerate_weights_give_no_estimate() -> None:
    """Labels that are worth too few where the window lies, rows that were counted before anybody asked: each says so."""
    rng = np.random.default_rng(14)
    p, y, soil = drawn(rng, 4_000, 0.015)
    baseline = built(rows_of(rng, p, y, soil))
    window, _, there = drawn(rng, 800, 1.0)
    found = measured(baseline, tiles_of(baseline, rows_of(rng, window, None, there)))["reweighted_f1", None]
    assert found.status is Status.UNDEFINED and found.reason is not None
    assert found.reason == "the window lies in regions of which the baseline has next to no labels"
    few = built(rows_of(rng, *drawn(rng, 1_000, 0.3)))
    alike = rows_of(rng, window, None, there).take(np.zeros(300, np.int64))
    one_leaf = measured(few, tiles_of(few, alike))["reweighted_f1", None]
    assert one_leaf.status is Status.UNDEFINED and "the baseline's 1,000 labels are worth" in (one_leaf.reason or "")
    logs = measured(baseline, tiles_of(baseline, rows_of(rng, window, None, there)), replace(MODEL, metrics="all"))
    assert logs["reweighted_log_loss", None].reason == "it is estimated for two classes only"
    assert logs["outside_support_ratio", None].value is not None
    late = replace(MODEL, metrics=())
    plain = profile(rows_of(rng, window, None, there), baseline.grids, late)
    plain = freeze.with_estimates(plain, rows_of(rng, window, None, there), baseline.estimator, baseline.grids, late)
    unasked = measured(baseline, plain)["reweighted_f1", None]
    assert unasked.reason == "the window was counted before the declaration asked for it"
