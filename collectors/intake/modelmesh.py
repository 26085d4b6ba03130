"""ModelMesh's payload processor: one JSON document for each half of an exchange, with the gRPC message in it. Pure.

A payload becomes an event, so that its halves meet as those of CloudEvents do. Ids count up in each pod: they are told
apart by their sender. `data` is the message in base64 without gRPC's framing, `status` the name of gRPC's code.
"""

from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Mapping

import msgspec

from collectors.decoders.decoder import Call, Decoder
from collectors.decoders.open_inference_grpc import OpenInferenceGrpc
from collectors.intake.cloudevents import BODY_BYTES_MAX, CloudEvent, NotCloudEvents
from collectors.intake.sniffing import AsCalled
from collectors.protocols.grpc import HTTP_STATUS

REQUEST, RESPONSE = "modelmesh.payload.request", "modelmesh.payload.response"
SENDER = "outrider-sender"
"""Under this name whoever took the request says from where it came, beside its headers."""

_CODES = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)
"""gRPC's codes by their number (google/rpc/code.proto)."""
_SUFFIX = "__isvc"
"""What KServe adds to the name of a service, with a hash behind it."""


class _Payload(msgspec.Struct):
    id: str | int
    modelid: str
    kind: str
    vModelId: str | None = None  # noqa: N815  (the sender's name)
    data: str | None = None
    status: str | None = None
    metadata: dict[str, str] | None = None


_PAYLOAD = msgspec.json.Decoder(_Payload)


def read_payload(headers: Mapping[str, str], body: bytes) -> CloudEvent | None:
    """The half of an exchange in a request; None where it is no such payload. Raises NotCloudEvents."""
    if any(name.startswith("ce-") for name in headers) or "cloudevents" in headers.get("content-type", ""):
        return None
    if b'"modelid"' not in body or len(body) > BODY_BYTES_MAX:
        return None
    try:
        payload = _PAYLOAD.decode(body)
        data = a2b_base64(payload.data or "")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotCloudEvents("body", str(error)[:200], "a payload of ModelMesh") from error
    except (Base64Error, ValueError) as error:
        raise NotCloudEvents("body.data", str(error)[:80], "bytes in base64") from error
    if payload.kind.lower() not in ("request", "response"):
        raise NotCloudEvents("body.kind", repr(payload.kind[:20]), "request or response")
    extensions = {
        "inferenceservicename": payload.vModelId or payload.modelid.partition(_SUFFIX)[0],
        "status": payload.status or "",
        "metadata": msgspec.json.encode(payload.metadata or {}).decode(),
    }
    return CloudEvent(
        id=str(payload.id),
        source=f"modelmesh:{headers.get(SENDER, '')}",
        type=REQUEST if payload.kind.lower() == "request" else RESPONSE,
        extensions=extensions,
        data=b"\0" + len(data).to_bytes(4, "big") + data,
    )


def is_payload(event: CloudEvent) -> bool:
    """Whether an event was made of a payload."""
    return event.type in (REQUEST, RESPONSE)


def http_status(event: CloudEvent) -> int:
    """The HTTP status that means the same as the response's code."""
    name = event.extensions.get("status") or "OK"
    return HTTP_STATUS[_CODES.index(name)] if name in _CODES else HTTP_STATUS[2]


def payload_reader(model: str, version: str) -> tuple[Decoder, Call]:
    """What reads the message: the Open Inference Protocol over gRPC, under the name that the payload gives."""
    return AsCalled(OpenInferenceGrpc()), Call(model, version)
