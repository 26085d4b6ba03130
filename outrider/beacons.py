"""Where the halves meet for browsers: the sidecar's redaction of what they tell, behind the monitor's port."""

from __future__ import annotations

import itertools
import math
import threading
import uuid
from typing import Any

import msgspec

from collectors.decoders.decoder import Call, Decoded, Undecodable
from collectors.decoders.identity import DEFAULT_IDS
from collectors.intake.given import Given, decoded_of, weight_of
from collectors.pipeline import Pipeline, Provenance
from collectors.protocols.exchange import Exchange
from collectors.records.types import Batch
from collectors.redaction import RedactionPolicy
from collectors.sampling import SamplingPolicy
from monitor.errors import Fault, InvalidInput
from monitor.ports import ToldByBeacon, ToldLabel

ITEMS_MAX = 100
"""Predictions, and labels, of one message."""
TEXT_CHARS_MAX = 256
"""Of a model's name, a version, an id."""
DURATION_MS_MAX = 3_600_000

_PROVENANCE = Provenance(captured_by="beacon")


class _Prediction(msgspec.Struct, forbid_unknown_fields=True):
    model: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    version: str = ""
    id: str | None = None
    duration_ms: float = 0.0


class _Label(msgspec.Struct, forbid_unknown_fields=True):
    model: str
    id: str
    label: str | int | float | bool


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    predictions: list[_Prediction] = []
    labels: list[_Label] = []


_DECODER = msgspec.json.Decoder(_Message)


class BeaconPipeline:
    """A `monitor.ports.BeaconReader` with the sidecar's default policies: personal data is removed before anything is stored."""

    def __init__(self) -> None:
        self._sidecar = f"beacon-{uuid.uuid4().hex[:16]}"
        self._pipeline = Pipeline(self._sidecar, RedactionPolicy(), SamplingPolicy(), DEFAULT_IDS)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def read(self, body: bytes, now_ns: int) -> ToldByBeacon:
        try:
            message = _DECODER.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput(Fault("body", str(error)[:200], "{predictions: […], labels: […]}")) from error
        _check(message)
        decoded = [_decoded(each, f"predictions[{i}]") for i, each in enumerate(message.predictions)]
        with self._lock:
            # One after the other in time, so that the rows of a message have an order.
            for i, (each, told) in enumerate(zip(decoded, message.predictions, strict=True)):
                exchange = _exchange(each, now_ns + i, round(told.duration_ms * 1e6))
                self._pipeline.observed(exchange, (Given(each), Call(each.model, each.version)), _PROVENANCE)
            records, _ = self._pipeline.take()
            batch = (
                Batch(sidecar=self._sidecar, sequence=next(self._numbers), records=tuple(records)) if decoded else None
            )
        labels = tuple(ToldLabel(f"labels[{i}]", e.model, e.id, e.label) for i, e in enumerate(message.labels))
        return ToldByBeacon(batch, {e.model: f"predictions[{i}]" for i, e in enumerate(message.predictions)}, labels)


def _check(message: _Message) -> None:
    """Raises InvalidInput with every fault."""
    faults = []
    for kind, items in (("predictions", message.predictions), ("labels", message.labels)):
        if len(items) > ITEMS_MAX:
            faults.append(Fault(kind, f"{len(items)} items", f"at most {ITEMS_MAX}"))
        for i, item in enumerate(items):
            for name in ("model", "version", "id"):
                if len(getattr(item, name, None) or "") > TEXT_CHARS_MAX:
                    faults.append(Fault(f"{kind}[{i}].{name}", "a long text", f"at most {TEXT_CHARS_MAX} characters"))
    for i, each in enumerate(message.predictions):
        if not (math.isfinite(each.duration_ms) and 0 <= each.duration_ms <= DURATION_MS_MAX):
            faults.append(Fault(f"predictions[{i}].duration_ms", str(each.duration_ms), f"0 to {DURATION_MS_MAX}"))
    for i, label in enumerate(message.labels):
        if isinstance(label.label, str) and len(label.label) > TEXT_CHARS_MAX:
            faults.append(Fault(f"labels[{i}].label", "a long text", f"at most {TEXT_CHARS_MAX} characters"))
    if faults:
        raise InvalidInput(faults[:ITEMS_MAX])


def _decoded(told: _Prediction, where: str) -> Decoded:
    inputs, outputs = (
        {k: v if isinstance(v, list) else [v] for k, v in each.items()} for each in (told.inputs, told.outputs)
    )
    try:
        return decoded_of(told.model, told.version, told.id, inputs, outputs, None)
    except Undecodable as undecodable:
        raise InvalidInput(
            Fault(f"{where}.{undecodable.where}", undecodable.reason, "values by name, of as many rows each")
        ) from undecodable


def _exchange(decoded: Decoded, start_ns: int, duration_ns: int) -> Exchange:
    return Exchange(
        method="CALL",
        target=decoded.model,
        request_headers={},
        response_headers={},
        request_body=b"",
        response_body=b"",
        status=200,
        start_ns=start_ns,
        end_ns=start_ns + duration_ns,
        wire_bytes=weight_of(decoded),
    )
