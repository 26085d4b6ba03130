"""Messages of Kafka become halves of exchanges, and parts batches; whatever else they hold is refused with its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.intake import kafka_messages
from collectors.intake.halves import Pair
from collectors.intake.kafka_messages import (
    PARTS_WAIT_NS,
    Assembly,
    Half,
    Message,
    NotAHalf,
    Origin,
    exchange_name,
    exchange_of,
    half_of,
    key_of,
    reader,
    seldon_origin,
    seldon_pattern,
)
from collectors.protocols.exchange import Exchange
from tests.collectors.generated import request, response

ASKED = request(
    model_name="m_1", id="body-id",
    inputs=[{"name": "x", "datatype": "FP64", "shape": [1, 2], "contents": {"fp64_contents": [0.5, 1.5]}}],
).SerializeToString()  # fmt: skip
ANSWERED = response(
    model_name="m_1", model_version="3", id="body-id",
    outputs=[{"name": "y", "datatype": "FP64", "shape": [1], "contents": {"fp64_contents": [0.25]}}],
).SerializeToString()  # fmt: skip
REQUEST, RESPONSE = Origin("m", "", "request"), Origin("m", "", "response")


def message(value: bytes, *, offset: int = 7, **headers: str) -> Message:
    return Message("t", 0, offset, 5, value, {name.replace("_", "-"): text for name, text in headers.items()})


@pytest.mark.parametrize(
    ("topic", "origin"),
    [
        ("seldon.mesh.model.iris.inputs", Origin("iris", "", "request")),
        ("seldon.mesh.model.iris.outputs", Origin("iris", "", "response")),
        ("seldon.mesh.pipeline.two.outputs", Origin("two-pipeline", "", "response")),
        ("seldon.mesh.errors.errors", None),
        ("other.mesh.model.iris.inputs", None),
        ("seldon.mesh.model.iris.inputs.x", None),
    ],
)
def test_a_topic_of_seldon_says_whose_it_is(topic: str, origin: Origin | None) -> None:
    """And others say nothing."""
    assert seldon_origin(topic, "seldon") == origin


def test_patterns_take_names_as_they_are() -> None:
    """A dot in a name is a dot."""
    assert seldon_pattern("a.b", "n") == r"^a\.b\.n\.(model|pipeline)\..+\.(inputs|outputs)$"


@pytest.mark.parametrize("prefix", [b"", b"\0\0\0\0\x09\0", b"\0\0\0\0\x09\x02\x00", b"\0\0\0\0\x09\x04\x02\x04"])
def test_the_prefix_of_a_schema_registry_is_stepped_over(prefix: bytes) -> None:
    """With the index of the message in its schema, in whatever form."""
    half = half_of(message(prefix + ASKED, seldon_infer_type="proto/InferModelRequest", x_request_id="r"), REQUEST)
    assert (half.body, half.is_protobuf, half.id) == (ASKED, True, "r")


def test_json_has_a_prefix_without_an_index() -> None:
    """Five bytes."""
    half = half_of(message(b'\0\0\0\0\x09{"inputs": []}', x_request_id="r"), REQUEST)
    assert (half.body, half.is_protobuf) == (b'{"inputs": []}', False)


@pytest.mark.parametrize("body", [ASKED, b'{"id": "body-id", "inputs": []}'])
def test_without_a_header_the_body_tells_the_id(body: bytes) -> None:
    """Of either form."""
    assert half_of(message(body), REQUEST).id == "body-id"


@pytest.mark.parametrize("body", [b"", b"\xff\xff", b"{", b'{"inputs": []}'])
def test_a_message_without_an_id_is_refused(body: bytes) -> None:
    """With its place in the topic."""
    with pytest.raises(NotAHalf, match=r"t\[0\]@7: found neither"):
        half_of(message(body), REQUEST)


@given(st.binary(max_size=200), st.sampled_from(["", "json/x", "proto/x"]), st.sampled_from(["", "r"]))
def test_any_bytes_are_a_half_or_refused(value: bytes, kind: str, id: str) -> None:
    """Nothing else is raised, and decoding says so too."""
    try:
        half = half_of(message(value, seldon_infer_type=kind, x_request_id=id), REQUEST)
    except NotAHalf:
        return
    exchange_of(Pair(half, None, "expired"))


def paired(asked: bytes, answered: bytes) -> tuple[Exchange, Pair[Half]]:
    pair = Pair(
        half_of(message(asked, x_request_id="r"), REQUEST), half_of(message(answered, x_request_id="r"), RESPONSE)
    )
    return exchange_of(pair), pair


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (ASKED, ANSWERED),
        (
            json.dumps({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [0.5, 1.5]}]}).encode(),
            json.dumps(
                {"model_version": "3", "outputs": [{"name": "y", "shape": [1], "datatype": "FP64", "data": [0.25]}]}
            ).encode(),
        ),
    ],
)
def test_a_pair_is_decoded_under_the_names_of_its_topic(asked: bytes, answered: bytes) -> None:
    """Seldon numbers its models inside; people know them by the topic's name."""
    exchange, pair = paired(asked, answered)
    decoder, call = reader(pair, exchange)
    decoded = decoder.decode(exchange, call)
    assert (decoded.model, decoded.version, decoded.id, decoded.rows) == ("m", "3", "r", 1)
    assert [(t.name, t.shape) for t in (*decoded.inputs, *decoded.outputs)] == [("x", (1, 2)), ("y", (1,))]


def test_an_exchange_has_the_same_name_whenever_it_comes() -> None:
    """From either half."""
    ours, theirs = half_of(message(ASKED), REQUEST), half_of(message(ANSWERED), RESPONSE)
    assert exchange_name(key_of(ours)) == exchange_name(key_of(theirs))
    assert exchange_name(("m", "1")) != exchange_name(("m", "2"))


def part(index: int, count: int, value: bytes, *, offset: int, batch: str = "ab/1") -> Message:
    return message(value, offset=offset, outrider_batch=batch, outrider_part=f"{index}/{count}")


def test_parts_are_put_together_in_their_order() -> None:
    """And hold their first offset back until then."""
    assembly = Assembly()
    assert assembly.add(part(0, 2, b"one", offset=4)) is None
    assert assembly.first_held(("t", 0)) == 4
    assert assembly.add(part(1, 2, b"two", offset=5)) == ("ab/1", b"onetwo")
    assert assembly.first_held(("t", 0)) is None


def test_parts_of_several_sidecars_may_lie_between_each_other() -> None:
    """In one partition: a topic has one by default. The oldest of them holds the offset back."""
    assembly = Assembly()
    assembly.add(part(0, 2, b"one", offset=4, batch="ab/1"))
    assembly.add(part(0, 2, b"uno", offset=5, batch="cd/1"))
    assert assembly.add(message(b"whole", offset=6, outrider_batch="ef/1")) == ("ef/1", b"whole")
    assert assembly.first_held(("t", 0)) == 4
    assert assembly.add(part(1, 2, b"two", offset=7, batch="ab/1")) == ("ab/1", b"onetwo")
    assert assembly.first_held(("t", 0)) == 5
    assert assembly.add(part(1, 2, b"due", offset=8, batch="cd/1")) == ("cd/1", b"unodue")


def test_a_batch_that_is_never_completed_holds_nothing_back_for_ever() -> None:
    """Its sidecar may be gone; the others' times say how late it is."""
    assembly = Assembly()
    assembly.add(part(0, 2, b"one", offset=4, batch="ab/1"))
    late = Message("t", 0, 5, 6 + PARTS_WAIT_NS, b"x", {"outrider-batch": "cd/1"})
    assert assembly.add(late) == ("cd/1", b"x")
    assert assembly.first_held(("t", 0)) is None


def test_incomplete_batches_have_bounded_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """That which has not grown for longest makes room."""
    monkeypatch.setattr(kafka_messages, "PARTS_BYTES_MAX", 10)
    assembly = Assembly()
    for number in range(3):
        assembly.add(part(0, 2, b"12345", offset=number, batch=f"s{number}/1"))
    assert assembly.first_held(("t", 0)) == 1
    assert assembly.add(part(1, 2, b"6", offset=3, batch="s1/1")) == ("s1/1", b"123456")


def test_a_batch_that_is_sent_again_begins_anew() -> None:
    """The producer may have died between two parts."""
    assembly = Assembly()
    assembly.add(part(0, 3, b"a", offset=1))
    assembly.add(part(1, 3, b"b", offset=2))
    assembly.add(part(0, 2, b"c", offset=3))
    assert assembly.add(part(1, 2, b"d", offset=4)) == ("ab/1", b"cd")


@pytest.mark.parametrize(
    "found",
    [
        message(b"x"),
        message(b"x", outrider_batch="no number"),
        part(1, 2, b"x", offset=1),
        message(b"x", outrider_batch="ab/1", outrider_part="2/2"),
        message(b"x", outrider_batch="ab/1", outrider_part="0/9999"),
    ],
)
def test_what_is_no_batch_of_ours_is_refused(found: Message) -> None:
    """And nothing is held back for it."""
    assembly = Assembly()
    with pytest.raises(NotAHalf, match=r"t\[0\]@"):
        assembly.add(found)
    assert assembly.first_held(("t", 0)) is None
