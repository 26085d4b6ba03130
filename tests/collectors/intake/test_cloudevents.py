"""CloudEvents over HTTP: the specification's modes, and what is refused."""

import json
import random
from pathlib import Path

import msgspec
import pytest

from collectors.intake.cloudevents import CloudEvent, NotCloudEvents, read_events, time_ns_of

MINIMAL = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
BINARY = {f"ce-{name}": value for name, value in MINIMAL.items()}
STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}


def structured(**members: object) -> CloudEvent:
    return read_events(STRUCTURED, json.dumps(MINIMAL | members).encode())[0]


def test_binary_mode_keeps_the_body_as_it_is() -> None:
    """Whatever its media type says."""
    headers = BINARY | {
        "content-type": "application/json",
        "content-encoding": "gzip",
        "ce-time": "2026-01-01T00:00:00Z",
    }
    (event,) = read_events(headers, b"\x1f\x8b")
    assert (event.data, event.encoding, event.content_type) == (b"\x1f\x8b", "gzip", "application/json")
    assert (event.id, event.source, event.type, event.time_ns) == ("1", "/s", "t", 1_767_225_600 * 10**9)


def test_header_values_are_percent_decoded_once() -> None:
    """UTF-8, in quotes or not."""
    headers = BINARY | {"ce-subject": '"Euro%20%E2%82%AC%2541"', "ce-metadata": "%7B%22a%22%3A%22b%22%7D"}
    extensions = read_events(headers, b"")[0].extensions
    assert extensions == {"subject": "Euro €%41", "metadata": '{"a":"b"}'}


@pytest.mark.parametrize(
    ("members", "data"),
    [
        ({"data": {"a": 1}}, b'{"a": 1}'),
        ({"data": "text", "datacontenttype": "text/plain"}, b"text"),
        ({"data": '{"a":1}', "datacontenttype": "application/json"}, b'{"a":1}'),
        ({"data_base64": "AAH/"}, b"\x00\x01\xff"),
        ({"data": "AAH/", "datacontentencoding": "base64", "specversion": "0.3"}, b"\x00\x01\xff"),
        ({"data": None}, b""),
        ({}, b""),
    ],
)
def test_structured_data_is_json_text_or_bytes(members: dict[str, object], data: bytes) -> None:
    """As the JSON format says, and JSON written as a text, as some senders do."""
    assert structured(**members).data == data


def test_a_batch_is_its_events_in_order() -> None:
    """And none of them where there is none."""
    headers = {"content-type": "application/cloudevents-batch+json"}
    events = read_events(headers, json.dumps([MINIMAL | {"id": str(i)} for i in range(3)]).encode())
    assert [event.id for event in events] == ["0", "1", "2"]
    assert read_events(headers, b"[]") == []


@pytest.mark.parametrize(
    ("headers", "body", "where"),
    [
        ({"content-type": "application/json"}, b"{}", "headers"),
        ({"content-type": "application/cloudevents+xml"}, b"<e/>", "headers.content-type"),
        (STRUCTURED, b"nonsense", "body"),
        (STRUCTURED, b"[" * 100_000, "body"),
        (STRUCTURED, json.dumps(MINIMAL | {"id": ""}).encode(), "body.id"),
        (STRUCTURED, json.dumps(MINIMAL | {"specversion": "2"}).encode(), "body.specversion"),
        (STRUCTURED, json.dumps(MINIMAL | {"data_base64": "?"}).encode(), "body.data_base64"),
        (STRUCTURED, json.dumps(MINIMAL | {"big": "x" * 20_000}).encode(), "body.big"),
        ({"ce-id": "1", "ce-specversion": "1.0", "ce-type": "t"}, b"", "headers.ce-source"),
        (BINARY | {"ce-metadata": "x" * 20_000}, b"", "headers.ce-metadata"),
    ],
)
def test_what_is_no_event_is_refused_with_its_place(headers: dict[str, str], body: bytes, where: str) -> None:
    """What was found there, and what was expected."""
    with pytest.raises(NotCloudEvents) as refused:
        read_events(headers, body)
    assert refused.value.where == where


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:00.123456789123z", 123_456_789),
        ("2018-04-05T17:31:00Z", 1_522_949_460 * 10**9),
        ("yesterday", None),
        ("9999-99-99T00:00:00Z", None),
        ("", None),
    ],
)
def test_times_are_read_to_the_nanosecond(text: str, time_ns: int | None) -> None:
    """And what is no time is none."""
    assert time_ns_of(text) == time_ns


def test_any_bytes_are_events_or_refused() -> None:
    """Cut, replaced and random ones."""
    rng = random.Random(5)
    whole = json.dumps(
        [MINIMAL | {"data": {"a": [1, 2]}, "data_base64": "AAAA", "time": "2026-01-01T00:00:00Z"}]
    ).encode()
    for _ in range(3_000):
        body = bytearray(whole[: rng.randrange(len(whole) + 1)] if rng.random() < 0.3 else whole)
        for _ in range(rng.randrange(4)):
            if body:
                body[rng.randrange(len(body))] = rng.choice(b'{}[]",:\\x01\xff0n')
        media = rng.choice(["application/cloudevents+json", "application/cloudevents-batch+json", "", "x"])
        headers = {"content-type": media} | (BINARY if rng.random() < 0.5 else {})
        try:
            events = read_events(headers, bytes(body))
        except NotCloudEvents:
            continue
        assert all(isinstance(event.data, bytes) for event in events)


@pytest.mark.data
def test_the_examples_of_the_specification_are_read(shared_data: Path) -> None:
    """Every whole JSON example, structured or as a batch; those with ellipses in them are refused."""
    read = 0
    for line in (shared_data / "cloudevents/spec_examples.jsonl").read_text("utf-8").splitlines():
        text = json.loads(line)["text"]
        try:
            value = msgspec.json.decode(text)
        except msgspec.DecodeError:
            continue
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, dict) and "specversion" in item and "id" in item for item in items):
            continue
        media = "application/cloudevents-batch+json" if isinstance(value, list) else "application/cloudevents+json"
        try:
            events = read_events({"content-type": media}, text.encode())
        except NotCloudEvents as error:
            assert error.where.endswith(("specversion", "data_base64"))  # others, and ellipses
            continue
        assert [event.id for event in events] == [str(item["id"]) for item in items]
        read += 1
    assert read >= 5
