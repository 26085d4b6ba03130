"""CloudEvents of KServe's and Seldon's loggers to records: each trap of theirs."""

import gzip
import json
import random
import struct
import tarfile
from pathlib import Path

import pytest

from collectors.intake.event_capture import AHEAD_NS_MAX
from collectors.records.packing import unpack
from collectors.records.types import Tensor
from tests.collectors.intake.events import (
    NOW_NS,
    REQUEST,
    RESPONSE,
    event_capture,
    kserve,
    ledgers,
    predictions,
    seldon,
    structured,
)


def numbers(tensor: Tensor) -> list[float]:
    return list(unpack(tensor.data, tensor.datatype))


def test_both_halves_are_one_prediction() -> None:
    """With the names, times and id that the events tell."""
    capture = event_capture()
    assert capture.read(*kserve("request"), NOW_NS) == []
    (record,) = predictions(capture.read(*kserve("response"), NOW_NS))
    assert (record.model, record.version, record.rows, record.status) == ("income", "", 2, 200)
    assert (record.id, record.id_source, record.captured_by, record.fidelity) == ("1", "ce-id", "cloudevents", "full")
    assert (record.time_ns, record.duration_ns) == (1_767_225_601_500_000_000, 250_000_000)
    assert numbers(record.inputs[0]) == [1, 2, 3, 4] and numbers(record.outputs[0]) == [0.25, 0.75]


def test_the_response_may_come_first() -> None:
    """The same record, in the same batch."""
    one, other = event_capture(), event_capture()
    one.read(*kserve("request"), NOW_NS)
    other.read(*kserve("response"), NOW_NS)
    assert one.read(*kserve("response"), NOW_NS) == other.read(*kserve("request"), NOW_NS)


def test_duplicates_are_taken_once() -> None:
    """Each half again, before and after its other half came."""
    capture = event_capture()
    taken = []
    for kind in ("request", "request", "response", "request", "response"):
        taken += capture.read(*kserve(kind), NOW_NS)
    assert len(predictions(taken)) == 1
    counts = capture.counts
    assert (counts.received, counts.paired, counts.duplicate, counts.waiting) == (5, 1, 3, 0)


def test_a_repeat_after_a_restart_has_the_same_batch() -> None:
    """So that the monitor knows it."""
    batches = []
    for _ in range(2):
        capture = event_capture()
        capture.read(*kserve("request"), NOW_NS)
        batches.append(capture.read(*kserve("response"), NOW_NS)[0])
    assert batches[0].id == batches[1].id


@pytest.mark.parametrize(("kind", "reason"), [("request", "no_response"), ("response", "no_request")])
def test_a_half_alone_is_told_after_its_time(kind: str, reason: str) -> None:
    """In the ledger, with the model, and nothing else of it."""
    capture = event_capture(wait_ns=10**9)
    assert capture.read(*kserve(kind), NOW_NS) == []
    told = capture.expire(NOW_NS + 10**9)
    assert predictions(told) == []
    (ledger,) = ledgers(told)
    assert (ledger.model, ledger.seen, dict(ledger.undecodable)) == ("income", 1, {reason: 1})


def test_a_half_without_room_is_dropped_and_told() -> None:
    """It is our memory that lacked."""
    capture = event_capture(waiting_max=1)
    capture.read(*kserve("request", "1"), NOW_NS)
    (ledger,) = ledgers(capture.read(*kserve("request", "2"), NOW_NS))
    assert dict(ledger.dropped) == {"memory_full": 1}


def test_a_transformer_and_its_predictor_are_two_models() -> None:
    """Both log the same id; the predictor has the service's name."""
    capture = event_capture()
    taken = []
    for component in ("transformer", "predictor"):
        for kind in ("request", "response"):
            taken += capture.read(*kserve(kind, component=component), NOW_NS)
    assert sorted(record.model for record in predictions(taken)) == ["income", "income-transformer"]


def test_equal_ids_of_two_sources_are_two_exchanges() -> None:
    """Ids of two pods may collide."""
    capture = event_capture()
    first, second = ("http://pod-a/", "http://pod-b/")
    capture.read(*kserve("request", source=first), NOW_NS)
    capture.read(*kserve("request", source=second), NOW_NS)
    taken = capture.read(*kserve("response", source=second), NOW_NS) + capture.read(
        *kserve("response", source=first), NOW_NS
    )
    assert len({record.exchange for record in predictions(taken)}) == 2


def test_a_canary_is_a_version() -> None:
    """Of the same model."""
    capture = event_capture()
    capture.read(*kserve("request", endpoint="canary"), NOW_NS)
    (record,) = predictions(capture.read(*kserve("response", endpoint="canary"), NOW_NS))
    assert (record.model, record.version) == ("income", "canary")


def test_the_media_type_of_a_response_is_not_believed() -> None:
    """KServe writes the request's there: here the request is binary tensors, the response JSON."""
    head = json.dumps(
        {"inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": 8}}]}
    ).encode()
    body = head + struct.pack("<2f", 1.5, 2.5)
    capture = event_capture()
    capture.read(*kserve("request", body=body, content_type="application/octet-stream"), NOW_NS)
    (record,) = predictions(capture.read(*kserve("response", content_type="application/octet-stream"), NOW_NS))
    assert record.fidelity == "headers_lost"
    assert numbers(record.inputs[0]) == [1.5, 2.5] and numbers(record.outputs[0]) == [0.25, 0.75]


def test_gzip_without_a_header_is_seen() -> None:
    """In either half."""
    capture = event_capture()
    capture.read(*kserve("request", body=gzip.compress(json.dumps(REQUEST).encode())), NOW_NS)
    (record,) = predictions(
        capture.read(*kserve("response", body=gzip.compress(json.dumps(RESPONSE).encode())), NOW_NS)
    )
    assert record.rows == 2 and record.outputs


def test_more_rows_in_the_answer_than_in_the_question_are_kept() -> None:
    """Both as they were; rows are the request's."""
    answer = {"outputs": [{"name": "p", "shape": [3], "datatype": "FP32", "data": [1, 2, 3]}]}
    capture = event_capture()
    capture.read(*kserve("request"), NOW_NS)
    (record,) = predictions(capture.read(*kserve("response", body=answer), NOW_NS))
    assert (record.rows, record.outputs[0].shape) == (2, (3,))


def test_the_first_protocol_has_instances() -> None:
    """And its rows may be lists."""
    capture = event_capture()
    capture.read(*kserve("request", body={"instances": [[1, 2], [3, 4], [5, 6]]}), NOW_NS)
    (record,) = predictions(capture.read(*kserve("response", body={"predictions": [1, 0, 1]}), NOW_NS))
    assert (record.rows, record.inputs[0].shape, numbers(record.outputs[0])) == (3, (3, 2), [1, 0, 1])


def test_logged_headers_give_the_id_and_the_trace() -> None:
    """KServe's metadata is JSON in a header; names in any case."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    metadata = json.dumps({"X-Request-Id": ["r-1"], "Authorization": ["secret"]})
    capture = event_capture()
    capture.read(*kserve("request", metadata=metadata, traceparent=trace), NOW_NS)
    (record,) = predictions(capture.read(*kserve("response"), NOW_NS))
    assert (record.id, record.id_source, record.trace) == ("r-1", "x-request-id", trace)
    assert "secret" not in repr(record)


def test_seldon_joins_by_the_request() -> None:
    """Its events have ids of their own."""
    capture = event_capture()
    capture.read(*seldon("request", "e1", "r1", {"data": {"names": ["a", "b"], "ndarray": [[1.0, 2.0]]}}), NOW_NS)
    (record,) = predictions(
        capture.read(*seldon("response", "e2", "r1", {"data": {"names": ["p"], "ndarray": [[0.5]]}}), NOW_NS)
    )
    assert (record.model, record.id, [t.name for t in record.inputs]) == ("income-classifier", "r1", ["a", "b"])


def test_a_structured_batch_may_hold_both_halves() -> None:
    """And events of other kinds, which are counted and left."""
    events = [
        structured(kserve("request"), {"data": REQUEST}),
        structured(kserve("response"), {"data": RESPONSE}) | {"type": "io.seldon.serving.feedback", "id": "f"},
        structured(kserve("response"), {"data": RESPONSE}),
    ]
    capture = event_capture()
    batches = capture.read({"content-type": "application/cloudevents-batch+json"}, json.dumps(events).encode(), NOW_NS)
    assert len(predictions(batches)) == 1
    assert (capture.counts.other, capture.counts.paired) == (1, 1)


@pytest.mark.parametrize("time", ["", "yesterday", "2126-01-01T00:00:00Z"])
def test_a_time_that_cannot_be_is_the_arrival(time: str) -> None:
    """None, no time, or far in the future."""
    capture = event_capture()
    capture.read(*kserve("request", time=time), NOW_NS)
    (record,) = predictions(capture.read(*kserve("response", time=time), NOW_NS))
    assert record.time_ns == NOW_NS
    assert AHEAD_NS_MAX < 10**17


def test_what_cannot_be_read_is_told() -> None:
    """By its cause, under the model's name."""
    capture = event_capture()
    capture.read(*kserve("request", body=b'{"inputs": [{"datatype": "FP32", nonsense'), NOW_NS)
    (ledger,) = ledgers(capture.read(*kserve("response"), NOW_NS))
    assert (ledger.model, dict(ledger.undecodable)) == ("income", {"request_not_json": 1})


def test_any_bodies_are_accounted() -> None:
    """Cut and replaced: every pair has one outcome, and nothing raises."""
    rng = random.Random(3)
    bodies = [
        json.dumps(REQUEST).encode(),
        b'{"instances": [[1, 2], [3, 4]]}',
        b'{"data": {"names": ["a"], "ndarray": [[1]]}}',
        b"1,2\n3,4",
        b'{"a": 1}\n{"a": 2}',
        b"\x1f\x8b\x00",
    ]
    answers = [json.dumps(RESPONSE).encode(), b'{"predictions": [1, 2]}', b'{"data": {"ndarray": [[1]]}}', b"0.5\n0.7"]
    capture = event_capture()
    seen = 0
    for number in range(2_000):
        halves = []
        for kind, choices in (("request", bodies), ("response", answers)):
            body = bytearray(rng.choice(choices))
            for _ in range(rng.randrange(3)):
                body[rng.randrange(len(body))] = rng.randrange(256)
            halves.append(kserve(kind, str(number), bytes(body[: rng.randrange(1, len(body) + 1)])))
        capture.read(*halves[0], NOW_NS)
        seen += sum(ledger.seen for ledger in ledgers(capture.read(*halves[1], NOW_NS)))
    assert seen == 2_000 == capture.counts.paired


@pytest.mark.data
def test_the_requests_of_kserves_own_tests_are_read_or_refused_by_name(shared_data: Path) -> None:
    """Every body becomes a prediction or has a reason."""
    capture = event_capture()
    read = reasons = 0
    with tarfile.open(shared_data / "oip_kserve_samples/kserve_e2e_inputs.tar.gz") as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member)
            if file is None or not member.name.endswith(".json"):
                continue
            capture.read(*kserve("request", member.name, file.read()), NOW_NS)
            batches = capture.read(*kserve("response", member.name, {"predictions": [1]}), NOW_NS)
            read += len(predictions(batches))
            reasons += sum(sum(ledger.undecodable.values()) for ledger in ledgers(batches))
    assert read >= 10 and read + reasons == capture.counts.paired
