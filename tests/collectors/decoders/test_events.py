"""The events of a streamed answer, with their places."""

import pytest

from collectors.decoders.decoder import Undecodable
from collectors.decoders.events import events_of
from collectors.protocols import sse


def test_each_event_has_its_place() -> None:
    """Positions count events, not lines."""
    found = [(where, event.data) for where, event in events_of(b"data: a\n\n: kept alive\n\ndata: b\n\n")]
    assert found == [("response.events[0]", "a"), ("response.events[1]", "b")]


def test_an_event_that_is_too_large_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the others said would pass for the whole answer."""
    monkeypatch.setattr(sse, "EVENT_BYTES_MAX", 64)
    with pytest.raises(Undecodable) as told:
        events_of(b"data: a\n\ndata: " + b"x" * 100 + b"\n\n")
    assert (told.value.reason, told.value.where) == ("record_too_large", "response.events")
