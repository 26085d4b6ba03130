"""Rows of new categories that are to be expected of a baseline."""

import numpy as np
import pytest

from monitor.alerts.evidence.unseen import expected_unseen
from monitor.tiles.categorical import CategoricalGrid
from monitor.tiles.freeze import categorical_grid
from monitor.tiles.profile import categorical_tile
from monitor.tiles.rows import Column


def tile_of(values):
    column = Column(np.asarray(values))
    grid = categorical_grid(column)
    return categorical_tile(column, grid), grid


def test_categories_that_were_there_once_were_new_to_the_others():
    """Two of nine rows hold a category of their own."""
    tile, grid = tile_of([1, 1, 1, 2, 2, 2, 2, 3, 4])
    assert expected_unseen(tile, grid) == 2


def test_a_baseline_that_knows_its_categories_expects_none():
    """Five categories of a hundred rows each."""
    tile, grid = tile_of(np.repeat(np.arange(5), 100))
    assert expected_unseen(tile, grid) == 0


@pytest.mark.parametrize("rows", [500, 5_000])
def test_it_tells_the_share_of_new_categories_to_come(rows):
    """Good and Turing: within five standard deviations of what 20,000 further rows show; a thousand categories and
    more than a thousand, whose rarest are counted together."""
    rng = np.random.default_rng(rows)
    for categories in (1_000, 20_000):
        shares = 1 / np.arange(1, categories + 1)
        shares /= shares.sum()
        tile, grid = tile_of(rng.choice(categories, rows, p=shares))
        further = categorical_tile(Column(rng.choice(categories, 20_000, p=shares)), grid)
        expected = expected_unseen(tile, grid) / rows
        assert abs(further.unseen / 20_000 - expected) <= 5 * np.sqrt(expected / rows) + 0.01


def test_rare_categories_counted_together_are_told_from_their_number():
    """Every folded name was there once, or their rows say how many were."""
    grid = CategoricalGrid(("a", "b"), frozenset({"c", "d", "e"}))
    tile = categorical_tile(Column(np.array(["a"] * 9 + ["b"] * 5 + ["c", "d", "e", "e"], object)), grid)
    assert expected_unseen(tile, grid) == 2
