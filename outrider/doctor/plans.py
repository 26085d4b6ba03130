"""What a probe sends to a server of each protocol: the path, and a body made from what the server tells of the model."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, cast
from urllib.parse import quote

from outrider.doctor import messages, servers
from outrider.doctor.asking import NoAnswer, ask
from outrider.doctor.grpc_calls import OK, call
from outrider.doctor.servers import Server

ELEMENTS_MAX = 1_000_000
"""Elements of a tensor that the probe makes up; models with larger fixed shapes are probed with `--body`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A request: to a path of HTTP, or to a method of gRPC, whose body is a message."""

    path: str
    body: bytes
    content_type: str = "application/json"
    is_grpc: bool = False


def plan(address: str, server: Server | None, model: str, body: bytes | None) -> Plan:
    """What to send to `model`; `body` is the user's own. Raises NoAnswer with what is missing."""
    speaks = server.speaks if server is not None else servers.OPEN_INFERENCE
    name = quote(model, safe="")
    if speaks == servers.OPEN_INFERENCE:
        return Plan(f"/v2/models/{name}/infer", body or _of_metadata(address, model))
    if speaks == servers.OPEN_INFERENCE_GRPC:
        return Plan(servers.CALLS[speaks], body or _message(address, model), "application/grpc", is_grpc=True)
    if speaks == servers.OPENAI:
        return Plan(servers.CALLS[speaks], body or _chat(model))
    paths = {
        servers.KSERVE_V1: f"/v1/models/{name}:predict",
        servers.TENSORFLOW: f"/v1/models/{name}:predict",
        servers.TORCHSERVE: f"/predictions/{name}",
        servers.SELDON_V1: servers.CALLS[servers.SELDON_V1],
        servers.INVOCATIONS: servers.CALLS[servers.INVOCATIONS],
    }
    if speaks in (servers.TENSORFLOW_GRPC, servers.TORCHSERVE_GRPC, servers.SELDON_V1_GRPC) and body is not None:
        return Plan(servers.CALLS[speaks], body, "application/grpc", is_grpc=True)
    if body is None or speaks not in paths:
        raise NoAnswer(f"{speaks} does not tell what its models take: give the request with --body")
    return Plan(paths[speaks], body, _media_type(body))


def _media_type(body: bytes) -> str:
    return "application/json" if body.lstrip()[:1] in (b"{", b"[") else "text/csv"


def _chat(model: str) -> bytes:
    asked = {"model": model, "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8}
    return json.dumps(asked).encode()


def _id() -> str:
    return f"outrider-doctor-{uuid.uuid4().hex[:12]}"


def _of_metadata(address: str, model: str) -> bytes:
    """An inference request of zeros, by the model's own metadata."""
    answer = ask(address, f"/v2/models/{quote(model, safe='')}")
    metadata = answer.json()
    if answer.status != 200 or not isinstance(metadata, dict) or not isinstance(metadata.get("inputs"), list):
        raise NoAnswer(
            f"/v2/models/{model} answers {answer.status} without the model's inputs: give the request with --body"
        )
    inputs = [_zeros(item) for item in metadata["inputs"] if isinstance(item, dict)]
    if not inputs:
        raise NoAnswer(f"/v2/models/{model} names no inputs: give the request with --body")
    return json.dumps({"id": _id(), "inputs": inputs}).encode()


def _zeros(item: Mapping[str, Any]) -> dict[str, Any]:
    """One row: an axis of any length is 1."""
    asked = item.get("shape") if isinstance(item.get("shape"), list) else [1]
    shape = [n if isinstance(n, int) and n > 0 else 1 for n in cast("list[Any]", asked)]
    _check_elements(str(item.get("name")), shape)
    datatype = str(item.get("datatype", "FP32"))
    value: object = {"BYTES": "", "BOOL": False}.get(datatype, 0.0 if datatype.startswith(("FP", "BF")) else 0)
    return {"name": str(item.get("name", "")), "datatype": datatype, "shape": shape, "data": [value] * prod(shape)}


def _message(address: str, model: str) -> bytes:
    """The same over gRPC."""
    told = call(address, f"{servers.OIP}ModelMetadata", messages.text_field(1, model))
    inputs = messages.described_inputs(told.message)
    if told.status != OK or not inputs:
        raise NoAnswer(f"ModelMetadata of {model} does not name its inputs ({told.words or 'none'}): use the HTTP port")
    for each in inputs:
        _check_elements(each.name, [size if size > 0 else 1 for size in each.shape])
    return messages.infer_request(model, _id(), inputs)


def _check_elements(name: str, shape: list[int]) -> None:
    if prod(shape) > ELEMENTS_MAX:
        raise NoAnswer(f"input {name!r} has {prod(shape)} elements: give the request with --body")
