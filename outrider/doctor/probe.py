"""The probe: one inference over a connection of our own, whose bytes go through the capture pipeline in this process.

So what is shown is what a sidecar in front of this server would store, before any of it is attached.
"""

from __future__ import annotations

import http.client
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from collectors.pipeline import Counts, Pipeline
from collectors.protocols.exchange import Direction
from collectors.records.packing import unpack
from collectors.records.types import Prediction, Tensor
from collectors.redaction import RedactionPolicy
from collectors.sampling import SamplingPolicy
from outrider.doctor.asking import TIMEOUT_SECONDS, Check, NoAnswer, check, split
from outrider.doctor.grpc_calls import call
from outrider.doctor.plans import Plan

PROBE_SECONDS = 30.0
"""A cold model may take a while for its first inference."""
RESPONSE_BYTES_MAX = 64 * 1024**2
VALUES_SHOWN = 8
DEVICE = "doctor"


@dataclass(frozen=True, slots=True)
class Probed:
    """What was sent, what came back, and what the pipeline made of it."""

    checks: tuple[Check, ...]
    record: Prediction | None
    counts: Mapping[str, int]

    def document(self) -> dict[str, Any]:
        return {"record": record_document(self.record) if self.record else None, "exchanges": dict(self.counts)}


def probe(address: str, plan: Plan) -> Probed:
    """Send the request, and decode both sides of the connection as the sidecar would."""
    sent_ns = time.time_ns()
    try:
        if plan.is_grpc:
            called = call(address, plan.path, plan.body, timeout_s=PROBE_SECONDS)
            request, response = called.sent, bytes(called.received)
        else:
            request, response = _exchange(address, plan)
    except NoAnswer as error:
        return Probed((check("probe", address, False, str(error)),), None, {})
    pipeline = Pipeline(DEVICE, RedactionPolicy(), SamplingPolicy(), ("body", "x-request-id", "traceparent", "ce-id"))
    pipeline.opened(1, sent_ns)
    pipeline.received(1, Direction.TO_SERVER, request, sent_ns)
    pipeline.received(1, Direction.TO_CLIENT, response, time.time_ns())
    pipeline.closed(1, time.time_ns())
    records, counts = pipeline.take()
    record = next((r for r in records if isinstance(r, Prediction)), None)
    outcomes = {" ".join(filter(None, key)): count for key, count in counts.exchanges.items()}
    return Probed(_checks(address, record, counts, outcomes), record, outcomes)


def _checks(address: str, record: Prediction | None, counts: Counts, outcomes: Mapping[str, int]) -> tuple[Check, ...]:
    if record is None:
        faults = "; ".join(f"{f.reason} at {f.where}: {f.detail}" for f in counts.faults)
        told = faults or ", ".join(outcomes) or "nothing was seen"
        return (check("probe is captured", address, False, told),)
    served = 200 <= record.status < 300
    answered = f"status {record.status}" + (f": {record.error}" if record.error else "")
    rows = "1 prediction" if record.rows == 1 else f"{record.rows} predictions"
    return (
        check("probe is served", address, served, answered),
        check("probe is captured", address, True, f"{rows}, id {record.id} (from {record.id_source})"),
    )


def _exchange(address: str, plan: Plan) -> tuple[bytes, bytes]:
    """The bytes of one request and of its response, as they are on the wire."""
    head = (
        f"POST {plan.path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {plan.content_type}\r\nAccept: */*\r\n"
        f"Content-Length: {len(plan.body)}\r\nConnection: close\r\n\r\n"
    )
    request = head.encode() + plan.body
    response = bytearray()
    try:
        with socket.create_connection(split(address), timeout=TIMEOUT_SECONDS) as connection:
            connection.settimeout(PROBE_SECONDS)
            connection.sendall(request)
            while not _is_whole(response) and (part := connection.recv(65_536)):
                response += part
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(getattr(error, "strerror", None) or str(error) or type(error).__name__) from error
    if not response:
        raise NoAnswer("the connection was closed without an answer")
    return request, bytes(response)


def _is_whole(response: bytearray) -> bool:
    """Whether nothing more is awaited: not every server closes when it is asked to, SageMaker's does not."""
    if len(response) > RESPONSE_BYTES_MAX:
        return True
    head, ended, body = bytes(response).partition(b"\r\n\r\n")
    if not ended:
        return False
    length = re.search(rb"(?i)\r\ncontent-length: *([0-9]{1,12})", head)
    if length:
        return len(body) >= int(length[1])
    return b"chunked" in head.lower() and body.endswith(b"0\r\n\r\n")


def record_document(record: Prediction) -> dict[str, Any]:
    """The record as it would be stored, values shortened."""
    return {
        "id": record.id,
        "id_source": record.id_source,
        "model": record.model,
        "version": record.version or None,
        "status": record.status,
        "error": record.error,
        "rows": record.rows,
        "inputs": [_tensor(t) for t in record.inputs],
        "outputs": [_tensor(t) for t in record.outputs],
    }


def _tensor(tensor: Tensor) -> dict[str, Any]:
    values: list[Any] = list(tensor.items) if tensor.datatype == "BYTES" else list(unpack(tensor.data, tensor.datatype))
    shown = [
        v if isinstance(v, str | int) or (isinstance(v, float) and isfinite(v)) else str(v)
        for v in values[:VALUES_SHOWN]
    ]
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape), "values": shown}
