"""The id of a prediction: the first of the places in the order configured, else one of our own."""

import re
from collections.abc import Mapping
from hashlib import blake2b

from collectors.records.types import IdSource

DEFAULT_IDS: tuple[IdSource, ...] = ("body", "x-request-id", "traceparent", "ce-id")
"""The id a client gave the inference itself comes first: labels are most likely to carry that one."""

ID_CHARS_MAX = 512
"""A longer id is taken for none: cut short it would join the wrong label."""

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


def choose_id(
    sources: tuple[IdSource, ...], body_id: str | None, headers: Mapping[str, str]
) -> tuple[str, IdSource] | None:
    """The first id found, with its source; None where there is none."""
    for source in sources:
        found = body_id if source == "body" else _from_header(source, headers)
        if found and len(found) <= ID_CHARS_MAX:
            return found, source
    return None


def trace_of(headers: Mapping[str, str]) -> str | None:
    """The W3C trace context of the request, where it is one."""
    found = headers.get("traceparent")
    if found is None:
        return None
    found = found.strip()
    return found if _TRACEPARENT.fullmatch(found) else None


def generated_id(exchange: str, time_ns: int) -> str:
    """A UUID of version 7: the milliseconds of the exchange, then a hash of its name.

    >>> generated_id("a-1", 1_700_000_000_000_000_000)
    '018bcfe5-6800-7cf5-b3bf-c53c1d4283b7'
    """
    digest = int.from_bytes(blake2b(exchange.encode(), digest_size=10).digest(), "big")
    milliseconds = (time_ns // 1_000_000) & (2**48 - 1)
    high = milliseconds << 16 | 0x7000 | digest >> 68
    low = 2 << 62 | digest & (2**62 - 1)
    text = f"{high:016x}{low:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _from_header(source: IdSource, headers: Mapping[str, str]) -> str | None:
    if source == "generated":
        return None
    if source == "traceparent":
        trace = _TRACEPARENT.fullmatch(headers.get("traceparent", "").strip())
        return f"{trace[1]}-{trace[2]}" if trace else None
    return headers.get(source, "").strip()
