"""Payloads of ModelMesh to records: messages by generated code, ids that repeat, answers that failed."""

import base64
import json
import struct
from typing import Any

import pytest

from collectors.intake.cloudevents import NotCloudEvents
from collectors.intake.event_capture import EventCapture
from collectors.intake.modelmesh import SENDER, read_payload
from tests.collectors.generated import request, response
from tests.collectors.intake.events import NOW_NS, event_capture, kserve, predictions

X = {"name": "x", "datatype": "FP32", "shape": [2, 1], "contents": {"fp32_contents": [0.5, 1.5]}}
Y = {"name": "y", "datatype": "FP32", "shape": [2]}
ASKED = request(model_name="income__isvc-0a1b", id="q1", inputs=[X]).SerializeToString()
TOLD = response(model_name="income__isvc-0a1b", id="q1", outputs=[Y], raw_output_contents=[struct.pack("<2f", 1, 2)])


def payload(
    kind: str, data: bytes, *, id: object = 7, sender: str = "10.0.0.1", **rest: Any
) -> tuple[dict[str, str], bytes]:
    document = {
        "id": id,
        "modelid": "income__isvc-0a1b2c",
        "kind": kind,
        "data": base64.b64encode(data).decode(),
        **rest,
    }
    return {"content-type": "application/json", SENDER: sender}, json.dumps(document).encode()


def both(capture: EventCapture, now_ns: int = NOW_NS, **rest: Any) -> list[Any]:
    capture.read(*payload("request", ASKED, status="", **rest), now_ns)
    return predictions(capture.read(*payload("response", TOLD.SerializeToString(), status="OK", **rest), now_ns))


def test_both_halves_are_one_prediction() -> None:
    """The service's name without what KServe adds to it; the id is the message's."""
    (record,) = both(event_capture())
    assert (record.model, record.id, record.rows, record.status) == ("income", "q1", 2, 200)
    assert [(t.name, t.shape) for t in (*record.inputs, *record.outputs)] == [("x", (2, 1)), ("y", (2,))]
    assert record.outputs[0].data == struct.pack("<2f", 1, 2)


def test_a_virtual_model_is_the_name() -> None:
    """Where one was called."""
    (record,) = both(event_capture(), vModelId="credit")
    assert record.model == "credit"


def test_the_same_id_from_two_pods_is_two_exchanges() -> None:
    """Each pod counts by itself."""
    capture = event_capture()
    assert len(both(capture, sender="10.0.0.1") + both(capture, sender="10.0.0.2")) == 2
    assert capture.counts.duplicate == 0


def test_an_id_that_comes_again_is_another_exchange() -> None:
    """A process that was started anew counts from the beginning; the monitor is to take both."""
    capture = event_capture()
    first, second = both(capture), both(capture, NOW_NS + 1)
    assert len(first) == len(second) == 1
    assert first[0].exchange != second[0].exchange


def test_a_call_that_failed_keeps_its_code() -> None:
    """As the HTTP status that means the same, and by its name."""
    capture = event_capture()
    capture.read(*payload("request", ASKED), NOW_NS)
    (record,) = predictions(capture.read(*payload("response", b"", status="NOT_FOUND"), NOW_NS))
    assert (record.status, record.error, record.outputs) == (404, "NOT_FOUND", ())


def test_other_requests_are_none_of_its_payloads() -> None:
    """CloudEvents go their own way, also with such a key in them."""
    assert read_payload(*kserve("request")) is None
    headers, body = payload("request", ASKED)
    assert read_payload(headers | {"ce-id": "1"}, body) is None
    assert read_payload(headers, b'{"id": 1}') is None


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"modelid": 3}', "body"),
        (b'{"modelid"', "body"),
        (b'{"modelid": "m", "id": 1, "kind": "both"}', "body.kind"),
        (b'{"modelid": "m", "id": 1, "kind": "request", "data": "a"}', "body.data"),
    ],
)
def test_what_is_damaged_is_refused_with_its_place(body: bytes, where: str) -> None:
    """And nothing of it is taken."""
    capture = event_capture()
    with pytest.raises(NotCloudEvents) as caught:
        capture.read({}, body, NOW_NS)
    assert (caught.value.where, capture.counts.received) == (where, 0)
