"""A small language for exchanges, and for what a decoder makes of them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from collectors.decoders.decoder import Decoded, Undecodable
from collectors.decoders.registry import Registry
from collectors.protocols.exchange import Arrivals, Exchange
from collectors.records.packing import unpack
from collectors.records.types import Tensor

MS = 1_000_000


def body(value: Any) -> bytes:
    """JSON of anything but bytes and texts, which are bodies as they are."""
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def exchange(
    target: str,
    request: Any,
    response: Any = b"",
    *,
    status: int = 200,
    request_headers: Mapping[str, str] | None = None,
    response_headers: Mapping[str, str] | None = None,
    method: str = "POST",
    arrivals: Arrivals | None = None,
    aborted: bool = False,
    start_ns: int = MS,
) -> Exchange:
    return Exchange(
        method=method,
        target=target,
        request_headers=request_headers or {},
        response_headers=response_headers or {},
        request_body=body(request),
        response_body=body(response),
        status=status,
        start_ns=start_ns,
        end_ns=start_ns + MS,
        arrivals=arrivals,
        aborted=aborted,
    )


def decode(target: str, request: Any, response: Any = b"", *, registry: Registry | None = None, **rest: Any) -> Decoded:
    """What the decoder of this request line makes of an exchange. Raises Undecodable."""
    whole = exchange(target, request, response, **rest)
    found = (registry or Registry()).find(whole.method, target)
    assert found is not None, target
    return found[0].decode(whole, found[1])


def refusal(target: str, request: Any, response: Any = b"", **rest: Any) -> tuple[str, str]:
    """Reason and place of an exchange that cannot be read."""
    try:
        decoded = decode(target, request, response, **rest)
    except Undecodable as error:
        return error.reason, error.where
    raise AssertionError(decoded)


def values(tensor: Tensor) -> list[Any]:
    """Flat; None where a value is missing."""
    found: Sequence[Any] = tensor.items if tensor.datatype == "BYTES" else unpack(tensor.data, tensor.datatype)
    return [None if position in tensor.missing else value for position, value in enumerate(found)]


def columns(tensors: Sequence[Tensor]) -> dict[str, Any]:
    """Values by name; of shapes beyond one dimension with the shape."""
    return {t.name: values(t) if len(t.shape) == 1 else (t.shape, values(t)) for t in tensors}


def sse(*payloads: Any, done: bool = True, newline: str = "\n") -> bytes:
    """An event stream of JSON payloads."""
    texts = [payload if isinstance(payload, str) else json.dumps(payload) for payload in payloads]
    texts += ["[DONE]"] if done else []
    return "".join(f"data: {text}{newline}{newline}" for text in texts).encode()


def arriving(stream: bytes, every_ms: float, *, first_ms: float, start_ns: int = MS) -> Arrivals:
    """Each event of a stream in a piece of its own, some time after the other."""
    counts, times, at = [], [], 0
    for position, event in enumerate(stream.split(b"\n\n")[:-1]):
        at += len(event) + 2
        counts.append(at)
        times.append(start_ns + round((first_ms + position * every_ms) * MS))
    return Arrivals(counts, times)
