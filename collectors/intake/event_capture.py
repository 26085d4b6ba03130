"""CloudEvents of inference loggers → batches of records: KServe's and Seldon's, whatever order they come in. Pure.

KServe gives both halves of an exchange the same `id`, and its source names no pod: the key is (source, id, component)
with the service. Seldon gives each event an id of its own and joins them by `requestid`. Each exchange becomes a batch
whose identity is made from its key, so that the monitor takes it once however often it comes, over restarts too.
A transformer and a predictor both log the same inference: what is not the predictor's is a model of its own. Payloads of
ModelMesh come the same way, as events that were made of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from collectors.intake.cloudevents import CloudEvent, read_events
from collectors.intake.halves import Halves, Pair, Side
from collectors.intake.modelmesh import REQUEST, RESPONSE, http_status, is_payload, payload_reader, read_payload
from collectors.intake.sniffing import reader_of
from collectors.pipeline import Pipeline, Provenance
from collectors.protocols.exchange import Exchange
from collectors.protocols.heads import KEPT_HEADERS
from collectors.records.types import Batch, Record

TYPES: dict[str, Side] = {
    "org.kubeflow.serving.inference.request": "request",
    "org.kubeflow.serving.inference.response": "response",
    "io.seldon.serving.inference.request": "request",
    "io.seldon.serving.inference.response": "response",
    REQUEST: "request",
    RESPONSE: "response",
}
"""Every type of event that is half an inference. Others, such as feedback, are counted and not read."""

AHEAD_NS_MAX = 3600 * 10**9
"""A sender's clock that is further ahead than this is not believed: the time of arrival is taken."""

NAME_CHARS_MAX = 256
"""Of a model's or version's name, as everywhere."""

_EVENT_BYTES = 1024
"""About what an event weighs beside its data."""

_PREDICTORS = ("", "predictor", "default")
_HEADERS = frozenset(KEPT_HEADERS.values())
_METADATA: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class EventCounts:
    """Since the start: events by what became of them. received = paired * 2 + alone + duplicate + other + waiting."""

    received: int = 0
    paired: int = 0
    alone: int = 0
    duplicate: int = 0
    other: int = 0
    waiting: int = 0


class EventCapture:
    """Reads requests of CloudEvents and hands on a batch for every exchange that is complete, or given up."""

    def __init__(self, pipeline: Pipeline, halves: Halves[CloudEvent] | None = None) -> None:
        self._pipeline = pipeline
        self._halves = Halves() if halves is None else halves
        # Ids of ModelMesh begin anew with each process: one that came before is no duplicate.
        self._payloads: Halves[CloudEvent] = Halves(remembered_max=0)
        self._received = self._paired = self._alone = self._other = 0

    @property
    def counts(self) -> EventCounts:
        duplicates = self._halves.duplicates + self._payloads.duplicates
        waiting = len(self._halves) + len(self._payloads)
        return EventCounts(self._received, self._paired, self._alone, duplicates, self._other, waiting)

    def read(self, headers: Mapping[str, str], body: bytes, now_ns: int) -> list[Batch]:
        """The batches that a request completes. Raises NotCloudEvents, and takes nothing of it then."""
        batches: list[Batch] = []
        payload = read_payload(headers, body)
        for event in read_events(headers, body) if payload is None else [payload]:
            self._received += 1
            side = TYPES.get(event.type)
            if side is None:
                self._other += 1
                continue
            key = key_of(event)
            size = len(event.data) + _EVENT_BYTES
            halves = self._halves if payload is None else self._payloads
            batches += self._batches(halves.add(key, side, event, size=size, now_ns=now_ns), now_ns)
        return batches + self.expire(now_ns)

    def expire(self, now_ns: int) -> list[Batch]:
        """Tell of the halves that stayed alone."""
        return self._batches(self._halves.expire(now_ns) + self._payloads.expire(now_ns), now_ns)

    def _batches(self, pairs: list[Pair[CloudEvent]], now_ns: int) -> list[Batch]:
        return [self._batch(pair, now_ns) for pair in pairs]

    def _batch(self, pair: Pair[CloudEvent], now_ns: int) -> Batch:
        event = pair.request or pair.response
        assert event is not None  # noqa: S101  (a pair has one half at least)
        if pair.alone is None:
            self._paired += 1
        else:
            self._alone += 1
        name = exchange_name(event, now_ns if is_payload(event) else 0)
        exchange = exchange_of(pair, now_ns)
        names = model_of(event)
        found = payload_reader(*names) if is_payload(event) else reader_of(exchange, *names)
        self._pipeline.observed(exchange, found, Provenance(captured_by="cloudevents", name=name))
        records: tuple[Record, ...] = tuple(self._pipeline.take()[0])
        return Batch(sidecar="cloudevents", sequence=int(name[3:], 16), records=records)


def key_of(event: CloudEvent) -> tuple[str, ...]:
    """What both halves of an exchange have in common, and no other exchange."""
    more = event.extensions
    scope = tuple(
        more.get(name, "") for name in ("namespace", "inferenceservicename", "component", "endpoint", "modelid")
    )
    return (event.source, more.get("requestid") or event.id, *scope)


def exchange_name(event: CloudEvent, time_ns: int = 0) -> str:
    """The same one whenever the exchange comes again: 63 bits of a hash of its key, and of a time where that repeats."""
    key = (*key_of(event), time_ns) if time_ns else key_of(event)
    digest = blake2b(msgspec.json.encode(key), digest_size=8).digest()
    return f"ce-{int.from_bytes(digest, 'big') >> 1:016x}"


def model_of(event: CloudEvent) -> tuple[str, str]:
    """Model and version: the service, with its component where that is not the predictor; a canary is a version."""
    more = event.extensions
    name = more.get("inferenceservicename") or more.get("modelid") or "unknown"
    model_id = more.get("modelid", "")
    component = more.get("component", "")
    if component not in _PREDICTORS:
        name = f"{name}-{component}"
    elif model_id and model_id != name and more.get("inferenceservicename"):
        name = f"{name}-{model_id}"
    endpoint = more.get("endpoint", "")
    return name[:NAME_CHARS_MAX], "" if endpoint in ("", "default") else endpoint[:NAME_CHARS_MAX]


def exchange_of(pair: Pair[CloudEvent], now_ns: int) -> Exchange:
    """The pair as an exchange. Media types of responses are not taken over: loggers write the request's there."""
    request, response = pair.request, pair.response
    start_ns = _time(request, now_ns) or _time(response, now_ns) or now_ns
    end_ns = max(start_ns, _time(response, now_ns) or start_ns)
    headers = _request_headers(request or response)
    status = http_status(response) if response and is_payload(response) else 200
    refused = {"grpc-message": response.extensions["status"]} if response and status != 200 else {}
    return Exchange(
        method="POST",
        target="cloudevents",
        request_headers=headers,
        response_headers={"content-encoding": response.encoding} if response and response.encoding else {},
        request_body=request.data if request else b"",
        response_body=response.data if response else b"",
        status=status if response else 0,
        start_ns=start_ns,
        end_ns=end_ns,
        wire_bytes=sum(len(half.data) for half in (request, response) if half),
        damage=pair.damage,
        trailers=refused,
    )


def _time(event: CloudEvent | None, now_ns: int) -> int | None:
    if event is None or event.time_ns is None or not 0 < event.time_ns <= now_ns + AHEAD_NS_MAX:
        return None
    return event.time_ns


def _request_headers(event: CloudEvent | None) -> dict[str, str]:
    """What the request's headers were as far as they tell: the logger's metadata, the trace, and the id."""
    if event is None:
        return {}
    headers: dict[str, str] = {}
    try:
        metadata = _METADATA.decode(event.extensions.get("metadata", "{}"))
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        metadata = {}
    for name, value in metadata.items():
        first = value[0] if isinstance(value, list) and value else value
        if name.lower() in _HEADERS and isinstance(first, str):
            headers[name.lower()] = first
    for lost in ("content-length", "transfer-encoding", "content-encoding", "upgrade"):
        headers.pop(lost, None)  # of the logger's own connection
    if event.encoding:
        headers["content-encoding"] = event.encoding
    if "traceparent" in event.extensions:
        headers.setdefault("traceparent", event.extensions["traceparent"])
    headers["ce-id"] = event.extensions.get("requestid") or event.id
    return headers
