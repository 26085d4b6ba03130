"""Times as people and programs write them: RFC 3339, both ways."""

from __future__ import annotations

from datetime import UTC, datetime

from monitor.errors import Fault, InvalidInput
from monitor.findings.measured import Span

YEARS = range(1700, 2262)
"""Of which 64 bits hold the nanoseconds since 1970, with room for any lateness beside them."""


def rfc3339(ns: int | None) -> str | None:
    """A time of the contract: RFC 3339 in UTC, with as many digits as it needs.

    >>> rfc3339(1_772_323_200_000_000_000), rfc3339(1_772_323_200_250_000_000)
    ('2026-03-01T00:00:00Z', '2026-03-01T00:00:00.25Z')
    """
    if ns is None:
        return None
    seconds, rest = divmod(ns, 10**9)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def time_ns(text: str | None, where: str) -> int | None:
    """Nanoseconds of an RFC 3339 time with its offset (`Z` or `+02:00`). Raises InvalidInput."""
    if text is None:
        return None
    expected = f"an RFC 3339 time such as 2026-03-01T00:00:00Z, of the years {YEARS.start} to {YEARS.stop - 1}"
    fault = InvalidInput(Fault(where, repr(text[:40]), expected))
    # In a query string an unescaped `+` of an offset arrives as a space.
    text = text.replace(" ", "+") if "T" in text else text
    head, dot, tail = text.partition(".")
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))] if dot else ""
    try:
        moment = datetime.fromisoformat(head + tail[len(digits) :] if dot else text)
    except ValueError as error:
        raise fault from error
    if moment.tzinfo is None or len(digits) > 9 or moment.year not in YEARS:
        raise fault
    return int(moment.timestamp()) * 10**9 + int(digits.ljust(9, "0") or 0)


def span_of(start: str | None, end: str | None) -> Span:
    """The span from `from` to `to` of a request. Raises InvalidInput."""
    start_ns, end_ns = time_ns(start, "from"), time_ns(end, "to")
    if start_ns is None or end_ns is None or start_ns >= end_ns:
        raise InvalidInput(Fault("from, to", "no span", "both, with from before to"))
    return Span(start_ns, end_ns)
