"""What the baseline freezes: kinds, edges, categories, groups, pairs."""

from typing import Any

import numpy as np
import pytest

from monitor.definitions import Feature, Label, MonitoredModel, Prediction
from monitor.tiles.categorical import CATEGORIES_MAX, FOLDED_MAX, CategoricalGrid
from monitor.tiles.freeze import categorical_grid, freeze, infer_kinds, numeric_grid
from monitor.tiles.group import GROUP_CATEGORIES_MAX
from monitor.tiles.numeric import EDGES_MAX, NumericGrid
from monitor.tiles.pairs import PAIR_FEATURES_MAX
from tests.monitor.tiles.samples import BINARY, column, mixed, rows

RNG = np.random.default_rng(4)
UNDECLARED = MonitoredModel("m")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (RNG.normal(size=100), "numeric"),
        (RNG.integers(0, 3, 100), "categorical"),
        (RNG.integers(0, 3, 100).astype(float), "categorical"),
        (np.arange(100), "numeric"),
        (RNG.integers(0, 90, 1_000), "numeric"),
        (RNG.integers(0, 3, 30), "numeric"),
        (np.full(100, 7.0), "categorical"),
        (np.full(100, np.nan), "numeric"),
        (np.array([0.0, np.nan, 1.0, np.inf] * 25), "categorical"),
        (np.array([True, False] * 50), "boolean"),
        (["true", "False"] * 50, "boolean"),
        (["a", "b", None] * 50, "categorical"),
        ([f"user-{i}" for i in range(100)], "text"),
        ([f"a long remark that somebody wrote about case {i % 60}" for i in range(100)], "text"),
        ([f"a{i % 60}" for i in range(100)], "categorical"),
        ([None] * 100, "categorical"),
        (np.zeros((100, 8), np.float32), "vector"),
    ],
)
def test_kinds_are_told_by_the_values(values: Any, kind: str) -> None:
    """Whole numbers that repeat are codes; texts that nearly all differ are no categories."""
    given = column(values) if not (isinstance(values, list) and set(values) == {None}) else column(["", *values[1:]])
    made = rows({"other": np.arange(len(given))})
    found = infer_kinds(type(made)(made.time_ns, made.id, made.row, made.of, {"x": given}), UNDECLARED)
    assert found == {"x": kind}


def test_a_declared_kind_stands() -> None:
    """Whatever the values look like, and features that are not declared stay out."""
    declared = MonitoredModel("m", features=(Feature("a", "categorical"), Feature("b"), Feature("gone")))
    found = infer_kinds(rows({"a": RNG.normal(size=50), "b": RNG.normal(size=50), "c": RNG.normal(size=50)}), declared)
    assert found == {"a": "categorical", "b": "numeric"}


def test_outputs_labels_and_ids_are_no_features() -> None:
    """Only inputs are, where nothing is declared."""
    model = MonitoredModel("m", prediction=Prediction("p", "yhat"), label=Label("y"), id="key")
    made = rows({name: RNG.normal(size=30) for name in ("x", "p", "yhat", "y", "key")})
    assert list(infer_kinds(made, model)) == ["x"]


def test_edges_are_the_baselines_quantiles_with_its_deciles_among_them() -> None:
    """260 cells of a continuous column, each with its share of the rows."""
    values = RNG.normal(size=20_000)
    grid = numeric_grid(column(values))
    shares = np.diff(np.concatenate(([0], np.searchsorted(np.sort(values), grid.edges, side="right"), [20_000])))
    assert len(grid.edges) >= 256 and shares.max() <= 20_000 / 260 + 1
    np.testing.assert_allclose(grid.edges[list(grid.decile_edges)], np.quantile(values, np.arange(1, 10) / 10))
    assert (grid.low, grid.high) == (values.min(), values.max())
    assert grid.center == pytest.approx(values.mean())


def test_a_discrete_column_has_its_values_for_edges() -> None:
    """And one below the least, so that what is smaller is not counted with it."""
    grid = numeric_grid(column(np.array([1.0, 2.0, 5.0] * 10)))
    assert grid.discrete
    np.testing.assert_array_equal(grid.edges, [np.nextafter(1.0, 0.0), 1.0, 2.0, 5.0])


def test_tied_quantiles_merge() -> None:
    """Half the rows are 0: edges stay unique and ascend."""
    grid = numeric_grid(column(np.maximum(RNG.normal(size=10_000), 0.0)))
    assert (np.diff(grid.edges) > 0).all()
    assert (np.diff(grid.decile_edges) > 0).all()
    assert grid.edges[0] < 0.0 == grid.edges[1] and grid.edges[-1] == grid.high


def test_a_value_that_many_rows_share_is_told_from_what_lies_below_it() -> None:
    """A tenth of the rows is enough: its decile begins after the value before it, in a discrete column and in any other."""
    capped = np.where(RNG.random(10_000) < 0.95, 1.0, RNG.random(10_000))
    for values in (capped, np.round(capped), np.append(capped, RNG.normal(size=4_000))):
        grid = numeric_grid(column(values))
        at = int(np.searchsorted(grid.edges, 1.0))
        assert {at - 1, at} <= set(grid.decile_edges)


def test_the_least_double_has_nothing_below_it() -> None:
    """Its edges are finite, as those that are read back must be."""
    grid = numeric_grid(column(np.array([-np.finfo(np.float64).max, 0.0, 1.0])))
    assert np.isfinite(grid.edges).all()
    assert NumericGrid.from_plain(grid.to_plain(), "grid").edges.tolist() == grid.edges.tolist()


def test_a_score_has_the_fixed_grid_and_the_quantiles() -> None:
    """Crowded scores keep their resolution."""
    scores = RNG.beta(0.5, 200, size=5_000)
    grid = numeric_grid(column(scores), score=True)
    assert set(np.arange(1, 1_000) / 1_000) <= set(grid.edges) and len(grid.edges) <= EDGES_MAX
    assert len(grid.decile_edges) == 9


def test_a_score_outside_its_range_is_a_number_like_any_other() -> None:
    """A margin is no probability."""
    assert len(numeric_grid(column(RNG.normal(size=5_000)), score=True).edges) < 300


@pytest.mark.parametrize("values", [np.full(5, np.nan), np.array([np.inf, -np.inf]), np.zeros(0)])
def test_a_column_without_a_finite_value_has_no_edges(values: np.ndarray) -> None:
    """And one cell."""
    grid = numeric_grid(column(values))
    assert (len(grid.edges), grid.decile_edges) == (0, ())


def test_huge_values_freeze_without_overflow() -> None:
    """Their sum is more than a double holds."""
    grid = numeric_grid(column(np.array([1.7e308, 1.6e308, 1.5e308] * 100)))
    assert 1.5e308 <= grid.center <= 1.7e308


def test_rarer_categories_are_folded() -> None:
    """The most frequent are frozen by name, ties in order of names."""
    names = [f"c{i:06d}" for i in range(CATEGORIES_MAX + 50)] + ["c000700", "c000700", "c000800"]
    grid = categorical_grid(column(names))
    assert grid.categories[:3] == ("c000700", "c000800", "c000000")
    assert len(grid.categories) == CATEGORIES_MAX and len(grid.folded) == 50


def test_folded_names_are_bounded() -> None:
    """A column of identifiers declared categorical does not fill the catalog."""
    grid = categorical_grid(column(np.arange(CATEGORIES_MAX + FOLDED_MAX + 10)))
    assert len(grid.folded) == FOLDED_MAX


def test_every_role_is_frozen() -> None:
    """Features, outputs, label, groups and pairs of one baseline."""
    grids = freeze(mixed(np.random.default_rng(0), 500), BINARY)
    assert grids.kinds == {
        "x": "numeric",
        "amount": "numeric",
        "rooms": "categorical",
        "colour": "categorical",
        "flag": "boolean",
        "note": "text",
        "sex": "categorical",
    }
    assert isinstance(grids.prediction["p"], NumericGrid)
    assert grids.prediction["yhat"] == CategoricalGrid(grids.prediction["yhat"].categories)  # type: ignore[union-attr]
    assert isinstance(grids.label["y"], CategoricalGrid) and set(grids.label["y"].categories) == {"0", "1"}
    assert grids.groups == {"sex": ("M", "F")}
    assert grids.pairs == ("x", "amount")


def test_no_payload_is_frozen() -> None:
    """Text is profiled by presence alone."""
    grids = freeze(mixed(np.random.default_rng(0), 500), BINARY)
    assert grids.features["note"] == CategoricalGrid(("present",))


def test_groups_and_pairs_are_bounded() -> None:
    """By the largest groups and the first features."""
    many = {f"f{i:03d}": RNG.normal(size=40) for i in range(PAIR_FEATURES_MAX + 5)}
    made = rows({**many, "g": [f"g{i % 40}" for i in range(40)]})
    grids = freeze(made, MonitoredModel("m", groups=("g",)))
    assert len(grids.pairs) == PAIR_FEATURES_MAX and grids.pairs[0] == "f000"
    assert (
        len(freeze(rows({"g": np.arange(100)}), MonitoredModel("m", groups=("g",))).groups["g"]) == GROUP_CATEGORIES_MAX
    )


def test_a_regression_label_is_a_number() -> None:
    """Its drift is that of a number."""
    model = MonitoredModel("m", prediction=Prediction(value="v"), label=Label("y"))
    grids = freeze(rows({"v": RNG.normal(size=300)}, label=RNG.normal(size=300)), model)
    assert isinstance(grids.label["y"], NumericGrid)


def test_a_baseline_without_labels_freezes_none() -> None:
    """Neither where the column is absent nor where all of it is missing."""
    made = rows({"p": RNG.random(10), "yhat": [0, 1] * 5}, label=[None] * 9 + [None])
    assert freeze(made, BINARY).label == {}
    assert freeze(rows({"p": RNG.random(10)}), BINARY).label == {}
