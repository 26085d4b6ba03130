"""A baseline's name, its times, and what it is made of."""

from dataclasses import replace

import numpy as np
import pytest

from monitor.tiles.baseline import build_baseline
from monitor.tiles.rows import Column
from tests.monitor.tiles.samples import BINARY, mixed

ROWS = mixed(np.random.default_rng(1), 400)
BASELINE = build_baseline(ROWS, BINARY, time_ordered=True)


def test_the_same_rows_have_the_same_id_in_any_order() -> None:
    """A baseline set twice is one baseline."""
    shuffled = ROWS.take(np.random.default_rng(2).permutation(400))
    assert build_baseline(shuffled, BINARY, time_ordered=True).id == BASELINE.id


@pytest.mark.parametrize("name", ["x", "colour", "flag", "p"])
def test_one_other_value_makes_another_id(name: str) -> None:
    """In any column."""
    values = ROWS.columns[name].values.copy()
    values[17] = {"O": "other", "b": not values[17]}.get(values.dtype.kind, 0.123)
    changed = replace(ROWS, columns={**ROWS.columns, name: Column(values, ROWS.columns[name].missing)})
    assert build_baseline(changed, BINARY, time_ordered=True).id != BASELINE.id


def test_another_declaration_makes_another_id() -> None:
    """The grids are part of the name."""
    assert build_baseline(ROWS, replace(BINARY, groups=("colour",)), time_ordered=True).id != BASELINE.id


def test_what_stands_under_a_mask_does_not_count() -> None:
    """Its value is unspecified."""
    missing = np.zeros(400, np.bool_)
    missing[3] = True
    one, other = ROWS.columns["amount"].values.copy(), ROWS.columns["amount"].values.copy()
    other[3] = -1.0
    ids = {
        build_baseline(
            replace(ROWS, columns={**ROWS.columns, "amount": Column(v, missing)}), BINARY, time_ordered=True
        ).id
        for v in (one, other)
    }
    assert len(ids) == 1


def test_times_are_known_only_with_a_time_column() -> None:
    """Rows of a file without one have no times."""
    assert (BASELINE.start_ns, BASELINE.end_ns, BASELINE.time_ordered) == (0, 399 * 10**9, True)
    untimed = build_baseline(ROWS, BINARY, time_ordered=False)
    assert (untimed.start_ns, untimed.end_ns, untimed.time_ordered) == (None, None, False)


def test_it_holds_its_own_tiles() -> None:
    """On the grids it froze."""
    assert BASELINE.rows == BASELINE.tiles.rows == 400
    assert BASELINE.tiles.features.keys() == BASELINE.grids.features.keys()
    assert BASELINE.design_effects is None and BASELINE.anomaly is None
