"""Estimates of several classes without labels against sums over rows, scikit-learn and simulation with known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import metrics

from monitor.definitions import Estimation, Feature, Label, MonitoredModel, Prediction
from monitor.findings import Status, Value
from monitor.metrics.estimation import class_curves, class_rates, freeze
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.encoding import decode_baseline, decode_tileset, encode_baseline, encode_tileset
from monitor.tiles.estimator import ClassCurves
from monitor.tiles.merge import merge
from monitor.tiles.profile import profile
from monitor.tiles.rows import Rows
from monitor.tiles.tileset import Baseline
from tests.monitor.tiles.samples import rows

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NAMES = ("ash", "birch", "cedar")
WINDOWS = 60
COVERED_MIN = 52
"""Of 60 windows at a true rate of 0.95 fewer than 52 are covered with probability 0.005; 18 such counts are looked at, of which
those of one window move together: a sound interval fails somewhere in about one seed of twenty; the seeds are fixed."""
PRIOR = np.array([0.55, 0.3, 0.15])


def model(**more: object) -> MonitoredModel:
    said = Prediction(class_="said", probabilities={name: f"p_{name}" for name in NAMES})
    plain = MonitoredModel(
        "m", task="multiclass", features=(Feature("x", "numeric"),), prediction=said, label=Label("y")
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def drawn(rng: np.random.Generator, n: int, power: float = 1.0) -> tuple[Floats, Ints]:
    """Posteriors of three normal laws, raised to a power: above 1 they are overconfident."""
    truth = rng.choice(3, n, p=PRIOR)
    x = 1.6 * np.eye(3)[truth] + rng.normal(size=(n, 3))
    weights = PRIOR * np.exp(1.6 * x)
    p = weights**power
    return p / p.sum(axis=1, keepdims=True), truth


def rows_of(p: Floats, truth: Ints | None) -> Rows:
    names = np.array(NAMES, object)
    columns = {f"p_{name}": p[:, i] for i, name in enumerate(NAMES)} | {"said": list(names[p.argmax(axis=1)])}
    return rows(columns | {"x": np.arange(len(p)) % 7 + 0.5}, label=None if truth is None else list(names[truth]))


def curves_of(p: Floats, truth: Ints) -> ClassCurves:
    found = class_curves.fit(rows_of(p, truth), model())
    assert found is not None
    return found


def sklearn_says(p: Floats, y: Ints) -> dict[str, float]:
    said = p.argmax(axis=1)
    alone = [metrics.recall_score(y != c, said != c) for c in range(3)]
    return {
        "accuracy": metrics.accuracy_score(y, said),
        "precision": metrics.precision_score(y, said, average="macro", zero_division=np.nan),
        "recall": metrics.recall_score(y, said, average="macro"),
        "f1": metrics.f1_score(y, said, average="macro"),
        "specificity": float(np.mean(alone)),
        "roc_auc": metrics.roc_auc_score(y, p, average="macro", multi_class="ovr", labels=range(3)),
    }


@pytest.mark.parametrize("n", [60, 400, 3_000])
def test_estimates_are_sums_over_rows(n: int) -> None:
    """Row by row, each row once for every class with the probability that its label is that one, as scikit-learn weights it."""
    rng = np.random.default_rng(n)
    curves = curves_of(*drawn(rng, 4_000, 1.7))
    p, y = drawn(rng, n, 1.7)
    tile = class_curves.tile_of(rows_of(p, y), curves, model())
    scored = class_curves.class_scored(rows_of(p, y), model())
    assert tile is not None and scored is not None
    q, said = curves.expected(scored.cells), p.argmax(axis=1)
    labels, weights = np.tile(np.arange(3), n), q.ravel()
    again = np.repeat(said, 3)
    by_rows = {
        "accuracy": metrics.accuracy_score(labels, again, sample_weight=weights),
        "precision": metrics.precision_score(labels, again, average="macro", sample_weight=weights),
        "recall": metrics.recall_score(labels, again, average="macro", sample_weight=weights),
        "f1": metrics.f1_score(labels, again, average="macro", sample_weight=weights),
    }
    for name, number in by_rows.items():
        assert class_rates.macro(name, tile.every, curves).value == pytest.approx(number, abs=1e-12), name
    area = np.mean([
        metrics.roc_auc_score(np.repeat([1, 0], n), np.tile(p[:, c], 2), sample_weight=np.r_[q[:, c], 1 - q[:, c]])
        for c in range(3)
    ])  # fmt: skip
    assert class_rates.macro("roc_auc", tile.every, curves).value == pytest.approx(area, abs=2e-3)
    expected, low, high = class_rates.expected_confusion(tile.every)
    np.testing.assert_allclose(expected, metrics.confusion_matrix(labels, again, sample_weight=weights), atol=1e-9)
    assert (low <= expected).all() and (expected <= high).all()


def test_the_variance_is_that_of_drawn_labels() -> None:
    """Labels drawn from q two thousand times: the spread of each average is what the tile says, the classes' dependence included."""
    rng = np.random.default_rng(5)
    curves = curves_of(*drawn(rng, 4_000))
    p, y = drawn(rng, 300)
    scored = class_curves.class_scored(rows_of(p, y), model())
    tile = class_curves.tile_of(rows_of(p, y), curves, model())
    assert scored is not None and tile is not None
    q, said = curves.expected(scored.cells), p.argmax(axis=1)
    found: dict[str, list[float]] = {name: [] for name in class_rates.NAMES}
    for _ in range(2_000):
        labels = (rng.random(300)[:, None] > np.cumsum(q, axis=1)).sum(axis=1).clip(max=2)
        confusion = np.bincount(labels * 3 + said, minlength=9).reshape(3, 3).astype(float)
        for name, rate in class_rates.RATES.items():
            found[name].append(float(np.mean(rate(confusion).value)))
        drawn_areas = (
            [metrics.roc_auc_score(labels == c, p[:, c]) for c in range(3)] if len(found["roc_auc"]) < 600 else []
        )
        if drawn_areas:
            found["roc_auc"].append(float(np.mean(drawn_areas)))
    certain = replace(tile.every, confusion=np.repeat(tile.every.confusion[:1], 11, axis=0))
    certain = replace(certain, folds=np.repeat(certain.folds[:1], 10, axis=0))
    for name, values in found.items():
        one = class_rates.macro(name, certain, curves)
        assert one.value is not None and one.low is not None and one.high is not None
        assert one.value == pytest.approx(np.mean(values), abs=0.004), name
        # Half a step on either side is for what a smooth law leaves out.
        assert 0.93 <= (one.high - one.low) / (2 * 1.96 * np.std(values)) <= 1.22, name


@pytest.mark.parametrize(("power", "baseline", "window"), [(1.0, 2_000, 500), (1.8, 4_000, 1_000), (0.6, 5_000, 1_500)])
def test_intervals_hold_what_the_labels_give(power: float, baseline: int, window: int) -> None:
    """In at least 52 of 60 windows, each with a baseline of its own: calibrated, overconfident and timid models."""
    held = dict.fromkeys(class_rates.NAMES, 0)
    for seed in range(WINDOWS):
        rng = np.random.default_rng([seed, window])
        curves = curves_of(*drawn(rng, baseline, power))
        p, y = drawn(rng, window, power)
        tile, truth = class_curves.tile_of(rows_of(p, None), curves, model()), sklearn_says(p, y)
        assert tile is not None
        for name in held:
            one = class_rates.macro(name, tile.every, curves)
            assert one.status is Status.OK and one.low is not None and one.high is not None, (name, one.reason)
            held[name] += one.low <= truth[name] <= one.high
    assert {name: n for name, n in held.items() if n < COVERED_MIN} == {}


def test_the_curves_are_chosen_on_rows_they_have_not_seen() -> None:
    """The probabilities themselves where they are honest, a temperature where all are sharpened alike, else a curve for each class."""
    rng = np.random.default_rng(3)
    assert curves_of(*drawn(rng, 8_000)).method == "identity"
    assert curves_of(*drawn(rng, 8_000, 2.0)).method == "temperature"
    p, y = drawn(rng, 40_000)
    bent = np.clip(p + 0.1 * np.sin(9.0 * p), 0.002, None)
    assert curves_of(bent / bent.sum(axis=1, keepdims=True), y).method == "one_against_rest"


def measured(baseline: Baseline, window: Rows, known: MonitoredModel) -> dict[tuple[str, str | None], Value]:
    tiles = freeze.with_estimates(
        profile(window, baseline.grids, known), window, baseline.estimator, baseline.grids, known
    )
    tiles = decode_tileset(encode_tileset(tiles))
    return {(m.metric, m.feature): m.value for m in measure(baseline, tiles, known)}


def built(sample: Rows, known: MonitoredModel) -> Baseline:
    plain = build_baseline(sample, known, time_ordered=True)
    estimator = freeze.fit(sample, plain.grids, known)
    tiles = freeze.with_estimates(plain.tiles, sample, estimator, plain.grids, known)
    return decode_baseline(encode_baseline(replace(plain, estimator=estimator, tiles=tiles)))


def test_a_window_without_labels_has_every_rate_and_is_scored_when_they_come() -> None:
    """By class and averaged, with counts; the errors are those of the realised values, whose intervals hold scikit-learn's."""
    rng = np.random.default_rng(8)
    known = model(metrics="all")
    baseline = built(rows_of(*drawn(rng, 5_000, 1.8)), known)
    p, y = drawn(rng, 1_000, 1.8)
    before, after = measured(baseline, rows_of(p, None), known), measured(baseline, rows_of(p, y), known)
    truth = sklearn_says(p, y)
    for name, number in truth.items():
        guess, told, error = before[f"estimated_{name}", None], after[name, None], after["estimate_error", name]
        assert guess.status is Status.OK and (guess.n_window, guess.n_baseline) == (1_000, 5_000)
        assert guess == after[f"estimated_{name}", None]
        assert told.value == pytest.approx(number, abs=1e-3 if name == "roc_auc" else 1e-12)
        assert told.low is not None and told.high is not None and told.low <= number <= told.high
        assert guess.value is not None and told.value is not None
        assert error.value == pytest.approx(told.value - guess.value, abs=1e-3), name
    for name in NAMES:
        for rate in ("precision", "recall", "f1", "roc_auc"):
            one = before[f"estimated_class_{rate}", name]
            assert one.value is not None and one.low is not None and one.high is not None
            assert one.low <= one.value <= one.high and one.status is Status.OK
    assert ("estimate_error", "f1") not in before and after["estimate_inside_ratio", None].value is not None


def test_windows_merge() -> None:
    """Three windows together say what their rows say at once."""
    rng = np.random.default_rng(9)
    known = model()
    baseline = built(rows_of(*drawn(rng, 3_000)), known)
    p, y = drawn(rng, 900)
    parts = [rows_of(p[i : i + 300], y[i : i + 300]) for i in (0, 300, 600)]
    tiles = [
        freeze.with_estimates(profile(one, baseline.grids, known), one, baseline.estimator, baseline.grids, known)
        for one in parts
    ]
    whole = measured(baseline, rows_of(p, y), known)["estimated_f1", None]
    found = next(m.value for m in measure(baseline, merge(tiles), known) if m.metric == "estimated_f1")
    assert (found.value, found.low, found.high) == pytest.approx((whole.value, whole.low, whole.high), rel=1e-9)


def test_what_cannot_be_told_has_a_reason() -> None:
    """A class without labels, rows beyond the baseline, columns that are gone, an estimate that was switched off."""
    rng = np.random.default_rng(10)
    known = model(metrics="all")
    p, y = drawn(rng, 4_000)
    few = built(rows_of(p, np.where((y == 2) & (np.arange(4_000) > 40), 1, y)), known)
    new, _ = drawn(rng, 500)
    found = measured(few, rows_of(new, None), known)
    assert found["estimated_f1", None].status is Status.INSUFFICIENT_DATA
    assert "too few" in (found["estimated_f1", None].reason or "") and "cedar" in (
        found["estimated_f1", None].reason or ""
    )
    baseline = built(rows_of(p, y), known)
    far = rows_of(new, None)
    far = replace(far, columns=far.columns | {"x": rows({"x": np.full(500, 99.0)}).columns["x"]})
    assert measured(baseline, far, known)["estimated_f1", None].status is Status.UNDEFINED
    bare = replace(far, columns={"x": rows_of(new, None).columns["x"]})
    none = measured(baseline, bare, known)["estimated_class_f1", "ash"]
    assert none.status is Status.NO_DATA and none.reason == "the rows lack a column of the prediction"
    off = replace(known, estimation=Estimation(enabled=False))
    assert not any(name.startswith("estimated") for name, _ in measured(baseline, rows_of(new, None), off))
