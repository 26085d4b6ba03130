"""Rules kept and broken, duplicates by sketch, times; and the schema that rows suggest."""

import numpy as np
import pytest

from monitor.definitions import ColumnRule, Feature, MonitoredModel
from monitor.tiles.baseline import build_baseline
from monitor.tiles.quality import HASHES_MAX, RULE_COUNTS, QualityTile, kept, quality_of
from monitor.tiles.rows import Column, Rows
from monitor.tiles.schema import learned
from tests.monitor.tiles.samples import column, rows

ASKING = MonitoredModel("m", metrics=("duplicate_row_ratio", "duplicate_id_ratio", "longest_gap_seconds"))
KINDS = {"a": "numeric", "b": "categorical"}


def of(made: Rows) -> QualityTile:
    tile = quality_of(made, KINDS, ASKING)  # type: ignore[arg-type]
    assert tile is not None
    return tile


@pytest.mark.parametrize(
    ("values", "rule", "broken"),
    [
        ([1.0, 2.5, None], ColumnRule("whole"), {"type": 1}),
        (["1", "x", "nan"], ColumnRule("number"), {"type": 1}),
        ([1, 2], ColumnRule("text"), {"type": 2}),
        (["a", None], ColumnRule("text"), {}),
        ([True, False, None], ColumnRule("boolean"), {}),
        (["true", "maybe", "0"], ColumnRule("boolean"), {"type": 1}),
        ([1.0, -2.0, 9.0, np.inf], ColumnRule(minimum=0.0, maximum=5.0), {"range": 3}),
        (["7", "x"], ColumnRule(maximum=5.0), {"range": 1}),
        ([17, 18], ColumnRule(values=("17",)), {"values": 1}),
        ([17.0, None], ColumnRule(values=("17",), not_null=True), {"null": 1}),
        ([np.nan, 1.0], ColumnRule(not_null=True), {"null": 1}),
        (["", "a", None], ColumnRule(values=("a",)), {"values": 1}),
    ],
)
def test_a_rule_is_broken_where_it_says_so(values: list[object], rule: ColumnRule, broken: dict[str, int]) -> None:
    """Each part by itself; a row without a value breaks `not_null` alone."""
    found = dict(zip(RULE_COUNTS, kept(column(values), rule, len(values)).tolist(), strict=True))
    assert {name: found[name] for name in RULE_COUNTS[2:] if found[name]} == broken
    assert found["rows"] == len(values) and found["violating"] == sum(broken.values())


def test_a_column_that_is_not_there_is_null_in_every_row() -> None:
    """Which matters where it must not be."""
    assert kept(None, ColumnRule(not_null=True), 5).tolist() == [5, 5, 0, 0, 0, 5]
    assert kept(None, ColumnRule("number"), 5).tolist() == [5, 0, 0, 0, 0, 0]


def test_vectors_are_held_to_presence() -> None:
    """Whatever else the rule says."""
    vectors = Column(np.zeros((4, 3), np.float32), np.array([True, False, False, False]))
    assert kept(vectors, ColumnRule("number", not_null=True), 4).tolist() == [4, 1, 0, 0, 0, 1]


@pytest.mark.parametrize("n", [1, 2, 5, 100, 1_000])
def test_few_distinct_rows_are_counted_exactly(n: int) -> None:
    """As NumPy's distinct rows, whatever type carries a number."""
    rng = np.random.default_rng(n)
    a, b = rng.integers(0, 20, n), rng.choice(["x", "y", "z"], n)
    true = len(np.unique(np.char.add(a.astype(str), b)))
    for numbers in (a, a.astype(float)):
        sketch = of(rows({"a": numbers, "b": list(b)})).duplicates
        assert sketch is not None and sketch.exact
        assert (len(sketch.hashes), int(sketch.counts.sum()), sketch.rows) == (true, n, n)


def test_many_distinct_rows_are_sampled_fairly() -> None:
    """A tenth of 20,000 rows repeat another: estimated within four of the stated standard errors at ten seeds."""
    from monitor.metrics.quality.duplicates import repeated  # noqa: PLC0415  (the estimate belongs to the metric)

    for seed in range(10):
        rng = np.random.default_rng(seed)
        a = rng.normal(size=20_000)
        a[18_000:] = rng.choice(a[:18_000], 2_000)
        sketch = of(rows({"a": a, "b": ["x"] * 20_000})).duplicates
        assert sketch is not None and len(sketch.hashes) == HASHES_MAX
        share, error = repeated(sketch)
        assert abs(share - (1 - len(np.unique(a)) / 20_000)) < 4 * error and 0.001 < error < 0.02


def test_one_differing_cell_makes_another_row() -> None:
    """Missing is a value of its own; NaN is one, zero has one sign; columns do not stand for one another."""
    made = rows({"a": [0.0, -0.0, np.nan, np.nan, None, 1.0], "b": ["x"] * 6})
    sketch = of(made).duplicates
    assert sketch is not None and sorted(sketch.counts.tolist()) == [1, 1, 2, 2]
    swapped = of(rows({"a": ["x", "y"], "b": ["y", "x"]})).duplicates
    assert swapped is not None and len(swapped.hashes) == 2


def test_ids_and_times_are_told() -> None:
    """The same id twice; the longest pause between two rows, merges included."""
    made = rows({"a": np.zeros(6), "b": ["x"] * 6})
    made.id[3] = made.id[2]
    made.time_ns[4:] += 10 * 10**9
    tile = of(made)
    assert tile.ids is not None and sorted(tile.ids.counts.tolist()) == [1, 1, 1, 1, 2]
    assert tile.times is not None and tile.times.gap_ns == 11 * 10**9
    later = of(rows({"a": np.zeros(3), "b": ["x"] * 3}, start=100))
    merged = later.merge(tile).times
    assert merged is not None and merged.gap_ns == (100 - 15) * 10**9


def test_nothing_is_profiled_that_nobody_asks_for() -> None:
    """Hashing every row costs."""
    assert quality_of(rows({"a": np.zeros(3)}), {"a": "numeric"}, MonitoredModel("m")) is None


def test_a_schema_is_learned_from_sound_rows() -> None:
    """Ranges with room, whole numbers exactly, closed sets of categories, what is never null."""
    rng = np.random.default_rng(1)
    n = 2_000
    model = MonitoredModel(
        "m",
        features=tuple(
            Feature(name, kind)  # type: ignore[arg-type]
            for name, kind in (
                ("pay", "numeric"),
                ("rooms", "numeric"),
                ("sex", "categorical"),
                ("city", "categorical"),
                ("note", "text"),
            )
        ),
    )
    made = rows(
        {
            "pay": rng.exponential(1_000.0, n),
            "rooms": rng.integers(1, 7, n),
            "sex": list(rng.choice(["f", "m"], n)),
            "city": [f"c{i}" for i in rng.zipf(1.5, n)],
            "note": [None if i % 7 == 0 else "text" for i in range(n)],
        }
    )
    baseline = build_baseline(made, model, time_ordered=False)
    rules = learned(baseline.grids, baseline.tiles)
    pay, most = rules["pay"], float(made.columns["pay"].values.astype(float).max())
    assert pay.minimum == 0.0 and pay.maximum is not None and 1.09 * most < pay.maximum < 1.25 * most
    assert rules["rooms"] == ColumnRule("whole", 1.0, 6.0, None, True)
    assert set(rules["sex"].values or ()) == {"f", "m"} and rules["sex"].not_null
    assert rules["city"].values is None and "note" not in rules
    for name, rule in rules.items():
        assert kept(made.columns[name], rule, n)[1] == 0, name


def test_few_rows_show_no_closed_set() -> None:
    """A hundred rows say neither that nulls nor that other categories do not occur."""
    model = MonitoredModel("m", features=(Feature("sex", "categorical"),))
    baseline = build_baseline(rows({"sex": ["f", "m"] * 50}), model, time_ordered=False)
    assert learned(baseline.grids, baseline.tiles) == {}
