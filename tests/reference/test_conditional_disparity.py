"""Conditional demographic disparity against Clarify's frame and a plain loop over rows."""

import numpy as np
import pytest

from monitor.definitions import Label, MonitoredModel, Prediction
from monitor.errors import InvalidInput
from monitor.findings import Status, Value
from monitor.metrics.bias.conditional_label_disparity import conditional_label_disparity
from monitor.metrics.bias.conditional_prediction_disparity import conditional_prediction_disparity
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.encoding import decode_baseline, decode_tileset, encode_baseline, encode_tileset
from monitor.tiles.merge import merge
from monitor.tiles.profile import profile
from tests.monitor.tiles.samples import rows

CDDL, CDDPL = "conditional_label_disparity", "conditional_prediction_disparity"
MODEL = MonitoredModel(
    "m",
    task="binary",
    prediction=Prediction(class_="yhat"),
    label=Label("y"),
    groups=("sex",),
    base_groups={"sex": "M"},
    strata="where",
    metrics=(CDDL, CDDPL),
)


def made(sex, where, y, said):
    return rows({"sex": list(sex), "where": [f"d{w}" for w in where], "yhat": np.asarray(said)}, label=np.asarray(y))


def found(sample, model=MODEL, baseline=None, metric=CDDL) -> Value:
    baseline = baseline or build_baseline(sample, model, time_ordered=True)
    tiles = profile(sample, baseline.grids, model)
    return next(m.value for m in measure(baseline, tiles, model) if m.metric == metric and m.slice == "sex=F")


def by_rows(sex, where, answer) -> float:
    """The definition, stratum by stratum, leaving out those with one answer for all."""
    total = rows = 0.0
    for stratum in np.unique(where):
        inside = where == stratum
        refused, accepted = inside & (answer == 0), inside & (answer == 1)
        if refused.any() and accepted.any():
            total += inside.sum() * ((sex == "F")[refused].mean() - (sex == "F")[accepted].mean())
            rows += inside.sum()
    return total / rows


def test_clarifys_own_frame() -> None:
    """The 24 rows of its unit tests in three strata: 0.3982142857 for F."""
    sex = np.array(list("MMMFFFFMMMMFMMFMFFMMFMMF"))
    y = np.array([0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0])
    where = np.array([1, 0, 2, 2, 1, 1, 2, 1, 1, 2, 0, 1, 2, 0, 1, 1, 1, 2, 0, 1, 0, 0, 1, 1])
    value = found(made(sex, where, y, y))
    assert value.value == pytest.approx(0.3982142857, abs=1e-9)
    assert value.n_window == 24 and value.reason is not None and "3 strata" in value.reason
    assert found(made(sex, where, y, y), metric=CDDPL).value == value.value


@pytest.mark.parametrize(("metric", "seed"), [(CDDL, 0), (CDDPL, 1), (CDDL, 2), (CDDPL, 3)])
def test_it_is_the_definition_on_rows_at_many_prefixes(metric, seed) -> None:
    """Four strata with rates of their own, one of them rare."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["F", "M"], 2_000, p=[0.4, 0.6])
    where = rng.choice(4, 2_000, p=[0.5, 0.3, 0.18, 0.02])
    y = (rng.random(2_000) < 0.2 + 0.15 * where).astype(int)
    said = (rng.random(2_000) < 0.2 + 0.4 * y + 0.2 * (sex == "M")).astype(int)
    for n in (40, 100, 500, 2_000):
        value = found(made(sex[:n], where[:n], y[:n], said[:n]), metric=metric)
        answer = y if metric == CDDL else said
        assert value.value == pytest.approx(by_rows(sex[:n], where[:n], answer[:n]), abs=1e-12)
        assert value.low is not None and value.high is not None and value.low <= value.value <= value.high


def test_simpsons_paradox_disappears_within_the_strata() -> None:
    """Berkeley, 1973: women are refused more in all, and not within departments (Bickel, Hammel and O'Connell 1975)."""
    men = [(512, 825), (353, 560), (120, 325), (138, 417), (53, 191), (22, 373)]
    women = [(89, 108), (17, 25), (202, 593), (131, 375), (94, 393), (24, 341)]
    base = [[n, k, 0, 0, 0, 0] for k, n in men]
    group = [[n, k, 0, 0, 0, 0] for k, n in women]
    whole = sum(k for k, _ in women) / sum(n for _, n in women) - sum(k for k, _ in men) / sum(n for _, n in men)
    within = conditional_prediction_disparity(group, base)
    assert whole < -0.14
    assert within.value is not None and abs(within.value) < 0.03
    assert within.low is not None and within.low < 0 < (within.high or 0.0) + 0.03


def test_strata_with_one_answer_for_all_are_left_out_and_told() -> None:
    """They say nothing of whom the other answer is given to."""
    value = conditional_prediction_disparity(
        [[10, 5, 0, 0, 0, 0], [4, 4, 0, 0, 0, 0]], [[10, 5, 0, 0, 0, 0], [6, 6, 0, 0, 0, 0]]
    )
    assert value.value == 0.0 and value.n_window == 20 and value.n_missing == 10
    assert value.reason is not None and "10 more" in value.reason
    none = conditional_prediction_disparity([[4, 4, 0, 0, 0, 0]], [[6, 6, 0, 0, 0, 0]])
    assert none.status is Status.UNDEFINED and none.value is None
    assert conditional_label_disparity([[5, 5, 0, 0, 0, 0]], [[5, 5, 0, 0, 0, 0]]).status is Status.NO_DATA


def test_intervals_cover_the_true_disparity() -> None:
    """In at least 92 % of 500 samples of three strata: 3 % less than nominal is three standard errors."""
    rng = np.random.default_rng(4)
    laws = np.array([[0.3, 0.2, 0.3, 0.2], [0.1, 0.3, 0.4, 0.2], [0.25, 0.05, 0.35, 0.35]])
    sizes = (300, 200, 80)
    """Of each stratum: group refused and accepted, base refused and accepted."""
    parts = [(r / (r + s) - a / (a + b)) for r, a, s, b in laws]
    true = float(np.average(parts, weights=sizes))
    covered = 0
    for _ in range(500):
        drawn = [rng.multinomial(n, law) for n, law in zip(sizes, laws, strict=True)]
        value = conditional_prediction_disparity(
            [[r + a, a, 0, 0, 0, 0] for r, a, _, _ in drawn], [[s + b, b, 0, 0, 0, 0] for _, _, s, b in drawn]
        )
        assert value.low is not None and value.high is not None
        covered += value.low <= true <= value.high
    assert covered >= 460


def test_tiles_of_strata_merge_and_keep_their_bytes() -> None:
    """Halves together are the whole, and what is written is read."""
    rng = np.random.default_rng(5)
    sex, where, y = rng.choice(["F", "M"], 400), rng.choice(3, 400), rng.integers(0, 2, 400)
    said = rng.integers(0, 2, 400)
    whole = made(sex, where, y, said)
    baseline = build_baseline(whole, MODEL, time_ordered=True)
    tiles = profile(whole, baseline.grids, MODEL)
    halves = [profile(whole.take(np.arange(*ends)), baseline.grids, MODEL) for ends in ((0, 150), (150, 400))]
    assert (merge(halves).strata["sex"].counts == tiles.strata["sex"].counts).all()
    again = decode_tileset(encode_tileset(tiles)).strata["sex"]
    assert again.strata == tiles.strata["sex"].strata and (again.counts == tiles.strata["sex"].counts).all()
    assert (
        decode_baseline(encode_baseline(baseline)).grids.strata
        == baseline.grids.strata
        == {"where": baseline.grids.strata["where"]}
    )


def test_what_is_missing_is_said() -> None:
    """New strata, rows without one, and a baseline that was set before the strata were declared."""
    sample = made("FMFMFMFM", [0, 0, 0, 0, 1, 1, 1, 1], [1, 0, 0, 1, 1, 0, 0, 1], [1, 0, 0, 1, 1, 0, 0, 1])
    baseline = build_baseline(sample, MODEL, time_ordered=True)
    other = made("FMFM", [0, 0, 7, 0], [1, 0, 0, 1], [1, 0, 0, 1])
    assert profile(other, baseline.grids, MODEL).strata["sex"].unseen == 1
    earlier = build_baseline(
        sample,
        MonitoredModel("m", task="binary", prediction=Prediction(class_="yhat"), label=Label("y"), groups=("sex",)),
        time_ordered=True,
    )
    value = found(sample, baseline=earlier)
    assert value.status is Status.NO_DATA and value.reason is not None and "set it anew" in value.reason


def test_the_declaration_is_read_and_written() -> None:
    """One column's name."""
    model = MonitoredModel.from_document({"model": "m", "groups": ["sex"], "strata": "where"})
    assert model.strata == "where" and MonitoredModel.from_document(model.to_document()).strata == "where"
    with pytest.raises(InvalidInput):
        MonitoredModel.from_document({"model": "m", "strata": ["a", "b"]})
