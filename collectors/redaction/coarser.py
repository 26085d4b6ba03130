"""Values made coarser: what generalising leaves of a number, a date or an address. None: nothing can be left of it."""

import ipaddress
import re
from collections.abc import Callable
from typing import Literal

DateUnit = Literal["year", "month", "day", "hour"]

_DATE = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2})(?::?\d{2}(?::?\d{2}(?:[.,]\d{1,9})?)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
)
_PARTS: dict[DateUnit, int] = {"year": 1, "month": 2, "day": 3, "hour": 4}


def truncated_date(text: str, unit: DateUnit) -> str | None:
    """An ISO 8601 date or time, cut after the unit.

    >>> truncated_date("2026-11-21T14:05:09+01:00", "month")
    '2026-11'
    """
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour = found.groups()
    parts = [part for part in (year, month, day) if part][: _PARTS[unit]]
    return "-".join(parts) + (f"T{hour}" if unit == "hour" and hour else "")


def network_of(text: str, v4: int, v6: int) -> str | None:
    """The network of so many bits that an IP address is in.

    >>> network_of("192.168.7.9", 24, 48), network_of("2001:db8::1", 24, 48)
    ('192.168.7.0/24', '2001:db8::/48')
    """
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return str(ipaddress.ip_network((address, v4 if address.version == 4 else v6), strict=False))


def rounder(step: float) -> Callable[[float], float]:
    """To multiples of the step."""
    return lambda value: round(value / step) * step if _finite(value) else value


def binner(edges: tuple[float, ...]) -> Callable[[float], float]:
    """To the lower edge; below the first, to that."""

    def lower_edge(value: float) -> float:
        if not _finite(value):
            return value
        return max((edge for edge in edges if edge <= value), default=edges[0])

    return lower_edge


def _finite(value: float) -> bool:
    return value - value == 0
