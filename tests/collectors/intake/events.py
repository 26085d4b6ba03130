"""A small language for what inference loggers send."""

import json
from collections.abc import Mapping
from typing import Any

from collectors.decoders.identity import DEFAULT_IDS
from collectors.intake.event_capture import EventCapture
from collectors.intake.halves import Halves
from collectors.pipeline import Pipeline
from collectors.records.types import Batch, Ledger, Prediction
from collectors.redaction import RedactionPolicy
from collectors.sampling import SamplingPolicy

NOW_NS = 1_767_225_600 * 10**9 + 5 * 10**9
REQUEST = {"inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
RESPONSE = {"model_name": "m", "outputs": [{"name": "p", "shape": [2], "datatype": "FP32", "data": [0.25, 0.75]}]}

Sent = tuple[dict[str, str], bytes]


def event_capture(**limits: int) -> EventCapture:
    return EventCapture(Pipeline("car", RedactionPolicy(), SamplingPolicy(), DEFAULT_IDS), Halves(**limits))


def kserve(
    kind: str, id: str = "1", body: object = None, *, content_type: str = "application/json", **more: str
) -> Sent:
    """One half as KServe's agent logs it, in binary mode; underscores in names are left out."""
    if body is None:
        body = REQUEST if kind == "request" else RESPONSE
    headers = {
        "ce-specversion": "1.0",
        "ce-id": id,
        "ce-type": f"org.kubeflow.serving.inference.{kind}",
        "ce-source": "http://localhost:9081/",
        "ce-time": "2026-01-01T00:00:01.5Z" if kind == "request" else "2026-01-01T00:00:01.75Z",
        "ce-inferenceservicename": "income",
        "ce-namespace": "default",
        "ce-component": "predictor",
        "ce-endpoint": "default",
        "content-type": content_type,
    } | {f"ce-{name}": value for name, value in more.items()}
    return headers, body if isinstance(body, bytes) else json.dumps(body).encode()


def seldon(kind: str, id: str, requestid: str, body: object, **more: str) -> Sent:
    """One half as Seldon's request logger sends it: an id of its own, joined by the request's."""
    headers, data = kserve(kind, id, body, **more)
    headers["ce-type"] = f"io.seldon.serving.inference.{kind}"
    del headers["ce-component"]
    return headers | {"ce-requestid": requestid, "ce-modelid": "classifier"}, data


def structured(sent: Sent, data: Mapping[str, Any]) -> dict[str, Any]:
    """The event of a binary request in the JSON format, with these data members."""
    headers, _ = sent
    attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
    return attributes | {"datacontenttype": headers["content-type"]} | dict(data)


def predictions(batches: list[Batch]) -> list[Prediction]:
    return [record for batch in batches for record in batch.records if isinstance(record, Prediction)]


def ledgers(batches: list[Batch]) -> list[Ledger]:
    return [record for batch in batches for record in batch.records if isinstance(record, Ledger)]
