"""The flip test against scikit-learn's nearest neighbours, which is what Clarify's library does."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from monitor.definitions import MonitoredModel, Prediction
from monitor.findings import Status, Value
from monitor.metrics.bias.flip_test import flip_test
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.encoding import decode_tileset, encode_tileset
from monitor.tiles.flipping import COMPARED_ROWS_MAX
from monitor.tiles.merge import merge
from monitor.tiles.numeric import NumericGrid
from monitor.tiles.profile import profile
from tests.monitor.tiles.samples import rows

MODEL = MonitoredModel(
    "m",
    task="binary",
    prediction=Prediction(class_="yhat"),
    groups=("sex",),
    base_groups={"sex": "M"},
    metrics=("flip_test",),
)


def drawn(rng, n, bias):
    """Three numbers, and answers by them and, at `bias`, by the group."""
    x = {name: rng.normal(size=n) * scale for name, scale in (("a", 1.0), ("b", 1_000.0), ("c", 0.01))}
    sex = rng.choice(["F", "M"], n, p=[0.4, 0.6]).astype(object)
    said = (x["a"] + x["b"] / 1_000 - bias * (sex == "F") + rng.normal(size=n) * 0.3 > 0).astype(int)
    return x, sex, said


def told(sample, baseline, model=MODEL) -> Value:
    tiles = profile(sample, baseline.grids, model)
    return next(m.value for m in measure(baseline, tiles, model) if m.metric == "flip_test")


@pytest.mark.parametrize(("bias", "seed"), [(0.0, 0), (0.5, 1), (1.5, 2)])
def test_it_is_what_nearest_neighbours_of_scikit_learn_say(bias, seed) -> None:
    """Numbers as their cells' places, at many prefixes; neighbours that are equally near may be chosen otherwise in a row or two."""
    x, sex, said = drawn(np.random.default_rng(seed), 900, bias)
    whole = rows({**x, "sex": sex, "yhat": said})
    baseline = build_baseline(whole, MODEL, time_ordered=True)
    places = []
    for name in x:
        grid = baseline.grids.features[name]
        assert isinstance(grid, NumericGrid)
        places.append(np.searchsorted(grid.edges, x[name]) / len(grid.edges))
    table = np.stack(places, axis=1)
    for n in (50, 200, 900):
        group, base = (sex == "F")[:n], (sex == "M")[:n]
        model = KNeighborsClassifier(5, algorithm="brute").fit(table[:n][base], said[:n][base])
        own, other = said[:n][group], model.predict(table[:n][group])
        expected = (((own == 0) & (other == 1)).sum() - ((own == 1) & (other == 0)).sum()) / group.sum()
        value = told(whole.take(np.arange(n)), baseline)
        assert value.value == pytest.approx(expected, abs=2 / group.sum())
        assert value.low is not None and value.high is not None and value.low <= value.value <= value.high
        assert value.n_window == group.sum()


def test_a_model_that_goes_by_the_group_is_seen_and_one_that_does_not_is_not() -> None:
    """The features have nothing to do with the group, so its like are there."""
    values = {}
    for bias in (0.0, 1.5):
        x, sex, said = drawn(np.random.default_rng(3), 2_000, bias)
        sample = rows({**x, "sex": sex, "yhat": said})
        values[bias] = told(sample, build_baseline(sample, MODEL, time_ordered=True))
    fair, unfair = values[0.0], values[1.5]
    assert fair.low is not None and fair.high is not None and fair.low <= 0 <= fair.high
    assert unfair.low is not None and unfair.low > 0.2


def test_units_categories_and_missing_values_are_no_matter() -> None:
    """A category apart counts as the whole range of a number; a missing number stands in the middle."""
    sex = ["M"] * 12 + ["F"] * 4
    colour = ["red"] * 6 + ["blue"] * 6 + ["red", "red", "blue", "blue"]
    amount: list[float | None] = [1e6 + i for i in range(12)] + [None, 1e6, 1e6 + 11, None]
    said = [1] * 6 + [0] * 6 + [0, 1, 0, 1]
    sample = rows({"colour": colour, "amount": amount, "sex": sex, "yhat": said})
    baseline = build_baseline(sample, MODEL, time_ordered=True)
    tile = profile(sample, baseline.grids, MODEL).flips["sex"]
    assert tile.base == 12
    assert tile.counts[tile.groups.index("F")].tolist() == [4, 1, 1]
    assert tile.counts[tile.groups.index("M")].tolist() == [0, 0, 0]


def test_rows_are_bounded_merge_and_keep_their_bytes() -> None:
    """Counts of windows add up; of many rows those of the smallest keys are taken, the same ones each time."""
    x, sex, said = drawn(np.random.default_rng(4), 4_000, 0.5)
    sample = rows({**x, "sex": sex, "yhat": said})
    baseline = build_baseline(sample, MODEL, time_ordered=True)
    tiles = profile(sample, baseline.grids, MODEL)
    tile = tiles.flips["sex"]
    assert tile.base == COMPARED_ROWS_MAX == tile.counts[:, 0].sum()
    backwards = profile(sample.take(np.arange(4_000)[::-1]), baseline.grids, MODEL).flips["sex"]
    assert (backwards.counts == tile.counts).all()
    assert (merge([tiles, tiles]).flips["sex"].counts == 2 * tile.counts).all()
    again = decode_tileset(encode_tileset(tiles)).flips["sex"]
    assert again.groups == tile.groups and again.base == tile.base and (again.counts == tile.counts).all()


def test_nobody_to_compare_with_is_said() -> None:
    """Fewer than five of the base group; and it is made only where it is asked for."""
    sample = rows({"a": [1.0, 2.0, 3.0], "sex": ["M", "F", "F"], "yhat": [1, 0, 1]})
    baseline = build_baseline(sample, MODEL, time_ordered=True)
    assert told(sample, baseline).status is Status.INSUFFICIENT_DATA
    assert not profile(sample, baseline.grids, replace(MODEL, metrics=())).flips


def test_intervals_cover_the_true_share() -> None:
    """In at least 92 % of 500 samples of 150 rows: 3 % less than nominal is three standard errors."""
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(500):
        refused, accepted, _ = rng.multinomial(150, [0.12, 0.05, 0.83])
        value = flip_test(150, int(refused), int(accepted))
        assert value.low is not None and value.high is not None
        covered += value.low <= 0.07 <= value.high
    assert covered >= 460
