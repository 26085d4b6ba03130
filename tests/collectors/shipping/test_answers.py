"""What an answer means for the batch, and how long a Retry-After asks for."""

from datetime import UTC, datetime

import pytest

from collectors.shipping.answers import Verdict, retry_after_s, verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((200, 201, 202, 204), "taken"),
        ((409,), "known"),
        ((400, 406, 411, 413, 415, 422, 431), "refused"),
        ((408, 429, 500, 502, 503, 504, 599), "again"),
        ((301, 302, 307, 308, 101), "again"),
        ((401, 403, 404, 405, 407), "again"),
    ],
)
def test_verdicts(statuses: tuple[int, ...], expected: Verdict) -> None:
    """Only what is about this batch refuses it: a wrong URL or a missing right costs no record."""
    assert {verdict(status) for status in statuses} == {expected}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0.0),
        (" 7 ", 7.0),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60.0),
        ("Thu, 01 Jan 2026 00:01:00 -0000", 60.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 400, None),
        ("Thu, 99 Jan 2026 00:00:00 GMT", None),
    ],
)
def test_retry_after(value: str | None, expected: float | None) -> None:
    """Seconds or a date; anything else is no wish."""
    assert retry_after_s(value, NOW) == expected
