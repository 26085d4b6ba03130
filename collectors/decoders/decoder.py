"""The door of a decoder, and the values that pass through it."""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import msgspec

from collectors.protocols.exchange import Exchange
from collectors.records.types import Fidelity, Tensor

ROWS_MAX = 1_000_000
"""Predictions in one exchange; a first dimension beyond it is not a batch."""

TENSORS_MAX = 16_384
"""Tensors in one message: a column each, in the widest tables."""

VERSION_CHARS_MAX = 256
"""Longest name of a model or version."""

Reason = Literal[
    "request_not_json",
    "request_not_protocol",
    "response_not_json",
    "response_not_protocol",
    "datatype_unknown",
    "shape_mismatch",
    "shape_invalid",
    "element_type",
    "element_range",
    "binary_size",
    "shared_memory",
    "content_encoding",
    "inflated_too_large",
    "record_too_large",
]
"""Why a whole exchange could not be decoded. Bounded, because it is a label in telemetry."""


class Undecodable(ValueError):
    """A body that is not what its API says; `where` is the place in it, such as `request.inputs[0].data`."""

    def __init__(self, reason: Reason, where: str, detail: str = "") -> None:
        super().__init__(f"{where}: {detail or reason}")
        self.reason: Reason = reason
        self.where = where
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Call:
    """The model that a request line calls; empty where the body tells it."""

    model: str
    version: str = ""


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """What one exchange says: `id` is the one the body carries, `error` the server's words where it refused."""

    model: str
    version: str
    id: str | None
    rows: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    error: str | None = None
    fidelity: Fidelity = "full"


class Decoder(Protocol):
    """One serving API."""

    name: str

    def call(self, method: str, target: str) -> Call | None:
        """The model this request line calls, or None where it is no inference of this API."""
        ...

    def decode(self, exchange: Exchange, call: Call) -> Decoded:
        """Read a whole exchange. Raises Undecodable."""
        ...


@runtime_checkable
class NamedInMessage(Protocol):
    """A decoder whose request lines do not name the model."""

    def named(self, exchange: Exchange) -> Call:
        """The model that an undamaged exchange calls, without reading more of it. Raises Undecodable."""
        ...
