"""Columns of every type, as numbers and as categories."""

from typing import Any

import numpy as np
import pytest

from collectors.records.categories import canonical_category
from monitor.tiles.coding import MISSING, counts_by_name, encode, numbers, tally
from monitor.tiles.rows import Coding, Column
from tests.monitor.tiles.samples import column


def objects(*values: object) -> Column:
    array = np.empty(len(values), object)
    array[:] = values
    return Column(array)


def test_texts_count_as_the_numbers_they_spell() -> None:
    """What spells none is missing; NaN and infinities stay what they are."""
    values, missing = numbers(objects("1", " 2.5 ", "1e3", "ten", "1_000", "", None, [1], b"3", 4, True, "nan", "-inf"))
    assert missing is not None
    assert missing.tolist() == [False] * 3 + [True] * 6 + [False] * 4
    np.testing.assert_array_equal(values[~missing], [1.0, 2.5, 1000.0, 4.0, 1.0, np.nan, -np.inf])


def test_a_masked_value_stays_missing() -> None:
    """Whatever stands in its place."""
    _, missing = numbers(Column(objects("1", "2").values, np.array([True, False])))
    assert missing is not None and missing.tolist() == [True, False]


def test_a_number_beyond_a_double_is_infinite() -> None:
    """A whole number of 400 digits has no place in a cell."""
    values, _ = numbers(objects(10**400, -(10**400)))
    assert values.tolist() == [np.inf, -np.inf]


@pytest.mark.parametrize(
    "values",
    [
        np.array([17, 3, 17]),
        np.array([17.0, 3.0, 17.0]),
        np.array([17, 3, 17], np.int32),
        ["17", "3", "17.0"],
        [b"17", "3", 17],
    ],
)
def test_a_category_is_the_same_whatever_type_carried_it(values: Any) -> None:
    """17, 17.0, "17", "17.0" and b"17" are one."""
    assert encode(column(values), ("3", "17")).codes.tolist() == [1, 0, 1]


def test_true_is_not_one() -> None:
    """Though Python finds them equal, in either order."""
    assert encode(objects(True, 1, "True", False, 0), ("true", "1")).codes.tolist() == [0, 1, 0, 3, 4]
    assert encode(objects(1, True), ("true", "1")).codes.tolist() == [1, 0]
    assert encode(Column(np.array([True, False])), ("false", "true")).codes.tolist() == [1, 0]


def test_new_and_folded_categories_have_codes_of_their_own() -> None:
    """Known, folded, then new ones in order of appearance."""
    found = encode(column(["a", "rare", "z", "y", "z"]), ("a", "b"), frozenset({"rare"}))
    assert found.codes.tolist() == [0, 2, 3, 4, 3]
    assert found.unseen == ("z", "y")


def test_masked_values_are_no_new_categories() -> None:
    """What stands under the mask is unspecified."""
    found = encode(Column(objects("junk", "new", "a").values, np.array([True, False, False])), ("a",))
    assert (found.codes.tolist(), found.unseen) == ([MISSING, 2, 0], ("new",))


def test_columns_of_anything_never_raise() -> None:
    """Lists, mappings, arrays, NaN of several makes, huge floats."""
    found = encode(
        objects([1], {"a": 1}, np.float64("nan"), float("nan"), np.int64(3), 1e300, None, np.str_("x")), ("3", "x")
    )
    assert found.codes.tolist() == [3, 4, MISSING, MISSING, 0, 5, MISSING, 1]


@pytest.mark.parametrize("high", [100, 10**9])
def test_whole_numbers_code_alike_through_table_and_sort(high: int) -> None:
    """The span of the values decides the way, not the answer."""
    values = np.random.default_rng(2).integers(0, 50, 500)
    values[0] = high
    names = tuple(str(i) for i in range(50))
    assert encode(Column(values), names).codes.tolist() == [int(v) if v < 50 else 51 for v in values]


def test_codes_agree_with_canonical_forms_row_by_row() -> None:
    """The quick ways against the plain one."""
    rng = np.random.default_rng(3)
    pool: list[Any] = ["a", "1", 1, 1.0, "1.0", "01", None, float("nan"), 2.5, "2.5", b"a", "True"]
    values = objects(*(pool[i] for i in rng.integers(0, len(pool), 300)))
    known = ("a", "1", "2.5")
    found = encode(values, known)
    names = [*known, "folded", *found.unseen]
    assert [None if c == MISSING else names[c] for c in found.codes] == [canonical_category(v) for v in values.values]


def test_a_vector_is_no_category() -> None:
    """Its rows are missing rather than an error."""
    assert encode(Column(np.zeros((2, 3), np.float32)), ("a",)).codes.tolist() == [MISSING, MISSING]


def test_categories_are_counted_most_frequent_first() -> None:
    """Ties by name."""
    assert list(counts_by_name(column(["b", "c", "a", "c", None])).items()) == [("c", 2), ("a", 1), ("b", 1)]


def test_a_vector_where_a_number_is_due_is_missing() -> None:
    """Its rows are counted as missing, one a row."""
    values, missing = numbers(Column(np.zeros((3, 2), np.float32)))
    assert values.shape == (3,) and missing is not None and missing.all()


@pytest.mark.parametrize("kind", ["codes", "texts", "whole", "wide", "true or false", "mixed"])
def test_a_tally_counts_what_the_codes_say(kind: str) -> None:
    """Whichever way a column is counted, each code is there as often as among the codes of its rows."""
    rng = np.random.default_rng(5)
    names = ("b", "17", "new", "a", "17.0", "rare", "never")
    codes = rng.integers(0, 6, 400).astype(np.int32)
    texts = np.array([*names, ""], object)[codes]
    absent = codes == 2
    columns = {
        "codes": Column(texts, absent, Coding(np.where(absent, np.int32(7), codes), names)),
        "texts": Column(texts, absent),
        "whole": Column(rng.integers(15, 20, 400)),
        "wide": Column(rng.integers(0, 2**40, 400)),
        "true or false": Column(rng.random(400) < 0.3),
        "mixed": objects(*[None, 17, "17", 17.0, True, "a", b"b", float("nan")] * 50),
    }
    known, folded = ("a", "b", "17", "false"), frozenset({"rare"})
    for one in (columns[kind], columns[kind].take(np.arange(400) % 3 > 0)):
        found, coded = tally(one, known, folded), encode(one, known, folded)
        named = dict(zip([None, *known, "folded", *found.unseen], found.counts.tolist(), strict=True))
        expected = [None, *known, "folded", *coded.unseen]
        rows = [expected[code + 1] for code in coded.codes]
        assert {name: count for name, count in named.items() if count} == {name: rows.count(name) for name in set(rows)}
