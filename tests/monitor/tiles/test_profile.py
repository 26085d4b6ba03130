"""The one pass: what becomes of every column, and that order does not matter."""

from dataclasses import replace

import numpy as np
import pytest

from monitor.definitions import Feature, MonitoredModel
from monitor.tiles.categorical import CategoricalTile
from monitor.tiles.encoding import encode_tileset
from monitor.tiles.freeze import categorical_grid, freeze, numeric_grid
from monitor.tiles.numeric import NumericTile
from monitor.tiles.profile import categorical_tile, numeric_tile, presence_tile, profile
from monitor.tiles.rows import Column
from tests.monitor.tiles.samples import BINARY, column, mixed, rows

BASELINE = mixed(np.random.default_rng(5), 2_000)
GRIDS = freeze(BASELINE, BINARY)


def test_order_does_not_change_a_bit() -> None:
    """Shuffled rows give the same bytes, also where many share a time."""
    made = mixed(np.random.default_rng(6), 3_000)
    made = replace(made, time_ns=made.time_ns // (7 * 10**9))
    expected = encode_tileset(profile(made, GRIDS, BINARY))
    for seed in range(3):
        shuffled = made.take(np.random.default_rng(seed).permutation(len(made)))
        assert encode_tileset(profile(shuffled, GRIDS, BINARY)) == expected


def test_every_row_of_a_number_is_counted_once() -> None:
    """In a cell, or as null, NaN or an infinity."""
    values = np.array([0.5, np.nan, np.inf, -np.inf, 2.0, -5.0, 99.0])
    missing = np.array([False] * 4 + [True] + [False] * 2)
    tile = numeric_tile(Column(values, missing), numeric_grid(column(np.linspace(0, 1, 1_000))))
    assert (tile.n, tile.missing, tile.nan, tile.positive_infinite, tile.negative_infinite) == (3, 1, 1, 1, 1)
    assert (tile.below, tile.above, tile.minimum, tile.maximum) == (1, 1, -5.0, 99.0)
    assert (tile.rows, tile.n_missing, tile.sums.sum()) == (7, 4, 94.5)


def test_moments_of_a_number_are_those_of_its_finite_values() -> None:
    """Against NumPy on the same rows."""
    grid, made = GRIDS.features["x"], mixed(np.random.default_rng(7), 5_000)
    tile = numeric_tile(made.columns["x"], grid)  # type: ignore[arg-type]
    finite = made.columns["x"].values[np.isfinite(made.columns["x"].values)]
    assert tile.n == len(finite)
    assert tile.sums.sum() == pytest.approx(finite.sum(), rel=1e-12)
    assert tile.square_sum == pytest.approx(np.square(finite - grid.center).sum(), rel=1e-12)  # type: ignore[union-attr]
    assert (tile.minimum, tile.maximum) == (finite.min(), finite.max())


def test_texts_in_a_number_are_missing() -> None:
    """A window whose numbers came as texts, some of them no numbers."""
    tile = numeric_tile(column(["0.5", "not a number", "0.25", None]), numeric_grid(column(np.linspace(0, 1, 100))))
    assert (tile.n, tile.missing, tile.sums.sum()) == (2, 2, 0.75)


def test_a_smaller_value_than_the_baselines_only_one_is_told_apart() -> None:
    """A constant column that changes has moved."""
    grid = numeric_grid(column(np.full(100, 7.0)))
    counts = [numeric_tile(column(np.full(10, v)), grid).counts.tolist() for v in (3.0, 7.0, 9.0)]
    assert counts == [[10, 0, 0], [0, 10, 0], [0, 0, 10]]


def test_categories_are_counted_by_their_grid() -> None:
    """Known, folded, new and missing ones."""
    grid = replace(categorical_grid(column(["a", "a", "b"])), folded=frozenset({"rare"}))
    tile = categorical_tile(column(["b", "rare", "new", "new", None, "a"]), grid)
    assert (tile.counts.tolist(), tile.unseen, tile.missing, tile.unseen_names) == ([1, 1, 1], 2, 1, {"new": 2})


@pytest.mark.parametrize(
    "values",
    [
        ["text", "", None],
        np.array([[1.0, 2.0], [np.nan, 1.0], [1.0, np.nan]], np.float32),
        np.array([1.0, np.nan, np.nan]),
    ],
)
def test_presence_is_all_that_is_kept_of_a_text_or_vector(values: object) -> None:
    """One row has a value, two have none."""
    tile = presence_tile(column(values), "text")
    assert (tile.counts.tolist(), tile.missing) == ([1, 0], 2)


def test_a_category_named_present_is_a_category() -> None:
    """It is not taken for the presence of a text."""
    model = MonitoredModel("m", features=(Feature("x", "categorical"),))
    grids = freeze(rows({"x": ["present"] * 5}), model)
    tile = profile(rows({"x": ["absent", "present"]}), grids, model).features["x"]
    assert isinstance(tile, CategoricalTile) and tile.unseen == 1


def test_columns_that_the_rows_lack_have_no_tile() -> None:
    """And columns the baseline lacks have none either."""
    made = mixed(np.random.default_rng(8), 100)
    columns = {name: found for name, found in made.columns.items() if name not in ("x", "yhat", "sex")}
    tiles = profile(replace(made, columns={**columns, "newcomer": made.columns["x"]}, label=None), GRIDS, BINARY)
    assert "x" not in tiles.features and "newcomer" not in tiles.features
    assert list(tiles.prediction) == ["p"] and tiles.label == {} and tiles.groups == {}
    assert tiles.pairs is not None and tiles.pairs.n[0].tolist() == [0, 0]


def test_no_rows_have_tiles_of_nothing() -> None:
    """An empty window is answered."""
    tiles = profile(BASELINE.take(slice(0, 0)), GRIDS, BINARY)
    assert tiles.rows == 0 and all(tile.rows == 0 for tile in tiles.features.values())


def test_pairs_count_the_cells_of_complete_rows() -> None:
    """Against the plain sums over rows, holes and all."""
    rng = np.random.default_rng(9)
    n = 1_300
    x, y, z = rng.normal(size=n), rng.normal(size=n), rng.exponential(size=n)
    x[::7], y[::11] = np.nan, np.inf
    made = rows({"x": x, "y": y, "z": z})
    model = MonitoredModel("m")
    grids = freeze(rows({"x": rng.normal(size=900), "y": rng.normal(size=900), "z": rng.exponential(size=900)}), model)
    pairs = profile(made, grids, model).pairs
    assert pairs is not None and pairs.features == ("x", "y", "z")
    cells = np.stack([np.searchsorted(grids.features[name].edges, made.columns[name].values) for name in "xyz"])  # type: ignore[union-attr]
    finite = np.stack([np.isfinite(made.columns[name].values) for name in "xyz"])
    for i in range(3):
        for j in range(3):
            both = finite[i] & finite[j]
            a, b = cells[i][both], cells[j][both]
            found = (pairs.n[i, j], pairs.sums[i, j], pairs.squares[i, j], pairs.products[i, j])
            assert found == (both.sum(), a.sum(), (a * a).sum(), (a * b).sum())


def test_pairs_without_holes_are_the_same_sums() -> None:
    """The quick way for complete rows."""
    rng = np.random.default_rng(10)
    made = rows({"x": rng.normal(size=1_100), "y": rng.normal(size=1_100)})
    model = MonitoredModel("m")
    grids = freeze(made, model)
    pairs = profile(made, grids, model).pairs
    assert pairs is not None
    a, b = (np.searchsorted(grids.features[name].edges, made.columns[name].values) for name in "xy")  # type: ignore[union-attr]
    assert pairs.n.tolist() == [[1_100] * 2] * 2
    assert pairs.sums.tolist() == [[a.sum()] * 2, [b.sum()] * 2]
    assert pairs.products.tolist() == [[(a * a).sum(), (a * b).sum()], [(a * b).sum(), (b * b).sum()]]
    assert pairs.squares.tolist() == [[(a * a).sum()] * 2, [(b * b).sum()] * 2]


def test_values_too_large_to_square_do_not_stop_the_others() -> None:
    """Their sum of squares is infinite, which the metrics know."""
    tile = numeric_tile(column(np.array([1e200, -1e200])), numeric_grid(column(np.array([0.0, 1.0]))))
    assert isinstance(tile, NumericTile) and tile.n == 2 and tile.square_sum == np.inf
