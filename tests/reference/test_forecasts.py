"""Metrics of probabilities of several classes and of quantiles against scikit-learn and plain sums, at many prefixes."""

import numpy as np
import pytest
from sklearn import metrics

from monitor.definitions import Label, MonitoredModel, Prediction
from monitor.errors import InvalidInput
from monitor.findings import Status, Value
from monitor.metrics.accuracy.binned_calibration import calibration_error
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.encoding import decode_tileset, encode_tileset
from monitor.tiles.forecast import ClassForecastTile, QuantileTile
from monitor.tiles.merge import merge
from monitor.tiles.profile import profile
from tests.monitor.tiles.samples import rows

CLASSES = ("low", "middle", "high", "top")
CLASSED = MonitoredModel(
    "m",
    task="multiclass",
    prediction=Prediction(class_="said", probabilities={name: f"p_{name}" for name in CLASSES}),
    label=Label("y"),
    metrics="all",
)
LEVELS = (0.1, 0.5, 0.9)
RANGED = MonitoredModel(
    "m",
    prediction=Prediction(value="v", quantiles={level: f"q{level:g}" for level in LEVELS}),
    label=Label("y"),
    metrics="all",
)


def classed(rng, n, sharpness=2.0):
    """Probabilities of four classes, and a label drawn from them."""
    p = rng.dirichlet(np.ones(4) / sharpness, n)
    p /= p.sum(axis=1, keepdims=True)
    y = np.array([rng.choice(4, p=row) for row in p])
    columns = {f"p_{name}": p[:, i] for i, name in enumerate(CLASSES)}
    names = np.array(CLASSES, object)
    return p, y, rows(columns | {"said": list(names[p.argmax(axis=1)])}, label=list(names[y]))


def ranged(rng, n):
    """Quantiles of a normal law whose spread grows, and a label drawn from it."""
    x = rng.normal(size=n)
    spread = 0.5 + np.abs(x)
    q = np.stack([x + spread * z for z in (-1.2815515655446004, 0.0, 1.2815515655446004)], axis=1)
    y = x + rng.normal(size=n) * spread
    return q, y, rows({"v": x, **{f"q{level:g}": q[:, i] for i, level in enumerate(LEVELS)}}, label=y)


def told(sample, model, baseline=None) -> dict[tuple[str, str | None], Value]:
    baseline = baseline or build_baseline(sample, model, time_ordered=True)
    tiles = profile(sample, baseline.grids, model)
    return {(m.metric, m.feature): m.value for m in measure(baseline, tiles, model)}


@pytest.mark.parametrize("seed", range(3))
def test_probabilities_of_classes_are_scored_as_scikit_learn_does(seed) -> None:
    """Log loss, Brier score, the likeliest three, weighted F1; the ranked score and the bins by plain sums."""
    rng = np.random.default_rng(seed)
    p, y, sample = classed(rng, 1_500)
    baseline = build_baseline(sample, CLASSED, time_ordered=True)
    for n in (50, 300, 1_500):
        found = told(sample.take(np.arange(n)), CLASSED, baseline)
        ranked = np.square(np.cumsum(p[:n] - np.eye(4)[y[:n]], axis=1)[:, :3]).sum(axis=1).mean() / 3
        expected = {
            "class_log_loss": metrics.log_loss(y[:n], p[:n], labels=range(4)),
            "class_brier_score": np.square(p[:n] - np.eye(4)[y[:n]]).sum(axis=1).mean(),
            "top_3_accuracy": metrics.top_k_accuracy_score(y[:n], p[:n], k=3, labels=range(4)),
            "f1_weighted": metrics.f1_score(y[:n], p[:n].argmax(axis=1), average="weighted"),
            "ranked_probability_score": ranked,
        }
        for name, number in expected.items():
            value = found[name, None]
            assert value.value == pytest.approx(number, abs=1e-9), name
            assert value.low is not None and value.high is not None and value.low <= value.value <= value.high
            assert value.n_window == n and value.status is Status.OK


def test_calibration_of_several_classes_is_free_of_chance_and_sees_overconfidence() -> None:
    """Near 0 where the labels are drawn from the probabilities; before the correction the plain sum over bins."""
    rng = np.random.default_rng(4)
    p, y, sample = classed(rng, 4_000)
    found = told(sample, CLASSED)
    for name in ("classwise_calibration_error", "top_label_calibration_error"):
        assert found[name, None].value is not None and found[name, None].value < 0.015
        assert found[name, None].low == 0.0
    sharp = np.power(p, 3.0)
    sharp /= sharp.sum(axis=1, keepdims=True)
    names = np.array(CLASSES, object)
    columns = {f"p_{name}": sharp[:, i] for i, name in enumerate(CLASSES)} | {"said": list(names[sharp.argmax(axis=1)])}
    over = told(rows(columns, label=list(names[y])), CLASSED)
    at = np.clip(np.ceil(sharp.max(axis=1) * 10).astype(int) - 1, 0, 9)
    plain = sum(
        (at == b).mean() * abs((y == sharp.argmax(axis=1))[at == b].mean() - sharp.max(axis=1)[at == b].mean())
        for b in range(10)
        if (at == b).any()
    )
    top = over["top_label_calibration_error", None]
    assert top.value == pytest.approx(plain, abs=0.01) and top.low is not None and top.low > 0.05
    certain = np.zeros((1, 10, 3))
    certain[0, 9] = 50, 50, 50
    assert calibration_error(certain, 50).value == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_quantiles_are_scored_as_scikit_learn_does(seed) -> None:
    """The pinball loss of each level, and the shares of labels under and between them."""
    rng = np.random.default_rng(10 + seed)
    q, y, sample = ranged(rng, 2_000)
    baseline = build_baseline(sample, RANGED, time_ordered=True)
    for n in (40, 500, 2_000):
        found = told(sample.take(np.arange(n)), RANGED, baseline)
        for i, level in enumerate(LEVELS):
            loss, share = found["pinball_loss", f"{level:g}"], found["quantile_coverage", f"{level:g}"]
            assert loss.value == pytest.approx(metrics.mean_pinball_loss(y[:n], q[:n, i], alpha=level), rel=1e-9)
            assert share.value == pytest.approx((y[:n] <= q[:n, i]).mean())
        inside = found["interval_coverage", None]
        assert inside.value == pytest.approx(((y[:n] >= q[:n, 0]) & (y[:n] <= q[:n, 2])).mean())
    assert share.low is not None and share.high is not None and share.low <= 0.9 <= share.high
    assert found["pinball_loss", "0.5"].value == pytest.approx((found["mae", None].value or 0.0) / 2)


def test_the_interval_of_weighted_f1_covers() -> None:
    """In at least 92 % of 400 tables of 300 rows: 3 % less than nominal is about three standard errors."""
    from monitor.metrics.accuracy.f1_weighted import f1_weighted  # noqa: PLC0415
    from monitor.tiles.outcome import MulticlassOutcome  # noqa: PLC0415

    rng = np.random.default_rng(20)
    law = np.array([[0.30, 0.05, 0.02, 0], [0.06, 0.2, 0.04, 0], [0.03, 0.1, 0.2, 0], [0, 0, 0, 0]])
    true = f1_weighted(MulticlassOutcome((law * 10**7).astype(np.int64))).value
    covered = 0
    for _ in range(400):
        value = f1_weighted(MulticlassOutcome(rng.multinomial(300, law.ravel()).reshape(4, 4)))
        assert value.low is not None and value.high is not None and true is not None
        covered += value.low <= true <= value.high
    assert covered >= 368


def test_what_cannot_be_used_is_counted_with_its_reason() -> None:
    """Probabilities that do not add up, labels that are no class, quantiles that cross, labels that have not come."""
    sample = rows(
        {
            "p_low": [0.5, 0.9, 0.25, 0.5],
            "p_middle": [0.3, 0.9, 0.25, 0.5],
            "p_high": [0.1, 0.1, 0.25, 0.0],
            "p_top": [0.1, 0.1, 0.25, 0.0],
            "said": ["low", "low", "low", "low"],
        },
        label=["low", "low", "else", None],
    )
    tile = profile(sample, build_baseline(sample, CLASSED, time_ordered=True).grids, CLASSED).forecast
    assert isinstance(tile, ClassForecastTile)
    assert (tile.labelled, tile.unusable, tile.unlabelled) == (1, 2, 1)
    value = told(sample, CLASSED)["top_3_accuracy", None]
    assert value.value == 1.0 and value.n_missing == 3 and "2 labelled rows" in (value.reason or "")
    crossed = rows({"v": [1.0, 1.0], "q0.1": [0.0, 2.0], "q0.5": [1.0, 1.0], "q0.9": [2.0, 0.0]}, label=[1.0, None])
    both = rows({"v": [1.0, 1.0], "q0.1": [0.0, 2.0], "q0.5": [1.0, 1.0], "q0.9": [2.0, 0.0]}, label=[1.0, 1.0])
    assert "1 rows do not ascend" in (told(both, RANGED)["quantile_coverage", "0.9"].reason or "")
    assert told(crossed, RANGED)["quantile_coverage", "0.9"].n_missing == 1
    lacking = rows({"v": [1.0], "q0.1": [0.0]}, label=[1.0])
    assert told(lacking, RANGED)["pinball_loss", None].status is Status.NO_DATA


@pytest.mark.parametrize(("make", "model"), [(classed, CLASSED), (ranged, RANGED)])
def test_tiles_merge_and_keep_their_bytes(make, model) -> None:
    """Halves are the whole to the rounding of sums; what is written is read; the columns are no features."""
    sample = make(np.random.default_rng(5), 400)[-1]
    baseline = build_baseline(sample, model, time_ordered=True)
    assert not baseline.grids.features.keys() & set(model.prediction.outputs)
    whole = profile(sample, baseline.grids, model)
    parts = merge([profile(sample.take(np.arange(*ends)), baseline.grids, model) for ends in ((0, 150), (150, 400))])
    a, b = whole.forecast, parts.forecast
    again = decode_tileset(encode_tileset(whole)).forecast
    assert type(a) is type(b) is type(again)
    assert a is not None and b is not None and again is not None
    assert np.allclose(a.sums, b.sums) and (a.sums == again.sums).all() and a.labelled == b.labelled == again.labelled
    if isinstance(a, ClassForecastTile) and isinstance(b, ClassForecastTile):
        assert (a.ranks == b.ranks).all() and np.allclose(a.bins, b.bins)
    if isinstance(a, QuantileTile) and isinstance(b, QuantileTile):
        assert (a.below == b.below).all() and (a.inside, a.crossed) == (b.inside, b.crossed)


def test_the_declaration_is_read_with_suspicion() -> None:
    """Levels between 0 and 1, ascending whatever their order; at least two classes; one of the two."""
    model = MonitoredModel.from_document(
        {"model": "m", "prediction": {"value": "v", "quantiles": {"0.9": "b", 0.1: "a"}}}
    )
    assert model.prediction.quantiles == {0.1: "a", 0.9: "b"} and model.prediction.outputs == ("v", "a", "b")
    assert MonitoredModel.from_document(model.to_document()) == model
    for wrong in ({"quantiles": {1.5: "a"}}, {"quantiles": {}}, {"probabilities": {"a": "b"}}, {"probabilities": 3}):
        with pytest.raises(InvalidInput, match=r"prediction\."):
            MonitoredModel.from_document({"model": "m", "prediction": {"value": "v", **wrong}})
    both = {"probabilities": {"a": "x", "b": "y"}, "quantiles": {0.5: "q"}}
    with pytest.raises(InvalidInput, match="one of them"):
        MonitoredModel.from_document({"model": "m", "prediction": both})
