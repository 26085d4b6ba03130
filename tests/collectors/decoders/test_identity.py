"""Which id a prediction gets."""

import uuid

import pytest

from collectors.decoders.identity import DEFAULT_IDS, ID_CHARS_MAX, choose_id, generated_id, trace_of
from collectors.records.types import IdSource

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
HEADERS = {"x-request-id": "x", "traceparent": TRACE, "ce-id": "c"}


@pytest.mark.parametrize(
    ("sources", "body_id", "chosen"),
    [
        (DEFAULT_IDS, "b", ("b", "body")),
        (DEFAULT_IDS, None, ("x", "x-request-id")),
        (("ce-id", "body"), "b", ("c", "ce-id")),
        (("traceparent",), "b", ("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", "traceparent")),
        (("generated",), "b", None),
        ((), "b", None),
    ],
)
def test_the_first_source_that_has_one_wins(
    sources: tuple[IdSource, ...], body_id: str | None, chosen: tuple[str, str] | None
) -> None:
    """In the order configured."""
    assert choose_id(sources, body_id, HEADERS) == chosen


@pytest.mark.parametrize("body_id", ["", "x" * (ID_CHARS_MAX + 1)])
def test_an_empty_or_endless_id_is_none(body_id: str) -> None:
    """Cut short, it would join the wrong label."""
    assert choose_id(("body",), body_id, {}) is None


def test_a_broken_trace_is_neither_id_nor_trace() -> None:
    """Only the W3C form counts."""
    headers = {"traceparent": "00-xyz"}
    assert choose_id(("traceparent",), None, headers) is None
    assert trace_of(headers) is None
    assert trace_of(HEADERS) == TRACE


def test_a_generated_id_is_a_uuid_of_version_7() -> None:
    """It sorts by time and differs by exchange."""
    one, other = generated_id("a-1", 1_700_000_000_000_000_000), generated_id("a-2", 1_700_000_000_001_000_000)
    assert (uuid.UUID(one).version, uuid.UUID(one).variant) == (7, uuid.RFC_4122)
    assert one < other
    assert int(one.replace("-", "")[:12], 16) == 1_700_000_000_000
