"""From copied bytes of gRPC to records and their account."""

import struct

from collectors.sampling import SamplingPolicy
from tests.collectors.conversation import Step
from tests.collectors.generated import request, response, wrapped
from tests.collectors.grpc_conversation import STREAM, UNARY, Peers, message
from tests.collectors.test_pipeline import Capture

X = {"name": "x", "datatype": "FP32", "shape": [1, 2]}
ASK = request(model_name="m", id="r1", inputs=[X], raw_input_contents=[struct.pack("<2f", 1, 2)]).SerializeToString()
TOLD = response(model_version="3", id="r1")


def call(peers: Peers) -> list[Step]:
    return [peers.call(UNARY, message(ASK)), peers.answer(message(TOLD.SerializeToString()))]


def test_calls_and_streams_become_predictions() -> None:
    """Also where the server refused; each is a request of gRPC."""
    peers = Peers()
    steps = [*peers.hello(), *call(peers), peers.call(UNARY, message(ASK)), peers.refusal(14, "gone")]
    steps += [peers.call(STREAM, message(ASK)), peers.answer(message(wrapped(TOLD)))]
    capture = Capture().open().say(steps).take()
    assert [(each.model, each.id, each.status, each.error) for each in capture.predictions] == [
        ("m", "r1", 200, None),
        ("m", "r1", 503, "gone"),
        ("m", "r1", 200, None),
    ]
    assert (capture.counts.connections, capture.counts.requests) == ({"http2": 1}, {"grpc": 3})


def test_what_is_not_kept_is_charged_to_its_model() -> None:
    """Which only the message names: sampled out, or not readable behind it."""
    peers = Peers()
    capture = Capture(sampling=SamplingPolicy(rate=0.0)).open().say([*peers.hello(), *call(peers)]).take()
    assert [(each.model, each.sampled_out) for each in capture.ledgers] == [("m", 1)]
    peers = Peers()
    broken = peers.call(UNARY, message(ASK + b"\x0b"))
    capture = Capture().open().say([*peers.hello(), broken, peers.answer(message(b""))]).take()
    assert [(each.model, each.undecodable) for each in capture.ledgers] == [("m", {"request_not_protocol": 1})]


def test_a_connection_met_midway_is_a_gap() -> None:
    """Its headers refer to those before; the next connection is read."""
    peers = Peers()
    before = [*peers.hello(), *call(peers)]
    after = call(peers)
    capture = Capture().open().say(before).take()
    capture.pipeline.closed(1, 1)
    capture.say([*after, *after], connection=2).take()
    (gap,) = capture.gaps
    assert (gap.reason, gap.exchanges_estimated > 0) == ("http2_midway", True)
    assert (capture.outcomes, dict(capture.counts.opaque)) == ({}, {"http2_midway": 1})
