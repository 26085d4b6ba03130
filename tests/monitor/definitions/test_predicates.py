"""The language of slices: what it reads, and where it says a fault is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.definitions.predicates import (
    CONDITIONS_MAX,
    DEPTH_MAX,
    And,
    Comparison,
    Membership,
    Missing,
    Not,
    Or,
    PredicateError,
    columns_of,
    parse,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AGEP < 30", Comparison("AGEP", "<", 30.0)),
        ("a == 'x y'", Comparison("a", "=", "x y")),
        ("`odd name!` != true", Comparison("odd name!", "!=", True)),
        ("a in [1, 'b', -2.5e3]", Membership("a", (1.0, "b", -2500.0))),
        ("a not in [1]", And((Not(Missing("a")), Not(Membership("a", (1.0,)))))),
        ("a is missing", Missing("a")),
        ("a IS NOT MISSING", Not(Missing("a"))),
        ("a=1 or b=2 and c=3", Or((Comparison("a", "=", 1.0), And((Comparison("b", "=", 2.0), Comparison("c", "=", 3.0)))))),
        ("not (a=1 or b=2)", Not(Or((Comparison("a", "=", 1.0), Comparison("b", "=", 2.0))))),
    ],
)  # fmt: skip
def test_a_predicate_is_read(text: str, expected: object) -> None:
    """`and` binds before `or`, `not` before both."""
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("AGEP <", 7, "a number, a 'text'"),
        ("AGEP < 'a'", 8, "a number after <"),
        ("AGEP ; 3", 6, "an operator"),
        ("and", 1, "a column"),
        ("a = 1 b = 2", 7, "`and`, `or` or the end"),
        ("(a = 1", 7, "`and`, `or` or `)`"),
        ("a in 1", 6, "`[`"),
        ("a in [1; 2]", 8, "a column, a value"),
        ("a is 3", 6, "`missing`"),
        ("", 1, "a column"),
        ("a = 1e999", 5, "a number"),
    ],
)
def test_a_fault_has_its_position(text: str, position: int, expected: str) -> None:
    """Counted from 1, with what was expected there."""
    with pytest.raises(PredicateError) as raised:
        parse(text)
    assert raised.value.position == position
    assert expected in raised.value.expected


@pytest.mark.parametrize(
    "text",
    [
        " or ".join(["a=1"] * (CONDITIONS_MAX + 1)),
        "(" * (DEPTH_MAX + 1) + "a=1" + ")" * (DEPTH_MAX + 1),
        "not " * 400 + "a=1",
        "a in [" + ",".join(["1"] * 200) + "]",
        "a=1 " * 1000,
    ],
)
def test_what_is_too_large_is_refused(text: str) -> None:
    """Conditions, depth, values and length are bounded."""
    with pytest.raises(PredicateError, match="at most"):
        parse(text)


@given(st.text(alphabet="abAB01 .<>=!()[],'\"`andorti\\\n\x00é", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing else is ever raised."""
    try:
        assert columns_of(parse(text))
    except PredicateError as error:
        assert 1 <= error.position <= len(text) + 1
