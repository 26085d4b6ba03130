"""A line of a SageMaker data-capture file → an exchange and what reads it. Pure.

Input and output have an encoding each: CSV and JSON are text, BASE64 is bytes; what they are is sniffed, because the
observed media type may lack. Batch transform joins the output with its input in one object, under `SageMakerOutput`.
The id is the `inferenceId` where the caller gave one, else the `eventId`: what SageMaker joins ground truth by, too.
"""

from binascii import Error as Base64Error
from binascii import a2b_base64
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import PurePath

import msgspec

from collectors.decoders.decoder import Call, Decoder
from collectors.intake.cloudevents import time_ns_of
from collectors.intake.sniffing import AsCalled, reader_of
from collectors.pipeline import Provenance
from collectors.protocols.exchange import Damage, Exchange

LINE_BYTES_MAX = 64 * 1024 * 1024
"""Of one line; SageMaker's own payloads are at most 25 MiB."""

_JOINED = "SageMakerOutput"


class NotACapture(ValueError):
    """A line that is no capture; the message says where and what was expected."""


@dataclass(frozen=True, slots=True)
class Captured:
    """One exchange of a capture file."""

    exchange: Exchange
    found: tuple[Decoder, Call]
    provenance: Provenance


class _Side(msgspec.Struct):
    data: str
    encoding: str = "BASE64"
    observed: str | None = msgspec.field(name="observedContentType", default=None)


class _Data(msgspec.Struct):
    endpoint_input: _Side | None = msgspec.field(name="endpointInput", default=None)
    endpoint_output: _Side | None = msgspec.field(name="endpointOutput", default=None)
    batch_input: _Side | None = msgspec.field(name="batchTransformInput", default=None)
    batch_output: _Side | None = msgspec.field(name="batchTransformOutput", default=None)


class _Metadata(msgspec.Struct):
    event: str = msgspec.field(name="eventId")
    inference: str | None = msgspec.field(name="inferenceId", default=None)
    time: str | None = msgspec.field(name="inferenceTime", default=None)


class _Line(msgspec.Struct):
    data: _Data = msgspec.field(name="captureData")
    metadata: _Metadata = msgspec.field(name="eventMetadata")


_LINE = msgspec.json.Decoder(_Line)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_line(line: bytes, model: str, version: str, now_ns: int) -> Captured:
    """The exchange of one line; a time that is not there is now. Raises NotACapture."""
    if len(line) > LINE_BYTES_MAX:
        raise NotACapture(f"line: found {len(line)} bytes, expected at most {LINE_BYTES_MAX}")
    try:
        read = _LINE.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotACapture(f"line: {error}, expected a line of SageMaker data capture") from error
    data = read.data
    asked, answered = data.endpoint_input or data.batch_input, data.endpoint_output or data.batch_output
    request, response = _bytes_of(asked, "input"), _bytes_of(answered, "output")
    if asked is None and answered is not None:
        request, response = _apart(response)
    time_ns = time_ns_of(read.metadata.time or "") or now_ns
    damage: Damage | None = None
    if answered is None:
        damage = "no_response"
    elif not request:
        damage = "no_request"
    exchange = Exchange(
        method="POST",
        target="/invocations",
        request_headers={"content-type": asked.observed or ""} if asked else {},
        response_headers={"content-type": answered.observed or ""} if answered else {},
        request_body=request,
        response_body=response,
        status=200,
        start_ns=time_ns,
        end_ns=time_ns,
        wire_bytes=len(line),
        damage=damage,
    )
    decoder, call = reader_of(exchange, model, version)
    found = (AsCalled(decoder, read.metadata.inference or read.metadata.event), call)
    name = exchange_name(model, version, read.metadata.event)
    return Captured(exchange, found, Provenance(captured_by="file", name=name))


def exchange_name(model: str, version: str, event: str) -> str:
    """63 bits of a hash of what SageMaker names it by: the same in whichever file it comes, however often that is read."""
    digest = blake2b(msgspec.json.encode((model, version, event)), digest_size=8).digest()
    return f"file-{int.from_bytes(digest, 'big') >> 1:016x}"


def names_of(path: PurePath) -> tuple[str, str] | None:
    """Endpoint and variant of a file as SageMaker lays them out: `…/ENDPOINT/VARIANT/yyyy/mm/dd/hh/FILE`.

    >>> names_of(PurePath("capture/churn/AllTraffic/2022/04/18/00/1.jsonl"))
    ('churn', 'AllTraffic')
    """
    parts = path.parts
    if len(parts) < 7 or not all(part.isdigit() for part in parts[-5:-1]):
        return None
    return parts[-7], parts[-6]


def _bytes_of(side: _Side | None, where: str) -> bytes:
    if side is None:
        return b""
    if side.encoding.upper() != "BASE64":
        return side.data.encode("utf-8", "surrogatepass")
    try:
        return a2b_base64(side.data, strict_mode=True)
    except (Base64Error, ValueError) as error:
        raise NotACapture(f"{where}.data: {error}, expected base64") from error


def _apart(joined: bytes) -> tuple[bytes, bytes]:
    """Input and output of batch transform's joined object; no input where it is not that."""
    try:
        members = _MEMBERS.decode(joined)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return b"", joined
    output = members.pop(_JOINED, None)
    if output is None or not members:
        return b"", joined
    return msgspec.json.encode(members), bytes(output)
