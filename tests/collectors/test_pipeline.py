"""From copied bytes to records, with an exact account of every exchange."""

import hmac
import json
import random
from collections.abc import Iterable
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors import pipeline as pipeline_module
from collectors.accounts import LEDGER_INTERVAL_NS
from collectors.decoders.identity import DEFAULT_IDS
from collectors.decoders.registry import Registry
from collectors.pipeline import EXCHANGES_PER_PAUSE, FAULTS_MAX, WAITING_MAX, Counts, Pipeline
from collectors.protocols import Direction
from collectors.records.encoding import encode_batch
from collectors.records.types import Batch, Gap, IdSource, Ledger, Prediction, Record
from collectors.redaction import HeaderRule, RedactionPolicy, Rule
from collectors.sampling import SamplingPolicy
from tests.collectors.conversation import (
    Step,
    always,
    answer,
    client,
    get,
    in_pieces,
    infer,
    inferred,
    post,
    random_sizes,
    server,
)

X = ([1, 2], "FP64", [1.0, 2.0])
P = ([1], "FP64", [0.5])
SECRET = "4111-1111-1111-1111"


class Capture:
    """A pipeline with one talker, and everything it has handed on."""

    def __init__(
        self,
        *,
        redaction: RedactionPolicy | None = None,
        sampling: SamplingPolicy | None = None,
        ids: tuple[IdSource, ...] = DEFAULT_IDS,
        **limits: int,
    ) -> None:
        self.pipeline = Pipeline("car", redaction or RedactionPolicy(), sampling or SamplingPolicy(), ids, **limits)
        self.time_ns = 10 * LEDGER_INTERVAL_NS
        self.records: list[Record] = []
        self.counts = Counts()

    def open(self, connection: int = 1) -> "Capture":
        self.pipeline.opened(connection, self.time_ns)
        return self

    def say(self, steps: Iterable[Step], connection: int = 1) -> "Capture":
        for direction, data in steps:
            self.time_ns += 1000
            self.pipeline.received(connection, direction, memoryview(data), self.time_ns)
        return self

    def lose(self, direction: Direction, count: int, connection: int = 1) -> "Capture":
        counts = (count, 0) if direction is Direction.TO_SERVER else (0, count)
        self.pipeline.lost(connection, *counts, self.time_ns)
        return self

    def close(self, connection: int = 1) -> "Capture":
        self.pipeline.closed(connection, self.time_ns)
        return self

    def take(self) -> "Capture":
        """Every take keeps the conservation law: in its counts, and in its ledger."""
        self.records, self.counts = self.pipeline.take()
        ledgers = self.ledgers
        for entry in ledgers:
            parts = entry.captured + entry.sampled_out + entry.not_inference
            assert entry.seen == parts + sum(entry.dropped.values()) + sum(entry.undecodable.values())
        assert sum(entry.seen for entry in ledgers) == self.counts.seen
        assert (
            self.counts.exchanges.get(("captured", ""), 0) == len(self.predictions) == sum(e.captured for e in ledgers)
        )
        assert self.counts.predictions == sum(prediction.rows for prediction in self.predictions)
        return self

    @property
    def predictions(self) -> list[Prediction]:
        return [record for record in self.records if isinstance(record, Prediction)]

    @property
    def gaps(self) -> list[Gap]:
        return [record for record in self.records if isinstance(record, Gap)]

    @property
    def ledgers(self) -> list[Ledger]:
        return [record for record in self.records if isinstance(record, Ledger)]

    @property
    def outcomes(self) -> dict[tuple[str, str], int]:
        return {(outcome, reason): count for (outcome, reason), count in self.counts.exchanges.items()}


def test_an_inference_becomes_a_prediction() -> None:
    """With everything that is known of it."""
    capture = Capture().open().say([infer(id="r1", x=X), inferred(version="7", p=P)]).take()
    (prediction,) = capture.predictions
    assert (prediction.id, prediction.id_source, prediction.model, prediction.version) == ("r1", "body", "m", "7")
    assert (prediction.time_ns, prediction.duration_ns) == (10 * LEDGER_INTERVAL_NS + 1000, 1000)
    assert (prediction.inputs[0].name, prediction.outputs[0].name, prediction.status) == ("x", "p", 200)
    assert (prediction.inclusion, prediction.captured_by, prediction.fidelity) == (1.0, "tap", "full")
    assert capture.counts.connections == {"http1": 1}


def test_what_is_no_inference_is_counted() -> None:
    """Health and metadata; nothing of them is stored."""
    capture = Capture().open().say([get("/v2/health/live"), answer(), get("/v2/models/m"), answer(b"{}")]).take()
    assert capture.outcomes == {("not_inference", ""): 2}
    assert capture.predictions == []


def test_exchange_names_are_unique_over_restarts() -> None:
    """Numbers rise with time, so a new worker does not repeat those of the old one."""
    names: list[str] = []
    for _ in range(2):
        capture = Capture()
        capture.time_ns += len(names) * LEDGER_INTERVAL_NS
        names += [p.exchange for p in capture.open().say([infer(x=X), inferred(p=P)] * 3).take().predictions]
    assert len(set(names)) == 6
    assert all(name.startswith("car-") for name in names)


def test_the_second_an_exchange_began_in_is_charged() -> None:
    """Per model and version, so that windows of whole seconds add up."""
    capture = Capture().open().say([infer("a", x=X), inferred("a", p=P)])
    capture.time_ns += LEDGER_INTERVAL_NS
    capture.say([infer("a", x=X), inferred("a", p=P), infer("b", x=X), inferred("b", "2", p=P)]).take()
    entries = {(e.start_ns // LEDGER_INTERVAL_NS, e.model, e.version): (e.seen, e.captured) for e in capture.ledgers}
    assert entries == {(10, "a", "1"): (1, 1), (11, "a", "1"): (1, 1), (11, "b", "2"): (1, 1)}


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        ([infer(x=([3], "FP64", [1.0])), inferred(p=P)], ("undecodable", "shape_mismatch")),
        ([post("/v2/models/m/infer", b"{"), answer(b"{}")], ("undecodable", "request_not_json")),
        ([post("/v2/models/m/infer", b"{}"), answer(b'{"error": "x"}', 400)], ("undecodable", "request_not_protocol")),
        ([infer(x=X), answer(b"<html>")], ("undecodable", "response_not_json")),
        ([infer(x=X)], ("undecodable", "no_response")),
        (
            [infer(x=X), server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")],
            ("undecodable", "response_incomplete"),
        ),
        ([infer(x=X), server(b"HTTP/9.9 abc\r\n\r\n")], ("undecodable", "malformed")),
        ([client(b"GET / HTTP/1.1\r\nHost x\r\n\r\n")], ("undecodable", "malformed")),
        ([client(b"GET / HTTP/1.1\r\nHo")], ("undecodable", "request_incomplete")),
        ([get("/elsewhere")], ("not_inference", "")),
        ([infer(x=X), inferred(p=P)], ("captured", "")),
        ([infer(x=X), answer(b'{"error": "no"}', 503)], ("captured", "")),
    ],
)
def test_every_exchange_has_one_outcome(steps: list[Step], outcome: tuple[str, str]) -> None:
    """However it ended."""
    assert Capture().open().say(steps).close().take().outcomes == {outcome: 1}


def test_a_fault_is_told_with_its_place() -> None:
    """A few per take, all of them counted."""
    capture = Capture().open().say([infer(x=([3], "FP64", [1.0])), inferred(p=P)] * (FAULTS_MAX + 5)).take()
    assert len(capture.counts.faults) == FAULTS_MAX
    assert (capture.counts.faults[0].where, capture.counts.faults[0].model) == ("request.inputs[0].data", "m")
    assert capture.counts.seen == FAULTS_MAX + 5


def test_a_take_starts_the_next_interval() -> None:
    """Nothing is handed on twice."""
    capture = Capture().open().say([infer(x=X), inferred(p=P)]).take().take()
    assert (capture.records, capture.counts.seen, capture.counts.connections) == ([], 0, {})


@given(st.randoms(use_true_random=False), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_any_pieces_give_the_same_records(rng: random.Random, largest: int) -> None:
    """Only the times differ: bytes arrive when they arrive."""
    steps = [
        infer(id="a", x=X),
        inferred(p=P),
        get("/v2/health/ready"),
        answer(),
        infer(x=([2], "BYTES", ["ü", "b"])),
        answer(b'{"error": "e"}', 400),
        post("/v2/models/m/versions/2/infer", b"not json"),
        answer(b"{}"),
        infer(x=([1], "INT64", [5])),
    ]
    whole = Capture().open().say(steps).close().take()
    cut = Capture().open().say(in_pieces(steps, random_sizes(rng, largest))).close().take()
    assert cut.outcomes == whole.outcomes
    assert [_timeless(p) for p in cut.predictions] == [_timeless(p) for p in whole.predictions]


def _timeless(prediction: Prediction) -> tuple[object, ...]:
    own_id = prediction.id if prediction.id_source != "generated" else None
    return own_id, prediction.model, prediction.status, prediction.error, prediction.inputs, prediction.outputs


# Identity, sampling, redaction.


def test_ids_come_from_where_the_order_says() -> None:
    """The source is recorded, the trace kept."""
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    body = infer(id="b", x=X)[1].partition(b"\r\n\r\n")[2]
    steps = [post("/v2/models/m/infer", body, X_Request_Id="x", Traceparent=trace), inferred(p=P)]
    by_header = Capture(ids=("x-request-id", "body")).open().say(steps).take().predictions[0]
    assert (by_header.id, by_header.id_source, by_header.trace) == ("x", "x-request-id", trace)
    generated = Capture(ids=("ce-id",)).open().say(steps).take().predictions[0]
    assert generated.id_source == "generated"
    assert len(generated.id) == 36


def test_a_sampled_stream_keeps_its_share_and_says_so() -> None:
    """Errors are kept whatever the rate."""
    steps = [infer(x=X), inferred(p=P)] * 400 + [infer(x=X), answer(b"{}", 500)] * 20
    capture = Capture(sampling=SamplingPolicy(rate=0.25)).open().say(steps).take()
    kept = [p for p in capture.predictions if p.status == 200]
    assert 60 <= len(kept) <= 140
    assert {p.inclusion for p in kept} == {0.25}
    assert [p.inclusion for p in capture.predictions if p.status == 500] == [1.0] * 20
    assert capture.outcomes == {("captured", ""): len(kept) + 20, ("sampled_out", ""): 400 - len(kept)}


def test_sampling_by_id_keeps_the_same_ids_everywhere() -> None:
    """In any sidecar."""
    steps = [step for i in range(200) for step in (infer(id=f"r{i}", x=X), inferred(p=P))]
    policy = SamplingPolicy(rate=0.3, by="id")
    first, second = (Capture(sampling=policy).open().say(steps).take() for _ in range(2))
    ids = [p.id for p in first.predictions]
    assert ids == [p.id for p in second.predictions]
    assert 30 <= len(ids) <= 90


@pytest.mark.parametrize("by", ["exchange", "id"])
def test_what_the_model_was_not_sure_of_is_always_kept(by: Literal["exchange", "id"]) -> None:
    """With inclusion 1 where the rule keeps it, the rate where chance does; the account adds up."""
    sure, unsure = ([1], "FP64", [0.9]), ([1], "FP64", [0.45])
    steps = [s for i in range(200) for s in (infer(id=f"r{i}", x=X), inferred(p=unsure if i % 10 == 0 else sure))]
    policy = SamplingPolicy(rate=0.2, by=by, unsure_below=0.6)
    capture = Capture(sampling=policy).open().say(steps).take()
    kept = {int(p.id[1:]): p.inclusion for p in capture.predictions}
    assert {number: kept[number] for number in range(0, 200, 10)} == dict.fromkeys(range(0, 200, 10), 1.0)
    others = [inclusion for number, inclusion in kept.items() if number % 10]
    assert set(others) == {0.2}
    assert 15 <= len(others) <= 65  # of 180 at a fifth: four standard deviations are 21
    assert sum(1 / inclusion for inclusion in kept.values()) == pytest.approx(20 + 5 * len(others))
    assert capture.outcomes == {("captured", ""): len(kept), ("sampled_out", ""): 200 - len(kept)}


def test_headers_that_name_a_prediction_have_rules_of_their_own() -> None:
    """A dropped header is as if it had not been sent; a hashed one is joined by whoever has the key."""
    key = b"0123456789abcdef"
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    body = infer(id="b", x=X)[1].partition(b"\r\n\r\n")[2]
    steps = [post("/v2/models/m/infer", body, X_Request_Id="customer 7", Traceparent=trace), inferred(p=P)]
    rules = (HeaderRule("x-request-id", "hash"), HeaderRule("traceparent", "drop"))
    policy = RedactionPolicy(headers=rules, key=key)
    capture = Capture(redaction=policy, ids=("traceparent", "x-request-id", "body")).open().say(steps).take()
    (prediction,) = capture.predictions
    expected = hmac.new(key, b"customer 7", "sha256").hexdigest()[:32]
    assert (prediction.id, prediction.id_source, prediction.trace) == (expected, "x-request-id", None)
    assert capture.counts.redacted == {"hash": 1, "drop": 1}


def test_other_policies_count_from_the_next_exchange_on() -> None:
    """On a connection that stands, in the middle of an exchange: it is treated by the new ones altogether."""
    capture = Capture().open().say([infer(id="a", x=X), inferred(p=P), infer(id="b", x=X)])
    redaction = RedactionPolicy(rules=(Rule("x", "drop"),))
    capture.pipeline.follow(redaction, SamplingPolicy(), ("x-request-id",), Registry())
    capture.say([inferred(p=P), infer(id="c", x=X), inferred(p=P)]).take()
    assert [len(p.inputs) for p in capture.predictions] == [1, 0, 0]
    assert [p.id_source for p in capture.predictions] == ["body", "generated", "generated"]


def test_exchanges_that_wait_to_be_decided_are_few_and_in_order() -> None:
    """However long nobody takes; whoever settles what waits is asked to pause on the way."""
    exchanges = 3 * WAITING_MAX
    capture = Capture().open()
    for number in range(exchanges):
        capture.say([infer(id=str(number), x=X), inferred(p=P)])
        assert capture.pipeline.waiting <= WAITING_MAX
    pauses: list[None] = []
    waiting = capture.pipeline.waiting
    capture.pipeline.settle(lambda: pauses.append(None))
    assert capture.pipeline.waiting == 0
    assert len(pauses) == waiting // EXCHANGES_PER_PAUSE
    capture.take()
    assert [prediction.id for prediction in capture.predictions] == [str(number) for number in range(exchanges)]


def test_bodies_that_wait_to_be_decided_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large ones are decided at once: what waits is charged to nobody."""
    monkeypatch.setattr(pipeline_module, "WAITING_BYTES_MAX", 200)
    capture = Capture().open().say([infer(id="a", x=X), inferred(p=P)])
    assert capture.pipeline.waiting == 0
    assert len(capture.take().predictions) == 1


def test_bytes_of_tls_are_a_gap_of_their_own() -> None:
    """Nobody knows how many exchanges are in them, so none are made up."""
    capture = Capture().open().say([client(b"\x16\x03\x01\x02\x00\x01" + bytes(500))])
    capture.lose(Direction.TO_SERVER, 5000).lose(Direction.TO_CLIENT, 7000).close().take()
    (gap,) = capture.gaps
    assert (gap.reason, gap.bytes, gap.exchanges_estimated, gap.connections) == ("tls", 12_000, 0, 1)


def test_a_secret_is_nowhere_in_what_is_handed_on() -> None:
    """Not from headers, parameters, ids, texts or errors."""
    body = json.dumps(
        {
            "id": SECRET,
            "parameters": {"card": SECRET},
            "inputs": [
                {"name": "t", "shape": [1], "datatype": "BYTES", "data": [f"pay {SECRET}"], "parameters": {"c": SECRET}}
            ],
        }
    ).encode()
    request = post("/v2/models/m/infer", body, Authorization=f"Bearer {SECRET}", Cookie=SECRET, X_Request_Id="x")
    capture = Capture(redaction=RedactionPolicy(text_chars_max=None)).open()
    capture.say([request, inferred(p=P), request, answer(json.dumps({"error": f"bad {SECRET}"}).encode(), 400)]).take()
    assert len(capture.predictions) == 2
    stored = encode_batch(Batch(sidecar="car", sequence=1, records=tuple(capture.records)), level=1)
    assert SECRET not in repr(capture.records)
    assert SECRET.encode() not in stored
    assert capture.counts.redacted == {"card": 3, "id": 2}
    assert capture.predictions[0].id_source == "generated"


# What was not copied.


def test_bytes_that_were_not_copied_are_a_gap() -> None:
    """Exchanges known to be in it are dropped by reason; the gap estimates the others."""
    capture = Capture().open().say([infer(x=X), inferred(p=P)] * 20 + [infer(x=X)])
    size = len(infer(x=X)[1]) + len(inferred(p=P)[1])
    capture.lose(Direction.TO_CLIENT, 50).lose(Direction.TO_SERVER, 30 * size).say([infer(x=X), inferred(p=P)]).take()
    assert capture.outcomes == {("captured", ""): 21, ("dropped", "not_copied"): 1}
    (gap,) = capture.gaps
    assert (gap.reason, gap.connections, gap.bytes) == ("not_copied", 1, 50 + 30 * size)
    assert gap.exchanges_estimated >= 30


def test_a_request_and_its_answer_that_were_not_copied_are_one_exchange() -> None:
    """However small its answer is beside it: a hole lasts until the next request."""
    asked, told = infer(x=X), inferred(p=P)
    capture = Capture().open().say([asked, told] * 20)
    for _ in range(100):
        capture.pipeline.lost(1, len(asked[1]), len(told[1]), capture.time_ns)
        capture.say([asked, told])
    capture.take()
    assert capture.outcomes == {("captured", ""): 120}
    (gap,) = capture.gaps
    assert (gap.bytes, gap.exchanges_estimated) == (100 * (len(asked[1]) + len(told[1])), 100)


def test_a_hole_inside_a_body_drops_one_exchange() -> None:
    """It is in the ledger, so the gap does not count it again."""
    direction, request = post("/v2/models/m/infer", b"x" * 1000)
    capture = Capture().open().say([(direction, request[:-500])]).lose(direction, 500).say([inferred(p=P)]).take()
    assert capture.outcomes == {("dropped", "not_copied"): 1}
    assert [(gap.bytes, gap.exchanges_estimated) for gap in capture.gaps] == [(500, 0)]


def test_what_passes_after_a_connection_was_given_up_is_a_gap() -> None:
    """Its exchanges are estimated from those seen before."""
    good = [infer(x=X), inferred(p=P)]
    capture = Capture().open().say([*good * 10, client(b"GET / HTTP/1.1\r\nHost x\r\n\r\n"), *good * 10]).take()
    assert capture.outcomes == {("captured", ""): 10, ("undecodable", "malformed"): 1}
    (gap,) = capture.gaps
    assert (gap.reason, gap.connections, gap.bytes) == ("malformed", 1, 10 * sum(len(data) for _, data in good))
    assert gap.exchanges_estimated == pytest.approx(10, abs=1)


def test_many_holes_are_one_gap() -> None:
    """However many pieces were lost between two takes."""
    capture = Capture().open(1).open(2)
    for _ in range(1000):
        capture.lose(Direction.TO_SERVER, 10, 1).lose(Direction.TO_CLIENT, 10, 2)
    assert [(gap.bytes, gap.connections) for gap in capture.take().gaps] == [(20_000, 2)]


def test_an_interruption_is_a_gap_as_told() -> None:
    """What a worker's death cost, by its successor."""
    capture = Capture()
    capture.pipeline.interrupted(5, 9, 3, 1000, 7, "worker_died")
    gap = Gap(start_ns=5, end_ns=9, reason="worker_died", connections=3, bytes=1000, exchanges_estimated=7)
    assert capture.take().records == [gap]


def test_a_connection_met_midway_is_picked_up_at_its_next_request() -> None:
    """The worker was restarted while it was open."""
    steps = [client(b"tail"), server(b"tail"), infer(x=X), inferred(p=P)]
    capture = Capture().say(steps).close().take()
    assert capture.outcomes == {("captured", ""): 1}


# Connections.


@pytest.mark.parametrize(
    ("steps", "connections", "opaque"),
    [
        ([client(b"\x16\x03\x01\x02\x00")], {"opaque": 1}, {"tls": 1}),
        ([client(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")], {"http2": 1}, {}),
        ([client(b"\x00\x01\x02")], {"opaque": 1}, {"unknown": 1}),
        ([server(b"220 smtp")], {"opaque": 1}, {"unknown": 1}),
        ([server(bytes.fromhex("000000040000000000")), get("/")], {"opaque": 1}, {"unknown": 1}),
        ([server(bytes.fromhex("000000040000000000") * 99)], {"opaque": 1}, {"unknown": 1}),
        ([server(bytes.fromhex("000000040000000000"))], {"opaque": 1}, {"unknown": 1}),
        ([client(b"PO")], {"opaque": 1}, {"unknown": 1}),
        ([], {"silent": 1}, {}),
        ([client(b"GET / HTTP/1.1\r\nHost x\r\n\r\n"), get("/")], {"http1": 1}, {"malformed": 1}),
    ],
)
def test_connections_are_counted_by_what_they_speak(
    steps: list[Step], connections: dict[str, int], opaque: dict[str, int]
) -> None:
    """Each once, in any pieces."""
    for sizes in (always(1), always(1000)):
        capture = Capture().open().say(in_pieces(steps, sizes)).close().take()
        assert (dict(capture.counts.connections), dict(capture.counts.opaque)) == (connections, opaque)


def test_too_many_connections_push_out_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was in flight on it is dropped by reason; it may be met again."""
    monkeypatch.setattr(pipeline_module, "CONNECTIONS_MAX", 2)
    capture = Capture().open(1).say([infer(x=X)], 1).open(2).open(3).take()
    assert capture.outcomes == {("dropped", "connections_max"): 1}
    assert capture.say([infer(x=X), inferred(p=P)], 1).take().outcomes == {("captured", ""): 1}


def test_a_number_used_again_is_another_connection() -> None:
    """Opened anew without having been closed: what was in flight was not answered."""
    capture = Capture().open().say([infer(x=X)]).open().say([infer(x=X), inferred(p=P)]).close().take()
    assert capture.outcomes == {("undecodable", "no_response"): 1, ("captured", ""): 1}


# Bounds.


def test_records_that_nobody_takes_are_dropped_by_reason() -> None:
    """The first always fits."""
    capture = Capture(pending_bytes_max=2_000).open().say([infer(x=X), inferred(p=P)] * 10).take()
    assert capture.outcomes[("dropped", "pending_full")] == 10 - len(capture.predictions)
    assert 1 <= len(capture.predictions) <= 4


def test_bodies_in_flight_share_a_budget() -> None:
    """The exchange that finds no room is dropped by reason."""
    big = post("/v2/models/m/infer", b"x" * 5_000)
    capture = Capture(buffered_bytes_max=2_000).open().say([big, inferred(p=P), infer(x=X), inferred(p=P)]).take()
    assert capture.outcomes == {("dropped", "memory_full"): 1, ("captured", ""): 1}


def test_ledger_entries_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Model names come from clients; beyond the limit they are counted without a name."""
    monkeypatch.setattr(pipeline_module, "LEDGERS_MAX", 3)
    steps = [step for i in range(50) for step in (infer(f"m{i}", x=X), answer(b"{}", 404))]
    capture = Capture().open().say(steps).take()
    assert len(capture.ledgers) == 4
    assert {entry.model: entry.seen for entry in capture.ledgers}[None] == 47


def test_hostile_conversations_keep_the_law() -> None:
    """Mutated, re-chunked, interrupted: every exchange has one outcome, and nothing raises."""
    rng = random.Random(11)
    steps = [infer(id="a", x=X), inferred(p=P), infer(x=([2], "BYTES", ["a", "b"])), answer(b'{"error": "e"}', 400)]
    capture = Capture()
    for connection in range(2_000):
        capture.open(connection)
        for direction, data in in_pieces([(d, _mutated(rng, b)) for d, b in steps], random_sizes(rng, 300)):
            capture.say([(direction, data)], connection)
            if rng.random() < 0.02:
                capture.lose(rng.choice(list(Direction)), rng.randint(1, 500), connection)
        capture.close(connection)
    capture.take()
    assert capture.counts.seen > 1_000
    assert capture.pipeline._budget.held == 0


def _mutated(rng: random.Random, data: bytes) -> bytes:
    mutable = bytearray(data)
    for _ in range(rng.randint(0, 2)):
        at = rng.randrange(len(mutable))
        mutable[at : at + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 3))
    return bytes(mutable)
