"""The events of a streamed answer that is there whole."""

from __future__ import annotations

from collections.abc import Iterator

from collectors.decoders.decoder import Undecodable
from collectors.protocols.sse import EVENT_BYTES_MAX, Event, EventStream


def events_of(body: bytes | bytearray) -> Iterator[tuple[str, Event]]:
    """Each event with its place. Raises Undecodable where one is too large to be kept: what it said would be missing."""
    stream = EventStream()
    events = stream.feed(bytes(body))
    if stream.oversized:
        raise Undecodable("record_too_large", "response.events", f"found one of more than {EVENT_BYTES_MAX} bytes")
    return ((f"response.events[{position}]", event) for position, event in enumerate(events))
