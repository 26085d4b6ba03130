"""What the capture worker costs for each exchange, by stage.

    python -m benchmarks.decode.run [--exchanges 4000] [--rounds 7] [--json]

Each case is a keep-alive connection's traffic in the ring. Every stage runs alone over the same traffic, as processor time
of this thread; the best of the rounds counts, for noise only adds. `whole` is the worker as it is: ring, observer, decoder,
redaction, sampling, ledger, encoding, spool on a real disk; without pauses for the forwarder. Beside each stands its ratio to json.loads of the same bodies
(for gRPC: of the Open Inference JSON that says the same), measured in the same run: what the machine is cancels out.
"""

import argparse
import json
import os
import random
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collectors.decoders.identity import DEFAULT_IDS
from collectors.decoders.registry import Registry
from collectors.pipeline import Pipeline, Provenance
from collectors.protocols import Direction, Exchange
from collectors.protocols.connection import Connection
from collectors.protocols.memory import Budget
from collectors.records.encoding import encode_batch
from collectors.records.types import Batch, Record
from collectors.redaction import RedactionPolicy
from collectors.sampling import SamplingPolicy
from collectors.spool import Spool
from collectors.tap.ring import Kind, RingReader, RingWriter
from collectors.tap.segment import Segment
from collectors.tap.worker import CaptureWorker
from tests.fuzz.seeds import CUT, UNARY, described, http2_call, infer_request, infer_response, message

CONNECTIONS = 16
"""Exchanges are dealt to so many connections in turn, as a proxy sees them."""

RING_BYTES = 256 * 1024 * 1024
TURN_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Case:
    """Pieces of each connection in their order, and the bodies as JSON."""

    name: str
    connections: list[list[tuple[Direction, bytes]]]
    bodies: list[bytes]


def values(rng: random.Random, count: int) -> list[float]:
    return [round(rng.uniform(-100, 100), 4) for _ in range(count)]


def bodies(rng: random.Random, rows: int, columns: int, number: int) -> tuple[bytes, bytes]:
    """Request and response of the Open Inference Protocol in JSON."""
    x = {"name": "x", "shape": [rows, columns], "datatype": "FP32", "data": values(rng, rows * columns)}
    request = {"id": f"request-{number}", "inputs": [x]}
    p = {"name": "p", "shape": [rows, 1], "datatype": "FP32", "data": [0.25] * rows}
    response = {"model_name": "income", "model_version": "1", "id": f"request-{number}", "outputs": [p]}
    return json.dumps(request).encode(), json.dumps(response).encode()


def http_case(name: str, exchanges: int, rows: int, columns: int) -> Case:
    rng = random.Random(name)
    connections: list[list[tuple[Direction, bytes]]] = [[] for _ in range(CONNECTIONS)]
    plain = []
    for number in range(exchanges):
        request, response = bodies(rng, rows, columns, number)
        plain += [request, response]
        head = (
            "POST /v2/models/income/infer HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: python-requests/2.32\r\n"
            "Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(request)}\r\n\r\n"
        )
        answer = (
            "HTTP/1.1 200 OK\r\nServer: triton\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(response)}\r\n\r\n"
        )
        said = connections[number % CONNECTIONS]
        said.append((Direction.TO_SERVER, head.encode() + request))
        said.append((Direction.TO_CLIENT, answer.encode() + response))
    return Case(name, connections, plain)


def grpc_case(name: str, exchanges: int, columns: int, *, numbered: bool) -> Case:
    """Unary ModelInfer with raw contents, as Triton's and MLServer's clients send it."""
    rng = random.Random(name)
    connections: list[list[tuple[Direction, bytes]]] = []
    plain = []
    for at in range(CONNECTIONS):
        count = exchanges // CONNECTIONS
        found = values(rng, columns)
        ask = infer_request(
            described("x", "FP32", [1, columns]), raw=(struct.pack(f"<{columns}f", *found),), id=f"r-{at}"
        )
        told = infer_response(described("p", "FP32", [1, 1]), raw=(struct.pack("<f", 0.25),), id=f"r-{at}")
        said = http2_call(UNARY, message(ask), answers=(message(told),), calls=count, numbered=numbered)
        connections.append([(Direction(each[0]), each[1:]) for each in said.split(CUT) if each])
        plain += list(bodies(rng, 1, columns, at)) * count
    return Case(name, connections, plain)


def in_turn(case: Case) -> Iterator[tuple[int, Direction, bytes]]:
    """The pieces of all connections as they would pass."""
    for step in range(max(map(len, case.connections))):
        for connection, said in enumerate(case.connections, 1):
            if step < len(said):
                yield connection, *said[step]


def filled(case: Case) -> tuple[Segment, int]:
    """A ring with all of the traffic in it."""
    segment, wake = Segment.create(RING_BYTES), os.eventfd(0, os.EFD_NONBLOCK)
    writer = RingWriter(segment, wake)
    for connection in range(1, len(case.connections) + 1):
        writer.put(Kind.OPENED, connection, time.time_ns())
    for connection, direction, data in in_turn(case):
        place = writer.place()
        assert place is not None, "the ring is too small for so many exchanges"
        place[: len(data)] = data
        writer.commit(int(direction), connection, len(data), time.time_ns())
    writer.publish()
    return segment, wake


def pipeline() -> Pipeline:
    return Pipeline("benchmark", RedactionPolicy(), SamplingPolicy(), DEFAULT_IDS)


def timed(run: Callable[[], object]) -> float:
    began = time.thread_time()
    run()
    return time.thread_time() - began


def observed(case: Case, registry: Registry) -> list[Exchange]:
    budget = Budget()
    known = [
        Connection(budget, registry.is_inference, met_midway=False, correlating=registry.correlation)
        for _ in range(len(case.connections) + 1)
    ]
    exchanges: list[Exchange] = []
    for connection, direction, data in in_turn(case):
        exchanges += known[connection].received(direction, data, 1)
    return exchanges


def decide(exchanges: list[Exchange], registry: Registry) -> list[Record]:
    subject, provenance = pipeline(), Provenance()
    for each in exchanges:
        subject.observed(each, registry.find(each.method, each.target), provenance)
    return subject.take()[0]


def decode(exchanges: list[Exchange], registry: Registry) -> None:
    for each in exchanges:
        found = registry.find(each.method, each.target)
        assert found is not None
        found[0].decode(each, found[1])


def whole(case: Case, folder: Path) -> float:
    """The worker's turns until the ring is empty, with a flush for each eight of them."""
    segment, wake = filled(case)
    spool = Spool.open(folder)
    worker = CaptureWorker(segment, wake, pipeline(), spool, observe_sink=lambda status: None)
    worker._hurry_bytes = 0  # at once, as when the ring fills: without pauses for the forwarder

    def run() -> None:
        turns = 0
        while worker._turn():  # the loop without its sleep
            turns += 1
            if turns % 8 == 0:
                worker._flush()
        worker._flush()

    try:
        return timed(run)
    finally:
        spool.close()
        os.close(wake)


def read_ring(case: Case) -> float:
    segment, wake = filled(case)
    reader = RingReader(segment)

    def run() -> None:
        while any([True for _ in reader.read(TURN_BYTES)]):  # noqa: C419 - all of them are read
            reader.advance()

    try:
        return timed(run)
    finally:
        os.close(wake)


def measure(case: Case, rounds: int) -> dict[str, float]:
    """Microseconds an exchange, by stage."""
    registry = Registry()
    exchanges = observed(case, registry)
    records = decide(exchanges, registry)
    captured = len(case.bodies) // 2
    assert len(exchanges) == captured, (len(exchanges), captured)
    batch = Batch(sidecar="a", sequence=1, records=tuple(records))
    best: dict[str, float] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            found = {
                "json.loads": timed(lambda: [json.loads(each) for each in case.bodies]),
                "ring": read_ring(case),
                "observe": timed(lambda: observed(case, registry)),
                "decode": timed(lambda: decode(exchanges, registry)),
                "decode to record": timed(lambda: decide(exchanges, registry)),
                "encode": timed(lambda: encode_batch(batch)),
                "whole": whole(case, Path(folder) / "spool"),
            }
        best = {name: min(best.get(name, seconds), seconds) for name, seconds in found.items()}
    return {name: seconds / captured * 1e6 for name, seconds in best.items()}


def cases(exchanges: int) -> list[Case]:
    return [
        http_case("HTTP, JSON, 1 × 40 (0.5 KB)", exchanges, 1, 40),
        http_case("HTTP, JSON, 32 × 40 (12 KB)", exchanges // 8, 32, 40),
        grpc_case("gRPC unary, raw, 1 × 40", exchanges, 40, numbered=False),
        grpc_case("gRPC unary, a new x-request-id in each", exchanges, 40, numbered=True),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exchanges", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    results: dict[str, Any] = {case.name: measure(case, asked.rounds) for case in cases(asked.exchanges)}
    if asked.json:
        print(json.dumps(results, indent=1))
        return 0
    for name, stages in results.items():
        print(f"\n{name}\n{'stage':20}{'µs':>8}{'× json.loads':>14}")
        for stage, microseconds in stages.items():
            print(f"{stage:20}{microseconds:8.1f}{microseconds / stages['json.loads']:14.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
