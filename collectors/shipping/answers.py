"""What an answer of the monitor means for the batch. Pure."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from collectors.shipping.courier import Verdict

CONFLICT = 409
NOT_ABOUT_THE_BATCH = frozenset({401, 403, 404, 405, 407, 408, 421, 425, 426, 429})
"""Refusals of us, of the address or of the moment: another batch would get the same answer, and this one may be taken
once somebody has mended the cause. They are tried again, so that a wrong URL costs no record."""


def verdict(status: int) -> Verdict:
    """What the status says of the batch that was sent."""
    if 200 <= status < 300:
        return "taken"
    if status == CONFLICT:
        return "known"
    if 400 <= status < 500 and status not in NOT_ABOUT_THE_BATCH:
        return "refused"
    return "again"


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for: a number or a date; None where it is neither.

    >>> retry_after_s("120", datetime(2026, 1, 1, tzinfo=UTC))
    120.0
    >>> retry_after_s("Thu, 01 Jan 2026 00:00:30 GMT", datetime(2026, 1, 1, tzinfo=UTC))
    30.0
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())


_DIGITS_MAX = 9
"""Of a number of seconds: thirty years; more is not a wish that anybody has."""
