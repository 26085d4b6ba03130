"""Found slices: what is planted is found, and nothing is found where nothing is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitor.alerts.causes.attributes import attributes_of
from monitor.alerts.causes.numbers import errors_of
from monitor.alerts.causes.search import SUPPORT_MIN, Searched, Side, moved_slices, worst_slices
from monitor.tiles.baseline import build_baseline
from monitor.tiles.rows import Rows
from monitor.tiles.slices import members
from tests.monitor.alerts.causes.populations import MODEL, population

BASE = population(np.random.default_rng(1), 8_000)
BASELINE = build_baseline(BASE, MODEL, time_ordered=False)
ATTRIBUTES = attributes_of(BASELINE)


def side(rows: Rows, *, known: bool = True) -> Side:
    codes = [attribute.codes(rows) for attribute in ATTRIBUTES]
    return Side(codes, errors_of(rows, BASELINE.grids, MODEL) if known else None)


def searched(window: Rows, *, known: bool = True) -> Searched:
    return worst_slices(ATTRIBUTES, side(window), side(BASE, known=known), worse=1)


@pytest.mark.parametrize("known", [True, False])
def test_a_planted_slice_is_found(known: bool) -> None:
    """Women in Oslo are decided wrongly four times in ten more: they come first, with their numbers."""
    rng = np.random.default_rng(2)

    def wrong(t: dict[str, Any]) -> Any:
        return 0.6 * ((t["sex"] == "2") & (t["city"] == "oslo"))

    found = searched(population(rng, 4_000, wrong=wrong), known=known)
    first = found.slices[0]
    assert set(first.where.split(" and ")) == {"sex = 2", "city = 'oslo'"}
    assert first.low > 0.1
    assert first.p < 0.001
    assert 400 < first.n_window < 800
    assert (first.baseline is not None) is known


def test_a_slice_of_one_column_is_found_as_such() -> None:
    """Not as a pair with another column, nor several times over."""
    rng = np.random.default_rng(3)
    found = searched(population(rng, 4_000, wrong=lambda t: 0.3 * (t["sex"] == "2")))
    assert [one.where for one in found.slices] == ["sex = 2"]


def test_a_condition_is_a_predicate_of_our_language() -> None:
    """What is found can be declared, and means the rows that were counted."""
    rng = np.random.default_rng(4)
    window = population(rng, 4_000, wrong=lambda t: 0.6 * (t["age"] > 50))
    first = searched(window).slices[0]
    inside = members(window, first.where)
    assert inside is not None
    assert inside.sum() == first.n_window


def test_a_change_of_everyone_is_no_slice() -> None:
    """Everybody is decided wrongly more often: nowhere is it concentrated."""
    rng = np.random.default_rng(5)
    assert searched(population(rng, 3_000, wrong=0.25)).slices == ()


@pytest.mark.parametrize("known", [True, False])
def test_nothing_is_found_where_nothing_is(known: bool) -> None:
    """The level is 5 % a search: more than 10 of 60 has probability under 0.0005.

    Without labels in the baseline a model that is worse for some ages is worse there: its labels are then pure luck.
    """
    rng = np.random.default_rng(6)
    found = 0
    for _ in range(60):
        window = population(rng, 1_000)
        if not known:
            values = (rng.random(1_000) < 0.3).astype(float)
            codes = [attribute.codes(window) for attribute in ATTRIBUTES]
            found += bool(worst_slices(ATTRIBUTES, Side(codes, values), side(BASE, known=False)).slices)
        else:
            found += bool(searched(window).slices)
    assert found <= 10


def test_slices_whose_share_moved_are_found_and_nothing_else() -> None:
    """Twice as many women in Lima; and in 60 quiet windows at most 10 searches find anything."""
    rng = np.random.default_rng(7)
    window = population(rng, 4_000)
    more = (window.columns["sex"].values == "2") & (window.columns["city"].values == "lima")
    doubled = window.take(np.concatenate([np.arange(len(window)), np.flatnonzero(more)]))
    found = moved_slices(ATTRIBUTES, side(doubled, known=False), side(BASE, known=False))
    assert set(found.slices[0].where.split(" and ")) == {"sex = 2", "city = 'lima'"}
    assert found.slices[0].low > 0
    quiet = (
        moved_slices(ATTRIBUTES, side(population(rng, 800), known=False), side(BASE, known=False)) for _ in range(60)
    )
    assert sum(bool(one.slices) for one in quiet) <= 10


def test_too_few_rows_are_no_slice() -> None:
    """However wrong they are."""
    rng = np.random.default_rng(8)
    window = population(rng, SUPPORT_MIN - 1, wrong=1.0)
    assert searched(window).slices == ()


def test_every_candidate_counts() -> None:
    """All parts and all pairs share the level, those that the beam leaves out too."""
    sizes = [len(a.conditions) for a in ATTRIBUTES]
    pairs = sum(sizes[i] * sizes[j] for i in range(len(sizes)) for j in range(i))
    assert searched(population(np.random.default_rng(9), 500)).candidates == sum(sizes) + pairs
