"""Any HTTP API that speaks JSON, set up by paths: where its models are called, and where names and values are.

A route says which request lines it is for, and the places of the inputs in the request and of the outputs in the
response. Places with `[*]` have a row for each element; a value without it stands in every row. Nothing else of a body
is taken in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from collectors.decoders.compression import plain_body
from collectors.decoders.decoder import ROWS_MAX, VERSION_CHARS_MAX, Call, Decoded, Undecodable
from collectors.decoders.elements import check_size
from collectors.decoders.json_bodies import refusal_words
from collectors.decoders.json_paths import Path
from collectors.decoders.undeclared import check_cells, tensors_from_rows, value_from_json
from collectors.protocols.exchange import Exchange
from collectors.records.types import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonRoute:
    """One API. `path` is a pattern of request paths; `version` and `id` are places in the response, then the request."""

    path: str
    model: str
    inputs: Mapping[str, Path]
    outputs: Mapping[str, Path]
    method: str = "POST"
    version: Path | None = None
    id: Path | None = None
    model_at: Path | None = None
    """Where the request names its model; `model` is for requests that do not."""


class GenericJson:
    """Decodes what the routes say."""

    name = "generic_json"

    def __init__(self, routes: Sequence[JsonRoute]) -> None:
        self._routes = tuple(routes)

    def call(self, method: str, target: str) -> Call | None:
        """The model of the first route that fits."""
        route = self._route(method, target)
        return Call(route.model) if route else None

    def decode(self, exchange: Exchange, call: Call) -> Decoded:
        """Read a whole exchange. Raises Undecodable."""
        route = self._route(exchange.method, exchange.target)
        if route is None:
            raise Undecodable("request_not_protocol", "request", "no route")
        request = _value(exchange.request_body, exchange.request_headers, "request")
        served = 200 <= exchange.status < 300
        response = _value(exchange.response_body, exchange.response_headers, "response") if served else None
        rows, inputs = _tensors(route.inputs, request, "request")
        outputs = _tensors(route.outputs, response, "response")[1] if served else ()
        check_size(inputs, outputs)
        return Decoded(
            model=_name(route.model_at, request) or call.model,
            version=_name(route.version, response) or _name(route.version, request) or "",
            id=_id(route.id, response) or _id(route.id, request),
            rows=rows,
            inputs=inputs,
            outputs=outputs,
            error=None if served else refusal_words(exchange),
        )

    def _route(self, method: str, target: str) -> JsonRoute | None:
        path = target.partition("?")[0]
        fitting = (route for route in self._routes if route.method == method and fnmatchcase(path, route.path))
        return next(fitting, None)


def _value(body: bytes | bytearray, headers: Mapping[str, str], where: str) -> Any:
    return value_from_json(plain_body(body, headers.get("content-encoding", ""), where), where)


def _tensors(paths: Mapping[str, Path], value: object, where: str) -> tuple[int, tuple[Tensor, ...]]:
    """Rows are what the places with `[*]` have in common. Raises Undecodable."""
    found = {name: path.find(value) for name, path in paths.items()}
    sizes = {len(found[name]) for name, path in paths.items() if path.is_many}
    if len(sizes) > 1:
        raise Undecodable("shape_mismatch", where, f"found places with {sorted(sizes)[:4]} rows")
    rows = sizes.pop() if sizes else 1
    if rows > ROWS_MAX:
        raise Undecodable("record_too_large", where, f"found {rows} rows")
    check_cells(rows * len(paths), where)
    tensors: list[Tensor] = []
    for name, values in found.items():
        filled = values if paths[name].is_many else values * rows
        if any(each is not None for each in filled):
            tensors += tensors_from_rows(name, [{name: each} for each in filled], f"{where}.{name[:40]}")
    return rows, tuple(tensors)


def _name(path: Path | None, value: object) -> str | None:
    found = _id(path, value)
    return found[:VERSION_CHARS_MAX] if found else None


def _id(path: Path | None, value: object) -> str | None:
    """Whole: cut short it would join the wrong label."""
    found = path.find(value)[:1] if path and value is not None else []
    if not found or not isinstance(found[0], str | int) or found[0] == "":
        return None
    return str(found[0])
