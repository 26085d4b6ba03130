"""What generalising leaves of dates and addresses."""

import pytest

from collectors.redaction.coarser import network_of, truncated_date


@pytest.mark.parametrize(
    ("text", "unit", "left"),
    [
        ("1984-06-09", "year", "1984"),
        ("1984-06-09", "month", "1984-06"),
        ("1984-06-09", "day", "1984-06-09"),
        ("1984-06-09", "hour", "1984-06-09"),
        ("2026-11-21T14:05:09.123456Z", "hour", "2026-11-21T14"),
        ("2026-11-21 14:05:09+01:00", "month", "2026-11"),
        ("yesterday", "month", None),
        ("1984-06-09 Anna", "month", None),
        ("84-06-09", "year", None),
        ("", "year", None),
    ],
)
def test_a_date_is_cut_after_its_unit(text, unit, left):
    """And what is no date is not passed on."""
    assert truncated_date(text, unit) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("192.168.77.9", "192.168.77.0/24"),
        ("2001:db8:1:2::9", "2001:db8:1::/48"),
        ("::ffff:1.2.3.4", "::/48"),
        ("192.168.77", None),
        ("1.2.3.4:80", None),
    ],
)
def test_of_an_address_its_network_is_left(text, left):
    """By the bits that were asked for."""
    assert network_of(text, 24, 48) == left
