"""A category is the same one whatever type carried it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.records.categories import canonical_category


@pytest.mark.parametrize(
    ("values", "canonical"),
    [
        ((17, 17.0, "17", "17.0", b"17", "+17", "17.00", "1.7e1"), "17"),
        ((0, -0.0, "0", "-0", "0.0", b"-0.0"), "0"),
        ((-5, -5.0, "-5", "-5.0"), "-5"),
        ((True, "True", "true", b"True"), "true"),
        ((False, "False", "false"), "false"),
        ((0.1, "0.1", ".1", "0.10"), "0.1"),
        ((1e5, 100000, "1e5", "100000"), "100000"),
        ((-12345678901234567, "-12345678901234567"), "-12345678901234567"),
        ((9223372036854775808, "9223372036854775808", "+9223372036854775808"), "9223372036854775808"),
        ((math.inf, "Infinity"), "Infinity"),
        ((-math.inf, "-Infinity"), "-Infinity"),
    ],
)
def test_spellings_of_one_category_are_one(values: tuple[object, ...], canonical: str) -> None:
    """Numbers, texts, bytes and booleans."""
    assert {canonical_category(value) for value in values} == {canonical}


@pytest.mark.parametrize(
    "name",
    [
        "007",
        "-007",
        "1_000",
        "0x10",
        "5.",
        "1 ",
        " 1",
        "",
        "-",
        "+",
        "--5",
        "1.2.3",
        "١٢",
        "１２",
        "²",
        "NaN",
        "TRUE",
        "1e",
        "e5",
        "7e1000",
        "0e99",
        "1" * 30,
    ],
)
def test_what_is_no_plain_number_stays_a_name(name: str) -> None:
    """Leading zeros, separators, other digits, and digests that only look like numbers."""
    assert canonical_category(name) == name


@pytest.mark.parametrize("missing", [None, math.nan])
def test_missing_is_no_category(missing: float | None) -> None:
    """Neither null nor NaN is a name."""
    assert canonical_category(missing) is None


def test_bytes_that_are_no_text_have_a_name_too() -> None:
    """Escaped, so that it can be written anywhere."""
    assert canonical_category(b"\xff\x00a") == "\\xff\x00a"


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.binary()))
def test_the_canonical_form_of_a_canonical_form_is_itself(value: object) -> None:
    """Whatever goes in; nothing raises."""
    canonical = canonical_category(value)
    assert canonical is None or canonical_category(canonical) == canonical


@given(st.integers(-(2**53), 2**53))
def test_whole_numbers_are_one_category_in_every_type(number: int) -> None:
    """As integer, double, text of either, and bytes."""
    carried = (number, float(number), str(number), repr(float(number)), str(number).encode())
    assert {canonical_category(value) for value in carried} == {str(number)}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_and_its_text_are_one_category(number: float) -> None:
    """JSON clients send one where others send the other."""
    assert canonical_category(number) == canonical_category(repr(number))


@given(st.integers(), st.integers())
def test_different_integers_are_different_categories(one: int, other: int) -> None:
    """Also as texts of any length."""
    assert (canonical_category(str(one)) == canonical_category(str(other))) is (one == other)
