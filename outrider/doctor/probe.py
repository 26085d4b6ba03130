"""The probe: one inference over a connection of our own, whose bytes go through the capture pipeline in this process.

So what is shown is what a sidecar in front of this server would store, before any of it is attached.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, prod
from typing import Any, cast
from urllib.parse import quote

from collectors.pipeline import Counts, Pipeline
from collectors.protocols.exchange import Direction
from collectors.records.packing import unpack
from collectors.records.types import Gap, Ledger, Prediction, Tensor
from collectors.redaction import RedactionPolicy
from collectors.sampling import SamplingPolicy
from outrider.doctor.asking import TIMEOUT_SECONDS, Check, NoAnswer, ask, check, split

PROBE_SECONDS = 30.0
"""A cold model may take a while for its first inference."""
RESPONSE_BYTES_MAX = 64 * 1024**2
ELEMENTS_MAX = 1_000_000
"""Elements of a tensor that the probe makes up; models with larger fixed shapes are probed with `--body`."""
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


def body_for(address: str, model: str) -> bytes:
    """An inference request of zeros, by the model's own metadata. Raises NoAnswer with what is missing."""
    answer = ask(address, f"/v2/models/{quote(model, safe='')}")
    metadata = answer.json()
    if answer.status != 200 or not isinstance(metadata, dict) or not isinstance(metadata.get("inputs"), list):
        raise NoAnswer(
            f"/v2/models/{model} answers {answer.status} without the model's inputs: give the request with --body"
        )
    inputs = [_zeros(item) for item in metadata["inputs"] if isinstance(item, dict)]
    if not inputs:
        raise NoAnswer(f"/v2/models/{model} names no inputs: give the request with --body")
    return json.dumps({"id": f"outrider-doctor-{uuid.uuid4().hex[:12]}", "inputs": inputs}).encode()


def _zeros(item: Mapping[str, Any]) -> dict[str, Any]:
    """One row: an axis of any length is 1."""
    asked = item.get("shape") if isinstance(item.get("shape"), list) else [1]
    shape = [n if isinstance(n, int) and n > 0 else 1 for n in cast("list[Any]", asked)]
    if prod(shape) > ELEMENTS_MAX:
        raise NoAnswer(f"input {item.get('name')!r} has {prod(shape)} elements: give the request with --body")
    datatype = str(item.get("datatype", "FP32"))
    value: object = {"BYTES": "", "BOOL": False}.get(datatype, 0.0 if datatype.startswith(("FP", "BF")) else 0)
    return {"name": str(item.get("name", "")), "datatype": datatype, "shape": shape, "data": [value] * prod(shape)}


def probe(address: str, model: str, body: bytes) -> Probed:
    """Send the request, and decode both sides of the connection as the sidecar would."""
    path = f"/v2/models/{quote(model, safe='')}/infer"
    sent_ns = time.time_ns()
    try:
        request, response = _exchange(address, path, body)
    except NoAnswer as error:
        return Probed((check("probe", address, False, str(error)),), None, {})
    pipeline = Pipeline(DEVICE, RedactionPolicy(), SamplingPolicy(), ("body", "x-request-id", "traceparent", "ce-id"))
    pipeline.opened(1, sent_ns)
    pipeline.received(1, Direction.TO_SERVER, request, sent_ns)
    pipeline.received(1, Direction.TO_CLIENT, response, time.time_ns())
    pipeline.closed(1, time.time_ns())
    records, counts = pipeline.take()
    record = next((r for r in records if not isinstance(r, Gap | Ledger)), None)
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


def _exchange(address: str, path: str, body: bytes) -> tuple[bytes, bytes]:
    """The bytes of one request and of its response, as they are on the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nAccept: */*\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    request = head.encode() + body
    response = bytearray()
    try:
        with socket.create_connection(split(address), timeout=TIMEOUT_SECONDS) as connection:
            connection.settimeout(PROBE_SECONDS)
            connection.sendall(request)
            while len(response) <= RESPONSE_BYTES_MAX and (part := connection.recv(65_536)):
                response += part
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(getattr(error, "strerror", None) or str(error) or type(error).__name__) from error
    if not response:
        raise NoAnswer("the connection was closed without an answer")
    return request, bytes(response)


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
